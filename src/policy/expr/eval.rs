//! Running a program.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::super::Facts;
use super::{Binary, Fact, Op, Program, Unary};

/// What a condition comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Outcome {
    /// It matches.
    Yes,
    /// It does not.
    No,
    /// It has no value: an index out of range, a division by zero, a type found out too late.
    Failed,
}

/// A value on the stack; arrays hold no arrays, so that dropping one does not recurse far.
#[derive(Clone, Debug)]
enum Value<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Cow<'a, str>),
    Strings(&'a [String]),
    List(Vec<Value<'a>>),
    /// The outcome of a failed step; every step makes one of it, but for what `and`, `or` and `?:` leave out.
    Failure,
}

impl Program {
    /// Whether the expression holds.
    pub(in crate::policy) fn run(&self, facts: &Facts) -> Outcome {
        let mut stack: Vec<Value> = Vec::new();
        for step in &self.steps {
            let mut pop = || stack.pop().unwrap_or(Value::Failure);
            let value = match &step.op {
                Op::Nil => Value::Nil,
                Op::Bool(value) => Value::Bool(*value),
                Op::Int(value) => Value::Int(*value),
                Op::Float(value) => Value::Float(*value),
                Op::Str(text) => Value::Str(Cow::Borrowed(text)),
                Op::Fact(fact) => fact_value(*fact, facts),
                Op::Callee(_) | Op::Condition => continue,
                Op::Call(name, count) => {
                    let arguments = stack.split_off(stack.len().saturating_sub(*count));
                    call(name, &arguments)
                }
                Op::Array(count) => {
                    let elements = stack.split_off(stack.len().saturating_sub(*count));
                    let failed = |value: &Value| matches!(value, Value::Failure);
                    if elements.iter().any(failed) {
                        Value::Failure
                    } else {
                        Value::List(elements)
                    }
                }
                Op::Unary(unary) => apply_unary(*unary, pop()),
                Op::Binary(binary) => {
                    let right = pop();
                    apply_binary(*binary, pop(), right)
                }
                Op::Choose => {
                    let (otherwise, then) = (pop(), pop());
                    match pop() {
                        Value::Bool(true) => then,
                        Value::Bool(false) => otherwise,
                        _ => Value::Failure,
                    }
                }
                Op::Index => {
                    let index = pop();
                    element(pop(), &index)
                }
                // The check lets neither through.
                Op::Name(_) | Op::Member(_) => Value::Failure,
            };
            stack.push(value);
        }
        match stack.pop() {
            Some(Value::Bool(true)) => Outcome::Yes,
            // A missing value counts as false where a bool is wanted.
            Some(Value::Bool(false) | Value::Nil) => Outcome::No,
            _ => Outcome::Failed,
        }
    }
}

fn fact_value(fact: Fact, facts: &Facts) -> Value<'_> {
    let whole = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    match fact {
        Fact::Port => Value::Int(facts.port.into()),
        Fact::PeerId => Value::Int(facts.peer_id.into()),
        Fact::NetworkId => Value::Int(facts.network_id.into()),
        Fact::Size => whole(facts.size),
        Fact::Members => whole(facts.members),
        Fact::Direction => Value::Str(Cow::Borrowed(&facts.direction)),
        Fact::PeerAge => Value::Float(facts.peer_age_s),
        Fact::PeerTags => Value::Strings(&facts.peer_tags),
        Fact::LocalTags => Value::Strings(&facts.local_tags),
        Fact::CycleNumber | Fact::PeerCount => Value::Int(0),
        Fact::LastSeen => Value::Float(0.0),
    }
}

fn apply_unary<'a>(unary: Unary, operand: Value<'a>) -> Value<'a> {
    match (unary, operand) {
        (Unary::Plus, number @ (Value::Int(_) | Value::Float(_))) => number,
        (Unary::Minus, Value::Int(number)) => Value::Int(number.wrapping_neg()),
        (Unary::Minus, Value::Float(number)) => Value::Float(-number),
        (Unary::Bang | Unary::Not | Unary::Negate, Value::Bool(value)) => Value::Bool(!value),
        _ => Value::Failure,
    }
}

