//! What the reply to a request must be.

use std::borrow::Cow;

use super::streams::Stream;

pub const ERROR: u8 = 0x0A;
pub const DIALLED: u8 = 0x04;

#[derive(Debug)]
pub enum Want {
    /// This byte and this payload.
    Frame(u8, Vec<u8>),
    /// This byte and this text, in which `#` stands for a number and `*` for anything.
    Text(u8, Cow<'static, str>),
    /// This error.
    Error(Cow<'static, str>),
    /// The reply to a close.
    Closed(u32),
    /// A dial that succeeds: the stream is then this one.
    Dialled(Box<Stream>),
    /// This byte, with a payload that the asker looks at.
    Taken(u8),
    /// One of these.
    Either(Vec<Want>),
}

impl Want {
    pub fn text(code: u8, text: impl Into<Cow<'static, str>>) -> Want {
        Want::Text(code, text.into())
    }

    pub fn error(text: impl Into<Cow<'static, str>>) -> Want {
        Want::Error(text.into())
    }

    pub fn is_met(&self, code: u8, payload: &[u8]) -> bool {
        match self {
            Want::Frame(byte, bytes) => code == *byte && payload == bytes,
            Want::Text(byte, text) => code == *byte && resembles(payload, text.as_bytes()),
            Want::Error(text) => {
                code == ERROR && payload.strip_prefix(&[0, 1]) == Some(text.as_bytes())
            }
            Want::Closed(conn) => code == 0x09 && payload == conn.to_be_bytes(),
            Want::Dialled(_) => code == DIALLED && payload.len() == 4,
            Want::Taken(byte) => code == *byte,
            Want::Either(wants) => wants.iter().any(|want| want.is_met(code, payload)),
        }
    }
}

/// Whether bytes are like a pattern: what follows a `*` is looked for, the last part at the end.
fn resembles(bytes: &[u8], pattern: &[u8]) -> bool {
    if !pattern.iter().any(|byte| matches!(byte, b'*' | b'#')) {
        return bytes == pattern;
    }
    let mut parts = pattern.split(|byte| *byte == b'*');
    let first = parts.next().unwrap_or_default();
    let parts: Vec<&[u8]> = parts.collect();
    let Some(taken) = starts_with(bytes, first) else {
        return false;
    };
    let mut rest = &bytes[taken..];
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let found = (0..=rest.len()).find_map(|at| Some(at + starts_with(&rest[at..], part)?));
        match found {
            Some(end) => rest = &rest[end..],
            None => return false,
        }
    }
    (0..=rest.len()).any(|at| starts_with(&rest[at..], last) == Some(rest.len() - at))
}

/// How many bytes a part without `*` takes at the start.
fn starts_with(bytes: &[u8], part: &[u8]) -> Option<usize> {
    let mut at = 0;
    for wanted in part {
        if *wanted == b'#' {
            let digits = bytes[at..].iter().take_while(|b| b.is_ascii_digit());
            let digits = digits.count();
            if digits == 0 {
                return None;
            }
            at += digits;
        } else if bytes.get(at) == Some(wanted) {
            at += 1;
        } else {
            return None;
        }
    }
    Some(at)
}

/// A frame for a message to a person.
pub fn shown(code: u8, payload: &[u8]) -> String {
    let start = &payload[..payload.len().min(160)];
    let text: String = String::from_utf8_lossy(start)
        .chars()
        .map(|c| if c.is_control() { '.' } else { c })
        .collect();
    format!("frame {code:#04x} of {} bytes: {text}", payload.len())
}

#[test]
fn patterns_are_strict_where_they_say_something() {
    for (bytes, pattern, alike) in [
        ("abc", "abc", true),
        ("abcd", "abc", false),
        ("n:12,", "n:#,", true),
        ("n:x,", "n:#,", false),
        ("n:,", "n:#,", false),
        ("[1,2]end", "[*]end", true),
        ("[1,2]en", "[*]end", false),
        ("a1b2c", "a*b#c", true),
        ("a1b2c3", "a*b#c", false),
    ] {
        assert_eq!(
            resembles(bytes.as_bytes(), pattern.as_bytes()),
            alike,
            "{bytes} {pattern}"
        );
    }
}
