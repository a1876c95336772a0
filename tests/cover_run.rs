//! `mockpilot cover run` from outside, with real programs that run themselves again.
//!
//! They are built here: that needs go, clang and the LLVM tools of a version that reads what rustc and
//! clang write. A test fails where one is missing.

mod support;

#[path = "cover/flush.rs"]
mod flush;
#[path = "cover/programs.rs"]
mod programs;
#[path = "cover/run.rs"]
mod run;

use std::fs;
use std::path::Path;
use std::process::Command;

use programs::{build, clang, functions, program, ran};
use run::{cover, cover_in};
use support::TempDir;

/// Runs `words` to the end `status`, and gives the functions and what was said on standard error.
fn levels(words: &[&str], status: i32) -> (Vec<(String, u64, u64)>, String) {
    let directory = TempDir::new();
    let out = directory.join("out.json");
    let mut all = vec!["run", "-o", out.to_str().unwrap(), "--by", "function", "--"];
    all.extend(words);
    let (got, table, complaint) = cover(&all);
    assert_eq!(got, status, "{table}{complaint}");
    assert!(table.contains("total:"), "{table}{complaint}");
    (functions(&out), complaint)
}

#[test]
#[ignore = "needs go, clang and llvm: make cover runs it"]
fn a_go_program_three_levels_deep() {
    let directory = TempDir::new();
    let built = directory.join("levels");
    let built = built.to_str().unwrap();
    build(&program("go"), &["go", "build", "-cover", "-o", built, "."]);
    for (how, status, covered) in [
        (
            "exit",
            5,
            &["levelOne", "levelTwo", "levelThree", "again", "main"][..],
        ),
        (
            "term",
            6,
            &["levelOne", "levelTwo", "levelThree", "untilTerminated"],
        ),
        ("crash", 2, &["levelOne", "levelTwo", "main"]),
    ] {
        let (functions, complaint) = levels(&[built, how], status);
        for name in covered {
            assert!(ran(&functions, name), "{how}: {name}: {functions:?}");
        }
        let lost = how == "crash";
        assert_eq!(ran(&functions, "levelThree"), !lost, "{functions:?}");
        let named = format!("({built}): ended without writing coverage data, passed over");
        assert_eq!(complaint.contains(&named), lost, "{complaint}");
    }
}

#[test]
#[ignore = "needs go, clang and llvm: make cover runs it"]
fn what_each_process_reached_is_what_go_tool_covdata_counts() {
    let directory = TempDir::new();
    let built = directory.join("levels");
    let built = built.to_str().unwrap();
    build(
        &program("go"),
        &[
            "go",
            "build",
            "-cover",
            "-covermode=atomic",
            "-o",
            built,
            ".",
        ],
    );
    let kept = directory.join("kept");
    let kept = kept.to_str().unwrap();
    let out = directory.join("out.txt");
    let words = [
        "run",
        "--keep",
        kept,
        "-o",
        out.to_str().unwrap(),
        "--",
        built,
        "exit",
    ];
    let (status, ..) = cover(&words);
    assert_eq!(status, 5);
    let input = format!("-i={kept}");
    build(
        "/",
        &[
            "go",
            "tool",
            "covdata",
            "textfmt",
            &input,
            &format!("-o={built}.real"),
        ],
    );
    assert_eq!(
        fs::read(&out).unwrap(),
        fs::read(format!("{built}.real")).unwrap()
    );
    // One file of counters for each process.
    let entries = fs::read_dir(kept).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(
        names
            .filter(|name| name.starts_with("covcounters."))
            .count(),
        3
    );
    let (status, _, complaint) = cover(&words);
    assert_eq!(
        (status, complaint),
        (
            1,
            format!("mockpilot: {kept}: not empty, its data would count too\n")
        )
    );
}

#[test]
#[ignore = "needs go, clang and llvm: make cover runs it"]
fn a_program_that_left_only_meta_data_is_named() {
    let directory = TempDir::new();
    let built = directory.join("levels");
    let built = built.to_str().unwrap();
    build(&program("go"), &["go", "build", "-cover", "-o", built, "."]);
    // Without an argument main itself panics.
    let (status, output, complaint) =
        cover(&["run", "--", "sh", "-c", &format!("{built} || true")]);
    assert_eq!((status, output.as_str()), (1, ""));
    assert!(
        complaint.contains("no counters of a Go program, passed over\n"),
        "{complaint}"
    );
    assert!(
        complaint.ends_with("mockpilot: no coverage data at all\n"),
        "{complaint}"
    );
}

