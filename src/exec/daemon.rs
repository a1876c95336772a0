//! The daemon's process: this program once more, in a process group of its own, on a lifeline.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use signal_hook::consts::{SIGCHLD, SIGTERM};

use super::Event;
use crate::clause::clause;
use crate::cli::{DAEMON_OF_EXEC, ExecOptions};
use crate::daemon::hold;
use crate::mailbox::Mailbox;
use crate::private::PrivateDirectory;
use crate::sys;
use crate::threads::{self, Instant, JoinHandle, Mutex};

/// How long a daemon that was told to end may take (our choice): its own share is 200 ms, the rest is
/// the disk's.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// How often a child is looked at should its SIGCHLD not arrive.
pub(super) const CHILD_PERIOD: Duration = Duration::from_millis(250);

/// What the daemon says of itself once connects succeed.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) seed: u64,
}

/// How a start came out.
pub(super) enum Start {
    Ready(Ready),
    Failed,
    /// A signal came first.
    Interrupted(u8),
}

/// How a daemon ended.
#[derive(Debug)]
pub(super) enum End {
    Asked,
    /// Verification failed.
    Unmet,
    Died(String),
}

/// A daemon that ends when this is dropped, or when this process is gone.
#[derive(Debug)]
pub(super) struct DaemonProcess {
    child: Child,
    /// Reads what the daemon prints.
    output: Option<JoinHandle<()>>,
    /// The frames that it prints at its end.
    frames: Arc<Mutex<String>>,
}

impl DaemonProcess {
    pub(super) fn start(
        options: &ExecOptions,
        directory: &PrivateDirectory,
        socket: &Path,
        control: &Path,
        events: &Mailbox<Event>,
    ) -> Result<DaemonProcess, String> {
        let given: Vec<OsString> = options.daemon.iter().flatten().map(own_stream).collect();
        let mut words: Vec<&OsStr> = [DAEMON_OF_EXEC, "--lifeline-fd", "0", "--ready-fd", "1"]
            .map(OsStr::new)
            .to_vec();
        words.extend([
            OsStr::new("--private-directory"),
            directory.path().as_os_str(),
            OsStr::new("--socket"),
            socket.as_os_str(),
            OsStr::new("--control"),
            control.as_os_str(),
        ]);
        words.extend(given.iter().map(OsString::as_os_str));
        let mut child = spawn_self(&words)
            .map_err(|error| format!("cannot start the daemon: {}", clause(&error)))?;
        let stdout = child.stdout.take();
        let mut daemon = DaemonProcess {
            child,
            output: None,
            frames: Arc::default(),
        };
        let (events, frames) = (events.clone(), Arc::clone(&daemon.frames));
        let read = move || read_output(stdout, &events, &frames);
        let output = threads::start("daemon's output", threads::ROOMY, Box::new(read))
            .map_err(|e| format!("thread for the daemon's output: {}", clause(&e)))?;
        daemon.output = Some(output);
        Ok(daemon)
    }

    pub(super) fn wait_until_ready(&mut self, events: &Mailbox<Event>) -> Result<Start, String> {
        loop {
            let line = match events.take(CHILD_PERIOD) {
                None => continue,
                Some(Event::Signal(received)) if received.signal == SIGCHLD => continue,
                Some(Event::Signal(received)) => {
                    return Ok(Start::Interrupted(received.signal.unsigned_abs() as u8));
                }
                Some(Event::Ready(line)) => line,
            };
            let told = line.and_then(|line| serde_json::from_str::<Value>(&line).ok());
            return match told {
                Some(told) if told["seed"].is_u64() => Ok(Start::Ready(Ready {
                    seed: told["seed"].as_u64().unwrap_or_default(),
                })),
                Some(_) => {
                    let _ = self.child.wait();
                    Ok(Start::Failed)
                }
                None => match self.child.wait() {
                    Ok(status) => Err(format!("the daemon died: {status}")),
                    Err(error) => Err(format!(
                        "the daemon cannot be waited for: {}",
                        clause(&error)
                    )),
                },
            };
        }
    }

    /// Tells the daemon to end, waits for that, and gives the last frames, a line each.
    pub(super) fn stop(mut self, events: &Mailbox<Event>) -> (End, String) {
        let end = match self.end(events) {
            Ok(status) if status.success() => End::Asked,
            Ok(status) if status.code() == Some(i32::from(super::UNMET)) => End::Unmet,
            Ok(status) => End::Died(status.to_string()),
            Err(error) => End::Died(format!("it cannot be waited for: {}", clause(&error))),
        };
        if let Some(output) = self.output.take() {
            // One that panics has said so.
            let _ = output.join();
        }
        let frames = std::mem::take(&mut *hold(&self.frames));
        (end, frames)
    }

    fn end(&mut self, events: &Mailbox<Event>) -> io::Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        sys::kill(self.child.id(), SIGTERM)?;
        let deadline = Instant::now() + STOP_LIMIT;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                self.child.kill()?;
                return self.child.wait();
            }
            // Whatever comes, it is time to look again; a signal has nobody left to go to.
            let _ = events.take(CHILD_PERIOD);
        }
    }
}

impl Drop for DaemonProcess {
    fn drop(&mut self) {
        // The lifeline; the wait is over at once where the daemon has ended before.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// What a word means that names this process's standard input or output: the daemon's own are the
/// lifeline and its report.
fn own_stream(word: &OsString) -> OsString {
    let number = match word.to_str() {
        Some("/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0") => 0,
        Some("/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1") => 1,
        _ => return word.clone(),
    };
    format!("/proc/{}/fd/{number}", std::process::id()).into()
}

/// This program, found as it was started, or by the link to what runs, or by the name that it was
/// called by.
fn spawn_self(words: &[&OsStr]) -> io::Result<Child> {
    let own = std::env::current_exe().ok();
    let called = std::env::args_os().next().map(PathBuf::from);
    let candidates = [own, Some("/proc/self/exe".into()), called];
    let mut refused = io::Error::from(ErrorKind::NotFound);
    for program in candidates.into_iter().flatten() {
        let spawned = Command::new(&program)
            .arg0("mockpilot")
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn();
        match spawned {
            Err(error) if error.kind() == ErrorKind::NotFound => refused = error,
            spawned => return spawned,
        }
    }
    Err(refused)
}

/// Passes the first line on, and keeps what follows.
fn read_output(stdout: Option<ChildStdout>, events: &Mailbox<Event>, frames: &Mutex<String>) {
    let mut stdout = stdout.map(BufReader::new);
    let mut line = String::new();
    let read = stdout.as_mut().map(|stdout| stdout.read_line(&mut line));
    let line = matches!(read, Some(Ok(1..))).then_some(line);
    events.put(Event::Ready(line));
    let mut rest = Vec::new();
    if let Some(stdout) = &mut stdout {
        let _ = stdout.read_to_end(&mut rest);
    }
    *hold(frames) = String::from_utf8_lossy(&rest).into_owned();
}
