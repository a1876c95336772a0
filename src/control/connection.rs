//! One client of the control socket: its requests, one after the other.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::sync::Arc;

use super::answer::Answer;
use super::server::Shared;
use super::verbs::{Verb, text_of, unknown};
use crate::daemon::ending::Cause;
use crate::daemon::hold;
use crate::go::json::members;
use crate::nearest::nearest;
use crate::scenario::Rule;
use crate::threads::UnixStream;

/// Longest line in bytes, its end not counted. Source: the contract of the control socket.
const LINE_LIMIT: usize = 1 << 20;

/// A client's connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    pub(super) stream: Arc<UnixStream>,
    /// Its number, by which its scoped rules are known.
    pub(super) number: u64,
    /// The verbs that it knows.
    pub(super) verbs: &'static [Verb],
    /// The daemon ends once the answer is written.
    pub(super) ends: bool,
}

impl Connection {
    /// Answers requests until the client has closed, or the server stops.
    pub(super) fn serve(&mut self) {
        let stream = Arc::clone(&self.stream);
        let mut reader = BufReader::new(&*stream);
        let mut line = Vec::new();
        while !self.shared.is_stopped() {
            let answer = match read_line(&mut reader, &mut line) {
                Ok(Line::Whole) if line.iter().all(u8::is_ascii_whitespace) => continue,
                Ok(Line::Whole) => self.answer(&line),
                Ok(Line::TooLong) => {
                    Answer::refused(&format!("the line is over the limit of {LINE_LIMIT} bytes"))
                }
                Ok(Line::End) | Err(_) => return,
            };
            // What a client sent before it left is done, though nobody hears of it.
            let _ = (&*stream).write_all(answer.line().as_bytes());
            if self.ends {
                self.shared.ender.end(Cause::Control);
            }
            if line.len() > LINE_LIMIT && reader.skip_until(b'\n').is_err() {
                return;
            }
        }
    }

    fn answer(&mut self, line: &[u8]) -> Answer {
        let mut answer = Answer::done();
        if let Err(why) = self.act(line, &mut answer) {
            answer.refuse(&why);
        }
        answer
    }

    fn act(&mut self, line: &[u8], answer: &mut Answer) -> Result<(), String> {
        let members = members(line)?;
        let verb = members.iter().find(|(key, _)| key == "verb");
        let verb = match verb {
            Some((_, literal)) if literal.starts_with('"') => text_of(literal),
            Some(_) => return Err("verb: expected a string".to_owned()),
            None => return Err("verb: missing, expected a string".to_owned()),
        };
        let mut names = self.verbs.iter().map(|verb| verb.name);
        match self.verbs.iter().find(|known| known.name == verb) {
            Some(known) => (known.act)(self, &known.take(members)?, answer),
            None => Err(unknown("verb", &verb, nearest(&verb, &mut names))),
        }
    }

    /// Adds a rule; a scoped one goes with this connection.
    pub(super) fn add_rule(&self, rule: Rule, scoped: bool) -> Result<String, String> {
        let mut rules = hold(&self.shared.scoped);
        let name = self.shared.steering.add_rule(rule)?;
        if scoped {
            rules.push((self.number, name.clone()));
        }
        Ok(name)
    }

    /// Takes a rule away: another one that gets its name later is none of the connection's.
    pub(super) fn remove_rule(&self, name: &str) -> Result<(), String> {
        let mut rules = hold(&self.shared.scoped);
        self.shared.steering.remove_rule(name)?;
        rules.retain(|(_, other)| other != name);
        Ok(())
    }

    /// Goes back to the start, where no rule is a connection's.
    pub(super) fn reset(&self) {
        let mut rules = hold(&self.shared.scoped);
        self.shared.steering.reset();
        rules.clear();
    }

    /// Takes the rules of this connection away.
    pub(super) fn end_scope(&self) {
        let mut rules = hold(&self.shared.scoped);
        for (number, name) in rules.iter() {
            if *number == self.number {
                // Nobody but us takes away what is in the list.
                let _ = self.shared.steering.remove_rule(name);
            }
        }
        rules.retain(|(number, _)| *number != self.number);
    }

    /// Whether the client has closed both directions, which a write of nothing tells. What it has
    /// sent is still there to be read.
    pub(super) fn peer_has_closed(&self) -> bool {
        let written = (&*self.stream).write(&[]);
        matches!(written, Err(error) if error.kind() == ErrorKind::BrokenPipe)
    }
}

enum Line {
    Whole,
    /// The limit is reached; the rest of it is still to be read.
    TooLong,
    End,
}

/// Reads a line without its end; the last one need not have an end.
fn read_line(reader: &mut BufReader<&UnixStream>, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    let read = reader.take(LINE_LIMIT as u64 + 1).read_until(b'\n', line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(match read {
        0 => Line::End,
        _ if line.len() > LINE_LIMIT => Line::TooLong,
        _ => Line::Whole,
    })
}

#[cfg(test)]
mod tests;
