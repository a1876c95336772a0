//! JSON with the place of every value: texts in, items of one tree out.

use std::fmt;

use super::order::order;
use crate::go::json::unquote;

/// How deep a text may nest, as deep as any other tree of the crate.
const MAX_DEPTH: usize = 127;

/// Where something stands; the line is 0 for what concerns a whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub file: u16,
    pub line: u32,
    /// In characters, from 1 like the line.
    pub column: u32,
}

/// An item of a [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(u32);

/// How an item is reached from the one around it.
#[derive(Debug)]
pub(super) enum Step {
    Root,
    Key(Box<str>),
    Index(u32),
}

/// What an item is. Numbers are as they were written.
#[derive(Debug)]
pub(super) enum Content {
    Null,
    Flag(bool),
    Number(Box<str>),
    Text(Box<str>),
    List(Vec<Id>),
    Object(Vec<Id>),
}

/// A value, and where it is named: its key's opening quote, or its own start in a list.
#[derive(Debug)]
pub(super) struct Item {
    pub spot: Spot,
    pub around: Option<Id>,
    pub step: Step,
    pub content: Content,
}

/// All values of all texts.
#[derive(Debug, Default)]
pub(super) struct Tree {
    items: Vec<Item>,
    /// Members whose key the object around them has already; no content names them.
    pub duplicates: Vec<Id>,
}

impl Tree {
    pub fn item(&self, id: Id) -> &Item {
        &self.items[id.0 as usize]
    }

    pub fn content_mut(&mut self, id: Id) -> &mut Content {
        &mut self.items[id.0 as usize].content
    }

    /// The item's key; empty where it has none.
    pub fn key(&self, id: Id) -> &str {
        match &self.item(id).step {
            Step::Key(key) => key,
            _ => "",
        }
    }

    /// The member of an object.
    pub fn get(&self, object: Id, key: &str) -> Option<Id> {
        match &self.item(object).content {
            Content::Object(members) => members.iter().copied().find(|id| self.key(*id) == key),
            _ => None,
        }
    }

    fn add(&mut self, spot: Spot, around: Option<Id>, step: Step) -> Id {
        self.items.push(Item {
            spot,
            around,
            step,
            content: Content::Null,
        });
        Id(self.items.len() as u32 - 1)
    }
}

/// `rules[2].delay`, with a word in front for texts that have one.
pub(super) fn path(tree: &Tree, id: Id, word: &str) -> String {
    let mut steps = vec![id];
    while let Some(around) = tree.item(steps[steps.len() - 1]).around {
        steps.push(around);
    }
    let mut path = word.to_owned();
    for id in steps.into_iter().rev() {
        match &tree.item(id).step {
            Step::Root => {}
            Step::Index(at) => path += &format!("[{at}]"),
            Step::Key(key) => {
                if !path.is_empty() {
                    path.push('.');
                }
                // A mistake is one line, whatever a key has in it.
                let quoted = format!("{key:?}");
                path += &quoted[1..quoted.len() - 1];
            }
        }
    }
    path
}

/// What keeps a text from being JSON, and where.
pub(super) type Stop = (Spot, String);

/// Adds the one value of a text to the tree.
///
/// # Errors
/// The first place where the text is no JSON, with what was expected there.
pub(super) fn parse(tree: &mut Tree, file: u16, text: &[u8]) -> Result<Id, Stop> {
    let (text, rest) = match str::from_utf8(text) {
        Ok(text) => (text, None),
        Err(error) => {
            let (good, bad) = text.split_at(error.valid_up_to());
            (str::from_utf8(good).unwrap_or_default(), bad.first())
        }
    };
    let mut parser = Parser {
        tree,
        text,
        at: 0,
        seen: 0,
        spot: Spot {
            file,
            line: 1,
            column: 1,
        },
    };
    let parsed = parser.document();
    match rest {
        // What is broken before the bad byte is said, and what is broken by the text's end is not.
        Some(byte) if parser.at >= text.len() || parsed.is_ok() => {
            parser.at = text.len();
            Err((parser.mark(), format!("byte 0x{byte:02x} is not UTF-8")))
        }
        _ => parsed,
    }
}

struct Parser<'a> {
    tree: &'a mut Tree,
    text: &'a str,
    /// Where the parser is, in bytes.
    at: usize,
    /// The byte that `spot` is about.
    seen: usize,
    spot: Spot,
}

