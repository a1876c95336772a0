//! Threads, what those that serve clients wait for, and the sockets between them: from here, so that a
//! checker can take the system's place (`--cfg shuttle`) and try the orders in which they may go on. The
//! log and what ends a process wait by themselves: no model has them. Every thread starts here: each
//! other place would get code of its own for that.

#[cfg(shuttle)]
pub(crate) mod checked;

#[cfg(shuttle)]
pub use checked::{
    AtomicU64, AtomicUsize, Builder, Condvar, Handle, Instant, JoinHandle, Mutex, MutexGuard,
    SignalsInfo, UnixListener, UnixStream, as_stream, sleep,
};

#[cfg(not(shuttle))]
pub use system::*;

/// What the system has.
#[cfg(not(shuttle))]
mod system {
    pub use std::os::unix::net::{UnixListener, UnixStream};
    pub use std::sync::atomic::{AtomicU64, AtomicUsize};
    pub use std::sync::{Condvar, Mutex, MutexGuard};
    pub use std::thread::{Builder, JoinHandle, sleep};
    pub use std::time::Instant;

    pub use signal_hook::iterator::{Handle, SignalsInfo};

    /// A listening socket as the type that can be shut down.
    pub(crate) fn as_stream(listener: UnixListener) -> UnixStream {
        UnixStream::from(std::os::fd::OwnedFd::from(listener))
    }
}

/// Stack of a thread that may call anything, in bytes.
pub(crate) const ROOMY: usize = 2 << 20;

/// Starts a thread with so many bytes of stack.
///
/// # Errors
/// When the system has none left.
pub(crate) fn start(
    name: &str,
    stack: usize,
    body: Box<dyn FnOnce() + Send>,
) -> std::io::Result<JoinHandle<()>> {
    let builder = Builder::new().name(name.to_owned()).stack_size(stack);
    builder.spawn(body)
}
