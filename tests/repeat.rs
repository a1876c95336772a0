//! `make repeat` counts what fails: a count that is always nothing would please everybody.

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use support::TempDir;

/// The script on a command, for so many rounds.
fn repeat(rounds: &str, figures: &Path, command: &[&str]) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/repeat.py");
    Command::new("python3")
        .arg(script)
        .arg(figures)
        .args(command)
        .current_dir(figures.parent().unwrap())
        .env("MOCKPILOT_ROUNDS", rounds)
        .env("MOCKPILOT_LOAD", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap()
}

#[test]
fn failures_are_counted_by_name_and_kept() {
    let directory = TempDir::new();
    let figures = directory.join("f.txt");
    // Fails as cargo test does in the second and third of three rounds, and once without a word.
    let script = "echo >> rounds; round=$(wc -l < rounds)
        echo '     Running tests/one.rs (target/one)'; echo 'test a ... ok'; [ $round = 1 ] && exit 0
        [ $round = 4 ] && exit 101
        echo '     Running tests/two.rs (target/two)'; echo 'test b::c ... FAILED'
        [ $round = 2 ] && exit 1
        echo '   Doc-tests one'; echo 'test src/d.rs - d::E (line 30) ... FAILED'
        echo 'test src/d.rs - d::F (line 7) ... ok'; echo 'test g - should panic ... FAILED'; exit 1";
    let output = repeat("4", &figures, &["/bin/sh", "-c", script]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let text = fs::read_to_string(&figures).unwrap();
    assert!(said.contains(&text) && said.contains("figures: "), "{said}");
    for line in [
        "rounds with a failure: 3\n",
        "  2  tests/two.rs b::c, in round 2, 3\n",
        "  1  one src/d.rs - d::E (line 30), in round 3\n",
        "  1  one g, in round 3\n",
        "  1  (no test: status 101), in round 4\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(text.contains("rounds: 4, beside 1 busy loops"), "{text}");
    assert!(!directory.join("f-1.txt").exists());
    let kept = fs::read_to_string(directory.join("f-3.txt")).unwrap();
    assert!(kept.contains("test b::c ... FAILED"), "{kept}");

    // Rounds of rounds are not what was asked for.
    let unset = r#"[ -z "$MOCKPILOT_ROUNDS" ]"#;
    let output = repeat("1", &figures, &["/bin/sh", "-c", unset]);
    assert!(output.status.success());
    let text = fs::read_to_string(&figures).unwrap();
    assert!(text.contains("rounds with a failure: 0\n"), "{text}");
    // Of the round before.
    assert!(!directory.join("f-3.txt").exists());
}
