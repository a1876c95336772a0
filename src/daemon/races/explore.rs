//! How a model is run: its schedules, its seed, and the figures it leaves.

use std::time::{Duration, Instant};

use shuttle::scheduler::{DfsScheduler, PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, MaxSteps, Runner};

use crate::threads::checked::{Clock, Patient};

/// Schedules of each kind where `MOCKPILOT_ROUNDS` does not say.
const ROUNDS: u64 = 300;

/// Schedules that a full search tries for one of `MOCKPILOT_ROUNDS`, at most.
const DEPTH_FIRST: u64 = 20;

/// Steps after which a schedule counts as a loop without end.
const STEPS: usize = 200_000;

/// Stack of a thread, in bytes.
const STACK: usize = 512 * 1024;

fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect(name))
}

/// Tries a model under random schedules, and under those that change priorities few times; time-outs
/// come only where nobody can go on.
pub fn explore_in_time(name: &str, model: fn()) {
    try_some(name, "patient", false, model);
}

/// The same, and then with time-outs that come at any moment.
pub fn explore(name: &str, model: fn()) {
    try_some(name, "patient", false, model);
    try_some(name, "hasty", true, model);
}

/// Tries a model under every schedule, if the budget allows, after those of [`explore_in_time`].
pub fn exhaust(name: &str, model: fn()) {
    explore_in_time(name, model);
    let rounds = from_environment("MOCKPILOT_ROUNDS", ROUNDS) * DEPTH_FIRST;
    let started = Instant::now();
    let count = run(DfsScheduler::new(Some(rounds as usize), true), false, model);
    let whole = if count < rounds as usize {
        "all"
    } else {
        "the first"
    };
    told(name, started, &format!("{whole} {count} depth first"));
}

fn try_some(name: &str, clock: &str, hasty: bool, model: fn()) {
    let rounds = from_environment("MOCKPILOT_ROUNDS", ROUNDS) as usize;
    let seed = from_environment("MOCKPILOT_SEED", 1);
    println!("races: model {name}: seed {seed}");
    let started = Instant::now();
    let random = run(RandomScheduler::new_from_seed(seed, rounds), hasty, model);
    let few = run(PctScheduler::new_from_seed(seed, 3, rounds), hasty, model);
    let more = run(PctScheduler::new_from_seed(seed, 6, rounds), hasty, model);
    let what = format!("{random} random, {few} of 3 priorities, {more} of 6, {clock}");
    told(name, started, &what);
}

fn run(scheduler: impl Scheduler + 'static, hasty: bool, model: fn()) -> usize {
    let mut config = Config::new();
    config.stack_size = STACK;
    config.max_steps = MaxSteps::FailAfter(STEPS);
    config.silence_warnings = true;
    Runner::new(Patient(scheduler), config).run(move || Clock::run(hasty, model))
}

fn told(name: &str, started: Instant, what: &str) {
    let took = Duration::from_millis(started.elapsed().as_millis() as u64);
    println!("races: model {name}: {what}, in {took:?}");
}
