//! How long a run takes, and what it must keep.

use std::time::Duration;

use super::curve::Bounds;
use super::support::asked;

/// Clients of one daemon, the one that stalls included.
pub const CLIENTS: usize = 16;

/// Requests of a run of half an hour.
const REQUESTS: u64 = 5_000_000;

const HALF_HOUR: u64 = 1800;

/// What `cargo test` runs: everything but clients that stall.
const SHORT: Duration = Duration::from_millis(1500);

/// A run that is shorter does not reach its plateau: the journal's memory of 32 MiB fills meanwhile.
const PLATEAU: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub time: Duration,
    pub seed: u64,
    /// Requests of both daemons together.
    pub least: u64,
    /// From one look at the daemon's process to the next.
    pub sample: Duration,
    pub write_timeout: Duration,
    /// From one line of progress to the next.
    pub progress: Duration,
    pub bounds: Bounds,
    /// Whether the figures are kept.
    pub long: bool,
}

impl Plan {
    /// By `MOCKPILOT_SECONDS` and `MOCKPILOT_SEED`; short without the first.
    pub fn from_environment() -> Plan {
        let seconds = asked("MOCKPILOT_SECONDS");
        let time = seconds.map_or(SHORT, Duration::from_secs);
        let seed = asked("MOCKPILOT_SEED").unwrap_or_else(|| u64::from(std::process::id()));
        let bounds = match time >= PLATEAU {
            // What the allocator keeps wanders by some 3 MiB with how busy the machine is.
            true => Bounds {
                rise_kib: 4 * 1024,
                rest_kib: 4 * 1024,
            },
            false => Bounds {
                rise_kib: 48 * 1024,
                rest_kib: 48 * 1024,
            },
        };
        Plan {
            time,
            seed,
            least: seconds.map_or(1000, |seconds| REQUESTS * seconds / HALF_HOUR),
            sample: (time / 400).clamp(Duration::from_millis(50), Duration::from_secs(3)),
            // The default in a short run: there nobody has time to stall, and nobody is to be dropped.
            write_timeout: Duration::from_secs(if seconds.is_some() { 2 } else { 10 }),
            progress: Duration::from_secs(60),
            bounds,
            long: seconds.is_some(),
        }
    }

    /// Whether the run is long enough to say that memory is flat.
    pub fn has_plateau(&self) -> bool {
        self.time >= PLATEAU
    }

    /// The first part, behind which the daemon is reset.
    pub fn first(&self) -> Duration {
        self.time / 6
    }
}
