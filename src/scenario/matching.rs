//! Whether a request is the one that a rule or an expectation means, and if not, why not.

use serde_json::Value;

use super::contrast::contrasted;
use super::{Condition, Expected, Test};
use crate::go::json;
use crate::node::ClientId;
use crate::wire::Decoded;
use crate::wire::field::{Field, field};
use crate::wire::fields::{self, View};
use crate::wire::frame::Frame;
use crate::wire::kind::Kind;

/// What stands in messages in place of a token.
const REDACTED: &str = "<redacted>";

/// A request as rules see it; a client's arrival has no frame.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Who asks.
    pub client: ClientId,
    /// What.
    pub kind: Kind,
    /// The frame, and what it was decoded to.
    pub frame: Option<(Frame<'a>, &'a Decoded<'a>)>,
}

impl<'a> Asked<'a> {
    /// A received frame.
    pub fn request(client: ClientId, frame: Frame<'a>, decoded: &'a Decoded<'a>) -> Asked<'a> {
        Asked {
            client,
            kind: Kind::of(decoded),
            frame: Some((frame, decoded)),
        }
    }

    /// A client's arrival.
    pub fn arrival(client: ClientId) -> Asked<'a> {
        Asked {
            client,
            kind: Kind::CONNECT,
            frame: None,
        }
    }

    /// A field, if the request has it.
    pub fn field(&self, name: &str) -> Option<Field<'a>> {
        let (frame, decoded) = self.frame?;
        field(frame, decoded, name)
    }
}

impl Condition {
    /// Whether the request's field is what it must be; a field that is not there never is.
    pub fn holds(&self, asked: &Asked<'_>) -> bool {
        let got = asked.field(&self.field);
        got.is_some_and(|got| self.test.holds(&got))
    }

    /// `port: expected 80, got 81`; `None` where the condition holds.
    pub fn mismatch(&self, asked: &Asked<'_>) -> Option<String> {
        let got = asked.field(&self.field);
        if got.as_ref().is_some_and(|got| self.test.holds(got)) {
            return None;
        }
        let secret = matches!(got, Some(Field::Secret(_))) || &*self.field == "token";
        let document = matches!(got, Some(Field::Json(_)));
        let mut got = got.map_or("nothing".to_owned(), |got| value_text(&got));
        let mut expected = self.test.text(secret);
        if document {
            (expected, got) = contrasted(&expected, &got);
        }
        Some(format!("{}: expected {expected}, got {got}", self.field))
    }

    /// The condition in a few words, such as `port 80`.
    pub fn text(&self) -> String {
        format!("{} {}", self.field, self.test.text(&*self.field == "token"))
    }
}

/// Every condition that does not hold, as [`Condition::mismatch`] says it.
pub fn mismatches(when: &[Condition], asked: &Asked<'_>) -> Vec<String> {
    when.iter().filter_map(|c| c.mismatch(asked)).collect()
}

impl Test {
    fn holds(&self, got: &Field<'_>) -> bool {
        match self {
            Test::Equal(expected) => expected.is(got),
            Test::Not(expected) => !expected.is(got),
            Test::In(all) => all.iter().any(|expected| expected.is(got)),
            Test::Range(min, max) => {
                let Some(got) = number(got) else { return false };
                min.is_none_or(|min| got >= min) && max.is_none_or(|max| got <= max)
            }
            Test::Contains(part) => match got {
                Field::List(list) => list
                    .unwrap_or_default()
                    .iter()
                    .any(|entry| entry.as_bytes() == &**part),
                _ => bytes(got).is_some_and(|got| contains(got, part)),
            },
            Test::StartsWith(start) => bytes(got).is_some_and(|got| got.starts_with(start)),
        }
    }

