//! Decoding into Go's types: lists of strings, and structures with a few fields.

use super::read::{Event, Reader, unquote};

/// One field of a structure that a request is decoded into.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its key in the document.
    pub name: &'static str,
    /// Its name in the daemon's structure, which type errors print.
    pub go_name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Go's `string`.
    String,
    /// Go's `float64`.
    Float,
    /// Go's `bool`.
    Bool,
}

impl Kind {
    fn go_type(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::Float => "float64",
            Kind::Bool => "bool",
        }
    }
}

/// A decoded field; empty, zero or false when the document does not set it.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoded {
    /// Of [`Kind::String`].
    String(String),
    /// Of [`Kind::Float`].
    Float(f64),
    /// Of [`Kind::Bool`].
    Bool(bool),
}

/// Keeps the first mismatch: Go goes on decoding after one, and reports it at the end.
#[derive(Default)]
pub(crate) struct Mismatch(Option<String>);

impl Mismatch {
    /// Notes that `got` stands where a value of `go_type` belongs.
    pub(crate) fn value(&mut self, got: &Event, go_type: &str) {
        self.note(got.kind(), &format!("value of type {go_type}"));
    }

    /// Notes that `got` stands in a field of `go_type`; `path` is structure and field, joined by a dot.
    pub(crate) fn field(&mut self, got: &str, path: &str, go_type: &str) {
        self.note(got, &format!("struct field {path} of type {go_type}"));
    }

    /// The first mismatch noted, as the error.
    pub(crate) fn finish<T>(self, decoded: T) -> Result<T, String> {
        match self.0 {
            Some(text) => Err(text),
            None => Ok(decoded),
        }
    }

    fn note(&mut self, got: &str, target: &str) {
        self.0
            .get_or_insert_with(|| format!("json: cannot unmarshal {got} into Go {target}"));
    }
}

/// Decodes a list of strings; `null` is no list, a `null` in it an empty string.
///
/// # Errors
/// The decoder's text: of the syntax check, or of the first value of a wrong type.
pub fn string_list(text: &[u8]) -> Result<Option<Vec<String>>, String> {
    let mut reader = Reader::new(text)?;
    let mut mismatch = Mismatch::default();
    match reader.next() {
        Some(Event::BeginArray) => {}
        Some(Event::Null) | None => return Ok(None),
        Some(other) => {
            mismatch.value(&other, "[]string");
            return mismatch.finish(None);
        }
    }
    let mut list = Vec::new();
    while let Some(event) = reader.next() {
        match event {
            Event::EndArray => break,
            Event::String(literal) => list.push(unquote(literal)),
            Event::Null => list.push(String::new()),
            other => {
                mismatch.value(&other, "string");
                reader.pass(&other);
            }
        }
    }
    mismatch.finish(Some(list))
}

/// Decodes an object into `fields`, in their order; `null` counts as an empty object.
///
/// Keys match as in Go (exactly, else whatever their case), the last of several wins, unknown ones are ignored.
///
/// # Errors
/// The decoder's text: of the syntax check, or of the first value of a wrong type.
pub fn decode_struct(text: &[u8], fields: &[Field]) -> Result<Vec<Decoded>, String> {
    let mut reader = Reader::new(text)?;
    let mut mismatch = Mismatch::default();
    let mut decoded: Vec<Decoded> = fields
        .iter()
        .map(|field| match field.kind {
            Kind::String => Decoded::String(String::new()),
            Kind::Float => Decoded::Float(0.0),
            Kind::Bool => Decoded::Bool(false),
        })
        .collect();
    match reader.next() {
        Some(Event::BeginObject) => {}
        Some(Event::Null) | None => return Ok(decoded),
        Some(other) => {
            mismatch.value(&other, &struct_type(fields));
            return mismatch.finish(decoded);
        }
    }
    while let Some(Event::Key(key)) = reader.next() {
        let Some(value) = reader.next() else { break };
        let place = find_key(&unquote(key), fields.iter().map(|field| field.name));
        let slot = place.and_then(|place| Some((fields.get(place)?, decoded.get_mut(place)?)));
        if let Some((field, slot)) = slot {
            set(slot, &value, field, &mut mismatch);
        }
        reader.pass(&value);
    }
    mismatch.finish(decoded)
}

fn set(slot: &mut Decoded, value: &Event, field: &Field, mismatch: &mut Mismatch) {
    let path = || format!(".{}", field.name);
    match (slot, value) {
        (_, Event::Null) => {}
        (Decoded::String(slot), Event::String(literal)) => *slot = unquote(literal),
        (Decoded::Bool(slot), Event::Bool(value)) => *slot = *value,
        (Decoded::Float(slot), Event::Number(literal)) => match literal.parse::<f64>() {
            Ok(number) if number.is_finite() => *slot = number,
            _ => mismatch.field(&format!("number {literal}"), &path(), "float64"),
        },
        _ => mismatch.field(value.kind(), &path(), field.kind.go_type()),
    }
}

