//! Rules on requests that do not parse, and on unknown ones.

use serde_json::json;

use crate::ruled::{Ruled, read_some};
use crate::support::{Client, error_of};

#[test]
fn malformed_requests_keep_their_name_and_have_a_text() {
    let ruled = Ruled::start(json!([]));
    let mut client = ruled.connect();
    for (on, code, payload, text) in [
        ("bind", 0x01, &[1][..], "bind: missing port"),
        ("unbind", 0x37, &[0, 1, 2], "unbind: port is required"),
        ("dial", 0x03, &[0; 7], "dial: missing address/port"),
        (
            "network.join",
            0x1F,
            &[2, 0],
            "network join: missing network_id",
        ),
        ("handshake", 0x0F, &[], "handshake: missing sub-command"),
        ("network", 0x1F, &[9], "network: unknown sub-command 0x09"),
        ("managed", 0x23, &[1], "managed: unknown sub-command 0x01"),
        ("broadcast", 0x29, &[0; 5], "broadcast: missing header"),
    ] {
        assert_eq!(client.error_text(code, payload), text);
        for (when, hit) in [
            (json!({"malformed": text}), true),
            (json!({"malformed": {"contains": text}}), true),
            (json!({"malformed": {"starts_with": &text[..4]}}), true),
            (json!({"malformed": {"in": ["x", text]}}), true),
            (json!({"malformed": {"not": text}}), false),
            (json!({"malformed": "x"}), false),
            (json!({}), true),
        ] {
            let name = ruled.add(json!({"on": on, "when": when, "error": "hit"}));
            let got = client.error_text(code, payload);
            assert_eq!(got == "hit", hit, "{on} {when}: {got}");
            ruled.remove(&name);
        }
    }
}

/// A field that a request is too short for is missing, and a whole one has no `malformed`.
#[test]
fn missing_fields_and_malformed_exclude_each_other() {
    let ruled = Ruled::start(json!([
        {"on": "bind", "when": {"port": {"min": 0}}, "error": "whole"},
        {"on": "bind", "when": {"malformed": {"not": "-"}}, "error": "broken"},
    ]));
    let mut client = ruled.connect();
    assert_eq!(client.error_text(0x01, &[0, 1]), "whole");
    assert_eq!(client.error_text(0x01, &[0]), "broken");
}

