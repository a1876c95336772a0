//! `mockpilot exec`: a command, and a daemon of its own for as long as it runs.

pub(crate) mod command;
mod daemon;
mod redacted;
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::clause::clause;
use crate::cli::{ExecOptions, complain};
use crate::daemon::endpoint::PATH_LIMIT;
use crate::daemon::signals::{Received, Signals};
use crate::log::one_line;
use crate::mailbox::Mailbox;
use crate::private::PrivateDirectory;
use crate::threads;
use daemon::{DaemonProcess, End, Start};

/// Exit status when the daemon could not run, or died.
const DAEMON_FAILED: u8 = 1;

/// Exit status when a scenario's expectations were not met.
const UNMET: u8 = 3;

/// What the main thread, which alone waits for children, waits for.
#[derive(Debug)]
pub(crate) enum Event {
    /// A signal, SIGCHLD among them.
    Signal(Received),
    /// The daemon's first line; `None` when it ended without one.
    Ready(Option<String>),
}

/// Runs a command, and gives the exit status of the process.
pub fn exec(options: &ExecOptions) -> ExitCode {
    match run(options) {
        Ok(status) => ExitCode::from(status),
        Err(why) => {
            complain(&one_line(&why));
            ExitCode::from(DAEMON_FAILED)
        }
    }
}

fn run(options: &ExecOptions) -> Result<u8, String> {
    let events = Mailbox::new();
    receive_signals(events.clone())?;
    let directory = PrivateDirectory::foreseen();
    let socket = place(options.socket.as_deref(), directory.socket());
    let control = place(options.control.as_deref(), directory.control());
    let mut daemon = DaemonProcess::start(options, &directory, &socket, &control, &events)?;
    let ready = match daemon.wait_until_ready(&events)? {
        Start::Ready(ready) => ready,
        // Its own standard error has said why.
        Start::Failed => return Ok(DAEMON_FAILED),
        Start::Interrupted(signal) => {
            daemon.stop(&events);
            return Ok(128 + signal);
        }
    };
    let environment = [
        ("PILOT_SOCKET", Some(socket.as_os_str())),
        ("MOCKPILOT_SOCKET", Some(socket.as_os_str())),
        ("MOCKPILOT_CONTROL", Some(control.as_os_str())),
        ("NOTIFY_SOCKET", None),
    ];
    let ended = command::run(
        &options.command,
        &environment,
        options.timeout,
        &events,
        &mut || daemon::CHILD_PERIOD,
    );
    let (end, frames) = daemon.stop(&events);
    if let End::Died(how) = &end {
        complain(&format!("the daemon died: {how}"));
    }
    let ended = match ended {
        Ok(ended) => ended,
        Err(refused) => {
            complain(&one_line(&refused.text));
            return Ok(refused.status);
        }
    };
    if ended.status != 0 || matches!(end, End::Unmet) {
        let mut how = ended.how;
        if ended.status == 0 {
            how += ", and the scenario's expectations were not met";
        }
        // A daemon that died has taken its frames along.
        let lost = frames.is_empty() && matches!(end, End::Died(_));
        let frames = (!lost).then_some(&*frames);
        report::print(&how, frames, ready.seed, options);
    }
    Ok(match (ended.status, end) {
        (0, End::Asked) => 0,
        (0, End::Died(_)) => DAEMON_FAILED,
        (0, End::Unmet) => UNMET,
        (status, _) => status,
    })
}

/// Where a socket is found, wherever one's working directory is.
fn place(given: Option<&Path>, private: PathBuf) -> PathBuf {
    let Some(path) = given else {
        return private;
    };
    match std::path::absolute(path) {
        // `absolute` drops a slash at the end no more than it makes a long path short.
        Ok(absolute) if absolute.as_os_str().len() <= PATH_LIMIT => absolute,
        _ => path.to_path_buf(),
    }
}

/// Puts every signal that comes into `events`, from now on.
///
/// # Errors
///
/// When the system refuses the handlers or the thread.
pub(crate) fn receive_signals(events: Mailbox<Event>) -> Result<(), String> {
    let mut signals =
        Signals::without_deadline().map_err(|e| format!("signal handlers: {}", clause(&e)))?;
    let receive = move || {
        loop {
            events.put(Event::Signal(signals.receive()));
        }
    };
    let started = threads::start("signals", threads::ROOMY, Box::new(receive));
    started
        .map(drop)
        .map_err(|e| format!("signal thread: {}", clause(&e)))
}
