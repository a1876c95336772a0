//! The standard streams of `exec`, which its daemon does not have but may be asked to use.

use std::fs;

use serde_json::Value;

use super::run::Run;
use super::support::TempDir;

#[test]
fn standard_input_and_output_are_those_of_exec() {
    let directory = TempDir::new();
    let scenario = directory.join("scenario.json");
    fs::write(&scenario, r#"{"expect":[{"on":"info"}]}"#).unwrap();
    let options = ["--scenario", "/dev/stdin", "--journal", "/dev/stdout"];
    let mut run = Run::shell(&[&["-q"], &options[..]].concat(), "exit 0");
    run.command.stdin(fs::File::open(&scenario).unwrap());
    let (status, journal, complaint) = run.finish();
    assert_eq!(status, 3, "{complaint}");
    assert!(complaint.contains(":1:12: info: expected at least 1, got 0"));
    assert!(complaint.contains(" --scenario /dev/stdin "), "{complaint}");
    let last: Value = serde_json::from_str(journal.lines().last().unwrap()).unwrap();
    assert_eq!(last["event"], "stop");
}

/// As behind `>>`: the daemon opens the output by name, and has a place of its own in the file.
#[test]
fn a_journal_on_standard_output_that_is_appended_to_is_not_written_over() {
    let directory = TempDir::new();
    let path = directory.join("all");
    let mut options = fs::OpenOptions::new();
    let all = options.append(true).create(true).open(&path).unwrap();
    let nobody = r#"{"timeline":[{"at":"0s","push":[{"raw":{"command":1},"to":9}]}]}"#;
    let options = ["-q", "--journal=/dev/stdout", "--scenario", nobody];
    let wait = "until grep -q dropped \"$ALL\"; do sleep 0.01; done; echo told; echo said >&2";
    let mut run = Run::shell(&options, wait);
    run.command
        .env("ALL", &path)
        .stderr(all.try_clone().unwrap());
    run.command.stdout(all);
    let (status, ..) = run.finish();
    let all = fs::read_to_string(&path).unwrap();
    assert_eq!(status, 0, "{all}");
    let events: Vec<&str> = all.lines().filter(|line| line.ends_with('}')).collect();
    assert_eq!(all.lines().count(), events.len() + 2, "{all}");
    assert!(all.contains("\ntold\nsaid\n"), "{all}");
    assert!(
        all.starts_with("{\"seq\":1,") && all.ends_with("\"stop\"}\n"),
        "{all}"
    );
}
