//! `mockpilot ctl`: one request, and its answer on standard output.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use crate::clause::clause;
use crate::cli::{CtlOptions, Misuse, complain, print_stdout};
use crate::go::json::members;
use crate::log::one_line;

/// The variable that names the socket where the command line does not.
const VARIABLE: &str = "MOCKPILOT_CONTROL";

/// How often to look for a daemon that is awaited.
const RETRY: Duration = Duration::from_millis(2);

/// Sends a request and prints its answer; gives the exit status of the process.
pub(crate) fn ctl(options: &CtlOptions) -> ExitCode {
    let named = || std::env::var_os(VARIABLE).filter(|path| !path.is_empty());
    let path = options
        .control
        .clone()
        .or_else(|| named().map(PathBuf::from));
    let Some(path) = path else {
        complain(&format!(
            "no control socket: neither --control nor {VARIABLE} is set"
        ));
        return ExitCode::from(Misuse::STATUS);
    };
    let answered = match options.wait {
        Some(patience) => insist(&path, &options.request, patience),
        None => ask(&path, &options.request, None),
    };
    let answered = answered.map_err(|error| format!("{}: {}", path.display(), clause(&error)));
    let printed = answered.and_then(|answer| match print_stdout(&answer) {
        Ok(()) => Ok(is_ok(&answer)),
        Err(error) => Err(format!("standard output: {}", clause(&error))),
    });
    match printed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            complain(&one_line(&why));
            ExitCode::FAILURE
        }
    }
}

/// Asks until there is an answer, or for as long as `patience`.
fn insist(path: &Path, request: &str, patience: Duration) -> io::Result<String> {
    let end = Instant::now() + patience;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match ask(path, request, Some(left.max(RETRY))) {
            Err(error) if may_pass(error.kind()) && !left.is_zero() => {
                thread::sleep(RETRY.min(left));
            }
            answered => return answered,
        }
    }
}

/// Whether a daemon that starts, or takes the place of one that ends, looks like this for a while.
fn may_pass(kind: ErrorKind) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, NotFound, UnexpectedEof};
    matches!(
        kind,
        NotFound | ConnectionRefused | ConnectionReset | BrokenPipe | UnexpectedEof
    )
}

fn ask(path: &Path, request: &str, patience: Option<Duration>) -> io::Result<String> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(patience)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    match BufReader::new(stream).read_line(&mut answer) {
        Ok(_) if answer.ends_with('\n') => Ok(answer),
        Ok(_) => Err(io::Error::new(
            ErrorKind::UnexpectedEof,
            "closed without an answer, is it a control socket?",
        )),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            Err(io::Error::new(ErrorKind::TimedOut, "no answer"))
        }
        Err(error) => Err(error),
    }
}

fn is_ok(answer: &str) -> bool {
    let members = members(answer.as_bytes()).unwrap_or_default();
    members
        .iter()
        .any(|(key, value)| key == "ok" && *value == "true")
}