fn apply_binary<'a>(binary: Binary, left: Value<'a>, right: Value<'a>) -> Value<'a> {
    use Binary::*;
    use Value::{Bool, Failure, Float, Int, Str};
    // The right side of these two does not count when the left one decides.
    match (binary, &left) {
        (And(_), Bool(false)) => return Bool(false),
        (Or(_), Bool(true)) => return Bool(true),
        _ => {}
    }
    if matches!(left, Failure) || matches!(right, Failure) {
        return Failure;
    }
    match (binary, left, right) {
        (And(_) | Or(_), Bool(_), Bool(right)) => Bool(right),
        (Equal, left, right) => Bool(equal(&left, &right)),
        (Unequal, left, right) => Bool(!equal(&left, &right)),
        (Less | LessOrEqual | Greater | GreaterOrEqual, left, right) => {
            match (binary, order(&left, &right)) {
                (_, None) => Failure,
                (Less, Some(order)) => Bool(order.is_some_and(Ordering::is_lt)),
                (LessOrEqual, Some(order)) => Bool(order.is_some_and(Ordering::is_le)),
                (Greater, Some(order)) => Bool(order.is_some_and(Ordering::is_gt)),
                (_, Some(order)) => Bool(order.is_some_and(Ordering::is_ge)),
            }
        }
        (In, Str(text), Value::Strings(list)) => Bool(list.iter().any(|entry| *entry == *text)),
        (In, _, Value::Strings(_)) => Bool(false),
        (In, value, Value::List(list)) => Bool(list.iter().any(|entry| equal(entry, &value))),
        (Contains, Str(text), Str(part)) => Bool(text.contains(&*part)),
        (StartsWith, Str(text), Str(part)) => Bool(text.starts_with(&*part)),
        (EndsWith, Str(text), Str(part)) => Bool(text.ends_with(&*part)),
        (Add, Str(mut left), Str(right)) => {
            left.to_mut().push_str(&right);
            Str(left)
        }
        (Add, Int(left), Int(right)) => Int(left.wrapping_add(right)),
        (Subtract, Int(left), Int(right)) => Int(left.wrapping_sub(right)),
        (Multiply, Int(left), Int(right)) => Int(left.wrapping_mul(right)),
        (Remainder, Int(_), Int(0)) => Failure,
        (Remainder, Int(left), Int(right)) => Int(left.wrapping_rem(right)),
        (_, left, right) => match (binary, float(&left), float(&right)) {
            (Add, Some(left), Some(right)) => Float(left + right),
            (Subtract, Some(left), Some(right)) => Float(left - right),
            (Multiply, Some(left), Some(right)) => Float(left * right),
            (Divide, Some(left), Some(right)) => Float(left / right),
            (Power(_), Some(left), Some(right)) => Float(left.powf(right)),
            _ => Failure,
        },
    }
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

/// How two values compare; none when they have no order, none inside when a number is not one (NaN).
fn order(left: &Value, right: &Value) -> Option<Option<Ordering>> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(Some(left.cmp(right))),
        (Value::Str(left), Value::Str(right)) => Some(Some(left.cmp(right))),
        _ => Some(float(left)?.partial_cmp(&float(right)?)),
    }
}

fn equal(left: &Value, right: &Value) -> bool {
    let texts = |list: &[Value], strings: &[String]| {
        list.len() == strings.len()
            && list
                .iter()
                .zip(strings)
                .all(|(value, text)| matches!(value, Value::Str(value) if value == text))
    };
    match (left, right) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Strings(left), Value::Strings(right)) => left == right,
        (Value::List(list), Value::Strings(strings))
        | (Value::Strings(strings), Value::List(list)) => texts(list, strings),
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(a, b)| equal(a, b))
        }
        _ => order(left, right) == Some(Some(Ordering::Equal)),
    }
}

fn element<'a>(base: Value<'a>, index: &Value) -> Value<'a> {
    let Value::Int(index) = *index else {
        return Value::Failure;
    };
    let place = |length: usize| {
        // A negative index counts from the end.
        let from_end = if index < 0 { length as i64 } else { 0 };
        usize::try_from(index.wrapping_add(from_end)).ok()
    };
    let found = match base {
        Value::Strings(list) => place(list.len())
            .and_then(|place| list.get(place))
            .map(|text| Value::Str(Cow::Borrowed(text))),
        Value::List(mut list) => place(list.len())
            .filter(|place| *place < list.len())
            .map(|place| list.swap_remove(place)),
        _ => None,
    };
    found.unwrap_or(Value::Failure)
}

fn call<'a>(name: &str, arguments: &[Value<'a>]) -> Value<'a> {
    match (name, arguments) {
        ("len", [Value::Str(text)]) => Value::Int(text.chars().count() as i64),
        ("len", [Value::Strings(list)]) => Value::Int(list.len() as i64),
        ("len", [Value::List(list)]) => Value::Int(list.len() as i64),
        ("has_tag", [Value::Strings(list), Value::Str(tag)]) => {
            Value::Bool(list.iter().any(|entry| *entry == **tag))
        }
        ("duration", [Value::Str(text)]) => seconds(text).map_or(Value::Failure, Value::Float),
        _ => Value::Failure,
    }
}

