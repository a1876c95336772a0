//! Both daemons under load at once, and what is made of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use super::client::{arrive, number};
use super::connection::Connection;
use super::curve::Curve;
use super::journal::Journal;
use super::plan::{CLIENTS, Plan};
use super::process::{Sample, has_open, has_thread};
use super::scenario::scenario;
use super::staller::stall;
use super::steering::Steering;
use super::streams::destination;
use super::support::{Binary, TempDir, first_frame};
use super::worker::work;
use super::world::{Failure, OWN, World, block, peer};

/// How long threads and descriptors have to be back at what they were.
const BACK: Duration = Duration::from_secs(20);

/// One daemon with all that belongs to it.
pub struct Side {
    pub world: World,
    daemon: Binary,
    fifo: PathBuf,
    pub journal: Option<Journal>,
    pub curve: Curve,
}

impl Side {
    fn start(
        plan: Plan,
        lenient: bool,
        failure: &Arc<Failure>,
        block: &Arc<Vec<u8>>,
    ) -> Result<Side, String> {
        let directory = TempDir::new();
        let fifo = directory.join("j");
        let made = Command::new("mkfifo").arg(&fifo).status();
        if !made.as_ref().is_ok_and(|status| status.success()) {
            return Err(format!("mkfifo {}: {made:?}", fifo.display()));
        }
        let scenario = scenario(lenient).to_string();
        std::fs::write(directory.join("scenario.json"), scenario)
            .map_err(|error| format!("scenario: {error}"))?;
        let patience = format!("{}ms", plan.write_timeout.as_millis());
        let (failure, block) = (Arc::clone(failure), Arc::clone(block));
        let world = World::new(plan, lenient, directory.path(), failure, block);
        let mut daemon = Binary::launch_in(
            directory,
            &[
                "--control",
                "c",
                "--journal",
                "j",
                "-q",
                "--exit-with-parent",
                "--seed",
                &plan.seed.to_string(),
                "--write-timeout",
                &patience,
                "--scenario",
                "scenario.json",
            ],
        );
        daemon.wait_for_socket();
        let before = Sample::default();
        Ok(Side {
            world,
            daemon,
            fifo,
            journal: None,
            curve: Curve {
                before,
                samples: Vec::new(),
                after: before,
            },
        })
    }

    pub fn sample(&self, requests: u64) -> Result<Sample, String> {
        Sample::take(self.daemon.pid(), self.world.started.elapsed(), requests)
    }

    /// Has the daemon serve somebody who leaves: then what it is without clients is known.
    fn warm_up(&mut self) -> Result<(), String> {
        let (mut connection, _) = arrive(&self.world)?;
        connection.add(0x03, &[&destination(0, peer(0, 0), 98)]);
        read_until(&mut connection, 0x0A)?;
        drop(connection);
        let pid = self.daemon.pid();
        self.wait_until(|_| {
            has_open(pid, &self.fifo) && !has_thread(pid, "client") && !has_thread(pid, "push")
        })?;
        self.curve.before = self.sample(0)?;
        Ok(())
    }

    /// Waits until the process is so, or there is no more time for that.
    fn wait_until(&self, is_so: impl Fn(&Sample) -> bool) -> Result<Sample, String> {
        let end = Instant::now() + BACK;
        loop {
            let sample = self.sample(0)?;
            if is_so(&sample) || Instant::now() >= end {
                return Ok(sample);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for what the clients have left to go, ends the daemon and compares the books.
    fn end(&mut self) -> Result<(), String> {
        let before = self.curve.before;
        self.curve.after = self.wait_until(|after| {
            (after.threads, after.descriptors) == (before.threads, before.descriptors)
        })?;
        let status = self.daemon.terminate();
        match status.success() && self.daemon.stderr().is_empty() {
            true => Ok(()),
            false => Err(format!(
                "the daemon ended with {status}: {}",
                self.daemon.stderr()
            )),
        }
    }

    fn check_books(&self) -> Result<(), String> {
        let journal = self.journal.as_ref().ok_or("there is no journal")?;
        for record in &*self.world.records.lock().unwrap() {
            journal.compare(record)?;
        }
        let long = self.world.plan.long;
        self.world.tally.lock().unwrap().check(long)
    }
}

fn read_until(connection: &mut Connection, wanted: u8) -> Result<(), String> {
    loop {
        connection.exchange(BACK)?;
        let input = std::mem::take(&mut connection.input);
        let mut rest = &input[..];
        while let Some((code, payload, behind)) = first_frame(rest) {
            rest = behind;
            if code == wanted {
                return Ok(());
            }
            if code != 0x0C || number(&payload[2..]) == OWN {
                return Err(format!("a frame {code:#04x} before anything was asked"));
            }
        }
        connection.input = rest.to_vec();
        if connection.ended {
            return Err("the daemon has closed the first client".to_owned());
        }
    }
}

/// Runs something whose failure ends everything.
fn guard(side: &str, who: &str, failure: &Failure, run: impl FnOnce() -> Result<(), String>) {
    let result = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text
            .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
            .unwrap_or_default())
    });
    if let Err(clause) = result {
        failure.note(format!("{side}, {who}: {clause}"));
    }
}

