//! What the daemon does later, because a scenario says so.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use super::answer::Part;
use crate::node::ClientId;
use crate::scenario::Push;
use crate::scenario::book::Applied;

/// Something that is due at a time.
#[derive(Debug)]
pub(super) enum Due {
    /// An answer whose rule delays it.
    Answer {
        client: ClientId,
        parts: Vec<Part>,
        applied: Applied,
    },
    /// A request without a reply whose rule delays it: command byte and payload.
    Request {
        client: ClientId,
        body: Vec<u8>,
        applied: Applied,
    },
    /// What a rule does to a client that has come.
    Arrival { client: ClientId, applied: Applied },
    /// A push that waits.
    Push {
        push: Arc<Push>,
        requester: Option<ClientId>,
    },
    /// The next round of an entry of the timeline.
    Round {
        series: usize,
        done: u64,
        requester: Option<ClientId>,
    },
    /// The next piece of a slow frame.
    Piece { client: ClientId },
    /// Another try at pushes that wait for room.
    Parked,
}

impl Due {
    /// The client without whom it is about nobody.
    fn client(&self) -> Option<ClientId> {
        match self {
            Due::Answer { client, .. }
            | Due::Request { client, .. }
            | Due::Arrival { client, .. }
            | Due::Piece { client } => Some(*client),
            Due::Round { requester, .. } => *requester,
            Due::Push { .. } | Due::Parked => None,
        }
    }
}

/// Entries in the order of their time, and of their making where times are equal.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    times: BinaryHeap<Reverse<(Duration, u64, usize)>>,
    entries: Vec<Option<Due>>,
    free: Vec<usize>,
    made: u64,
}

impl Agenda {
    /// Adds an entry.
    pub(super) fn add(&mut self, at: Duration, due: Due) {
        let place = match self.free.pop() {
            Some(place) => {
                self.entries[place] = Some(due);
                place
            }
            None => {
                self.entries.push(Some(due));
                self.entries.len() - 1
            }
        };
        self.made += 1;
        self.times.push(Reverse((at, self.made, place)));
    }

    /// The time of the first entry.
    pub(super) fn next(&self) -> Option<Duration> {
        self.times.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes the first entry if it is due, with the time that it was due at.
    pub(super) fn due(&mut self, now: Duration) -> Option<(Duration, Due)> {
        if self.next()? > now {
            return None;
        }
        let Reverse((at, _, place)) = self.times.pop()?;
        self.free.push(place);
        Some((at, self.entries[place].take()?))
    }

    /// Drops what is due to a client that has gone; its pushes may be for others.
    pub(super) fn forget(&mut self, client: ClientId) {
        let Agenda {
            times,
            entries,
            free,
            ..
        } = self;
        times.retain(|Reverse((.., place))| {
            let due = &mut entries[*place];
            let stays = due.as_ref().and_then(Due::client) != Some(client);
            if !stays {
                *due = None;
                free.push(*place);
            }
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_in_order_of_time_then_of_making() {
        let mut agenda = Agenda::default();
        let at = Duration::from_millis;
        for (time, client) in [(20, 1), (10, 2), (10, 3)] {
            agenda.add(at(time), Due::Piece { client });
        }
        assert!(agenda.due(at(9)).is_none());
        let mut order = Vec::new();
        while let Some((time, Due::Piece { client })) = agenda.due(at(20)) {
            order.push((time, client));
            if client == 2 {
                agenda.add(at(15), Due::Piece { client: 4 });
            }
        }
        assert_eq!(order, [(at(10), 2), (at(10), 3), (at(15), 4), (at(20), 1)]);
        assert_eq!(agenda.entries.len(), 3);
    }

    #[test]
    fn nothing_is_kept_for_who_has_gone() {
        let mut agenda = Agenda::default();
        let at = Duration::from_secs(3600);
        for client in 1..=1000 {
            agenda.add(at, Due::Piece { client });
            agenda.add(
                at,
                Due::Round {
                    series: 0,
                    done: 0,
                    requester: Some(client),
                },
            );
            agenda.forget(client);
        }
        assert_eq!(agenda.next(), None);
        assert_eq!(agenda.entries.len(), 2);
    }
}
