//! Coverage of many processes as one: `mockpilot cover`.
//!
//! Every format is read into one list of counts ([`data`]), in which the same place counts once; reports
//! and files are made from that list alone.

mod cursor;
#[cfg(all(test, not(shuttle)))]
mod damage;
mod data;
#[cfg(any(all(test, not(shuttle)), fuzzing))]
#[path = "../../tests/fuzz/entries/coverage.rs"]
pub(crate) mod fuzzing;
mod gocounters;
mod godir;
mod gometa;
mod gosource;
mod gotext;
mod inputs;
mod lcov;
mod llvm;
mod names;
mod order;
mod output;
mod paths;
mod processes;
mod ratio;
mod report;
mod run;
mod summary;
mod tracefile;

use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::clause::clause;
use crate::cli::{Action, CoverOptions, complain, print_stdout_bytes};
use crate::log::one_line;
use data::{Coverage, Skipped};
use llvm::Objects;
use summary::Unit;

pub(crate) use ratio::Percentage;
pub(crate) use report::By;

/// Exit status when there is no data, or it cannot be used.
const FAILED: u8 = 1;

/// Exit status when a total is below what was asked for.
const BELOW: u8 = 3;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A Go text profile.
    Go,
    /// An LCOV tracefile.
    Lcov,
    Json,
}

/// Why nothing came of it.
struct Failure {
    status: u8,
    text: String,
}

impl From<String> for Failure {
    fn from(text: String) -> Failure {
        Failure {
            status: FAILED,
            text,
        }
    }
}

/// Does what `mockpilot cover` was asked for, and gives the exit status of the process.
pub(crate) fn cover(options: &CoverOptions) -> ExitCode {
    let done = match options.action {
        Action::Run => run::run(options),
        Action::Merge | Action::Report => {
            let objects = Objects {
                named: options.objects.clone(),
                tried: None,
                cut_off: false,
            };
            merge(options, &options.inputs, &objects, Vec::new())
        }
    };
    match done {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            complain(&one_line(&failure.text));
            ExitCode::from(failure.status)
        }
    }
}

/// Merges, prints and writes what the options say; gives the exit status. What is missing is known
/// beforehand in part.
fn merge(
    options: &CoverOptions,
    inputs: &[PathBuf],
    objects: &Objects,
    missing: Vec<Skipped>,
) -> Result<u8, Failure> {
    let mut coverage = Coverage::default();
    coverage.skipped = missing;
    let bytes =
        |texts: &[std::ffi::OsString]| texts.iter().cloned().map(|t| t.into_vec()).collect();
    coverage.paths.exclude = bytes(&options.exclude);
    coverage.paths.strip = bytes(&options.strip_prefix);
    let read = inputs::read(&mut coverage, inputs, objects);
    for skipped in &coverage.skipped {
        let text = format!("{}: {}, passed over", skipped.path, skipped.reason);
        complain(&one_line(&text));
    }
    read?;
    if coverage.inputs.is_empty() {
        return Err("no coverage data at all".to_string().into());
    }
    finish(options, &mut coverage)
}

fn finish(options: &CoverOptions, coverage: &mut Coverage) -> Result<u8, Failure> {
    let lists = options.by == By::Function || options.format == Some(Format::Json);
    let summaries = summary::summaries(coverage, lists);
    let totals = Unit::ALL.map(|unit| summary::total(coverage, &summaries, unit));
    let merges = options.action == Action::Merge;
    let format = options.format.unwrap_or(match coverage.lines {
        None => Format::Go,
        Some(_) => Format::Lcov,
    });
    if !merges {
        print(report::table(coverage, &summaries, options.by).as_bytes())?;
    }
    if merges || options.output.is_some() {
        let data = match (format, coverage.lines) {
            (Format::Go, Some(input)) => {
                let name = &coverage.inputs[input as usize];
                return Err(
                    format!("{name}: counts lines, which cannot become a Go profile").into(),
                );
            }
            (Format::Go, None) => gotext::write(coverage),
            (Format::Json, _) => report::json(coverage, &summaries).into_bytes(),
            (Format::Lcov, _) => {
                tracefile::blocks_to_lines(coverage)?;
                tracefile::write(coverage)
            }
        };
        match &options.output {
            Some(path) => output::write(path, &data)?,
            None => print(&data)?,
        }
    }
    let below = |least| totals.iter().flatten().any(|total| total.below(least));
    Ok(match options.fail_under {
        Some(least) if below(least) => BELOW,
        _ => 0,
    })
}

fn print(text: &[u8]) -> Result<(), Failure> {
    let printed = print_stdout_bytes(text);
    Ok(printed.map_err(|error| why(Path::new("standard output"), &error))?)
}

/// A path and what the system says of it.
fn why(path: &Path, error: &io::Error) -> String {
    format!("{}: {}", path.display(), clause(error))
}

/// The paths in a directory, in order.
fn list(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let refused = |error| why(directory, &error);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(refused)? {
        paths.push(entry.map_err(refused)?.path());
    }
    let order = order::sorted(paths.len(), &|a, b| {
        paths[a].as_os_str().cmp(paths[b].as_os_str())
    });
    Ok(order
        .into_iter()
        .map(|at| paths[at as usize].clone())
        .collect())
}

/// The name of a file without its directory.
fn base(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

/// Whether `part`, which is not empty, is somewhere in `data`.
fn has(data: &[u8], part: &[u8]) -> bool {
    let mut rest = data;
    while rest.len() >= part.len() {
        if rest[0] == part[0] && rest.starts_with(part) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}
