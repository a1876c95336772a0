//! The book of rules while a daemon runs: which one applies to a request, with counters and states.

mod index;

use std::sync::Arc;

use serde_json::Value;

use super::matching::Asked;
use super::random::Random;
use super::{Rule, Scope};
use crate::go::json::object;
use crate::node::{ClientId, Table};
use crate::wire::kind::Kind;
use index::Index;

/// The state that everything starts in.
pub const START: &str = "start";

/// Rules in the order of matching.
#[derive(Debug, Default)]
pub struct Book {
    seed: u64,
    entries: Vec<Entry>,
    made_up: u64,
    index: Vec<Index>,
    state: Option<Arc<str>>,
    states: Table<ClientId, Arc<str>>,
}

#[derive(Debug)]
struct Entry {
    rule: Arc<Rule>,
    name: Arc<str>,
    all: Count,
    each: Table<ClientId, Count>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    matched: u64,
    applied: u64,
}

/// A rule that applies to a request.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The rule.
    pub rule: Arc<Rule>,
    /// Its name.
    pub name: Arc<str>,
    /// Its random choices this time.
    pub random: Random,
}

impl Book {
    /// The book of a scenario's rules. Those without a name are called by their place in the list:
    /// `rules[2]`.
    pub fn new(rules: &[Rule], seed: u64) -> Book {
        let entry = |(at, rule): (usize, &Rule)| {
            let name = rule.name.clone().unwrap_or_else(|| format!("rules[{at}]"));
            Entry::new(rule.clone(), name)
        };
        let mut book = Book {
            seed,
            entries: rules.iter().enumerate().map(entry).collect(),
            ..Book::default()
        };
        book.build_index();
        book
    }

    /// Whether there is no rule at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a rule before all others and gives its name, made up where it has none.
    ///
    /// # Errors
    /// When another rule has the name.
    pub fn add(&mut self, rule: Rule) -> Result<Arc<str>, String> {
        let name = match &rule.name {
            Some(name) if self.position(name).is_some() => {
                return Err(format!("a rule named {name:?} is there already"));
            }
            Some(name) => name.clone(),
            None => self.make_up_name(),
        };
        let entry = Entry::new(rule, name);
        let name = Arc::clone(&entry.name);
        self.entries.insert(0, entry);
        self.build_index();
        Ok(name)
    }

    fn make_up_name(&mut self) -> String {
        loop {
            self.made_up += 1;
            let name = format!("rule-{}", self.made_up);
            if self.position(&name).is_none() {
                return name;
            }
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|entry| &*entry.name == name)
    }

    /// Takes a rule away; false when there is none of that name.
    pub fn remove(&mut self, name: &str) -> bool {
        let Some(at) = self.position(name) else {
            return false;
        };
        self.entries.remove(at);
        self.build_index();
        true
    }

    /// A row for each rule, in the order of matching.
    pub fn rows(&self) -> Vec<Value> {
        let row = |entry: &Entry| {
            object! {
                "name": &*entry.name, "on": entry.rule.on.text(), "matched": entry.all.matched,
                "applied": entry.all.applied,
            }
        };
        self.entries.iter().map(row).collect()
    }

    /// The daemon's state, and that of each client that has left the first one.
    pub fn states(&self) -> Value {
        let state = self.state.as_deref().unwrap_or(START);
        let client = |(client, state): (ClientId, &Arc<str>)| {
            object! {"client": client, "state": &**state}
        };
        let clients: Vec<Value> = self.states.iter().map(client).collect();
        object! {"state": state, "clients": clients}
    }

    /// A client has left: nothing is kept of it.
    pub fn client_gone(&mut self, client: ClientId) {
        self.states.remove(client);
        for entry in &mut self.entries {
            if entry.rule.scope == Scope::Client {
                entry.each.remove(client);
            }
        }
    }

    /// The first rule that applies to a request; counters and states have moved on then.
    pub fn select(&mut self, asked: &Asked<'_>) -> Option<Applied> {
        let mut after = None;
        loop {
            let index = self.index.get(asked.kind.index())?;
            let at = index.next(asked, |scope| self.state_of(scope, asked.client), after)?;
            after = Some(at);
            if let Some(applied) = self.try_rule(at as usize, asked) {
                return Some(applied);
            }
        }
    }

    fn state_of(&self, scope: Scope, client: ClientId) -> &str {
        let state = match scope {
            Scope::Client => self.states.get(client),
            Scope::Daemon => self.state.as_ref(),
        };
        state.map_or(START, |state| state)
    }

    fn try_rule(&mut self, at: usize, asked: &Asked<'_>) -> Option<Applied> {
        let rule = &self.entries[at].rule;
        if rule.client.is_some_and(|client| client != asked.client) {
            return None;
        }
        if let Some(wanted) = &rule.state
            && self.state_of(rule.scope, asked.client) != wanted
        {
            return None;
        }
        if !rule.when.iter().all(|condition| condition.holds(asked)) {
            return None;
        }
        let entry = &mut self.entries[at];
        let rule = &entry.rule;
        let own = rule.scope == Scope::Client;
        entry.all.matched += 1;
        let count = match own {
            true => {
                let count = entry.each.get_or_make(asked.client, Count::default);
                count.matched += 1;
                count
            }
            false => &mut entry.all,
        };
        if count.matched <= rule.skip || rule.times.is_some_and(|most| count.applied >= most) {
            return None;
        }
        count.applied += 1;
        if own {
            entry.all.applied += 1;
        }
        if let Some(then) = &rule.then {
            let then: Arc<str> = then.as_str().into();
            match own {
                true => {
                    self.states.insert(asked.client, then);
                }
                false => self.state = Some(then),
            }
        }
        Some(Applied {
            rule: Arc::clone(&entry.rule),
            name: Arc::clone(&entry.name),
            random: Random::new(self.seed, &entry.name, entry.all.applied),
        })
    }

    fn build_index(&mut self) {
        self.index.clear();
        self.index.resize_with(Kind::COUNT, Index::default);
        for (at, entry) in self.entries.iter().enumerate() {
            for kind in entry.rule.on.iter() {
                self.index[kind.index()].add(at as u32, &entry.rule);
            }
        }
    }
}

impl Entry {
    fn new(rule: Rule, name: String) -> Entry {
        Entry {
            rule: Arc::new(rule),
            name: name.into(),
            all: Count::default(),
            each: Table::new(),
        }
    }
}

#[cfg(test)]
mod tests;
