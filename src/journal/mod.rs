//! The journal: every frame and event with a number, kept for whoever asks and written to a file.
//!
//! The last entries are always kept, as they came: at most 32 MiB of them, of each payload the first
//! 16 KiB, and of the data that goes to clients no more than is shown. They become JSON when somebody
//! asks. With a file every entry becomes a line of it, whole: when the file cannot keep up, whoever
//! has an entry waits, and when it fails, that is logged at once and told at the end.

pub mod decode;
mod entry;
mod event;
mod output;
mod ring;
mod writer;

use std::collections::VecDeque;
use std::io;
use std::path::Path;

use crate::log::Log;
use crate::node::ClientId;
use crate::threads::Instant;
use crate::wire::frame::Frame;
use crate::wire::{Decoded, malformed};
use entry::Entry;
pub use event::{Event, Reason};
use writer::Writer;

/// Entries that are given out at once. Source: the contract of the control socket.
const SERVED: usize = 10_000;

/// Bytes of a payload that are kept for whoever asks (our choice): most bodies are smaller.
const KEPT: usize = 16 * 1024;

/// Bytes of a push's payload that are enough to show it: its header and the first 64 of its data.
const SHOWN: usize = 96;

/// What entries tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// All data, not its first 64 bytes.
    pub raw: bool,
    /// Tokens as they are.
    pub secrets: bool,
}

/// Where a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From a client.
    In = 1,
    /// To a client, in answer to its request.
    Out,
    /// To a client, unasked.
    Push,
}

impl Direction {
    /// The direction's name in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Direction::In => "in",
            Direction::Out => "out",
            Direction::Push => "push",
        }
    }

    fn of(number: u8) -> Option<Direction> {
        [Direction::In, Direction::Out, Direction::Push]
            .into_iter()
            .find(|direction| *direction as u8 == number)
    }
}

/// The journal of one daemon.
#[derive(Debug)]
pub struct Journal {
    options: Options,
    writer: Writer,
}

impl Journal {
    /// A journal whose times count from `started`, and which is appended to `file` where there is
    /// one. It is created with mode 0600; one that is there keeps its mode. A FIFO is opened when
    /// somebody reads it. Failures to write go to `log`.
    ///
    /// # Errors
    /// When the file cannot be opened, or there is no thread to write it.
    pub fn new(
        options: Options,
        started: Instant,
        file: Option<&Path>,
        log: &Log,
    ) -> io::Result<Journal> {
        let writer = Writer::start(options, started, file, log)?;
        Ok(Journal { options, writer })
    }

    /// Enters a frame that a client sent, and gives the entry's number.
    pub fn received(
        &self,
        client: ClientId,
        frame: Frame<'_>,
        decoded: &Decoded<'_>,
        rule: Option<&str>,
    ) -> u64 {
        let malformed = malformed(decoded).unwrap_or_default();
        self.writer.enter(Entry {
            client,
            direction: Some(Direction::In),
            code: frame.code,
            length: frame.payload.len(),
            payload: frame.payload,
            malformed: malformed.as_bytes(),
            rule: rule.unwrap_or_default().as_bytes(),
            ..Entry::default()
        })
    }

    /// Enters a frame that goes to a client, and gives the entry's number.
    pub fn sent(
        &self,
        client: ClientId,
        direction: Direction,
        code: u8,
        payload: &[u8],
        rule: Option<&str>,
    ) -> u64 {
        self.writer.enter(Entry {
            client,
            direction: Some(direction),
            code,
            length: payload.len(),
            payload,
            rule: rule.unwrap_or_default().as_bytes(),
            ..Entry::default()
        })
    }

    /// Enters an event, of one client or of none, and gives the entry's number.
    pub fn event(&self, client: Option<ClientId>, event: &Event<'_>, rule: Option<&str>) -> u64 {
        let members = event.members();
        self.writer.enter(Entry {
            client: client.unwrap_or(0),
            length: members.len(),
            payload: members.as_bytes(),
            rule: rule.unwrap_or_default().as_bytes(),
            ..Entry::default()
        })
    }

    /// The last entries behind number `since`, oldest first, each an object on a line; no more than
    /// `most` and 10,000.
    pub fn entries(&self, since: u64, most: usize) -> Vec<String> {
        self.last(since, most.min(SERVED), false).into()
    }

    /// The last frames, oldest first, in the same form, a line each.
    pub fn last_frames(&self, most: usize) -> String {
        let lines = self.last(0, most, true);
        lines.iter().flat_map(|line| [&**line, "\n"]).collect()
    }

    /// Shows the received frames and the arrivals (which have no frame) behind number `since` that are
    /// kept, oldest first, each with its number and its client. Of a long one the first 16 KiB are
    /// there. Gives the number of the last entry that there was, of whatever kind.
    pub fn requests(
        &self,
        since: u64,
        visit: &mut dyn FnMut(u64, ClientId, Option<Frame<'_>>),
    ) -> u64 {
        let mut last = since;
        let arrival = Event::Connect.members();
        for chunk in self.writer.behind(since) {
            for entry in chunk.entries(since) {
                last = entry.seq;
                if entry.direction == Some(Direction::In) {
                    visit(entry.seq, entry.client, Some(entry.frame()));
                } else if entry.direction.is_none() && entry.payload == arrival.as_bytes() {
                    visit(entry.seq, entry.client, None);
                }
            }
        }
        last
    }

    /// The daemon is about to end: a FIFO of which nobody takes a byte for a second is given up, so that
    /// nobody who has an entry waits for ever.
    pub fn hurry(&self) {
        self.writer.hurry();
    }

    /// Writes what has been entered so far and ends the writing. A FIFO that nobody reads has another
    /// second. May be called again.
    ///
    /// # Errors
    /// Names the file and says why entries are lost.
    pub fn close(&self) -> Result<(), String> {
        self.writer.close()
    }

    fn last(&self, since: u64, most: usize, only_frames: bool) -> VecDeque<String> {
        let mut lines = VecDeque::new();
        for chunk in self.writer.behind(since).iter().rev() {
            let wanted = |entry: &Entry| !only_frames || entry.direction.is_some();
            let entries: Vec<Entry> = chunk.entries(since).filter(wanted).collect();
            for entry in entries.iter().rev().take(most - lines.len()) {
                lines.push_front(entry.line(self.options).to_string());
            }
            if lines.len() == most {
                break;
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests;
