//! What the node does later: ends of waits and dials, and data of peers that take their time.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::{ClientId, Table};

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
    entries: BinaryHeap<Entry>,
    made: u64,
    held: Table<ClientId, usize>,
}

#[derive(Debug)]
struct Entry {
    at: Duration,
    made: u64,
    later: Later,
}

/// The earlier is the greater: a heap gives its greatest entry.
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.made).cmp(&(self.at, self.made))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}

impl Schedule {
    pub fn add(&mut self, at: Duration, later: Later) {
        self.made += 1;
        let made = self.made;
        self.entries.push(Entry { at, made, later });
    }

    /// The time of the first entry.
    pub fn next(&self) -> Option<Duration> {
        self.entries.peek().map(|first| first.at)
    }

    /// Takes the first entry if it is due.
    pub fn due(&mut self, now: Duration) -> Option<Later> {
        if self.next()? > now {
            return None;
        }
        self.entries.pop().map(|first| first.later)
    }

    /// Counts data that waits for a client here.
    pub fn hold(&mut self, client: ClientId, bytes: usize) {
        *self.held.get_or_make(client, || 0) += bytes;
    }

    /// Counts data of a client that waits no more.
    pub fn release(&mut self, client: ClientId, bytes: usize) {
        if let Some(held) = self.held.get_mut(client) {
            *held = held.saturating_sub(bytes);
            if *held == 0 {
                self.held.remove(client);
            }
        }
    }

    /// Bytes of data that wait for a client here.
    pub fn held(&self, client: ClientId) -> usize {
        self.held.get(client).copied().unwrap_or(0)
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
