//! What the reader makes of whole scenarios.

mod broken;
mod format;
mod good;
mod socket;

use std::fs;

use super::*;
use crate::testing::TempDir;

fn mistakes(text: &str) -> Vec<String> {
    load(&[Source::Text(text.to_owned())])
        .err()
        .unwrap_or_default()
}

/// A scenario a line, and under it its mistakes without the name of the scenario.
const TABLE: &str = include_str!("tests/mistakes.txt");

#[test]
fn mistakes_are_named_with_their_places() {
    let mut lines = TABLE.lines().peekable();
    let mut cases = 0;
    while let Some(line) = lines.next() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut wanted = Vec::new();
        while let Some(mistake) = lines.next_if(|line| line.starts_with("> ")) {
            wanted.push(format!("<scenario>:{}", &mistake[2..]));
        }
        assert!(!wanted.is_empty(), "{line}");
        assert_eq!(mistakes(line), wanted, "{line}");
        cases += 1;
    }
    assert!(cases >= 80, "{cases}");
}

#[test]
fn lines_and_columns_count_characters() {
    let text = "{\r\n  \"comment\": \"日本\",\n\n\t\"peers\": [\n  {\"node_id\": 2}, {\"hostname\": \"é\", \"nodeid\": 3},\n  5\n]}";
    assert_eq!(
        mistakes(text),
        [
            "<scenario>:5:19: peers[1]: no \"node_id\", expected the peer's node id",
            "<scenario>:5:20: peers[1].hostname: invalid hostname: hostname must be lowercase \
             alphanumeric with hyphens, start/end with alphanumeric",
            "<scenario>:5:37: peers[1].nodeid: unknown key, did you mean \"node_id\"?",
            "<scenario>:6:3: peers[2]: expected an object, got 5",
        ]
    );
}

#[test]
fn mistakes_are_one_line_each() {
    let found = mistakes("{\"a\\nb\": 1, \"profile\": \"x\\ny\"}");
    assert_eq!(found.len(), 2);
    assert!(
        found[0].starts_with("<scenario>:1:2: a\\nb: unknown key"),
        "{found:?}"
    );
    assert!(found[1].ends_with("got \"x\\ny\""), "{found:?}");
    let long = mistakes(&format!("{{\"profile\":\"{}\"}}", "x".repeat(100_000)));
    assert!(long[0].len() < 200, "{}", long[0].len());
}

#[test]
fn arguments_that_start_with_a_brace_are_scenarios() {
    let text = " \n{\"seed\": 3}";
    assert_eq!(Source::of(text.as_ref()), Source::Text(text.to_owned()));
    for file in ["a.json", "[]", "", "./{}"] {
        assert_eq!(
            Source::of(file.as_ref()),
            Source::File(file.into()),
            "{file}"
        );
    }
}

/// Writes files and loads them; paths in mistakes are file names then.
fn load_files(files: &[(&str, &[u8])]) -> Result<Scenario, Vec<String>> {
    let directory = TempDir::new();
    let write = |(name, bytes): &(&str, &[u8])| {
        let path = directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        Source::File(path)
    };
    let sources: Vec<Source> = files.iter().map(write).collect();
    let start = format!("{}/", directory.path().display());
    let name = |line: String| line.replace(&start, "");
    load(&sources).map_err(|lines| lines.into_iter().map(name).collect())
}

#[test]
fn scenarios_are_merged() {
    let scenario = load_files(&[
        (
            "a.json",
            br#"{"comment":"one","seed":7,"node":{"comment":1,"node_id":5,"tags":["a"]},
                "peers":[{"node_id":2}],"rules":[{"name":"x","on":"dial"}]}"#,
        ),
        (
            "b.json",
            br#"{"comment":"two","seed":7,"profile":"faithful","unexpected":"fail",
                "node":{"comment":2,"hostname":"unit","tags":["b"]},
                "peers":[{"node_id":3}],"rules":[{"name":"y","on":"bind"}]}"#,
        ),
    ])
    .unwrap();
    assert_eq!(scenario.seed, Some(7));
    assert_eq!(scenario.profile, Some(Profile::Faithful));
    assert!(scenario.unexpected_fails);
    let node = &scenario.config.node;
    assert_eq!((node.node_id, &*node.hostname), (5, "unit"));
    assert_eq!(node.tags, ["a", "b"]);
    let peers: Vec<u32> = scenario.config.peers.iter().map(|p| p.node_id).collect();
    assert_eq!(peers, [2, 3]);
    let names: Vec<_> = scenario.rules.iter().flat_map(|r| r.name.clone()).collect();
    assert_eq!(names, ["x", "y"]);
    let place = scenario.rules[1].place.as_ref().unwrap();
    assert!(place.file.ends_with("/b.json"), "{place}");
    assert_eq!((place.line, place.column), (3, 50));
}

#[test]
fn what_does_not_fit_together_is_named_at_the_second_place() {
    let found = load_files(&[
        (
            "a.json",
            br#"{"seed":1,"profile":"lenient","node":{"admin_token":"s3cret"},"peers":[{"node_id":2}],
                "rules":[{"name":"x","on":"dial"}]}"#,
        ),
        (
            "b.json",
            br#"{"seed":2,"profile":{},"node":{"admin_token":"other"},"peers":[{"node_id":3},{"node_id":2}],
                "rules":[{"on":"dial"},{"name":"x","on":"dial"}]}"#,
        ),
    ])
    .unwrap_err();
    assert_eq!(
        found,
        [
            "b.json:1:2: seed: 2, expected 1 as at a.json:1:2",
            "b.json:1:11: profile: an object, expected \"lenient\" as at a.json:1:11",
            "b.json:1:32: node.admin_token: <redacted>, expected <redacted> as at a.json:1:39",
            "b.json:1:79: peers[1].node_id: 2 is that of an earlier peer, expected another",
            "b.json:2:41: rules[1].name: duplicate rule name \"x\", expected another than at a.json:2:27",
        ]
    );
}

#[test]
fn every_file_has_its_mistakes_named() {
    let found = load_files(&[
        ("a.json", b"{\"sed\":1}"),
        ("b.json", b"{\"seed\":}"),
        ("c.json", b""),
        ("d.json", b"[]"),
        ("e.json", b"{\"name\":\"\xc3\xa9\xff\"}"),
        ("f.json", b"\xff"),
        ("g.json", b"{\"a\":x,\"b\":\"\xff\"}"),
        ("h.json", b"{\"clok\":1}"),
    ])
    .unwrap_err();
    assert_eq!(
        found,
        [
            "a.json:1:2: sed: unknown key, did you mean \"seed\"?",
            "b.json:1:9: expected a value, got '}'",
            "c.json:1:1: expected a value, got the end",
            "d.json:1:1: expected an object, got a list",
            "e.json:1:11: byte 0xff is not UTF-8",
            "f.json:1:1: byte 0xff is not UTF-8",
            "g.json:1:6: expected a value, got 'x'",
            "h.json:1:2: clok: unknown key, did you mean \"clock\"?",
        ]
    );
    let missing = load(&[Source::File("/no/such/file.json".into())]).unwrap_err();
    assert_eq!(
        missing,
        ["/no/such/file.json: cannot read: no such file or directory"]
    );
}
