//! `when`: every field of every request, and every operator on every type.

use serde_json::{Value, json};

use crate::ruled::{Ruled, datagram, on_stream, to};
use crate::support::{Client, error_of};

/// Whether a rule with these conditions matches a request.
fn matches(ruled: &Ruled, client: &mut Client, on: &str, ask: &[u8], when: &Value) -> bool {
    let name = ruled.add(json!({"on": on, "when": when}));
    client.send_raw(ask);
    client.quiet();
    let (matched, _) = ruled.counts(&name);
    ruled.remove(&name);
    matched == 1
}

/// Conditions that hold of a request, and conditions that do not.
struct Case {
    on: &'static str,
    ask: Vec<u8>,
    holds: Vec<Value>,
    fails: Vec<Value>,
}

fn run(cases: Vec<Case>) {
    let ruled = Ruled::start(json!([]));
    let mut client = ruled.connect();
    for Case {
        on,
        ask,
        holds,
        fails,
    } in cases
    {
        for (conditions, expected) in [(holds, true), (fails, false)] {
            for when in conditions {
                let got = matches(&ruled, &mut client, on, &ask, &when);
                assert_eq!(got, expected, "{on} {when}");
            }
        }
    }
}

/// Every field has this value, alone and all together, and none has another one.
fn equal(on: &'static str, ask: Vec<u8>, fields: Value) -> Case {
    let mut holds = vec![fields.clone()];
    let mut fails = Vec::new();
    for (field, value) in fields.as_object().unwrap() {
        let other = match value {
            Value::Number(_) => json!(3),
            Value::Bool(flag) => json!(!flag),
            Value::Array(_) => json!(["other"]),
            Value::Object(_) => json!({"version": 2}),
            _ if field == "address" => json!("0:0000.0000.0009"),
            _ => json!("other"),
        };
        let one = |test: Value| json!({field: test});
        holds.extend([
            one(value.clone()),
            one(json!({"not": other})),
            one(json!({"in": [other, value]})),
        ]);
        fails.extend([
            one(other.clone()),
            one(json!({"not": value})),
            one(json!({"in": [other]})),
        ]);
        let mut mixed = fields.clone();
        mixed[field] = other;
        fails.push(mixed);
    }
    Case {
        on,
        ask,
        holds,
        fails,
    }
}

fn frame(code: u8, parts: &[&[u8]]) -> Vec<u8> {
    Client::frame(code, &parts.concat())
}

fn json_frame(code: u8, body: Value) -> Vec<u8> {
    Client::frame(code, body.to_string().as_bytes())
}

#[test]
fn every_field_of_ports_streams_and_datagrams() {
    let dial = json!({"address": "1:0001.0002.0004", "network": 1, "node": 131076, "port": 80});
    let target: &[u8] = &[0, 1, 0, 2, 0, 4, 0, 80];
    let mut sent = dial.clone();
    sent["data"] = "héllo".into();
    sent["bytes"] = 6.into();
    run(vec![
        equal("bind", frame(0x01, &[&[0, 81]]), json!({"port": 81})),
        equal("unbind", frame(0x37, &[&[0, 82]]), json!({"port": 82})),
        equal("dial", frame(0x03, &[target]), dial),
        equal(
            "send",
            frame(0x06, &[&on_stream(77, b"abcd")]),
            json!({"conn": 77, "data": "abcd", "bytes": 4}),
        ),
        equal("close", frame(0x08, &[&[0, 0, 1, 0]]), json!({"conn": 256})),
        equal(
            "send_to",
            frame(0x0B, &[target, "héllo".as_bytes()]),
            sent.clone(),
        ),
        equal(
            "send_to_confirm",
            frame(0x39, &[target, "héllo".as_bytes()]),
            sent,
        ),
        equal(
            "broadcast",
            frame(0x29, &[b"\0\x07\0\x50\0\x05tokendata"]),
            json!({"network_id": 7, "port": 80, "token": "token", "data": "data", "bytes": 4}),
        ),
    ]);
}

