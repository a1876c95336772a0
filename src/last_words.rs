//! What a daemon has to say when it ends, which nobody may be there to read.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::thread;
use std::time::{Duration, Instant};

/// How long to wait for somebody to read (our choice), and how often to try.
const PATIENCE: Duration = Duration::from_millis(50);
const RETRY: Duration = Duration::from_millis(1);

const O_NONBLOCK: i32 = if cfg!(target_os = "linux") { 0o4000 } else { 4 };

/// Writes to standard error, and gives up where that is a full pipe of which nobody takes a byte: the
/// daemon ends all the same.
pub(crate) fn last_words(text: &str) {
    if text.is_empty() {
        return;
    }
    let mut rest = text.as_bytes();
    let Some(mut pipe) = own_end_of_a_pipe() else {
        let _ = io::stderr().write_all(rest);
        return;
    };
    let mut last_taken = Instant::now();
    while !rest.is_empty() && last_taken.elapsed() < PATIENCE {
        match pipe.write(rest) {
            Ok(taken) => {
                rest = &rest[taken..];
                last_taken = Instant::now();
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(RETRY),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// Standard error, where it is a pipe, opened anew so that a full one is an error: others may have the
/// one that we were given, and are not to find it changed.
fn own_end_of_a_pipe() -> Option<File> {
    let standard = File::from(io::stderr().as_fd().try_clone_to_owned().ok()?);
    if !standard.metadata().ok()?.file_type().is_fifo() {
        return None;
    }
    let mut options = OpenOptions::new();
    options.write(true).custom_flags(O_NONBLOCK);
    options.open("/proc/self/fd/2").ok()
}
