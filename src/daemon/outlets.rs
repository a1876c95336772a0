//! Where the node's answers go: into the outboxes, or into a capture while a rule applies.

use std::sync::Arc;

use super::answer::Part;
use super::hub::Hub;
use super::outbox::Outbox;
use super::play::{Capture, Treatment};
use super::queue::Queue;
use crate::journal::{Direction, Event};
use crate::node::{ClientId, Sink, Table};
use crate::spread::NumberMap;
use crate::wire::fields::push_fields;
use crate::wire::frame::PREFIX;
use crate::wire::{Encoder, Push, Reply, command, encode_push, encode_reply};

/// Turns what the node says into bytes in the outboxes, in the order in which it says it.
pub(super) struct Outlets<'a> {
    /// Where the limits and the log are.
    pub(super) hub: &'a Hub,
    /// All clients' outboxes.
    pub(super) outboxes: &'a Table<ClientId, Arc<Outbox>>,
    /// What makes replies into bytes.
    pub(super) encoder: &'a mut Encoder,
    /// The client that is being served, and its locked queue: its session writes for it.
    pub(super) own: Option<(ClientId, &'a mut Queue)>,
    /// Where frames go that come with or behind an answer which a rule changes.
    pub(super) captures: &'a mut Vec<Capture>,
    /// Answers that rules change, by the numbers of their requests.
    pub(super) treatments: &'a NumberMap<u64, Treatment>,
}

impl Outlets<'_> {
    /// Writes one frame to a client's outbox and shows it to whoever wants to see it.
    fn write(
        &mut self,
        client: ClientId,
        direction: Direction,
        answer: bool,
        write: impl FnOnce(&mut Encoder, &mut Vec<u8>),
    ) {
        let (hub, encoder) = (self.hub, &mut *self.encoder);
        if !self.captures.is_empty()
            && let Some(capture) = self.captures.iter_mut().rfind(|c| c.client == client)
        {
            let mut frame = Vec::new();
            write(encoder, &mut frame);
            capture.parts.push(Part {
                frame,
                direction,
                answer,
            });
            return;
        }
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
                if let Some(outbox) = self.outboxes.get(client) {
                    outbox.append_and_push(write);
                }
            }
        }
    }

    fn note_dropped(&mut self, client: ClientId, waiting: usize) {
        if let Some(journal) = &self.hub.hooks.journal {
            let what = "recv_from";
            journal.event(Some(client), &Event::Dropped { what }, None);
        }
        let first = match &mut self.own {
            Some((own, queue)) if *own == client => queue.first_drop(),
            _ => {
                let outbox = self.outboxes.get(client);
                outbox.is_some_and(|outbox| outbox.queue().first_drop())
            }
        };
        // One warning a burst: until the client has taken all that waits for it.
        if first {
            self.hub.log.warn(&format!(
                "client {client}: datagrams to it are dropped, {waiting} bytes wait"
            ));
        }
    }

    fn waiting_for(&self, client: ClientId) -> usize {
        match &self.own {
            Some((own, queue)) if *own == client => queue.len(),
            _ => self.outboxes.get(client).map_or(0, |outbox| outbox.len()),
        }
    }

    /// Whether frames for a client are held back for a rule; they are logged when they go out.
    fn holds_back(&self, client: ClientId) -> bool {
        self.captures.iter().any(|c| c.client == client)
    }

    fn answer(&mut self, client: ClientId, reply: &Reply<'_>, answer: bool) {
        if !self.holds_back(client) {
            self.hub.log.frame(|| match reply {
                Reply::Error(text) => format!("client {client} out error: {text}"),
                _ => {
                    let mut frame = Vec::new();
                    encode_reply(&mut frame, reply);
                    let name = command::outgoing_name(frame[PREFIX]);
                    format!(
                        "client {client} out {name} of {} bytes",
                        frame.len() - PREFIX
                    )
                }
            });
        }
        self.write(client, Direction::Out, answer, |encoder, out| {
            encoder.encode(out, reply);
        });
    }
}

impl Sink for Outlets<'_> {
    fn reply(&mut self, client: ClientId, reply: Reply<'_>) {
        self.answer(client, &reply, true);
    }

    fn late_reply(&mut self, client: ClientId, tag: u64, reply: Reply<'_>) {
        let ruled = self.treatments.contains_key(&tag);
        if ruled {
            self.captures.push(Capture {
                client,
                tag,
                parts: Vec::new(),
            });
        }
        self.answer(client, &reply, ruled);
    }

    fn push(&mut self, client: ClientId, push: Push<'_>) {
        if let Push::RecvFrom { data, .. } = push {
            let waiting = self.waiting_for(client);
            if waiting > 0 && waiting + data.len() > self.hub.limits.client_budget {
                self.note_dropped(client, waiting);
                return;
            }
        }
        if !self.holds_back(client) {
            self.hub.log.frame(|| {
                let fields = serde_json::Value::Object(push_fields(&push));
                format!("client {client} push {fields}")
            });
        }
        self.write(client, Direction::Push, false, |_, out| {
            encode_push(out, &push)
        });
    }
}
