//! What tests do to a daemon while it runs: the library's methods and the control socket's verbs.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::hold;
use super::hub::Hub;
use super::outbox::Outbox;
use super::play::Await;
use crate::go::json::object;
use crate::journal::{Event, Reason};
use crate::node::ClientId;
use crate::scenario::tally::Tally;
use crate::scenario::{Expectation, Push, Rule, Wanted};
use crate::threads::Instant;

/// Entries of the journal that are given out at once. Source: the contract of `ctl journal`.
const ENTRIES: usize = 10_000;

/// How often somebody who awaits a request is asked whether that is still so.
const STILL_THERE: Duration = Duration::from_millis(50);

/// How long a reset waits for what was answered before it to leave (our choice), and then for the
/// ends of streams.
const FLUSH: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// How long clients that are dropped have to be gone.
const GONE: Duration = Duration::from_secs(1);

/// A handle on a running daemon. Clones steer the same one.
#[derive(Clone, Debug)]
pub struct Steering {
    hub: Arc<Hub>,
}

/// An awaited request that did not come in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// What was expected and what came, as one clause.
    pub text: String,
    /// The request that came nearest, with the fields that differ; `None` when none came.
    pub nearest: Option<String>,
}

impl Steering {
    pub(super) fn new(hub: Arc<Hub>) -> Steering {
        Steering { hub }
    }

    /// The whole node, and the scenario's states under `scenario`; without tokens.
    pub fn state(&self) -> Value {
        let now = self.hub.now();
        let mut state = self.hub.state();
        let mut whole = state.node.state(now);
        whole["scenario"] = state.play.book.states();
        whole
    }

    /// A row for each client: `client`, `since_us`, `requests`, `ports`, `streams`.
    pub fn clients(&self) -> Vec<Value> {
        let state = self.hub.state();
        let row = |(client, visit): (ClientId, &super::play::Visit)| {
            let since = u64::try_from(visit.since.as_micros()).unwrap_or(u64::MAX);
            object! {
                "client": client, "since_us": since, "requests": visit.requests,
                "ports": state.node.ports_of(client), "streams": state.node.streams_of(client),
            }
        };
        state.play.visits.iter().map(row).collect()
    }

    /// Adds a rule before all others and gives its name, which is made up where it has none.
    ///
    /// # Errors
    /// When another rule has the name.
    pub fn add_rule(&self, rule: Rule) -> Result<String, String> {
        let name = self.hub.state().play.book.add(rule)?;
        Ok(name.to_string())
    }

