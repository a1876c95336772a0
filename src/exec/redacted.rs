//! Scenarios on a command line without their tokens.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::go::json::unquote;

/// A word of the command line, with `<redacted>` for every string that a key such as `token` has in
/// its value. A word that names a file is left as it is.
pub(super) fn redacted(word: &OsStr) -> OsString {
    let text = word.as_bytes();
    if !text.trim_ascii_start().starts_with(b"{") {
        return word.to_owned();
    }
    let mut out = Vec::new();
    let mut depth = 0;
    // How deep the value of a token's key stands, while in it.
    let mut secret = None;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let start = at;
        at += 1;
        match byte {
            b'"' => {
                at = end_of_string(text, at);
                let rest = text[at..].trim_ascii_start();
                let key = rest.first() == Some(&b':');
                if key && secret.is_none() {
                    let name = unquote(&text[start + 1..at.max(start + 2) - 1]);
                    let token = name.to_ascii_lowercase().ends_with("token");
                    secret = token.then_some(depth);
                } else if !key && secret.is_some() {
                    out.extend_from_slice(b"\"<redacted>\"");
                    continue;
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' => {
                depth -= usize::from(byte != b',' && depth > 0);
                // The key's object has gone on or ended.
                let over = if byte == b',' {
                    depth <= secret.unwrap_or(0)
                } else {
                    depth < secret.unwrap_or(0)
                };
                if over {
                    secret = None;
                }
            }
            _ => {}
        }
        out.extend_from_slice(&text[start..at]);
    }
    OsString::from_vec(out)
}

/// Behind the quote that ends the string whose inside starts at `at`.
fn end_of_string(text: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => return at,
            b'\\' => at += 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn tokens_and_nothing_else() {
        for (text, wanted) in [
            ("{}", "{}"),
            ("token.json", "token.json"),
            ("\n {\"token\":\"t\"}", "\n {\"token\":\"<redacted>\"}"),
            (r#"{"node":{"admin_token":"s3","hostname":"token"},"a":"b"}"#, r#"{"node":{"admin_token":"<redacted>","hostname":"token"},"a":"b"}"#),
            (r#"{"networks":[{"token" : "t\"x","id":7},{"token":"\\"}], "x":["token","y"]}"#, r#"{"networks":[{"token" : "<redacted>","id":7},{"token":"<redacted>"}], "x":["token","y"]}"#),
            (r#"{"when":{"token":{"in":["a","b"]},"port":"c"}}"#, r#"{"when":{"token":{"in":["<redacted>","<redacted>"]},"port":"c"}}"#),
            (r#"{"\u0074oken":"t","tokens":"u"}"#, r#"{"\u0074oken":"<redacted>","tokens":"u"}"#),
            (r#"{"reply":{"Api_Token":["a",{"b":"c"}],"d":"e"}}"#, r#"{"reply":{"Api_Token":["<redacted>",{"b":"<redacted>"}],"d":"e"}}"#),
            (r#"{"token":{"not":"a"}}"#, r#"{"token":{"not":"<redacted>"}}"#),
            (r#"{"token":"cut"#, r#"{"token":"<redacted>""#),
            (r#"{"cut\"#, r#"{"cut\"#),
        ] {
            assert_eq!(redacted(OsStr::new(text)), wanted, "{text}");
        }
    }
}
