//! What was once found stays mended, and every entry has its target.

use std::fs;
use std::path::{Path, PathBuf};

use super::{ENTRIES, run};

fn names(directory: &Path) -> Vec<PathBuf> {
    let listed =
        fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut names: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

#[test]
fn what_was_found_stays_mended() {
    let regressions = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/regressions");
    for directory in names(&regressions) {
        let name = directory.file_name().unwrap().to_str().unwrap();
        for input in names(&directory) {
            println!("{}", input.display());
            run(name, &fs::read(input).unwrap());
        }
    }
}

#[test]
fn every_entry_bears_nothing_and_little() {
    for (_, entry) in ENTRIES {
        for input in [&b""[..], b"\0", b"{}", &[0xFF; 40]] {
            entry(input);
        }
    }
}

#[test]
fn every_entry_has_its_target() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    let listed: Vec<&str> = manifest
        .lines()
        .filter_map(|line| {
            line.strip_prefix("path = \"targets/")?
                .strip_suffix(".rs\"")
        })
        .collect();
    let known: Vec<&str> = ENTRIES.iter().map(|(name, _)| *name).collect();
    assert_eq!(listed, known);
    for name in known {
        let target = fs::read_to_string(fuzz.join(format!("targets/{name}.rs"))).unwrap();
        assert!(target.contains(&format!("run(\"{name}\", data)")), "{name}");
    }
}
