//! A pull reader over a document that passed the syntax check, and the decoding of string literals.

use super::scan::{blanks, check};

/// One step through a document; literals are slices of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// `[`
    BeginArray,
    /// `]`
    EndArray,
    /// `{`
    BeginObject,
    /// `}`
    EndObject,
    /// A key of an object, without its quotes and not yet decoded.
    Key(&'a [u8]),
    /// A string, without its quotes and not yet decoded.
    String(&'a [u8]),
    /// A number's literal.
    Number(&'a str),
    /// `true` or `false`.
    Bool(bool),
    /// `null`
    Null,
}

impl Event<'_> {
    /// What Go calls a value of this kind in its type errors.
    pub fn kind(&self) -> &'static str {
        match self {
            Event::BeginArray | Event::EndArray => "array",
            Event::BeginObject | Event::EndObject => "object",
            Event::Key(_) | Event::String(_) => "string",
            Event::Number(_) => "number",
            Event::Bool(_) => "bool",
            Event::Null => "null",
        }
    }
}

/// Walks a document event by event; commas and colons are passed over.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `text`.
    ///
    /// # Errors
    /// The text of the syntax check, when `text` is not one JSON document.
    pub fn new(text: &'a [u8]) -> Result<Reader<'a>, String> {
        check(text)?;
        Ok(Reader { text, at: 0 })
    }

    /// Passes over the value that began with `first`.
    pub fn pass(&mut self, first: &Event) {
        let mut depth = 0usize;
        let mut event = Some(*first);
        while let Some(current) = event {
            match current {
                Event::BeginArray | Event::BeginObject => depth += 1,
                Event::EndArray | Event::EndObject => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return;
            }
            event = self.next();
        }
    }

    fn string(&mut self) -> Event<'a> {
        let start = self.at + 1;
        let mut end = start;
        while let Some(&byte) = self.text.get(end) {
            match byte {
                b'"' => break,
                b'\\' => end += 2,
                _ => end += 1,
            }
        }
        let end = end.min(self.text.len());
        let inside = &self.text[start..end];
        self.at = self.text.len().min(end + 1);
        self.at += blanks(&self.text[self.at..]);
        // In a checked document a colon follows keys and nothing else.
        if self.text.get(self.at) == Some(&b':') {
            Event::Key(inside)
        } else {
            Event::String(inside)
        }
    }

    fn number(&mut self) -> Event<'a> {
        let start = self.at;
        let length = self.text[start..]
            .iter()
            .take_while(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
            .count();
        self.at += length;
        Event::Number(str::from_utf8(&self.text[start..self.at]).unwrap_or_default())
    }

    fn step(&mut self, length: usize, event: Event<'a>) -> Event<'a> {
        self.at = self.text.len().min(self.at + length);
        event
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        while matches!(
            self.text.get(self.at),
            Some(b' ' | b'\t' | b'\r' | b'\n' | b',' | b':')
        ) {
            self.at += 1;
        }
        Some(match self.text.get(self.at)? {
            b'[' => self.step(1, Event::BeginArray),
            b']' => self.step(1, Event::EndArray),
            b'{' => self.step(1, Event::BeginObject),
            b'}' => self.step(1, Event::EndObject),
            b't' => self.step(4, Event::Bool(true)),
            b'f' => self.step(5, Event::Bool(false)),
            b'n' => self.step(4, Event::Null),
            b'"' => self.string(),
            _ => self.number(),
        })
    }
}

/// The text of a string literal, given without its quotes.
///
/// Every byte that is not UTF-8, and every lone surrogate, becomes U+FFFD.
pub fn unquote(literal: &[u8]) -> String {
    let mut out = String::with_capacity(literal.len());
    let mut rest = literal;
    while !rest.is_empty() {
        let plain = rest
            .iter()
            .position(|&byte| byte == b'\\')
            .unwrap_or(rest.len());
        push_lossy(&mut out, &rest[..plain]);
        rest = &rest[plain..];
        rest = match rest {
            [b'\\', b'u', tail @ ..] => push_unicode(&mut out, tail),
            [b'\\', code, tail @ ..] => {
                out.push(match code {
                    b'b' => '\x08',
                    b'f' => '\x0c',
                    b'n' => '\n',
                    b'r' => '\r',
                    b't' => '\t',
                    other => char::from(*other),
                });
                tail
            }
            _ => break,
        };
    }
    out
}

fn push_lossy(out: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        // One mark for each byte, as Go has it, not one for each broken sequence.
        for _ in chunk.invalid() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// Appends what stands behind `\u`, and returns the text behind that.
fn push_unicode<'a>(out: &mut String, text: &'a [u8]) -> &'a [u8] {
    let (first, rest) = hex4(text);
    if let 0xd800..0xdc00 = first
        && let [b'\\', b'u', tail @ ..] = rest
        && let (second @ 0xdc00..0xe000, rest) = hex4(tail)
    {
        let joined = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        out.push(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER));
        return rest;
    }
    out.push(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
    rest
}

fn hex4(text: &[u8]) -> (u32, &[u8]) {
    let (digits, rest) = text.split_at(text.len().min(4));
    let value = digits.iter().fold(0, |value, &digit| {
        value << 4 | char::from(digit).to_digit(16).unwrap_or(0)
    });
    (value, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_in_order() {
        let text = br#" {"a" : [1, -2.5e3,"x"], "b\"":{"c":null , "d":true}, "e":false} "#;
        let events: Vec<Event> = Reader::new(text).unwrap().collect();
        assert_eq!(
            events,
            [
                Event::BeginObject,
                Event::Key(b"a"),
                Event::BeginArray,
                Event::Number("1"),
                Event::Number("-2.5e3"),
                Event::String(b"x"),
                Event::EndArray,
                Event::Key(br#"b\""#),
                Event::BeginObject,
                Event::Key(b"c"),
                Event::Null,
                Event::Key(b"d"),
                Event::Bool(true),
                Event::EndObject,
                Event::Key(b"e"),
                Event::Bool(false),
                Event::EndObject,
            ]
        );
    }

    #[test]
    fn skipping() {
        let mut reader = Reader::new(b"[[1,{\"a\":[]}],2]").unwrap();
        assert_eq!(reader.next(), Some(Event::BeginArray));
        let nested = reader.next().unwrap();
        reader.pass(&nested);
        let number = reader.next().unwrap();
        assert_eq!(number, Event::Number("2"));
        reader.pass(&number);
        assert_eq!(reader.next(), Some(Event::EndArray));
        assert_eq!(reader.next(), None);
    }

    #[test]
    fn string_literals() {
        for (literal, wanted) in [
            (&b""[..], ""),
            (b"plain", "plain"),
            (br#"\"\\\/\b\f\n\r\t"#, "\"\\/\x08\x0c\n\r\t"),
            (br"\u0041\u00e9\u20AC", "Aé€"),
            (br"\ud83d\ude00!", "😀!"),
            (br"\ud83d", "\u{fffd}"),
            (br"\ud83dx", "\u{fffd}x"),
            (br"\ud83d\u0041", "\u{fffd}A"),
            (br"\ud83d\ud83d\ude00", "\u{fffd}😀"),
            (br"\ude00\ud83d", "\u{fffd}\u{fffd}"),
            (b"\xff\xe2\x82a", "\u{fffd}\u{fffd}\u{fffd}a"),
            ("é".as_bytes(), "é"),
        ] {
            assert_eq!(unquote(literal), wanted, "{literal:?}");
        }
    }
}
