//! The journal, from outside: the form of its entries.

mod support;

#[path = "frames/commands.rs"]
mod commands;
#[path = "frames/conversation.rs"]
mod conversation;
#[path = "journal/events.rs"]
mod events;
#[path = "journal/failures.rs"]
mod failures;
#[path = "journal/file.rs"]
mod file;
#[path = "journal/kept.rs"]
mod kept;
#[path = "frames/requests.rs"]
mod requests;
#[path = "journal/secrets.rs"]
mod secrets;
#[path = "support/steered.rs"]
mod steered;

use std::collections::BTreeSet;

use commands::NAMES;
use conversation::conversation;
use requests::samples;
use serde_json::{Value, json};
use steered::{Steered, values};

#[test]
fn every_command_has_its_entry() {
    let told = conversation(&[]);
    let mut received = told.frames(&["in"]).into_iter();
    let mut names = BTreeSet::new();
    for sample in samples() {
        let entry = received.next().unwrap();
        let wanted = json!({
            "seq": entry["seq"], "t_us": entry["t_us"], "client": 1, "dir": "in",
            "cmd": sample.name, "code": sample.code, "len": sample.payload.len() + 1,
            "fields": sample.fields,
        });
        assert_eq!(*entry, wanted);
        names.insert(sample.name);
        assert_eq!(received.next().unwrap()["cmd"], "health");
    }
    assert_eq!(received.next(), None);
    let missing: Vec<&str> = NAMES.into_iter().filter(|n| !names.contains(n)).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn every_reply_and_push_has_its_entry() {
    let told = conversation(&[]);
    let mut names = BTreeSet::new();
    let mut bytes = &told.received[..];
    for entry in told.frames(&["out", "push"]) {
        let length = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
        let (frame, rest) = bytes[4..].split_at(length);
        assert_eq!(entry["code"], frame[0], "{entry}");
        assert_eq!(entry["len"], length, "{entry}");
        assert_eq!(entry["client"], 1);
        assert!(entry["fields"].is_object(), "{entry}");
        if let Ok(body @ Value::Object(_)) = serde_json::from_slice(&frame[1..])
            && !body.to_string().contains("t0k3n")
        {
            assert_eq!(entry["fields"], body);
        }
        names.insert(entry["cmd"].as_str().unwrap().to_owned());
        bytes = rest;
    }
    assert!(bytes.is_empty());
    for name in [
        "bind_ok",
        "dial_ok",
        "close_ok",
        "recv_from",
        "info_ok",
        "handshake_ok",
        "network_ok",
        "managed_ok",
        "resolve_hostname_ok",
        "set_hostname_ok",
        "set_visibility_ok",
        "deregister_ok",
        "set_tags_ok",
        "set_webhook_ok",
        "health_ok",
        "rotate_key_ok",
        "broadcast_ok",
        "prefer_direct_ok",
        "sign_envelope_ok",
        "unbind_ok",
        "send_to_confirm_ok",
        "error",
    ] {
        assert!(names.contains(name), "{name}: {names:?}");
    }
}

/// A client's first frame of a direction and a name, without its number and time.
fn found(steered: &Steered, client: u64, direction: &str, name: &str) -> Value {
    let mut entry =
        steered.entry(|e| e["client"] == client && e["dir"] == direction && e["cmd"] == name);
    entry.as_object_mut().unwrap().remove("seq");
    entry.as_object_mut().unwrap().remove("t_us");
    entry
}

#[test]
fn pushes_and_errors_have_the_fields_of_the_table() {
    let steered = Steered::start(&[]);
    let mut listener = steered.connect();
    listener.call_ok(0x01, &[0, 80]);
    let mut dialler = steered.connect();
    let conn = dialler.call_ok(0x03, &[0, 0, 0x12, 0x34, 0x56, 0x78, 0, 80]);
    let accepted = listener.expect(0x05);
    dialler.send(0x06, &[&conn, &b"to you"[..]].concat());
    listener.expect(0x07);
    dialler.send(0x0B, b"\0\0\0\0\0\x02\0\x50hi");
    dialler.expect(0x0C);
    listener.expect(0x0C);
    // The answer, and the stream's end.
    dialler.call_ok(0x08, &conn);
    dialler.expect(0x09);
    listener.expect(0x09);
    dialler.error_text(0x7E, b"");
    let number = |at: usize| u32::from_be_bytes(accepted[at..at + 4].try_into().unwrap());
    let (own, theirs) = (
        u32::from_be_bytes(conn.clone().try_into().unwrap()),
        number(2),
    );
    let port = u16::from_be_bytes(accepted[12..14].try_into().unwrap());
    let node = json!({"address": "0:0000.1234.5678", "network": 0, "node": 0x1234_5678});
    let with = |mut fields: Value, more: Value| {
        fields
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        fields
    };
    for (client, direction, name, code, len, fields) in [
        (1, "out", "bind_ok", 2, 3, json!({"port": 80})),
        (2, "out", "dial_ok", 4, 5, json!({"conn": own})),
        (
            1,
            "push",
            "accept",
            5,
            15,
            with(
                node.clone(),
                json!({"port": 80, "conn": theirs, "remote_port": port}),
            ),
        ),
        (
            1,
            "push",
            "recv",
            7,
            11,
            json!({"conn": theirs, "data": "to you", "bytes": 6}),
        ),
        (1, "push", "close_ok", 9, 5, json!({"conn": theirs})),
        (2, "out", "close_ok", 9, 5, json!({"conn": own})),
        (
            2,
            "out",
            "error",
            10,
            24,
            json!({"code": 1, "message": "unknown command: 0x7E"}),
        ),
    ] {
        let wanted = json!({"client": client, "dir": direction, "cmd": name, "code": code,
                            "len": len, "fields": fields});
        assert_eq!(found(&steered, client, direction, name), wanted);
    }
    let datagram = found(&steered, 1, "push", "recv_from");
    let sender = json!({"address": "0:0000.0000.0002", "network": 0, "node": 2, "from_port": 0xDEAD,
                        "to_port": 80, "data": "hi", "bytes": 2});
    assert_eq!(datagram["fields"], sender);
    assert_eq!(
        (&datagram["code"], &datagram["len"]),
        (&json!(12), &json!(13))
    );
}

#[test]
fn a_rule_is_named_where_it_applied() {
    let steered = Steered::play(&json!({"rules": [
        {"name": "quiet", "on": "info", "reply": {"a": 1}},
        {"name": "never", "on": "info"},
        {"on": "connect"},
    ]}));
    let mut client = steered.connect();
    assert_eq!(client.call_json(0x0D, b""), json!({"a": 1}));
    client.call_ok(0x21, b"");
    let rules: Vec<(Value, Value)> = steered
        .entries(0)
        .iter()
        .map(|e| (e["dir"].clone(), e["rule"].clone()))
        .collect();
    let wanted = [
        ("event", json!("rules[2]")),
        ("in", json!("quiet")),
        ("out", json!("quiet")),
        ("in", Value::Null),
        ("out", Value::Null),
    ];
    let wanted: Vec<_> = wanted.map(|(d, r)| (json!(d), r)).into();
    assert_eq!(rules, wanted);
}

#[test]
fn data_is_cut_unless_it_is_raw() {
    let text = "é".repeat(100);
    for (options, shown) in [(&[][..], 32), (&["--journal-raw"], 100)] {
        let mut steered = Steered::start(&[&["--journal", "j"], options].concat());
        let mut client = steered.connect();
        client.send(0x06, &[b"\0\0\0\x01", text.as_bytes()].concat());
        client.send(0x06, &[&[0, 0, 0, 1][..], &[0xFF; 200]].concat());
        client.send(0x06, b"\0\0\0\x01");
        client.call_ok(0x0D, b"");
        let kept = steered.entries(0);
        steered.daemon.terminate();
        let file = std::fs::read_to_string(steered.journal()).unwrap();
        let file = values(&file);
        assert_eq!(file[..kept.len()], kept[..]);
        assert_eq!(kept[1]["fields"]["data"], "é".repeat(shown));
        assert_eq!(kept[1]["fields"]["bytes"], 200);
        assert_eq!(kept[1]["len"], 205);
        let digits = "ff".repeat(if shown == 100 { 200 } else { 64 });
        let unprintable = json!({"conn": 1, "data": {"hex": digits}, "bytes": 200});
        assert_eq!(kept[2]["fields"], unprintable);
        assert_eq!(
            kept[3]["fields"],
            json!({"conn": 1, "data": "", "bytes": 0})
        );
    }
}
