//! A JSON object cut into its members, whose values stay text: each has a reader of its own.

use super::read::{Reader, unquote};

/// A key, and the text of its value.
pub type Member<'a> = (String, &'a str);

/// The members of an object, in order; no key is there twice.
///
/// # Errors
/// One clause, when `text` is not a JSON object, or a key is there twice.
pub fn members(text: &[u8]) -> Result<Vec<Member<'_>>, String> {
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

/// The start of a text that may be long.
pub fn clipped(text: &str) -> String {
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
}