/// The whole run. Gives both sides for the figures.
pub fn run(plan: Plan) -> (Vec<Side>, Result<(), String>) {
    let failure = Arc::new(Failure::default());
    let block = block(plan.seed);
    let mut sides = Vec::new();
    for lenient in [true, false] {
        match Side::start(plan, lenient, &failure, &block) {
            Ok(side) => sides.push(side),
            Err(clause) => return (sides, Err(clause)),
        }
    }
    let fifos: Vec<PathBuf> = sides.iter().map(|side| side.fifo.clone()).collect();
    let readers: Vec<_> = fifos
        .into_iter()
        .map(|fifo| thread::spawn(move || Journal::read(&fifo)))
        .collect();
    for side in &mut sides {
        let profile = side.world.profile();
        let failure = Arc::clone(&failure);
        guard(profile, "first client", &failure, || side.warm_up());
        side.world.started = Instant::now();
    }
    load(plan, &mut sides, &failure);
    for side in &mut sides {
        let profile = side.world.profile();
        guard(profile, "daemon", &failure, || side.end());
    }
    for (side, reader) in sides.iter_mut().zip(readers) {
        let profile = side.world.profile();
        let journal = reader.join();
        guard(profile, "journal", &failure, || {
            side.journal = Some(journal.map_err(|_| "its reader has panicked")??);
            side.check_books()
        });
        guard(profile, "process", &failure, || {
            side.curve.verdict(plan.bounds).map(drop)
        });
    }
    (sides, failure.check())
}

/// All clients of both daemons, and looks at their processes meanwhile.
fn load(plan: Plan, sides: &mut [Side], failure: &Arc<Failure>) {
    let mut samples = vec![Vec::new(); sides.len()];
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for side in &*sides {
            let world = &side.world;
            for me in 0..=CLIENTS {
                let name = format!("{} {me}", world.profile());
                let run = move || {
                    guard(
                        world.profile(),
                        &format!("client {me}"),
                        &world.failure,
                        || match me {
                            CLIENTS => Steering::new(world).run(),
                            _ if me == CLIENTS - 1 => stall(world),
                            _ => work(world, me),
                        },
                    );
                };
                let thread = thread::Builder::new().name(name).spawn_scoped(scope, run);
                threads.push(thread.expect("a thread"));
            }
        }
        let (started, mut told) = (Instant::now(), Duration::ZERO);
        while !threads.iter().all(thread::ScopedJoinHandle::is_finished) {
            thread::sleep(plan.sample);
            let requests = sides
                .iter()
                .map(|side| side.world.requests.load(SeqCst))
                .sum();
            for (side, samples) in sides.iter().zip(&mut samples) {
                match side.sample(requests) {
                    Ok(sample) => samples.push(sample),
                    Err(clause) => failure.note(format!("{}: {clause}", side.world.profile())),
                }
            }
            if started.elapsed() >= told + plan.progress {
                told = started.elapsed();
                progress(told, requests, &samples);
            }
        }
    });
    for (side, samples) in sides.iter_mut().zip(samples) {
        side.curve.samples = samples;
    }
}

fn progress(at: Duration, requests: u64, samples: &[Vec<Sample>]) {
    let last = samples.iter().filter_map(|samples| samples.last());
    let memory: Vec<String> = last
        .map(|s| {
            format!(
                "{} KiB, {} threads, {} descriptors",
                s.rss_kib, s.threads, s.descriptors
            )
        })
        .collect();
    let rate = requests as f64 / at.as_secs_f64();
    println!(
        "soak: {:.0} s, {requests} requests ({rate:.0} a second); {}",
        at.as_secs_f64(),
        memory.join("; ")
    );
}
