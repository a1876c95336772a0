//! Why a daemon ends as asked, and the handle by which any thread ends it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::threads::Handle;

/// What asked for the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A signal, by its number.
    Signal(i32),
    /// The lifeline reached its end-of-file.
    Lifeline,
    /// This process is not the parent any more.
    Parent(u32),
    /// The last client has left.
    LastClient,
    /// Somebody asked over the control socket.
    Control,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Signal(number) => write!(f, "ended by signal {number}"),
            Cause::Lifeline => f.write_str("ended: the lifeline is closed"),
            Cause::Parent(pid) => write!(f, "ended: the parent, process {pid}, is gone"),
            Cause::LastClient => f.write_str("ended: the last client has left"),
            Cause::Control => f.write_str("ended: stopped over the control socket"),
        }
    }
}

/// Ends the daemon whose [`Signals`](super::signals::Signals) it comes from. Clones end the same one.
#[derive(Clone, Debug)]
pub struct Ender {
    cause: Arc<OnceLock<Cause>>,
    waiting: Handle,
}

impl Ender {
    pub(super) fn new(waiting: Handle) -> Ender {
        Ender {
            cause: Arc::default(),
            waiting,
        }
    }

    /// Asks for the end; of several causes the first one counts.
    pub fn end(&self, cause: Cause) {
        let _ = self.cause.set(cause);
        self.waiting.close();
    }

    /// What asked for the end so far.
    pub fn cause(&self) -> Option<Cause> {
        self.cause.get().copied()
    }
}
