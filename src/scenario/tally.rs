//! What was asked, counted against what was expected, while a daemon runs.

use std::sync::Arc;

use super::matching::{Asked, mismatches};
use super::{Expectation, Place, Times, Wanted};
use crate::node::ClientId;
use crate::wire::kind::Kind;

/// Requests that no expectation names which are listed one by one; the others are counted.
const LISTED: usize = 10;

/// All expectations, and how far they are met.
#[derive(Debug)]
pub struct Tally {
    expected: Vec<Progress>,
    /// Where it says that unexpected requests fail.
    unexpected_fails: bool,
    unexpected_place: Option<Place>,
    unexpected: Vec<String>,
    unexpected_count: u64,
    totals: [u64; Kind::COUNT],
}

#[derive(Debug)]
struct Progress {
    expectation: Arc<Expectation>,
    /// Requests that were counted; of an order, the steps that were seen.
    seen: u64,
    nearest: Nearest,
    /// Of an order: steps that came before their turn, and the first request of each.
    early: Vec<(usize, String)>,
}

/// The request that came nearest to a wanted one that is not there.
#[derive(Debug, Default)]
pub struct Nearest {
    /// Of the wanted kind: how many fields differ, and the text.
    alike: Option<(usize, String)>,
    /// Of another kind; its text is made when it is wanted.
    other: Option<(ClientId, Kind, u64)>,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally::new(&[], false, None)
    }
}

impl Tally {
    /// A tally of nothing seen yet.
    pub fn new(
        expected: &[Expectation],
        unexpected_fails: bool,
        unexpected_place: Option<Place>,
    ) -> Tally {
        let progress = expected.iter().cloned().map(Progress::new);
        Tally {
            expected: progress.collect(),
            unexpected_fails,
            unexpected_place,
            unexpected: Vec::new(),
            unexpected_count: 0,
            totals: [0; Kind::COUNT],
        }
    }

    /// How many requests of a kind were seen.
    pub fn total(&self, kind: Kind) -> u64 {
        self.totals[kind.index()]
    }

    /// Whether there is something to compare requests with.
    pub fn is_idle(&self) -> bool {
        self.expected.is_empty() && !self.unexpected_fails
    }

    /// A request has come, whose entry in the journal has that number.
    pub fn count(&mut self, kind: Kind) {
        self.totals[kind.index()] += 1;
    }

    /// Compares a request with every expectation.
    pub fn compare(&mut self, asked: &Asked<'_>, seq: u64) {
        let mut named = false;
        for progress in &mut self.expected {
            named |= progress.compare(asked, seq);
        }
        if !named && self.unexpected_fails && asked.kind != Kind::CONNECT {
            self.unexpected_count += 1;
            if self.unexpected.len() < LISTED {
                self.unexpected.push(name_of(asked, seq));
            }
        }
    }

    /// Adds the expectations of another tally, as far as they are met.
    pub fn add(&mut self, other: Tally) {
        self.expected.extend(other.expected);
    }

    /// A text for each expectation that is not met.
    pub fn failures(&self) -> Vec<String> {
        let mut failures: Vec<String> =
            self.expected.iter().filter_map(Progress::failure).collect();
        if self.unexpected_count > 0 {
            let others = self.unexpected_count - self.unexpected.len() as u64;
            let others = match others {
                0 => String::new(),
                others => format!(", and {others} more"),
            };
            failures.push(format!(
                "{}unexpected: expected no request that no expectation names, got {}: {}{others}",
                place_text(self.unexpected_place.as_ref()),
                self.unexpected_count,
                self.unexpected.join("; "),
            ));
        }
        failures
    }
}

impl Wanted {
    /// Whether a request is the one that is meant.
    pub fn is(&self, asked: &Asked<'_>) -> bool {
        self.on.contains(asked.kind) && self.when.iter().all(|c| c.holds(asked))
    }

    /// What is meant in a few words, such as `dial with port 80`.
    pub fn text(&self) -> String {
        let conditions: Vec<String> = self.when.iter().map(super::Condition::text).collect();
        match conditions.is_empty() {
            true => self.name.clone(),
            false => format!("{} with {}", self.name, conditions.join(", ")),
        }
    }
}

