//! Time under the checker. A patient clock lets it pass only when no thread can go on, up to the next
//! time-out: a model in which it has not passed needed none, and a wake-up that was lost shows as time,
//! or as a deadlock. A hasty one lets short time-outs come at any moment, a number of times.

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
    /// What each wakes, and whether it is over: it stays until whoever waits has seen that.
    timers: BTreeMap<(Duration, u64), (Arc<Condvar>, bool)>,
    timers_made: u64,
    /// How many threads of each name were started, and how many have not ended.
    threads: BTreeMap<String, (usize, usize)>,
    no_more_threads: bool,
    hasty: bool,
    early: u32,
    over: bool,
}

/// How often time-outs come early, at most: a schedule may prefer the clock to everybody else.
const EARLY: u32 = 50;

/// The longest time-out that comes early: none of those that only a broken daemon needs.
const SHORT: Duration = Duration::from_millis(500);

impl World {
    fn may_hurry(&self) -> bool {
        let next = self.timers.first_key_value().map(|((at, _), _)| *at);
        let soon = next.is_some_and(|at| at.saturating_sub(self.now) <= SHORT);
        self.hasty && soon && self.early < EARLY
    }
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
        world.timers.insert(key, (wakes, false));
        Timer(key)
    })
}

impl Timer {
    pub fn is_over(&self) -> bool {
        with(|world| world.timers[&self.0].1)
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
    pub(crate) fn run(hasty: bool, model: impl FnOnce()) {
        with(|world| {
            *world = World {
                hasty,
                ..World::default()
            };
        });
        let clock = shuttle::thread::spawn(pass);
        model();
        with(|world| world.over = true);
        clock.join().unwrap();
    }

    /// How much time has passed since the model's start.
    pub(crate) fn elapsed() -> Duration {
        with(|world| world.now)
    }

    /// Whether time-outs come early.
    pub(crate) fn is_hasty() -> bool {
        with(|world| world.hasty)
    }

    /// No more time than this was needed.
    #[track_caller]
    pub(crate) fn at_most(time: Duration) {
        let now = Clock::elapsed();
        assert!(now <= time || Clock::is_hasty(), "{now:?} were needed");
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

/// Runs when nobody else can, or, where it is hasty, when somebody waits.
fn pass() {
    loop {
        let next = with(|world| {
            let Some(mut first) = world.timers.first_entry() else {
                let left = world.threads.iter().filter(|(_, (_, alive))| *alive > 0);
                let left: Vec<&String> = left.map(|(name, _)| name).collect();
                assert!(
                    world.over,
                    "nobody can go on, and nothing will wake: {left:?}"
                );
                assert!(left.is_empty(), "threads never end: {left:?}");
                return None;
            };
            let (at, _) = *first.key();
            let (wakes, over) = first.get_mut();
            *over = true;
            let wakes = Arc::clone(wakes);
            world.now = world.now.max(at);
            world.early += 1;
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

/// A scheduler that keeps the clock for its time.
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
        let others: Vec<&Task> = runnable
            .iter()
            .copied()
            .filter(|task| !is_clock(task))
            .collect();
        match others.as_slice() {
            [] => self.0.next_task(runnable, current, yields),
            _ if with(|world| world.may_hurry()) => self.0.next_task(runnable, current, yields),
            others => self.0.next_task(others, current, yields),
        }
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }
}
