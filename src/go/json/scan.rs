//! The syntax check of a whole document, with the decoder's own error texts.

use crate::go::quote;

/// How many arrays and objects may be open at once (Go's own limit).
pub const MAX_DEPTH: usize = 10_000;

const UNEXPECTED_END: &str = "unexpected end of JSON input";

/// What may come next between two tokens.
#[derive(Clone, Copy)]
enum Want {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
}

/// Checks that `text` is one JSON document.
///
/// # Errors
/// The text that Go's decoder gives for the first offending byte, or for an early end.
pub fn check(text: &[u8]) -> Result<(), String> {
    let mut open: Vec<u8> = Vec::new();
    let mut want = Want::Value;
    let mut at = 0;
    loop {
        at += blanks(&text[at..]);
        let Some(&byte) = text.get(at) else {
            let done = open.is_empty() && matches!(want, Want::CommaOrEnd);
            return if done {
                Ok(())
            } else {
                Err(UNEXPECTED_END.to_string())
            };
        };
        want = match (want, byte) {
            (Want::ValueOrEnd, b']') | (Want::KeyOrEnd, b'}') => {
                open.pop();
                at += 1;
                Want::CommaOrEnd
            }
            (Want::Value | Want::ValueOrEnd, b'[' | b'{') => {
                if open.len() >= MAX_DEPTH {
                    return invalid(byte, "exceeded max depth");
                }
                open.push(byte);
                at += 1;
                if byte == b'[' {
                    Want::ValueOrEnd
                } else {
                    Want::KeyOrEnd
                }
            }
            (Want::Value | Want::ValueOrEnd, _) => {
                at = scalar(text, at)?;
                Want::CommaOrEnd
            }
            (Want::Key | Want::KeyOrEnd, b'"') => {
                at = string(text, at)?;
                Want::Colon
            }
            (Want::Key | Want::KeyOrEnd, _) => {
                return invalid(byte, "looking for beginning of object key string");
            }
            (Want::Colon, b':') => {
                at += 1;
                Want::Value
            }
            (Want::Colon, _) => return invalid(byte, "after object key"),
            (Want::CommaOrEnd, _) => {
                at += 1;
                match (open.last(), byte) {
                    (Some(b'['), b',') => Want::Value,
                    (Some(b'{'), b',') => Want::Key,
                    (Some(b'['), b']') | (Some(b'{'), b'}') => {
                        open.pop();
                        Want::CommaOrEnd
                    }
                    (Some(b'['), _) => return invalid(byte, "after array element"),
                    (Some(_), _) => return invalid(byte, "after object key:value pair"),
                    (None, _) => return invalid(byte, "after top-level value"),
                }
            }
        };
    }
}

/// How many bytes of white space `text` starts with.
pub(super) fn blanks(text: &[u8]) -> usize {
    text.iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
        .count()
}

fn invalid<T>(byte: u8, place: &str) -> Result<T, String> {
    Err(format!("invalid character {} {place}", quote::byte(byte)))
}

/// Inside a token Go sees the end of the text as one more space.
fn byte_or_space(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(b' ')
}

fn scalar(text: &[u8], at: usize) -> Result<usize, String> {
    match byte_or_space(text, at) {
        b'"' => string(text, at),
        b't' => literal(text, at, "true"),
        b'f' => literal(text, at, "false"),
        b'n' => literal(text, at, "null"),
        b'-' | b'0'..=b'9' => number(text, at),
        other => invalid(other, "looking for beginning of value"),
    }
}

fn literal(text: &[u8], at: usize, word: &str) -> Result<usize, String> {
    for (offset, expected) in word.bytes().enumerate().skip(1) {
        let got = byte_or_space(text, at + offset);
        if got != expected {
            let expected = char::from(expected);
            return invalid(got, &format!("in literal {word} (expecting '{expected}')"));
        }
    }
    Ok(at + word.len())
}

fn string(text: &[u8], start: usize) -> Result<usize, String> {
    let mut at = start + 1;
    loop {
        let Some(&byte) = text.get(at) else {
            return Err(UNEXPECTED_END.to_string());
        };
        at += 1;
        match byte {
            b'"' => return Ok(at),
            b'\\' => at = escape(text, at)?,
            0..0x20 => return invalid(byte, "in string literal"),
            _ => {}
        }
    }
}

fn escape(text: &[u8], at: usize) -> Result<usize, String> {
    match byte_or_space(text, at) {
        b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => Ok(at + 1),
        b'u' => {
            for digit in at + 1..at + 5 {
                let got = byte_or_space(text, digit);
                if !got.is_ascii_hexdigit() {
                    return invalid(got, "in \\u hexadecimal character escape");
                }
            }
            Ok(at + 5)
        }
        other => invalid(other, "in string escape code"),
    }
}

