//! What is fuzzed: an entry each takes any bytes and panics when the crate does what it must not.
//!
//! The crate compiles this for its own unit tests, which replay what was once found, and for cargo-fuzz.

mod frames;
mod json;
mod policy;
mod requests;
#[cfg(test)]
mod tests;

use crate::{control, cover, daemon, go, journal, scenario};

/// Takes any bytes.
pub type Entry = fn(&[u8]);

/// Every entry, by the name of its fuzz target.
pub const ENTRIES: &[(&str, Entry)] = &[
    ("control", control::fuzzing::lines),
    ("cover_globs", cover::fuzzing::globs),
    ("cover_merge", cover::fuzzing::merge),
    ("decode", journal::decode::fuzzing::decode),
    ("frames", frames::frames),
    ("go_counters", cover::fuzzing::go_counters),
    ("go_directory", cover::fuzzing::go_directory),
    ("go_meta", cover::fuzzing::go_meta),
    ("go_source", cover::fuzzing::go_source),
    ("go_text", cover::fuzzing::go_text),
    ("json", json::json),
    ("lcov", cover::fuzzing::lcov),
    ("policy", policy::policy),
    ("requests", requests::requests),
    ("scenario", scenario::fuzzing::scenario),
    ("session", daemon::fuzzing::session),
    ("url", |text| drop(go::url::check_webhook(text))),
];

/// Feeds one input to an entry.
///
/// # Panics
/// When the crate does what it must not, or there is no such entry.
pub fn run(name: &str, input: &[u8]) {
    let entry = ENTRIES.iter().find(|(known, _)| *known == name);
    entry.expect("an entry").1(input);
}
