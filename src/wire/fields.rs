//! Frames as JSON fields, for the log and the journal.

use serde_json::{Map, Value};

use super::decode::Decoded;
use super::encode::encode_push;
use super::field::{Field, field, of_request};
use super::frame::{Frame, PREFIX};
use super::kind::Kind;
use super::outgoing::sent_fields;
use super::reply::Push;
use crate::go::json::{self, object};

/// How many bytes of data are shown.
const SHOWN: usize = 64;

/// How the keys of tokens end, in letters of either case.
const TOKEN: &[u8] = b"token";

/// What stands in place of a token.
const REDACTED: &str = "<redacted>";

/// How fields are shown. By default: the first 64 bytes of data, no tokens, of a whole frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct View {
    /// All data is shown.
    pub raw: bool,
    /// Tokens are shown.
    pub secrets: bool,
    /// Bytes that the frame had and that are not there any more, at its end.
    pub cut: usize,
}

/// The decoded fields of a frame that a client sent, under the names of the command table.
pub fn request_fields(frame: Frame<'_>, decoded: &Decoded<'_>, view: View) -> Map<String, Value> {
    let mut fields = Map::new();
    for &name in Kind::of(decoded).fields().iter().chain(&["malformed"]) {
        let field = match decoded {
            // What is spoilt may be so by the cut.
            Ok(request) if view.cut > 0 => of_request(request, name),
            _ => field(frame, decoded, name),
        };
        if let Some(field) = field {
            json::set(&mut fields, name, value(name, field, view));
        }
    }
    fields
}

fn value(name: &str, field: Field<'_>, view: View) -> Value {
    match field {
        Field::Number(number) if name == "bytes" => (number + view.cut as u64).into(),
        Field::Number(number) => number.into(),
        Field::Fraction(number) if number == (number as i64) as f64 => (number as i64).into(),
        Field::Fraction(number) => number.into(),
        Field::Flag(flag) => flag.into(),
        Field::Text(text) => text.into(),
        Field::Data(data) => shown(data, view),
        Field::Secret(token) if view.secrets => {
            let raw = true;
            shown(token, View { raw, ..view })
        }
        Field::Secret(_) => REDACTED.into(),
        Field::List(texts) => texts.into(),
        Field::Json(text) => json_field(text, view),
    }
}

/// A document, or what is shown of a text that is none.
pub(crate) fn json_field(text: &[u8], view: View) -> Value {
    document(text, view).unwrap_or_else(|| guarded(text, view))
}

/// The fields of a push, under the names of the table of pushes.
pub fn push_fields(push: &Push<'_>) -> Map<String, Value> {
    let mut frame = Vec::new();
    encode_push(&mut frame, push);
    sent_fields(frame[PREFIX], &frame[PREFIX + 1..], View::default())
}

/// A JSON document; `None` when the text is none.
pub(super) fn document(text: &[u8], view: View) -> Option<Value> {
    let mut document = json::parse(text).ok()?;
    if !view.secrets {
        redact(&mut document);
    }
    Some(document)
}

/// Data that may be a spoilt document: not shown where it may have a token.
pub(super) fn guarded(data: &[u8], view: View) -> Value {
    if !view.secrets && may_have_token(data) {
        return REDACTED.into();
    }
    shown(data, view)
}

fn may_have_token(text: &[u8]) -> bool {
    let token = |bytes: &[u8]| bytes.eq_ignore_ascii_case(TOKEN);
    // A key may be spelt with escapes.
    text.windows(TOKEN.len()).any(token) || text.windows(2).any(|bytes| bytes == b"\\u")
}

/// Takes the tokens out of a document, and out of the texts in it that are documents.
pub(crate) fn redact(value: &mut Value) {
    redact_with(value, cleared);
}

