//! The parser: words in, [`Invocation`] out. It validates and stores, and opens nothing.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::Duration;

use super::options::{
    COMMANDS, DAEMON_OF_EXEC, EXEC, Key, MAIN, PRIVATE, Row, SERVE, nearest, spelled,
};
use super::{ExecOptions, Invocation, Misuse, ParentChoice, ServeOptions, Topic, cover};
use crate::log::Verbosity;

/// Longest duration taken, in milliseconds, about 114 years: clocks can still count it (our choice).
const MAX_DURATION_MS: u64 = 1_000_000 * 3_600_000;

/// Parses the words of the command line, the program's name not among them.
///
/// # Errors
///
/// [`Misuse`] for the first mistake from the left; a help option before it wins.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Invocation, Misuse> {
    let mut words = Words::new(args);
    let Some(first) = words.peek() else {
        return Err(Misuse::new("no command given, try mockpilot --help"));
    };
    if is_option(&first) {
        return parse_serve(words, &[SERVE, MAIN], Topic::Main);
    }
    let command = first.to_string_lossy().into_owned();
    words.skip();
    match command.as_str() {
        "serve" => parse_serve(words, &[SERVE], Topic::Serve),
        "exec" => parse_exec(words),
        "cover" => cover::parse(words),
        DAEMON_OF_EXEC => parse_serve(words, &[SERVE, PRIVATE], Topic::Serve),
        "help" => parse_help(words),
        unknown => Err(unknown_command(unknown)),
    }
}

fn unknown_command(typed: &str) -> Misuse {
    let mut names = COMMANDS.iter().map(|&(name, _)| name);
    let text = match nearest(typed, &mut names) {
        Some(name) => format!("unknown command {typed:?}, did you mean {name}?"),
        None => format!("unknown command {typed:?}"),
    };
    Misuse::new(text)
}

fn parse_help(mut words: Words) -> Result<Invocation, Misuse> {
    let mut topic = Topic::Main;
    while let Some(word) = words.next(&[MAIN])? {
        match word {
            Word::Positional(name) if topic == Topic::Main => {
                topic = match name.to_string_lossy().as_ref() {
                    "serve" => Topic::Serve,
                    "exec" => Topic::Exec,
                    "cover" => Topic::Cover(None),
                    "help" => continue,
                    unknown => return Err(unknown_command(unknown)),
                };
            }
            Word::Positional(name) if topic == Topic::Cover(None) => {
                topic = Topic::Cover(Some(cover::action(&name.to_string_lossy())?));
            }
            Word::Positional(extra) => return Err(unexpected(&extra)),
            Word::Option(row, _) if row.key == Key::Version => return Ok(Invocation::Version),
            Word::Option(..) => return Ok(Invocation::Help(topic)),
        }
    }
    Ok(Invocation::Help(topic))
}

