//! The command line of `mockpilot cover`.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::args::{unexpected, unknown};
use super::help::{OPTIONS, columns, page};
use super::options::{ALONE, HELP, Key, Row, row};
use super::values::{bad, path, text};
use super::words::{Word, Words};
use super::{Invocation, Misuse, Topic};
use crate::cover::{By, Format, Percentage};

/// What is to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// Run a command and report what its processes reached.
    #[default]
    Run,
    /// Write many inputs as one.
    Merge,
    /// Print what was reached.
    Report,
}

/// The commands, with what each is about.
const ACTIONS: [(&str, Action, &str); 3] = [
    (
        "run",
        Action::Run,
        "run a command and merge what its processes leave",
    ),
    (
        "merge",
        Action::Merge,
        "merge data of many processes into one file",
    ),
    (
        "report",
        Action::Report,
        "print how much of each file or function ran",
    ),
];

/// The options of `cover`, defaults filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoverOptions {
    pub(crate) action: Action,
    /// What to merge; never empty but for `run`.
    pub(crate) inputs: Vec<PathBuf>,
    /// COMMAND and its arguments; empty but for `run`.
    pub(crate) command: Vec<OsString>,
    pub(crate) output: Option<PathBuf>,
    /// Given, or by the name of the output.
    pub(crate) format: Option<Format>,
    pub(crate) objects: Vec<PathBuf>,
    pub(crate) fail_under: Option<Percentage>,
    pub(crate) exclude: Vec<OsString>,
    pub(crate) strip_prefix: Vec<OsString>,
    pub(crate) by: By,
    pub(crate) keep: Option<PathBuf>,
}

const OUTPUT: Row = row(
    Key::Output,
    "o",
    Some("OUT"),
    "write the merged data to OUT, whole or not at all",
    None,
);

const FORMAT: Row = row(
    Key::Format,
    "format",
    Some("FORMAT"),
    "go, lcov or json; by default OUT's name says it:\n.out .cov .txt, .lcov .info, .json",
    None,
);

const OBJECT: Row = row(
    Key::Object,
    "object",
    Some("BIN"),
    "a program that LLVM instrumented, to read its raw\nprofiles; may repeat",
    None,
);

const FAIL_UNDER: Row = row(
    Key::FailUnder,
    "fail-under",
    Some("PCT"),
    "status 3 when a total is below so many per cent",
    None,
);

const EXCLUDE: Row = row(
    Key::Exclude,
    "exclude",
    Some("GLOB"),
    "leave files out whose whole path is so; * stays in\na folder, ** does not; may repeat",
    None,
);

const STRIP_PREFIX: Row = row(
    Key::StripPrefix,
    "strip-prefix",
    Some("P"),
    "shorten paths that begin with the folder P; may\nrepeat",
    None,
);

const BY: Row = row(
    Key::By,
    "by",
    Some("file|function"),
    "what the lines of the table are about",
    Some("file"),
);

const KEEP: Row = row(
    Key::Keep,
    "keep",
    Some("DIR"),
    "keep the raw data in DIR, which must be new or empty",
    None,
);

/// The options of `run`; without the first, those of `report`; without the first two, of `merge`.
static ROWS: [Row; 9] = [
    KEEP,
    BY,
    OUTPUT,
    FORMAT,
    OBJECT,
    FAIL_UNDER,
    EXCLUDE,
    STRIP_PREFIX,
    HELP,
];

fn rows(action: Action) -> &'static [Row] {
    match action {
        Action::Run => &ROWS,
        Action::Report => &ROWS[1..],
        Action::Merge => &ROWS[2..],
    }
}

/// The command of this name.
pub(super) fn action(name: &str) -> Result<Action, Misuse> {
    match ACTIONS.iter().find(|known| known.0 == name) {
        Some(&(_, action, _)) => Ok(action),
        None => Err(unknown(
            "command cover",
            name,
            &mut ACTIONS.iter().map(|known| known.0),
        )),
    }
}

