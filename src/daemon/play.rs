//! A scenario as it plays: its rules, expectations and timeline, and what waits for its time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::agenda::{Agenda, Due};
use super::answer::Part;
use super::hold;
use crate::node::{ClientId, Table};
use crate::scenario::book::{Applied, Book};
use crate::scenario::matching::Asked;
use crate::scenario::tally::{Nearest, Tally};
use crate::scenario::{Push, Scenario, Trigger, Wanted};
use crate::spread::NumberMap;
use crate::threads::{Condvar, Mutex};
use crate::wire::Command;
use crate::wire::kind::Kind;

/// What a running scenario keeps, behind the hub's lock.
#[derive(Debug)]
pub(super) struct Play {
    pub(super) scenario: Arc<Scenario>,
    seed: u64,
    pub(super) book: Book,
    pub(super) tally: Tally,
    pub(super) agenda: Agenda,
    /// When the last data that a rule delays is due, for each stream of each client.
    delayed: NumberMap<ClientId, Table<u32, Duration>>,
    /// Rules for answers that the node gives later, by the number of their request.
    pub(super) treatments: NumberMap<u64, Treatment>,
    last_tag: u64,
    /// Frames that were held back while the node was asked.
    pub(super) captures: Vec<Capture>,
    /// Data for clients that have no room for it.
    pub(super) parked: VecDeque<Parked>,
    /// Whether another try at them is on the agenda.
    pub(super) retries: bool,
    /// Whether an entry of the timeline waits for requests.
    listens: bool,
    pub(super) awaits: Vec<Arc<Await>>,
    pub(super) visits: Table<ClientId, Visit>,
    /// The journal's entry of the last reset; 0 before the first.
    pub(super) reset_at: u64,
}

/// What becomes of an answer that comes later.
#[derive(Debug)]
pub(super) struct Treatment {
    pub(super) client: ClientId,
    pub(super) applied: Applied,
    /// The request's command; `None` where no row has it.
    pub(super) command: Option<Command>,
    /// The byte of the reply that the request should get.
    pub(super) byte: u8,
}

/// Frames for one client, from an answer on that a rule changes.
#[derive(Debug)]
pub(super) struct Capture {
    pub(super) client: ClientId,
    pub(super) tag: u64,
    pub(super) parts: Vec<Part>,
}

/// A push that waits for room.
#[derive(Debug)]
pub(super) struct Parked {
    pub(super) client: ClientId,
    pub(super) push: Arc<Push>,
    pub(super) conn: u32,
}

/// What is kept about one client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit {
    pub(super) since: Duration,
    pub(super) requests: u64,
}

/// Somebody who waits for requests.
#[derive(Debug)]
pub(super) struct Await {
    pub(super) wanted: Wanted,
    count: u64,
    /// The journal's entry behind which it counts; that may be one that is still to come.
    since: u64,
    pub(super) progress: Mutex<AwaitProgress>,
    pub(super) done: Condvar,
}

#[derive(Debug)]
pub(super) struct AwaitProgress {
    pub(super) left: u64,
    pub(super) nearest: Nearest,
    /// The entry of the request that completed it.
    pub(super) completed: Option<u64>,
}

impl Await {
    pub(super) fn new(wanted: Wanted, count: u64, since: u64) -> Await {
        let progress = AwaitProgress {
            left: count,
            nearest: Nearest::default(),
            completed: None,
        };
        Await {
            wanted,
            count,
            since,
            progress: Mutex::new(progress),
            done: Condvar::new(),
        }
    }

    /// Looks at a request.
    pub(super) fn look_at(&self, asked: &Asked<'_>, seq: u64) {
        let mut progress = hold(&self.progress);
        if progress.completed.is_some() || seq <= self.since {
            return;
        }
        if !self.wanted.is(asked) {
            progress.nearest.look_at(&self.wanted, asked, seq);
            return;
        }
        progress.left = progress.left.saturating_sub(1);
        if progress.left == 0 {
            progress.completed = Some(seq);
            drop(progress);
            self.done.notify_all();
        }
    }

    /// Counts requests that came before and of which nothing is known but their kind.
    pub(super) fn count_forgotten(&self, count: u64) {
        let mut progress = hold(&self.progress);
        if progress.completed.is_none() {
            progress.left = progress.left.saturating_sub(count);
            if progress.left == 0 {
                progress.completed = Some(0);
            }
        }
    }

