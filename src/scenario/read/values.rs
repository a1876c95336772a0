//! Values that are more than a JSON scalar: durations, data, addresses, bodies.

use std::time::Duration;

use serde_json::{Map, Value};

use super::keys;
use super::reader::Reader;
use super::text::{Content, Id};
use crate::go::base64;
use crate::go::json::number;
use crate::wire::Address;
use crate::wire::fields::unhex;
use crate::wire::frame::MAX_LENGTH;

/// What a duration is, for messages.
pub(super) const DURATION: &str = "a duration such as \"250ms\", \"2s\" or \"1m\"";

/// Longest duration, in milliseconds: the command line's too.
const MAX_DURATION_MS: u64 = 1_000_000 * 3_600_000;

/// Most bytes of data: no frame is longer.
pub(super) const MAX_DATA: usize = MAX_LENGTH;

const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

/// The duration that a text says.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(end);
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let product = digits.parse::<u64>().ok()?.checked_mul(*factor)?;
    (product <= MAX_DURATION_MS).then(|| Duration::from_millis(product))
}

/// The whole number that a JSON literal is: 80, and 8e1 too.
pub(super) fn whole(literal: &str) -> Option<u64> {
    if let Ok(number) = literal.parse() {
        return Some(number);
    }
    let number: f64 = literal.parse().ok()?;
    // Beyond 2^53 a fraction cannot be told from a whole number.
    let whole = (0.0..=9_007_199_254_740_992.0).contains(&number) && number.fract() == 0.0;
    whole.then_some(number as u64)
}

impl Reader {
    /// A string, or an object that says what bytes there are.
    pub fn data(&mut self, id: Id, longest: usize) -> Option<Vec<u8>> {
        let data = match self.content(id) {
            Content::Text(text) => text.as_bytes().to_vec(),
            Content::Object(_) => match self.object(id, keys::DATA) {
                true => self.coded(id)?,
                false => return None,
            },
            _ => {
                self.expected(
                    id,
                    "a string, or an object with base64, hex, or repeat and bytes",
                );
                return None;
            }
        };
        if data.len() > longest {
            self.wrong_fmt(
                id,
                format_args!("{} bytes, expected at most {longest}", data.len()),
            );
            return None;
        }
        Some(data)
    }

    fn coded(&mut self, id: Id) -> Option<Vec<u8>> {
        let forms = ["base64", "hex", "repeat"];
        self.only_one(id, &forms);
        let form = forms.iter().find_map(|form| self.get(id, form));
        let bytes = self.get(id, "bytes");
        let Some(form) = form else {
            if !self.has_unknown(id, keys::DATA) {
                self.wrong(id, "no data, expected base64, hex, or repeat and bytes");
            }
            return None;
        };
        let key = self.tree.key(form).to_owned();
        if let Some(bytes) = bytes
            && key != "repeat"
        {
            self.wrong(bytes, "without \"repeat\", expected none");
        }
        let text = self.text(form)?;
        let decoded = match &*key {
            "base64" => base64::decode(text.as_bytes()),
            "hex" => unhex(&text),
            _ => return self.repeated(id, form, &text),
        };
        match decoded {
            Ok(decoded) => Some(decoded),
            Err(_) if key == "hex" => {
                self.expected(form, "hex digits, two a byte");
                None
            }
            Err(error) => {
                self.wrong_fmt(
                    form,
                    format_args!("{error}, expected base64 with its padding"),
                );
                None
            }
        }
    }

    fn repeated(&mut self, id: Id, form: Id, text: &str) -> Option<Vec<u8>> {
        let bytes = self.need(id, "bytes", "how many bytes the text is repeated to")?;
        let count = self.whole(bytes, "a number of bytes", 0, MAX_DATA as u64)? as usize;
        if text.is_empty() {
            self.wrong(form, "an empty string, expected one with text in it");
            return None;
        }
        let mut data = text.repeat(count.div_ceil(text.len())).into_bytes();
        data.truncate(count);
        Some(data)
    }

    /// An address with a port.
    pub fn from(&mut self, id: Id) -> Option<(Address, u16)> {
        if let Content::Text(text) = self.content(id)
            && let Some((address, port)) = text.rsplit_once(':')
            && let (Ok(address), Some(port)) = (address.parse(), port_number(port))
        {
            return Some((address, port));
        }
        self.expected(id, "an address and port such as \"1:0001.0002.0003:80\"");
        None
    }

    pub fn port(&mut self, id: Id) -> Option<u16> {
        Some(self.whole(id, "a port", 0, u16::MAX.into())? as u16)
    }

    /// The id of a node that can be.
    pub fn node_id(&mut self, id: Id) -> Option<u32> {
        let high = u64::from(u32::MAX) - 1;
        Some(self.whole(id, "a node id", 1, high)? as u32)
    }

    /// The id of a network but the backbone.
    pub fn network_id(&mut self, id: Id) -> Option<u16> {
        Some(self.whole(id, "a network id", 1, u16::MAX.into())? as u16)
    }

    /// Any JSON.
    pub fn json(&mut self, id: Id) -> Option<Value> {
        Some(match self.content(id) {
            Content::Null => Value::Null,
            Content::Flag(flag) => Value::Bool(*flag),
            Content::Text(text) => Value::String(text.to_string()),
            Content::Number(literal) => match number(literal) {
                Some(number) => Value::Number(number),
                None => {
                    self.expected(id, "a number that fits 64 bits");
                    return None;
                }
            },
            Content::List(items) => {
                let mut list = Vec::new();
                for item in items.clone() {
                    list.push(self.json(item)?);
                }
                Value::Array(list)
            }
            Content::Object(members) => {
                let mut object = Map::new();
                for member in members.clone() {
                    let value = self.json(member)?;
                    object.insert(self.tree.key(member).to_owned(), value);
                }
                Value::Object(object)
            }
        })
    }
}

/// A port in decimal digits.
pub(super) fn port_number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}
