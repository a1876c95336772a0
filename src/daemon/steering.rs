//! What tests do to a daemon while it runs: the library's methods and the control socket's verbs.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::hub::Hub;
use crate::node::ClientId;
use crate::scenario::{Expectation, Push, Rule, Wanted};

/// A handle on a running daemon. Clones steer the same one.
#[derive(Clone, Debug)]
pub struct Steering {
    hub: Arc<Hub>,
}

/// An awaited request that did not come in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// What was expected and what came, as one clause.
    pub text: String,
    /// The request that came nearest, with the fields that differ; `None` when none came.
    pub nearest: Option<String>,
}

impl Steering {
    pub(super) fn new(hub: Arc<Hub>) -> Steering {
        Steering { hub }
    }

    /// The whole node, and the scenario's states under `scenario`; without tokens.
    pub fn state(&self) -> Value {
        self.hub.node_state()
    }

    /// A row for each client: `client`, `since_us`, `requests`, `ports`, `streams`.
    pub fn clients(&self) -> Vec<Value> {
        Vec::new()
    }

    /// Adds a rule before all others and gives its name, which is made up where it has none.
    ///
    /// # Errors
    /// When another rule has the name.
    pub fn add_rule(&self, _rule: Rule) -> Result<String, String> {
        Err("not there yet".to_owned())
    }

    /// Takes a rule away.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn remove_rule(&self, _name: &str) -> Result<(), String> {
        Err("not there yet".to_owned())
    }

    /// A row for each rule in the order of matching: `name`, `on`, `matched`, `applied`.
    pub fn rules(&self) -> Vec<Value> {
        Vec::new()
    }

    /// Sends pushes, in order, and gives how many clients got one.
    pub fn push(&self, _pushes: &[Push]) -> usize {
        0
    }

    /// Waits until `count` such requests were seen since the last reset, or after entry `since` of
    /// the journal, and gives the number of the entry that completed it. `gone` is asked from time
    /// to time whether nobody waits any more.
    ///
    /// # Errors
    /// [`Missed`] when they do not come in time, or nobody waits any more.
    pub fn await_request(
        &self,
        _wanted: &Wanted,
        _count: u64,
        _since: Option<u64>,
        _timeout: Duration,
        _gone: &dyn Fn() -> bool,
    ) -> Result<u64, Missed> {
        let text = "not there yet".to_owned();
        let nearest = None;
        Err(Missed { text, nearest })
    }

    /// Adds an expectation, which counts from now on.
    pub fn expect(&self, _expectation: Expectation) {}

    /// A text for each expectation that is not met; empty when all are.
    pub fn verify(&self) -> Vec<String> {
        Vec::new()
    }

    /// Goes back to the scenario's initial state; clients stay connected.
    pub fn reset(&self) {}

    /// Closes one client, or all of them where `client` is `None`; gives how many there were.
    ///
    /// # Errors
    /// When there is no such client.
    pub fn drop_clients(&self, client: Option<ClientId>) -> Result<usize, String> {
        match client {
            Some(client) => Err(format!("there is no client {client}")),
            None => Ok(0),
        }
    }

    /// The last entries of the journal behind that number, oldest first, each a line of JSON; at
    /// most 10,000.
    pub fn journal(&self, _since: u64) -> Vec<String> {
        Vec::new()
    }
}
