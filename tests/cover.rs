//! `mockpilot cover merge` and `report` from outside: against the real tools, or what they once said.

mod support;

#[path = "cover/refused.rs"]
mod refused;
#[path = "cover/run.rs"]
mod run;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use run::{cover, fixture, told};
use serde_json::{Value, json};
use support::TempDir;

/// What a real tool prints when it is here; what it printed when the fixtures were made, where it is not.
fn real(tool: &str, words: &[&str], recorded: &str) -> String {
    let recorded = fs::read_to_string(fixture(recorded)).unwrap();
    let mut command = Command::new(tool);
    command.args(words).current_dir(fixture("relay"));
    let Ok(output) = command.output() else {
        return recorded;
    };
    assert!(output.status.success(), "{command:?}: {output:?}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        recorded,
        "{command:?}"
    );
    recorded
}

#[test]
fn directories_merge_as_go_tool_covdata_merges_them() {
    for (directories, recorded) in [
        (&["../set"][..], "set.textfmt"),
        (&["../one"], "one.textfmt"),
        (&["../two"], "two.textfmt"),
        (&["../one", "../two"], "one-two.textfmt"),
    ] {
        let input = format!("-i={}", directories.join(","));
        let words = ["tool", "covdata", "textfmt", &input, "-o=/dev/stdout"];
        let expected = real("go", &words, recorded);
        let given: Vec<String> = directories.iter().map(|name| fixture(&name[3..])).collect();
        let mut words = vec!["merge"];
        words.extend(given.iter().map(String::as_str));
        assert_eq!(
            cover(&words),
            (0, expected, String::new()),
            "{directories:?}"
        );
    }
}

#[test]
fn texts_merge_as_their_directories_do() {
    let expected = fs::read_to_string(fixture("one-two.textfmt")).unwrap();
    for inputs in [
        ["one.textfmt", "two.textfmt"],
        ["two.textfmt", "one.textfmt"],
        ["one", "two.textfmt"],
        ["one.textfmt", "two"],
    ] {
        let [a, b] = inputs.map(fixture);
        assert_eq!(told(&["merge", &a, &b]), expected, "{inputs:?}");
    }
    let twice = told(&["merge", &fixture("two"), &fixture("two.textfmt")]);
    let twin = told(&["merge", &fixture("two"), &fixture("two")]);
    assert_eq!(twice, twin);
    assert!(twice.contains("sub/sub.go:12.21,12.41 1 6\n"), "{twice}");
}

#[test]
fn functions_of_a_text_are_those_of_go_tool_cover() {
    let expected = real(
        "go",
        &["tool", "cover", "-func=../set.textfmt"],
        "set.cover.func",
    );
    let words = ["report", "--by", "function", "../set.textfmt"];
    let (status, table, complaint) = run::cover_in(fixture("relay"), &words);
    assert_eq!((status, complaint.as_str()), (0, ""));
    // The literal outside every function counts in the total, as go tool covdata counts it.
    let rows = |text: &str| text.rsplit_once("total:").unwrap().0.to_string();
    assert_eq!(rows(&table), rows(&expected));
    assert!(
        table.ends_with("total:\t\t\t\t\t(statements)\t90.0%\n"),
        "{table}"
    );
    // Elsewhere there are no sources.
    let table = told(&["report", "--by", "function", &fixture("set.textfmt")]);
    assert_eq!(
        table,
        "example.test/relay/main.go:\tunknown\t\t93.3%\nexample.test/relay/sub/sub.go:\tunknown\t\t80.0%\n\
         total:\t\t\t\t(statements)\t90.0%\n"
    );
}

#[test]
fn functions_of_a_directory_are_those_of_go_tool_covdata() {
    let expected = real(
        "go",
        &["tool", "covdata", "func", "-i=../set"],
        "set.covdata.func",
    );
    let table = told(&["report", "--by=function", &fixture("set")]);
    // covdata shows two functions of one name that follow each other as one.
    let second = "example.test/relay/main.go:27:\t\tinit\t\t100.0%\n";
    let expected = expected.replace("total\t", "total:\t");
    assert_eq!(table.replace(second, ""), expected);
    assert!(table.contains(second));
}

/// The records of each section, in one order.
fn sections(text: &str) -> Vec<String> {
    let mut sections: Vec<String> = text
        .split("end_of_record\n")
        .map(|section| {
            let mut lines: Vec<&str> = section.lines().filter(|l| !l.starts_with("TN:")).collect();
            lines.sort_unstable();
            lines.join("\n")
        })
        .collect();
    sections.sort();
    sections
}

#[test]
fn tracefiles_merge_as_lcov_merges_them() {
    let recorded = fs::read_to_string(fixture("merged.info")).unwrap();
    let [a, b] = ["a.info", "b.info"].map(fixture);
    let merged = told(&["merge", &a, &b]);
    assert_eq!(sections(&merged), sections(&recorded));
    assert_eq!(told(&["merge", &b, &a]), merged);
    let directory = TempDir::new();
    let real = directory.join("real.info");
    let lcov = Command::new("lcov")
        .args([
            "--rc",
            "lcov_branch_coverage=1",
            "-q",
            "-a",
            &a,
            "-a",
            &b,
            "-o",
        ])
        .arg(&real)
        .output();
    if let Ok(output) = lcov {
        assert!(output.status.success(), "{output:?}");
        assert_eq!(
            sections(&fs::read_to_string(real).unwrap()),
            sections(&merged)
        );
    }
}

