//! Where a request meets the scenario's rules and the node, and where what comes of it is sent.

use std::sync::Arc;
use std::time::Duration;

use super::agenda::Due;
use super::answer::{Part, change, reply_byte, spoil};
use super::hub::{Hub, State};
use super::outbox::Queue;
use super::outlets::Outlets;
use super::play::{Capture, Treatment};
use crate::journal::{Direction, Event, Reason};
use crate::node::{ClientId, Node, Sink};
use crate::scenario::book::Applied;
use crate::scenario::matching::Asked;
use crate::scenario::random::Random;
use crate::scenario::{Answer, Arrival, Delay, Fault};
use crate::wire::frame::{Frame, PREFIX};
use crate::wire::{Decoded, Reply, decode};

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
    /// Has the node do something; what it says goes to the outboxes, or to a capture.
    pub(super) fn with_node(&mut self, step: &mut dyn FnMut(&mut Node, &mut dyn Sink)) {
        let State {
            node,
            outboxes,
            encoder,
            play,
            ..
        } = &mut *self.state;
        let mut outlets = Outlets {
            hub: self.hub,
            outboxes,
            encoder,
            own: self.own.as_mut().map(|(client, queue)| (*client, &mut **queue)),
            captures: &mut play.captures,
            treatments: &play.treatments,
        };
        step(node, &mut outlets);
        if !self.state.play.captures.is_empty() {
            self.settle();
        }
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
        match decoded {
            Ok(request) => {
                self.with_node(&mut |node, out| node.handle(client, tag, request, now, out));
            }
            Err(malformed) => {
                if let Some(journal) = &self.hub.hooks.journal {
                    let text = &*malformed.text;
                    journal.event(Some(client), &Event::Malformed { text }, None);
                }
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
        let silent = command.is_some_and(|command| command.row().reply.is_none());
        let delay = delay(applied.rule.delay, &mut applied.random);
        if silent {
            if delay.is_zero() {
                self.serve_silent(client, decoded, applied);
                return;
            }
            let body = [&[frame.code], frame.payload].concat();
            self.queue(client, &mut |queue| queue.delay(body.len()));
            let due = Due::Request {
                client,
                body,
                applied,
            };
            self.state.play.agenda.add(self.now + delay, due);
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
        if !self.state.play.captures.is_empty() {
            self.settle();
        }
    }

    /// Serves a request without a reply, or a delayed one whose time has come.
    fn serve_silent(&mut self, client: ClientId, decoded: &Decoded<'_>, applied: Applied) {
        if applied.rule.fault != Some(Fault::NoReply) {
            self.serve(client, 0, decoded);
        }
        self.conclude(client, &applied);
    }

    /// Deals with what was held back: an answer is changed, and delayed or delivered; what has no
    /// answer yet keeps its rule until it has one.
    fn settle(&mut self) {
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

    /// Sends the frames that a ruled request has caused, and what its rule adds.
    fn deliver(&mut self, client: ClientId, parts: Vec<Part>, mut applied: Applied) {
        let rule = Arc::clone(&applied.rule);
        let name = Arc::clone(&applied.name);
        for part in parts {
            let direction = part.direction;
            if !part.answer {
                if rule.fault != Some(Fault::Close) {
                    self.append(client, part.frame, direction, None);
                }
                continue;
            }
            let Some(fault) = &rule.fault else {
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
        }
        self.conclude(client, &applied);
    }

    /// What follows an answer: the fault's effect on the client, and the pushes.
    fn conclude(&mut self, client: ClientId, applied: &Applied) {
        if let Some(fault) = &applied.rule.fault {
            self.note_fault(client, fault, &applied.name);
            match fault {
                Fault::Close | Fault::Truncate(_) | Fault::Arrival(_) => {
                    self.end_client(client, Reason::Fault);
                }
                Fault::Stall(time) => self.stall(client, *time),
                _ => {}
            }
        }
        for push in &applied.rule.push {
            self.push_or_wait(push, Some(client));
        }
    }

    /// A client has come: what its rule does, now or later. True if the client is to be turned away at
    /// once.
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
            self.conclude(client, &applied);
            return turned_away;
        }
        if applied.rule.fault.is_none() && applied.rule.push.is_empty() {
            // Nothing else waits, so the client does.
            self.stall(client, delay);
        } else {
            let due = Due::Arrival { client, applied };
            self.state.play.agenda.add(self.now + delay, due);
        }
        None
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
                    self.queue(client, &mut |queue| queue.undelay(bytes));
                    self.deliver(client, parts, applied);
                }
                Due::Request {
                    client,
                    body,
                    applied,
                } => {
                    self.queue(client, &mut |queue| queue.undelay(body.len()));
                    if self.state.outboxes.contains_key(&client) {
                        let frame = Frame {
                            code: body[0],
                            payload: &body[1..],
                        };
                        self.serve_silent(client, &decode(frame), applied);
                    }
                }
                Due::Arrival { client, applied } => self.conclude(client, &applied),
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

    fn append_slow(&mut self, client: ClientId, frame: Vec<u8>, piece: usize, every: Duration) {
        let mut next = None;
        let mut frame = Some(frame);
        self.queue(client, &mut |queue| {
            next = frame
                .take()
                .and_then(|frame| queue.append_slow(frame, piece, every));
        });
        self.schedule_piece(client, next);
    }

    fn next_piece(&mut self, client: ClientId) {
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

    fn stall(&mut self, client: ClientId, time: Duration) {
        let until = self.hub.instant(self.now + time);
        self.queue(client, &mut |queue| queue.stall(until));
    }

    /// What waits for a client goes out, and then it is closed.
    pub(super) fn end_client(&mut self, client: ClientId, reason: Reason) {
        self.queue(client, &mut |queue| queue.end(reason));
        if let Some(outbox) = self.state.outboxes.get(&client) {
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

    /// Changes a client's queue; what is added to it is sent.
    pub(super) fn queue(&mut self, client: ClientId, change: &mut dyn FnMut(&mut Queue)) {
        match &mut self.own {
            Some((own, queue)) if *own == client => change(queue),
            _ => {
                if let Some(outbox) = self.state.outboxes.get(&client) {
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
        if !self.state.outboxes.contains_key(&client) {
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