fn redact_with(value: &mut Value, cleared: fn(&[u8]) -> Option<String>) {
    match value {
        Value::String(text) => {
            if let Some(cleared) = cleared(text.as_bytes()) {
                *text = cleared;
            }
        }
        Value::Object(members) => {
            for (key, value) in members {
                let end = key.len().saturating_sub(TOKEN.len());
                let secret = key.as_bytes()[end..].eq_ignore_ascii_case(TOKEN);
                if secret && !value.is_null() && !value.is_boolean() {
                    *value = REDACTED.into();
                } else {
                    redact_with(value, cleared);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact_with(item, cleared)),
        _ => {}
    }
}

/// A text that is a document, without the tokens in it; `None` where it has none.
pub(crate) fn cleared(text: &[u8]) -> Option<String> {
    let hidden = hidden(text)?;
    let Ok(before) = json::parse(text) else {
        return Some(hidden);
    };
    let mut after = before.clone();
    // Documents may stand in one another deeper than a small stack is.
    redact_with(&mut after, self::hidden);
    (after != before).then(|| after.to_string())
}

/// What stands in place of a text that may be a document with a token.
fn hidden(text: &[u8]) -> Option<String> {
    let first = text.trim_ascii_start().first();
    let document = matches!(first, Some(b'{' | b'[' | b'"')) && may_have_token(text);
    document.then(|| REDACTED.to_owned())
}

/// Data: text where what is shown of it is printable, hex digits where not.
pub(crate) fn shown(data: &[u8], view: View) -> Value {
    let limit = if view.raw { data.len() } else { SHOWN };
    let head = &data[..data.len().min(limit)];
    let text = match std::str::from_utf8(head) {
        Ok(text) => Some(text),
        // The cut fell inside a character.
        Err(error) if error.error_len().is_none() && head.len() < data.len() + view.cut => {
            std::str::from_utf8(&head[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    };
    let printable =
        |text: &&str| !text.contains(|c: char| c.is_control() && c != '\n' && c != '\t');
    match text.filter(printable) {
        Some(text) => text.into(),
        None => object! {"hex": crate::go::sha256::hex(head)},
    }
}

/// Bytes of hex digits.
///
/// # Errors
/// Names the offset of the first character that is no hex digit, or an odd length.
pub fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let digits = text.as_bytes();
    if let Some(at) = digits.iter().position(|b| !b.is_ascii_hexdigit()) {
        return Err(format!("character {at} of {text:?} is no hex digit"));
    }
    if !digits.len().is_multiple_of(2) {
        return Err(format!("{} hex digits are not whole bytes", digits.len()));
    }
    let value = |b: u8| (b as char).to_digit(16).unwrap_or(0) as u8;
    Ok(digits
        .chunks(2)
        .map(|pair| value(pair[0]) << 4 | value(pair[1]))
        .collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::command::TABLE;
    use crate::wire::frame::Frame;

    #[test]
    fn data_is_text_or_hex() {
        let shown = |data: &[u8]| super::shown(data, View::default());
        assert_eq!(shown(b"hello\n"), json!("hello\n"));
        assert_eq!(shown(&[0, 1]), json!({"hex": "0001"}));
        assert_eq!(shown(b""), json!(""));
        let long = "é".repeat(40);
        assert_eq!(shown(long.as_bytes()), json!("é".repeat(32)));
        let odd = format!("x{long}");
        assert_eq!(shown(odd.as_bytes()), json!(format!("x{}", "é".repeat(31))));
        let all = |data: &[u8], cut| {
            let raw = true;
            super::shown(
                data,
                View {
                    raw,
                    cut,
                    ..View::default()
                },
            )
        };
        assert_eq!(all(long.as_bytes(), 0), json!(long));
        assert_eq!(all(&[0xFF; 70], 0), json!({"hex": "ff".repeat(70)}));
        let broken = &long.as_bytes()[..79];
        assert_eq!(all(broken, 1), json!("é".repeat(39)));
        assert_eq!(all(broken, 0)["hex"].as_str().map(str::len), Some(158));
    }

    #[test]
    fn every_row_decodes_to_its_own_fields() {
        for row in TABLE {
            let sample: &[u8] = match row.name {
                "unbind" => &[0, 80],
                "prefer_direct" => &[0, 0, 0, 2],
                "set_tags" | "managed.member_tags_set" => b"\0\x07\0\0\0\x02[]",
                "submit_badge" | "enroll_recovery" | "sign_envelope" | "verify_envelope" => b"{}",
                "managed.policy_set" => b"\0\x07\0\0{}",
                "broadcast" => b"\0\x07\0\x50\0\0x",
                _ => b"\0\0\0\0\0\x02\0\x50xyz",
            };
            let sample = match row.name {
                "set_tags" => &sample[6..],
                _ => sample,
            };
            let payload = [row.sub, sample].concat();
            let frame = Frame {
                code: row.code,
                payload: &payload,
            };
            let decoded = crate::wire::decode(frame);
            assert_eq!(Kind::of(&decoded).command(), Some(row.command));
            assert!(decoded.is_ok(), "{decoded:?}");
            let mut names: Vec<&str> = row.fields.to_vec();
            names.sort_unstable();
            let fields = request_fields(frame, &decoded, View::default());
            assert!(fields.keys().eq(names.iter()), "{}: {fields:?}", row.name);
        }
    }

    #[test]
    fn hex_errors_name_the_place() {
        assert_eq!(unhex("00ff7E"), Ok(vec![0, 255, 0x7e]));
        assert!(unhex("0g").unwrap_err().contains("character 1"));
        assert!(unhex("012").unwrap_err().contains("3 hex digits"));
    }

    fn fields(code: u8, payload: &[u8], view: View) -> Value {
        let frame = Frame { code, payload };
        request_fields(frame, &crate::wire::decode(frame), view).into()
    }

    #[test]
    fn tokens_are_shown_only_when_asked_for() {
        let open = View {
            secrets: true,
            ..View::default()
        };
        let broadcast = b"\0\x07\0\x50\0\x06s3cretdata";
        assert_eq!(
            fields(0x29, broadcast, View::default())["token"],
            "<redacted>"
        );
        assert_eq!(fields(0x29, broadcast, open)["token"], "s3cret");
        let document = r#"{"a":[{"admin_token":"s3cret","Token":["s3cret"]}],"has_token":true}"#;
        let payload = [b"\x05\x01\0\x07\0\x06s3cret", document.as_bytes()].concat();
        let shown = fields(0x23, &payload, View::default());
        let hidden = json!({"admin_token": "<redacted>", "Token": "<redacted>"});
        assert_eq!(shown["policy"], json!({"a": [hidden], "has_token": true}));
        assert!(!shown.to_string().contains("s3cret"), "{shown}");
        let shown = fields(0x23, &payload, open);
        assert_eq!(shown["token"], "s3cret");
        let whole: Value = serde_json::from_str(document).unwrap();
        assert_eq!(shown["policy"], whole);
        for (document, hidden) in [
            (r#"{"token":"s3cret""#, "<redacted>"),
            (r#"{"\u0074oken":"s3cret""#, "<redacted>"),
            (r#"{"other":"#, r#"{"other":"#),
        ] {
            let payload = [b"\x05\x01\0\x07\0\0", document.as_bytes()].concat();
            let cut = |cut| View {
                cut,
                ..View::default()
            };
            let shown = fields(0x23, &payload, cut(1));
            let whole = json!({"network_id": 7, "token": "<redacted>", "policy": hidden});
            assert_eq!(shown, whole, "{document}");
            // Where nothing was cut it never was a policy.
            let shown = fields(0x23, &payload, cut(0));
            assert_eq!(shown["policy"], Value::Null);
            assert!(!shown.to_string().contains("s3cret"), "{shown}");
            let text = shown["malformed"].as_str().unwrap();
            assert!(
                text.ends_with("invalid JSON: unexpected end of JSON input"),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_request_has_its_own_fields() {
        let view = View::default();
        assert_eq!(
            fields(0x7E, b"abc", view),
            json!({"command": 0x7E, "bytes": 3})
        );
        for (code, payload, text) in [
            (0x01, &[0][..], "bind: missing port"),
            (0x0F, &[], "handshake: missing sub-command"),
            (0x23, &[5, 9, 0, 0], "managed policy: unknown action 0x09"),
        ] {
            assert_eq!(fields(code, payload, view), json!({"malformed": text}));
        }
    }
}
