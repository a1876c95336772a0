//! The options and commands as data, for the parser, its suggestions and the help texts.

use super::Topic;

/// What an option sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Socket,
    ListenFd,
    ReadyFd,
    LifelineFd,
    ExitWithParent,
    ExitOnLastClient,
    Timeout,
    PrivateDirectory,
    Scenario,
    Journal,
    JournalRaw,
    JournalSecrets,
    Control,
    Wait,
    Hex,
    From,
    Profile,
    Seed,
    MaxClients,
    WriteTimeout,
    ClientBudget,
    Log,
    Verbose,
    Quiet,
    Output,
    Format,
    Object,
    FailUnder,
    Exclude,
    StripPrefix,
    By,
    Keep,
    Help,
    Version,
}

/// One option. A name of one letter is a short option.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) key: Key,
    pub(super) name: &'static str,
    /// Another name, always of one letter.
    pub(super) short: Option<char>,
    /// What the value is called; options without one are switches.
    pub(super) value: Option<&'static str>,
    /// The value may be left out, and comes only behind `=`.
    pub(super) optional: bool,
    /// What it is about, in lines that fit beside the names.
    pub(super) about: &'static str,
    /// The value that counts when it is not given.
    pub(super) default: Option<&'static str>,
}

pub(super) const fn row(
    key: Key,
    name: &'static str,
    value: Option<&'static str>,
    about: &'static str,
    default: Option<&'static str>,
) -> Row {
    Row {
        key,
        name,
        short: None,
        value,
        optional: false,
        about,
        default,
    }
}

impl Row {
    pub(super) fn spelled(&self) -> String {
        spelled(self.name)
    }

    pub(super) fn heading(&self) -> String {
        let mut heading = match self.short {
            Some(short) => format!("-{short}, {}", self.spelled()),
            None => self.spelled(),
        };
        match self.value {
            Some(value) if self.optional => heading += &format!("[={value}]"),
            Some(value) => heading += &format!(" {value}"),
            None => {}
        }
        heading
    }
}

/// An option as a user writes it.
pub(super) fn spelled(name: &str) -> String {
    let dashes = if name.chars().count() == 1 { "-" } else { "--" };
    format!("{dashes}{name}")
}

pub(super) const HELP: Row = Row {
    short: Some('h'),
    ..row(Key::Help, "help", None, "print this text", None)
};

const SCENARIO: Row = row(
    Key::Scenario,
    "scenario",
    Some("FILE"),
    "a scenario file, or the scenario itself: text that\nstarts with {; each one adds to those before it",
    None,
);

const JOURNAL: Row = row(
    Key::Journal,
    "journal",
    Some("FILE"),
    "append a line of JSON for every frame to FILE",
    None,
);

const JOURNAL_RAW: Row = row(
    Key::JournalRaw,
    "journal-raw",
    None,
    "all of the data, not its first 64 bytes",
    None,
);

const JOURNAL_SECRETS: Row = row(
    Key::JournalSecrets,
    "journal-secrets",
    None,
    "tokens as they are, not <redacted>",
    None,
);

const PROFILE: Row = row(
    Key::Profile,
    "profile",
    Some("NAME"),
    "lenient: a request that the real daemon would\nrefuse for want of state succeeds; faithful: it\ndoes not",
    Some("lenient"),
);

const SEED: Row = row(
    Key::Seed,
    "seed",
    Some("N"),
    "seed of every random choice",
    Some("1"),
);

const EXIT_ON_LAST_CLIENT: Row = row(
    Key::ExitOnLastClient,
    "exit-on-last-client",
    None,
    "end when the last client leaves; one that never\nsent a byte does not count",
    None,
);

const MAX_CLIENTS: Row = row(
    Key::MaxClients,
    "max-clients",
    Some("N"),
    "most clients at a time; the next is closed at once",
    Some("1024"),
);

const WRITE_TIMEOUT: Row = row(
    Key::WriteTimeout,
    "write-timeout",
    Some("DUR"),
    "drop a client that takes no byte of what waits\nfor it for so long",
    Some("10s"),
);

const CLIENT_BUDGET: Row = row(
    Key::ClientBudget,
    "client-budget",
    Some("BYTES"),
    "most bytes that may wait for one client",
    Some("1MiB"),
);

const LOG: Row = row(
    Key::Log,
    "log",
    Some("FILE"),
    "append the log to FILE, not to standard error",
    None,
);

const VERBOSE: Row = row(Key::Verbose, "v", None, "log every frame", None);

const QUIET: Row = row(Key::Quiet, "q", None, "log only errors", None);

