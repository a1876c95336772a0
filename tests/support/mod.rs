//! What the integration tests share: the built binary as a child process, and a raw client.
#![allow(dead_code, unused_imports)] // Every test file uses a part of it.

mod binary;
mod chance;
mod child;
mod client;
mod compiler;
mod in_time;
mod long_run;
mod users;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub use binary::Binary;
pub use chance::Chance;
pub use child::end;
pub use client::{Client, Received, error_of};
pub use compiler::compile;
pub use in_time::end_in_time;
pub use long_run::{asked, figures};
pub use users::can_become;

/// What no healthy run ever needs; a test that waits this long has failed.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// A new directory, removed with all it holds on drop. Its path is short, so that a socket fits in.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> TempDir {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let directory = std::env::temp_dir().join(format!("mp-{}-{count}", std::process::id()));
            match std::fs::create_dir(&directory) {
                Ok(()) => return TempDir(directory),
                // Left over from a process that had the same id and was killed.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("{}: {error}", directory.display()),
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of `name` in the directory.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Asks `probe` until it has something, at most [`DEADLINE`] long.
pub fn poll<T>(mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = probe() {
            return Some(found);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
