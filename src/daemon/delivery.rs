//! How an answer that a rule has touched reaches its client: delivered, spoilt or withheld.

use std::sync::Arc;
use std::time::Duration;

use super::agenda::Due;
use super::answer::{Part, spoil};
use super::queue::Queue;
use super::stage::Stage;
use crate::journal::{Direction, Event, Reason};
use crate::node::ClientId;
use crate::scenario::Fault;
use crate::scenario::book::Applied;
use crate::wire::frame::PREFIX;

impl Stage<'_> {
    /// Sends the frames that a ruled request has caused, and what its rule adds.
    pub(super) fn deliver(&mut self, client: ClientId, parts: Vec<Part>, mut applied: Applied) {
        let rule = Arc::clone(&applied.rule);
        let name = Arc::clone(&applied.name);
        // A rule for every command may have a fault that only arriving clients can have.
        let fault = rule.fault.as_ref();
        let fault = fault.filter(|fault| !matches!(fault, Fault::Arrival(_)));
        for part in parts {
            let direction = part.direction;
            if !part.answer {
                if rule.fault != Some(Fault::Close) {
                    self.append(client, part.frame, direction, None);
                }
                continue;
            }
            let Some(fault) = fault else {
                self.append(client, part.frame, direction, Some(&name));
                continue;
            };
            if let Fault::Slow(piece, every) = *fault {
                self.note_sent(client, &part.frame, direction, Some(&name));
                self.append_slow(client, part.frame, piece, every);
                continue;
            }
            let shown = match fault {
                Fault::Truncate(_) => Some(part.frame.clone()),
                _ => None,
            };
            let Some(spoilt) = spoil(part.frame, fault, &mut applied.random) else {
                continue;
            };
            match (&shown, fault) {
                (Some(whole), _) => self.note_sent(client, whole, direction, Some(&name)),
                (None, Fault::Garbage) => {}
                (None, Fault::Duplicate) => {
                    let half = &spoilt[..spoilt.len() / 2];
                    self.note_sent(client, half, direction, Some(&name));
                    self.note_sent(client, half, direction, Some(&name));
                }
                (None, _) => self.note_sent(client, &spoilt, direction, Some(&name)),
            }
            self.queue(client, &mut |queue| {
                queue.append(|out| out.extend_from_slice(&spoilt));
            });
            if shown.is_some() {
                // Nothing follows a truncated frame.
                break;
            }
        }
        self.conclude(client, fault, &applied);
    }

    /// What follows an answer: the fault's effect on the client, and the pushes.
    pub(super) fn conclude(&mut self, client: ClientId, fault: Option<&Fault>, applied: &Applied) {
        if let Some(fault) = fault {
            self.note_fault(client, fault, &applied.name);
            match fault {
                Fault::Close | Fault::Truncate(_) => self.end_client(client, Reason::Fault),
                Fault::Arrival(_) => self.turn_away(client),
                Fault::Stall(time) => self.stall(client, *time),
                _ => {}
            }
        }
        for push in &applied.rule.push {
            self.push_or_wait(push, Some(client));
        }
    }

    pub(super) fn append_slow(
        &mut self,
        client: ClientId,
        frame: Vec<u8>,
        piece: usize,
        every: Duration,
    ) {
        let mut next = None;
        let mut frame = Some(frame);
        self.queue(client, &mut |queue| {
            next = frame
                .take()
                .and_then(|frame| queue.append_slow(frame, piece, every));
        });
        self.schedule_piece(client, next);
    }

    pub(super) fn next_piece(&mut self, client: ClientId) {
        let mut next = None;
        self.queue(client, &mut |queue| next = queue.next_piece());
        self.schedule_piece(client, next);
    }

    fn schedule_piece(&mut self, client: ClientId, next: Option<Duration>) {
        if let Some(after) = next {
            let at = self.now + after;
            self.state.play.agenda.add(at, Due::Piece { client });
        }
    }

    pub(super) fn stall(&mut self, client: ClientId, time: Duration) {
        if self.hub.is_stopping() {
            return;
        }
        let until = self.hub.instant(self.now + time);
        self.queue(client, &mut |queue| queue.stall(until));
    }

    /// What waits for a client goes out, and then it is closed.
    pub(super) fn end_client(&mut self, client: ClientId, reason: Reason) {
        self.queue(client, &mut |queue| queue.end(reason));
        if let Some(outbox) = self.state.outboxes.get(client) {
            outbox.stop_reading();
        }
    }

    /// Adds a frame for a client and shows it to whoever wants to see it.
    pub(super) fn append(
        &mut self,
        client: ClientId,
        frame: Vec<u8>,
        direction: Direction,
        rule: Option<&str>,
    ) {
        self.note_sent(client, &frame, direction, rule);
        self.queue(client, &mut |queue| {
            queue.append(|out| out.extend_from_slice(&frame));
        });
    }

    /// Whether a client is there and not being closed.
    pub(super) fn takes(&self, client: ClientId) -> bool {
        match &self.own {
            Some((own, queue)) if *own == client => !queue.is_ending(),
            _ => {
                let outbox = self.state.outboxes.get(client);
                outbox.is_some_and(|outbox| !outbox.queue().is_ending())
            }
        }
    }

    /// Changes a client's queue; what is added to it is sent.
    pub(super) fn queue(&mut self, client: ClientId, change: &mut dyn FnMut(&mut Queue)) {
        match &mut self.own {
            Some((own, queue)) if *own == client => change(queue),
            _ => {
                if let Some(outbox) = self.state.outboxes.get(client) {
                    change(&mut outbox.queue());
                    outbox.push();
                }
            }
        }
    }

    fn note_sent(&self, client: ClientId, frame: &[u8], direction: Direction, rule: Option<&str>) {
        let Some((&code, payload)) = frame.get(PREFIX..).and_then(<[u8]>::split_first) else {
            return;
        };
        if !self.takes(client) {
            return;
        }
        self.hub.log.frame(|| {
            let name = crate::wire::command::outgoing_name(code);
            let length = payload.len() + 1;
            format!("client {client} out {name} of {length} bytes")
        });
        if let Some(journal) = &self.hub.hooks.journal {
            journal.sent(client, direction, code, payload, rule);
        }
    }

    fn note_fault(&self, client: ClientId, fault: &Fault, rule: &str) {
        let name = fault.name();
        self.hub
            .log
            .frame(|| format!("client {client} fault {name} of rule {rule:?}"));
        if let Some(journal) = &self.hub.hooks.journal {
            journal.event(Some(client), &Event::Fault { name }, Some(rule));
        }
    }
}
