//! Rules: which requests, when, and what happens to them.

use std::time::Duration;

use serde_json::Value;

use super::{Condition, Fault, Place, Push};
use crate::node::ClientId;
use crate::wire::kind::Kinds;

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name; `None` until one is given: by its file, or by whoever adds it.
    pub name: Option<String>,
    /// Where it stands; `None` for one that came over the control socket.
    pub place: Option<Place>,
    /// The kinds of requests (or a client's arrival) that it is about.
    pub on: Kinds,
    /// Whether it said `"*"`: it does what each command can have then.
    pub any: bool,
    /// Only this client.
    pub client: Option<ClientId>,
    /// All of these must hold.
    pub when: Vec<Condition>,
    /// Matches that are left alone first.
    pub skip: u64,
    /// Most matches that it applies to.
    pub times: Option<u64>,
    /// Whose matches and state count.
    pub scope: Scope,
    /// The state that it applies in.
    pub state: Option<String>,
    /// The state that it leads to.
    pub then: Option<String>,
    /// How long the answer waits.
    pub delay: Option<Delay>,
    /// What is answered.
    pub answer: Answer,
    /// How the answer is spoilt.
    pub fault: Option<Fault>,
    /// What is sent after the answer.
    pub push: Vec<Push>,
}

/// Whether matches and states count for the daemon or for each client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// One count and one state for all clients.
    #[default]
    Daemon,
    /// A count and a state for each client.
    Client,
}

/// A time to wait, drawn from a range by the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    /// The shortest.
    pub min: Duration,
    /// The longest; not less than `min`.
    pub max: Duration,
}

/// What is answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Answer {
    /// The node's own answer.
    #[default]
    Node,
    /// This body in place of the node's.
    Body(Value),
    /// The node's body with this merge patch (RFC 7396) applied.
    Patch(Value),
    /// These bytes as the reply's payload.
    Payload(Box<[u8]>),
    /// An error reply with this text; the node does not see the request.
    Error(String),
}
