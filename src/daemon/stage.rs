//! Where a request meets the scenario's rules and the node, and where what comes of it is sent.

use std::sync::Arc;
use std::time::Duration;

use super::agenda::Due;
use super::answer::{change, reply_byte};
use super::hub::{Hub, State};
use super::outlets::Outlets;
use super::play::{Capture, Treatment};
use super::queue::Queue;
use crate::journal::{Event, Reason};
use crate::node::{ClientId, Node, Sink};
use crate::scenario::ability::{Nature, nature, why_no_fault};
use crate::scenario::book::Applied;
use crate::scenario::matching::Asked;
use crate::scenario::random::Random;
use crate::scenario::{Answer, Arrival, Delay, Fault};
use crate::wire::frame::Frame;
use crate::wire::kind::Kind;
use crate::wire::{Decoded, Reply, Request, decode, malformed};

/// All that a step needs: the locked state, and the queue of the client that is being served.
pub(super) struct Stage<'a> {
    pub(super) hub: &'a Hub,
    pub(super) state: &'a mut State,
    /// The client whose session takes the step, and its locked queue.
    pub(super) own: Option<(ClientId, &'a mut Queue)>,
    /// Time since the daemon's start.
    pub(super) now: Duration,
}

impl Stage<'_> {
    /// The node, and where what it says goes: to the outboxes, or to a capture.
    fn node(&mut self) -> (&mut Node, Outlets<'_>) {
        let State {
            node,
            outboxes,
            encoder,
            play,
            ..
        } = &mut *self.state;
        let outlets = Outlets {
            hub: self.hub,
            outboxes,
            encoder,
            own: self
                .own
                .as_mut()
                .map(|(client, queue)| (*client, &mut **queue)),
            captures: &mut play.captures,
            treatments: &play.treatments,
        };
        (node, outlets)
    }

    /// Has the node do something.
    pub(super) fn with_node(&mut self, step: &mut dyn FnMut(&mut Node, &mut dyn Sink)) {
        let (node, mut outlets) = self.node();
        step(node, &mut outlets);
        self.settle();
    }

    /// Serves a frame of a client.
    pub(super) fn receive(&mut self, client: ClientId, frame: Frame<'_>, decoded: &Decoded<'_>) {
        let asked = Asked::request(client, frame, decoded);
        let play = &mut self.state.play;
        play.tally.count(asked.kind);
        if let Some(visit) = play.visits.get_mut(client) {
            visit.requests += 1;
        }
        let journal = self.hub.hooks.journal.as_deref();
        if play.is_idle() {
            if let Some(journal) = journal {
                journal.received(client, frame, decoded, None);
            }
            self.serve(client, 0, decoded);
            return;
        }
        let applied = play.book.select(&asked);
        let rule = applied.as_ref().map(|applied| &*applied.name);
        let seq = journal.map_or(0, |j| j.received(client, frame, decoded, rule));
        play.tell(&asked, seq, self.now);
        match applied {
            Some(applied) => self.serve_ruled(client, frame, decoded, applied),
            None => self.serve(client, 0, decoded),
        }
    }

    /// Has the node answer a request, or refuses it.
    fn serve(&mut self, client: ClientId, tag: u64, decoded: &Decoded<'_>) {
        let now = self.now;
        if let Some(journal) = &self.hub.hooks.journal
            && let Some(text) = malformed(decoded)
        {
            journal.event(Some(client), &Event::Malformed { text: &text }, None);
        }
        match decoded {
            Ok(request) => {
                let (node, mut outlets) = self.node();
                node.handle(client, request, tag, now, &mut outlets);
                self.settle();
            }
            Err(malformed) => {
                if malformed.answered {
                    self.with_node(&mut |_, out| {
                        out.reply(client, Reply::Error(malformed.text.clone()));
                    });
                }
            }
        }
    }

    fn serve_ruled(
        &mut self,
        client: ClientId,
        frame: Frame<'_>,
        decoded: &Decoded<'_>,
        mut applied: Applied,
    ) {
        let command = decoded.as_ref().ok().map(|request| request.command());
        let silent = nature(Kind::of(decoded)) == Nature::Unanswered;
        let delay = delay(applied.rule.delay, &mut applied.random);
        if silent {
            if delay.is_zero() {
                self.serve_silent(client, decoded, applied);
                return;
            }
            if !self.takes(client) {
                return;
            }
            let mut at = self.now + delay;
            if let Ok(Request::Send { conn, .. }) = decoded {
                at = self.state.play.in_order(client, *conn, self.now, delay);
            }
            let body = [&[frame.code], frame.payload].concat();
            self.queue(client, &mut |queue| queue.delay(body.len()));
            let due = Due::Request {
                client,
                body,
                applied,
            };
            self.state.play.agenda.add(at, due);
            return;
        }
        let tag = self.state.play.next_tag();
        let rule = Arc::clone(&applied.rule);
        let treatment = Treatment {
            client,
            applied,
            command,
            byte: reply_byte(command, frame.code),
        };
        self.state.play.treatments.insert(tag, treatment);
        let capture = Capture {
            client,
            tag,
            parts: Vec::new(),
        };
        self.state.play.captures.push(capture);
        match &rule.answer {
            Answer::Error(text) => self.with_node(&mut |_, out| {
                out.reply(client, Reply::Error(text.clone()));
            }),
            _ => self.serve(client, tag, decoded),
        }
        self.settle();
    }

    /// Serves a request without a reply, or a delayed one whose time has come.
    fn serve_silent(&mut self, client: ClientId, decoded: &Decoded<'_>, applied: Applied) {
        if applied.rule.fault != Some(Fault::NoReply) {
            self.serve(client, 0, decoded);
        }
        // A rule for every command may have a fault that this one cannot have.
        let able = |fault: &Fault| why_no_fault(Kind::of(decoded), fault).is_none();
        let fault = applied.rule.fault.as_ref().filter(|fault| able(fault));
        self.conclude(client, fault, &applied);
    }

    /// Deals with what was held back.
    #[inline]
    fn settle(&mut self) {
        if !self.state.play.captures.is_empty() {
            self.settle_captures();
        }
    }

    /// An answer is changed, and delayed or delivered; what has no answer yet keeps its rule until it
    /// has one.
    fn settle_captures(&mut self) {
        while let Some(capture) = pop_first(&mut self.state.play.captures) {
            let Capture {
                client,
                tag,
                mut parts,
            } = capture;
            let Some(treatment) = self.state.play.treatments.remove(&tag) else {
                continue;
            };
            let answered = parts.iter().any(|part| part.answer);
            if !answered && treatment.command.is_some() {
                self.state.play.treatments.insert(tag, treatment);
                for part in parts {
                    self.append(client, part.frame, part.direction, None);
                }
                continue;
            }
            let Treatment {
                mut applied,
                command,
                byte,
                ..
            } = treatment;
            for part in parts.iter_mut().filter(|part| part.answer) {
                change(&mut part.frame, &applied.rule.answer, command, byte);
            }
            let delay = delay(applied.rule.delay, &mut applied.random);
            if delay.is_zero() {
                self.deliver(client, parts, applied);
                continue;
            }
            if !self.takes(client) {
                continue;
            }
            let bytes = parts.iter().map(|part| part.frame.len()).sum();
            self.queue(client, &mut |queue| queue.delay(bytes));
            let due = Due::Answer {
                client,
                parts,
                applied,
            };
            self.state.play.agenda.add(self.now + delay, due);
        }
    }

    /// A client has come: what its rule does, now or later. Gives how the client is turned away, if it
    /// is: it is not served then.
    pub(super) fn arrive(&mut self, client: ClientId) -> Option<Arrival> {
        let asked = Asked::arrival(client);
        let play = &mut self.state.play;
        play.tally.count(asked.kind);
        let journal = self.hub.hooks.journal.as_deref();
        if play.is_idle() {
            if let Some(journal) = journal {
                journal.event(Some(client), &Event::Connect, None);
            }
            return None;
        }
        let applied = play.book.select(&asked);
        let rule = applied.as_ref().map(|applied| &*applied.name);
        let seq = journal.map_or(0, |j| j.event(Some(client), &Event::Connect, rule));
        play.tell(&asked, seq, self.now);
        let mut applied = applied?;
        let delay = delay(applied.rule.delay, &mut applied.random);
        let turned_away = match applied.rule.fault {
            Some(Fault::Arrival(arrival)) => Some(arrival),
            _ => None,
        };
        if delay.is_zero() {
            self.conclude(client, applied.rule.fault.as_ref(), &applied);
            return turned_away;
        }
        if applied.rule.fault.is_none() && applied.rule.push.is_empty() {
            // Nothing else waits, so the client does.
            self.stall(client, delay);
        } else {
            let due = Due::Arrival { client, applied };
            self.state.play.agenda.add(self.now + delay, due);
        }
        turned_away
    }

    /// Tells the session of a client that is not served that it is time to close it.
    pub(super) fn turn_away(&mut self, client: ClientId) {
        self.queue(client, &mut |queue| queue.end(Reason::Fault));
        if let Some(outbox) = self.state.outboxes.get(client) {
            outbox.wake();
        }
    }

    /// What a client waited for is due; false when it has gone.
    fn undelay(&self, client: ClientId, bytes: usize) -> bool {
        let outbox = self.state.outboxes.get(client);
        if let Some(outbox) = outbox {
            outbox.queue().undelay(bytes);
            outbox.wake();
        }
        outbox.is_some()
    }

    /// Does what a scenario has for this time.
    pub(super) fn run_agenda(&mut self) {
        while let Some((at, due)) = self.state.play.agenda.due(self.now) {
            match due {
                Due::Answer {
                    client,
                    parts,
                    applied,
                } => {
                    let bytes = parts.iter().map(|part| part.frame.len()).sum();
                    if self.undelay(client, bytes) {
                        self.deliver(client, parts, applied);
                    }
                }
                Due::Request {
                    client,
                    body,
                    applied,
                } => {
                    if self.undelay(client, body.len()) {
                        let frame = Frame {
                            code: body[0],
                            payload: &body[1..],
                        };
                        self.serve_silent(client, &decode(frame), applied);
                    }
                }
                Due::Arrival { client, applied } => {
                    if self.state.outboxes.contains(client) {
                        self.conclude(client, applied.rule.fault.as_ref(), &applied);
                    }
                }
                Due::Push { push, requester } => {
                    self.perform(&push, requester);
                }
                Due::Round {
                    series,
                    done,
                    requester,
                } => self.round(at, series, done, requester),
                Due::Piece { client } => self.next_piece(client),
                Due::Parked => self.retry_parked(),
            }
        }
    }
}

fn pop_first(captures: &mut Vec<Capture>) -> Option<Capture> {
    (!captures.is_empty()).then(|| captures.remove(0))
}

fn delay(delay: Option<Delay>, random: &mut Random) -> Duration {
    let Some(Delay { min, max }) = delay else {
        return Duration::ZERO;
    };
    let span = u64::try_from((max - min).as_micros()).unwrap_or(u64::MAX);
    min + Duration::from_micros(random.up_to(span))
}
