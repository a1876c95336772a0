//! `mockpilot explain`: which rule a request would get, and why not the others.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::process::ExitCode;

use byteorder::{BigEndian, ByteOrder};

use super::book::START;
use super::matching::Asked;
use super::read::{Source, load};
use super::{Rule, Scenario};
use crate::clause::clause;
use crate::cli::{complain, print_stdout};
use crate::wire::decode;
use crate::wire::fields::unhex;
use crate::wire::frame::{Frame, MAX_LENGTH, PREFIX};

/// Exit status where no rule would apply, or the question cannot be answered.
const NO_RULE: u8 = 1;

/// Explains what a scenario would do with a request frame, given as hex digits.
pub fn explain(scenario: &OsStr, hex: &OsStr) -> ExitCode {
    let scenario = match load(&[Source::of(scenario)]) {
        Ok(scenario) => scenario,
        Err(mistakes) => {
            eprintln_all(&mistakes);
            return ExitCode::from(NO_RULE);
        }
    };
    let told = body_of(&hex.to_string_lossy()).and_then(|body| {
        let (text, applies) = explanation(&scenario, &body);
        print_stdout(&text).map_err(|error| format!("standard output: {}", clause(&error)))?;
        Ok(applies)
    });
    match told {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NO_RULE),
        Err(why) => {
            complain(&why);
            ExitCode::from(NO_RULE)
        }
    }
}

fn eprintln_all(mistakes: &[String]) {
    let lines = mistakes.join("\n") + "\n";
    let _ = io::stderr().write_all(lines.as_bytes());
}

/// Command byte and payload of a frame written in hex digits, with its length prefix or without.
fn body_of(text: &str) -> Result<Vec<u8>, String> {
    let digits: String = text.split_whitespace().collect();
    let mut bytes = unhex(&digits)?;
    let whole = |bytes: &[u8]| BigEndian::read_u32(bytes) as usize == bytes.len() - PREFIX;
    if bytes.len() > PREFIX && whole(&bytes) {
        bytes.drain(..PREFIX);
    }
    match bytes.len() {
        0 => Err("an empty frame has no command byte".to_owned()),
        length if length > MAX_LENGTH => Err(format!(
            "a frame of {length} bytes is over the limit of {MAX_LENGTH}"
        )),
        _ => Ok(bytes),
    }
}

/// A line for each rule and one for the rule that would apply; whether one would.
pub(super) fn explanation(scenario: &Scenario, body: &[u8]) -> (String, bool) {
    let frame = Frame {
        code: body[0],
        payload: &body[1..],
    };
    let decoded = decode(frame);
    let asked = Asked::request(1, frame, &decoded);
    let mut text = String::new();
    let mut applies = None;
    for (at, rule) in scenario.rules.iter().enumerate() {
        let name = rule.name.clone().unwrap_or_else(|| format!("rules[{at}]"));
        let verdict = match mismatch(rule, &asked) {
            Some(mismatch) => mismatch,
            None => {
                applies.get_or_insert_with(|| name.clone());
                "matches".to_owned()
            }
        };
        text += &format!("rule {name:?}: {verdict}\n");
    }
    text += &match &applies {
        Some(name) => format!("applies: rule {name:?}\n"),
        None => "no rule applies\n".to_owned(),
    };
    (text, applies.is_some())
}

/// The first thing that keeps a rule from applying to the first request that the daemon sees.
fn mismatch(rule: &Rule, asked: &Asked<'_>) -> Option<String> {
    if !rule.on.contains(asked.kind) {
        let (expected, got) = (rule.on.text(), asked.kind.name());
        return Some(format!("on: expected {expected}, got {got}"));
    }
    if let Some(client) = rule.client.filter(|client| *client != asked.client) {
        return Some(format!("client: expected {client}, got {}", asked.client));
    }
    if let Some(state) = rule.state.as_ref().filter(|state| *state != START) {
        return Some(format!("state: expected {state}, got {START}"));
    }
    let field = rule.when.iter().find_map(|c| c.mismatch(asked));
    if field.is_none() && rule.skip > 0 {
        let skip = rule.skip;
        return Some(format!("skip: expected {skip} matches before it, got 0"));
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_with_their_prefix_or_without() {
        assert_eq!(body_of("00 00 00 03 01 00 50"), Ok(vec![1, 0, 80]));
        assert_eq!(body_of("010050"), Ok(vec![1, 0, 80]));
        assert_eq!(body_of("0d"), Ok(vec![0x0D]));
        assert!(body_of("").unwrap_err().contains("no command byte"));
        assert!(body_of("0").is_err() && body_of("zz").is_err());
    }
}