fn number(text: &[u8], start: usize) -> Result<usize, String> {
    let mut at = start;
    if text[at] == b'-' {
        at += 1;
    }
    // A leading zero stands alone: "01" is a number and then a stray digit.
    at = match byte_or_space(text, at) {
        b'0' => at + 1,
        b'1'..=b'9' => digits(text, at),
        other => return invalid(other, "in numeric literal"),
    };
    if byte_or_space(text, at) == b'.' {
        at = some_digits(text, at + 1, "after decimal point in numeric literal")?;
    }
    if matches!(byte_or_space(text, at), b'e' | b'E') {
        at += 1;
        if matches!(byte_or_space(text, at), b'+' | b'-') {
            at += 1;
        }
        at = some_digits(text, at, "in exponent of numeric literal")?;
    }
    Ok(at)
}

fn digits(text: &[u8], at: usize) -> usize {
    at + text[at..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count()
}

fn some_digits(text: &[u8], at: usize, place: &str) -> Result<usize, String> {
    let first = byte_or_space(text, at);
    if !first.is_ascii_digit() {
        return invalid(first, place);
    }
    Ok(digits(text, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed() {
        for text in [
            "null",
            " true ",
            "-0",
            "1.5e+10",
            "\"\\u00e9\\n\"",
            "[]",
            "[ ]",
            "{}",
            "{ }",
            "[1,[2],{\"a\":{}}]",
            "\r\n\t{\"a\" : [ ] , \"b\":null}\n",
        ] {
            assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
        }
        assert_eq!(check(b"\"\xff\""), Ok(()));
    }

    #[test]
    #[rustfmt::skip]
    fn errors_as_go_words_them() {
        let end = "unexpected end of JSON input";
        for (text, wanted) in [
            (&b""[..], end),
            (b"  ", end),
            (b"[", end),
            (b"[1,", end),
            (b"{\"a\"", end),
            (b"{\"a\":", end),
            (b"\"abc", end),
            (b"not json", "invalid character 'o' in literal null (expecting 'u')"),
            (b"tru", "invalid character ' ' in literal true (expecting 'e')"),
            (b"falsy", "invalid character 'y' in literal false (expecting 'e')"),
            (b"{} x", "invalid character 'x' after top-level value"),
            (b"01", "invalid character '1' after top-level value"),
            (b"x", "invalid character 'x' looking for beginning of value"),
            (
                b"[1,]",
                "invalid character ']' looking for beginning of value",
            ),
            (b"[1 2]", "invalid character '2' after array element"),
            (b"[1}", "invalid character '}' after array element"),
            (b"{1", "invalid character '1' looking for beginning of object key string"),
            (b"{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
            (b"{\"a\" 1", "invalid character '1' after object key"),
            (b"{\"a\":1 2", "invalid character '2' after object key:value pair"),
            (b"\"\n\"", "invalid character '\\n' in string literal"),
            (b"\"\\x\"", "invalid character 'x' in string escape code"),
            (b"\"\\", "invalid character ' ' in string escape code"),
            (b"\"\\u12g", "invalid character 'g' in \\u hexadecimal character escape"),
            (b"-", "invalid character ' ' in numeric literal"),
            (b"-a", "invalid character 'a' in numeric literal"),
            (b"1.", "invalid character ' ' after decimal point in numeric literal"),
            (b"1.e", "invalid character 'e' after decimal point in numeric literal"),
            (b"1e+", "invalid character ' ' in exponent of numeric literal"),
            (b"'", "invalid character '\\'' looking for beginning of value"),
            (b"[1\"", "invalid character '\"' after array element"),
            (b"\\", "invalid character '\\\\' looking for beginning of value"),
            (b"\x00", "invalid character '\\x00' looking for beginning of value"),
            (b"\x7f", "invalid character '\\x7f' looking for beginning of value"),
            (b"\x80", "invalid character '\\u0080' looking for beginning of value"),
            (b"\xff", "invalid character '\u{ff}' looking for beginning of value"),
        ] {
            assert_eq!(check(text), Err(wanted.to_string()), "{text:?}");
        }
    }

    #[test]
    fn depth_is_limited() {
        let nested = |depth| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert_eq!(check(&nested(MAX_DEPTH)), Ok(()));
        assert_eq!(
            check(&nested(MAX_DEPTH + 1)),
            Err("invalid character '[' exceeded max depth".to_string())
        );
        let hostile = b"{\"a\":".repeat(200_000);
        let wanted = "invalid character '{' exceeded max depth";
        assert_eq!(check(&hostile), Err(wanted.to_string()));
    }
}