fn parse_serve(
    mut words: Words,
    tables: &[&'static [Row]],
    topic: Topic,
) -> Result<Invocation, Misuse> {
    let mut options = ServeOptions::default();
    while let Some(word) = words.next(tables)? {
        let (row, value) = match word {
            Word::Option(row, value) => (row, value),
            Word::Positional(extra) => return Err(unexpected(&extra)),
        };
        match row.key {
            Key::Help => return Ok(Invocation::Help(topic)),
            Key::Version => return Ok(Invocation::Version),
            _ => store(&mut options, row, value)?,
        }
    }
    match (&options.socket, options.listen_fd) {
        (None, None) => return Err(Misuse::new("option --socket is required")),
        (Some(_), Some(_)) => {
            let text = "options --socket and --listen-fd exclude each other";
            return Err(Misuse::new(text));
        }
        _ => {}
    }
    distinct(&options)?;
    Ok(Invocation::Serve(options))
}

fn parse_exec(mut words: Words) -> Result<Invocation, Misuse> {
    let mut options = ExecOptions::default();
    // Only to find the mistakes: the daemon parses its options itself.
    let mut checked = ServeOptions::default();
    while !words.separator() {
        let (row, value) = match words.next(&[EXEC])? {
            Some(Word::Option(row, value)) => (row, value),
            Some(Word::Positional(word)) => {
                let text = format!("unexpected argument {word:?}, COMMAND goes behind --");
                return Err(Misuse::new(text));
            }
            None => return Err(Misuse::new("no command to run, it goes behind --")),
        };
        match row.key {
            Key::Help => return Ok(Invocation::Help(Topic::Exec)),
            Key::Timeout => options.timeout = Some(duration(row, &value)?),
            Key::Socket => options.socket = Some(path(row, value)?),
            _ => {
                let mut given = vec![row.spelled().into()];
                given.extend(row.value.map(|_| value.clone()));
                store(&mut checked, row, value)?;
                options.daemon.push(given);
            }
        }
    }
    options.command = words.rest();
    if options.command.is_empty() {
        return Err(Misuse::new("no command to run behind --"));
    }
    Ok(Invocation::Exec(options))
}

/// Stores the value of an option that a daemon has.
fn store(options: &mut ServeOptions, row: &Row, value: OsString) -> Result<(), Misuse> {
    match row.key {
        Key::Socket => options.socket = Some(path(row, value)?),
        Key::ListenFd => options.listen_fd = Some(descriptor(row, &value)?),
        Key::ReadyFd => options.ready_fd = Some(descriptor(row, &value)?),
        Key::LifelineFd => options.lifeline_fd = Some(descriptor(row, &value)?),
        Key::ExitWithParent => options.exit_with_parent = Some(parent(row, &value)?),
        Key::ExitOnLastClient => options.exit_on_last_client = true,
        Key::PrivateDirectory => options.private_directory = Some(path(row, value)?),
        Key::Profile => {
            let profile = text(row, &value)?.parse();
            let profile = profile.map_err(|why| Misuse::new(format!("--profile: {why}")))?;
            options.profile = Some(profile);
        }
        Key::Seed => options.seed = Some(number(row, &value)?),
        Key::MaxClients => options.max_clients = count(row, &value, &[])?,
        Key::WriteTimeout => options.write_timeout = duration(row, &value)?,
        Key::ClientBudget => options.client_budget = count(row, &value, BYTE_UNITS)?,
        Key::Log => options.log = Some(path(row, value)?),
        Key::Verbose => options.verbosity = Verbosity::Verbose,
        Key::Quiet => options.verbosity = Verbosity::Quiet,
        _ => {}
    }
    Ok(())
}

/// No descriptor can serve two purposes.
fn distinct(options: &ServeOptions) -> Result<(), Misuse> {
    let given = [
        ("--listen-fd", options.listen_fd),
        ("--ready-fd", options.ready_fd),
        ("--lifeline-fd", options.lifeline_fd),
    ];
    for (index, (name, number)) in given.into_iter().enumerate() {
        let same = |(_, other): &&(&str, Option<i32>)| number.is_some() && *other == number;
        if let (Some((other, _)), Some(number)) = (given[index + 1..].iter().find(same), number) {
            let text = format!("{name} and {other}: the same descriptor, {number}");
            return Err(Misuse::new(text));
        }
    }
    Ok(())
}

pub(super) fn unexpected(word: &OsStr) -> Misuse {
    Misuse::new(format!("unexpected argument {word:?}"))
}

fn is_option(word: &OsStr) -> bool {
    word.len() > 1 && word.as_bytes()[0] == b'-'
}

/// A word of the command line with its meaning.
pub(super) enum Word {
    /// An option and its value; empty for a switch.
    Option(&'static Row, OsString),
    Positional(OsString),
}

/// The words from left to right.
pub(super) struct Words {
    parser: lexopt::Parser,
    /// The `--` is behind us.
    ended: bool,
}

impl Words {
    fn new(args: impl IntoIterator<Item = OsString>) -> Words {
        Words {
            parser: lexopt::Parser::from_args(args),
            ended: false,
        }
    }

    /// The word that comes next. Nothing is half read between two calls, so there always is a view of
    /// the raw words.
    fn peek(&mut self) -> Option<OsString> {
        let words = self.parser.try_raw_args()?;
        words.peek().map(OsStr::to_os_string)
    }

    fn skip(&mut self) -> Option<OsString> {
        self.parser.try_raw_args()?.next()
    }

    /// Whether the next word is the `--` behind which nothing is an option; it is taken then.
    pub(super) fn separator(&mut self) -> bool {
        let found = self.peek().is_some_and(|word| word == "--");
        if found {
            self.skip();
        }
        found
    }

    /// All words that are left, as they are.
    pub(super) fn rest(&mut self) -> Vec<OsString> {
        std::iter::from_fn(|| self.skip()).collect()
    }

    pub(super) fn next(&mut self, tables: &[&'static [Row]]) -> Result<Option<Word>, Misuse> {
        if self.separator() || self.ended {
            self.ended = true;
            return Ok(self.skip().map(Word::Positional));
        }
        let long = self.peek().as_deref().and_then(one_dash_long);
        let (name, attached) = match long {
            Some(split) => {
                self.skip();
                split
            }
            None => {
                let next = self
                    .parser
                    .next()
                    .map_err(|error| Misuse::new(error.to_string()))?;
                let name = match next {
                    None => return Ok(None),
                    Some(lexopt::Arg::Value(word)) => return Ok(Some(Word::Positional(word))),
                    Some(lexopt::Arg::Long(name)) => Name::Long(name.to_string()),
                    Some(lexopt::Arg::Short(name)) => Name::Short(name),
                };
                (name, self.parser.optional_value())
            }
        };
        let row = find(&name, tables)?;
        let value = match (row.value, attached) {
            (None, None) => OsString::new(),
            (None, Some(value)) => {
                let text = format!("option {} takes no value, got {value:?}", name.spelled());
                return Err(Misuse::new(text));
            }
            (Some(_), Some(value)) if row.optional && value.is_empty() => {
                return Err(bad(row, "expected a whole number", &value));
            }
            (Some(_), Some(value)) => value,
            (Some(_), None) if row.optional => OsString::new(),
            (Some(value), None) => self.skip().ok_or_else(|| {
                Misuse::new(format!("option {} needs a value ({value})", row.spelled()))
            })?,
        };
        Ok(Some(Word::Option(row, value)))
    }
}

/// The name of an option as it was typed, without dashes.
enum Name {
    Long(String),
    Short(char),
}

impl Name {
    fn spelled(&self) -> String {
        match self {
            Name::Long(name) => format!("--{name}"),
            Name::Short(name) => format!("-{name}"),
        }
    }

    fn is(&self, row: &Row) -> bool {
        let mut letters = row.name.chars();
        let only = letters.next().filter(|_| letters.next().is_none());
        match self {
            Name::Long(name) => name == row.name && only.is_none(),
            Name::Short(name) => Some(*name) == row.short.or(only),
        }
    }
}

/// Takes apart a word of one dash and more than one letter, which lexopt would read as a cluster of
/// short options, into name and value. With `=` after one letter it is a short option with a value.
fn one_dash_long(word: &OsStr) -> Option<(Name, Option<OsString>)> {
    let rest = word.as_bytes().strip_prefix(b"-")?;
    if rest.starts_with(b"-") {
        return None;
    }
    let (name, value) = match rest.iter().position(|&byte| byte == b'=') {
        Some(at) => (&rest[..at], Some(rest[at + 1..].to_vec())),
        None => (rest, None),
    };
    let name = String::from_utf8_lossy(name);
    let mut letters = name.chars();
    let name = match (letters.next(), letters.next()) {
        (None, _) if value.is_none() => return None,
        (Some(_), None) if value.is_none() => return None,
        (Some(letter), None) => Name::Short(letter),
        _ => Name::Long(name.into_owned()),
    };
    Some((name, value.map(OsString::from_vec)))
}

fn find(name: &Name, tables: &[&'static [Row]]) -> Result<&'static Row, Misuse> {
    let mut rows = tables.iter().copied().flatten();
    if let Some(row) = rows.find(|row| name.is(row)) {
        return Ok(row);
    }
    let typed = name.spelled();
    let rows = tables.iter().copied().flatten();
    let near = match name {
        Name::Long(name) => nearest(name, &mut rows.map(|row| row.name)),
        Name::Short(_) => None,
    };
    Err(Misuse::new(match near {
        Some(near) => format!("unknown option {typed}, did you mean {}?", spelled(near)),
        None => format!("unknown option {typed}"),
    }))
}

pub(super) fn bad(row: &Row, why: &str, value: &OsStr) -> Misuse {
    Misuse::new(format!("{}: {why}, got {value:?}", row.spelled()))
}

pub(super) fn path(row: &Row, value: OsString) -> Result<PathBuf, Misuse> {
    if value.is_empty() {
        return Err(bad(row, "expected a path", &value));
    }
    Ok(value.into())
}

pub(super) fn text<'a>(row: &Row, value: &'a OsStr) -> Result<&'a str, Misuse> {
    value.to_str().ok_or_else(|| bad(row, "not UTF-8", value))
}

fn number(row: &Row, value: &OsStr) -> Result<u64, Misuse> {
    let (digits, unit) = split_unit(text(row, value)?);
    if digits.is_empty() || !unit.is_empty() {
        return Err(bad(row, "expected a whole number", value));
    }
    digits.parse().map_err(|_| bad(row, "too large", value))
}

fn descriptor(row: &Row, value: &OsStr) -> Result<i32, Misuse> {
    i32::try_from(number(row, value)?).map_err(|_| bad(row, "too large", value))
}

fn parent(row: &Row, value: &OsStr) -> Result<ParentChoice, Misuse> {
    if value.is_empty() {
        return Ok(ParentChoice::Found);
    }
    // The kernel counts processes in a signed number.
    match i32::try_from(number(row, value)?).map(i32::unsigned_abs) {
        Ok(0) => Err(bad(row, "must be more than zero", value)),
        Ok(pid) => Ok(ParentChoice::Named(pid)),
        Err(_) => Err(bad(row, "too large", value)),
    }
}

/// What a suffix multiplies a number of bytes by.
const BYTE_UNITS: &[(&str, u64)] = &[
    ("K", 1 << 10),
    ("KiB", 1 << 10),
    ("M", 1 << 20),
    ("MiB", 1 << 20),
];

/// What a suffix multiplies a number of milliseconds by.
const TIME_UNITS: &[(&str, u64)] = &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

fn count(row: &Row, value: &OsStr, units: &[(&str, u64)]) -> Result<usize, Misuse> {
    let expected = if units.is_empty() {
        "expected a whole number"
    } else {
        "expected bytes such as 65536, 64KiB or 1MiB"
    };
    let (digits, unit) = split_unit(text(row, value)?);
    let factor = match units.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => *factor,
        None if unit.is_empty() => 1,
        None => return Err(bad(row, expected, value)),
    };
    let product = scale(row, value, expected, digits, factor)?;
    usize::try_from(product).map_err(|_| bad(row, "too large", value))
}

fn duration(row: &Row, value: &OsStr) -> Result<Duration, Misuse> {
    let expected = "expected a duration such as 250ms, 2s or 1m";
    let (digits, unit) = split_unit(text(row, value)?);
    let Some((_, factor)) = TIME_UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(bad(row, expected, value));
    };
    match scale(row, value, expected, digits, *factor)? {
        product if product > MAX_DURATION_MS => Err(bad(row, "too large", value)),
        product => Ok(Duration::from_millis(product)),
    }
}

/// The digits at the start and what follows them.
fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

fn scale(
    row: &Row,
    value: &OsStr,
    expected: &str,
    digits: &str,
    factor: u64,
) -> Result<u64, Misuse> {
    if digits.is_empty() {
        return Err(bad(row, expected, value));
    }
    let product = digits.parse::<u64>().ok();
    match product.and_then(|number| number.checked_mul(factor)) {
        None => Err(bad(row, "too large", value)),
        Some(0) => Err(bad(row, "must be more than zero", value)),
        Some(product) => Ok(product),
    }
}

#[cfg(test)]
mod tests;
