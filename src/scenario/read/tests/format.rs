//! The reference, `FORMAT.md`, is what the reader does.

use super::super::keys;
use super::*;
use crate::scenario::ability::{Nature, nature};
use crate::wire::kind::Kind;

const FORMAT: &str = include_str!("../../FORMAT.md");

/// The cells of a table's row. Nothing in a cell is a bar.
fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split('|').map(str::trim).collect()
}

/// What stands between a cell's first pair of backticks, if it starts with one.
fn code(cell: &str) -> Option<&str> {
    cell.strip_prefix('`')?.split('`').next()
}

/// Every object: its name and the rows of its table of keys.
fn sections() -> Vec<(&'static str, Vec<Vec<&'static str>>)> {
    let mut sections: Vec<(&str, Vec<Vec<&str>>)> = Vec::new();
    let mut in_keys = false;
    for line in FORMAT.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            if let Some(name) = code(heading) {
                sections.push((name, Vec::new()));
            }
            in_keys = false;
        } else if line == "| key | type | default | meaning | example |" {
            in_keys = true;
        } else if !line.starts_with('|') {
            in_keys = false;
        } else if in_keys && !line.starts_with("|-") {
            let section = sections.last_mut().expect("a table before any object");
            section.1.push(cells(line));
        }
    }
    sections
}

#[test]
fn every_key_is_in_the_reference_and_no_other() {
    let written: Vec<(&str, Vec<&str>)> = sections()
        .into_iter()
        .map(|(name, rows)| (name, rows.iter().filter_map(|row| code(row[0])).collect()))
        .collect();
    let known: Vec<(&str, Vec<&str>)> = keys::OBJECTS
        .iter()
        .map(|(name, keys)| (*name, keys.to_vec()))
        .collect();
    assert_eq!(written, known);
}