#[test]
#[ignore = "needs go, clang and llvm: make cover runs it"]
fn a_go_test_binary_that_runs_itself() {
    let directory = TempDir::new();
    let built = directory.join("self.test");
    let built = built.to_str().unwrap();
    build(
        &program("gotest"),
        &["go", "test", "-c", "-cover", "-o", built, "."],
    );
    let script = format!("exec {built} -test.gocoverdir=\"$GOCOVERDIR\"");
    let (functions, complaint) = levels(&["sh", "-c", &script], 0);
    for name in ["parent", "child", "grandchild"] {
        let found = functions.iter().find(|(known, ..)| known == name);
        assert_eq!(found, Some(&(name.to_string(), 1, 1)), "{complaint}");
    }
    assert!(!ran(&functions, "never"));
    assert!(!complaint.contains("ended without"), "{complaint}");
}

#[test]
#[ignore = "needs go, clang and llvm: make cover runs it"]
fn a_c_program_three_levels_deep() {
    let directory = TempDir::new();
    let built = directory.join("levels");
    let built = built.to_str().unwrap();
    let flags = [
        "-fprofile-instr-generate",
        "-fcoverage-mapping",
        "-o",
        built,
    ];
    let source = program("levels.c");
    let clang = clang();
    build("/", &[&[clang.as_str(), &source], &flags[..]].concat());
    for (how, status, covered) in [
        (
            "exit",
            5,
            &["level_one", "level_two", "level_three", "again", "main"][..],
        ),
        (
            "term",
            6,
            &["level_one", "level_two", "level_three", "until_terminated"],
        ),
        ("crash", 7, &["level_one", "level_two"]),
    ] {
        let (functions, complaint) = levels(&[built, how], status);
        for name in covered {
            assert!(ran(&functions, name), "{how}: {name}: {functions:?}");
        }
        let lost = how == "crash";
        assert_eq!(ran(&functions, "level_three"), !lost, "{functions:?}");
        let named = format!("({built}): ended without writing coverage data, passed over");
        assert_eq!(complaint.contains(&named), lost, "{complaint}");
    }
    // The same lines, functions and branches as the real tools make of the same raw profiles.
    let kept = directory.join("kept");
    let out = directory.join("out.info");
    let (kept, out) = (kept.to_str().unwrap(), out.to_str().unwrap());
    assert_eq!(
        cover(&["run", "--keep", kept, "-o", out, "--", built, "exit"]).0,
        5
    );
    let mut raw: Vec<String> = Vec::new();
    for entry in fs::read_dir(kept).unwrap() {
        raw.push(entry.unwrap().path().to_str().unwrap().to_string());
    }
    assert_eq!(raw.len(), 3, "{raw:?}");
    let version = clang.strip_prefix("clang").unwrap();
    let profile = format!("{built}.profdata");
    let mut words = vec![
        format!("llvm-profdata{version}"),
        "merge".into(),
        "-o".into(),
        profile.clone(),
    ];
    words.extend(raw.iter().cloned());
    build("/", &words.iter().map(String::as_str).collect::<Vec<_>>());
    let export = Command::new(format!("llvm-cov{version}"))
        .args([
            "export",
            "-format=lcov",
            &format!("-instr-profile={profile}"),
            built,
        ])
        .output()
        .unwrap();
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(String::from).collect();
        lines.retain(|line| line != "TN:");
        lines.sort();
        lines
    };
    let expected = sorted(&String::from_utf8(export.stdout).unwrap());
    assert!(expected.len() > 30);
    assert_eq!(sorted(&fs::read_to_string(out).unwrap()), expected);
    // The directory alone says the same, and an object counts once.
    let merged = cover(&["merge", "--object", built, "--object", built, kept]);
    assert_eq!(merged, (0, fs::read_to_string(out).unwrap(), String::new()));
    damaged_raw_profiles(built, &raw[0], &raw[1]);
}

