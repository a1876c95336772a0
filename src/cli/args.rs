//! The parser: words in, [`Invocation`] out. It validates and stores, and opens nothing.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::options::{
    ALONE, COMMANDS, CTL, DAEMON_OF_EXEC, DECODE, EXEC, Key, MAIN, PRIVATE, Row, SERVE,
};
use super::values::{
    BYTE_UNITS, bad, count, descriptor, duration, number, parent, path, scenario, text,
};
use super::words::{Word, Words};
use super::{
    CtlOptions, DecodeOptions, ExecOptions, Invocation, Misuse, ServeOptions, Topic, cover,
};
use crate::control::{self, verbs};
use crate::log::Verbosity;
use crate::nearest::nearest;

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
    if command == DAEMON_OF_EXEC {
        return parse_serve(words, &[SERVE, PRIVATE], Topic::Serve);
    }
    match topic_of(&command)? {
        Topic::Serve => parse_serve(words, &[SERVE], Topic::Serve),
        Topic::Exec => parse_exec(words),
        Topic::Ctl => parse_ctl(words),
        Topic::Check => parse_check(words),
        Topic::Explain => parse_explain(words),
        Topic::Decode => parse_decode(words),
        Topic::Cover(_) => cover::parse(words),
        Topic::Main => parse_help(words),
    }
}

/// What a command's help is about; that of `help` is the program's.
fn topic_of(command: &str) -> Result<Topic, Misuse> {
    let found = COMMANDS.iter().find(|(name, ..)| *name == command);
    let topic = found.map(|&(_, topic, _)| topic);
    topic.ok_or_else(|| {
        unknown(
            "command",
            command,
            &mut COMMANDS.iter().map(|&(name, ..)| name),
        )
    })
}

pub(super) fn unknown(what: &str, typed: &str, names: &mut dyn Iterator<Item = &str>) -> Misuse {
    let text = match nearest(typed, names) {
        Some(name) => format!("unknown {what} {typed:?}, did you mean {name}?"),
        None => format!("unknown {what} {typed:?}"),
    };
    Misuse::new(text)
}

fn parse_help(mut words: Words) -> Result<Invocation, Misuse> {
    let mut topic = Topic::Main;
    while let Some(word) = words.next(&[MAIN])? {
        match word {
            Word::Positional(name) if topic == Topic::Main => {
                topic = topic_of(&name.to_string_lossy())?;
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
    two_sockets(options.socket.as_ref(), options.control.as_ref())?;
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
            Key::Control => options.control = Some(path(row, value)?),
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
    two_sockets(options.socket.as_ref(), options.control.as_ref())?;
    Ok(Invocation::Exec(options))
}

fn parse_ctl(mut words: Words) -> Result<Invocation, Misuse> {
    let mut options = CtlOptions::default();
    let mut verb = None;
    let mut json = None;
    while let Some(word) = words.next(&[CTL])? {
        match word {
            Word::Option(row, value) => match row.key {
                Key::Control => options.control = Some(path(row, value)?),
                Key::Wait => options.wait = Some(duration(row, &value)?),
                _ => return Ok(Invocation::Help(Topic::Ctl)),
            },
            Word::Positional(word) if verb.is_none() => {
                let typed = word.to_string_lossy();
                let found = verbs::TABLE.iter().find(|verb| verb.name == typed);
                let mut names = verbs::TABLE.iter().map(|verb| verb.name);
                verb = Some(
                    found
                        .ok_or_else(|| unknown("verb", &typed, &mut names))?
                        .name,
                );
            }
            Word::Positional(word) if json.is_none() => json = Some(word),
            Word::Positional(extra) => return Err(unexpected(&extra)),
        }
    }
    let verb = verb.ok_or_else(|| Misuse::new("no verb given, try mockpilot ctl --help"))?;
    if options.wait.is_some() && verb != "ping" {
        return Err(Misuse::new(format!("{verb}: only ping takes --wait")));
    }
    let json = json.as_deref().unwrap_or(OsStr::new("{}"));
    options.request = control::request(verb, json.as_bytes())
        .map_err(|why| Misuse::new(format!("JSON of {verb}: {why}")))?;
    Ok(Invocation::Ctl(options))
}

fn parse_check(words: Words) -> Result<Invocation, Misuse> {
    let Some(files) = positionals(words)? else {
        return Ok(Invocation::Help(Topic::Check));
    };
    match files.is_empty() {
        true => Err(Misuse::new("no scenario given, try mockpilot check --help")),
        false => Ok(Invocation::Check(files)),
    }
}

fn parse_explain(words: Words) -> Result<Invocation, Misuse> {
    let Some(given) = positionals(words)? else {
        return Ok(Invocation::Help(Topic::Explain));
    };
    let mut given = given.into_iter();
    match (given.next(), given.next(), given.next()) {
        (_, _, Some(extra)) => Err(unexpected(&extra)),
        (Some(scenario), Some(hex), None) => Ok(Invocation::Explain(scenario, hex)),
        (None, ..) => Err(Misuse::new(
            "no scenario given, try mockpilot explain --help",
        )),
        (Some(_), None, _) => Err(Misuse::new(
            "no request given, try mockpilot explain --help",
        )),
    }
}

fn parse_decode(mut words: Words) -> Result<Invocation, Misuse> {
    let mut options = DecodeOptions::default();
    while let Some(word) = words.next(&[DECODE])? {
        match word {
            Word::Option(row, value) => match row.key {
                Key::Hex => options.hex = true,
                Key::From => {
                    options.from_daemon = match text(row, &value)? {
                        "client" => false,
                        "daemon" => true,
                        _ => return Err(bad(row, "expected client or daemon", &value)),
                    };
                }
                _ => return Ok(Invocation::Help(Topic::Decode)),
            },
            Word::Positional(file) if options.file.is_none() => options.file = Some(file.into()),
            Word::Positional(extra) => return Err(unexpected(&extra)),
        }
    }
    Ok(Invocation::Decode(options))
}

/// The words of a command whose only option asks for its help; `None` when that is there.
fn positionals(mut words: Words) -> Result<Option<Vec<OsString>>, Misuse> {
    let mut found = Vec::new();
    while let Some(word) = words.next(&[ALONE])? {
        match word {
            Word::Option(..) => return Ok(None),
            Word::Positional(word) => found.push(word),
        }
    }
    Ok(Some(found))
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
        Key::Scenario => options.scenarios.push(scenario(row, value)?),
        Key::Journal => options.journal = Some(path(row, value)?),
        Key::JournalRaw => options.journal_raw = true,
        Key::JournalSecrets => options.journal_secrets = true,
        Key::Control => options.control = Some(path(row, value)?),
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

fn two_sockets(socket: Option<&PathBuf>, control: Option<&PathBuf>) -> Result<(), Misuse> {
    match control {
        Some(path) if socket == control => {
            let text = format!("--socket and --control: the same path, {}", path.display());
            Err(Misuse::new(text))
        }
        _ => Ok(()),
    }
}

pub(super) fn unexpected(word: &OsStr) -> Misuse {
    Misuse::new(format!("unexpected argument {word:?}"))
}

fn is_option(word: &OsStr) -> bool {
    word.len() > 1 && word.as_bytes()[0] == b'-'
}

#[cfg(test)]
mod tests;
