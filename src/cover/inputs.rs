//! Inputs of every kind, told apart by what they contain.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::PathBuf;

use super::data::Coverage;
use super::{Failure, gocounters, godir, gometa, gotext, lcov, list, llvm, why};
use crate::cli::Misuse;

/// Adds what all inputs counted, and folds. When nothing is left of them `coverage` has no input.
///
/// # Errors
///
/// The first input that is damaged, or that cannot be added to the others; a misuse for raw profiles
/// without an object.
pub(super) fn read(
    coverage: &mut Coverage,
    inputs: &[PathBuf],
    objects: &llvm::Objects,
) -> Result<(), Failure> {
    let mut directories = Vec::new();
    let mut raw = Vec::new();
    let mut inputs = inputs.to_vec();
    let mut next = 0;
    while next < inputs.len() {
        let path = &inputs[next].clone();
        next += 1;
        let name = path.to_string_lossy();
        let refused = |error| Failure::from(why(path, &error));
        let directory = match fs::metadata(path) {
            Ok(found) => found.is_dir(),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                coverage.skip(path, "no such file");
                continue;
            }
            Err(error) => return Err(refused(error)),
        };
        if directory {
            let before = inputs.len();
            for file in list(path)? {
                // What `cover run --keep` leaves beside the data of Go programs.
                if file.extension() == Some(OsStr::new(llvm::RAW)) {
                    inputs.push(file);
                }
            }
            directories.push((path.clone(), inputs.len() > before));
            continue;
        }
        let mut file = File::open(path).map_err(refused)?;
        let mut data = Vec::new();
        let start = (&mut file).take(8).read_to_end(&mut data);
        start.map_err(refused)?;
        if llvm::recognised(&data) {
            raw.push(path.clone());
            continue;
        }
        file.read_to_end(&mut data).map_err(refused)?;
        if data.is_empty() {
            coverage.skip(path, "empty");
        } else if data.starts_with(gotext::START) {
            gotext::read(coverage, &name, &data)?;
        } else if lcov::recognised(&data) {
            lcov::read(coverage, &name, &data)?;
        } else if data.starts_with(gometa::MAGIC) || data.starts_with(gocounters::MAGIC) {
            return Err(format!("{name}: one file of a Go coverage directory, name that").into());
        } else {
            let kinds = "no Go profile, LCOV tracefile or LLVM raw profile";
            return Err(format!("{name}:1: {kinds}").into());
        }
    }
    let lost = godir::read(coverage, &directories)?;
    if !raw.is_empty() {
        if objects.none() {
            return Err(Failure {
                status: Misuse::STATUS,
                text: format!(
                    "{}: a raw profile, which needs its program: --object BIN",
                    raw[0].display()
                ),
            });
        }
        llvm::read(coverage, &raw, objects)?;
    }
    if !coverage.inputs.is_empty() {
        lost.add(coverage)?;
    }
    Ok(coverage.fold()?)
}
