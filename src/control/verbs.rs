//! The verbs: their keys, what each is about, and what it does.

use std::time::Duration;

use serde_json::Value;

use super::answer::Answer;
use super::connection::Connection;
use crate::go::json::unquote;
use crate::go::json::{Member, clipped};
use crate::nearest::nearest;
use crate::node::ClientId;
use crate::scenario::read;

/// How long `await` waits. Source: the contract of the control socket.
const AWAIT: Duration = Duration::from_secs(5);

/// What a key's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A string.
    Text,
    /// A string, or a list of them.
    Texts,
    Flag,
    Number,
    /// A string such as `"250ms"`.
    Duration,
    /// A client's number, or `"all"`.
    Client,
    Object,
    /// An object, or a list of them.
    Objects,
}

impl Kind {
    /// How it is called where a value is not one, and how it is shown in the help.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Kind::Text => ("a string", "NAME"),
            Kind::Texts => ("a name or a list of them", "NAMES"),
            Kind::Flag => ("true or false", "false"),
            Kind::Number => ("a whole number", "N"),
            Kind::Duration => ("a duration such as \"250ms\", \"2s\" or \"1m\"", "DUR"),
            Kind::Client => ("a client's number or \"all\"", "N or \"all\""),
            Kind::Object => ("an object", "{...}"),
            Kind::Objects => ("an object or a list of them", "{...} or [...]"),
        }
    }

    fn fits(self, text: &str) -> bool {
        let number = || text.parse::<u64>().is_ok();
        match self {
            Kind::Text | Kind::Duration => text.starts_with('"'),
            Kind::Texts => text.starts_with(['"', '[']),
            Kind::Flag => matches!(text, "true" | "false"),
            Kind::Number => number(),
            Kind::Client => number() || text == "\"all\"",
            Kind::Object => text.starts_with('{'),
            Kind::Objects => text.starts_with(['{', '[']),
        }
    }
}

/// A key of a request.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) needed: bool,
}

const fn key(name: &'static str, kind: Kind) -> Key {
    let needed = true;
    Key { name, kind, needed }
}

const fn optional(name: &'static str, kind: Kind) -> Key {
    let needed = false;
    Key { name, kind, needed }
}

type Act = fn(&mut Connection, &Given<'_>, &mut Answer) -> Result<(), String>;

/// One verb.
#[derive(Debug)]
pub(crate) struct Verb {
    pub(crate) name: &'static str,
    pub(crate) keys: &'static [Key],
    /// What it does, and what it answers, in lines that fit beside the names.
    pub(crate) about: &'static str,
    pub(super) act: Act,
}

impl Verb {
    /// The keys as the help shows them.
    pub(crate) fn keys_shown(&self) -> String {
        let shown = self.keys.iter().map(|key| {
            let (_, value) = key.kind.words();
            let (open, close) = if key.needed { ("", "") } else { ("[", "]") };
            format!("{open}{}: {value}{close}", key.name)
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    /// The values of a request in the order of the keys.
    pub(super) fn take<'a>(&self, members: Vec<Member<'a>>) -> Result<Given<'a>, String> {
        let mut values = vec![None; self.keys.len()];
        for (name, text) in members {
            if name == "verb" {
                continue;
            }
            let Some(at) = self.keys.iter().position(|key| key.name == name) else {
                let mut names = self.keys.iter().map(|key| key.name);
                let near = nearest(&name, &mut names);
                let text = unknown("key", &name, near);
                return Err(match near {
                    None if !self.keys.is_empty() => {
                        format!("{text}, expected {}", self.keys_shown())
                    }
                    _ => text,
                });
            };
            let kind = self.keys[at].kind;
            if !kind.fits(text) {
                let (expected, _) = kind.words();
                return Err(format!(
                    "{name}: expected {expected}, got {}",
                    clipped(text)
                ));
            }
            values[at] = Some(text);
        }
        match (0..values.len()).find(|&at| self.keys[at].needed && values[at].is_none()) {
            Some(at) => {
                let (expected, _) = self.keys[at].kind.words();
                Err(format!(
                    "{}: missing, expected {expected}",
                    self.keys[at].name
                ))
            }
            None => Ok(Given(values)),
        }
    }
}

/// `NAME: unknown WHAT`, with a suggestion.
pub(super) fn unknown(what: &str, name: &str, near: Option<&str>) -> String {
    let name = clipped(name);
    match near {
        Some(near) => format!("{name}: unknown {what}, did you mean \"{near}\"?"),
        None => format!("{name}: unknown {what}"),
    }
}

/// The texts of a verb's values, each of its kind, in the order of its keys.
#[derive(Debug)]
pub(super) struct Given<'a>(Vec<Option<&'a str>>);

impl Given<'_> {
    fn raw(&self, at: usize) -> &str {
        self.0[at].unwrap_or_default()
    }

    fn number(&self, at: usize) -> Option<u64> {
        self.0[at]?.parse().ok()
    }
}

/// What stands between the quotes of a string.
pub(super) fn text_of(literal: &str) -> String {
    let inside = literal
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    unquote(inside.unwrap_or_default().as_bytes())
}

