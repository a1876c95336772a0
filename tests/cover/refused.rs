//! Inputs that cannot be used: what is passed over, and what is an error.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::run::{cover, fixture};
use crate::support::TempDir;

#[test]
fn what_cannot_be_used_is_named_and_passed_over() {
    let directory = TempDir::new();
    let path = |name: &str| directory.join(name).to_str().unwrap().to_string();
    let good = fixture("one.textfmt");
    let copy = |name: &str, kind: &str| {
        fs::create_dir(directory.join(name)).unwrap();
        for entry in fs::read_dir(fixture("one")).unwrap() {
            let entry = entry.unwrap();
            if entry.file_name().to_str().unwrap().starts_with(kind) {
                fs::copy(entry.path(), directory.join(name).join(entry.file_name())).unwrap();
            }
        }
        path(name)
    };
    fs::write(path("zero"), "").unwrap();
    fs::write(path("header"), "TN:unit\n# nothing ran\n").unwrap();
    fs::create_dir(path("nothing")).unwrap();
    let orphans = copy("orphans", "covcounters");
    let lost = copy("lost", "covmeta");
    let half = copy("half", "covmeta");
    fs::write(directory.join("half").join("tmp.covcounters.x.1.2"), "half").unwrap();
    for (input, reason, lines) in [
        (path("missing"), "no such file", 1),
        (path("zero"), "empty", 1),
        (path("header"), "no coverage data in it", 1),
        (path("nothing"), "no counters of a Go program", 1),
        (orphans, "counters without their meta-data, covmeta.", 4),
        (lost, "no counters of a Go program", 1),
        (half, "cut off, its process was killed while it wrote", 2),
    ] {
        let (status, output, complaint) = cover(&["merge", &input, &good]);
        assert_eq!(
            (status, output),
            (0, fs::read_to_string(&good).unwrap()),
            "{complaint}"
        );
        assert!(
            complaint.starts_with(&format!("mockpilot: {input}")),
            "{complaint}"
        );
        assert!(complaint.contains(reason), "{complaint}");
        assert!(complaint.lines().count() <= lines, "{complaint}");
        assert!(
            complaint
                .lines()
                .all(|line| line.ends_with(", passed over")),
            "{complaint}"
        );
        let (status, output, complaint) = cover(&["merge", &input]);
        assert_eq!((status, output.as_str()), (1, ""));
        assert!(
            complaint.ends_with("\nmockpilot: no coverage data at all\n"),
            "{complaint}"
        );
        let told: Value = serde_json::from_str(&told_json(&input, &good)).unwrap();
        assert!(
            told["skipped"][0]["path"]
                .as_str()
                .unwrap()
                .starts_with(&input)
        );
        assert!(
            told["skipped"][0]["reason"]
                .as_str()
                .unwrap()
                .contains(reason)
        );
    }
    // Counters find their meta-data in another directory.
    let (status, output, complaint) = cover(&["merge", &path("orphans"), &path("lost")]);
    assert_eq!(
        (status, output),
        (0, fs::read_to_string(&good).unwrap()),
        "{complaint}"
    );
    // A program that left no counters is in the report, as not run.
    let (status, output, complaint) = cover(&["merge", &path("lost"), &fixture("a.info")]);
    assert_eq!(status, 0);
    assert!(
        output.contains("SF:example.test/relay/sub/sub.go\n"),
        "{output}"
    );
    assert!(
        complaint.contains("no counters of a Go program"),
        "{complaint}"
    );
}

fn told_json(a: &str, b: &str) -> String {
    let (_, output, _) = cover(&["merge", "--format", "json", a, b]);
    output
}

#[test]
fn damage_is_an_error_with_its_place_and_nothing_is_written() {
    let directory = TempDir::new();
    let path = |name: &str| directory.join(name).to_str().unwrap().to_string();
    let out = path("out.txt");
    fs::write(path("a"), "mode: count\nx.go:1.1,2.2 1 1\nx.go:1.1,2.2 1\n").unwrap();
    fs::write(path("b"), "SF:x\nDA:1,1\n").unwrap();
    fs::write(path("c"), "hello\n").unwrap();
    fs::write(
        path("d"),
        "mode: count\nexample.test/relay/main.go:24.15,24.16 9 1\n",
    )
    .unwrap();
    for (inputs, expected) in [
        (
            vec![path("a")],
            format!("{}:3: bad number of statements", path("a")),
        ),
        (vec![path("b")], format!("{}:2: cut off", path("b"))),
        (vec![path("c")], format!("{}:1: no Go profile", path("c"))),
        (
            vec![fixture("one.textfmt"), fixture("set")],
            format!(
                "{}: offset 48: mode set, but count in {}\n",
                fixture("set/covmeta.7dec7de00c4d49f584fbd9566d178901"),
                fixture("one.textfmt")
            ),
        ),
        (
            vec![fixture("one"), fixture("set.textfmt")],
            format!(
                "{}: offset 48: mode count, but set in {}\n",
                fixture("one/covmeta.c100dab20291ca9d90da330e9790490e"),
                fixture("set.textfmt")
            ),
        ),
        (
            vec![fixture("one.textfmt"), path("d")],
            format!(
                "{}: example.test/relay/main.go:24.15,24.16: 9 statements, but 0 in {}",
                path("d"),
                fixture("one.textfmt")
            ),
        ),
    ] {
        fs::write(&out, "before").unwrap();
        let mut words = vec!["merge", "-o", &out];
        words.extend(inputs.iter().map(String::as_str));
        let (status, output, complaint) = cover(&words);
        assert_eq!((status, output.as_str()), (1, ""), "{inputs:?}");
        assert!(complaint.contains(&expected), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        assert_eq!(fs::read_to_string(&out).unwrap(), "before");
    }
    let names = fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(names, 5);
}

#[test]
fn raw_profiles_need_an_object() {
    let directory = TempDir::new();
    let raw = directory.join("x");
    fs::write(&raw, b"\x81rforpl\xff and no more").unwrap();
    let raw = raw.to_str().unwrap();
    let (status, _, complaint) = cover(&["merge", raw]);
    assert_eq!(status, 2);
    assert_eq!(
        complaint,
        format!("mockpilot: {raw}: a raw profile, which needs its program: --object BIN\n")
    );
    let output = Command::new(env!("CARGO_BIN_EXE_mockpilot"))
        .args(["cover", "merge", "--object", raw, raw])
        .env("PATH", directory.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(
        complaint.contains("no LLVM tool reads it: tried nothing"),
        "{complaint}"
    );
    assert!(
        complaint.contains("rustup component add llvm-tools"),
        "{complaint}"
    );
}

#[test]
fn an_unreadable_input_is_no_missing_one() {
    let not_a_directory = format!("{}/x", fixture("a.info"));
    let (status, _, complaint) = cover(&["report", &not_a_directory]);
    assert_eq!(status, 1);
    assert!(complaint.ends_with("not a directory\n"), "{complaint}");
    assert!(Path::new(&fixture("a.info")).exists());
}
