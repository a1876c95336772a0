//! Scenario texts to what they say, with every mistake and its place.
//!
//! All texts become items of one tree; objects of several scenarios are merged in it, and what came
//! of it is read once, so that a mistake is found once and named where it stands.

mod expect;
mod keys;
mod order;
mod pushes;
mod reader;
mod requests;
mod rules;
mod text;
mod values;
mod world;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use super::{Expectation, Push, Rule, Scenario, Wanted};
use crate::clause::clause;
use crate::node::Profile;
use order::order;
use reader::Reader;
use text::{Content, Id, Spot};

/// What messages call a scenario that is given as text.
const INLINE: &str = "<scenario>";

/// Where a scenario comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// The scenario itself.
    Text(String),
}

impl Source {
    /// What an argument means: the scenario itself where it starts with `{`, after white space.
    pub fn of(argument: &OsStr) -> Source {
        let bytes = argument.as_bytes();
        match str::from_utf8(bytes) {
            Ok(text) if bytes.trim_ascii_start().starts_with(b"{") => Source::Text(text.to_owned()),
            _ => Source::File(argument.into()),
        }
    }
}

/// Reads scenarios: objects are merged key by key, lists appended in order.
///
/// # Errors
/// Every mistake of every source, as `FILE:LINE:COLUMN: path: what, what was expected`.
pub fn load(sources: &[Source]) -> Result<Scenario, Vec<String>> {
    let mut reader = Reader::default();
    let mut whole: Option<Id> = None;
    for (number, source) in sources.iter().enumerate() {
        let (name, text) = match source {
            Source::File(path) => (path.to_string_lossy(), std::fs::read(path)),
            Source::Text(text) => (INLINE.into(), Ok(text.clone().into_bytes())),
        };
        reader.files.push((&*name).into());
        let number = number as u16;
        let root = match text {
            Ok(text) => reader.parse(number, &text),
            Err(error) => {
                let spot = Spot {
                    file: number,
                    line: 0,
                    column: 0,
                };
                reader.wrong_at(spot, "", &format!("cannot read: {}", clause(&error)));
                None
            }
        };
        let root = root.filter(|id| {
            let object = matches!(reader.content(*id), Content::Object(_));
            if !object {
                reader.expected(*id, "an object");
            }
            object
        });
        whole = match (whole, root) {
            (Some(first), Some(root)) => {
                reader.merge(first, root);
                Some(first)
            }
            (first, root) => first.or(root),
        };
    }
    let scenario = whole.map(|id| reader.scenario(id)).unwrap_or_default();
    match reader.has_mistakes() {
        true => Err(reader.mistakes()),
        false => Ok(scenario),
    }
}

/// Reads a rule.
///
/// # Errors
/// Every mistake, joined by `; `, with paths that start with `rule`.
pub fn rule(text: &str) -> Result<Rule, String> {
    let (mut reader, id) = alone("rule", text)?;
    let rule = reader.rule(id);
    finish(reader, rule)
}

/// Reads a push, or a list of them.
///
/// # Errors
/// Every mistake, joined by `; `, with paths that start with `push`.
pub fn pushes(text: &str) -> Result<Vec<Push>, String> {
    let (mut reader, id) = alone("push", text)?;
    let pushes = match reader.content(id) {
        Content::List(_) => reader.pushes(id),
        _ => Vec::from_iter(reader.push(id)),
    };
    finish(reader, Some(pushes))
}

/// Reads an expectation.
///
/// # Errors
/// Every mistake, joined by `; `, with paths that start with `expect`.
pub fn expectation(text: &str) -> Result<Expectation, String> {
    let (mut reader, id) = alone("expect", text)?;
    let expectation = reader.expectation(id);
    finish(reader, expectation)
}

/// Reads what is waited for: an object with `on` and `when`.
///
/// # Errors
/// Every mistake, joined by `; `, with paths that start with `await`.
pub fn wanted(text: &str) -> Result<Wanted, String> {
    let (mut reader, id) = alone("await", text)?;
    let wanted = reader.step(id);
    finish(reader, wanted)
}

/// Reads a duration such as `250ms`.
///
/// # Errors
/// When the text is none.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("expected {}, got {text:?}", values::DURATION);
    values::duration(text).ok_or_else(wrong)
}

/// A reader of one text that is in no file, and its root.
fn alone(word: &'static str, text: &str) -> Result<(Reader, Id), String> {
    let mut reader = Reader::default();
    reader.word = word;
    match reader.parse(0, text.as_bytes()) {
        Some(id) => Ok((reader, id)),
        None => Err(reader.mistakes().join("; ")),
    }
}

fn finish<T>(reader: Reader, read: Option<T>) -> Result<T, String> {
    match read {
        Some(read) if !reader.has_mistakes() => Ok(read),
        _ => Err(reader.mistakes().join("; ")),
    }
}