    fn text(&self, secret: bool) -> String {
        let text = |value: &Expected| match secret {
            true => REDACTED.to_owned(),
            false => value.text(),
        };
        let part = |bytes: &[u8]| match secret {
            true => REDACTED.to_owned(),
            false => shown(bytes).to_string(),
        };
        match self {
            Test::Equal(value) => text(value),
            Test::Not(value) => format!("anything but {}", text(value)),
            Test::In(all) => {
                let all: Vec<String> = all.iter().map(text).collect();
                format!("one of {}", all.join(", "))
            }
            Test::Range(Some(min), Some(max)) => format!("{min} to {max}"),
            Test::Range(Some(min), None) => format!("at least {min}"),
            Test::Range(None, Some(max)) => format!("at most {max}"),
            Test::Range(None, None) => "a number".to_owned(),
            Test::Contains(bytes) => format!("something with {} in it", part(bytes)),
            Test::StartsWith(bytes) => format!("something that starts with {}", part(bytes)),
        }
    }
}

impl Expected {
    fn is(&self, got: &Field<'_>) -> bool {
        match (self, got) {
            (Expected::Number(expected), _) => number(got) == Some(*expected),
            (Expected::Flag(expected), Field::Flag(got)) => expected == got,
            (Expected::Bytes(expected), _) => bytes(got) == Some(expected),
            (Expected::List(expected), Field::List(got)) => expected.as_deref() == *got,
            (Expected::Json(expected), Field::Json(got)) => {
                json::parse(got).is_ok_and(|got| same_json(expected, &got))
            }
            _ => false,
        }
    }

    fn text(&self) -> String {
        match self {
            Expected::Number(number) => number.to_string(),
            Expected::Flag(flag) => flag.to_string(),
            Expected::Bytes(bytes) => shown(bytes).to_string(),
            Expected::List(list) => list_text(list.as_deref()),
            Expected::Json(value) => {
                let mut value = value.clone();
                fields::redact(&mut value);
                value.to_string()
            }
        }
    }
}

/// Equal documents; `1` and `1.0` are one number.
fn same_json(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same_json(a, b))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |(key, value): (&String, &Value)| {
                other.get(key).is_some_and(|other| same_json(value, other))
            };
            one.len() == other.len() && one.iter().all(same)
        }
        _ => one == other,
    }
}

/// Data, without the tokens of a document that it may be.
fn shown(data: &[u8]) -> Value {
    let cleared = fields::cleared(data);
    let data = cleared.as_deref().map_or(data, str::as_bytes);
    fields::shown(data, View::default())
}

fn list_text(list: Option<&[String]>) -> String {
    let mut list = Value::from(list);
    fields::redact(&mut list);
    list.to_string()
}

pub(super) fn number(field: &Field<'_>) -> Option<f64> {
    match field {
        // Numbers of the wire have 32 bits at most.
        Field::Number(number) => Some(*number as f64),
        Field::Fraction(number) => Some(*number),
        _ => None,
    }
}

fn bytes<'f>(field: &'f Field<'_>) -> Option<&'f [u8]> {
    match field {
        Field::Text(text) => Some(text.as_bytes()),
        Field::Data(data) | Field::Secret(data) | Field::Json(data) => Some(data),
        _ => None,
    }
}

fn contains(all: &[u8], part: &[u8]) -> bool {
    let Some((&first, rest)) = part.split_first() else {
        return true;
    };
    let mut at = 0;
    while let Some(found) = all[at..].iter().position(|byte| *byte == first) {
        at += found + 1;
        if all[at..].starts_with(rest) {
            return true;
        }
    }
    false
}