impl Parser<'_> {
    /// The place of the next byte.
    fn mark(&mut self) -> Spot {
        for letter in self.text[self.seen..self.at].chars() {
            if letter == '\n' {
                self.spot.line += 1;
                self.spot.column = 1;
            } else {
                self.spot.column += 1;
            }
        }
        self.seen = self.at;
        self.spot
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    /// Passes over a byte, if it is the next one.
    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn unexpected(&mut self, wanted: fmt::Arguments<'_>) -> Stop {
        let spot = self.mark();
        let text = match self.text[self.at..].chars().next() {
            Some(letter) => format!("expected {wanted}, got {letter:?}"),
            None => format!("expected {wanted}, got the end"),
        };
        (spot, text)
    }

    fn document(&mut self) -> Result<Id, Stop> {
        let root = self.value(None, Step::Root, None, 0)?;
        self.blanks();
        match self.peek() {
            None => Ok(root),
            Some(_) => Err(self.unexpected(format_args!("nothing more"))),
        }
    }

    fn value(
        &mut self,
        around: Option<Id>,
        step: Step,
        spot: Option<Spot>,
        depth: usize,
    ) -> Result<Id, Stop> {
        self.blanks();
        let own = self.mark();
        let id = self.tree.add(spot.unwrap_or(own), around, step);
        let first = self.peek();
        if depth == MAX_DEPTH && matches!(first, Some(b'[' | b'{')) {
            return Err((own, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let content = match first {
            Some(b'{') => Content::Object(self.members(id, depth + 1)?),
            Some(b'[') => Content::List(self.list(id, depth + 1)?),
            Some(b'"') => Content::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => Content::Number(self.number()?),
            _ => {
                let words = [
                    ("null", Content::Null),
                    ("true", Content::Flag(true)),
                    ("false", Content::Flag(false)),
                ];
                let rest = &self.text[self.at..];
                let word = words.into_iter().find(|(word, _)| rest.starts_with(word));
                let Some((word, content)) = word else {
                    return Err(self.unexpected(format_args!("a value")));
                };
                self.at += word.len();
                content
            }
        };
        *self.tree.content_mut(id) = content;
        Ok(id)
    }

    fn list(&mut self, id: Id, depth: usize) -> Result<Vec<Id>, Stop> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.take(b']') {
            return Ok(items);
        }
        loop {
            let step = Step::Index(items.len() as u32);
            items.push(self.value(Some(id), step, None, depth)?);
            self.blanks();
            if self.take(b']') {
                return Ok(items);
            }
            if !self.take(b',') {
                return Err(self.unexpected(format_args!("',' or ']'")));
            }
        }
    }

    fn members(&mut self, id: Id, depth: usize) -> Result<Vec<Id>, Stop> {
        self.at += 1;
        let mut members = Vec::new();
        self.blanks();
        if self.take(b'}') {
            return Ok(members);
        }
        loop {
            self.blanks();
            let spot = self.mark();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected(format_args!("a key")));
            }
            let key = self.string()?;
            self.blanks();
            if !self.take(b':') {
                return Err(self.unexpected(format_args!("':'")));
            }
            members.push(self.value(Some(id), Step::Key(key), Some(spot), depth)?);
            self.blanks();
            if self.take(b'}') {
                break;
            }
            if !self.take(b',') {
                return Err(self.unexpected(format_args!("',' or '}}'")));
            }
        }
        self.set_duplicates_aside(&mut members);
        Ok(members)
    }

    fn set_duplicates_aside(&mut self, members: &mut Vec<Id>) {
        let key = |at: usize| self.tree.key(members[at]);
        let sorted = order(members.len(), &|a, b| key(a).cmp(key(b)));
        let mut again = vec![false; members.len()];
        for pair in sorted.windows(2) {
            again[pair[1]] = key(pair[0]) == key(pair[1]);
        }
        if again.contains(&true) {
            for (at, id) in std::mem::take(members).into_iter().enumerate() {
                match again[at] {
                    true => self.tree.duplicates.push(id),
                    false => members.push(id),
                }
            }
        }
    }

    fn digits(&mut self) -> Result<(), Stop> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.unexpected(format_args!("a digit")));
        }
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Box<str>, Stop> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(self.text[start..self.at].into())
    }

    fn string(&mut self) -> Result<Box<str>, Stop> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                None | Some(..0x20) => {
                    return Err(self.unexpected(format_args!("the rest of a string")));
                }
                Some(_) => self.at += 1,
            }
        }
        let literal = &self.text.as_bytes()[start..self.at];
        self.at += 1;
        Ok(unquote(literal).into())
    }

    fn escape(&mut self) -> Result<(), Stop> {
        let spot = self.mark();
        let start = self.at;
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                let unit = self.unit()?;
                let alone = match unit {
                    0xd800..0xdc00 if self.text[self.at..].starts_with("\\u") => {
                        self.at += 1;
                        !(0xdc00..0xe000).contains(&self.unit()?)
                    }
                    unit => (0xd800..0xe000).contains(&unit),
                };
                if alone {
                    let escape = &self.text[start..start + 6];
                    return Err((spot, format!("{escape} is half a character")));
                }
            }
            _ => return Err(self.unexpected(format_args!("an escape such as \\n"))),
        }
        Ok(())
    }

    /// The number behind `\u`; the parser is at the `u`.
    fn unit(&mut self) -> Result<u32, Stop> {
        self.at += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.unexpected(format_args!("a hex digit")));
            };
            unit = unit << 4 | digit;
            self.at += 1;
        }
        Ok(unit)
    }
}