/// The seconds of a duration in Go's notation, such as `1h30m` or `-1.5s`.
fn seconds(text: &str) -> Option<f64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0.0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut sum = 0.0;
    while !rest.is_empty() {
        let length = rest
            .find(|character: char| character != '.' && !character.is_ascii_digit())
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(length);
        let unit_length = tail
            .find(|character: char| character == '.' || character.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_length);
        let nanoseconds = match unit {
            "ns" => 1.0,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        sum += number.parse::<f64>().ok()? * nanoseconds;
        rest = tail;
    }
    // Go counts whole nanoseconds in 63 bits.
    (sum < i64::MAX as f64).then_some(sign * sum.trunc() / 1e9)
}

#[cfg(test)]
mod tests {
    use super::super::Scope;
    use super::*;
    use crate::policy::Event;

    fn facts() -> Facts {
        Facts {
            port: 80,
            peer_id: 5,
            network_id: 1,
            size: 10,
            direction: "in".to_string(),
            members: 3,
            peer_age_s: 1.5,
            peer_tags: ["a", "web", "é"].map(String::from).to_vec(),
            local_tags: vec!["b".to_string()],
        }
    }

    fn run(source: &str) -> Result<Outcome, String> {
        Program::compile(source, Scope::Event(Event::Datagram)).map(|program| program.run(&facts()))
    }

    /// Checked against the real `pilotctl policy test`, but for `has_tag`, which that cannot be given facts for.
    #[test]
    #[rustfmt::skip]
    fn outcomes() {
        for (outcome, sources) in [
            (
                Outcome::Yes,
                &[
                "true", "port == 80", "port == 80.0", "port in [80, 443]", "port in [80.0, 'x']",
                "has_tag(peer_tags, 'web')", "has_tag (peer_tags, \"a\",)", "'a' in peer_tags",
                "peer_tags == [\"a\",\"web\",\"é\"]", "[1] == [1.0]", "len('é') == 1", "len(peer_tags) == 3",
                "duration('1h30m') == 5400.0", "duration('-1s') == -1", "duration('100ms') == 0.1",
                "duration('+1.5h.5m') == 5430", "duration('0') == 0", "duration('1us') == 0.000001",
                "peer_tags[-1] == \"é\"", "(peer_tags)[0] in ['a']", "2 ** 3 ** 2 == 512", "-2 ** 2 == -4",
                "-7 % 3 == -1", "7 / 2 == 3.5", "port / 0 > 1", "9223372036854775807 + 1 < 0",
                "true or port % (port-80) == 1", "true ? true : peer_tags[9] == 'x'", "true ? true : 1",
                "'é' > 'z'", "'abc' contains ''", "\"\\u00e9\" == 'é'", "'a\\'b' == \"a'b\"",
                "'\\101\\x42' == 'AB'", "`a\\nb` == 'a\\\\nb'",
                "0x50 == port and 0b11 == 3 and 0o17 == 15 and 017 == 17", "1_0 == 10 && .5 == 0.5 && 1.e3 == 1000",
                "port not in [1]", "!('x' in peer_tags)", "not not true", "1 == 1 == true",
                "(true ? 1 : 'a') + 1 == 2", "(true ? peer_tags : 1)[0] == 'a'", "[1,'a'][0] + 1 == 2",
                "direction in ['in','out'] and size > 5", "port /* c */ == 80 // x", "port == nil == false",
                "false ? false : false ? false : true", "'a' + 'b' == 'ab'", "1 - 1 - 1 == -1", "\u{a0}true",
                "true || true && false", "port != 80 ? 1 : true == false ? 1 : true",
                ][..],
            ),
            (
                Outcome::No,
                &[
                "false", "[] == nil", "len('é') == 2", "port in []", "port in [nil]", "has_tag(peer_tags, 'A')",
                "false and peer_tags[9] == 'x'", "true ? nil : true", "not (port == 80)", "'a' not in peer_tags",
                "nil in peer_tags", "'x' in [80,'a']", "[1] == peer_tags", "port == 1\n\n",
                ],
            ),
            (
                Outcome::Failed,
                &[
                "peer_tags[3] == 'a'", "peer_tags[-4] == 'a'", "port % (port-80) == 1", "false ? true : 1",
                "duration('zzz') == 0", "duration('7d') == 0", "duration('') == 0", "duration('.s') == 0",
                "(true ? 1 : 'a') and true",
                ],
            ),
        ] {
            for source in sources {
                assert_eq!(run(source), Ok(outcome), "{source}");
            }
        }
    }
}
