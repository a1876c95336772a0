//! `mockpilot explain`, from outside. What it says of each shape of mismatch stands under
//! `tests/fixtures/explain`: `NAME.json` is the scenario, `NAME.txt` what is printed.

mod support;

#[path = "support/steered.rs"]
mod steered;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use steered::mockpilot;

/// The request that each scenario is asked about, without its length.
const REQUESTS: [(&str, &str); 14] = [
    ("on", "0d"),
    ("client", "0d"),
    ("state", "0d"),
    ("skip", "0d"),
    ("number", "03 0000 00000002 0051"),
    ("text", "11 616c706861"),
    ("in", "01 1f90"),
    ("range", "01 1f90"),
    ("contains", "06 00000001 676f6f64627965"),
    ("malformed", "03 0000"),
    ("token", "1f 02 0007 68756e74657232"),
    ("family", "0f 06 00000002"),
    ("any", "7e 616263"),
    ("none", "0d"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/explain")
}

#[test]
fn every_shape_of_mismatch_has_its_text() {
    for (name, hex) in REQUESTS {
        let file = folder().join(name);
        let scenario = file.with_extension("json");
        let wanted = fs::read_to_string(file.with_extension("txt")).unwrap();
        let digits = hex.replace(' ', "");
        let framed = format!("{:08X}{}", digits.len() / 2, digits.to_uppercase());
        for hex in [hex, &digits, &framed] {
            let (status, out, err) = mockpilot(&["explain", scenario.to_str().unwrap(), hex]);
            assert_eq!((&*out, &*err), (&*wanted, ""), "{name} {hex}");
            let applies = wanted.contains("\napplies: rule ");
            assert_eq!(status, i32::from(!applies), "{name} {hex}");
            assert_eq!(applies, !wanted.ends_with("no rule applies\n"));
        }
        // The scenario itself in place of its file.
        let text = fs::read_to_string(&scenario).unwrap();
        assert_eq!(mockpilot(&["explain", &text, hex]).1, wanted);
    }
}

#[test]
fn every_file_is_used() {
    let mut wanted = BTreeSet::new();
    for (name, _) in REQUESTS {
        wanted.extend([format!("{name}.json"), format!("{name}.txt")]);
    }
    let there = fs::read_dir(folder()).unwrap();
    let there = there.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(there.collect::<BTreeSet<_>>(), wanted);
    let token = fs::read_to_string(folder().join("token.txt")).unwrap();
    assert!(!token.contains("s3cret") && !token.contains("hunter2"));
}

#[test]
fn the_first_of_several_applies() {
    let scenario = r#"{"rules":[{"name":"a \"b\"","on":"dial"},{"on":"info"},{"on":"*"}]}"#;
    let (status, out, _) = mockpilot(&["explain", scenario, "0d"]);
    assert_eq!(status, 0);
    assert_eq!(
        out,
        "rule \"a \\\"b\\\"\": on: expected dial, got info\nrule \"rules[1]\": matches\n\
         rule \"rules[2]\": matches\napplies: rule \"rules[1]\"\n"
    );
}

#[test]
fn what_is_no_frame() {
    let long = "0d".repeat(60_000);
    for (hex, why) in [
        ("", "an empty frame has no command byte"),
        (" ", "an empty frame has no command byte"),
        ("0", "1 hex digits are not whole bytes"),
        ("0dz", "character 2 of \"0dz\" is no hex digit"),
        ("0x0d", "character 1 of \"0x0d\" is no hex digit"),
    ] {
        let (status, out, err) = mockpilot(&["explain", "{}", hex]);
        assert_eq!((status, &*out), (1, ""), "{hex}");
        assert_eq!(err, format!("mockpilot: {why}\n"));
    }
    // As long as a word of a command line may be.
    assert_eq!(mockpilot(&["explain", "{}", &long]).1, "no rule applies\n");
    // Four bytes that are no prefix are a frame.
    let (_, out, _) = mockpilot(&["explain", r#"{"rules":[{"on":"info"}]}"#, "000000020d"]);
    assert_eq!(
        out,
        "rule \"rules[0]\": on: expected info, got unknown\nno rule applies\n"
    );
}

#[test]
fn a_faulty_scenario_and_misuse() {
    let (status, out, err) = mockpilot(&["explain", "{\"rules\":[{\"on\":\"dail\"}]}", "0d"]);
    assert_eq!((status, &*out), (1, ""));
    let mistake = "rules[0].on: unknown command \"dail\", did you mean \"dial\"?";
    assert!(
        err.starts_with("<scenario>:1:") && err.ends_with(&format!("{mistake}\n")),
        "{err}"
    );
    let (status, _, err) = mockpilot(&["explain", "no.json", "0d"]);
    assert_eq!(status, 1);
    assert_eq!(err, "no.json: cannot read: no such file or directory\n");
    for words in [
        &["explain"][..],
        &["explain", "{}"],
        &["explain", "{}", "0d", "0d"],
    ] {
        let (status, out, err) = mockpilot(words);
        assert_eq!((status, &*out), (2, ""), "{words:?}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mockpilot"))
        .args(["explain", r#"{"rules":[{"on":"info"}]}"#, "0d"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), &output.stderr[..]),
        (Some(0), &b""[..])
    );
}

#[test]
fn the_daemon_agrees() {
    for (name, hex) in REQUESTS {
        let digits = hex.replace(' ', "");
        let bytes: Vec<u8> = (0..digits.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
            .collect();
        let file = folder().join(name);
        let scenario = file.with_extension("json");
        let daemon = steered::Steered::start(&["--scenario", scenario.to_str().unwrap()]);
        let mut client = daemon.connect();
        client.send(bytes[0], &bytes[1..]);
        let entry = daemon.entry(|e| e["dir"] == "in");
        let told = fs::read_to_string(file.with_extension("txt")).unwrap();
        let applies = told.lines().last().unwrap().strip_prefix("applies: rule ");
        let rule = &entry["rule"];
        assert_eq!(applies.is_some(), !rule.is_null(), "{name}: {entry}");
        assert!(
            rule.is_null() || Some(&*rule.to_string()) == applies,
            "{name}: {entry}"
        );
    }
}