/// The options of `serve`.
pub(super) const SERVE: &[Row] = &[
    row(
        Key::Socket,
        "socket",
        Some("PATH"),
        "where to listen (required, or --listen-fd)",
        None,
    ),
    row(
        Key::ListenFd,
        "listen-fd",
        Some("N"),
        "use an inherited listening socket",
        None,
    ),
    SCENARIO,
    PROFILE,
    SEED,
    JOURNAL,
    JOURNAL_RAW,
    JOURNAL_SECRETS,
    row(
        Key::Control,
        "control",
        Some("PATH"),
        "listen for mockpilot ctl here",
        None,
    ),
    row(
        Key::ReadyFd,
        "ready-fd",
        Some("N"),
        "write a JSON line to this descriptor once\nconnects succeed, or why they never will",
        None,
    ),
    Row {
        optional: true,
        ..row(
            Key::ExitWithParent,
            "exit-with-parent",
            Some("PID"),
            "end when the parent process is gone, or when\nno longer a child of PID",
            None,
        )
    },
    row(
        Key::LifelineFd,
        "lifeline-fd",
        Some("N"),
        "end when this descriptor reaches end-of-file",
        None,
    ),
    EXIT_ON_LAST_CLIENT,
    MAX_CLIENTS,
    WRITE_TIMEOUT,
    CLIENT_BUDGET,
    LOG,
    VERBOSE,
    QUIET,
    HELP,
];

/// The options of `exec`.
pub(super) const EXEC: &[Row] = &[
    row(
        Key::Socket,
        "socket",
        Some("PATH"),
        "where to listen, in place of a private directory",
        None,
    ),
    row(
        Key::Timeout,
        "timeout",
        Some("DUR"),
        "end COMMAND after so long, with status 124: SIGTERM,\nand SIGKILL 2s later",
        None,
    ),
    SCENARIO,
    PROFILE,
    SEED,
    JOURNAL,
    JOURNAL_RAW,
    JOURNAL_SECRETS,
    row(
        Key::Control,
        "control",
        Some("PATH"),
        "listen for mockpilot ctl here, not in a private\ndirectory",
        None,
    ),
    EXIT_ON_LAST_CLIENT,
    MAX_CLIENTS,
    WRITE_TIMEOUT,
    CLIENT_BUDGET,
    LOG,
    VERBOSE,
    QUIET,
    HELP,
];

/// The options of `ctl`.
pub(super) const CTL: &[Row] = &[
    row(
        Key::Control,
        "control",
        Some("PATH"),
        "the daemon's control socket",
        Some("$MOCKPILOT_CONTROL"),
    ),
    row(
        Key::Wait,
        "wait",
        Some("DUR"),
        "with ping: try again until the daemon is there, for so\nlong at most",
        None,
    ),
    HELP,
];

/// The options of `decode`.
pub(super) const DECODE: &[Row] = &[
    row(Key::Hex, "hex", None, "the input is hexadecimal text", None),
    row(
        Key::From,
        "from",
        Some("WHO"),
        "who sent the frames: client or daemon",
        Some("client"),
    ),
    HELP,
];

/// The options of a command that has none but this one.
pub(super) const ALONE: &[Row] = &[HELP];

/// The command by which `exec` starts its daemon, in no help text: the options of `serve` and [`PRIVATE`].
pub(crate) const DAEMON_OF_EXEC: &str = "daemon-of-exec";

/// What only `exec` says to its daemon.
pub(super) const PRIVATE: &[Row] = &[row(
    Key::PrivateDirectory,
    "private-directory",
    Some("PATH"),
    "make this directory, and remove it at the end",
    None,
)];

/// The options of the program itself.
pub(super) const MAIN: &[Row] = &[
    HELP,
    row(Key::Version, "version", None, "print the version", None),
];

/// The commands, with what the help of each is about, and what each does.
pub(super) const COMMANDS: &[(&str, Topic, &str)] = &[
    ("serve", Topic::Serve, "run a daemon on a Unix socket"),
    (
        "exec",
        Topic::Exec,
        "run a command against a daemon of its own",
    ),
    ("ctl", Topic::Ctl, "steer a running daemon"),
    ("check", Topic::Check, "look for mistakes in scenario files"),
    (
        "explain",
        Topic::Explain,
        "tell why a request matches a rule, or does not",
    ),
    ("decode", Topic::Decode, "print frames as lines of JSON"),
    (
        "cover",
        Topic::Cover(None),
        "coverage of many processes as one",
    ),
    ("help", Topic::Main, "print this text, or that of a command"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_shorts_of_one_letter() {
        for rows in [MAIN, SERVE, EXEC, CTL, DECODE, ALONE] {
            for (index, row) in rows.iter().enumerate() {
                let same = |other: &Row| other.name == row.name || other.key == row.key;
                assert!(!rows[index + 1..].iter().any(same), "{row:?}");
            }
        }
    }
}
