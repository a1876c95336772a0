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
    Profile,
    Seed,
    MaxClients,
    WriteTimeout,
    ClientBudget,
    Log,
    Verbose,
    Quiet,
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

const fn row(
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

    fn heading(&self) -> String {
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

const HELP: Row = Row {
    short: Some('h'),
    ..row(Key::Help, "help", None, "print this text", None)
};

/// Longest line of a help text.
const COLUMNS: usize = 79;

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
    PROFILE,
    SEED,
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
    PROFILE,
    SEED,
    EXIT_ON_LAST_CLIENT,
    MAX_CLIENTS,
    WRITE_TIMEOUT,
    CLIENT_BUDGET,
    LOG,
    VERBOSE,
    QUIET,
    HELP,
];

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

/// The commands, with what each is about.
pub(super) const COMMANDS: &[(&str, &str)] = &[
    ("serve", "run a daemon on a Unix socket"),
    ("exec", "run a command against a daemon of its own"),
    ("help", "print this text, or that of a command"),
];

const MAIN_HEAD: &str = "\
mockpilot stands in for the Pilot Protocol daemon on its local Unix socket.

Usage: mockpilot serve --socket PATH [OPTIONS]
       mockpilot -socket PATH [OPTIONS]      the same
       mockpilot exec [OPTIONS] -- COMMAND [ARG...]
       mockpilot help [COMMAND]
";

const SERVE_HEAD: &str = "\
Runs a daemon on a Unix socket until SIGTERM, SIGINT or SIGHUP; a second
signal leaves at once. Nothing but a dead socket is ever replaced by PATH.
NOTIFY_SOCKET in the environment gets READY=1 and STOPPING=1.

Usage: mockpilot serve --socket PATH [OPTIONS]
       mockpilot serve --listen-fd N [OPTIONS]
";

const EXEC_HEAD: &str = "\
Runs COMMAND against a daemon of its own, which it finds by PILOT_SOCKET (and
MOCKPILOT_SOCKET) in its environment, and stops the daemon when COMMAND ends.
A SIGTERM, SIGINT or SIGHUP that a process sends is passed on to COMMAND. When
COMMAND fails, the last 20 frames, the seed and a line that runs it again are
printed.

Usage: mockpilot exec [OPTIONS] -- COMMAND [ARG...]
";

const NOTES: &str = "
Long options take one dash or two, and their value after = or a space. Of an
option that is given twice the last counts. DUR is 250ms, 2s, 1m or 1h; BYTES
is a number alone or with K, KiB, M or MiB (K is KiB, 1024 bytes).
";

const STATUSES: &str = "
Exit status:
  0      ended as asked
  1      could not run
  2      misuse of the command line
  3      a scenario's expectations were not met
  128+N  left at once on a second signal, N
";

const EXEC_STATUSES: &str = "
Exit status: that of COMMAND, or
  124    COMMAND took longer than --timeout
  126    COMMAND cannot be started
  127    there is no such COMMAND
  128+N  COMMAND was killed by signal N
When COMMAND succeeded, or did not run:
  1      the daemon could not run, or died
  2      misuse of the command line
  3      a scenario's expectations were not met
";

/// The help text on `topic`, in lines of less than 80 columns, with a newline at its end.
pub fn help(topic: Topic) -> String {
    match topic {
        Topic::Main => {
            let commands = COMMANDS
                .iter()
                .map(|&(name, about)| (name.to_string(), about.to_string()));
            format!(
                "{MAIN_HEAD}\nCommands:\n{}\nOptions (those of serve: mockpilot serve --help):\n{}{STATUSES}",
                columns(commands),
                options(MAIN)
            )
        }
        Topic::Serve => format!(
            "{SERVE_HEAD}\nOptions:\n{}{NOTES}{STATUSES}",
            options(SERVE)
        ),
        Topic::Exec => format!(
            "{EXEC_HEAD}\nOptions:\n{}{NOTES}{EXEC_STATUSES}",
            options(EXEC)
        ),
    }
}

