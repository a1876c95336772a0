//! Answers: one line of JSON each, `ok` first.

use std::fmt::{Display, Write};

use serde_json::Value;

/// An answer that can still get members.
#[derive(Debug)]
pub(super) struct Answer(String);

impl Answer {
    /// It was done.
    pub(super) fn done() -> Answer {
        Answer("{\"ok\":true".to_owned())
    }

    /// It was not, and why.
    pub(super) fn refused(why: &str) -> Answer {
        let mut answer = Answer(String::new());
        answer.refuse(why);
        answer
    }

    /// It was not, and why. Members that it has are lost.
    pub(super) fn refuse(&mut self, why: &str) {
        "{\"ok\":false".clone_into(&mut self.0);
        self.add("error", &Value::from(why));
    }

    /// Adds a member, whose value is JSON text.
    pub(super) fn add(&mut self, key: &str, value: &dyn Display) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, ",\"{key}\":{value}");
    }

    /// The answer as it is sent.
    pub(super) fn line(mut self) -> String {
        self.0.push_str("}\n");
        self.0
    }
}
