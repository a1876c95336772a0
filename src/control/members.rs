//! A JSON object cut into its members, whose values stay text: each has a reader of its own.

use std::fmt::Write;

use serde_json::Value;

use crate::go::json::{Reader, unquote};

/// A key, and the text of its value.
pub(super) type Member<'a> = (String, &'a str);

/// The members of an object, in order; no key is there twice.
///
/// # Errors
/// One clause, when `text` is not a JSON object, or a key is there twice.
pub(super) fn members(text: &[u8]) -> Result<Vec<Member<'_>>, String> {
    Reader::new(text).map_err(|why| format!("not JSON: {why}"))?;
    let text = str::from_utf8(text).map_err(|_| "not UTF-8")?;
    if !text.trim_ascii_start().starts_with('{') {
        return Err(format!(
            "expected an object, got {}",
            clipped(text.trim_ascii())
        ));
    }
    let mut found: Vec<Member> = Vec::new();
    let mut key = String::new();
    let (mut depth, mut start) = (0, 0);
    let (mut quoted, mut escaped) = (false, false);
    // The document is known to be well-formed, so that brackets, colons and commas tell all.
    for (at, byte) in text.bytes().enumerate() {
        let piece = || text[start..at].trim_ascii();
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => {
                depth += 1;
                if depth == 1 {
                    start = at + 1;
                }
            }
            b':' if depth == 1 => {
                let literal = piece().as_bytes();
                key = unquote(&literal[1..literal.len() - 1]);
                start = at + 1;
            }
            b',' | b'}' | b']' => {
                if depth == 1 && !piece().is_empty() {
                    if found.iter().any(|(other, _)| *other == key) {
                        return Err(format!("{key}: duplicate key, expected it once"));
                    }
                    found.push((std::mem::take(&mut key), piece()));
                    start = at + 1;
                }
                depth -= usize::from(byte != b',');
            }
            _ => {}
        }
    }
    Ok(found)
}

/// The line that asks for `verb` with the keys of an object.
///
/// # Errors
/// One clause, when `keys` is not an object, or has a verb itself.
pub(crate) fn request(verb: &str, keys: &[u8]) -> Result<String, String> {
    let mut line = format!("{{\"verb\":{}", Value::from(verb));
    for (key, value) in members(keys)? {
        if key == "verb" {
            return Err("verb: duplicate key, expected it once".to_owned());
        }
        // Writing to a String cannot fail.
        let _ = write!(line, ",{}:{value}", Value::from(key));
    }
    // Inside a string they would be written as escapes.
    let mut line = line.replace(['\n', '\r'], " ");
    line += "}\n";
    Ok(line)
}

/// The start of a text that may be long.
pub(super) fn clipped(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<Member<'_>> {
        members(text.as_bytes()).unwrap()
    }

    fn refused(text: &[u8]) -> String {
        members(text).unwrap_err()
    }

    #[test]
    fn values_stay_as_they_are() {
        assert_eq!(cut("{}"), []);
        assert_eq!(cut(" { } "), []);
        let text = r#" {"verb" : "a,b" , "x":{"y":[1,{"z":"}"}],"w":2} ,"e":[] , "k\"\\" :"\\", "n" : -1e3 } "#;
        let wanted = [
            ("verb", "\"a,b\""),
            ("x", r#"{"y":[1,{"z":"}"}],"w":2}"#),
            ("e", "[]"),
            ("k\"\\", r#""\\""#),
            ("n", "-1e3"),
        ];
        let wanted = wanted.map(|(key, value)| (key.to_owned(), value));
        assert_eq!(cut(text), wanted);
        assert_eq!(cut(r#"{"\u0061":"é"}"#), [("a".to_owned(), "\"é\"")]);
        assert_eq!(cut(r#"{"":{}}"#), [(String::new(), "{}")]);
        assert_eq!(cut(r#"{"a":"","b":""}"#).len(), 2);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for (text, why) in [
            (&b""[..], "not JSON: unexpected end of JSON input"),
            (b"{", "not JSON: unexpected end of JSON input"),
            (b"[]", "expected an object, got []"),
            (
                b"[1,[2],{\"a\":1}]",
                "expected an object, got [1,[2],{\"a\":1}]",
            ),
            (b"\"{\"", "expected an object, got \"{\""),
            (
                b"{\"a\":1,\"\\u0061\":2}",
                "a: duplicate key, expected it once",
            ),
            (b"{\"a\":\"\xff\"}", "not UTF-8"),
        ] {
            assert_eq!(refused(text), why);
        }
        assert!(refused(&vec![b'['; 100_000]).contains("exceeded max depth"));
        let long = format!("\"{}\"", "x".repeat(99));
        let why = format!("expected an object, got \"{}…", "x".repeat(39));
        assert_eq!(refused(long.as_bytes()), why);
    }

    #[test]
    fn requests_are_one_line() {
        let keys = b"{\n \"a\\n\" : [1,\r\n2],\n\"b\":\"\\n\"}";
        assert_eq!(
            request("push", keys).unwrap(),
            "{\"verb\":\"push\",\"a\\n\":[1,  2],\"b\":\"\\n\"}\n"
        );
        assert_eq!(request("ping", b"{}").unwrap(), "{\"verb\":\"ping\"}\n");
        let twice = request("ping", b"{\"verb\":\"stop\"}");
        assert_eq!(twice.unwrap_err(), "verb: duplicate key, expected it once");
    }
}
