//! The reader: one tree, and the mistakes found in it. Its methods read what any object may hold.

use std::fmt::Arguments;
use std::sync::Arc;
use std::time::Duration;

use super::order::order;
use super::text::{Content, Id, Spot, Tree, path};
use super::values;
use crate::nearest::nearest;
use crate::scenario::Place;

/// Longest piece of a value that a message shows, in characters.
const SHOWN: usize = 60;

#[derive(Debug)]
struct Mistake {
    spot: Spot,
    /// Path and text, or the text alone where there is no path.
    line: String,
}

#[derive(Debug, Default)]
pub(super) struct Reader {
    pub tree: Tree,
    /// Files by number; none where the text came over the control socket.
    pub files: Vec<Arc<str>>,
    /// What paths start with.
    pub word: &'static str,
    mistakes: Vec<Mistake>,
}

impl Reader {
    /// Notes a mistake about an item.
    pub fn wrong(&mut self, id: Id, text: &str) {
        self.wrong_fmt(id, format_args!("{text}"));
    }

    /// Notes a mistake about an item, in words that are put together.
    pub fn wrong_fmt(&mut self, id: Id, text: Arguments<'_>) {
        let path = path(&self.tree, id, self.word);
        self.wrong_at(self.tree.item(id).spot, &path, &text.to_string());
    }

    /// Notes a mistake about a place.
    pub fn wrong_at(&mut self, spot: Spot, path: &str, text: &str) {
        let line = match path {
            "" => text.to_owned(),
            _ => format!("{path}: {text}"),
        };
        self.mistakes.push(Mistake { spot, line });
    }

    /// Notes that something else stands where `what` belongs.
    pub fn expected(&mut self, id: Id, what: &str) {
        self.wrong_fmt(id, format_args!("expected {what}, got {}", self.shown(id)));
    }

    /// All mistakes in the order of their places, as lines.
    pub fn mistakes(&self) -> Vec<String> {
        let mistakes = &self.mistakes;
        let by_spot = |a: usize, b: usize| mistakes[a].spot.cmp(&mistakes[b].spot);
        let mut lines = Vec::with_capacity(mistakes.len());
        for at in order(mistakes.len(), &by_spot) {
            let Mistake { spot, line: text } = &mistakes[at];
            let Spot { file, line, column } = *spot;
            lines.push(match (self.files.get(usize::from(file)), line) {
                (None, _) => text.clone(),
                (Some(file), 0) => format!("{file}: {text}"),
                (Some(file), _) => format!("{file}:{line}:{column}: {text}"),
            });
        }
        lines
    }

    pub fn has_mistakes(&self) -> bool {
        !self.mistakes.is_empty()
    }

    /// Where an item stands, if it is in a file.
    pub fn place(&self, id: Id) -> Option<Place> {
        let Spot { file, line, column } = self.tree.item(id).spot;
        let file = self.files.get(usize::from(file))?.clone();
        Some(Place { file, line, column })
    }

    pub fn content(&self, id: Id) -> &Content {
        &self.tree.item(id).content
    }

    /// A value as messages show it.
    pub fn shown(&self, id: Id) -> String {
        let mut up = Some(id);
        while let Some(id) = up {
            if matches!(self.tree.key(id), "token" | "admin_token") {
                return "<redacted>".to_owned();
            }
            up = self.tree.item(id).around;
        }
        match self.content(id) {
            Content::Null => "null".to_owned(),
            Content::Flag(flag) => flag.to_string(),
            Content::Number(literal) => cut(literal),
            Content::Text(text) => format!("{:?}", cut(text)),
            Content::List(_) => "a list".to_owned(),
            Content::Object(_) => "an object".to_owned(),
        }
    }

    /// Whether the item is an object; looks for keys that it cannot have.
    pub fn object(&mut self, id: Id, keys: &[&str]) -> bool {
        if !matches!(self.content(id), Content::Object(_)) {
            self.expected(id, "an object");
            return false;
        }
        for member in self.members(id) {
            let key = self.tree.key(member);
            if !keys.contains(&key) {
                let text = match nearest(key, &mut keys.iter().copied()) {
                    Some(near) => format!("unknown key, did you mean {near:?}?"),
                    None => format!("unknown key, expected {}", some_of(keys, "or")),
                };
                self.wrong(member, &text);
            }
        }
        true
    }

    /// Whether an object has a key that it cannot have: it may have been meant to be a missing one.
    pub fn has_unknown(&self, id: Id, keys: &[&str]) -> bool {
        let mut members = self.members(id).into_iter();
        members.any(|member| !keys.contains(&self.tree.key(member)))
    }

