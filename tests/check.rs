//! `mockpilot check`, from outside.

mod support;

#[path = "support/steered.rs"]
mod steered;

use std::fs;
use std::process::{Command, Stdio};

use steered::mockpilot;
use support::{Binary, TempDir};

struct Files(TempDir);

impl Files {
    fn new() -> Files {
        Files(TempDir::new())
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path.into_os_string().into_string().unwrap()
    }
}

const GOOD: &str = r#"{"version":1,"rules":[{"name":"a","on":"dial","delay":"1s"}]}"#;

#[test]
fn good_files_say_nothing() {
    let files = Files::new();
    let one = files.write("one.json", GOOD);
    // Each file is a scenario of its own: the same name twice is no mistake.
    let other = files.write("other.json", GOOD);
    for words in [
        &["check", &one][..],
        &["check", &one, &other, &one],
        &["check", "{}"],
    ] {
        assert_eq!(mockpilot(words), (0, String::new(), String::new()));
    }
}

#[test]
fn every_mistake_of_every_file_is_a_line() {
    let files = Files::new();
    let good = files.write("good.json", GOOD);
    let bad = files.write(
        "bad.json",
        "{ \"rules\": [\n  {\"on\": \"dial\", \"dealy\": \"1s\"},\n  {\"on\": \"dial\", \"times\": 0}\n] }",
    );
    let broken = files.write("broken.json", "{\n \"rules\": [");
    let empty = files.write("empty.json", "");
    let missing = files
        .0
        .join("missing.json")
        .into_os_string()
        .into_string()
        .unwrap();
    let directory = files.0.path().to_str().unwrap().to_owned();
    let words = ["check", &bad, &good, &broken, &empty, &missing, &directory];
    let (status, out, err) = mockpilot(&words);
    assert_eq!((status, &*err), (1, ""));
    let lines: Vec<&str> = out.lines().collect();
    assert!(out.ends_with('\n'));
    assert_eq!(
        lines[0],
        format!("{bad}:2:18: rules[0].dealy: unknown key, did you mean \"delay\"?")
    );
    assert!(
        lines[1].starts_with(&format!("{bad}:3:18: rules[1].times: ")),
        "{out}"
    );
    assert!(lines[2].starts_with(&format!("{broken}:2:12: ")), "{out}");
    assert!(lines[3].starts_with(&format!("{empty}:1:1: ")), "{out}");
    assert_eq!(
        lines[4],
        format!("{missing}: cannot read: no such file or directory")
    );
    assert_eq!(
        lines[5],
        format!("{directory}: cannot read: is a directory")
    );
    assert_eq!(lines.len(), 6, "{out}");
    // The order of the files does not change the status.
    assert_eq!(mockpilot(&["check", &good, &bad]).0, 1);
    assert_eq!(mockpilot(&["check", &bad, &good]).0, 1);
}

#[test]
fn the_daemon_says_the_same_on_stderr() {
    let files = Files::new();
    let bad = files.write("bad.json", "{\"sed\":1,\n\"rules\":[{\"on\":\"dail\"}]}");
    let (_, out, _) = mockpilot(&["check", &bad]);
    assert_eq!(out.lines().count(), 2);
    let mut daemon = Binary::launch(&["--scenario", &bad]);
    assert_eq!(daemon.wait().code(), Some(1));
    assert_eq!((daemon.stdout(), daemon.stderr()), (String::new(), out));
}

#[test]
fn misuse_and_a_closed_pipe() {
    let (status, out, err) = mockpilot(&["check"]);
    assert_eq!((status, &*out), (2, ""));
    assert!(
        err.starts_with("mockpilot: ") && err.lines().count() == 1,
        "{err}"
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_mockpilot"))
        .args(["check", "no.json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), &output.stderr[..]),
        (Some(1), &b""[..])
    );
}
