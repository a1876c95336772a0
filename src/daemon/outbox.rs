//! What waits to be written to one client, and the two threads that may write it.

use std::io::{self, Write};
use std::net::Shutdown;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::behind::Behind;
use super::hold;
use super::queue::Queue;
use crate::journal::Reason;
use crate::threads::{self, Condvar, Instant, Mutex, MutexGuard, UnixStream};

/// How long one write may wait for the kernel before it is tried again: the reader passes the
/// rest on to the push thread then, and the push thread looks at its deadline.
const ONE_TRY: Duration = Duration::from_millis(100);

/// Stack of a push thread, in bytes. It only ever writes.
const STACK: usize = 64 * 1024;

/// A client's outgoing bytes. Whoever serves the client's requests appends replies and writes
/// them when its input is drained; what others cause is written by the push thread, which is
/// started when it is first needed.
#[derive(Debug)]
pub struct Outbox {
    stream: Arc<UnixStream>,
    queue: Mutex<Queue>,
    /// Something for the push thread.
    work: Condvar,
    /// Bytes have left, or the outbox was closed.
    room: Condvar,
    write_timeout: Duration,
}

/// Who writes, and so how long.
#[derive(Clone, Copy)]
enum Patience {
    /// One try; the push thread does the rest.
    Brief,
    /// Until no byte was taken for the write time-out, or until the instant.
    Until(Option<Instant>),
}

impl Outbox {
    /// An outbox for a client's stream.
    ///
    /// # Errors
    /// When the stream takes no time-out: it is already closed.
    pub fn new(stream: Arc<UnixStream>, write_timeout: Duration) -> io::Result<Outbox> {
        stream.set_write_timeout(Some(ONE_TRY.min(write_timeout)))?;
        Ok(Outbox {
            stream,
            queue: Mutex::default(),
            work: Condvar::new(),
            room: Condvar::new(),
            write_timeout,
        })
    }

