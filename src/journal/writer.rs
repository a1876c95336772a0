//! Numbers the entries, keeps the last ones, and has a thread write them all.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::entry::Entry;
use super::output::{self, Output};
use super::ring::{Chunk, Ring};
use super::{Direction, KEPT, Options, SHOWN};
use crate::clause::clause;
use crate::daemon::hold;
use crate::log::Log;
use crate::threads::{self, Condvar, Instant, JoinHandle, Mutex, MutexGuard};
use crate::wire::command::PUSHES;

/// Bytes of records that may wait to be written: one alone may be longer (our choice).
const WAITING: usize = 1 << 20;

/// Bytes of lines that are written at once.
const BATCH: usize = 256 << 10;

/// How long the end waits for somebody to read a FIFO, or to take a byte of what is no file (our choice).
const READER: Duration = Duration::from_secs(1);

const UNREAD: &str = "nobody has opened it to read";

/// What enters entries, and ends the thread that writes them.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    started: Instant,
    log: Log,
    /// The file's path; empty where there is no file.
    path: PathBuf,
    state: Mutex<State>,
    /// There is something to write, or it is over.
    work: Condvar,
    /// There is room again.
    room: Condvar,
}

#[derive(Debug, Default)]
struct State {
    seq: u64,
    ring: Ring,
    /// Whether entries are to be written.
    open: bool,
    /// Records that wait to be written.
    waiting: Vec<u8>,
    /// Threads that wait for room.
    waiters: usize,
    /// The writing thread has nothing to do.
    idle: bool,
    /// The writing thread waits for a FIFO's reader.
    unread: bool,
    /// Somebody reads what is written, who may never do it; a disk always takes it in the end.
    read: bool,
    /// Bytes that were taken by who reads, and how often they were offered.
    taken: u64,
    /// Whether they are on offer now: who makes them into lines keeps nobody waiting.
    writing: bool,
    /// The daemon ends, so nobody waits for ever.
    hurried: bool,
    /// The writing thread has ended.
    ended: bool,
    failure: Option<String>,
}

impl Writer {
    pub fn start(
        options: Options,
        started: Instant,
        path: Option<&Path>,
        log: &Log,
    ) -> io::Result<Writer> {
        let output = path.map(Output::of).transpose()?;
        let state = State {
            open: output.is_some(),
            unread: matches!(output, Some(Output::Fifo(_))),
            read: matches!(output, Some(Output::Fifo(_))),
            ..State::default()
        };
        let shared = Arc::new(Shared {
            options,
            started,
            log: log.clone(),
            path: path.unwrap_or(Path::new("")).to_path_buf(),
            state: Mutex::new(state),
            work: Condvar::new(),
            room: Condvar::new(),
        });
        let mut thread = None;
        if let Some(output) = output {
            let shared = Arc::clone(&shared);
            let run = move || shared.run(output);
            thread = Some(threads::start("journal", threads::ROOMY, Box::new(run))?);
        }
        let thread = Mutex::new(thread);
        Ok(Writer { shared, thread })
    }

    /// Gives an entry its number and its time, keeps it, and has it written. Waits for room.
    pub fn enter(&self, mut entry: Entry<'_>) -> u64 {
        let shared = &*self.shared;
        let kept = match entry.direction {
            Some(Direction::Push) if !shared.options.raw && is_known(entry.code) => SHOWN,
            _ => usize::MAX,
        };
        let mut state = shared.state();
        // What waits when the journal is closed is still written.
        let written = state.open;
        while written
            && state.failure.is_none()
            && !state.waiting.is_empty()
            && state.waiting.len() + entry.size(kept) > WAITING
        {
            state.waiters += 1;
            state = shared.wait_for_room(state);
            state.waiters -= 1;
        }
        state.seq += 1;
        entry.seq = state.seq;
        entry.micros = shared.started.elapsed().as_micros() as u64;
        state.ring.push(&entry, kept.min(KEPT));
        if written && state.failure.is_none() {
            entry.record(kept, &mut state.waiting);
            if std::mem::take(&mut state.idle) {
                drop(state);
                shared.work.notify_one();
            }
        }
        entry.seq
    }

    /// The chunks with the entries behind number `since`, and perhaps some before it.
    pub fn behind(&self, since: u64) -> Vec<Arc<Chunk>> {
        self.shared.state().ring.behind(since)
    }

    /// The daemon ends: whoever waits for room does so only while somebody reads.
    pub fn hurry(&self) {
        self.shared.state().hurried = true;
        self.shared.room.notify_all();
    }

    #[cfg(test)]
    pub fn waiters(&self) -> usize {
        self.shared.state().waiters
    }