/// Parses what follows `cover`.
pub(super) fn parse(mut words: Words) -> Result<Invocation, Misuse> {
    let action = match words.next(&[ALONE])? {
        Some(Word::Positional(name)) => action(&name.to_string_lossy())?,
        Some(Word::Option(..)) => return Ok(Invocation::Help(Topic::Cover(None))),
        None => return Err(Misuse::new("no command given, try mockpilot cover --help")),
    };
    let mut options = CoverOptions {
        action,
        ..CoverOptions::default()
    };
    while action != Action::Run || !words.separator() {
        match words.next(&[rows(action)])? {
            Some(Word::Option(row, _)) if row.key == Key::Help => {
                return Ok(Invocation::Help(Topic::Cover(Some(action))));
            }
            Some(Word::Option(row, value)) => store(&mut options, row, value)?,
            Some(Word::Positional(word)) if action == Action::Run => {
                let text = format!("unexpected argument {word:?}, COMMAND goes behind --");
                return Err(Misuse::new(text));
            }
            Some(Word::Positional(word)) if word.is_empty() => return Err(unexpected(&word)),
            Some(Word::Positional(word)) => options.inputs.push(word.into()),
            None if action == Action::Run => {
                return Err(Misuse::new("no command to run, it goes behind --"));
            }
            None => break,
        }
    }
    options.command = words.rest();
    match action {
        Action::Run if options.command.is_empty() => {
            return Err(Misuse::new("no command to run behind --"));
        }
        Action::Merge | Action::Report if options.inputs.is_empty() => {
            return Err(Misuse::new("no inputs given"));
        }
        Action::Run | Action::Report if options.format.is_some() && options.output.is_none() => {
            return Err(Misuse::new(
                "--format: nothing to write, OUT goes behind -o",
            ));
        }
        _ => {}
    }
    if let (None, Some(path)) = (options.format, &options.output) {
        options.format = Some(format_of(path)?);
    }
    Ok(Invocation::Cover(options))
}

fn store(options: &mut CoverOptions, row: &Row, value: OsString) -> Result<(), Misuse> {
    match row.key {
        Key::Output => options.output = Some(path(row, value)?),
        Key::Object => options.objects.push(path(row, value)?),
        Key::Keep => options.keep = Some(path(row, value)?),
        Key::Exclude => options.exclude.push(path(row, value)?.into()),
        Key::StripPrefix => options.strip_prefix.push(path(row, value)?.into()),
        Key::Format => {
            options.format = Some(match text(row, &value)? {
                "go" => Format::Go,
                "lcov" => Format::Lcov,
                "json" => Format::Json,
                _ => return Err(bad(row, "expected go, lcov or json", &value)),
            });
        }
        Key::By => {
            options.by = match text(row, &value)? {
                "file" => By::File,
                "function" => By::Function,
                _ => return Err(bad(row, "expected file or function", &value)),
            };
        }
        _ => match Percentage::parse(text(row, &value)?) {
            None => return Err(bad(row, "expected a percentage from 0 to 100", &value)),
            parsed => options.fail_under = parsed,
        },
    }
    Ok(())
}

/// The format that a file's name asks for.
fn format_of(path: &Path) -> Result<Format, Misuse> {
    match path.extension().and_then(OsStr::to_str) {
        Some("out" | "cov" | "txt") => Ok(Format::Go),
        Some("lcov" | "info") => Ok(Format::Lcov),
        Some("json") => Ok(Format::Json),
        _ => Err(Misuse::new(format!(
            "-o: the name of {path:?} says no format, give one with --format"
        ))),
    }
}

const HEAD: &str = "\
Makes one report of the coverage data that many processes leave: Go text
profiles, Go coverage directories, LCOV tracefiles, LLVM raw profiles.

Usage: mockpilot cover run [OPTIONS] -- COMMAND [ARG...]
       mockpilot cover merge [-o OUT] [OPTIONS] IN...
       mockpilot cover report [--by file|function] [OPTIONS] IN...
";

const RUN_HEAD: &str = "\
Runs COMMAND with GOCOVERDIR and LLVM_PROFILE_FILE set so that each of its
processes leaves data of its own, merges them all when COMMAND ends, and prints
what was reached. Signals are passed on to COMMAND, whose own file counts as
an --object if it is one.

Usage: mockpilot cover run [OPTIONS] -- COMMAND [ARG...]
";

const MERGE_HEAD: &str = "\
Adds up the counts of all inputs, in whatever formats, and prints them or
writes them to OUT. What cannot be used is named and passed over; what is
damaged is an error, and nothing is written.

Usage: mockpilot cover merge [-o OUT] [OPTIONS] IN...
";

const REPORT_HEAD: &str = "\
Prints how much of each file or function was reached, and in all: statements
of Go, lines of everything else.

Usage: mockpilot cover report [--by file|function] [OPTIONS] IN...
";

const STATUSES: &str = "  1      there is no data, or it is damaged
  2      misuse of the command line
  3      a total is below --fail-under
";

/// The help text on `cover`, or on one of its commands.
pub(super) fn help(action: Option<Action>) -> String {
    let Some(action) = action else {
        let commands = ACTIONS.map(|(name, _, about)| (name.to_string(), about.to_string()));
        let head = format!("{HEAD}\nCommands:\n{}", columns(&commands));
        return page(&head, OPTIONS, ALONE, &[]);
    };
    let (head, first) = match action {
        Action::Run => (
            RUN_HEAD,
            ": that of COMMAND, as for exec, or when it succeeded:",
        ),
        Action::Merge => (MERGE_HEAD, ":\n  0      done"),
        Action::Report => (REPORT_HEAD, ":\n  0      done"),
    };
    let rest = ["\nExit status", first, "\n", STATUSES];
    page(head, OPTIONS, rows(action), &rest)
}

#[cfg(test)]
mod tests;