impl Nearest {
    /// Looks at a request that is not the wanted one: of those of the wanted kind the one with the
    /// fewest differences counts, and the first of several; of others the last one.
    pub fn look_at(&mut self, wanted: &Wanted, asked: &Asked<'_>, seq: u64) {
        if !wanted.on.contains(asked.kind) {
            if asked.kind == Kind::CONNECT {
                return;
            }
            self.other = Some((asked.client, asked.kind, seq));
            return;
        }
        let distance = wanted.when.iter().filter(|c| !c.holds(asked)).count();
        if self.alike.as_ref().is_none_or(|(best, _)| distance < *best) {
            let differences = mismatches(&wanted.when, asked).join(", ");
            let text = format!("{}: {differences}", name_of(asked, seq));
            self.alike = Some((distance, text));
        }
    }

    /// The request and its differences; `None` when none came.
    pub fn text(&self, wanted: &Wanted) -> Option<String> {
        if let Some((_, text)) = &self.alike {
            return Some(text.clone());
        }
        let (client, kind, seq) = self.other?;
        let name = client_text(client, kind.name(), seq);
        Some(format!(
            "{name}: on: expected {}, got {}",
            wanted.name,
            kind.name()
        ))
    }

    fn clause(&self, wanted: &Wanted) -> String {
        match self.text(wanted) {
            Some(text) => format!("; nearest was {text}"),
            None => "; nothing else came".to_owned(),
        }
    }
}

impl Progress {
    fn new(expectation: Expectation) -> Progress {
        Progress {
            expectation: Arc::new(expectation),
            seen: 0,
            nearest: Nearest::default(),
            early: Vec::new(),
        }
    }

    /// Whether the expectation names the request.
    fn compare(&mut self, asked: &Asked<'_>, seq: u64) -> bool {
        match &*self.expectation {
            Expectation::Count(wanted, times) => {
                let named = wanted.is(asked);
                if named {
                    self.seen += 1;
                } else if self.seen < times.min {
                    self.nearest.look_at(wanted, asked, seq);
                }
                named
            }
            Expectation::InOrder { steps, .. } => {
                let next = self.seen as usize;
                if let Some(step) = steps.get(next) {
                    if step.is(asked) {
                        self.seen += 1;
                        self.nearest = Nearest::default();
                        return true;
                    }
                    self.nearest.look_at(step, asked, seq);
                }
                let mut named = false;
                for (number, _) in steps.iter().enumerate().filter(|(_, step)| step.is(asked)) {
                    named = true;
                    if number > next && self.early.iter().all(|(early, _)| *early != number) {
                        self.early.push((number, name_of(asked, seq)));
                    }
                }
                named
            }
        }
    }

    fn failure(&self) -> Option<String> {
        match &*self.expectation {
            Expectation::Count(wanted, times) => {
                let over = times.max.is_some_and(|max| self.seen > max);
                if self.seen >= times.min && !over {
                    return None;
                }
                let nearest = match over {
                    true => String::new(),
                    false => self.nearest.clause(wanted),
                };
                Some(format!(
                    "{}{}: expected {}, got {}{nearest}",
                    place_text(wanted.place.as_ref()),
                    wanted.text(),
                    times.text(),
                    self.seen,
                ))
            }
            Expectation::InOrder { place, steps } => {
                let next = self.seen as usize;
                let missing = steps.get(next)?;
                let nearest = match self.early.iter().find(|(early, _)| *early == next) {
                    Some((_, name)) => format!("; nearest was {name}, before its turn"),
                    None => self.nearest.clause(missing),
                };
                Some(format!(
                    "{}in_order: expected {} steps, got {}; missing is step {}, {}{nearest}",
                    place_text(place.as_ref()),
                    steps.len(),
                    self.seen,
                    self.seen + 1,
                    missing.text(),
                ))
            }
        }
    }
}

impl Times {
    fn text(self) -> String {
        match (self.min, self.max) {
            (0, Some(0)) => "none".to_owned(),
            (min, Some(max)) if min == max => min.to_string(),
            (min, Some(max)) => format!("{min} to {max}"),
            (min, None) => format!("at least {min}"),
        }
    }
}

fn place_text(place: Option<&Place>) -> String {
    place.map_or(String::new(), |place| format!("{place}: "))
}

fn name_of(asked: &Asked<'_>, seq: u64) -> String {
    let Asked { client, kind, .. } = asked;
    client_text(*client, kind.name(), seq)
}

fn client_text(client: ClientId, kind: &str, seq: u64) -> String {
    match seq {
        0 => format!("{kind} of client {client}"),
        seq => format!("{kind} of client {client} (entry {seq})"),
    }
}

#[cfg(test)]
mod tests;
