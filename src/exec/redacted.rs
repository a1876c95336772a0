//! Scenarios on a command line without their tokens.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use serde_json::Value;

use crate::go::json::unquote;

const REDACTED: &str = "<redacted>";

/// The texts that a key such as `token` has in its value, the longest first: the others may be a part of
/// it, and are not to leave the rest of it behind.
pub(super) fn tokens<'s>(scenarios: impl Iterator<Item = &'s OsString>) -> Vec<String> {
    let mut found = Vec::new();
    for scenario in scenarios {
        rewritten(scenario.as_bytes(), &mut |text, secret| {
            if secret && !text.is_empty() {
                found.push(text.to_owned());
            }
            None
        });
    }
    found.sort_by_key(|token| std::cmp::Reverse(token.len()));
    found
}

/// A word of the command line with `<redacted>` for what a key such as `token` has in its value, and for
/// every one of `known` wherever it stands by itself. A word that names a file is left as it is.
pub(super) fn redacted(scenario: &OsStr, known: &[String]) -> OsString {
    OsString::from_vec(cleaned(scenario.as_bytes(), known))
}

fn cleaned(scenario: &[u8], known: &[String]) -> Vec<u8> {
    rewritten(scenario, &mut |text, secret| {
        if secret {
            return Some(REDACTED.to_owned());
        }
        // A payload may be a document of its own.
        let mut clean = String::from_utf8_lossy(&cleaned(text.as_bytes(), known)).into_owned();
        for token in known {
            clean = without(&clean, token);
        }
        (clean != text).then_some(clean)
    })
}

/// A text without a token, but for the places where it is a part of a longer word.
fn without(text: &str, token: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(token) {
        let (before, after) = (&rest[..at], &rest[at + token.len()..]);
        out.push_str(before);
        let joined = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
        let part = joined(out.chars().next_back()) || joined(after.chars().next());
        out.push_str(if part { token } else { REDACTED });
        rest = after;
    }
    out + rest
}

/// A scenario with what `change` makes of its texts, keys aside, and of whether a key such as `token`
/// has them in its value; what it makes nothing of, and what is no scenario, stays as it is.
fn rewritten(text: &[u8], change: &mut dyn FnMut(&str, bool) -> Option<String>) -> Vec<u8> {
    if !text.trim_ascii_start().starts_with(b"{") {
        return text.to_owned();
    }
    let mut out = Vec::new();
    let mut depth = 0;
    // How deep the value of a token's key stands, while in it.
    let mut secret = None;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let start = at;
        at += 1;
        let mut changed = None;
        match byte {
            b'"' => {
                at = end_of_string(text, at);
                let rest = text[at..].trim_ascii_start();
                let inside = unquote(&text[start + 1..at.max(start + 2) - 1]);
                if rest.first() != Some(&b':') {
                    changed = change(&inside, secret.is_some());
                } else if secret.is_none() {
                    let token = inside.to_ascii_lowercase().ends_with("token");
                    secret = token.then_some(depth);
                }
            }
            b'-' | b'0'..=b'9' if secret.is_some() => {
                let number = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                at += text[at..].iter().take_while(|byte| number(byte)).count();
                changed = change(&String::from_utf8_lossy(&text[start..at]), true);
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
        match changed {
            Some(changed) => out.extend(Value::from(changed).to_string().into_bytes()),
            None => out.extend_from_slice(&text[start..at]),
        }
    }
    out
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
            (r#"{"token":[-1.5e+3,7],"port":80}"#, r#"{"token":["<redacted>","<redacted>"],"port":80}"#),
            (r#"{"token":null,"x":true}"#, r#"{"token":null,"x":true}"#),
            // In other texts, and in documents that texts are.
            (r#"{"token":"s3","error":"no s3, but (s3) or \ts3\n"}"#, r#"{"token":"<redacted>","error":"no <redacted>, but (<redacted>) or \t<redacted>\n"}"#),
            (r#"{"error":"s3","x":["s3 s3"],"token":"s3"}"#, r#"{"error":"<redacted>","x":["<redacted> <redacted>"],"token":"<redacted>"}"#),
            (r#"{"token":"t","error":"dial timeout tt","s3":"at"}"#, r#"{"token":"<redacted>","error":"dial timeout tt","s3":"at"}"#),
            (r#"{"token":"","error":"dial"}"#, r#"{"token":"<redacted>","error":"dial"}"#),
            (r#"{"token":["s3","s3-x"],"error":"s3-x s3"}"#, r#"{"token":["<redacted>","<redacted>"],"error":"<redacted> <redacted>"}"#),
            (r#"{"payload":"{\"token\":\"t\"}"}"#, r#"{"payload":"{\"token\":\"<redacted>\"}"}"#),
        ] {
            let known = tokens([OsString::from(text)].iter());
            assert_eq!(redacted(OsStr::new(text), &known), wanted, "{text}");
        }
    }

    #[test]
    fn one_scenarios_token_in_another() {
        let one = OsString::from(r#"{"node":{"admin_token":"s3cret"}}"#);
        let known = tokens([one].iter());
        assert_eq!(known, ["s3cret"]);
        let other = OsStr::new(r#"{"rules":[{"on":"bind","error":"not s3cret"}]}"#);
        let wanted = r#"{"rules":[{"on":"bind","error":"not <redacted>"}]}"#;
        assert_eq!(redacted(other, &known), wanted);
    }
}
