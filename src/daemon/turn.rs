//! One client's turn at the node, and the locks that it holds.

use std::sync::Arc;
use std::time::Duration;

use super::hub::{Hub, State};
use super::outbox::Outbox;
use super::queue::Queue;
use super::stage::Stage;
use crate::node::ClientId;
use crate::threads::{Instant, MutexGuard};
use crate::wire::Decoded;
use crate::wire::frame::Frame;

/// Bytes of replies that are gathered before they are written though more input is there.
const GATHERED: usize = 256 * 1024;

/// The node and the own queue, locked while a client's burst is served. The queue's lock comes
/// after the node's, and other clients' queues after the own one.
pub(super) struct Turn<'h> {
    hub: &'h Arc<Hub>,
    own: MutexGuard<'h, Queue>,
    state: MutexGuard<'h, State>,
    now: Duration,
    due: Option<Duration>,
}

impl<'h> Turn<'h> {
    /// Waits for the turn of the client whose outbox this is.
    pub fn begin(hub: &'h Arc<Hub>, outbox: &'h Arc<Outbox>) -> Self {
        let state = hub.turn_state();
        let own = outbox.queue();
        let due = state.next_due();
        Turn {
            hub,
            own,
            state,
            now: hub.now(),
            due,
        }
    }

    /// Whether so much waits for the client that it is to be written, or to be waited for.
    pub fn is_full(&self) -> bool {
        self.own.len() > GATHERED || self.own.load() >= self.hub.limits.client_budget
    }

    /// Whether the daemon ends and the client's time is over: its backlog is not served. What a
    /// client has sent before it left by itself still is.
    pub fn is_cut_off(&self) -> bool {
        let stopping = self.hub.stopping.get();
        stopping.is_some_and(|deadline| self.own.is_closed() || Instant::now() >= *deadline)
    }

    /// Whether the client may be served: it is not stalled, and what waits for it leaves room unless it
    /// is being closed.
    pub fn is_free(&self) -> bool {
        let has_room = self.own.load() < self.hub.limits.client_budget;
        !self.own.is_stalled() && (has_room || self.own.is_ending())
    }

    /// Whether nothing more is to be read from the client for now, or at all.
    pub fn is_halted(&self) -> bool {
        self.own.is_stalled() || self.own.is_cut_off()
    }

    /// Serves a frame, unless somebody closes the client.
    pub fn receive(&mut self, client: ClientId, frame: Frame<'_>, decoded: &Decoded<'_>) {
        if self.own.is_cut_off() {
            return;
        }
        let mut stage = Stage {
            hub: self.hub,
            state: &mut self.state,
            own: Some((client, &mut self.own)),
            now: self.now,
        };
        stage.receive(client, frame, decoded);
    }

    /// Somebody who would get `size` bytes sent on a stream now and has no room for them, and how long
    /// until there is anything to leave. Nobody, once the daemon ends.
    pub fn full_taker(
        &self,
        client: ClientId,
        own: &Arc<Outbox>,
        conn: u32,
        size: usize,
    ) -> Option<(Arc<Outbox>, Option<Duration>)> {
        if self.hub.is_stopping() {
            return None;
        }
        let mut full = None;
        self.state.node.takers(conn, |taker| {
            let outbox = if taker == client {
                Some(own)
            } else {
                self.state.outboxes.get(taker)
            };
            let Some(outbox) = outbox else { return };
            let queued = if taker == client {
                self.own.len()
            } else {
                outbox.len()
            };
            let waiting = queued + self.state.node.held(taker);
            if waiting > 0 && waiting + size > self.hub.limits.client_budget {
                let due = || self.state.next_due().unwrap_or_default();
                let due = (queued == 0).then(|| due().saturating_sub(self.now));
                full = Some((Arc::clone(outbox), due));
            }
        });
        full
    }
}

/// The timer learns of what became due earlier while the turn lasted.
impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let due = self.state.next_due();
        if due.is_some() && (self.due.is_none() || due < self.due) {
            self.hub.timer.notify_one();
        }
    }
}
