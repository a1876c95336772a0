//! Rules, their delays and faults, and what their commands can have.

use std::time::Duration;

use super::keys;
use super::reader::Reader;
use super::requests::On;
use super::text::{Content, Id};
use crate::scenario::ability::{why_no_answer, why_no_fault};
use crate::scenario::{Answer, Arrival, Delay, Fault, Rule, Scope};
use crate::wire::frame::{MAX_LENGTH, PREFIX};
use crate::wire::kind::Kind;

/// What takes the place of the node's answer, or changes it.
const ANSWERS: [&str; 4] = ["reply", "patch", "payload", "error"];

/// Bytes of an error reply before its text: the command byte and the code.
const ERROR_HEADER: usize = 3;

impl Reader {
    pub fn rule(&mut self, id: Id) -> Option<Rule> {
        if !self.object(id, keys::RULE) {
            return None;
        }
        let on = self.on(id);
        let when = self.when(id, on.as_ref());
        self.only_one(id, &ANSWERS);
        let answer = self.answer(id, on.as_ref());
        let fault = self.get(id, "fault").and_then(|fault| {
            let read = self.fault(fault)?;
            self.check_fault(fault, &read, on.as_ref());
            Some(read)
        });
        let mut number = |key: &str, what: &str, low: u64| {
            let member = self.get(id, key)?;
            self.whole(member, what, low, u64::MAX)
        };
        let client = number("client", "a client's number", 1);
        let skip = number("skip", "a whole number", 0);
        let times = number("times", "a number", 1);
        let mut name = |key: &str| {
            let member = self.get(id, key)?;
            self.name(member)
        };
        let (own, state, then) = (name("name"), name("state"), name("then"));
        let scope = self
            .get(id, "scope")
            .and_then(|id| self.choice(id, keys::SCOPES));
        let delay = self.of(id, "delay", Reader::delay);
        let push = self.get(id, "push").map(|list| self.pushes(list));
        let on = on?;
        Some(Rule {
            name: own,
            place: self.place(id),
            on: on.kinds,
            any: on.any,
            client,
            when,
            skip: skip.unwrap_or(0),
            times,
            scope: match scope {
                Some("client") => Scope::Client,
                _ => Scope::Daemon,
            },
            state,
            then,
            delay,
            answer: answer.unwrap_or_default(),
            fault,
            push: push.unwrap_or_default(),
        })
    }

    fn answer(&mut self, id: Id, on: Option<&On>) -> Option<Answer> {
        let mut answer = None;
        for key in ANSWERS {
            let Some(member) = self.get(id, key) else {
                continue;
            };
            let patch = key == "patch";
            if let Some(on) = on.filter(|on| !on.any) {
                // A family's malformed requests get a patch no more than any other malformed one.
                let counts =
                    |kind: &Kind| !patch || kind.command().is_some() || is_single(on, *kind);
                let no = |kind| why_no_answer(kind, patch).map(|why| (kind, why));
                if let Some((kind, why)) = on.kinds.iter().filter(counts).find_map(no) {
                    let article = if key == "error" { "an" } else { "a" };
                    self.wrong_fmt(
                        member,
                        format_args!("{} cannot have {article} {key}, {why}", kind.name()),
                    );
                }
            }
            let longest = MAX_LENGTH - 1;
            answer = match key {
                "reply" => self.json(member).map(Answer::Body),
                "patch" if !matches!(self.content(member), Content::Object(_)) => {
                    self.expected(member, "an object to merge into the reply");
                    None
                }
                "patch" => self.json(member).map(Answer::Patch),
                "payload" => self
                    .data(member, longest)
                    .map(|data| Answer::Payload(data.into())),
                _ => self.error_text(member),
            };
        }
        answer
    }

    fn error_text(&mut self, id: Id) -> Option<Answer> {
        let text = self.text(id)?;
        let longest = MAX_LENGTH - ERROR_HEADER;
        if text.len() > longest {
            self.wrong_fmt(
                id,
                format_args!("{} bytes, expected at most {longest}", text.len()),
            );
        }
        Some(Answer::Error(text))
    }

