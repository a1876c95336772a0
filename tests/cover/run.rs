//! Runs of `mockpilot cover`.

use std::path::Path;
use std::process::{Command, Stdio};

/// The path of a fixture.
#[allow(dead_code, reason = "not every test file asks")]
pub fn fixture(name: &str) -> String {
    format!("{}/tests/cover/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Status, standard output, standard error.
pub fn cover(words: &[&str]) -> (i32, String, String) {
    cover_in("/", words)
}

/// The same in a directory.
pub fn cover_in(directory: impl AsRef<Path>, words: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mockpilot"))
        .arg("cover")
        .args(words)
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let status = output.status.code().unwrap();
    (status, text(output.stdout), text(output.stderr))
}

/// What a run that succeeds without a word prints.
#[allow(dead_code, reason = "not every test file asks")]
pub fn told(words: &[&str]) -> String {
    let (status, output, complaint) = cover(words);
    assert_eq!((status, complaint.as_str()), (0, ""), "{words:?}");
    output
}
