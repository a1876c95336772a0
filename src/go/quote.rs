//! Go's quoted strings, as `%q` prints them.

use std::fmt::Write;

/// `bytes` in double quotes, as Go's `strconv.Quote` writes them.
///
/// Bytes that are not UTF-8 become `\xNN`, characters that do not print `\uNNNN` or `\UNNNNNNNN`. Which
/// characters beyond ASCII print is taken from the Rust library's tables; they may be of another Unicode version
/// than the daemon's.
pub fn quote(bytes: &[u8]) -> String {
    quote_with(bytes, '"')
}

/// One byte in single quotes, as the JSON decoder names it: bytes from 0x80 count as Latin-1.
pub(super) fn byte(byte: u8) -> String {
    quote_with(char::from(byte).encode_utf8(&mut [0; 4]).as_bytes(), '\'')
}

fn quote_with(bytes: &[u8], mark: char) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push(mark);
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_char(&mut out, character, mark);
        }
        for &byte in chunk.invalid() {
            push_hex(&mut out, "\\x", 2, u32::from(byte));
        }
    }
    out.push(mark);
    out
}

fn push_char(out: &mut String, character: char, mark: char) {
    match character {
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        '\\' => out.push_str("\\\\"),
        ' '..='~' => {
            if character == mark {
                out.push('\\');
            }
            out.push(character);
        }
        '\0'..='\x7f' => push_hex(out, "\\x", 2, character.into()),
        _ if prints(character) => out.push(character),
        '\0'..='\u{ffff}' => push_hex(out, "\\u", 4, character.into()),
        _ => push_hex(out, "\\U", 8, character.into()),
    }
}

fn push_hex(out: &mut String, prefix: &str, width: usize, value: u32) {
    out.push_str(prefix);
    // Writing to a String cannot fail.
    let _ = write!(out, "{value:0width$x}");
}

/// Whether a character beyond ASCII prints.
fn prints(character: char) -> bool {
    // Behind a letter, so that marks which combine with it are left alone, as they are in Go.
    let mut buffer = [b'a', 0, 0, 0, 0];
    let length = character.encode_utf8(&mut buffer[1..]).len();
    str::from_utf8(&buffer[..=length]).is_ok_and(|text| text.escape_debug().nth(1) != Some('\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn quoted_as_go_does() {
        for (bytes, wanted) in [
            (&b""[..], r#""""#),
            (b"plain 'text'", r#""plain 'text'""#),
            (b"a\"b\\c", r#""a\"b\\c""#),
            (b"\x07\x08\x0c\n\r\t\x0b", r#""\a\b\f\n\r\t\v""#),
            (b"\x00\x1f\x7f", r#""\x00\x1f\x7f""#),
            (b"\xff\xe2\x82x", r#""\xff\xe2\x82x""#),
            (b"\xed\xa0\x80", r#""\xed\xa0\x80""#),
            ("é漢😀\u{fffd}".as_bytes(), "\"é漢😀\u{fffd}\""),
            ("e\u{301} \u{301}".as_bytes(), "\"e\u{301} \u{301}\""),
            ("\u{80}\u{a0}\u{ad}\u{200b}\u{2028}\u{feff}".as_bytes(), r#""\u0080\u00a0\u00ad\u200b\u2028\ufeff""#),
            ("\u{e0001}\u{10ffff}".as_bytes(), r#""\U000e0001\U0010ffff""#),
        ] {
            assert_eq!(quote(bytes), wanted);
        }
    }

    #[test]
    fn bytes_in_single_quotes() {
        for (value, wanted) in [
            (b'x', "'x'"),
            (b'\'', r"'\''"),
            (b'"', "'\"'"),
            (b'\\', r"'\\'"),
            (b'\n', r"'\n'"),
            (0, r"'\x00'"),
            (0x80, r"'\u0080'"),
            (0xad, r"'\u00ad'"),
            (0xe9, "'é'"),
        ] {
            assert_eq!(byte(value), wanted);
        }
    }
}
