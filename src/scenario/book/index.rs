//! Which rules are worth a look: every request is looked up, also beside thousands of rules.

use crate::scenario::matching::{Asked, number};
use crate::scenario::random::hash;
use crate::scenario::{Condition, Expected, Rule, Scope, Test};
use crate::spread::NumberMap;
use crate::wire::field::Field;

/// The rules of one kind of request, by what each of them asks first: a rule that compares something with
/// values is looked at only when one of them comes, and one that wants a range when a number in it does.
#[derive(Debug, Default)]
pub(super) struct Index {
    always: Vec<u32>,
    asking: Vec<Asking>,
}

/// The rules that ask for one thing first.
#[derive(Debug)]
struct Asking {
    about: About,
    values: NumberMap<u64, Vec<u32>>,
    /// In the order of matching. Two comparisons each cost little enough.
    ranges: Vec<Range>,
}

#[derive(Debug, PartialEq)]
enum About {
    Client,
    State(Scope),
    Field(Box<str>),
}

#[derive(Debug)]
struct Range {
    min: f64,
    max: f64,
    rule: u32,
}

impl Index {
    /// Adds a rule behind those that are there.
    pub(super) fn add(&mut self, at: u32, rule: &Rule) {
        let Some((about, wants)) = first_question(rule) else {
            self.always.push(at);
            return;
        };
        let place = self.asking.iter().position(|asking| asking.about == about);
        let place = place.unwrap_or_else(|| {
            self.asking.push(Asking {
                about,
                values: NumberMap::default(),
                ranges: Vec::new(),
            });
            self.asking.len() - 1
        });
        let asking = &mut self.asking[place];
        match wants {
            Wants::Values(keys) => {
                for key in keys {
                    asking.values.entry(key).or_default().push(at);
                }
            }
            Wants::Range(min, max) => asking.ranges.push(Range { min, max, rule: at }),
        }
    }

    /// The first rule behind `after` that may match.
    pub(super) fn next<'s>(
        &self,
        asked: &Asked<'_>,
        state: impl Fn(Scope) -> &'s str,
        after: Option<u32>,
    ) -> Option<u32> {
        let mut first = behind(&self.always, after);
        for asking in &self.asking {
            let (key, number) = match &asking.about {
                About::Client => (Some(asked.client), None),
                About::State(scope) => (Some(hash(state(*scope).as_bytes())), None),
                About::Field(name) => {
                    let field = asked.field(name);
                    let field = field.as_ref();
                    (field.and_then(key_of_field), field.and_then(number))
                }
            };
            let rules = key.and_then(|key| asking.values.get(&key));
            let valued = rules.and_then(|rules| behind(rules, after));
            let ranged = number.and_then(|n| behind_with(&asking.ranges, after, n));
            first = [first, valued, ranged].into_iter().flatten().min();
        }
        first
    }
}

/// What a rule wants of it.
enum Wants {
    /// One of these keys.
    Values(Vec<u64>),
    /// A number from the one to the other.
    Range(f64, f64),
}

/// What a rule is looked up by: values of a field, or else a range, for rules differ in these the most.
fn first_question(rule: &Rule) -> Option<(About, Wants)> {
    let ask = |c: &Condition| Some((About::Field(c.field.clone()), wants(c)?));
    let mut range = None;
    for asked in rule.when.iter().filter_map(ask) {
        match asked.1 {
            Wants::Values(_) => return Some(asked),
            Wants::Range(..) => range = Some(asked),
        }
    }
    let value = |about, key| (about, Wants::Values(vec![key]));
    let client = || Some(value(About::Client, rule.client?));
    let state = || {
        let state = rule.state.as_ref()?;
        Some(value(About::State(rule.scope), hash(state.as_bytes())))
    };
    range.or_else(client).or_else(state)
}

fn behind(rules: &[u32], after: Option<u32>) -> Option<u32> {
    let at = match after {
        Some(after) => rules.partition_point(|rule| *rule <= after),
        None => 0,
    };
    rules.get(at).copied()
}

fn behind_with(ranges: &[Range], after: Option<u32>, number: f64) -> Option<u32> {
    let from = ranges.partition_point(|range| Some(range.rule) <= after);
    let mut ranges = ranges[from..].iter();
    let range = ranges.find(|range| range.min <= number && number <= range.max)?;
    Some(range.rule)
}

/// What a condition asks for, where that can be looked up.
fn wants(condition: &Condition) -> Option<Wants> {
    let key = |expected: &Expected| match expected {
        Expected::Number(number) => Some(key_of_number(*number)),
        // Data may be long: it is compared only when all else fits.
        Expected::Bytes(bytes) if &*condition.field != "data" => Some(hash(bytes)),
        _ => None,
    };
    match &condition.test {
        Test::Equal(expected) => Some(Wants::Values(vec![key(expected)?])),
        Test::In(all) => Some(Wants::Values(all.iter().map(key).collect::<Option<_>>()?)),
        Test::Range(min, max) => Some(Wants::Range(
            min.unwrap_or(f64::NEG_INFINITY),
            max.unwrap_or(f64::INFINITY),
        )),
        _ => None,
    }
}

/// Equal numbers have one key, zero and minus zero too.
fn key_of_number(number: f64) -> u64 {
    (number + 0.0).to_bits()
}

fn key_of_field(field: &Field<'_>) -> Option<u64> {
    match field {
        Field::Number(number) => Some(key_of_number(*number as f64)),
        Field::Fraction(number) => Some(key_of_number(*number)),
        Field::Text(text) => Some(hash(text.as_bytes())),
        Field::Secret(bytes) => Some(hash(bytes)),
        _ => None,
    }
}
