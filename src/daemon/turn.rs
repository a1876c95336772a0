//! One client's turn at the node: the locks it holds, and where the node's answers go.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use super::hub::{Hub, State};
use super::outbox::{Outbox, Queue};
use crate::journal::Direction;
use crate::node::{ClientId, Sink};
use crate::wire::fields::push_fields;
use crate::wire::frame::PREFIX;
use crate::wire::{Encoder, Push, Reply, Request, command, encode_push, encode_reply};

/// The node and the own queue, locked while a client's burst is served. The queue's lock comes
/// after the node's, and other clients' queues after the own one.
pub struct Turn<'h> {
    hub: &'h Arc<Hub>,
    own: MutexGuard<'h, Queue>,
    state: MutexGuard<'h, State>,
    now: Duration,
    due: Option<Duration>,
}

impl<'h> Turn<'h> {
    /// Waits for the turn of the client whose outbox this is.
    pub fn begin(hub: &'h Arc<Hub>, outbox: &'h Arc<Outbox>) -> Self {
        let state = hub.state();
        let own = outbox.queue();
        let due = state.node.next_due();
        Turn {
            hub,
            own,
            state,
            now: hub.now(),
            due,
        }
    }

    /// Bytes that wait for the client.
    pub fn gathered(&self) -> usize {
        self.own.len()
    }

    /// Whether the daemon ends and the client's time is over: its backlog is not served. What a
    /// client has sent before it left by itself still is.
    pub fn is_cut_off(&self) -> bool {
        let stopping = self.state.stopping;
        stopping.is_some_and(|deadline| self.own.is_closed() || Instant::now() >= deadline)
    }

    /// Serves a request.
    pub fn handle(&mut self, client: ClientId, request: &Request<'_>) {
        let State {
            node,
            outboxes,
            encoder,
            ..
        } = &mut *self.state;
        let mut outlets = Outlets {
            hub: self.hub,
            outboxes,
            encoder,
            own: Some((client, &mut self.own)),
        };
        node.handle(client, request, self.now, &mut outlets);
    }

    /// Refuses a request that is none.
    pub fn refuse(&mut self, client: ClientId, text: String) {
        let mut outlets = Outlets {
            hub: self.hub,
            outboxes: &self.state.outboxes,
            encoder: &mut Encoder::default(),
            own: Some((client, &mut self.own)),
        };
        outlets.reply(client, Reply::Error(text));
    }

    /// Somebody who would get `size` bytes sent on a stream now and has no room for them. Nobody,
    /// once the daemon ends.
    pub fn full_taker(
        &self,
        client: ClientId,
        own: &Arc<Outbox>,
        conn: u32,
        size: usize,
    ) -> Option<Arc<Outbox>> {
        if self.state.stopping.is_some() {
            return None;
        }
        let mut full = None;
        self.state.node.takers(conn, |taker| {
            let outbox = if taker == client {
                Some(own)
            } else {
                self.state.outboxes.get(&taker)
            };
            let Some(outbox) = outbox else { return };
            let queued = if taker == client {
                self.own.len()
            } else {
                outbox.len()
            };
            let waiting = queued + self.state.node.held(taker);
            if waiting > 0 && waiting + size > self.hub.limits.client_budget {
                full = Some(Arc::clone(outbox));
            }
        });
        full
    }
}

/// The timer learns of what became due earlier while the turn lasted.
impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let due = self.state.node.next_due();
        if due.is_some() && (self.due.is_none() || due < self.due) {
            self.hub.wake_timer(&mut self.state);
        }
    }
}

/// Turns what the node says into bytes in the outboxes, in the order in which it says it.
pub struct Outlets<'a> {
    /// Where the limits and the log are.
    pub hub: &'a Hub,
    /// All clients' outboxes.
    pub outboxes: &'a HashMap<ClientId, Arc<Outbox>>,
    /// What makes replies into bytes.
    pub encoder: &'a mut Encoder,
    /// The client that is being served, and its locked queue: its session writes for it.
    pub own: Option<(ClientId, &'a mut Queue)>,
}

impl Outlets<'_> {
    /// Writes one frame to a client's outbox and shows it to whoever wants to see it.
    fn write(
        &mut self,
        client: ClientId,
        direction: Direction,
        write: impl FnOnce(&mut Encoder, &mut Vec<u8>),
    ) {
        let (hub, encoder) = (self.hub, &mut *self.encoder);
        let write = |out: &mut Vec<u8>| {
            let start = out.len();
            write(encoder, out);
            if let Some(journal) = &hub.hooks.journal
                && let Some((&code, payload)) =
                    out.get(start + PREFIX..).and_then(<[u8]>::split_first)
            {
                journal.sent(client, direction, code, payload, None);
            }
        };
        match &mut self.own {
            Some((own, queue)) if *own == client => queue.append(write),
            _ => {
                if let Some(outbox) = self.outboxes.get(&client) {
                    outbox.append_and_push(write);
                }
            }
        }
    }

    /// One warning a burst: until the client has taken all that waits for it.
    fn note_dropped(&mut self, client: ClientId, waiting: usize) {
        let first = match &mut self.own {
            Some((own, queue)) if *own == client => queue.first_drop(),
            _ => {
                let outbox = self.outboxes.get(&client);
                outbox.is_some_and(|outbox| outbox.queue().first_drop())
            }
        };
        if first {
            self.hub.log.warn(&format!(
                "client {client}: datagrams to it are dropped, {waiting} bytes wait"
            ));
        }
    }

    fn waiting_for(&self, client: ClientId) -> usize {
        match &self.own {
            Some((own, queue)) if *own == client => queue.len(),
            _ => self.outboxes.get(&client).map_or(0, |outbox| outbox.len()),
        }
    }
}

impl Sink for Outlets<'_> {
    fn reply(&mut self, client: ClientId, reply: Reply<'_>) {
        self.hub.log.frame(|| match &reply {
            Reply::Error(text) => format!("client {client} out error: {text}"),
            _ => {
                let mut frame = Vec::new();
                encode_reply(&mut frame, &reply);
                let name = command::outgoing_name(frame[PREFIX]);
                format!(
                    "client {client} out {name} of {} bytes",
                    frame.len() - PREFIX
                )
            }
        });
        self.write(client, Direction::Out, |encoder, out| {
            encoder.encode(out, &reply);
        });
    }

    fn push(&mut self, client: ClientId, push: Push<'_>) {
        if let Push::RecvFrom { data, .. } = push {
            let waiting = self.waiting_for(client);
            if waiting > 0 && waiting + data.len() > self.hub.limits.client_budget {
                self.note_dropped(client, waiting);
                return;
            }
        }
        self.hub.log.frame(|| {
            let fields = serde_json::Value::Object(push_fields(&push));
            format!("client {client} push {fields}")
        });
        self.write(client, Direction::Push, |_, out| encode_push(out, &push));
    }
}
