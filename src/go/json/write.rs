//! Writing JSON byte for byte as Go's `Marshal` does.

use std::fmt::Write;

use super::scan::check;

/// `text` without insignificant white space; key order, number literals and escapes stay.
///
/// As in any document inside a Go reply, `<`, `>`, `&`, U+2028 and U+2029 are escaped. A byte that is not
/// UTF-8 becomes U+FFFD (Go lets it through, a Rust string cannot hold it).
///
/// # Errors
/// The text of Go's syntax check.
pub fn compact(text: &[u8]) -> Result<String, String> {
    check(text)?;
    let mut out = String::with_capacity(text.len());
    let mut quoted = false;
    let mut escaped = false;
    for chunk in text.utf8_chunks() {
        let valid = chunk.valid();
        let mut copied = 0;
        for (at, character) in valid.char_indices() {
            let blank = !quoted && matches!(character, ' ' | '\t' | '\r' | '\n');
            if character == '"' && !escaped {
                quoted = !quoted;
            }
            escaped = character == '\\' && !escaped;
            let special = matches!(character, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
            if blank || special {
                out.push_str(&valid[copied..at]);
                copied = at + character.len_utf8();
            }
            if special {
                push_escape(&mut out, character);
            }
        }
        out.push_str(&valid[copied..]);
        for _ in chunk.invalid() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
    Ok(out)
}

/// Written as it is.
const PLAIN: u8 = 0;
/// Written as `\u00XX`.
const HEX: u8 = 1;
/// The first byte of U+2028 and U+2029, and of other characters.
const MAYBE_SEPARATOR: u8 = 2;

/// How each byte is written inside a string; any other value is the letter of its short escape.
const CLASS: [u8; 256] = {
    let mut class = [PLAIN; 256];
    let mut byte = 0;
    while byte < 0x20 {
        class[byte] = HEX;
        byte += 1;
    }
    class[b'<' as usize] = HEX;
    class[b'>' as usize] = HEX;
    class[b'&' as usize] = HEX;
    class[b'"' as usize] = b'"';
    class[b'\\' as usize] = b'\\';
    class[0x08] = b'b';
    class[0x0c] = b'f';
    class[b'\n' as usize] = b'n';
    class[b'\r' as usize] = b'r';
    class[b'\t' as usize] = b't';
    class[0xe2] = MAYBE_SEPARATOR;
    class
};

/// Appends `text` as a string literal.
pub fn push_string(out: &mut String, text: &str) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut copied = 0;
    for (at, byte) in text.bytes().enumerate() {
        let class = CLASS[usize::from(byte)];
        if class == PLAIN {
            continue;
        }
        let special = match (class, text.get(at..at + 3)) {
            (MAYBE_SEPARATOR, Some("\u{2028}")) => '\u{2028}',
            (MAYBE_SEPARATOR, Some("\u{2029}")) => '\u{2029}',
            (MAYBE_SEPARATOR, _) => continue,
            _ => char::from(byte),
        };
        out.push_str(&text[copied..at]);
        copied = at + special.len_utf8();
        if class == HEX || class == MAYBE_SEPARATOR {
            push_escape(out, special);
        } else {
            out.push('\\');
            out.push(char::from(class));
        }
    }
    out.push_str(&text[copied..]);
    out.push('"');
}

fn push_escape(out: &mut String, character: char) {
    // Writing to a String cannot fail.
    let _ = write!(out, "\\u{:04x}", u32::from(character));
}

/// What remains of an array or object that is being written.
enum Rest<'a> {
    Array(std::slice::Iter<'a, serde_json::Value>),
    Object(serde_json::map::Iter<'a>),
}

/// `value` in compact form with sorted keys, escaped as Go does; floats in Go's format (`1` for 1.0, `1e+21`).
pub fn from_serde(value: &serde_json::Value) -> String {
    let mut out = String::new();
    let mut open = Vec::new();
    let mut next = Some(value);
    // `first` is true right behind an opening bracket, where no comma belongs.
    let mut first = true;
    loop {
        if let Some(value) = next {
            first = false;
            match value {
                serde_json::Value::Null => out.push_str("null"),
                serde_json::Value::Bool(true) => out.push_str("true"),
                serde_json::Value::Bool(false) => out.push_str("false"),
                serde_json::Value::Number(number) => push_number(&mut out, number),
                serde_json::Value::String(text) => push_string(&mut out, text),
                serde_json::Value::Array(list) => {
                    out.push('[');
                    open.push(Rest::Array(list.iter()));
                    first = true;
                }
                serde_json::Value::Object(members) => {
                    out.push('{');
                    open.push(Rest::Object(members.iter()));
                    first = true;
                }
            }
        }
        let member = match open.last_mut() {
            None => return out,
            Some(Rest::Array(list)) => list.next().map(|value| (None, value)),
            Some(Rest::Object(members)) => members.next().map(|(key, value)| (Some(key), value)),
        };
        match member {
            Some((key, value)) => {
                if !first {
                    out.push(',');
                }
                if let Some(key) = key {
                    push_string(&mut out, key);
                    out.push(':');
                }
                next = Some(value);
            }
            None => {
                out.push(match open.pop() {
                    Some(Rest::Array(_)) => ']',
                    _ => '}',
                });
                first = false;
                next = None;
            }
        }
    }
}

fn push_number(out: &mut String, number: &serde_json::Number) {
    // Writing to a String cannot fail.
    let _ = match number.as_f64() {
        Some(float) if number.is_f64() => {
            let size = float.abs();
            if size != 0.0 && !(1e-6..1e21).contains(&size) {
                let text = format!("{float:e}");
                // Go marks a positive exponent too.
                match text.split_once('e') {
                    Some((digits, exponent)) if !exponent.starts_with('-') => {
                        write!(out, "{digits}e+{exponent}")
                    }
                    _ => write!(out, "{text}"),
                }
            } else {
                write!(out, "{float}")
            }
        }
        _ => write!(out, "{number}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn compacted() {
        for (text, wanted) in [
            (" null\n", "null"),
            ("{\"b\" : 1.0e+5 ,\t\"a\": [ 1 , 2 ] }", "{\"b\":1.0e+5,\"a\":[1,2]}"),
            (r#"[" a \" b \\", " " ]"#, r#"[" a \" b \\"," "]"#),
            ("[\"<a> & \u{2028}\u{2029}\u{e9}\u{20ac}\", \"\\u003C\"]", "[\"\\u003ca\\u003e \\u0026 \\u2028\\u2029\u{e9}\u{20ac}\",\"\\u003C\"]"),
        ] {
            assert_eq!(compact(text.as_bytes()), Ok(wanted.to_string()));
        }
        assert_eq!(compact(b"[\"\xff \"]"), Ok("[\"\u{fffd} \"]".to_string()));
        let error = "invalid character '}' looking for beginning of value";
        assert_eq!(compact(b"[}"), Err(error.to_string()));
    }

    #[test]
    fn strings() {
        for (text, wanted) in [
            ("", r#""""#),
            ("plain é漢😀", "\"plain é漢😀\""),
            ("a\"b\\c/", r#""a\"b\\c/""#),
            ("\x08\x0c\n\r\t", r#""\b\f\n\r\t""#),
            ("\0\x0b\x1f\x7f", "\"\\u0000\\u000b\\u001f\x7f\""),
            ("<a href='x'>&", r#""\u003ca href='x'\u003e\u0026""#),
            ("\u{2027}\u{2028}€\u{2029}", "\"\u{2027}\\u2028€\\u2029\""),
        ] {
            let mut out = String::new();
            push_string(&mut out, text);
            assert_eq!(out, wanted);
        }
    }

    #[test]
    #[rustfmt::skip]
    fn serde_values() {
        for (text, wanted) in [
            ("null", "null"),
            (r#"{"b":[true,false,[],{}],"a":"<"}"#, r#"{"a":"\u003c","b":[true,false,[],{}]}"#),
            (r#"[[1,[2]],{"x":{"y":null},"w":0}]"#, r#"[[1,[2]],{"w":0,"x":{"y":null}}]"#),
            ("[1.0,-0.0,0.1,1e20,1e21,1.5e300,1e-6,1e-7,-2.5e-9]", "[1,-0,0.1,100000000000000000000,1e+21,1.5e+300,0.000001,1e-7,-2.5e-9]"),
            ("[18446744073709551615,-9223372036854775808]", "[18446744073709551615,-9223372036854775808]"),
        ] {
            let value = serde_json::from_str(text).unwrap();
            assert_eq!(from_serde(&value), wanted);
        }
    }
}
