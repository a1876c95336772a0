//! Whether what a client got is what it was to get.

use serde_json::Value;

use super::codec::{Frame, readable};
use super::listings::Learnt;
use super::world::Expected;

/// Compares all that a client got with all that it was to get, the ends of streams in any order if `unordered`.
///
/// # Errors
/// Both, for a person to read.
pub fn frames(
    learnt: &mut Learnt,
    mut owed: Vec<Expected>,
    mut got: Vec<Frame>,
    unordered: bool,
) -> Result<(), String> {
    if unordered {
        // Ends of streams, in order of their ids, behind everything else.
        got.sort_by_key(|(code, payload)| (*code == 0x09).then(|| payload.clone()));
        owed.sort_by_key(|expected| match expected {
            Expected::Frame(0x09, payload) => Some(payload.clone()),
            _ => None,
        });
    }
    if owed.len() != got.len() {
        let (wanted, number) = (owed.len(), got.len());
        let frames = listed(&owed, &got);
        return Err(format!("{number} frames and not {wanted}\n{frames}"));
    }
    let mut pairs = owed.iter().zip(&got);
    let fitting = pairs.try_for_each(|(owed, got)| fits(learnt, owed, got));
    fitting.map_err(|text| format!("{text}\n{}", listed(&owed, &got)))
}

fn fits(learnt: &mut Learnt, owed: &Expected, (code, payload): &Frame) -> Result<(), String> {
    let wanted = match owed {
        Expected::Frame(c, p) if c == code && p == payload => return Ok(()),
        Expected::Frame(..) => return Err("a frame that differs".to_owned()),
        Expected::Body(code, _) => *code,
        Expected::Info(_) => 0x0E,
        Expected::MadeUp(_) => 0x12,
    };
    if wanted != *code {
        return Err("a frame that differs".to_owned());
    }
    let got: Value = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
    match owed {
        Expected::Info(info) => learnt.info(info, &got),
        Expected::MadeUp(name) => learnt.made_up(name, &got),
        Expected::Body(_, body) => learnt.compare(body, &got, "body"),
        Expected::Frame(..) => Ok(()),
    }
}

/// What was expected and what came, a line each.
pub fn listed(owed: &[Expected], got: &[Frame]) -> String {
    let owed = owed.iter().map(|expected| match expected {
        Expected::Frame(code, payload) => readable(*code, payload),
        Expected::Body(code, body) => format!("{code:02X} {body}"),
        Expected::Info(info) => format!("0E {info:?}"),
        Expected::MadeUp(name) => format!("12 a peer made up for {name:?}"),
    });
    let lines = |kind: &str, frames: Vec<String>| match frames.is_empty() {
        true => format!("  {kind} nothing\n"),
        false => frames
            .iter()
            .map(|frame| format!("  {kind} {frame}\n"))
            .collect(),
    };
    let got = got.iter().map(|(code, payload)| readable(*code, payload));
    lines("expected", owed.collect()) + lines("got     ", got.collect()).trim_end()
}
