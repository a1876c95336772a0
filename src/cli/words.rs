//! The words of the command line from left to right, options told from the rest.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::Misuse;
use super::options::{Row, spelled};
use super::values::bad;
use crate::nearest::nearest;

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
    pub(super) fn new(args: impl IntoIterator<Item = OsString>) -> Words {
        Words {
            parser: lexopt::Parser::from_args(args),
            ended: false,
        }
    }

    /// The word that comes next. Nothing is half read between two calls, so there always is a view of
    /// the raw words.
    pub(super) fn peek(&mut self) -> Option<OsString> {
        let words = self.parser.try_raw_args()?;
        words.peek().map(OsStr::to_os_string)
    }

    pub(super) fn skip(&mut self) -> Option<OsString> {
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
