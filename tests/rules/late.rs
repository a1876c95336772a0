//! Rules on answers that the node gives later: a dial that hangs or takes its time, handshake.wait.

use std::time::Instant;

use serde_json::{Value, json};

use crate::ruled::{End, Ruled, read_all, read_some, to, waited};
use crate::support::{Client, error_of};

const WAIT: [u8; 9] = [7, 0, 0, 0, 9, 0, 0, 0, 120];

/// A daemon on which port 98 hangs for 120 ms, all of node 6 is 60 ms away, and nobody is trusted.
fn start(rules: Value) -> Ruled {
    let scenario = json!({
        "profile": "faithful", "dial_timeout": "120ms", "rules": rules,
        "peers": [
            {"node_id": 5, "services": {"98": "hang"}},
            {"node_id": 6, "latency": "60ms", "services": {"13": {"say": "hello"}, "80": "echo"}},
            {"node_id": 9},
        ],
    });
    Ruled::play(scenario, &[])
}

#[test]
fn late_answers_are_changed_when_they_come() {
    for (rule, hang, open, wait) in [
        (
            json!({"payload": "odd"}),
            (0x04, &b"odd"[..]),
            (0x04, &b"odd"[..]),
            (0x10, &b"odd"[..]),
        ),
        (
            json!({"reply": {"a": 1}}),
            (0x04, br#"{"a":1}"#),
            (0x04, br#"{"a":1}"#),
            (0x10, br#"{"a":1}"#),
        ),
        (
            json!({"fault": {"command": 0x99}}),
            (0x99, b"\0\x01dial timeout"),
            (0x99, b"\0\0\0\x01"),
            (0x99, b""),
        ),
        (
            json!({}),
            (0x0A, b"\0\x01dial timeout"),
            (0x04, b"\0\0\0\x01"),
            (0x10, b""),
        ),
    ] {
        let mut full = json!({"on": ["dial", "handshake.wait"]});
        for (key, value) in rule.as_object().unwrap() {
            full[key] = value.clone();
        }
        let ruled = start(json!([full]));
        let mut client = ruled.connect();
        for (code, ask, expected, least) in [
            (0x03, to(5, 98), hang, 120),
            (0x03, to(6, 80), open, 60),
            (0x0F, WAIT.to_vec(), wait, 120),
        ] {
            let begun = Instant::now();
            client.send(code, &ask);
            assert!(client.quiet().is_empty(), "{rule}");
            let (got, payload) = client.recv();
            waited(begun, least);
            assert_eq!(got, expected.0, "{rule}");
            if !expected.1.is_empty() {
                assert_eq!(payload, expected.1, "{rule}");
            }
        }
    }
}

#[test]
fn a_late_answer_is_patched() {
    let ruled =
        start(json!([{"on": "handshake.wait", "patch": {"trusted": "maybe", "type": null}}]));
    let mut client = ruled.connect();
    client.send(0x0F, &WAIT);
    let body: Value = serde_json::from_slice(&client.expect(0x10)).unwrap();
    assert_eq!(body["trusted"], "maybe");
    assert!(
        body.get("type").is_none() && body.get("node_id").is_some(),
        "{body}"
    );
}

/// Its delay begins when the answer is there.
#[test]
fn a_late_answer_is_delayed_further() {
    let push = json!([{"raw": {"command": 0x70, "data": "after"}}]);
    let ruled = start(json!([{"on": "dial", "delay": "80ms", "push": push}]));
    let mut client = ruled.connect();
    let begun = Instant::now();
    client.send(0x03, &to(6, 80));
    client.expect(0x04);
    waited(begun, 140);
    assert_eq!(client.expect(0x70), b"after");
    let begun = Instant::now();
    client.send(0x03, &to(5, 98));
    client.expect(0x0A);
    waited(begun, 200);
    assert_eq!(client.expect(0x70), b"after");
}

/// With `error` the node does not see the request, so nobody waits.
#[test]
fn an_error_does_not_wait_for_the_node() {
    let ruled = start(json!([{"on": ["dial", "handshake.wait"], "error": "no"}]));
    let mut client = ruled.connect();
    client.send(0x03, &to(5, 98));
    client.send(0x0F, &WAIT);
    let texts: Vec<_> = client.quiet().iter().map(|(_, p)| error_of(p)).collect();
    assert_eq!(texts, ["no", "no"]);
}

#[test]
fn late_answers_are_spoilt_when_they_come() {
    let timeout = crate::ruled::error_frame("dial timeout");
    for (fault, bytes, open) in [
        (json!("close"), Vec::new(), false),
        (json!({"truncate": 7}), timeout[..7].to_vec(), false),
        (json!("duplicate"), timeout.repeat(2), true),
        (
            json!({"length": 1}),
            [&[0, 0, 0, 1], &timeout[4..]].concat(),
            true,
        ),
        (
            json!({"slow": {"bytes": 5, "every": "1ms"}}),
            timeout.clone(),
            true,
        ),
        (json!({"stall": "20ms"}), timeout.clone(), true),
    ] {
        let ruled = start(json!([{"on": "dial", "fault": fault}]));
        let mut client = ruled.connect();
        let begun = Instant::now();
        client.send(0x03, &to(5, 98));
        // Until then everything is as ever.
        assert!(client.quiet().is_empty(), "{fault}");
        if open {
            assert_eq!(read_some(client.stream(), bytes.len()), bytes, "{fault}");
            assert!(client.quiet().is_empty(), "{fault}");
        } else {
            assert_eq!(read_all(client.stream()), (bytes, End::Eof), "{fault}");
        }
        waited(begun, 120);
    }
}

/// What the peer says comes behind the answer, however late that is.
#[test]
fn what_comes_with_a_late_answer_keeps_its_place() {
    let ruled = start(json!([{"on": "dial", "delay": "50ms"}]));
    let mut client = ruled.connect();
    client.send(0x03, &to(6, 13));
    assert_eq!(client.expect(0x04), [0, 0, 0, 1]);
    assert_eq!(client.expect(0x07), b"\0\0\0\x01hello");
}

/// A cancel answers the dial that its rule was about.
#[test]
fn a_cancelled_dial_keeps_its_rule() {
    let scenario = json!({
        "dial_timeout": "30s", "peers": [{"node_id": 5, "services": {"98": "hang"}}],
        "rules": [{"on": "dial", "payload": "odd", "times": 1}],
    });
    let ruled = Ruled::play(scenario, &[]);
    let mut client = ruled.connect();
    client.send(0x03, &to(5, 98));
    client.send(0x03, &to(5, 98));
    assert!(client.quiet().is_empty());
    client.send(0x2B, &[]);
    assert_eq!(client.expect(0x04), b"odd");
    assert_eq!(error_of(&client.expect(0x0A)), "context canceled");
}

/// Rules that are gone by then still hold for what was asked before, and later ones do not.
#[test]
fn the_rule_is_chosen_when_the_request_comes() {
    let ruled = start(json!([]));
    let mut client = ruled.connect();
    let name = ruled.add(json!({"on": "dial", "payload": "old"}));
    client.send(0x03, &to(5, 98));
    assert!(client.quiet().is_empty());
    ruled.remove(&name);
    ruled.add(json!({"on": "dial", "payload": "new"}));
    assert_eq!(client.expect(0x04), b"old");
    assert_eq!(client.call(0x03, &to(5, 98)), (0x04, b"new".to_vec()));
}

/// A client that leaves takes its late answers with it.
#[test]
fn who_leaves_is_not_answered() {
    let ruled = start(json!([{"on": ["dial", "handshake.wait"], "delay": "1ms", "then": "asked"}]));
    let gone = ruled.connect();
    let frames = [Client::frame(0x03, &to(5, 98)), Client::frame(0x0F, &WAIT)];
    let mut gone = gone;
    gone.send_raw(&frames.concat());
    ruled.done("await", json!({"on": "handshake.wait"}));
    drop(gone);
    ruled.parted(1, "eof");
    let mut client = ruled.connect();
    client.send(0x03, &to(5, 98));
    assert_eq!(error_of(&client.expect(0x0A)), "dial timeout");
    assert!(client.quiet().is_empty());
    let answered = |e: &&Value| e["dir"] == "out" && e["client"] == 1;
    assert_eq!(ruled.entries().iter().filter(answered).count(), 0);
}