#[test]
fn every_field_of_trust_names_and_networks() {
    let node: &[u8] = &[0, 0, 0, 9];
    run(vec![
        equal(
            "handshake.send",
            frame(0x0F, &[&[1], node, b"hello"]),
            json!({"node_id": 9, "justification": "hello"}),
        ),
        equal(
            "handshake.approve",
            frame(0x0F, &[&[2], node]),
            json!({"node_id": 9}),
        ),
        equal(
            "handshake.reject",
            frame(0x0F, &[&[3], node, b"no"]),
            json!({"node_id": 9, "reason": "no"}),
        ),
        equal(
            "handshake.revoke",
            frame(0x0F, &[&[6], node]),
            json!({"node_id": 9}),
        ),
        equal(
            "handshake.wait",
            frame(0x0F, &[&[7], node, &[0, 0, 0, 1]]),
            json!({"node_id": 9, "timeout_ms": 1}),
        ),
        equal(
            "resolve_hostname",
            frame(0x11, &[b"beta"]),
            json!({"hostname": "beta"}),
        ),
        equal(
            "set_hostname",
            frame(0x13, &[b"gamma"]),
            json!({"hostname": "gamma"}),
        ),
        equal(
            "set_visibility",
            frame(0x15, &[&[1]]),
            json!({"public": true}),
        ),
        equal(
            "set_tags",
            frame(0x19, &[br#"["a","b"]"#]),
            json!({"tags": ["a", "b"]}),
        ),
        equal(
            "set_webhook",
            frame(0x1B, &[b"http://x/"]),
            json!({"url": "http://x/"}),
        ),
        equal(
            "network.join",
            frame(0x1F, &[&[2, 0, 7], b"secret"]),
            json!({"network_id": 7, "token": "secret"}),
        ),
        equal(
            "network.leave",
            frame(0x1F, &[&[3, 0, 7]]),
            json!({"network_id": 7}),
        ),
        equal(
            "network.members",
            frame(0x1F, &[&[4, 0, 7]]),
            json!({"network_id": 7}),
        ),
        equal(
            "network.invite",
            frame(0x1F, &[&[5, 0, 7], node]),
            json!({"network_id": 7, "node_id": 9}),
        ),
        equal(
            "network.respond_invite",
            frame(0x1F, &[&[7, 0, 7, 0]]),
            json!({"network_id": 7, "accept": false}),
        ),
        equal("prefer_direct", frame(0x2D, &[node]), json!({"node_id": 9})),
    ]);
}

#[test]
fn every_field_of_policies_badges_and_envelopes() {
    let node: &[u8] = &[0, 0, 0, 9];
    let policy = json!({"version": 1, "rules": [{"name": "r", "on": "connect", "match": "true",
        "actions": [{"type": "allow"}]}]});
    let text = policy.to_string();
    let sign = json!({"audience": "svc", "body_b64": "eA==", "nonce": "00112233445566aa"});
    let verify = json!({"envelope": "e", "signature": "s", "max_skew_secs": 60.5,
        "check_standing": true});
    let mut cases = vec![
        equal(
            "managed.policy_set",
            frame(0x23, &[&[5, 1, 0, 7, 0, 2], b"tt", text.as_bytes()]),
            json!({"network_id": 7, "token": "tt", "policy": policy}),
        ),
        equal(
            "managed.member_tags_get",
            frame(0x23, &[&[6, 0, 0, 7], node]),
            json!({"network_id": 7, "node_id": 9}),
        ),
        equal(
            "managed.member_tags_set",
            frame(0x23, &[&[6, 1, 0, 7], node, b"[\"x\"]"]),
            json!({"network_id": 7, "node_id": 9, "tags": ["x"]}),
        ),
        equal(
            "submit_badge",
            json_frame(0x2F, json!({"badge": "b", "badge_sig": "g"})),
            json!({"badge": "b", "badge_sig": "g"}),
        ),
        equal(
            "enroll_recovery",
            json_frame(0x31, json!({"enrollment": "e", "enrollment_sig": "g"})),
            json!({"enrollment": "e", "enrollment_sig": "g"}),
        ),
        equal("sign_envelope", json_frame(0x33, sign.clone()), sign),
        equal(
            "sign_envelope",
            json_frame(0x33, json!({"audience": "svc", "body_hash": "00"})),
            json!({"audience": "svc", "body_hash": "00"}),
        ),
        equal("verify_envelope", json_frame(0x35, verify.clone()), verify),
        equal(
            "unknown",
            frame(0x7E, &[b"abcd"]),
            json!({"command": 126, "bytes": 4}),
        ),
    ];
    for (on, sub) in [
        ("managed.status", &[2][..]),
        ("managed.cycle", &[4]),
        ("managed.policy_get", &[5, 0]),
        ("managed.reconcile", &[7]),
    ] {
        let ask = frame(0x23, &[sub, &[0, 7]]);
        cases.push(equal(on, ask, json!({"network_id": 7})));
    }
    // A network that is left out is 0.
    cases.push(Case {
        on: "managed.status",
        ask: frame(0x23, &[&[2]]),
        holds: vec![json!({"network_id": 0})],
        fails: vec![json!({"network_id": 7})],
    });
    run(cases);
}

#[test]
fn ranges_of_numbers() {
    let port = |test: Value| json!({"port": test});
    run(vec![
        Case {
            on: "bind",
            ask: frame(0x01, &[&[0, 80]]),
            holds: vec![
                port(json!({"min": 80, "max": 80})),
                port(json!({"min": 0})),
                port(json!({"max": 80})),
                port(json!({"min": 79, "max": 65535})),
            ],
            fails: vec![
                port(json!({"min": 81})),
                port(json!({"max": 79})),
                port(json!({"min": 81, "max": 90})),
            ],
        },
        Case {
            on: "verify_envelope",
            ask: json_frame(
                0x35,
                json!({"max_skew_secs": 60.5, "envelope": "e", "signature": "s"}),
            ),
            holds: vec![
                json!({"max_skew_secs": {"min": 60.5}}),
                json!({"max_skew_secs": {"min": -1, "max": 60.75}}),
            ],
            fails: vec![json!({"max_skew_secs": {"max": 60}})],
        },
        Case {
            on: "handshake.revoke",
            ask: frame(0x0F, &[&[6], &[255; 4]]),
            holds: vec![json!({"node_id": {"min": 4294967295u32}})],
            fails: vec![json!({"node_id": {"max": 4294967294u32}})],
        },
    ]);
}

#[test]
fn parts_of_text_data_secrets_and_lists() {
    let node: &[u8] = &[0, 0, 0, 9];
    let long = [b'x'; 5000];
    run(vec![
        Case {
            on: "handshake.send",
            ask: frame(0x0F, &[&[1], node, "ein Gruß".as_bytes()]),
            holds: vec![
                json!({"justification": {"contains": "Gruß"}}),
                json!({"justification": {"starts_with": "ein "}}),
            ],
            fails: vec![
                json!({"justification": {"contains": "gruß"}}),
                json!({"justification": {"starts_with": "Gruß"}}),
            ],
        },
        Case {
            on: "dial",
            ask: frame(0x03, &[&to(5, 80)]),
            holds: vec![
                json!({"address": {"starts_with": "0:"}}),
                json!({"address": {"contains": ".0005"}}),
                // Addresses are compared as addresses.
                json!({"address": "0:0000.0000.0005"}),
            ],
            fails: vec![json!({"address": {"starts_with": "1:"}})],
        },
        Case {
            on: "send_to",
            ask: frame(0x0B, &[&datagram(5, 80, b"\0\x01\xFFtail")]),
            holds: vec![
                json!({"data": {"hex": "0001ff7461696c"}}),
                json!({"data": {"base64": "AAH/dGFpbA=="}}),
                json!({"data": {"contains": "tail"}}),
                json!({"data": {"contains": {"hex": "ff74"}}}),
                json!({"data": {"starts_with": {"hex": "0001"}}}),
                json!({"data": {"not": {"hex": "00"}}}),
                json!({"data": {"in": ["x", {"hex": "0001ff7461696c"}]}}),
            ],
            fails: vec![
                json!({"data": {"hex": "0001"}}),
                json!({"data": {"contains": {"hex": "fffe"}}}),
                json!({"data": {"starts_with": "tail"}}),
            ],
        },
        Case {
            on: "send_to",
            ask: frame(0x0B, &[&datagram(5, 80, &long)]),
            holds: vec![
                json!({"data": {"repeat": "x", "bytes": 5000}}),
                json!({"data": {"starts_with": {"repeat": "x", "bytes": 4999}}}),
            ],
            fails: vec![json!({"data": {"repeat": "x", "bytes": 4999}})],
        },
        Case {
            on: "network.join",
            ask: frame(0x1F, &[&[2, 0, 7], b"secret"]),
            holds: vec![
                json!({"token": {"starts_with": "sec"}}),
                json!({"token": {"contains": "cre"}}),
            ],
            fails: vec![json!({"token": {"contains": "x"}})],
        },
        Case {
            on: "set_tags",
            ask: frame(0x19, &[br#"["prod","eu"]"#]),
            holds: vec![json!({"tags": {"contains": "eu"}})],
            fails: vec![
                json!({"tags": {"contains": "e"}}),
                json!({"tags": ["eu", "prod"]}),
                json!({"tags": null}),
            ],
        },
        Case {
            on: "set_tags",
            ask: frame(0x19, &[b"null"]),
            holds: vec![json!({"tags": null}), json!({"tags": {"not": []}})],
            fails: vec![json!({"tags": []})],
        },
        Case {
            on: "managed.member_tags_set",
            ask: frame(0x23, &[&[6, 1, 0, 7], node, b"null"]),
            holds: vec![json!({"tags": null}), json!({"tags": {"not": []}})],
            fails: vec![json!({"tags": []}), json!({"tags": {"contains": "x"}})],
        },
    ]);
}

/// Documents are equal whatever their spelling.
#[test]
fn policies_are_compared_as_documents() {
    let text = "{ \"rules\" : [ {\"name\":\"r\"} ], \"version\" : 1.0 }";
    run(vec![Case {
        on: "managed.policy_set",
        ask: frame(0x23, &[&[5, 1, 0, 7, 0, 0], text.as_bytes()]),
        holds: vec![
            json!({"policy": {"version": 1, "rules": [{"name": "r"}]}}),
            json!({"policy": {"in": [1, {"rules": [{"name": "r"}], "version": 1}]}}),
        ],
        fails: vec![
            json!({"policy": {"version": 1}}),
            json!({"policy": {"not": {"version": 1, "rules": [{"name": "r"}]}}}),
        ],
    }]);
}

/// A field that a request does not have is never what it must be, not even another thing.
#[test]
fn fields_that_are_not_there() {
    let ruled = Ruled::start(json!([
        {"on": ["bind", "resolve_hostname"], "when": {"port": 80}, "error": "port"},
        {"on": "*", "when": {"hostname": {"not": "beta"}}, "error": "hostname"},
    ]));
    let mut client = ruled.connect();
    assert_eq!(client.error_text(0x01, &[0, 80]), "port");
    assert_eq!(client.call(0x01, &[0, 81]).0, 0x02);
    assert_eq!(client.call(0x11, b"beta").0, 0x12);
    let (code, text) = client.call(0x11, b"alpha");
    assert_eq!((code, &*error_of(&text)), (0x0A, "hostname"));
    assert_eq!(client.call(0x0D, &[]).0, 0x0E);
    assert!(client.quiet().is_empty());
}
