//! The log: lines that are written by a thread of their own, so that no caller ever waits for a reader.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::threads;

/// Lines that may wait for the writer (our choice).
const QUEUE_LINES: usize = 4096;

/// Bytes that may wait for the writer: one line alone may be longer (our choice).
const QUEUE_BYTES: usize = 4 << 20;

/// How long to leave a descriptor alone that somebody made non-blocking and that is full.
const RETRY: Duration = Duration::from_millis(10);

/// How long the writer may wait for its turn on a busy machine (our choice).
pub(crate) const TURN: Duration = Duration::from_secs(5);

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors alone.
    Quiet,
    /// Errors, warnings, and a line at the start and at the end.
    #[default]
    Normal,
    /// Every frame too.
    Verbose,
}

/// A handle on the log. Clones share it; the writer ends with the last of them.
#[derive(Clone)]
pub struct Log {
    verbosity: Verbosity,
    writer: Option<Arc<Handle>>,
}

impl Log {
    /// A log on the standard error stream as it is now.
    pub fn stderr(verbosity: Verbosity) -> Log {
        // A descriptor of its own: std's stream has a lock, which a writer stuck in a full pipe would
        // hold against the panic hook.
        match io::stderr().as_fd().try_clone_to_owned() {
            Ok(descriptor) => Log::to(File::from(descriptor), verbosity),
            Err(_) => Log::none(),
        }
    }

    /// A log that is appended to the file at `path`, which is created with mode 0600.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened.
    pub fn file(path: &Path, verbosity: Verbosity) -> io::Result<Log> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        Ok(Log::to(file, verbosity))
    }

    /// A log that goes nowhere.
    pub fn none() -> Log {
        Log {
            verbosity: Verbosity::Quiet,
            writer: None,
        }
    }

    pub(crate) fn to(output: impl Write + Send + 'static, verbosity: Verbosity) -> Log {
        let state = State {
            output: Some(Box::new(output)),
            ..State::default()
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        Log {
            verbosity,
            writer: Some(Arc::new(Handle(shared))),
        }
    }

    /// Logs what went wrong.
    pub fn error(&self, text: &str) {
        self.write(Verbosity::Quiet, || text.into());
    }

    /// Logs what may be wrong.
    pub fn warn(&self, text: &str) {
        self.write(Verbosity::Normal, || text.into());
    }

    /// Logs what happened.
    pub fn info(&self, text: &str) {
        self.write(Verbosity::Normal, || text.into());
    }

    /// Logs a frame; `text` is called only if frames are logged.
    pub fn frame(&self, text: impl FnOnce() -> String) {
        self.write(Verbosity::Verbose, || text().into());
    }

    /// Whether frames are logged.
    pub fn verbose(&self) -> bool {
        self.writer.is_some() && self.verbosity >= Verbosity::Verbose
    }

    /// Waits until everything logged so far is written, but no longer than `timeout` for a write that
    /// makes no progress.
    pub fn flush(&self, timeout: Duration) {
        let Some(Handle(shared)) = self.writer.as_deref() else {
            return;
        };
        let mut state = shared.hold();
        let end = state.accepted;
        // Where the output still is there, there was no thread to be had for it.
        while state.settled < end && !state.broken && state.output.is_none() {
            // A writer that the system has not let run yet is not one that nobody reads from.
            let patience = if state.writing { timeout } else { TURN };
            let waited = shared.changed.wait_timeout(state, patience);
            let (next, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            if waited.timed_out() {
                return;
            }
            state = next;
        }
    }

    fn write<'a>(&self, least: Verbosity, text: impl FnOnce() -> Cow<'a, str>) {
        if let Some(Handle(shared)) = self.writer.as_deref()
            && self.verbosity >= least
        {
            shared.append(format!("mockpilot: {}\n", one_line(&text())));
        }
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log")
            .field("verbosity", &self.verbosity)
            .finish_non_exhaustive()
    }
}

/// The text with its control characters escaped, so that it stays on one line.
pub fn one_line(text: &str) -> Cow<'_, str> {
    let breaks = |c: char| (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}');
    if !text.contains(breaks) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if breaks(c) {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    escaped.into()
}

/// What all clones of a log share; the last one closes it.
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.hold().closed = true;
        self.0.changed.notify_all();
    }
}

#[derive(Default)]
struct State {
    lines: VecDeque<String>,
    /// Bytes in `lines`.
    bytes: usize,
    /// Lines for which there was no room since the writer last looked.
    dropped: u64,
    /// Lines taken into the queue so far, and how many of them the writer is done with.
    accepted: u64,
    settled: u64,
    /// The writer writes.
    writing: bool,
    /// Where the lines go, until the writer takes it.
    output: Option<Box<dyn Write + Send>>,
    /// Nobody reads any more: nothing is kept.
    broken: bool,
    closed: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn hold(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(self: &Arc<Self>, line: String) {
        let mut state = self.hold();
        if state.broken {
            return;
        }
        let full = state.lines.len() >= QUEUE_LINES || state.bytes >= QUEUE_BYTES;
        if full {
            state.dropped += 1;
            return;
        }
        state.bytes += line.len();
        state.accepted += 1;
        state.lines.push_back(line);
        if let Some(output) = state.output.take() {
            drop(state);
            self.start(output);
        } else if !state.writing {
            // A writer that writes looks again, and who waits for it is not to wait anew.
            self.changed.notify_all();
        }
    }

    /// Starts the writer; where there is no thread to be had, the next line tries again.
    fn start(self: &Arc<Self>, output: Box<dyn Write + Send>) {
        let shared = Arc::clone(self);
        let slot = Arc::new(Mutex::new(Some(output)));
        let theirs = Arc::clone(&slot);
        let take = |slot: &Mutex<Option<_>>| slot.lock().ok().and_then(|mut slot| slot.take());
        let write = move || {
            if let Some(output) = take(&theirs) {
                shared.run(output);
            }
        };
        let started = threads::start("log", threads::ROOMY, Box::new(write));
        if started.is_err() {
            self.hold().output = take(&slot);
            self.changed.notify_all();
        }
    }

    /// The writer thread.
    fn run(&self, mut output: Box<dyn Write + Send>) {
        let mut state = self.hold();
        loop {
            while state.lines.is_empty() && !state.closed {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            if state.lines.is_empty() {
                return;
            }
            let batch = std::mem::take(&mut state.lines);
            state.bytes = 0;
            let dropped = std::mem::take(&mut state.dropped);
            state.writing = true;
            drop(state);
            self.changed.notify_all();
            let written = write_batch(&mut output, &batch, dropped);
            state = self.hold();
            state.writing = false;
            state.settled += batch.len() as u64;
            match written {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    state.broken = true;
                    state.lines = VecDeque::new();
                    self.changed.notify_all();
                    return;
                }
                // A full disk, say: what comes later may find room.
                Err(_) => state.dropped += batch.len() as u64 + dropped,
            }
            self.changed.notify_all();
        }
    }
}

fn write_batch(output: &mut dyn Write, batch: &VecDeque<String>, dropped: u64) -> io::Result<()> {
    let mut text: String = batch.iter().map(String::as_str).collect();
    if dropped > 0 {
        // The queue was full only after everything that is in it.
        text.push_str(&format!("mockpilot: log lines dropped: {dropped}\n"));
    }
    write_all(output, text.as_bytes())
}

/// Writes all of it, also where somebody made the descriptor non-blocking.
pub(crate) fn write_all(output: &mut dyn Write, mut rest: &[u8]) -> io::Result<()> {
    while !rest.is_empty() {
        match output.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(RETRY),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
