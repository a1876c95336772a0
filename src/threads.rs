//! Threads are started here and nowhere else: every other place would get code of its own for it.

use std::io;
use std::thread::{Builder, JoinHandle};

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
) -> io::Result<JoinHandle<()>> {
    let builder = Builder::new().name(name.to_owned()).stack_size(stack);
    builder.spawn(body)
}
