//! `mockpilot cover run`: a command whose processes all write their data to one directory.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::data::Skipped;
use super::llvm::{Objects, RAW};
use super::processes::Watch;
use super::{Failure, list, merge, output, why};
use crate::cli::{CoverOptions, complain};
use crate::exec::{command, receive_signals};
use crate::log::one_line;
use crate::mailbox::Mailbox;
use crate::private::PrivateDirectory;

/// A file for each process, and for each program that it turns into; where two processes have the same
/// number (in PID namespaces) LLVM adds one to the other.
const PATTERN: &str = "%p-%m.";

const GO_VARIABLE: &str = "GOCOVERDIR";

/// Runs the command, then merges; gives the exit status.
pub(super) fn run(options: &CoverOptions) -> Result<u8, Failure> {
    let events = Mailbox::new();
    receive_signals(events.clone())?;
    if let Some(path) = &options.output {
        output::check(path)?;
    }
    let private;
    let directory = match &options.keep {
        Some(kept) => keep(kept)?,
        None => {
            private = PrivateDirectory::new()?;
            absolute(private.path())?
        }
    };
    if directory.as_os_str().as_bytes().contains(&b'%') {
        let text = format!("{}: LLVM would expand the %", directory.display());
        return Err(text.into());
    }
    let pattern = directory.join(format!("{PATTERN}{RAW}"));
    let environment: [(&str, Option<&OsStr>); 2] = [
        (GO_VARIABLE, Some(directory.as_os_str())),
        ("LLVM_PROFILE_FILE", Some(pattern.as_os_str())),
    ];
    let mut watch = Watch::start(GO_VARIABLE, &directory);
    let ended = match command::run(&options.command, &environment, None, &events, &mut || {
        watch.look()
    }) {
        Ok(ended) => ended,
        Err(refused) => {
            return Err(Failure {
                status: refused.status,
                text: refused.text,
            });
        }
    };
    let missing = watch.without_data(&directory);
    let merged = collect(options, &directory, missing);
    match (ended.status, merged) {
        (0, merged) => merged,
        (status, Err(failure)) => {
            complain(&one_line(&failure.text));
            Ok(status)
        }
        (status, Ok(_)) => Ok(status),
    }
}

/// Makes the directory for data that is to stay, unless it is there and empty.
fn keep(path: &Path) -> Result<PathBuf, Failure> {
    fs::create_dir_all(path).map_err(|error| why(path, &error))?;
    if !list(path)?.is_empty() {
        let text = format!("{}: not empty, its data would count too", path.display());
        return Err(text.into());
    }
    absolute(path)
}

/// Processes may change their working directory.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    Ok(std::path::absolute(path).map_err(|error| why(path, &error))?)
}

/// Merges what the processes have left.
fn collect(options: &CoverOptions, directory: &Path, missing: Vec<Skipped>) -> Result<u8, Failure> {
    let mut inputs = vec![directory.to_path_buf()];
    if list(directory)?.is_empty() {
        inputs.clear();
    }
    let objects = Objects {
        named: options.objects.clone(),
        tried: options.command.first().and_then(program),
        cut_off: true,
    };
    merge(options, &inputs, &objects, missing)
}

/// The file that a command of this name is.
fn program(name: &OsString) -> Option<PathBuf> {
    if name.as_bytes().contains(&b'/') {
        return Some(name.into());
    }
    let path = std::env::var_os("PATH")?;
    let mut found = std::env::split_paths(&path).map(|directory| directory.join(name));
    found.find(|path| path.is_file())
}
