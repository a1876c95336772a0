//! Time of day as replies show it.

use std::time::Duration;

/// Turns time since the daemon's start into time of day, unless time was told to stand still.
#[derive(Debug)]
pub struct Clock {
    frozen: Option<u64>,
    started: Duration,
}

impl Clock {
    /// `started` is the time of day at the daemon's start, since 1970.
    pub fn new(frozen: Option<u64>, started: Duration) -> Self {
        Clock { frozen, started }
    }

    /// The time of day at the daemon's start, since 1970.
    pub fn started(&self) -> Duration {
        self.started
    }

    /// Unix seconds.
    pub fn unix_secs(&self, now: Duration) -> u64 {
        self.frozen
            .unwrap_or_else(|| (self.started + now).as_secs())
    }

    /// Unix nanoseconds.
    pub fn unix_nanos(&self, now: Duration) -> u64 {
        match self.frozen {
            Some(secs) => secs.saturating_mul(1_000_000_000),
            None => u64::try_from((self.started + now).as_nanos()).unwrap_or(u64::MAX),
        }
    }

    /// Whole seconds since the start; 0 while time stands still.
    pub fn uptime_secs(&self, now: Duration) -> u64 {
        match self.frozen {
            Some(_) => 0,
            None => now.as_secs(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_stands_still() {
        let later = Duration::from_secs(90);
        let running = Clock::new(None, Duration::from_secs(1000));
        assert_eq!(running.unix_secs(later), 1090);
        assert_eq!(running.unix_nanos(later), 1_090_000_000_000);
        assert_eq!(running.uptime_secs(later), 90);
        let frozen = Clock::new(Some(7), Duration::from_secs(1000));
        assert_eq!(frozen.unix_secs(later), 7);
        assert_eq!(frozen.unix_nanos(later), 7_000_000_000);
        assert_eq!(frozen.uptime_secs(later), 0);
    }
}