/// Which of `names` a key means: the equal one, else the first that differs in case only.
pub(crate) fn find_key<'a>(
    key: &str,
    names: impl Iterator<Item = &'a str> + Clone,
) -> Option<usize> {
    names
        .clone()
        .position(|name| name == key)
        .or_else(|| names.clone().position(|name| same_letters(key, name)))
}

/// Equality under Unicode's simple case folding, for an ASCII name.
fn same_letters(key: &str, name: &str) -> bool {
    let fold = |character: char| match character {
        // Long s and the Kelvin sign are the two characters that fold into ASCII.
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    key.chars().map(fold).eq(name.chars().map(fold))
}

/// The daemon's anonymous structure type, as Go prints it.
fn struct_type(fields: &[Field]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|field| {
            let (go_name, go_type) = (field.go_name, field.kind.go_type());
            format!(r#"{go_name} {go_type} "json:\"{}\"""#, field.name)
        })
        .collect();
    format!("struct {{ {} }}", fields.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [Field; 4] = [
        Field {
            name: "envelope",
            go_name: "Envelope",
            kind: Kind::String,
        },
        Field {
            name: "signature",
            go_name: "Signature",
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

    #[test]
    #[rustfmt::skip]
    fn lists_of_strings() {
        for (text, wanted) in [
            ("null", None),
            ("[]", Some(vec![])),
            (r#"["a","\u0062",null]"#, Some(vec!["a", "b", ""])),
        ] {
            let wanted = wanted.map(|list| list.iter().map(|word| word.to_string()).collect());
            assert_eq!(string_list(text.as_bytes()), Ok(wanted), "{text}");
        }
        for (text, wanted) in [
            ("", "unexpected end of JSON input"),
            ("{}", "json: cannot unmarshal object into Go value of type []string"),
            ("\"x\"", "json: cannot unmarshal string into Go value of type []string"),
            ("1", "json: cannot unmarshal number into Go value of type []string"),
            ("true", "json: cannot unmarshal bool into Go value of type []string"),
            ("[1,2]", "json: cannot unmarshal number into Go value of type string"),
            ("[\"a\",{\"b\":[1]},2]", "json: cannot unmarshal object into Go value of type string"),
            ("[[[]],2]", "json: cannot unmarshal array into Go value of type string"),
            ("[false]", "json: cannot unmarshal bool into Go value of type string"),
            ("[1,2] x", "invalid character 'x' after top-level value"),
        ] {
            assert_eq!(
                string_list(text.as_bytes()),
                Err(wanted.to_string()),
                "{text}"
            );
        }
    }

    #[test]
    #[rustfmt::skip]
    fn structures() {
        let set = |envelope: &str, signature: &str, skew, standing| {
            vec![
                Decoded::String(envelope.to_string()),
                Decoded::String(signature.to_string()),
                Decoded::Float(skew),
                Decoded::Bool(standing),
            ]
        };
        for (text, wanted) in [
            ("null", set("", "", 0.0, false)),
            ("{}", set("", "", 0.0, false)),
            (r#"{"envelope":"e","x":[{"envelope":"no"}],"max_skew_secs":60.5,"check_standing":true}"#, set("e", "", 60.5, true)),
            (r#"{"envelope":"a","envelope":"b","signature":"s"}"#, set("b", "s", 0.0, false)),
            (r#"{"envelope":"a","envelope":null}"#, set("a", "", 0.0, false)),
            (r#"{"ENVELOPE":"A","sIgnatur\u0065":"s"}"#, set("A", "s", 0.0, false)),
            ("{\"max_\u{17f}kew_\u{17f}ecs\":-1e2,\"chec\u{212a}_standing\":true}", set("", "", -100.0, true)),
        ] {
            assert_eq!(
                decode_struct(text.as_bytes(), &FIELDS),
                Ok(wanted),
                "{text}"
            );
        }
    }

    #[test]
    fn mismatches() {
        let whole = "struct { Envelope string \"json:\\\"envelope\\\"\"; Signature string \"json:\\\"signature\\\"\"; \
                     MaxSkewSecs float64 \"json:\\\"max_skew_secs\\\"\"; CheckStanding bool \"json:\\\"check_standing\\\"\" }";
        for (text, got, place) in [
            ("[]", "array", format!("value of type {whole}")),
            ("\"x\"", "string", format!("value of type {whole}")),
            (
                r#"{"envelope":1,"signature":{}}"#,
                "number",
                "struct field .envelope of type string".to_string(),
            ),
            (
                r#"{"Signature":{}}"#,
                "object",
                "struct field .signature of type string".to_string(),
            ),
            (
                r#"{"max_skew_secs":"1"}"#,
                "string",
                "struct field .max_skew_secs of type float64".to_string(),
            ),
            (
                r#"{"max_skew_secs":1e999}"#,
                "number 1e999",
                "struct field .max_skew_secs of type float64".to_string(),
            ),
            (
                r#"{"check_standing":[0]}"#,
                "array",
                "struct field .check_standing of type bool".to_string(),
            ),
        ] {
            let wanted = format!("json: cannot unmarshal {got} into Go {place}");
            assert_eq!(
                decode_struct(text.as_bytes(), &FIELDS),
                Err(wanted),
                "{text}"
            );
        }
    }
}
