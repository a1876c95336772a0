//! JSON objects written out in source code.

use serde_json::{Map, Value};

/// A [`Value`] that is an object, written as its literal: `object! {"a": 1, "b": text}`. Every
/// value is anything that a [`Value`] can be made from.
///
/// It does what `serde_json::json!` does for an object, by calls instead of code of its own at
/// every place: the program is a good deal smaller for it.
macro_rules! object {
    ($($key:literal: $value:expr),* $(,)?) => {{
        #[allow(unused_mut)]
        let mut members = serde_json::Map::new();
        $($crate::go::json::set(&mut members, $key, $value);)*
        serde_json::Value::Object(members)
    }};
}

pub(crate) use object;

/// Gives an object one more member, or another value to one that it has.
#[inline(never)]
pub fn set(members: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    insert(members, key, value.into());
}

#[inline(never)]
fn insert(members: &mut Map<String, Value>, key: &str, value: Value) {
    members.insert(key.to_owned(), value);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_are_what_serde_json_makes_of_them() {
        assert_eq!(object! {}, json!({}));
        let tags = ["x".to_owned()];
        let none: Option<&str> = None;
        assert_eq!(
            object! {
                "text": "t", "number": 1u16, "flag": true, "none": none, "some": Some(&tags[..]),
                "list": vec![Value::from(1), object! {"x": 2.5}],
            },
            json!({
                "text": "t", "number": 1, "flag": true, "none": null, "some": ["x"],
                "list": [1, {"x": 2.5}],
            })
        );
    }

    #[test]
    fn the_last_value_of_a_key_counts() {
        let mut members = Map::new();
        set(&mut members, "a", 1);
        set(&mut members, "a", "x");
        assert_eq!(Value::Object(members), json!({"a": "x"}));
    }
}
