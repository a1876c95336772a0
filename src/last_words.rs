//! What a daemon has to say when it ends, which nobody may be there to read.

use std::io;
use std::time::Duration;

use crate::log::{TURN, write_all};
use crate::mailbox::Mailbox;
use crate::threads;

/// How long to wait for somebody to take a piece (our choice).
const PATIENCE: Duration = Duration::from_millis(50);

/// Bytes of a piece: a pipe takes so many at once.
const PIECE: usize = 4096;

/// Writes to standard error, and gives up where nobody takes what is there already: the daemon ends all
/// the same, and a thread that hangs in a write with it.
pub(crate) fn last_words(text: &str) {
    if text.is_empty() {
        return;
    }
    let taken = Mailbox::new();
    let (theirs, all) = (taken.clone(), text.to_owned());
    let write = move || {
        theirs.put(());
        for piece in all.as_bytes().chunks(PIECE) {
            // Where it fails, nobody is left to be told.
            let _ = write_all(&mut io::stderr(), piece);
            theirs.put(());
        }
    };
    if threads::start("last words", threads::ROOMY, Box::new(write)).is_err() {
        // Without a thread: to be silent for sure is worse than to wait for a reader perhaps.
        let _ = write_all(&mut io::stderr(), text.as_bytes());
        return;
    }
    // On a busy machine the thread may have to wait for its turn, however many would read.
    let mut patience = TURN;
    for _ in 0..=text.len().div_ceil(PIECE) {
        if taken.take(patience).is_none() {
            return;
        }
        patience = PATIENCE;
    }
}
