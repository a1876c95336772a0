//! What a field of a request is compared with.

/// A condition on one field.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The field's name.
    pub field: Box<str>,
    /// What it must be.
    pub test: Test,
}

/// What a field must be.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// This value.
    Equal(Expected),
    /// Any other value.
    Not(Expected),
    /// One of these.
    In(Vec<Expected>),
    /// A number from the one to the other, both included.
    Range(Option<f64>, Option<f64>),
    /// Text or data that has these bytes in it, or a list that has this text in it.
    Contains(Box<[u8]>),
    /// Text or data that starts with these bytes.
    StartsWith(Box<[u8]>),
}

/// A value that a field is compared with. The reader has seen to it that it is of the field's type.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// A number.
    Number(f64),
    /// `true` or `false`.
    Flag(bool),
    /// Text, data or a secret.
    Bytes(Box<[u8]>),
    /// A list of texts; `None` for null.
    List(Option<Vec<String>>),
    /// A JSON document.
    Json(serde_json::Value),
}