/// What is there before the place where a request ends or does not parse.
#[test]
fn whole_fields_stay_beside_malformed() {
    let ruled = Ruled::start(json!([]));
    let mut client = ruled.connect();
    for (name, code, payload, text, whole) in [
        (
            "managed.member_tags_set",
            0x23,
            &b"\x06\x01\0\x07\0\0\0\x02"[..],
            "managed member-tags set: missing tags JSON",
            json!({"network_id": 7, "node_id": 2}),
        ),
        (
            "managed.member_tags_set",
            0x23,
            b"\x06\x01\0\x07\0\0\0\x02[",
            "member-tags set: invalid tags JSON: unexpected end of JSON input",
            json!({"network_id": 7, "node_id": 2}),
        ),
        (
            "managed.member_tags_get",
            0x23,
            b"\x06\0\0\x07\0\0\0",
            "managed member-tags: missing action, network_id, or node_id",
            json!({"network_id": 7}),
        ),
        (
            "managed.policy_set",
            0x23,
            b"\x05\x01\0\x07\0\x06s3cre",
            "managed policy set: truncated token",
            json!({"network_id": 7}),
        ),
        (
            "managed.policy_set",
            0x23,
            b"\x05\x01\0\x07\0\x06s3cret",
            "managed policy set: missing policy JSON",
            json!({"network_id": 7, "token": "s3cret"}),
        ),
        (
            "managed.policy_set",
            0x23,
            b"\x05\x01\0\x07\0\x06s3cret{",
            "managed policy set: parse policy: policy: invalid JSON: unexpected end of JSON input",
            json!({"network_id": 7, "token": "s3cret"}),
        ),
        (
            "broadcast",
            0x29,
            b"\0\x07\0\x50\0",
            "broadcast: missing header",
            json!({"network_id": 7, "port": 80}),
        ),
        (
            "broadcast",
            0x29,
            b"\0\x07\0\x50\0\x06s3cre",
            "broadcast: truncated token",
            json!({"network_id": 7, "port": 80}),
        ),
        (
            "dial",
            0x03,
            b"\0\x01\0\0\0\x02\0",
            "dial: missing address/port",
            json!({"address": "1:0001.0000.0002", "network": 1, "node": 2}),
        ),
        (
            "dial",
            0x03,
            b"\0\x01\0\0\0",
            "dial: missing address/port",
            json!({"network": 1}),
        ),
        (
            "handshake.wait",
            0x0F,
            b"\x07\0\0\0\x02\0\0\0",
            "handshake wait: payload must be [nodeID(4)][timeoutMs(4)]",
            json!({"node_id": 2}),
        ),
        (
            "network.respond_invite",
            0x1F,
            b"\x07\0\x07",
            "network respond-invite: missing network_id or accept flag",
            json!({"network_id": 7}),
        ),
        (
            "set_tags",
            0x19,
            b"[",
            "set_tags: invalid JSON: unexpected end of JSON input",
            json!({}),
        ),
    ] {
        assert_eq!(client.error_text(code, payload), text);
        let mut shown = whole.clone();
        shown["malformed"] = json!(text);
        if let Some(token) = shown.get_mut("token") {
            *token = json!("<redacted>");
        }
        let entries = ruled.entries();
        let entry = entries.iter().rfind(|e| e["dir"] == "in").unwrap();
        assert_eq!((&entry["cmd"], &entry["fields"]), (&json!(name), &shown));
        let rule = ruled.add(json!({"on": name, "when": whole, "error": "hit"}));
        assert_eq!(client.error_text(code, payload), "hit", "{name} {whole}");
        ruled.remove(&rule);
        for (field, value) in whole.as_object().unwrap() {
            let rule = json!({"on": name, "when": {field: {"not": value}}, "error": "hit"});
            let rule = ruled.add(rule);
            assert_eq!(client.error_text(code, payload), text, "{name} {field}");
            ruled.remove(&rule);
        }
    }
}

/// The daemon looks at the token before it looks into the policy, and at what is in a document after that.
#[test]
fn policies_that_are_no_json() {
    let ruled = Ruled::play(json!({"node": {"admin_token": "good"}}), &[]);
    let mut client = ruled.connect();
    let text = "managed policy set: parse policy: policy: invalid JSON: \
                invalid character 'n' looking for beginning of object key string";
    let request = |token: &str, document: &str| {
        [
            b"\x05\x01\0\x07\0\x04",
            token.as_bytes(),
            document.as_bytes(),
        ]
        .concat()
    };
    let (good, bad) = (request("good", "{n"), request("evil", "{n"));
    let refused = "managed policy set: invalid admin token";
    assert_eq!(client.error_text(0x23, &good), text);
    assert_eq!(client.error_text(0x23, &bad), refused);
    let entries = ruled.entries();
    let noted = entries.iter().filter(|e| e["event"] == "malformed");
    assert!(noted.map(|e| &e["text"]).eq([text, text]));
    let json = request("good", "[]");
    let said = client.error_text(0x23, &json);
    let entry = ruled.entries().into_iter().rfind(|e| e["dir"] == "in");
    let shown = json!({"network_id": 7, "token": "<redacted>", "policy": []});
    assert_eq!(entry.unwrap()["fields"], shown, "{said}");
    let on = "managed.policy_set";
    ruled.add(json!({"on": on, "when": {"malformed": text}, "error": "broken"}));
    ruled.add(json!({"on": on, "when": {"policy": {"not": 1}}, "error": "whole"}));
    assert_eq!(client.error_text(0x23, &good), "broken");
    assert_eq!(client.error_text(0x23, &bad), "broken");
    assert_eq!(client.error_text(0x23, &json), "whole");
}

