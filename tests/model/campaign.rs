//! Many runs: daemons one after the other on a few threads, until all steps are done or one fails.

use std::sync::atomic::{AtomicU64, Ordering};

use super::figures::Tally;
use super::generate;
use super::session::{Failure, Outcome, run};
use super::setting::Setting;
use super::support::Chance;

/// Steps of one daemon. In a long campaign one daemon in so many has so many times as many.
const SESSION: u64 = 1000;
const LONG_ONES: (u64, u64) = (31, 8);

/// Campaigns from this many steps on are long.
const LONG: u64 = 100_000;

/// Runs at a time: they wait about as much as they work.
const THREADS: u64 = 4;

/// One daemon's run of random steps.
pub fn session(setting: Setting, seed: u64, length: u64, tally: &mut Tally) -> Outcome {
    let (mut chance, mut left) = (Chance(seed), length);
    tally.add_session(setting.lenient);
    run(setting, false, tally, &mut |world| {
        left = left.checked_sub(1)?;
        Some(generate::step(&mut chance, world))
    })
}

/// Runs at least so many steps, half of them in each profile. What was counted, and a failure.
pub fn campaign(seed: u64, steps: u64) -> (Tally, Option<(Setting, Failure)>) {
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let worker = || {
        let mut tally = Tally::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let enough = done.load(Ordering::Relaxed) >= steps;
            // In pairs, so that the profiles get the same.
            if enough && number.is_multiple_of(2) {
                return (tally, None);
            }
            let pair = number / 2;
            let long = steps >= LONG && pair % LONG_ONES.0 == LONG_ONES.0 - 1;
            let length = if long { SESSION * LONG_ONES.1 } else { SESSION };
            done.fetch_add(length, Ordering::Relaxed);
            let mut chance = Chance(seed.wrapping_mul(1_000_003).wrapping_add(number));
            let setting = generate::setting(&mut chance, number.is_multiple_of(2));
            let before = tally.sum();
            if let Err(failure) = session(setting, chance.number(), length, &mut tally) {
                done.store(u64::MAX / 2, Ordering::Relaxed);
                return (tally, Some((setting, failure)));
            }
            // Steps that were none, and runs that ended early, are made up for.
            let counted = tally.sum() - before;
            done.fetch_sub(length.saturating_sub(counted), Ordering::Relaxed);
        }
    };
    let parts: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(worker)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let (mut all, mut first) = (Tally::default(), None);
    for (tally, failure) in parts {
        all.add(&tally);
        first = first.or(failure);
    }
    (all, first)
}