fn options(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.heading().len()).max();
    let room = COLUMNS.saturating_sub(width.unwrap_or_default() + 4);
    columns(rows.iter().map(|row| {
        let mut about = row.about.to_string();
        if let Some(value) = row.default {
            let default = format!("(default: {value})");
            let last = about.lines().last().unwrap_or_default();
            let fits = last.len() + 1 + default.len() <= room;
            about.push(if fits { ' ' } else { '\n' });
            about += &default;
        }
        (row.heading(), about)
    }))
}

/// Two columns; the lines of the second one stay below each other.
fn columns(entries: impl Iterator<Item = (String, String)> + Clone) -> String {
    let width = entries.clone().map(|(left, _)| left.len()).max();
    let width = width.unwrap_or_default();
    let mut text = String::new();
    for (left, right) in entries {
        let mut left = left.as_str();
        for line in right.lines() {
            text += &format!("  {left:width$}  {line}\n");
            left = "";
        }
    }
    text
}

/// The candidate that `typed` is most likely meant to be, if one is near enough.
pub(super) fn nearest<'a>(
    typed: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let tolerated = typed.chars().count() / 3;
    candidates
        .into_iter()
        .map(|candidate| (distance(typed, candidate), candidate))
        .filter(|&(distance, _)| distance <= tolerated)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Edits between two words, where swapping two neighbours is one edit.
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let change = usize::from(from[i - 1] != to[j - 1]);
            let mut best = (last[j - 1] + change).min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `-x` and `--xyz` that starts a line of a text, `-h, --help` being two.
    fn listed(text: &str) -> Vec<String> {
        text.lines()
            .filter_map(|line| line.strip_prefix("  -"))
            .flat_map(|line| {
                let names = format!("-{line}");
                let names = names.split("  ").next().unwrap().to_string();
                let names: Vec<String> = names
                    .split(", ")
                    .map(|name| name.split([' ', '[']).next().unwrap().to_string())
                    .collect();
                names
            })
            .collect()
    }

    #[test]
    fn the_help_lists_every_option_and_nothing_else() {
        for (topic, rows) in [
            (Topic::Main, MAIN),
            (Topic::Serve, SERVE),
            (Topic::Exec, EXEC),
        ] {
            let known: Vec<String> = rows
                .iter()
                .flat_map(|row| {
                    let short = row.short.map(|short| format!("-{short}"));
                    short.into_iter().chain([row.spelled()])
                })
                .collect();
            assert_eq!(listed(&help(topic)), known);
        }
        assert_eq!(
            listed(&help(Topic::Serve)).join(" "),
            "--socket --listen-fd --profile --seed --ready-fd --exit-with-parent --lifeline-fd \
             --exit-on-last-client --max-clients --write-timeout --client-budget --log -v -q -h --help"
        );
    }

    #[test]
    fn names_are_distinct_and_shorts_of_one_letter() {
        for rows in [MAIN, SERVE, EXEC] {
            for (index, row) in rows.iter().enumerate() {
                let same = |other: &Row| other.name == row.name || other.key == row.key;
                assert!(!rows[index + 1..].iter().any(same), "{row:?}");
            }
        }
    }

    #[test]
    fn lines_stay_under_80_columns_and_end() {
        for topic in [Topic::Main, Topic::Serve, Topic::Exec] {
            let text = help(topic);
            assert!(text.ends_with('\n') && !text.ends_with("\n\n"));
            for line in text.lines() {
                assert!(line.len() <= COLUMNS, "{} columns: {line}", line.len());
                assert_eq!(line, line.trim_end());
            }
        }
    }

    #[test]
    fn the_main_help_lists_every_command() {
        let text = help(Topic::Main);
        for (name, about) in COMMANDS {
            assert!(text.contains(&format!("\n  {name:5}  {about}\n")), "{name}");
        }
    }

    #[test]
    fn distances() {
        for (from, to, expected) in [
            ("", "", 0),
            ("socket", "socket", 0),
            ("sokcet", "socket", 1),
            ("scket", "socket", 1),
            ("", "abc", 3),
            ("abc", "", 3),
            ("client-budge", "client-budget", 1),
            ("é", "e", 1),
        ] {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
        assert_eq!(nearest("vq", ["v", "q"]), None);
        assert_eq!(nearest("sed", ["socket", "seed"]), Some("seed"));
    }
}