#[test]
fn answers_to_malformed_requests() {
    let ruled = Ruled::start(json!([]));
    let mut client = ruled.connect();
    for (on, code, payload, change, expected) in [
        (
            "bind",
            0x01,
            &[][..],
            json!({"payload": {"hex": "1234"}}),
            (0x02, &[0x12, 0x34][..]),
        ),
        (
            "network.leave",
            0x1F,
            &[3],
            json!({"reply": {"ok": 1}}),
            (0x20, br#"{"ok":1}"#),
        ),
        ("set_tags", 0x19, b"[", json!({"reply": []}), (0x1A, b"[]")),
    ] {
        let mut rule = json!({"on": on});
        for (key, value) in change.as_object().unwrap() {
            rule[key] = value.clone();
        }
        let name = ruled.add(rule);
        let (got, payload) = client.call(code, payload);
        assert_eq!((got, &payload[..]), expected, "{on}");
        ruled.remove(&name);
    }
    // Its error is not patched.
    let name = ruled.add(json!({"on": "network.leave", "patch": {"ok": 1}}));
    let text = client.error_text(0x1F, &[3]);
    assert_eq!(text, "network leave: missing network_id");
    ruled.remove(&name);
    // The journal says that it was malformed, unless the node did not see it.
    let malformed = || {
        let entries = ruled.entries();
        entries.iter().filter(|e| e["event"] == "malformed").count()
    };
    let before = malformed();
    client.call(0x1F, &[3]);
    assert_eq!(malformed(), before + 1);
    ruled.add(json!({"on": "network.leave", "error": "no"}));
    client.call(0x1F, &[3]);
    assert_eq!(malformed(), before + 1);
}

/// Cut-off sends are silent, and take what sends take.
#[test]
fn malformed_sends_stay_silent() {
    let push = json!([{"raw": {"command": 0x70, "data": "seen"}}]);
    let ruled = Ruled::start(json!([
        {"on": ["send", "send_to"], "when": {"malformed": {"not": "-"}}, "delay": "20ms",
         "push": push},
    ]));
    let mut client = ruled.connect();
    client.send(0x06, &[0, 0, 0]);
    assert!(client.quiet().is_empty());
    assert_eq!(client.expect(0x70), b"seen");
    client.send(0x0B, &[0; 7]);
    assert_eq!(client.expect(0x70), b"seen");
    client.send(0x06, &[0, 0, 0, 1]);
    assert!(client.quiet().is_empty());
    ruled.add(json!({"on": "send", "fault": "close"}));
    client.send(0x06, &[0]);
    client.recv_eof();
}

#[test]
fn unknown_commands_can_be_taught() {
    let ruled = Ruled::start(json!([
        {"on": "unknown", "when": {"command": 126, "bytes": {"min": 2}}, "payload": "hi"},
        {"on": "unknown", "when": {"command": 126}, "reply": {"a": 1}},
        {"on": "unknown", "when": {"command": {"in": [0, 255]}}, "error": "edges"},
        {"on": "unknown", "when": {"command": 29}, "fault": "no_reply"},
        {"on": "unknown", "when": {"command": 30}, "fault": {"command": 31}},
        {"on": "unknown", "when": {"command": 40}, "delay": "30ms"},
    ]));
    let mut client = ruled.connect();
    // The reply's byte is the one behind the request's, as with every command.
    assert_eq!(client.call(0x7E, b"xy"), (0x7F, b"hi".to_vec()));
    assert_eq!(client.call(0x7E, b"x"), (0x7F, br#"{"a":1}"#.to_vec()));
    assert_eq!(client.error_text(0x00, &[]), "edges");
    assert_eq!(client.error_text(0xFF, &[]), "edges");
    client.send(29, &[]);
    client.send(30, &[]);
    let spoilt = client.expect(31);
    assert_eq!(error_of(&spoilt), "unknown command: 0x1E");
    client.send(40, &[]);
    assert_eq!(client.error_text(0x7D, &[]), "unknown command: 0x7D");
    assert_eq!(error_of(&client.expect(0x0A)), "unknown command: 0x28");
    assert!(client.quiet().is_empty());
    let frame = Client::frame(0x7E, &[1; 9]);
    client.send_raw(&frame);
    assert_eq!(read_some(client.stream(), 7), Client::frame(0x7F, b"hi"));
}