impl Reader {
    fn parse(&mut self, file: u16, text: &[u8]) -> Option<Id> {
        let root = text::parse(&mut self.tree, file, text);
        for id in std::mem::take(&mut self.tree.duplicates) {
            self.wrong(id, "duplicate key, expected it once");
        }
        match root {
            Ok(root) => Some(root),
            Err((spot, text)) => {
                self.wrong_at(spot, self.word, &text);
                None
            }
        }
    }

    /// Adds what the second item says to the first.
    fn merge(&mut self, first: Id, second: Id) {
        match (self.content(first), self.content(second)) {
            (Content::Object(_), Content::Object(_)) => {
                for member in self.members(second) {
                    match self.get(first, self.tree.key(member)) {
                        Some(there) => self.merge(there, member),
                        None => self.append(first, &[member]),
                    }
                }
            }
            (Content::List(_), Content::List(more)) => {
                let more = more.clone();
                self.append(first, &more);
            }
            (Content::Null, Content::Null) => {}
            (Content::Flag(one), Content::Flag(other)) if one == other => {}
            (Content::Number(one), Content::Number(other))
            | (Content::Text(one), Content::Text(other))
                if one == other => {}
            _ => {
                let (one, other) = (self.shown(first), self.shown(second));
                let place = self.place(first).map(|place| place.to_string());
                let place = place.unwrap_or_default();
                self.wrong_fmt(
                    second,
                    format_args!("{other}, expected {one} as at {place}"),
                );
            }
        }
    }

    fn append(&mut self, id: Id, more: &[Id]) {
        if let Content::List(items) | Content::Object(items) = self.tree.content_mut(id) {
            items.extend_from_slice(more);
        }
    }

    fn scenario(&mut self, id: Id) -> Scenario {
        let mut scenario = Scenario::default();
        if !self.object(id, keys::SCENARIO) {
            return scenario;
        }
        if let Some(version) = self.get(id, "version") {
            let one = matches!(self.content(version), Content::Number(text) if &**text == "1");
            if !one {
                self.expected(version, "1");
            }
        }
        let profile = self.get(id, "profile");
        let profile = profile.and_then(|id| self.choice(id, keys::PROFILES));
        scenario.profile = profile.map(|name| match name {
            "faithful" => Profile::Faithful,
            _ => Profile::Lenient,
        });
        let seed = self.get(id, "seed");
        scenario.seed = seed.and_then(|id| self.whole(id, "a whole number", 0, u64::MAX));
        scenario.config = self.world(id);
        for item in self.list_of(id, "rules", "a list of rules") {
            scenario.rules.extend(self.rule(item));
        }
        self.check_names(id);
        for item in self.list_of(id, "timeline", "a list of pushes with their times") {
            scenario.timeline.extend(self.series(item));
        }
        for item in self.list_of(id, "expect", "a list of expectations") {
            scenario.expect.extend(self.expectation(item));
        }
        if let Some(id) = self.get(id, "unexpected") {
            scenario.unexpected_fails = self.choice(id, keys::UNEXPECTED) == Some("fail");
            scenario.unexpected_place = self.place(id);
        }
        scenario
    }

    /// Every rule's name is another, those that are called by their place included.
    fn check_names(&mut self, scenario: Id) {
        let rules = match self.get(scenario, "rules").map(|id| self.content(id)) {
            Some(Content::List(rules)) => rules.clone(),
            _ => return,
        };
        let name = |id: Id| {
            let name = self.get(id, "name")?;
            match self.content(name) {
                Content::Text(text) => Some((&**text, name)),
                _ => None,
            }
        };
        let names: Vec<(&str, Id)> = rules.iter().copied().filter_map(name).collect();
        // Of one name the first stays the first.
        let sorted = order(names.len(), &|a, b| names[a].0.cmp(names[b].0));
        let mut again = Vec::new();
        let mut first = 0;
        for at in sorted {
            if names[first].0 == names[at].0 && first != at {
                again.push((names[first].1, names[at].1));
            } else {
                first = at;
            }
        }
        for &(text, id) in &names {
            let number = text
                .strip_prefix("rules[")
                .and_then(|text| text.strip_suffix(']'));
            let at = number.and_then(|number| number.parse().ok());
            let called =
                at.and_then(|at: usize| rules.get(at).filter(|_| text == format!("rules[{at}]")));
            if let Some(&rule) = called
                && self.get(rule, "name").is_none()
            {
                again.push((rule, id));
            }
        }
        for (first, other) in again {
            let place = self.place(first).map(|place| place.to_string());
            let shown = self.shown(other);
            let place = place.unwrap_or_default();
            let default = match self.content(first) {
                Content::Text(_) => "",
                _ => "the default ",
            };
            self.wrong_fmt(
                other,
                format_args!(
                    "duplicate rule name {shown}, expected another than {default}at {place}"
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests;
