//! A document as a tree, with what Go keeps and other libraries lose: key order, duplicates, number literals.

use super::read::{Event, Reader, unquote};

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number's literal, unchanged.
    Number(String),
    /// A decoded string.
    String(String),
    /// The elements of an array.
    Array(Vec<Value>),
    /// The members of an object in their order, duplicates included.
    Object(Vec<(String, Value)>),
}

/// How deep a tree may nest: it is dropped, cloned and compared recursively, on small stacks too.
const MAX_TREE_DEPTH: usize = 128;

/// An array or object whose end has not been read, and the key it will get in the one around it.
struct Unfinished {
    value: Value,
    key: String,
}

/// Parses one document.
///
/// # Errors
/// The text of Go's syntax check; `exceeded max depth` for more than 128 levels, which Go would still take.
pub fn parse(text: &[u8]) -> Result<Value, String> {
    let mut open: Vec<Unfinished> = Vec::new();
    let mut key = String::new();
    for event in Reader::new(text)? {
        let done = match event {
            Event::BeginArray | Event::BeginObject => {
                if open.len() >= MAX_TREE_DEPTH {
                    return Err("exceeded max depth".to_string());
                }
                let value = if event == Event::BeginArray {
                    Value::Array(Vec::new())
                } else {
                    Value::Object(Vec::new())
                };
                let key = std::mem::take(&mut key);
                open.push(Unfinished { value, key });
                continue;
            }
            Event::Key(literal) => {
                key = unquote(literal);
                continue;
            }
            Event::EndArray | Event::EndObject => match open.pop() {
                Some(finished) => {
                    key = finished.key;
                    finished.value
                }
                None => break,
            },
            Event::String(literal) => Value::String(unquote(literal)),
            Event::Number(literal) => Value::Number(literal.to_string()),
            Event::Bool(value) => Value::Bool(value),
            Event::Null => Value::Null,
        };
        match open.last_mut().map(|around| &mut around.value) {
            Some(Value::Array(list)) => list.push(done),
            Some(Value::Object(members)) => members.push((std::mem::take(&mut key), done)),
            _ => return Ok(done),
        }
    }
    Ok(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Value {
        Value::String(value.to_string())
    }

    #[test]
    fn order_duplicates_and_literals_are_kept() {
        let parsed = parse(br#" {"b":[1.0,{"x":null},[]],"a":"\u00e9","b":true} "#);
        let wanted = Value::Object(vec![
            (
                "b".to_string(),
                Value::Array(vec![
                    Value::Number("1.0".to_string()),
                    Value::Object(vec![("x".to_string(), Value::Null)]),
                    Value::Array(vec![]),
                ]),
            ),
            ("a".to_string(), text("é")),
            ("b".to_string(), Value::Bool(true)),
        ]);
        assert_eq!(parsed, Ok(wanted));
    }

    #[test]
    fn scalars_at_the_top() {
        for (source, wanted) in [
            ("null", Value::Null),
            (" false", Value::Bool(false)),
            ("-0.0e1", Value::Number("-0.0e1".to_string())),
            ("\"x\" ", text("x")),
            ("[]", Value::Array(vec![])),
            ("{}", Value::Object(vec![])),
        ] {
            assert_eq!(parse(source.as_bytes()), Ok(wanted), "{source}");
        }
        let end = Err("unexpected end of JSON input".to_string());
        assert_eq!(parse(b"[1"), end);
    }

    #[test]
    fn deep_trees_are_refused() {
        let nested = |depth| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(parse(&nested(MAX_TREE_DEPTH)).is_ok());
        let error = Err("exceeded max depth".to_string());
        assert_eq!(parse(&nested(MAX_TREE_DEPTH + 1)), error);
    }
}
