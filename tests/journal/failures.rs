//! A journal that cannot be written: told at once, and the status is 1.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::json;

use super::steered::Steered;
use super::support::{Binary, TempDir, poll};

const UNMET: &str = r#"{"expect":[{"on":"dial"}]}"#;

/// The daemon says so while it runs, goes on serving, and ends with status 1, also where expectations
/// are unmet.
fn is_told(steered: &mut Steered, why: &str) {
    let mut client = steered.settled();
    let said = poll(|| {
        client.call_ok(0x21, b"");
        let said = steered.daemon.stderr();
        said.contains("the journal is incomplete").then_some(said)
    });
    assert_eq!(steered.daemon.ended(), None);
    let said = said.unwrap();
    let line = said.lines().find(|l| l.contains("incomplete")).unwrap();
    assert!(
        line.starts_with("mockpilot: ") && line.ends_with(why),
        "{line}"
    );
    assert!(!steered.entries(0).is_empty());
    client.call_ok(0x0D, b"");
    assert_eq!(steered.daemon.terminate().code(), Some(1));
}

#[test]
fn a_full_disk() {
    let words = ["--journal", "/dev/full", "--scenario", UNMET];
    let why = "/dev/full: the journal is incomplete: no space left on device";
    is_told(&mut Steered::start(&words), why);
}

#[test]
fn a_vanished_directory() {
    let directory = TempDir::new();
    let inner = directory.join("inner");
    fs::create_dir(&inner).unwrap();
    let words = ["--journal", "inner/j", "--scenario", UNMET];
    let mut steered = Steered::start_in(directory, &words);
    drop(steered.settled());
    assert!(
        steered
            .daemon
            .stderr()
            .lines()
            .all(|l| !l.contains("incomplete"))
    );
    fs::remove_dir_all(inner).unwrap();
    is_told(
        &mut steered,
        "inner/j: the journal is incomplete: the file was deleted",
    );
}

#[test]
fn a_directory_that_vanishes_when_all_is_written() {
    let directory = TempDir::new();
    let inner = directory.join("inner");
    fs::create_dir(&inner).unwrap();
    let mut steered = Steered::start_in(directory, &["--journal", "inner/j"]);
    drop(steered.settled());
    fs::remove_dir_all(inner).unwrap();
    assert_eq!(steered.daemon.terminate().code(), Some(1));
    let said = steered.daemon.stderr();
    assert!(
        said.contains("the journal is incomplete: the file was deleted"),
        "{said}"
    );
}

#[test]
fn a_file_that_cannot_be_opened() {
    for (path, why) in [
        (
            "no/j",
            "no/j: cannot keep a journal: no such file or directory",
        ),
        (".", ".: cannot keep a journal: is a directory"),
    ] {
        let mut daemon = Binary::launch(&["--journal", path]);
        assert_eq!(daemon.wait().code(), Some(1));
        assert_eq!(daemon.stderr(), format!("mockpilot: {why}\n"));
    }
}

fn exec(options: &[&str], script: &str) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mockpilot"))
        .args([&["exec", "--journal", "/dev/full"], options].concat())
        .args([
            "--",
            "/bin/sh",
            "-c",
            script,
            env!("CARGO_BIN_EXE_mockpilot"),
        ])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn exec_ends_with_one_also_where_expectations_are_unmet() {
    let push = json!({"push": {"raw": {"command": 14, "data": ""}}}).to_string();
    let script = format!("\"$0\" ctl push '{push}' >/dev/null");
    for options in [&[][..], &["--scenario", UNMET]] {
        let (status, said) = exec(options, &script);
        assert_eq!(status, Some(1), "{said}");
        assert!(
            said.contains("/dev/full: the journal is incomplete"),
            "{said}"
        );
    }
    // A command that fails keeps its own.
    assert_eq!(exec(&[], "exit 7").0, Some(7));
}
