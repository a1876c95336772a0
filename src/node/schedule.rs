//! What the node does later: ends of waits and dials, and data of peers that take their time.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ClientId;

/// Something that is due at a time.
#[derive(Debug)]
pub enum Later {
    /// A `handshake.wait` runs out.
    WaitEnds(u64),
    /// A dial is answered.
    DialAnswers(u64),
    /// A dial that nobody answers runs out.
    DialEnds(u64),
    /// Data of a peer arrives on a stream.
    Data {
        conn: u32,
        owner: ClientId,
        data: Vec<u8>,
    },
    /// A peer ends a stream.
    Close { conn: u32 },
}

/// Entries in the order of their time, and of their making where times are equal.
#[derive(Debug, Default)]
pub struct Schedule {
    entries: BTreeMap<(Duration, u64), Later>,
    made: u64,
    held: BTreeMap<ClientId, usize>,
}

impl Schedule {
    pub fn add(&mut self, at: Duration, later: Later) {
        self.made += 1;
        self.entries.insert((at, self.made), later);
    }

    /// The time of the first entry.
    pub fn next(&self) -> Option<Duration> {
        self.entries.keys().next().map(|(at, _)| *at)
    }

    /// Takes the first entry if it is due.
    pub fn due(&mut self, now: Duration) -> Option<Later> {
        let first = self.entries.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// Counts data that waits for a client here.
    pub fn hold(&mut self, client: ClientId, bytes: usize) {
        *self.held.entry(client).or_default() += bytes;
    }

    /// Counts data of a client that waits no more.
    pub fn release(&mut self, client: ClientId, bytes: usize) {
        if let Some(held) = self.held.get_mut(&client) {
            *held = held.saturating_sub(bytes);
            if *held == 0 {
                self.held.remove(&client);
            }
        }
    }

    /// Bytes of data that wait for a client here.
    pub fn held(&self, client: ClientId) -> usize {
        self.held.get(&client).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_in_order_of_time_then_of_making() {
        let mut schedule = Schedule::default();
        let at = Duration::from_millis;
        schedule.add(at(20), Later::WaitEnds(1));
        schedule.add(at(10), Later::WaitEnds(2));
        schedule.add(at(10), Later::WaitEnds(3));
        assert_eq!(schedule.next(), Some(at(10)));
        assert!(schedule.due(at(9)).is_none());
        let mut order = Vec::new();
        while let Some(Later::WaitEnds(id)) = schedule.due(at(20)) {
            order.push(id);
        }
        assert_eq!(order, [2, 3, 1]);
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn held_bytes_are_counted_per_client() {
        let mut schedule = Schedule::default();
        schedule.hold(1, 10);
        schedule.hold(1, 5);
        schedule.release(1, 10);
        assert_eq!((schedule.held(1), schedule.held(2)), (5, 0));
        schedule.release(1, 50);
        assert_eq!(schedule.held(1), 0);
    }
}
