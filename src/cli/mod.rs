//! The command line: from words to what is to be done, and the texts that are asked for.

mod args;
mod cover;
mod help;
mod options;
mod values;
mod words;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::time::Duration;

use crate::log::{Verbosity, one_line};
use crate::node::Profile;

pub use crate::journal::decode::DecodeOptions;

pub use args::parse;
pub(crate) use cover::{Action, CoverOptions};
pub use help::help;
pub(crate) use options::DAEMON_OF_EXEC;

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// Run a daemon.
    Serve(ServeOptions),
    /// Run a command against a daemon of its own.
    Exec(ExecOptions),
    /// Send a request to a control socket.
    Ctl(CtlOptions),
    /// Look for mistakes in these scenarios; at least one.
    Check(Vec<OsString>),
    /// Explain what a scenario makes of a request, which is hexadecimal.
    Explain(OsString, OsString),
    /// Print frames.
    Decode(DecodeOptions),
    /// Merge coverage data.
    Cover(CoverOptions),
    /// Print a help text.
    Help(Topic),
    /// Print the version.
    Version,
}

/// What a help text is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// The program.
    Main,
    /// `mockpilot serve`.
    Serve,
    /// `mockpilot exec`.
    Exec,
    /// `mockpilot ctl`.
    Ctl,
    /// `mockpilot check`.
    Check,
    /// `mockpilot explain`.
    Explain,
    /// `mockpilot decode`.
    Decode,
    /// `mockpilot cover`, or one of its commands.
    Cover(Option<Action>),
}

/// The options of `serve`, defaults filled in; nothing is opened or bound yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeOptions {
    /// Where to listen; never empty. Of this and `listen_fd` one is there.
    pub socket: Option<PathBuf>,
    /// The inherited socket to listen on; like every descriptor here it is not negative, and no other.
    pub listen_fd: Option<i32>,
    /// Where to write the line that says that connects succeed.
    pub ready_fd: Option<i32>,
    /// The descriptor whose end-of-file ends the daemon.
    pub lifeline_fd: Option<i32>,
    /// The process whose end ends the daemon.
    pub exit_with_parent: Option<ParentChoice>,
    /// Whether the daemon ends with its last client.
    pub exit_on_last_client: bool,
    /// For the daemon of `exec`: a directory that it makes for its socket and removes at its end. The
    /// last frames go to standard output then.
    pub private_directory: Option<PathBuf>,
    /// Scenario files, or scenarios themselves: what starts with `{`. In the order given, none empty.
    pub scenarios: Vec<OsString>,
    /// Where the journal goes, if there is one.
    pub journal: Option<PathBuf>,
    /// Whether the journal has all of the data.
    pub journal_raw: bool,
    /// Whether tokens are shown as they are.
    pub journal_secrets: bool,
    /// Where to listen for `ctl`; another path than `socket`.
    pub control: Option<PathBuf>,
    /// The profile, if it was given: it wins over a scenario's.
    pub profile: Option<Profile>,
    /// The seed, if it was given: it wins over a scenario's.
    pub seed: Option<u64>,
    /// Most clients at a time; at least 1.
    pub max_clients: usize,
    /// How long a client may take no byte of what waits for it; more than zero.
    pub write_timeout: Duration,
    /// Bytes that may wait for one client; at least 1.
    pub client_budget: usize,
    /// Where the log goes, if not to standard error.
    pub log: Option<PathBuf>,
    /// How much is logged.
    pub verbosity: Verbosity,
}

impl Default for ServeOptions {
    fn default() -> ServeOptions {
        ServeOptions {
            socket: None,
            listen_fd: None,
            ready_fd: None,
            lifeline_fd: None,
            exit_with_parent: None,
            exit_on_last_client: false,
            private_directory: None,
            scenarios: Vec::new(),
            journal: None,
            journal_raw: false,
            journal_secrets: false,
            control: None,
            profile: None,
            seed: None,
            max_clients: 1024,
            write_timeout: Duration::from_secs(10),
            client_budget: 1 << 20,
            log: None,
            verbosity: Verbosity::Normal,
        }
    }
}

/// Which process is the parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParentChoice {
    /// The one that the daemon finds at its start.
    Found,
    /// The one with this number, more than zero.
    Named(u32),
}

/// The options of `exec`, defaults filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecOptions {
    /// Where the daemon is to listen, if not in a private directory; never empty.
    pub socket: Option<PathBuf>,
    /// Where the daemon is to listen for `ctl`, if not in a private directory; another path than
    /// `socket`.
    pub control: Option<PathBuf>,
    /// How long COMMAND may take; more than zero.
    pub timeout: Option<Duration>,
    /// The options that the daemon gets too, as they were given, each of them a word or two.
    pub daemon: Vec<Vec<OsString>>,
    /// COMMAND and its arguments; never empty.
    pub command: Vec<OsString>,
}

/// The options of `ctl`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CtlOptions {
    /// The control socket; without it the environment names one.
    pub control: Option<PathBuf>,
    /// What is sent: one line of JSON with its end.
    pub request: String,
    /// How long to wait for the daemon to be there; only for `ping`.
    pub wait: Option<Duration>,
}

/// A mistake on the command line, as one line of text; the exit status is [`Misuse::STATUS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misuse(String);

impl Misuse {
    /// The exit status of a misuse.
    pub const STATUS: u8 = 2;

    fn new(text: impl AsRef<str>) -> Misuse {
        Misuse(one_line(text.as_ref()).into_owned())
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misuse {}

/// Says on standard error, in one line, why the program ends. A closed one is no reason to panic.
pub fn complain(text: &str) {
    // In one write: the log's thread writes there too.
    let _ = io::stderr().write_all(format!("mockpilot: {text}\n").as_bytes());
}

/// The program's name and version.
pub fn version() -> String {
    format!("mockpilot {}", env!("CARGO_PKG_VERSION"))
}

/// Prints what was asked for, and a newline if it has none at its end. That nobody reads on is no error.
///
/// # Errors
///
/// When standard output cannot be written to for another reason.
pub fn print_stdout(text: &str) -> io::Result<()> {
    print_stdout_bytes(text.as_bytes())
}

/// Like [`print_stdout`], for what need not be UTF-8.
///
/// # Errors
///
/// As for [`print_stdout`].
pub fn print_stdout_bytes(text: &[u8]) -> io::Result<()> {
    print_to(&mut io::stdout().lock(), text)
}

fn print_to(output: &mut impl Write, text: &[u8]) -> io::Result<()> {
    let end = if text.is_empty() || text.ends_with(b"\n") {
        ""
    } else {
        "\n"
    };
    let printed = output
        .write_all(text)
        .and_then(|()| output.write_all(end.as_bytes()))
        .and_then(|()| output.flush());
    match printed {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_whole_lines() {
        for text in ["a\nb", "a\nb\n"] {
            let mut output = Vec::new();
            print_to(&mut output, text.as_bytes()).unwrap();
            assert_eq!(output, b"a\nb\n");
        }
    }

    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_no_error_and_a_full_disk_is_one() {
        print_to(&mut Failing(ErrorKind::BrokenPipe), b"a").unwrap();
        assert!(print_to(&mut Failing(ErrorKind::StorageFull), b"a").is_err());
    }

    #[test]
    fn the_version_is_the_crates() {
        assert_eq!(version(), concat!("mockpilot ", env!("CARGO_PKG_VERSION")));
    }
}
