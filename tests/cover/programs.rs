//! Real programs that leave coverage data, and what a report says of their functions.
#![allow(dead_code, reason = "not every test file builds in every language")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The path of a program's source.
pub fn program(name: &str) -> String {
    format!("{}/tests/cover/programs/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Runs a compiler; its absence is a failure.
pub fn build(directory: &str, words: &[&str]) {
    let output = Command::new(words[0])
        .args(&words[1..])
        .current_dir(directory)
        .env_remove("LLVM_PROFILE_FILE")
        .env_remove("RUSTFLAGS")
        .output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", words[0]));
    assert!(output.status.success(), "{words:?}: {output:?}");
}

/// The clang that is here.
pub fn clang() -> String {
    let names = ["clang", "clang-22", "clang-21", "clang-20", "clang-19"];
    let runs = |name: &&&str| Command::new(name).arg("--version").output().is_ok();
    let name = names.iter().find(runs);
    name.expect("no clang: install clang-19 and llvm-19")
        .to_string()
}

/// Covered and all statements or lines of each function, by its name.
pub fn functions(json: &Path) -> Vec<(String, u64, u64)> {
    let told: Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    let files = told["files"].as_array().unwrap();
    let rows = files
        .iter()
        .flat_map(|file| file["functions"].as_array().unwrap());
    rows.map(|row| {
        let number = |key: &str| row[key].as_u64().unwrap();
        (
            row["name"].as_str().unwrap().into(),
            number("covered"),
            number("total"),
        )
    })
    .collect()
}

/// Of how many functions whose name ends (or, mangled, nearly ends) in `name` anything ran.
pub fn ran(functions: &[(String, u64, u64)], name: &str) -> bool {
    let mut found = functions
        .iter()
        .filter(|(known, ..)| known.contains(name))
        .peekable();
    assert!(found.peek().is_some(), "{name}: {functions:?}");
    found.any(|&(_, covered, _)| covered > 0)
}
