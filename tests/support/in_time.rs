//! The time that a stop has.

use std::time::Duration;

/// What the contract gives the daemon from the signal to its end.
const LIMIT: Duration = Duration::from_millis(200);

/// How often more it is tried on a machine with other work.
const MORE: usize = 15;

/// Ends daemons, so many times at least, and gives how long each took. Load makes a stop longer, but never
/// shorter: the shortest must be within the limit.
pub fn end_in_time(rounds: usize, mut end: impl FnMut() -> Duration) -> Vec<Duration> {
    let mut times = Vec::new();
    let late = |times: &[Duration]| times.iter().all(|took| *took >= LIMIT);
    while times.len() < rounds || (late(&times) && times.len() < rounds + MORE) {
        times.push(end());
    }
    assert!(!late(&times), "none is within {LIMIT:?}: {times:?}");
    times
}