#[test]
fn kinds_mix() {
    let [go, lcov] = ["set", "merged.info"].map(fixture);
    let table = told(&["report", &go, &lcov]);
    assert!(
        table.contains("total:\t\t\t\t(statements)\t90.0%\n"),
        "{table}"
    );
    assert!(
        table.contains("total:\t\t\t\t(lines)\t\t81.8%\n"),
        "{table}"
    );
    let merged = told(&["merge", &go, &lcov]);
    assert!(merged.starts_with("TN:\nSF:/src/program.c\n"), "{merged}");
    assert!(
        merged.contains("SF:example.test/relay/sub/sub.go\n"),
        "{merged}"
    );
    let told: Value = serde_json::from_str(&told(&["merge", "--format=json", &go, &lcov])).unwrap();
    assert_eq!(
        told["totals"]["statement"],
        json!({"covered": 18, "total": 20})
    );
    assert_eq!(told["totals"]["line"], json!({"covered": 9, "total": 11}));
    assert_eq!(told["files"][0]["functions"][1]["name"], "never");
    let (status, output, complaint) = cover(&["merge", "--format", "go", &go, &lcov]);
    assert_eq!((status, output.as_str()), (1, ""));
    let expected = format!("mockpilot: {lcov}: counts lines, which cannot become a Go profile\n");
    assert_eq!(complaint, expected);
}

#[test]
fn outputs_by_name() {
    let directory = TempDir::new();
    let input = fixture("set");
    for (name, start) in [
        ("a.out", "mode: set\n"),
        ("a.cov", "mode: set\n"),
        ("a.txt", "mode: set\n"),
        ("a.lcov", "TN:\nSF:"),
        ("a.info", "TN:\nSF:"),
        ("a.json", "{\"version\":1,"),
    ] {
        let path = directory.join(name);
        let (status, output, complaint) = cover(&["merge", "-o", path.to_str().unwrap(), &input]);
        assert_eq!(
            (status, output, complaint),
            (0, String::new(), String::new())
        );
        assert!(
            fs::read_to_string(&path).unwrap().starts_with(start),
            "{name}"
        );
    }
    let (status, _, complaint) = cover(&["merge", "-o", "a.xml", &input]);
    assert_eq!(status, 2, "{complaint}");
    let (status, _, complaint) = cover(&["merge", "-o", "/no/such/a.out", &input]);
    assert_eq!(
        (status, complaint.as_str()),
        (1, "mockpilot: /no/such/a.out: no such file or directory\n")
    );
}

#[test]
fn what_is_open_is_written_where_it_is() {
    let directory = TempDir::new();
    let input = fixture("set");
    let merged = told(&["merge", &input]);
    let path = directory.join("f");
    for (output, redirection) in [
        ("/dev/stdout", ""),
        ("/proc/self/fd/1", ""),
        ("/dev/stderr", "2>&1"),
        ("/dev/fd/7", "7>&1"),
    ] {
        let merge = "\"$1\" cover merge --format go -o \"$2\" \"$3\"";
        let script = format!("echo first; {merge} {redirection}; echo last");
        let status = Command::new("sh")
            .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_mockpilot"), output])
            .arg(&input)
            .stdout(fs::File::create(&path).unwrap())
            .status();
        assert!(status.unwrap().success(), "{output}");
        let expected = format!("first\n{merged}last\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), expected, "{output}");
    }
    let words = ["merge", "--format=go", "-o", "/dev/fd/99", &input];
    let (status, _, complaint) = cover(&words);
    assert_eq!(
        (status, complaint.as_str()),
        (1, "mockpilot: /dev/fd/99: bad file descriptor\n")
    );
}

#[test]
fn limits_are_exact() {
    let input = fixture("set");
    for (least, status) in [
        ("90", 0),
        ("90.000000001", 3),
        ("90.00000000000001", 3),
        ("89.99999999999999", 0),
        (".5", 0),
        ("90.", 0),
        ("100", 3),
    ] {
        let (got, output, complaint) = cover(&["report", "--fail-under", least, &input]);
        assert_eq!(got, status, "{least}: {complaint}");
        assert!(output.contains("90.0%"));
        assert_eq!(cover(&["merge", "--fail-under", least, &input]).0, status);
    }
}

#[test]
fn files_are_left_out_and_renamed() {
    let input = fixture("set");
    let table = told(&[
        "report",
        "--exclude",
        "**/sub/*",
        "--strip-prefix=example.test/relay",
        &input,
    ]);
    assert_eq!(
        table,
        "main.go:\t14/15\t\t93.3%\ntotal:\t\t(statements)\t93.3%\n"
    );
    let table = told(&["report", "--exclude", "**", &input]);
    assert_eq!(table, "total:\t(statements)\t0.0%\n");
}

#[test]
fn two_hundred_thousand_blocks_take_a_second() {
    let directory = TempDir::new();
    let mut paths = Vec::new();
    for file in 0..50 {
        let mut text = String::from("mode: atomic\n");
        for block in 0..4000 {
            let line = 2 * block;
            text += &format!(
                "example.test/p{file}/f{}.go:{line}.2,{line}.30 2 {block}\n",
                block / 100
            );
        }
        let path = directory.join(&format!("{file}.out"));
        fs::write(&path, text).unwrap();
        paths.push(path.to_str().unwrap().to_string());
    }
    let mut words = vec!["merge"];
    words.extend(paths.iter().map(String::as_str));
    let started = Instant::now();
    let merged = told(&words);
    let took = started.elapsed();
    assert_eq!(merged.lines().count(), 200_001);
    // A build without optimisation is given more time.
    let limit = if cfg!(debug_assertions) { 10 } else { 1 };
    assert!(took < Duration::from_secs(limit), "{took:?}");
}
