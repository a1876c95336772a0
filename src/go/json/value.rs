//! A document as a tree.

use serde_json::{Map, Number, Value};

use super::read::{Event, Reader, unquote};

/// How deep a tree may nest: it is dropped, cloned and compared recursively, on small stacks too.
const MAX_TREE_DEPTH: usize = 127;

/// An array or object whose end has not been read, and the key it will get in the one around it.
struct Unfinished {
    value: Value,
    key: String,
}

/// Parses one document. Of several members of one key the last counts.
///
/// # Errors
/// The text of Go's syntax check; beyond it `exceeded max depth` for more than 127 levels, and
/// `not UTF-8` and `number out of range` for what such a tree cannot hold.
pub fn parse(text: &[u8]) -> Result<Value, String> {
    let mut open: Vec<Unfinished> = Vec::new();
    let mut key = String::new();
    let events = Reader::new(text)?;
    if std::str::from_utf8(text).is_err() {
        return Err("not UTF-8".to_string());
    }
    for event in events {
        let done = match event {
            Event::BeginArray | Event::BeginObject => {
                if open.len() >= MAX_TREE_DEPTH {
                    return Err("exceeded max depth".to_string());
                }
                let value = if event == Event::BeginArray {
                    Value::Array(Vec::new())
                } else {
                    Value::Object(Map::new())
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
            Event::Number(literal) => Value::Number(number(literal).ok_or("number out of range")?),
            Event::Bool(value) => Value::Bool(value),
            Event::Null => Value::Null,
        };
        match open.last_mut().map(|around| &mut around.value) {
            Some(Value::Array(list)) => list.push(done),
            Some(Value::Object(members)) => {
                members.insert(std::mem::take(&mut key), done);
            }
            _ => return Ok(done),
        }
    }
    Ok(Value::Null)
}

/// An integer where the literal is one that fits, else a float; `None` when that is infinite.
pub(crate) fn number(literal: &str) -> Option<Number> {
    if let Ok(whole) = literal.parse::<u64>() {
        return Some(whole.into());
    }
    match literal.parse::<i64>() {
        // No integer has the sign of `-0`.
        Ok(whole) if whole != 0 => Some(whole.into()),
        _ => Number::from_f64(literal.parse().ok()?),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn trees_are_as_serde_json_reads_them() {
        for text in [
            "null",
            " false",
            "\"x\" ",
            "[]",
            "{}",
            r#" {"b":[1.0,{"x":null},[],{}],"a":"\u00e9\n","b":true} "#,
            "[0,1,-1,18446744073709551615,-9223372036854775808]",
            "[18446744073709551616,-9223372036854775809,1e3,-0.0,0.1,2.5e-9]",
            "",
            "[1",
            "1e999",
            "\"\x01\"",
            "{\"a\":1,}",
        ] {
            let wanted = serde_json::from_str::<Value>(text).ok();
            assert_eq!(parse(text.as_bytes()).ok(), wanted, "{text}");
        }
        assert_eq!(
            parse(b"-0").map(|zero| zero.to_string()),
            Ok("-0.0".to_string())
        );
    }

    #[test]
    fn what_a_tree_cannot_hold() {
        for (text, wanted) in [
            (&b"[1"[..], "unexpected end of JSON input"),
            (b"[1e999]", "number out of range"),
            (b"\"\xff\"", "not UTF-8"),
        ] {
            assert_eq!(parse(text), Err(wanted.to_string()));
        }
        assert_eq!(parse(br#""\ud800""#), Ok(json!("\u{fffd}")));
    }

    #[test]
    fn deep_trees_are_refused() {
        for depth in [MAX_TREE_DEPTH, MAX_TREE_DEPTH + 1] {
            let nested = [vec![b'['; depth], vec![b']'; depth]].concat();
            let fits = serde_json::from_slice::<Value>(&nested).is_ok();
            assert_eq!(fits, depth == MAX_TREE_DEPTH);
            assert_eq!(parse(&nested).is_ok(), fits);
        }
    }
}