/// A scenario with an example in its place, among what it cannot do without.
fn around(object: &str, key: &str, example: &str) -> String {
    let rule = |inside: &str| format!(r#"{{"rules":[{{"on":"*",{inside}}}]}}"#);
    let push = |inside: &str| rule(&format!(r#""push":[{{{inside}}}]"#));
    let (needed, place): (&str, String) = match object {
        "scenario" => ("", "{@}".to_owned()),
        "node" => ("", r#"{"node":{@}}"#.to_owned()),
        "peer" => (r#""node_id":2"#, r#"{"peers":[{@}]}"#.to_owned()),
        "service" => (
            "",
            r#"{"peers":[{"node_id":2,"services":{"80":{@}}}]}"#.to_owned(),
        ),
        "network" => (
            r#""id":7;"join_rule":"token";"token":"t""#,
            r#"{"networks":[{@}]}"#.to_owned(),
        ),
        "pending" => (r#""node_id":9"#, r#"{"pending":[{@}]}"#.to_owned()),
        "invite" => (
            r#""network_id":7;"inviter_id":2"#,
            r#"{"invites":[{@}]}"#.to_owned(),
        ),
        "rule" => (r#""on":"*""#, r#"{"rules":[{@}]}"#.to_owned()),
        "test" if matches!(key, "contains" | "starts_with") => {
            ("", rule(r#""when":{"hostname":{@}}"#))
        }
        "test" => ("", rule(r#""when":{"port":{@}}"#)),
        "data" if key == "repeat" => (r#""bytes":9"#, rule(r#""payload":{@}"#)),
        "data" if key == "bytes" => (r#""repeat":"x""#, rule(r#""payload":{@}"#)),
        "data" => ("", rule(r#""payload":{@}"#)),
        "delay" => (r#""min":"1ms";"max":"1m""#, rule(r#""delay":{@}"#)),
        "fault" => ("", rule(r#""fault":{@}"#)),
        "slow" => (r#""bytes":5;"every":"1s""#, rule(r#""fault":{"slow":{@}}"#)),
        "push" if matches!(key, "after" | "to") => (r#""raw":{"command":1}"#, push("@")),
        "push" => ("", push("@")),
        "recv_from" => (
            r#""from":"0:0000.0000.0002:5";"to_port":1;"data":"x""#,
            push(r#""recv_from":{@}"#),
        ),
        "accept" => (r#""port":80"#, push(r#""accept":{@}"#)),
        "recv" => (r#""conn":1;"data":"x""#, push(r#""recv":{@}"#)),
        "close" => ("", push(r#""close":{@}"#)),
        "raw" => (r#""command":1"#, push(r#""raw":{@}"#)),
        "act" if key == "justification" => {
            (r#""node_id":2;"does":"handshake""#, push(r#""peer":{@}"#))
        }
        "act" if key == "network_id" => (r#""node_id":2;"does":"invite""#, push(r#""peer":{@}"#)),
        "act" => (r#""node_id":2;"does":"approve""#, push(r#""peer":{@}"#)),
        "timeline" => {
            let needed = match key {
                "when" | "after" => r#""on":"bind";"push":[{"raw":{"command":1}}]"#,
                "push" => r#""at":"1s""#,
                "count" => r#""at":"1s";"every":"1s";"push":[{"raw":{"command":1}}]"#,
                "at" | "on" => r#""push":[{"raw":{"command":1}}]"#,
                _ => r#""at":"1s";"push":[{"raw":{"command":1}}]"#,
            };
            (needed, r#"{"timeline":[{@}]}"#.to_owned())
        }
        "expectation" if key == "in_order" => ("", r#"{"expect":[{@}]}"#.to_owned()),
        "expectation" => (r#""on":"dial""#, r#"{"expect":[{@}]}"#.to_owned()),
        "times" => ("", r#"{"expect":[{"on":"dial","times":{@}}]}"#.to_owned()),
        "step" => (
            r#""on":"dial""#,
            r#"{"expect":[{"in_order":[{@}]}]}"#.to_owned(),
        ),
        other => panic!("no place for {other}"),
    };
    let own = format!("{key:?}:");
    let others = needed
        .split(';')
        .filter(|n| !n.is_empty() && !n.starts_with(&own));
    let inside: Vec<&str> = others.chain([example]).collect();
    place.replace('@', &inside.join(","))
}

#[test]
fn every_example_of_a_key_is_read() {
    for (object, rows) in sections() {
        for row in rows {
            let [key, kind, _, meaning, example] = row[..] else {
                panic!("{object}: {row:?}");
            };
            let (key, example) = (code(key).unwrap(), code(example).unwrap());
            assert!(!kind.is_empty() && !meaning.is_empty(), "{object}: {key}");
            assert!(
                example.starts_with(&format!("{key:?}: ")),
                "{object}: {example}"
            );
            let text = around(object, key, example);
            assert_eq!(mistakes(&text), [""; 0], "{text}");
        }
    }
}

#[test]
fn every_example_is_read() {
    let blocks: Vec<&str> = FORMAT
        .split("```json\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(blocks.len() >= 6, "{}", blocks.len());
    for block in blocks {
        assert_eq!(mistakes(block), [""; 0], "{block}");
    }
}

#[test]
fn every_word_is_in_the_reference() {
    let lists = [
        keys::FAULTS,
        keys::SERVICES,
        keys::ACCEPTED,
        keys::TO,
        keys::ACTS,
        keys::PROFILES,
        keys::UNEXPECTED,
        keys::SCOPES,
        keys::JOIN_RULES,
    ];
    for word in lists.concat() {
        assert!(FORMAT.contains(&format!("`\"{word}\"`")), "{word}");
    }
}

#[test]
fn every_command_is_in_the_reference() {
    let table = FORMAT.split("| name | answer | fields |").nth(1).unwrap();
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let written: Vec<Vec<&str>> = rows.map(cells).collect();
    let known: Vec<Vec<String>> = Kind::all()
        .map(|kind| {
            let answer = match nature(kind) {
                Nature::Json => "JSON",
                Nature::Bytes => "bytes",
                Nature::Refused => "error",
                Nature::Unanswered => "none",
                Nature::Arrival => "arrival",
            };
            let fields: Vec<String> = kind.fields().iter().map(|f| format!("`{f}`")).collect();
            vec![
                format!("`{}`", kind.name()),
                answer.to_owned(),
                fields.join(", "),
            ]
        })
        .collect();
    assert_eq!(written, known);
}
