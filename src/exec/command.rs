//! The command that is run: its environment, the signals that it gets, and how it ends.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGTERM};

use super::Event;
use super::daemon::CHILD_PERIOD;
use crate::clause::clause;
use crate::daemon::signals::Received;
use crate::mailbox::Mailbox;
use crate::sys;

/// How long a command has after SIGTERM. Source: the contract of `--timeout`.
const TERM_GRACE: Duration = Duration::from_secs(2);

const TIMED_OUT: u8 = 124;
const CANNOT_START: u8 = 126;
const NOT_FOUND: u8 = 127;

const ENOEXEC: i32 = 8;

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The status as shells count it.
    pub(crate) status: u8,
    /// The command and what became of it, as a clause.
    pub(crate) how: String,
}

/// Why a command could not be started.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: u8,
    pub(crate) text: String,
}

/// Runs a command to its end, at most for `timeout`, and passes the signals among `events` on to it. Its
/// environment is this process's but for the variables in `environment`, of which those without a value
/// are removed. Meanwhile it calls `look`, which gives the longest time to the next call.
///
/// # Errors
///
/// When it cannot be started or waited for.
pub(crate) fn run(
    command: &[OsString],
    environment: &[(&str, Option<&OsStr>)],
    timeout: Option<Duration>,
    events: &Mailbox<Event>,
    look: &mut dyn FnMut() -> Duration,
) -> Result<Ended, Refused> {
    let (name, arguments) = match command.split_first() {
        Some((name, arguments)) => (name.as_os_str(), arguments),
        None => (OsStr::new(""), &[][..]),
    };
    let shown = name.to_string_lossy();
    let prepare = |program: &OsStr| {
        let mut command = Command::new(program);
        for (name, value) in environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    };
    let spawned = match prepare(name).args(arguments).spawn() {
        // A script without `#!`, which shells run too.
        Err(error) if error.raw_os_error() == Some(ENOEXEC) && shown.contains('/') => {
            let mut shell = prepare(OsStr::new("/bin/sh"));
            shell.arg(name).args(arguments).spawn().map_err(|_| error)
        }
        spawned => spawned,
    };
    let mut child = spawned.map_err(|error| Refused {
        status: match error.kind() {
            ErrorKind::NotFound => NOT_FOUND,
            _ => CANNOT_START,
        },
        text: format!("{shown}: cannot start: {}", clause(&error)),
    })?;
    let waited = wait(&mut child, timeout, events, look).map_err(|error| Refused {
        status: CANNOT_START,
        text: format!("{shown}: cannot be waited for: {}", clause(&error)),
    });
    let (status, timed_out) = waited?;
    Ok(match (status.code(), status.signal()) {
        _ if timed_out => Ended {
            status: TIMED_OUT,
            how: format!("{shown} timed out after {:?}", timeout.unwrap_or_default()),
        },
        (Some(code), _) => Ended {
            status: code as u8,
            how: format!("{shown} exited with status {code}"),
        },
        (None, signal) => {
            let signal = signal.unwrap_or_default();
            Ended {
                status: 128 + signal as u8,
                how: format!("{shown} was killed by signal {signal}"),
            }
        }
    })
}

/// Waits for the command and passes signals on to it meanwhile; tells whether its time ran out.
fn wait(
    child: &mut Child,
    timeout: Option<Duration>,
    events: &Mailbox<Event>,
    look: &mut dyn FnMut() -> Duration,
) -> io::Result<(ExitStatus, bool)> {
    let mut next_step = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let mut timed_out = false;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status, timed_out));
        }
        let now = Instant::now();
        if next_step.is_some_and(|at| at <= now) {
            if timed_out {
                child.kill()?;
                next_step = None;
            } else {
                sys::kill(child.id(), SIGTERM)?;
                next_step = Some(now + TERM_GRACE);
            }
            timed_out = true;
        }
        let left = next_step.map(|at| at.saturating_duration_since(now));
        let patience = left
            .map_or(CHILD_PERIOD, |left| left.min(CHILD_PERIOD))
            .min(look());
        if let Some(Event::Signal(received)) = events.take(patience)
            && is_for_command(received)
            && child.try_wait()?.is_none()
        {
            // Not allowed, say: then it is not ours to pass on.
            let _ = sys::kill(child.id(), received.signal);
        }
    }
}

/// A terminal signals the whole foreground group, the command with it; but when it hangs up it tells
/// the leader of the session alone.
fn is_for_command(received: Received) -> bool {
    match received.signal {
        SIGCHLD => false,
        SIGHUP => received.from_process || leads_session(),
        _ => received.from_process,
    }
}

/// Whether this process leads its session, as the only one on a terminal of its own does.
fn leads_session() -> bool {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may hold anything; behind it come state, parent, group and session.
    let session = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.split_ascii_whitespace().nth(3));
    session.and_then(|session| session.parse().ok()) == Some(std::process::id())
}
