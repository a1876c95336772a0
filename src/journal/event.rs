//! What happens beside frames.

use serde_json::Value;

/// An entry of the journal that is no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A client has come.
    Connect,
    /// A client has gone, or was made to go.
    Disconnect(Reason),
    /// A client sent what is no request.
    Malformed {
        /// What is wrong with it.
        text: &'a str,
    },
    /// A client announced a frame over the limit.
    OverLimit {
        /// The announced length, in bytes.
        length: u32,
    },
    /// A scenario's fault was applied.
    Fault {
        /// The fault's name.
        name: &'a str,
    },
    /// Something for a client was thrown away.
    Dropped {
        /// What it was.
        what: &'a str,
    },
    /// The daemon went back to its initial state.
    Reset,
    /// The daemon ends.
    Stop,
}

/// Why a client is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It closed between two frames.
    Eof,
    /// It closed inside a frame.
    CutFrame,
    /// It announced a frame over the limit.
    OverLimit,
    /// It took no byte for too long.
    Timeout,
    /// It was told to go.
    Drop,
    /// A scenario's fault closed it.
    Fault,
    /// The daemon ends.
    Stop,
}

impl Reason {
    /// The reason's name in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Eof => "eof",
            Reason::CutFrame => "cut_frame",
            Reason::OverLimit => "over_limit",
            Reason::Timeout => "timeout",
            Reason::Drop => "drop",
            Reason::Fault => "fault",
            Reason::Stop => "stop",
        }
    }
}

impl Event<'_> {
    /// The event's name and what else there is to say, as members of an object.
    pub(super) fn members(&self) -> String {
        let (name, key, value) = match *self {
            Event::Connect => ("connect", "", Value::Null),
            Event::Disconnect(reason) => ("disconnect", "reason", reason.name().into()),
            Event::Malformed { text } => ("malformed", "text", text.into()),
            Event::OverLimit { length } => ("over_limit", "length", length.into()),
            Event::Fault { name } => ("fault", "fault", name.into()),
            Event::Dropped { what } => ("dropped", "what", what.into()),
            Event::Reset => ("reset", "", Value::Null),
            Event::Stop => ("stop", "", Value::Null),
        };
        match key {
            "" => format!("\"event\":\"{name}\""),
            _ => format!("\"event\":\"{name}\",\"{key}\":{value}"),
        }
    }
}
