//! What the unit tests share: a directory of one's own, and a process of one's own.

// The checked build has the models alone beside the plainest of these tests.
#![cfg_attr(shuttle, allow(dead_code))]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A new directory, removed with all it holds on drop.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> TempDir {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mp-unit-{}-{count}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory).unwrap();
        TempDir(directory)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The sorted names in the directory.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const ROLE: &str = "MOCKPILOT_UNIT_ROLE";

/// What [`rerun`] asked this process to be, if it is such a process.
#[cfg_attr(shuttle, allow(dead_code))]
pub(crate) fn role() -> Option<std::ffi::OsString> {
    std::env::var_os(ROLE)
}

/// This test program again, for one test only, which then sees `role` as its [`role`]. `limits` goes
/// before the program in a shell (`ulimit -n 20; `).
#[cfg_attr(shuttle, allow(dead_code))]
pub(crate) fn rerun(test: &str, role: impl AsRef<std::ffi::OsStr>, limits: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg(format!("{limits}exec \"$0\" \"$@\""))
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(ROLE, role);
    command
}
