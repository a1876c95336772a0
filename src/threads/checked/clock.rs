//! Time under the checker: it passes only when no thread can go on, up to the next time-out. So a model
//! in which it has not passed needed none, and a wake-up that was lost shows as time, or as a deadlock.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::ops::Add;
use std::sync::Arc;
use std::time::Duration;

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use shuttle::sync::Condvar;

/// A moment of the checked world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(Duration);

impl Instant {
    pub fn now() -> Instant {
        Instant(with(|world| world.now))
    }

    pub fn elapsed(&self) -> Duration {
        Instant::now().duration_since(*self)
    }

    pub fn duration_since(&self, earlier: Instant) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    pub fn saturating_duration_since(&self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }

    pub fn checked_add(&self, time: Duration) -> Option<Instant> {
        self.0.checked_add(time).map(Instant)
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, time: Duration) -> Instant {
        Instant(self.0 + time)
    }
}

#[derive(Default)]
struct World {
    now: Duration,
    timers: BTreeMap<(Duration, u64), Arc<Condvar>>,
    timers_made: u64,
    /// How many threads of each name were started, and how many have not ended.
    threads: BTreeMap<String, (usize, usize)>,
    no_more_threads: bool,
    over: bool,
}

thread_local! {
    // The checker runs all threads of a model on one thread of the system.
    static WORLD: RefCell<World> = RefCell::default();
}

fn with<T>(look: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with(|world| look(&mut world.borrow_mut()))
}

/// A time-out that is waited for.
pub(super) struct Timer((Duration, u64));

pub(super) fn timer(patience: Duration, wakes: Arc<Condvar>) -> Timer {
    with(|world| {
        world.timers_made += 1;
        let key = (world.now.saturating_add(patience), world.timers_made);
        world.timers.insert(key, wakes);
        Timer(key)
    })
}

impl Timer {
    pub fn is_over(&self) -> bool {
        with(|world| !world.timers.contains_key(&self.0))
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        with(|world| world.timers.remove(&self.0));
    }
}

/// A thread that has not ended.
pub(super) struct Alive(String);

pub(super) fn thread(name: &str) -> io::Result<Alive> {
    with(|world| {
        if world.no_more_threads {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let (started, alive) = world.threads.entry(name.to_owned()).or_default();
        *started += 1;
        *alive += 1;
        Ok(Alive(name.to_owned()))
    })
}

impl Drop for Alive {
    fn drop(&mut self) {
        with(|world| {
            if let Some((_, alive)) = world.threads.get_mut(&self.0) {
                *alive -= 1;
            }
        });
    }
}

/// A model's own view of the checked world.
pub(crate) struct Clock;

impl Clock {
    /// Runs a model in a new world. Whatever thread it has started must have ended when nothing is left
    /// to do after it.
    pub(crate) fn run(model: impl FnOnce()) {
        with(|world| *world = World::default());
        let clock = shuttle::thread::spawn(pass);
        model();
        with(|world| world.over = true);
        clock.join().unwrap();
    }

    /// How much time has passed since the model's start.
    pub(crate) fn elapsed() -> Duration {
        with(|world| world.now)
    }

    /// How many threads of that name were started.
    pub(crate) fn started(name: &str) -> usize {
        with(|world| world.threads.get(name).map_or(0, |(started, _)| *started))
    }

    /// From now on there is no thread left.
    pub(crate) fn refuse_threads() {
        with(|world| world.no_more_threads = true);
    }
}

/// Runs only when nobody else can.
fn pass() {
    loop {
        let next = with(|world| {
            let Some(((at, _), wakes)) = world.timers.pop_first() else {
                let left = world.threads.iter().filter(|(_, (_, alive))| *alive > 0);
                let left: Vec<&String> = left.map(|(name, _)| name).collect();
                assert!(world.over, "nobody can go on, and nothing will wake: {left:?}");
                assert!(left.is_empty(), "threads never end: {left:?}");
                return None;
            };
            world.now = world.now.max(at);
            Some(wakes)
        });
        match next {
            Some(wakes) => {
                wakes.notify_all();
                shuttle::thread::yield_now();
            }
            None => return,
        }
    }
}

/// A scheduler that leaves the clock for when nobody else can go on.
#[derive(Debug)]
pub(crate) struct Patient<S>(pub S);

/// The first thread that a model starts.
const CLOCK: usize = 1;

impl<S: Scheduler> Scheduler for Patient<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.0.new_execution()
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        yields: bool,
    ) -> Option<TaskId> {
        let is_clock = |task: &&Task| usize::from(task.id()) == CLOCK;
        let others: Vec<&Task> = runnable.iter().copied().filter(|task| !is_clock(task)).collect();
        match others.as_slice() {
            [] => self.0.next_task(runnable, current, yields),
            others => self.0.next_task(others, current, yields),
        }
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }
}