    fn delay(&mut self, id: Id) -> Option<Delay> {
        if !matches!(self.content(id), Content::Object(_)) {
            let min = match self.content(id) {
                Content::Text(_) => self.duration(id)?,
                _ => {
                    self.expected(
                        id,
                        "a duration such as \"250ms\", or an object with min and max",
                    );
                    return None;
                }
            };
            return Some(Delay { min, max: min });
        }
        if !self.object(id, keys::DELAY) {
            return None;
        }
        let ends = ["min", "max"].map(|key| self.need(id, key, "a duration such as \"250ms\""));
        let [min, max] = ends.map(|end| end.and_then(|end| self.duration(end)));
        let (min, max) = (min?, max?);
        if min > max {
            self.wrong_fmt(
                id,
                format_args!("min {min:?} is over max {max:?}, expected the smaller one first"),
            );
        }
        Some(Delay { min, max })
    }

    fn fault(&mut self, id: Id) -> Option<Fault> {
        let words = "a fault: no_reply, close, truncate, slow, length, command, duplicate, garbage, stall, refuse or reset";
        if !matches!(self.content(id), Content::Object(_)) {
            return Some(match self.word(id, keys::FAULTS, words)? {
                "no_reply" => Fault::NoReply,
                "close" => Fault::Close,
                "duplicate" => Fault::Duplicate,
                "garbage" => Fault::Garbage,
                "refuse" => Fault::Arrival(Arrival::Refuse),
                _ => Fault::Arrival(Arrival::Reset),
            });
        }
        if !self.object(id, keys::FAULT) {
            return None;
        }
        self.only_one(id, keys::FAULT);
        let known = |key: &&str| self.get(id, key).is_some();
        let Some(key) = keys::FAULT.iter().copied().find(known) else {
            if !self.has_unknown(id, keys::FAULT) {
                self.wrong_fmt(id, format_args!("no fault, expected {words}"));
            }
            return None;
        };
        let value = self.get(id, key)?;
        let frame = (PREFIX + MAX_LENGTH) as u64;
        Some(match key {
            "truncate" => {
                Fault::Truncate(self.whole(value, "a number of bytes", 0, frame)? as usize)
            }
            "slow" => {
                let (bytes, every) = self.slow(value, frame)?;
                Fault::Slow(bytes, every)
            }
            "length" => Fault::Length(self.whole(value, "a length", 0, u32::MAX.into())? as u32),
            "command" => Fault::Command(self.whole(value, "a byte", 0, u8::MAX.into())? as u8),
            _ => Fault::Stall(self.some_time(value)?),
        })
    }

    fn slow(&mut self, id: Id, frame: u64) -> Option<(usize, Duration)> {
        if !self.object(id, keys::SLOW) {
            return None;
        }
        let bytes = self.need(id, "bytes", "the bytes of a piece");
        let bytes = bytes.and_then(|id| self.whole(id, "a number of bytes", 1, frame));
        let every = self.need(id, "every", "the time between pieces");
        let every = every.and_then(|id| self.some_time(id));
        Some((bytes? as usize, every?))
    }

    fn check_fault(&mut self, id: Id, fault: &Fault, on: Option<&On>) {
        let Some(on) = on else { return };
        let no = |kind| why_no_fault(kind, fault).map(|why| (kind, why));
        let found = on.kinds.iter().find_map(no);
        if let Some((kind, why)) = found.filter(|_| !on.any) {
            let (kind, name) = (kind.name(), fault.name());
            self.wrong_fmt(id, format_args!("{kind} cannot have {name}, {why}"));
        }
    }
}

/// Whether a kind that is no command was named itself.
fn is_single(on: &On, kind: Kind) -> bool {
    kind == Kind::UNKNOWN || kind == Kind::CONNECT || on.kinds.iter().count() == 1
}