    #[cfg(test)]
    pub fn is_open(&self) -> bool {
        self.shared.state().open
    }

    pub fn close(&self) -> Result<(), String> {
        let shared = &*self.shared;
        self.hurry();
        let mut state = shared.state();
        while state.unread && !state.waiting.is_empty() {
            state = shared.wait_for_room(state);
        }
        state.open = false;
        let unread = state.unread;
        drop(state);
        shared.work.notify_one();
        shared.room.notify_all();
        let thread = hold(&self.thread).take();
        if unread {
            output::release(&shared.path);
        } else if let Some(thread) = thread {
            let mut state = shared.state();
            while !state.ended && state.failure.is_none() {
                state = shared.wait_for_room(state);
            }
            let ended = state.ended;
            drop(state);
            if ended {
                // One that panics has said so.
                let _ = thread.join();
            }
        }
        shared.state().failure.clone().map_or(Ok(()), Err)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A failure was logged.
        let _ = self.close();
    }
}

/// Whether all that is ever shown of such a push, unless it is raw, is at its start.
fn is_known(code: u8) -> bool {
    PUSHES.iter().any(|push| push.code == code)
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        hold(&self.state)
    }

    /// Waits for the writing thread to get on; gives up the file where it does not and the daemon ends.
    fn wait_for_room<'s>(&'s self, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        if !state.hurried || !state.read {
            return wait(&self.room, state);
        }
        let taken = state.taken;
        let stuck = |state: &mut State| state.taken == taken && !state.ended;
        let waited = self.room.wait_timeout_while(state, READER, stuck);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if stuck(&mut state) && (state.writing || state.unread) {
            let why = match state.unread {
                true => UNREAD,
                false => "nobody reads on",
            };
            drop(state);
            self.fail(why);
            self.room.notify_all();
            state = self.state();
        }
        state
    }

    /// The writing thread.
    fn run(&self, output: Output) {
        let _ended = Ended(self);
        if let Err(why) = self.write_all(output) {
            self.fail(&clause(&why));
        }
    }

    fn write_all(&self, output: Output) -> io::Result<()> {
        let file = output.ready()?;
        let read = !file.metadata()?.is_file();
        let mut state = self.state();
        (state.unread, state.read) = (false, read);
        drop(state);
        self.room.notify_all();
        let mut records = Vec::new();
        let mut lines = String::new();
        loop {
            records.clear();
            records.shrink_to(WAITING);
            let mut state = self.state();
            while state.waiting.is_empty()
                && state.failure.is_none()
                && (state.open || state.waiters > 0)
            {
                state.idle = true;
                state = wait(&self.work, state);
            }
            state.idle = false;
            std::mem::swap(&mut state.waiting, &mut records);
            let waited_for = state.waiters > 0;
            drop(state);
            if waited_for {
                self.room.notify_all();
            }
            if records.is_empty() {
                // The file may have gone since the last line.
                return output::write(&file, b"", &mut |_| {});
            }
            let mut rest = &records[..];
            while let Some(entry) = Entry::read(&mut rest) {
                let _ = writeln!(lines, "{}", entry.line(self.options));
                if lines.len() >= BATCH || rest.is_empty() {
                    self.offers(true);
                    output::write(&file, lines.as_bytes(), &mut |bytes| self.took(bytes))?;
                    if self.offers(false) {
                        return Ok(());
                    }
                    lines.clear();
                }
            }
        }
    }

    /// Whether the file has been given up meanwhile.
    fn offers(&self, writing: bool) -> bool {
        let mut state = self.state();
        state.writing = writing;
        state.taken += 1;
        state.failure.is_some()
    }

    /// Whoever reads has taken so much.
    fn took(&self, bytes: usize) {
        let mut state = self.state();
        state.taken += bytes as u64;
        if state.hurried {
            self.room.notify_all();
        }
    }

    /// Gives up the file: what comes later is not written.
    fn fail(&self, why: &str) {
        let failure = format!("{}: the journal is incomplete: {why}", self.path.display());
        let mut state = self.state();
        state.open = false;
        state.waiting = Vec::new();
        if state.failure.is_none() {
            self.log.error(&failure);
            state.failure = Some(failure);
            self.work.notify_one();
        }
    }
}

/// Nobody waits for a thread that is gone, even if it has panicked.
struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail("its thread has panicked");
        }
        self.0.state().ended = true;
        self.0.room.notify_all();
    }
}

fn wait<'s>(changed: &Condvar, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
    changed.wait(state).unwrap_or_else(PoisonError::into_inner)
}
