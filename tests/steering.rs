//! What tests do to a running daemon over its control socket, from outside.

mod support;

#[path = "steering/awaits.rs"]
mod awaits;
#[path = "steering/drops.rs"]
mod drops;
#[path = "steering/expectations.rs"]
mod expectations;
#[path = "steering/keys.rs"]
mod keys;
#[path = "steering/reset.rs"]
mod reset;
#[path = "steering/rules.rs"]
mod rules;
#[path = "steering/scans.rs"]
mod scans;
#[path = "support/steered.rs"]
mod steered;

use std::thread;

use serde_json::{Value, json};
use steered::Steered;

#[test]
fn a_hundred_at_once() {
    let steered = Steered::start(&[]);
    let mut waiting: Vec<_> = (0..100).map(|_| steered.talk()).collect();
    for talk in &mut waiting {
        talk.send(json!({"verb": "await", "on": "bind", "timeout": "1m"}));
    }
    thread::scope(|scope| {
        for number in 0..100 {
            let mut talk = steered.talk();
            scope.spawn(move || {
                let name = format!("rule of {number}");
                let rule = json!({"name": name, "on": "dial", "when": {"port": number}});
                talk.done(json!({"verb": "rule_add", "rule": rule, "scoped": number % 2 == 0}));
                let rules = talk.done(json!({"verb": "rules"}));
                let rules = rules["rules"].as_array().unwrap();
                assert!(rules.iter().any(|rule| rule["name"] == name.as_str()));
                talk.done(json!({"verb": "state"}));
                talk.done(json!({"verb": "clients"}));
                talk.done(json!({"verb": "rule_remove", "name": name}));
            });
        }
    });
    assert_eq!(steered.ask(json!({"verb": "rules"}))["rules"], json!([]));
    let mut client = steered.connect();
    client.call_ok(0x01, &[0, 80]);
    let seq = &steered.entry(|e| e["cmd"] == "bind")["seq"];
    for mut talk in waiting {
        assert_eq!(talk.answer(), json!({"ok": true, "seq": seq}));
    }
}

#[test]
fn clients_have_a_row_each() {
    let steered = Steered::start(&[]);
    assert_eq!(
        steered.done(json!({"verb": "clients"}))["clients"],
        json!([])
    );
    let mut listener = steered.settled();
    listener.call_ok(0x01, &[0, 90]);
    listener.call_ok(0x01, &[0, 80]);
    let mut dialler = steered.settled();
    let conn = dialler.call_ok(0x03, &[0, 0, 0x12, 0x34, 0x56, 0x78, 0, 80]);
    let accepted = listener.expect(0x05);
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
    let (near, far) = (number(&conn), number(&accepted[2..6]));
    let _idle = steered.settled();
    let rows = steered.done(json!({"verb": "clients"}))["clients"].clone();
    let since = |row: usize| rows[row]["since_us"].as_u64().unwrap();
    assert!(since(0) <= since(1) && since(1) <= since(2), "{rows}");
    let connected = steered.entries(0);
    let connected: Vec<_> = connected
        .iter()
        .filter(|e| e["event"] == "connect")
        .collect();
    for (row, entry) in connected.iter().enumerate() {
        assert_eq!(entry["client"], rows[row]["client"]);
        assert!(since(row) <= entry["t_us"].as_u64().unwrap() + 1_000_000);
    }
    let wanted = json!([
        {"client": 1, "since_us": since(0), "requests": 3, "ports": [80, 90], "streams": [far]},
        {"client": 2, "since_us": since(1), "requests": 2, "ports": [], "streams": [near]},
        {"client": 3, "since_us": since(2), "requests": 1, "ports": [], "streams": []},
    ]);
    assert_eq!(rows, wanted);
    drop(dialler);
    listener.expect(0x09);
    let rows = steered.done(json!({"verb": "clients"}))["clients"].clone();
    let numbers: Vec<&Value> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["client"])
        .collect();
    assert_eq!(numbers, [1, 3]);
    assert_eq!(rows[0]["streams"], json!([]));
}

#[test]
fn the_state_is_the_whole_node_and_the_scenarios() {
    let steered = Steered::play(&json!({
        "node": {"hostname": "unit", "tags": ["ci"], "admin_token": "s3cret"},
        "networks": [{"id": 7, "name": "lab", "join_rule": "token", "token": "s3cret", "members": [2]}],
        "pending": [{"node_id": 9, "justification": "hi"}],
        "rules": [
            {"on": "info", "then": "informed"},
            {"on": "health", "scope": "client", "then": "well"},
        ],
    }));
    let mut client = steered.settled();
    client.call_ok(0x0D, b"");
    client.call_ok(0x01, &[0, 80]);
    client.call_ok(0x03, b"\0\0\0\0\0\x02\0\x07");
    client.call_ok(0x13, b"renamed");
    let answer = steered.done(json!({"verb": "state"}));
    let state = &answer["state"];
    assert_eq!(state["hostname"], "renamed");
    assert_eq!(state["tags"], json!(["ci"]));
    let states = json!({"state": "informed", "clients": [{"client": 1, "state": "well"}]});
    assert_eq!(state["scenario"], states);
    let text = state.to_string();
    for key in [
        "\"networks\"",
        "\"ports\"",
        "\"streams\"",
        "\"pending\"",
        "\"lab\"",
    ] {
        assert!(text.contains(key), "{key}: {state:#}");
    }
    assert!(!text.contains("s3cret"), "{text}");
    drop(client);
    steered.entry(|e| e["event"] == "disconnect");
    let state = steered.done(json!({"verb": "state"}))["state"].clone();
    assert_eq!(
        state["scenario"],
        json!({"state": "informed", "clients": []})
    );
}