fn value_text(field: &Field<'_>) -> String {
    match field {
        Field::Number(number) => number.to_string(),
        Field::Fraction(number) => number.to_string(),
        Field::Flag(flag) => flag.to_string(),
        Field::Text(text) => shown(text.as_bytes()).to_string(),
        Field::Data(data) => shown(data).to_string(),
        Field::Json(text) => fields::json_field(text, View::default()).to_string(),
        Field::Secret(_) => REDACTED.to_owned(),
        Field::List(list) => list_text(*list),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::decode;

    fn condition(field: &str, test: Test) -> Condition {
        let field = field.into();
        Condition { field, test }
    }

    fn said(code: u8, payload: &[u8], field: &str, test: Test) -> Option<String> {
        let frame = Frame { code, payload };
        let decoded = decode(frame);
        let asked = Asked::request(1, frame, &decoded);
        let condition = condition(field, test);
        let said = condition.mismatch(&asked);
        assert_eq!(said.is_none(), condition.holds(&asked));
        said
    }

    fn text(text: &str) -> Expected {
        Expected::Bytes(text.as_bytes().into())
    }

    #[test]
    fn every_test_says_what_it_expected() {
        let dial = [0, 1, 0, 0, 0, 2, 0, 81];
        let number = Expected::Number;
        for (test, expected) in [
            (Test::Equal(number(81.0)), None),
            (Test::Equal(number(80.0)), Some("port: expected 80, got 81")),
            (
                Test::Not(number(81.0)),
                Some("port: expected anything but 81, got 81"),
            ),
            (
                Test::In(vec![number(1.0), number(2.0)]),
                Some("port: expected one of 1, 2, got 81"),
            ),
            (Test::Range(Some(81.0), Some(81.0)), None),
            (
                Test::Range(Some(82.0), None),
                Some("port: expected at least 82, got 81"),
            ),
            (
                Test::Range(None, Some(9.0)),
                Some("port: expected at most 9, got 81"),
            ),
            (
                Test::Range(Some(1.0), Some(9.0)),
                Some("port: expected 1 to 9, got 81"),
            ),
        ] {
            assert_eq!(said(0x03, &dial, "port", test).as_deref(), expected);
        }
        assert_eq!(
            said(0x03, &dial, "address", Test::Equal(text("x"))).unwrap(),
            "address: expected \"x\", got \"1:0001.0000.0002\""
        );
        assert_eq!(
            said(0x03, &dial, "hostname", Test::Equal(text("x"))).unwrap(),
            "hostname: expected \"x\", got nothing"
        );
        let send = b"\0\0\0\x01hello";
        let parts =
            |test: fn(Box<[u8]>) -> Test, part: &[u8]| said(0x06, send, "data", test(part.into()));
        assert_eq!(parts(Test::Contains, b"ell"), None);
        assert_eq!(parts(Test::Contains, b"lo"), None);
        assert_eq!(parts(Test::Contains, b""), None);
        assert_eq!(
            parts(Test::Contains, b"hellx").unwrap(),
            "data: expected something with \"hellx\" in it, got \"hello\""
        );
        assert_eq!(
            parts(Test::StartsWith, b"\0").unwrap(),
            "data: expected something that starts with {\"hex\":\"00\"}, got \"hello\""
        );
    }

    #[test]
    fn tokens_are_compared_and_not_shown() {
        let broadcast = b"\0\x07\0\x50\0\x06s3cretdata";
        assert_eq!(
            said(0x29, broadcast, "token", Test::Equal(text("s3cret"))),
            None
        );
        assert_eq!(
            said(0x29, broadcast, "token", Test::Equal(text("other"))).unwrap(),
            "token: expected <redacted>, got <redacted>"
        );
        let dial = [0, 1, 0, 0, 0, 2, 0, 81];
        assert_eq!(
            said(0x03, &dial, "token", Test::Equal(text("other"))).unwrap(),
            "token: expected <redacted>, got nothing"
        );
    }

    #[test]
    fn lists_and_documents() {
        let tags = br#"["ci","x"]"#;
        let list = Expected::List(Some(vec!["ci".into(), "x".into()]));
        assert_eq!(said(0x19, tags, "tags", Test::Equal(list)), None);
        assert_eq!(
            said(0x19, tags, "tags", Test::Contains(b"x"[..].into())),
            None
        );
        assert_eq!(
            said(0x19, tags, "tags", Test::Contains(b"y"[..].into())).unwrap(),
            "tags: expected something with \"y\" in it, got [\"ci\",\"x\"]"
        );
        let one = serde_json::json!({"a": [1, {"b": 2.0}]});
        let other = serde_json::json!({"a": [1.0, {"b": 2}]});
        assert!(same_json(&one, &other));
        assert!(!same_json(&one, &serde_json::json!({"a": [1]})));
    }
}