    /// The queue, for frames that the client's own requests cause; [`flush`](Self::flush) sends
    /// them. While it is held no other method that looks at the queue may be called.
    pub fn queue(&self) -> MutexGuard<'_, Queue> {
        hold(&self.queue)
    }

    /// Adds frames that somebody else caused; the push thread sends them.
    pub fn append_and_push(self: &Arc<Self>, write: impl FnOnce(&mut Vec<u8>)) {
        let mut queue = hold(&self.queue);
        queue.append(write);
        self.push_queued(queue);
    }

    /// Has the push thread write what waits.
    pub fn push(self: &Arc<Self>) {
        let queue = hold(&self.queue);
        if queue.len() > 0 {
            self.push_queued(queue);
        }
    }

    fn push_queued(self: &Arc<Self>, mut queue: MutexGuard<'_, Queue>) {
        if queue.closed {
            return;
        }
        queue.push = true;
        if queue.push_thread {
            drop(queue);
            self.work.notify_one();
            return;
        }
        queue.push_thread = true;
        drop(queue);
        let outbox = Arc::clone(self);
        let push = move || outbox.push_until_closed();
        let started = threads::start("push", STACK, Box::new(push));
        if let Err(error) = started {
            // Without it pushes would be lost in silence.
            let mut queue = hold(&self.queue);
            queue.end(Reason::Drop);
            queue.no_thread = Some(error);
            drop(queue);
            self.close();
        }
    }

    fn push_until_closed(&self) {
        loop {
            let mut queue = hold(&self.queue);
            while !queue.closed && (queue.writing || !queue.push || queue.len() == 0) {
                queue = self
                    .work
                    .wait(queue)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            if queue.closed {
                return;
            }
            drop(queue);
            self.write(Patience::Until(None));
        }
    }

    /// Writes what waits, unless the push thread is at it; what the kernel does not take soon is
    /// left to the push thread.
    pub fn flush(self: &Arc<Self>) {
        if self.write(Patience::Brief) {
            self.push();
        }
    }

    /// Writes all that waits, slow frames at once, or as much as the client takes until `deadline`.
    pub fn drain(&self, deadline: Instant) {
        hold(&self.queue).hurry();
        loop {
            self.write(Patience::Until(Some(deadline)));
            let queue = hold(&self.queue);
            if queue.closed || queue.len() == 0 {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            // The push thread is at it.
            self.await_room(queue, left);
        }
    }

    /// Writes until the queue is empty or patience ends; true when something is left for the push
    /// thread.
    fn write(&self, patience: Patience) -> bool {
        let Some(mut batch) = hold(&self.queue).claim() else {
            return false;
        };
        // One try needs no clock.
        let mut last_taken = match patience {
            Patience::Brief => None,
            Patience::Until(_) => Some(Instant::now()),
        };
        loop {
            match (&*self.stream).write(batch.rest()) {
                Ok(0) => break,
                Ok(taken) => {
                    batch.written += taken;
                    let mut queue = hold(&self.queue);
                    queue.left(taken);
                    let next = match batch.rest() {
                        [] => queue.next_batch(batch),
                        _ => Some(batch),
                    };
                    self.wake_waiters(queue);
                    match next {
                        Some(next) => batch = next,
                        None => return false,
                    }
                    last_taken = last_taken.map(|_| Instant::now());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => match patience {
                    Patience::Brief => {
                        hold(&self.queue).put_back(batch);
                        return true;
                    }
                    Patience::Until(deadline) => {
                        let over = deadline.is_some_and(|at| Instant::now() >= at);
                        let stalled =
                            last_taken.is_some_and(|at| at.elapsed() >= self.write_timeout);
                        if over || stalled || self.is_closed() {
                            if stalled {
                                hold(&self.queue).end(Reason::Timeout);
                            }
                            break;
                        }
                    }
                },
                Err(_) => break,
            }
        }
        // Still the one that writes: nothing may follow a frame that was cut.
        self.close();
        false
    }

    fn wake_waiters(&self, queue: MutexGuard<'_, Queue>) {
        let wanted = queue.waiters > 0;
        drop(queue);
        if wanted {
            self.room.notify_all();
        }
    }

    /// Waits on `room`, counted, so that it is woken.
    fn await_room(&self, mut queue: MutexGuard<'_, Queue>, patience: Duration) {
        queue.waiters += 1;
        let (mut queue, _) = self
            .room
            .wait_timeout(queue, patience)
            .unwrap_or_else(PoisonError::into_inner);
        queue.waiters -= 1;
    }

    /// Bytes that wait for the client.
    pub fn len(&self) -> usize {
        hold(&self.queue).len()
    }

    /// Waits for bytes to leave, at most for `patience`; not at all where there are none.
    pub fn wait_for_room(&self, patience: Duration) {
        self.wait_while(patience, |queue| queue.len() > 0);
    }

    /// The same, or for answers that wait for their time to do so no more.
    pub fn wait_for_relief(&self, patience: Duration) {
        self.wait_while(patience, |queue| queue.load() > 0);
    }

    /// Waits for bytes that are still to come to leave.
    pub fn wait_for_more(&self, patience: Duration) {
        self.wait_while(patience, |_| true);
    }

    fn wait_while(&self, patience: Duration, wanted: fn(&Queue) -> bool) {
        let queue = hold(&self.queue);
        if !queue.closed && wanted(&queue) {
            self.await_room(queue, patience);
        }
    }

    /// Ends both directions at once and drops what waits. May be called again.
    pub fn close(&self) {
        let mut queue = hold(&self.queue);
        queue.closed = true;
        queue.waiting = Vec::new();
        queue.behind = Behind::default();
        queue.in_flight = 0;
        drop(queue);
        // The client may have gone by itself.
        let _ = self.stream.shutdown(Shutdown::Both);
        self.work.notify_all();
        self.room.notify_all();
    }

    /// No more requests: the reader sees an end-of-file behind what the client has sent.
    pub fn stop_reading(&self) {
        let _ = self.stream.shutdown(Shutdown::Read);
        self.room.notify_all();
    }

    /// No more requests, and no waiting for the end of a stall.
    pub fn stop(&self) {
        hold(&self.queue).read_out = true;
        self.stop_reading();
    }

    /// Waits until the client may be read from again, or never will be: when it is being closed, or
    /// has gone, as it is asked from time to time.
    pub fn sit_out_stall(&self, recheck: Duration) {
        loop {
            let mut queue = hold(&self.queue);
            let Some(until) = queue.stalled_until else {
                return;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || queue.is_ending() || queue.read_out || self.peer_has_closed() {
                queue.stalled_until = None;
                return;
            }
            self.await_room(queue, left.min(recheck));
        }
    }

    /// Whether so much waits for the client, answers that wait for their time included, that it is not
    /// to be read from.
    pub fn is_overloaded(&self, budget: usize) -> bool {
        let queue = hold(&self.queue);
        queue.load() >= budget && !queue.is_ending()
    }

    /// Whether a frame is going out in pieces.
    pub fn is_slow(&self) -> bool {
        let queue = hold(&self.queue);
        !queue.closed && !queue.behind.is_empty()
    }

    /// Waits until a client that is to be turned away is to be closed, or has gone; false when it is to
    /// be served after all.
    pub fn is_turned_away(&self, recheck: Duration) -> bool {
        loop {
            let queue = hold(&self.queue);
            if queue.is_ending() || queue.read_out || self.peer_has_closed() {
                return true;
            }
            if queue.let_in {
                return false;
            }
            self.await_room(queue, recheck);
        }
    }

    /// Writes nothing more and lets the stream go, without ending it.
    pub fn abandon(&self) {
        let mut queue = hold(&self.queue);
        queue.closed = true;
        drop(queue);
        self.work.notify_all();
        self.room.notify_all();
    }

    /// Bytes that have left so far, and those that will have when all that waits now has; a slow frame
    /// waits for its time.
    pub fn progress(&self) -> (u64, u64) {
        let queue = hold(&self.queue);
        let waiting = queue.waiting.len() + queue.in_flight;
        (queue.gone, queue.gone + waiting as u64)
    }

    /// Wakes whoever waits for room or for the end of a stall.
    pub fn wake(&self) {
        self.room.notify_all();
    }

    /// Reads what the client has sent and nobody will serve, so that its end is an end-of-file and
    /// not a reset. To be called after [`close`](Self::close).
    pub fn read_the_rest(&self) {
        let mut rest = [0; 4096];
        let mut stream: &UnixStream = &self.stream;
        while matches!(io::Read::read(&mut stream, &mut rest), Ok(1..)) {}
    }

    /// Whether the client has closed both directions, which a write of nothing tells.
    pub fn peer_has_closed(&self) -> bool {
        let mut stream: &UnixStream = &self.stream;
        matches!(stream.write(&[]), Err(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Why there is no push thread, where that is what closed the client; told once.
    pub fn no_thread(&self) -> Option<io::Error> {
        hold(&self.queue).no_thread.take()
    }

    /// Why the client was closed, where that was not its own doing.
    pub fn ending(&self) -> Option<Reason> {
        hold(&self.queue).ending
    }

    /// Whether the outbox was closed.
    pub fn is_closed(&self) -> bool {
        hold(&self.queue).closed
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

#[cfg(all(test, not(shuttle)))]
mod tests;
