//! JSON bodies, written straight into their text.

use std::fmt::{Display, Write as _};

use crate::go::json;

/// A JSON object written key by key. Keys are given in sorted order, as Go writes maps.
pub(super) struct Body {
    text: String,
    first: bool,
    last_key: &'static str,
}

impl Body {
    pub fn new() -> Self {
        Body::within(&mut String::with_capacity(1024))
    }

    /// Goes on behind what `out` holds; [`finish`](Self::finish) gives it back.
    pub fn within(out: &mut String) -> Self {
        let mut text = std::mem::take(out);
        text.push('{');
        Body {
            text,
            first: true,
            last_key: "",
        }
    }

    fn key(&mut self, key: &'static str) {
        debug_assert!(self.last_key < key, "{key} is out of order");
        self.last_key = key;
        if !std::mem::take(&mut self.first) {
            self.text.push(',');
        }
        self.text.push('"');
        self.text.push_str(key);
        self.text.push_str("\":");
    }

    pub fn number(&mut self, key: &'static str, value: impl TryInto<i64>) -> &mut Self {
        self.key(key);
        let value = value.try_into().unwrap_or(i64::MAX);
        push_number(&mut self.text, value);
        self
    }

    pub fn display(&mut self, key: &'static str, value: impl Display) -> &mut Self {
        self.key(key);
        let _ = write!(self.text, "\"{value}\"");
        self
    }

    pub fn text(&mut self, key: &'static str, value: &str) -> &mut Self {
        self.key(key);
        json::push_string(&mut self.text, value);
        self
    }

    pub fn raw(&mut self, key: &'static str, json: &str) -> &mut Self {
        self.key(key);
        self.text.push_str(json);
        self
    }

    pub fn list<T>(
        &mut self,
        key: &'static str,
        entries: &[T],
        write: impl Fn(&mut String, &T),
    ) -> &mut Self {
        self.key(key);
        self.text.push('[');
        for (at, entry) in entries.iter().enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            write(&mut self.text, entry);
        }
        self.text.push(']');
        self
    }

    pub fn finish(&mut self) -> String {
        self.text.push('}');
        std::mem::take(&mut self.text)
    }
}

/// Appends a number. Bodies are full of small ones, for which formatting does several times the work.
fn push_number(out: &mut String, value: i64) {
    if value < 0 {
        out.push('-');
    }
    push_digits(out, value.unsigned_abs());
}

fn push_digits(out: &mut String, number: u64) {
    if number > 9 {
        push_digits(out, number / 10);
    }
    out.push(char::from(b'0' + (number % 10) as u8));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_are() {
        for number in [0, 7, 10, 99, 100, -1, 1234567890, i64::MAX, i64::MIN] {
            let mut text = String::new();
            push_number(&mut text, number);
            assert_eq!(text, number.to_string());
        }
        let mut body = Body::new();
        body.number("a", u64::MAX).number("b", 5_u16);
        assert_eq!(body.finish(), format!("{{\"a\":{},\"b\":5}}", i64::MAX));
    }
}