    fn start_anew(&self) {
        let mut progress = hold(&self.progress);
        progress.left = self.count;
        progress.nearest = Nearest::default();
    }
}

impl Play {
    /// A scenario that begins at `now`.
    pub(super) fn new(scenario: Arc<Scenario>, seed: u64, now: Duration) -> Play {
        let mut agenda = Agenda::default();
        let mut listens = false;
        for (series, entry) in scenario.timeline.iter().enumerate() {
            match entry.trigger {
                Trigger::At(after) => agenda.add(
                    now + after,
                    Due::Round {
                        series,
                        done: 0,
                        requester: None,
                    },
                ),
                Trigger::On { .. } => listens = true,
            }
        }
        Play {
            seed,
            book: Book::new(&scenario.rules, seed),
            tally: Tally::new(
                &scenario.expect,
                scenario.unexpected_fails,
                scenario.unexpected_place.clone(),
            ),
            agenda,
            delayed: NumberMap::default(),
            treatments: NumberMap::default(),
            last_tag: 0,
            captures: Vec::new(),
            parked: VecDeque::new(),
            retries: false,
            listens,
            awaits: Vec::new(),
            visits: Table::new(),
            reset_at: 0,
            scenario,
        }
    }

    /// Begins again, as if nothing had come yet; those who wait go on, and count from now. `seq` is the
    /// journal's entry of the reset.
    pub(super) fn begin_again(&mut self, now: Duration, seq: u64) {
        let mut fresh = Play::new(Arc::clone(&self.scenario), self.seed, now);
        fresh.last_tag = self.last_tag;
        fresh.reset_at = seq;
        fresh.awaits = std::mem::take(&mut self.awaits);
        fresh.visits = std::mem::take(&mut self.visits);
        for one in &fresh.awaits {
            one.start_anew();
        }
        *self = fresh;
    }

    /// When data that is to wait so long is due: not before what waits on the same stream.
    pub(super) fn in_order(
        &mut self,
        client: ClientId,
        conn: u32,
        now: Duration,
        delay: Duration,
    ) -> Duration {
        let at = now + delay;
        let streams = self.delayed.entry(client).or_default();
        streams.retain(|last| *last > now);
        let last = streams.get_or_make(conn, || at);
        *last = at.max(*last);
        *last
    }

    /// Whether nobody looks at single requests.
    pub(super) fn is_idle(&self) -> bool {
        self.book.is_empty() && !self.listens && self.awaits.is_empty() && self.tally.is_idle()
    }

    /// A number for a request, by which a later answer is known.
    pub(super) fn next_tag(&mut self) -> u64 {
        self.last_tag += 1;
        self.last_tag
    }

    /// Counts a request and shows it to all who wait for requests.
    pub(super) fn tell(&mut self, asked: &Asked<'_>, seq: u64, now: Duration) {
        self.tally.compare(asked, seq);
        for one in &self.awaits {
            one.look_at(asked, seq);
        }
        if self.listens {
            self.trigger(asked, now);
        }
    }

    fn trigger(&mut self, asked: &Asked<'_>, now: Duration) {
        for (series, entry) in self.scenario.timeline.iter().enumerate() {
            if let Trigger::On { on, when, after } = &entry.trigger
                && on.contains(asked.kind)
                && when.iter().all(|condition| condition.holds(asked))
            {
                let round = Due::Round {
                    series,
                    done: 0,
                    requester: Some(asked.client),
                };
                self.agenda.add(now + *after, round);
            }
        }
    }

    /// How many requests of one of the kinds came since the last reset.
    pub(super) fn total(&self, wanted: &Wanted) -> u64 {
        let of = |kind: Kind| self.tally.total(kind);
        wanted.on.iter().map(of).sum()
    }

    /// A client has gone: what waits for it is forgotten.
    pub(super) fn client_gone(&mut self, client: ClientId) {
        self.agenda.forget(client);
        self.delayed.remove(&client);
        self.visits.remove(client);
        self.book.client_gone(client);
        self.parked.retain(|parked| parked.client != client);
        self.treatments.retain(|_, t| t.client != client);
    }
}