/// Every verb.
pub(crate) const TABLE: &[Verb] = &[
    Verb {
        name: "ping",
        keys: &[],
        about: "whether the daemon is there: pid, version, uptime_ms",
        act: |connection, _, answer| {
            let uptime = connection.shared.started.elapsed();
            answer.add("pid", &std::process::id());
            answer.add("version", &Value::from(env!("CARGO_PKG_VERSION")));
            answer.add("uptime_ms", &uptime.as_millis());
            Ok(())
        },
    },
    Verb {
        name: "state",
        keys: &[],
        about: "the whole node: state",
        act: |connection, _, answer| {
            let state = connection.shared.steering.state();
            answer.add("state", &state);
            Ok(())
        },
    },
    Verb {
        name: "clients",
        keys: &[],
        about: "who is connected: clients",
        act: |connection, _, answer| {
            let clients = Value::from(connection.shared.steering.clients());
            answer.add("clients", &clients);
            Ok(())
        },
    },
    Verb {
        name: "rule_add",
        keys: &[key("rule", Kind::Object), optional("scoped", Kind::Flag)],
        about: "put a rule before the others: its name",
        act: |connection, given, answer| {
            let rule = read::rule(given.raw(0))?;
            let name = connection.add_rule(rule, given.raw(1) == "true")?;
            answer.add("name", &Value::from(name));
            Ok(())
        },
    },
    Verb {
        name: "rule_remove",
        keys: &[key("name", Kind::Text)],
        about: "take a rule away",
        act: |connection, given, _| {
            connection.remove_rule(&text_of(given.raw(0)))?;
            Ok(())
        },
    },
    Verb {
        name: "rules",
        keys: &[],
        about: "the rules in the order of matching, and their counts: rules",
        act: |connection, _, answer| {
            let rules = Value::from(connection.shared.steering.rules());
            answer.add("rules", &rules);
            Ok(())
        },
    },
    Verb {
        name: "push",
        keys: &[key("push", Kind::Objects)],
        about: "send pushes: sent, how many clients got one",
        act: |connection, given, answer| {
            let pushes = read::pushes(given.raw(0))?;
            let sent = connection.shared.steering.push(&pushes);
            answer.add("sent", &sent);
            Ok(())
        },
    },
    Verb {
        name: "await",
        keys: &[
            key("on", Kind::Texts),
            optional("when", Kind::Object),
            optional("count", Kind::Number),
            optional("timeout", Kind::Duration),
            optional("since", Kind::Number),
        ],
        about: "wait for so many requests (1) for so long (5s): seq, or the\nnearest one",
        act: await_request,
    },
    Verb {
        name: "expect",
        keys: &[key("expect", Kind::Object)],
        about: "add an expectation; what came since the last\nreset counts",
        act: |connection, given, _| {
            let expectation = read::expectation(given.raw(0))?;
            connection.shared.steering.expect(expectation);
            Ok(())
        },
    },
    Verb {
        name: "verify",
        keys: &[],
        about: "whether the expectations are met: failures",
        act: |connection, _, answer| {
            let failures = connection.shared.steering.verify();
            match failures.len() {
                0 => {}
                1 => answer.refuse("an expectation is not met"),
                many => answer.refuse(&format!("{many} expectations are not met")),
            }
            answer.add("failures", &Value::from(failures));
            Ok(())
        },
    },
    Verb {
        name: "reset",
        keys: &[],
        about: "go back to the scenario's start; clients stay connected",
        act: |connection, _, _| {
            connection.reset();
            Ok(())
        },
    },
    Verb {
        name: "drop",
        keys: &[key("client", Kind::Client)],
        about: "close a client, or all: dropped, how many there were",
        act: |connection, given, answer| {
            let client: Option<ClientId> = match given.raw(0) {
                "\"all\"" => None,
                number => Some(
                    number
                        .parse()
                        .map_err(|_| format!("client: too large, got {number}"))?,
                ),
            };
            let dropped = connection.shared.steering.drop_clients(client)?;
            answer.add("dropped", &dropped);
            Ok(())
        },
    },
    Verb {
        name: "journal",
        keys: &[optional("since", Kind::Number)],
        about: "the last 10,000 entries, those after number since: entries",
        act: |connection, given, answer| {
            let since = given.number(0).unwrap_or_default();
            // Finished lines.
            let entries = connection.shared.steering.journal(since).join(",");
            answer.add("entries", &format_args!("[{entries}]"));
            Ok(())
        },
    },
    Verb {
        name: "stop",
        keys: &[],
        about: "end the daemon, as by SIGTERM",
        act: |connection, _, _| {
            connection.ends = true;
            Ok(())
        },
    },
];

fn await_request(
    connection: &mut Connection,
    given: &Given<'_>,
    answer: &mut Answer,
) -> Result<(), String> {
    let when = given.0[1].unwrap_or("{}");
    let wanted = format!("{{\"on\":{},\"when\":{when}}}", given.raw(0));
    let wanted = read::wanted(&wanted)?;
    let count = given.number(2).unwrap_or(1);
    if count == 0 {
        return Err("count: must be more than zero, got 0".to_owned());
    }
    let timeout = match given.0[3] {
        Some(literal) => {
            read::duration(&text_of(literal)).map_err(|why| format!("timeout: {why}"))?
        }
        None => AWAIT,
    };
    let since = given.number(4);
    let steering = &connection.shared.steering;
    let gone = || connection.peer_has_closed();
    match steering.await_request(&wanted, count, since, timeout, &gone) {
        Ok(seq) => answer.add("seq", &seq),
        Err(missed) => {
            answer.refuse(&missed.text);
            answer.add("nearest", &Value::from(missed.nearest));
        }
    }
    Ok(())
}
