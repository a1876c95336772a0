//! A stub: rules, pushes, expectations and durations from their JSON text.

use std::time::Duration;

use super::{Expectation, Push, Rule, Wanted};
use crate::wire::kind::Kinds;

const NOT_YET: &str = "not there yet";

pub fn rule(_text: &str) -> Result<Rule, String> {
    Err(NOT_YET.to_owned())
}

pub fn pushes(text: &str) -> Result<Vec<Push>, String> {
    match text {
        "[]" => Ok(Vec::new()),
        _ => Err(NOT_YET.to_owned()),
    }
}

pub fn expectation(_text: &str) -> Result<Expectation, String> {
    Err(NOT_YET.to_owned())
}

pub fn wanted(_text: &str) -> Result<Wanted, String> {
    let (place, on, name, when) = (None, Kinds::requests(), "*".to_owned(), Vec::new());
    Ok(Wanted {
        place,
        on,
        name,
        when,
    })
}

/// `text` is what stands between the quotes.
pub fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text
        .strip_suffix('s')
        .and_then(|digits| digits.parse().ok());
    let seconds = seconds.ok_or("expected a duration such as 250ms, 2s or 1m")?;
    Ok(Duration::from_secs(seconds))
}
