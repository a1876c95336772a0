//! Go's JSON: what serde reads is read alike, and what is written can be read again.

use serde_json::Value;

use crate::go::json::{
    Decoded, Event, Field, Kind, Reader, compact, decode_struct, from_serde, members, parse,
    string_list,
};

const FIELDS: &[Field] = &[
    Field {
        name: "envelope",
        go_name: "Envelope",
        kind: Kind::String,
    },
    Field {
        name: "max_skew_secs",
        go_name: "MaxSkewSecs",
        kind: Kind::Float,
    },
    Field {
        name: "check_standing",
        go_name: "CheckStanding",
        kind: Kind::Bool,
    },
];

pub(super) fn json(text: &[u8]) {
    let events = Reader::new(text);
    let parsed = parse(text);
    let serdes: Option<Value> = serde_json::from_slice(text).ok();
    if let Some(serdes) = &serdes {
        let parsed = parsed.as_ref().expect("what serde reads");
        assert!(alike(parsed, serdes), "{parsed}, but {serdes}");
    }
    match events {
        Ok(events) => well_formed(text, events),
        Err(why) => {
            assert!(!why.is_empty() && parsed.is_err() && serdes.is_none());
            for refused in [
                compact(text).err(),
                string_list(text).err(),
                members(text).err(),
            ] {
                assert!(refused.is_some(), "{why}");
            }
        }
    }
    if let Ok(value) = parsed {
        // Go writes a fraction that is whole as an integer, so it is the text that stays.
        let text = from_serde(&value);
        let again = parse(text.as_bytes()).expect("what was written");
        assert_eq!(from_serde(&again), text);
    }
    if let Ok(found) = members(text) {
        for (at, (key, value)) in found.iter().enumerate() {
            assert!(Reader::new(value.as_bytes()).is_ok(), "{key}: {value}");
            assert!(found[..at].iter().all(|(other, _)| other != key));
        }
    }
    if let Ok(decoded) = decode_struct(text, FIELDS) {
        assert!(matches!(
            decoded[..],
            [Decoded::String(_), Decoded::Float(_), Decoded::Bool(_)]
        ));
    }
}

fn well_formed(text: &[u8], events: Reader<'_>) {
    let mut open = 0usize;
    let mut values = 0;
    for event in events {
        match event {
            Event::BeginArray | Event::BeginObject => open += 1,
            Event::EndArray | Event::EndObject => open -= 1,
            _ => {}
        }
        values += usize::from(open == 0);
    }
    assert_eq!((open, values), (0, 1));
    let short = compact(text).expect("what is well-formed can be compacted");
    assert_eq!(compact(short.as_bytes()).as_ref(), Ok(&short));
}

/// Equal but for the last digit of fractions, which serde does not read exactly.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) if one.is_f64() && other.is_f64() => {
            let (one, other) = (one.as_f64(), other.as_f64());
            one.zip(other)
                .is_some_and(|(one, other)| (one - other).abs() <= one.abs() * 1e-15)
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |(key, value)| other.get(key).is_some_and(|other| alike(value, other));
            one.len() == other.len() && one.iter().all(same)
        }
        _ => one == other,
    }
}
