//! Scenario files: what they say, typed. Reading them needs no daemon, and applying them no file.
//!
//! A scenario has the simulated world ([`crate::node::Config`]), rules that change what happens to
//! requests, pushes that come by themselves, and expectations that are verified at the end.

pub mod ability;
pub mod book;
pub mod check;
pub mod condition;
mod contrast;
pub mod expect;
pub mod explain;
pub mod fault;
#[cfg(any(all(test, not(shuttle)), fuzzing))]
#[path = "../../tests/fuzz/entries/scenario.rs"]
pub(crate) mod fuzzing;
pub mod matching;
pub mod push;
pub mod random;
pub mod read;
pub mod rule;
pub mod tally;

use std::fmt;
use std::sync::Arc;

pub use condition::{Condition, Expected, Test};
pub use expect::{Expectation, Times, Wanted};
pub use fault::{Arrival, Fault};
pub use push::{Conn, PeerAct, Push, PushKind, Series, To, Trigger};
pub use rule::{Answer, Delay, Rule, Scope};

use crate::node::{Config, Profile};

/// Everything that one or several scenario files say.
#[derive(Clone, Debug, Default)]
pub struct Scenario {
    /// How strict the node is, where a file says so.
    pub profile: Option<Profile>,
    /// The seed, where a file says so.
    pub seed: Option<u64>,
    /// The simulated world. Its profile and seed are not the ones that count.
    pub config: Config,
    /// In the order of the files.
    pub rules: Vec<Rule>,
    /// Pushes that come by themselves.
    pub timeline: Vec<Series>,
    /// What is verified at the end.
    pub expect: Vec<Expectation>,
    /// Whether a request that no expectation names is a failure.
    pub unexpected_fails: bool,
    /// Where it says so.
    pub unexpected_place: Option<Place>,
}

/// Where something stands in a scenario file: `FILE:LINE:COLUMN`, both counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file as it was named; `<scenario>` for one given as text.
    pub file: Arc<str>,
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
