//! How a model is run: its schedules, its seed, and the figures it leaves.

use std::time::{Duration, Instant};

use shuttle::scheduler::{DfsScheduler, PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, MaxSteps, Runner};

use crate::threads::checked::{Clock, Patient};

/// Schedules of each kind where `MOCKPILOT_ROUNDS` does not say.
const ROUNDS: usize = 300;

/// Schedules that a full search tries for one of `MOCKPILOT_ROUNDS`, at most.
const DEPTH_FIRST: usize = 20;

/// Steps after which a schedule counts as a loop without end.
const STEPS: usize = 200_000;

/// Stack of a thread, in bytes.
const STACK: usize = 512 * 1024;

fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect(name))
}

/// Tries a model under random schedules, and under those that change priorities few times.
pub fn explore(name: &str, model: fn()) {
    let rounds = from_environment("MOCKPILOT_ROUNDS", ROUNDS as u64) as usize;
    let seed = from_environment("MOCKPILOT_SEED", 1);
    println!("races: model {name}: seed {seed}");
    let started = Instant::now();
    let random = run(RandomScheduler::new_from_seed(seed, rounds), model);
    let few = run(PctScheduler::new_from_seed(seed, 3, rounds), model);
    let more = run(PctScheduler::new_from_seed(seed, 6, rounds), model);
    told(name, started, &format!("{random} random, {few} + {more} of 3 + 6 priorities"));
}

/// Tries a model under every schedule, if the budget allows, after those of [`explore`].
pub fn exhaust(name: &str, model: fn()) {
    explore(name, model);
    let rounds = from_environment("MOCKPILOT_ROUNDS", ROUNDS as u64) as usize * DEPTH_FIRST;
    let started = Instant::now();
    let count = run(DfsScheduler::new(Some(rounds), true), model);
    let whole = if count < rounds { "all" } else { "the first" };
    told(name, started, &format!("{whole} {count} depth first"));
}

fn run(scheduler: impl Scheduler + 'static, model: fn()) -> usize {
    let mut config = Config::new();
    config.stack_size = STACK;
    config.max_steps = MaxSteps::FailAfter(STEPS);
    config.silence_warnings = true;
    Runner::new(Patient(scheduler), config).run(move || Clock::run(model))
}

fn told(name: &str, started: Instant, what: &str) {
    let took = Duration::from_millis(started.elapsed().as_millis() as u64);
    println!("races: model {name}: {what}, in {took:?}");
}