/// A raw profile that is cut off or changed is an error that names it, or read.
fn damaged_raw_profiles(object: &str, raw: &str, good: &str) {
    let whole = fs::read(raw).unwrap();
    let bad = format!("{raw}.bad");
    for end in (8..whole.len() - 8).step_by(61) {
        fs::write(&bad, &whole[..end]).unwrap();
        let (status, output, complaint) = cover(&["merge", "--object", object, good, &bad]);
        assert_eq!((status, output.as_str()), (1, ""), "{end}: {complaint}");
        assert!(complaint.contains(&bad), "{end}: {complaint}");
    }
    for at in (8..whole.len()).step_by(29) {
        let mut changed = whole.clone();
        changed[at] ^= 0xFF;
        fs::write(&bad, &changed).unwrap();
        let (status, output, complaint) = cover(&["merge", "--object", object, &bad]);
        assert!(
            status == 0 || (status == 1 && output.is_empty()),
            "{at}: {complaint}"
        );
    }
}

#[test]
#[ignore = "needs go, clang and llvm: make cover runs it"]
fn a_rust_program_three_levels_deep() {
    let directory = TempDir::new();
    let built = directory.join("levels");
    let built = built.to_str().unwrap();
    let source = program("levels.rs");
    build(
        "/",
        &[
            "rustc",
            "--edition=2021",
            "-Cinstrument-coverage",
            "-o",
            built,
            &source,
        ],
    );
    for (how, status, reached) in [("exit", 5, true), ("panic", 101, true), ("crash", 7, false)] {
        let (functions, complaint) = levels(&[built, how], status);
        for name in ["level_one", "level_two", "again", "main"] {
            assert!(ran(&functions, name), "{how}: {name}: {functions:?}");
        }
        assert_eq!(ran(&functions, "level_three"), reached, "{functions:?}");
        let named = format!("({built}): ended without writing coverage data, passed over");
        assert_eq!(complaint.contains(&named), !reached, "{complaint}");
    }
}

#[test]
#[ignore = "needs go, clang and llvm: make cover runs it"]
fn the_status_is_the_commands_and_the_limits() {
    let directory = TempDir::new();
    let built = directory.join("levels");
    let built = built.to_str().unwrap();
    build(&program("go"), &["go", "build", "-cover", "-o", built, "."]);
    let good = format!("{built} exit; exit 0");
    let killed = format!("{built} exit; kill -KILL $$");
    for (words, script, status) in [
        (&["--fail-under", "1"][..], good.as_str(), 0),
        (&["--fail-under", "99.9"], &good, 3),
        (&["--fail-under", "99.9"], "exit 0", 1),
        (&[], "exit 7", 7),
        (&["--fail-under", "99.9"], &killed, 137),
    ] {
        let mut all = vec!["run"];
        all.extend(words);
        all.extend(["--", "sh", "-c", script]);
        let (got, _, complaint) = cover(&all);
        assert_eq!(got, status, "{script}: {complaint}");
    }
    for (name, status) in [("/no/such/command", 127), ("/", 126)] {
        let (got, _, complaint) = cover(&["run", "--", name]);
        assert_eq!(
            (got, complaint.contains("cannot start")),
            (status, true),
            "{complaint}"
        );
    }
    let (status, output, complaint) = cover(&["run", "-o", "/no/such/x.out", "--", "echo", "ran"]);
    assert_eq!((status, output.as_str()), (1, ""), "{complaint}");
}

#[test]
fn the_environment_is_absolute_and_the_directory_private() {
    let directory = TempDir::new();
    let script = "echo $GOCOVERDIR; echo $LLVM_PROFILE_FILE; stat -c %a $GOCOVERDIR; exit 9";
    let words = ["run", "--", "sh", "-c", script];
    let (status, output, _) = cover_in(directory.path(), &words);
    assert_eq!(status, 9);
    let lines: Vec<&str> = output.lines().collect();
    assert!(
        lines[0].starts_with('/') && !Path::new(lines[0]).exists(),
        "{output}"
    );
    assert_eq!(lines[1], format!("{}/%p-%m.profraw", lines[0]));
    assert_eq!(lines[2], "700");
    let words = [
        "run",
        "--keep",
        "kept",
        "--",
        "sh",
        "-c",
        "echo $GOCOVERDIR",
    ];
    let (_, output, _) = cover_in(directory.path(), &words);
    assert!(
        output.starts_with('/') && output.ends_with("/kept\n"),
        "{output}"
    );
}

#[test]
fn signals_are_passed_on() {
    let script = "trap 'exit 43' TERM; echo ready; while :; do sleep 0.02; done";
    let mut child = Command::new(env!("CARGO_BIN_EXE_mockpilot"))
        .args(["cover", "run", "--", "sh", "-c", script])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut line = [0; 6];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
    mockpilot::sys::kill(child.id(), 15).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(43));
}