    /// Takes a rule away.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn remove_rule(&self, name: &str) -> Result<(), String> {
        match self.hub.state().play.book.remove(name) {
            true => Ok(()),
            false => Err(format!("there is no rule {name:?}")),
        }
    }

    /// A row for each rule in the order of matching: `name`, `on`, `matched`, `applied`.
    pub fn rules(&self) -> Vec<Value> {
        self.hub.state().play.book.rows()
    }

    /// Sends pushes, in order, and gives how many clients get them; one that waits for its time counts
    /// those that it would reach now.
    pub fn push(&self, pushes: &[Push]) -> usize {
        let now = self.hub.now();
        let mut state = self.hub.state();
        let mut stage = self.hub.stage(&mut state, now);
        let sent = pushes
            .iter()
            .map(|push| stage.push_or_wait(push, None))
            .sum();
        self.hub.timer.notify_one();
        sent
    }

    /// Waits until `count` such requests were seen since the last reset, or after entry `since` of
    /// the journal, and gives the number of the entry that completed it. `gone` is asked from time
    /// to time whether nobody waits any more.
    ///
    /// What came before is known as far back as the journal's memory goes; requests of a kind without
    /// further conditions are counted exactly.
    ///
    /// # Errors
    /// [`Missed`] when they do not come in time, or nobody waits any more.
    pub fn await_request(
        &self,
        wanted: &Wanted,
        count: u64,
        since: Option<u64>,
        timeout: Duration,
        gone: &dyn Fn() -> bool,
    ) -> Result<u64, Missed> {
        let deadline = Instant::now().checked_add(timeout);
        let behind = since.unwrap_or(0);
        let fresh = || (Arc::new(Await::new(wanted.clone(), count, behind)), 0);
        let (mut state, (one, seen)) =
            self.hub
                .look_back(since, &fresh, &|(one, seen), asked, seq| {
                    *seen += u64::from(wanted.on.contains(asked.kind));
                    one.look_at(asked, seq);
                });
        if since.is_none() && wanted.when.is_empty() {
            one.count_forgotten(state.play.total(wanted).saturating_sub(seen));
        }
        state.play.awaits.push(Arc::clone(&one));
        drop(state);
        let mut progress = hold(&one.progress);
        while progress.completed.is_none() {
            let left = deadline.map_or(STILL_THERE, |at| {
                at.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                break;
            }
            let waited = one.done.wait_timeout(progress, left.min(STILL_THERE));
            progress = waited.unwrap_or_else(PoisonError::into_inner).0;
            if progress.completed.is_some() {
                break;
            }
            // Whoever has the hub's lock may want this one.
            drop(progress);
            let over = gone() || self.hub.is_stopping();
            progress = hold(&one.progress);
            if over {
                break;
            }
        }
        let outcome = match progress.completed {
            Some(seq) => Ok(seq),
            None => Err(Missed {
                text: format!(
                    "{}: expected {count}{}, got {}",
                    wanted.text(),
                    within(timeout),
                    count - progress.left
                ),
                nearest: progress.nearest.text(wanted),
            }),
        };
        drop(progress);
        let awaits = &mut self.hub.state().play.awaits;
        awaits.retain(|other| !Arc::ptr_eq(other, &one));
        outcome
    }

    /// Adds an expectation. What was seen since the last reset counts, as far back as the journal's
    /// memory goes.
    pub fn expect(&self, expectation: Expectation) {
        let fresh = || Tally::new(std::slice::from_ref(&expectation), false, None);
        let (mut state, tally) = self.hub.look_back(None, &fresh, &Tally::compare);
        state.play.tally.add(tally);
    }

    /// A text for each expectation that is not met; empty when all are.
    pub fn verify(&self) -> Vec<String> {
        self.hub.state().play.tally.failures()
    }

    /// Goes back to the scenario's initial state; clients stay connected. Nothing of before is written
    /// to a client after this returns, unless the client has not read for over a second.
    pub fn reset(&self) {
        let stuck = self.flush(FLUSH[0]);
        let mut guard = self.hub.state();
        let state = &mut *guard;
        let now = self.hub.now();
        for outbox in &stuck {
            outbox.queue().forget_all();
        }
        for (_, outbox) in state.open() {
            outbox.queue().forget_delayed();
        }
        let seq = match &self.hub.hooks.journal {
            Some(journal) => journal.event(None, &Event::Reset, None),
            None => 0,
        };
        state.play.begin_again(now, seq);
        let config = &self.hub.setup.config;
        let mut stage = self.hub.stage(state, now);
        stage.with_node(&mut |node, out| node.reset(config, now, out));
        for outbox in state.outboxes.values() {
            outbox.wake();
        }
        self.hub.timer.notify_one();
        drop(guard);
        self.flush(FLUSH[1]);
    }

    /// Waits for all that clients have been answered to leave; gives those that did not take it.
    fn flush(&self, patience: Duration) -> Vec<Arc<Outbox>> {
        let state = self.hub.state();
        let outboxes: Vec<_> = state.open().map(|(_, outbox)| Arc::clone(outbox)).collect();
        drop(state);
        // None waits behind another that takes nothing.
        outboxes.iter().for_each(Outbox::push);
        let deadline = Instant::now() + patience;
        let mut stuck = Vec::new();
        for outbox in outboxes {
            let (_, goal) = outbox.progress();
            while outbox.progress().0 < goal && !outbox.is_closed() {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    stuck.push(outbox);
                    break;
                }
                outbox.wait_for_room(left);
            }
        }
        stuck
    }

    /// Closes one client, or all of them where `client` is `None`; gives how many there were.
    ///
    /// # Errors
    /// When there is no such client.
    pub fn drop_clients(&self, client: Option<ClientId>) -> Result<usize, String> {
        let mut chosen = Vec::new();
        {
            let state = self.hub.state();
            for (number, outbox) in state.open() {
                if client.is_none_or(|client| client == number) {
                    outbox.queue().end(Reason::Drop);
                    chosen.push((number, Arc::clone(outbox)));
                }
            }
        }
        if let (Some(client), true) = (client, chosen.is_empty()) {
            return Err(format!("there is no client {client}"));
        }
        for (_, outbox) in &chosen {
            outbox.close();
        }
        let numbers: Vec<ClientId> = chosen.iter().map(|(number, _)| *number).collect();
        self.hub.wait_until_parted(&numbers, Instant::now() + GONE);
        Ok(numbers.len())
    }

    /// The last entries of the journal behind that number, oldest first, each a line of JSON; at
    /// most 10,000.
    pub fn journal(&self, since: u64) -> Vec<String> {
        match &self.hub.hooks.journal {
            Some(journal) => journal.entries(since, ENTRIES),
            None => Vec::new(),
        }
    }
}

/// How long it was waited for, where it was.
fn within(timeout: Duration) -> String {
    match timeout {
        Duration::ZERO => String::new(),
        _ => format!(" within {timeout:?}"),
    }
}
