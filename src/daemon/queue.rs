//! What waits to be written to one client, and what is known of its end.

use std::io;
use std::time::Duration;

use super::behind::Behind;
use crate::journal::Reason;
use crate::threads::Instant;

/// Bytes that an answer which waits for its time counts beside its own: small ones are bounded too (our
/// choice).
const KEPT: usize = 64;

/// What waits, behind the outbox's lock.
#[derive(Debug, Default)]
pub struct Queue {
    pub(super) waiting: Vec<u8>,
    /// What waits goes on with a slow frame of which the writer has taken pieces.
    mid_frame: bool,
    /// Bytes that the writer has and the kernel has not.
    pub(super) in_flight: usize,
    /// Bytes that the kernel has taken.
    pub(super) gone: u64,
    pub(super) writing: bool,
    /// What was taken to be written and is with no writer: nothing, a rest, or its room.
    batch: Batch,
    /// Whether the push thread is to write what waits.
    pub(super) push: bool,
    pub(super) push_thread: bool,
    /// Why it could not be started.
    pub(super) no_thread: Option<io::Error>,
    /// Threads that wait for room: waking nobody costs a system call.
    pub(super) waiters: usize,
    pub(super) closed: bool,
    /// A datagram was dropped since the queue was last empty.
    pub(super) dropped: bool,
    /// Frames behind a slow one, which goes out piece by piece.
    pub(super) behind: Behind,
    /// Bytes of answers that wait for their time.
    pub(super) delayed: usize,
    /// Nothing is read from the client before this.
    pub(super) stalled_until: Option<Instant>,
    /// What was to become of the client's arrival is forgotten.
    pub(super) let_in: bool,
    /// Why the client is being closed; nothing more is added then.
    pub(super) ending: Option<Reason>,
    /// Nothing is read from the client any more.
    pub(super) read_out: bool,
}

/// Bytes that were taken from a queue to be written.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    pub(super) written: usize,
}

impl Batch {
    /// What the kernel has not taken.
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.written..]
    }
}

impl Queue {
    /// Becomes the one that writes, if there is something to write and nobody does.
    pub(super) fn claim(&mut self) -> Option<Batch> {
        if self.closed || self.writing || self.len() == 0 {
            return None;
        }
        self.writing = true;
        let batch = std::mem::take(&mut self.batch);
        match batch.rest() {
            [] => self.next_batch(batch),
            _ => Some(batch),
        }
    }

    /// Takes what waits, in place of what was written; with nothing there, the writing is over.
    pub(super) fn next_batch(&mut self, mut batch: Batch) -> Option<Batch> {
        batch.bytes.clear();
        batch.written = 0;
        if self.closed || self.waiting.is_empty() {
            self.put_back(batch);
            self.push = false;
            self.dropped = false;
            return None;
        }
        std::mem::swap(&mut self.waiting, &mut batch.bytes);
        self.mid_frame = self.behind.has_begun();
        self.in_flight = batch.bytes.len();
        Some(batch)
    }

    /// Somebody else is to write the rest.
    pub(super) fn put_back(&mut self, batch: Batch) {
        self.batch = batch;
        self.writing = false;
    }

    /// The kernel has taken some of what was in flight.
    pub(super) fn left(&mut self, bytes: usize) {
        self.in_flight = self.in_flight.saturating_sub(bytes);
        self.gone += bytes as u64;
    }

    /// Bytes that wait for the client.
    pub fn len(&self) -> usize {
        self.waiting.len() + self.in_flight + self.behind.len()
    }

    /// Whether the outbox was closed.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Bytes that wait for the client, those of answers that wait for their time among them.
    pub fn load(&self) -> usize {
        self.len() + self.delayed
    }

    /// Counts an answer that waits for its time.
    pub fn delay(&mut self, bytes: usize) {
        self.delayed += bytes + KEPT;
    }

    /// Counts an answer that waits no more.
    pub fn undelay(&mut self, bytes: usize) {
        self.delayed = self.delayed.saturating_sub(bytes + KEPT);
    }

    /// Nothing is to be read from the client before `until`.
    pub fn stall(&mut self, until: Instant) {
        self.stalled_until = Some(until);
    }

    /// Whether nothing is to be read from the client for now.
    pub fn is_stalled(&self) -> bool {
        self.stalled_until.is_some()
    }

    /// What waits goes out, nothing more is added, and then the client is closed; the first reason
    /// counts. [`Outbox::stop_reading`] tells its session.
    pub fn end(&mut self, reason: Reason) {
        self.ending.get_or_insert(reason);
        self.read_out = true;
    }

    /// Whether somebody closes the client, so that what it has sent is not served.
    pub fn is_cut_off(&self) -> bool {
        self.ending.is_some()
    }

    /// Whether the client is being closed, or is.
    pub fn is_ending(&self) -> bool {
        self.closed || self.ending.is_some()
    }

    /// Adds a frame that goes out in pieces; gives when the [next](Self::next_piece) is due if the
    /// caller has to see to that.
    pub fn append_slow(
        &mut self,
        frame: Vec<u8>,
        piece: usize,
        every: Duration,
    ) -> Option<Duration> {
        if self.is_ending() {
            return None;
        }
        let first = self.behind.is_empty();
        self.behind.add_slow(frame, piece, every);
        if first { self.next_piece() } else { None }
    }

    /// Lets the next piece of a slow frame go, and what is behind it after the last one; gives when
    /// the piece after it is due.
    pub fn next_piece(&mut self) -> Option<Duration> {
        self.behind.step(&mut self.waiting)
    }

    /// Lets all that is left of slow frames go at once.
    pub fn hurry(&mut self) {
        self.behind.finish(&mut self.waiting);
    }

    /// Drops what waits for its time, but for the rest of a slow frame that has begun to go out; reads
    /// from the client again, also from one that was to be turned away.
    pub fn forget_delayed(&mut self) {
        self.behind.finish_begun(&mut self.waiting);
        self.delayed = 0;
        self.stalled_until = None;
        self.let_in = true;
    }

    /// Drops all that the writer has not taken, unless a frame is going out in pieces: that would be cut.
    pub fn forget_all(&mut self) {
        if self.behind.is_empty() && !self.mid_frame {
            self.waiting.clear();
        }
    }

    /// Notes that a datagram was dropped; true for the first one since the queue was empty.
    pub fn first_drop(&mut self) -> bool {
        !std::mem::replace(&mut self.dropped, true)
    }

    /// Adds frames; a client that is being closed gets none.
    pub fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.is_ending() {
            return;
        }
        if self.behind.is_empty() {
            write(&mut self.waiting);
        } else {
            let mut frame = Vec::new();
            write(&mut frame);
            self.behind.add(frame);
        }
    }
}