    /// The members of an object but its comment; none for anything else.
    pub fn members(&self, id: Id) -> Vec<Id> {
        match self.content(id) {
            Content::Object(members) => {
                let counts = |id: &Id| self.tree.key(*id) != "comment";
                members.iter().copied().filter(counts).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The member of an object.
    pub fn get(&self, object: Id, key: &str) -> Option<Id> {
        self.tree.get(object, key)
    }

    /// What a member of an object is, if it is there and good.
    #[inline(never)]
    pub fn of<T>(
        &mut self,
        object: Id,
        key: &str,
        read: fn(&mut Reader, Id) -> Option<T>,
    ) -> Option<T> {
        let member = self.get(object, key)?;
        read(self, member)
    }

    /// The member of an object that cannot do without.
    #[inline(never)]
    pub fn need(&mut self, object: Id, key: &str, what: &str) -> Option<Id> {
        let member = self.get(object, key);
        if member.is_none() {
            self.wrong_fmt(object, format_args!("no {key:?}, expected {what}"));
        }
        member
    }

    /// The items of a list.
    pub fn list(&mut self, id: Id, what: &str) -> Vec<Id> {
        if let Content::List(items) = self.content(id) {
            return items.clone();
        }
        self.expected(id, what);
        Vec::new()
    }

    /// The items of a member that is a list; none where there is no such member.
    #[inline(never)]
    pub fn list_of(&mut self, object: Id, key: &str, what: &str) -> Vec<Id> {
        match self.get(object, key) {
            Some(list) => self.list(list, what),
            None => Vec::new(),
        }
    }

    pub fn text(&mut self, id: Id) -> Option<String> {
        if let Content::Text(text) = self.content(id) {
            return Some(text.to_string());
        }
        self.expected(id, "a string");
        None
    }

    /// A string that is not empty.
    pub fn name(&mut self, id: Id) -> Option<String> {
        let text = self.text(id)?;
        if text.is_empty() {
            self.wrong(id, "an empty string, expected one with text in it");
            return None;
        }
        Some(text)
    }

    pub fn flag(&mut self, id: Id) -> Option<bool> {
        if let Content::Flag(flag) = self.content(id) {
            return Some(*flag);
        }
        self.expected(id, "true or false");
        None
    }

    /// A whole number from `low` to `high`, which `what` says.
    pub fn whole(&mut self, id: Id, what: &str, low: u64, high: u64) -> Option<u64> {
        if let Content::Number(literal) = self.content(id)
            && let Some(number) = values::whole(literal)
            && (low..=high).contains(&number)
        {
            return Some(number);
        }
        let range = match high {
            u64::MAX if low > 0 => format!(" of {low} or more"),
            _ => format!(" from {low} to {high}"),
        };
        self.expected(id, &format!("{what}{range}"));
        None
    }

    pub fn duration(&mut self, id: Id) -> Option<Duration> {
        if let Content::Text(text) = self.content(id)
            && let Some(duration) = values::duration(text)
        {
            return Some(duration);
        }
        self.expected(id, values::DURATION);
        None
    }

    /// A duration that is not zero.
    pub fn some_time(&mut self, id: Id) -> Option<Duration> {
        let duration = self.duration(id)?;
        if duration.is_zero() {
            self.expected(id, "more than zero");
            return None;
        }
        Some(duration)
    }

    /// Which of some words a string is.
    pub fn choice(&mut self, id: Id, words: &[&'static str]) -> Option<&'static str> {
        let quoted = words.iter().map(|word| format!("{word:?}"));
        self.word(id, words, &listed(quoted, "or"))
    }

    /// Which of some words a string is; `what` says all that may stand there.
    pub fn word(&mut self, id: Id, words: &[&'static str], what: &str) -> Option<&'static str> {
        let Content::Text(text) = self.content(id) else {
            self.expected(id, what);
            return None;
        };
        let found = words.iter().copied().find(|word| *word == &**text);
        if found.is_none() {
            match nearest(text, &mut words.iter().copied()) {
                Some(near) => {
                    let shown = self.shown(id);
                    self.wrong_fmt(id, format_args!("unknown {shown}, did you mean {near:?}?"));
                }
                None => self.expected(id, what),
            }
        }
        found
    }

    /// Keys of an object that are all there although only one of them can be.
    pub fn only_one(&mut self, object: Id, keys: &[&str]) {
        let mut there = self.members(object);
        there.retain(|id| keys.contains(&self.tree.key(*id)));
        if let [first, others @ ..] = &*there {
            for other in others {
                let first = self.tree.key(*first).to_owned();
                self.wrong_fmt(
                    *other,
                    format_args!(
                        "beside {first:?}, expected only one of {}",
                        some_of(keys, "and")
                    ),
                );
            }
        }
    }
}

/// Words as a clause.
pub(super) fn some_of(words: &[&str], last: &str) -> String {
    listed(words.iter().map(|word| word.to_string()), last)
}

fn listed(words: impl Iterator<Item = String>, last: &str) -> String {
    let mut words: Vec<String> = words.collect();
    match words.pop() {
        Some(end) if words.is_empty() => end,
        Some(end) => format!("{} {last} {end}", words.join(", ")),
        None => String::new(),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
