//! What a client is expected to ask.

use super::{Condition, Place};
use crate::wire::kind::Kinds;

/// A kind of request that somebody waits for or counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Where it stands; `None` for one that came over the control socket.
    pub place: Option<Place>,
    /// Which kinds of requests, or a client's arrival.
    pub on: Kinds,
    /// How `on` was written, for messages: one name, or several with `, ` between.
    pub name: String,
    /// All of these must hold.
    pub when: Vec<Condition>,
}

/// One expectation.
#[derive(Clone, Debug, PartialEq)]
pub enum Expectation {
    /// So many requests of one kind.
    Count(Wanted, Times),
    /// These in this order, others allowed between.
    InOrder {
        /// Where it stands.
        place: Option<Place>,
        /// What is expected, first to last; never empty.
        steps: Vec<Wanted>,
    },
}

/// How many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// At least so many.
    pub min: u64,
    /// At most so many; `None` for any number.
    pub max: Option<u64>,
}
