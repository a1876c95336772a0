//! `reply`, `patch`, `payload`, `error` and `push`.

use serde_json::{Value, json};

use crate::ruled::{Ruled, number, on_stream, to};
use crate::support::{Client, error_of};

const INFO: u8 = 0x0D;
const HEALTH: u8 = 0x21;

fn text(payload: &[u8]) -> String {
    String::from_utf8(payload.to_vec()).unwrap()
}

/// Compact, sorted and escaped as the daemon's own bodies are.
#[test]
fn reply_takes_the_place_of_the_body() {
    let ruled = Ruled::start(json!([]));
    let mut client = ruled.connect();
    for (reply, body) in [
        (
            json!({"b": [1, null], "a": {"z": 1.5, "y": "é<>&"}}),
            "{\"a\":{\"y\":\"é\\u003c\\u003e\\u0026\",\"z\":1.5},\"b\":[1,null]}",
        ),
        (json!({}), "{}"),
        (
            json!({"comment": "data here"}),
            "{\"comment\":\"data here\"}",
        ),
        (json!([1, 2]), "[1,2]"),
        (json!("text"), "\"text\""),
        (json!(null), "null"),
        (json!(18446744073709551615u64), "18446744073709551615"),
    ] {
        let on = json!(["info", "health", "network", "bind"]);
        let name = ruled.add(json!({"on": on, "reply": reply}));
        for (code, ask) in [
            (INFO, &[][..]),
            (HEALTH, &[]),
            (0x1F, &[1]),
            (0x01, &[0, 80]),
        ] {
            let (got, payload) = client.call(code, ask);
            assert_eq!((got, &*text(&payload)), (code + 1, body), "{reply}");
        }
        ruled.remove(&name);
    }
}

/// The node has served the request all the same, even where it refused it.
#[test]
fn the_node_sees_what_is_answered_otherwise() {
    let ruled = Ruled::play(
        json!({"profile": "faithful", "rules": [
            {"on": "set_hostname", "reply": {"ok": true}},
            {"on": "bind", "payload": "xx"},
            {"on": "resolve_hostname", "reply": {"made": "up"}},
        ]}),
        &[],
    );
    let mut client = ruled.connect();
    assert_eq!(client.call_json(0x13, b"renamed"), json!({"ok": true}));
    assert_eq!(client.call_json(INFO, &[])["hostname"], "renamed");
    assert_eq!(client.call_ok(0x01, &[0, 80]), b"xx");
    let state = ruled.done("clients", json!({}));
    assert_eq!(state["clients"][0]["ports"], json!([80]));
    // An error becomes a reply as well.
    assert_eq!(client.call_json(0x11, b"nobody"), json!({"made": "up"}));
}

#[test]
fn patch_is_a_merge_patch() {
    let ruled = Ruled::start(json!([]));
    let (mut plain, mut patched) = (ruled.settled(), ruled.settled());
    for (code, ask) in [
        (INFO, &[][..]),
        (HEALTH, &[]),
        (0x11, b"beta"),
        (0x1F, &[1]),
        (0x0F, &[5]),
        (0x23, &[5, 0, 0, 7]),
        (0x2D, &[0, 0, 0, 5]),
    ] {
        let mut expected = plain.call_json(code, ask);
        let first = expected.as_object().unwrap().keys().next().unwrap().clone();
        let patch =
            json!({first.clone(): null, "never": null, "new": {"a": 1, "b": null}, "text": "<"});
        let name = ruled.add(json!({"on": "*", "client": 2, "patch": patch}));
        let got = patched.call_ok(code, ask);
        let body = expected.as_object_mut().unwrap();
        body.remove(&first);
        body.insert("new".into(), json!({"a": 1}));
        body.insert("text".into(), json!("<"));
        assert_eq!(serde_json::from_slice::<Value>(&got).unwrap(), expected);
        // Keys stay sorted, as Go writes them.
        let body = text(&got);
        assert!(body.contains("\"text\":\"\\u003c\""), "{body}");
        assert!(body.find("\"new\"") < body.find("\"text\""), "{body}");
        ruled.remove(&name);
    }
}

/// Nested members are merged, lists replaced.
#[test]
fn patch_goes_into_policies_and_lists() {
    let policy = json!({"version": 1, "rules": [{"name": "r", "on": "connect", "match": "true",
        "actions": [{"type": "allow"}]}]});
    let ruled = Ruled::start(json!([
        {"on": "managed.policy_get", "times": 1,
         "patch": {"expr_policy": {"version": 2, "rules": [1], "note": {"deep": [null]}}}},
        {"on": "managed.policy_get", "patch": {"expr_policy": null, "engine": "none"}},
    ]));
    let mut client = ruled.connect();
    let set = [&[5, 1, 0, 7, 0, 1][..], b"t", policy.to_string().as_bytes()].concat();
    client.call_ok(0x23, &set);
    let get = [5, 0, 0, 7];
    let got = client.call_json(0x23, &get);
    assert_eq!(
        got["expr_policy"],
        json!({"version": 2, "rules": [1], "note": {"deep": [null]}})
    );
    assert_eq!(got["engine"], "policy");
    let got = client.call_json(0x23, &get);
    assert!(got.get("expr_policy").is_none(), "{got}");
    assert_eq!(got["engine"], "none");
}

#[test]
fn error_replies_are_not_patched() {
    let ruled = Ruled::play(
        json!({"profile": "faithful", "rules": [
            {"on": "resolve_hostname", "patch": {"error": "patched"}},
        ]}),
        &[],
    );
    let mut client = ruled.connect();
    let refused = client.error_text(0x11, b"nobody");
    let name = ruled.add(json!({"on": "resolve_hostname"}));
    assert_eq!(client.error_text(0x11, b"nobody"), refused);
    ruled.remove(&name);
    assert!(refused.contains("nobody"), "{refused}");
}

#[test]
fn payload_is_sent_byte_for_byte() {
    let ruled = Ruled::start(json!([]));
    let mut client = ruled.connect();
    for (payload, bytes) in [
        (json!(""), Vec::new()),
        (json!("{not json"), b"{not json".to_vec()),
        (json!({"hex": "00ff0a"}), vec![0, 255, 10]),
        (json!({"base64": "AAEC"}), vec![0, 1, 2]),
        (json!({"repeat": "ab", "bytes": 5}), b"ababa".to_vec()),
        (
            json!({"repeat": "x", "bytes": 1048575}),
            vec![b'x'; 1_048_575],
        ),
    ] {
        let name = ruled.add(json!({"on": ["info", "dial", "close"], "payload": payload}));
        assert_eq!(client.call(INFO, &[]), (0x0E, bytes.clone()));
        assert_eq!(client.call(0x03, &to(5, 7)), (0x04, bytes.clone()));
        // In place of an error's.
        assert_eq!(client.call(0x03, &[]), (0x04, bytes));
        ruled.remove(&name);
    }
}

/// The node does not see the request: nothing of it happens.
#[test]
fn error_leaves_the_node_alone() {
    let ruled = Ruled::start(json!([]));
    let (mut client, mut other) = (ruled.settled(), ruled.settled());
    let before = ruled.done("state", json!({}))["state"].clone();
    let name = ruled.add(json!({"on": "*", "error": "zu spät: <é>"}));
    for (code, ask) in [
        (0x01, &[0, 80][..]),
        (0x03, &to(5, 7)),
        (0x13, b"renamed"),
        (0x15, &[0]),
        (0x17, &[]),
        (0x19, b"[\"x\"]"),
        (0x1B, b"http://x/"),
        (0x1F, &[2, 0, 7]),
        (0x0F, &[1, 0, 0, 0, 9]),
        (0x25, &[]),
        (0x29, b"\0\x07\0\x50\0\x01tdata"),
        (0x39, b"\0\0\0\0\0\x05\0\x50data"),
        (0x23, b"\x06\x01\0\x07\0\0\0\x09[\"x\"]"),
    ] {
        assert_eq!(client.error_text(code, ask), "zu spät: <é>", "{code:#04x}");
    }
    ruled.remove(&name);
    assert_eq!(ruled.done("state", json!({}))["state"], before);
    assert!(other.quiet().is_empty() && client.quiet().is_empty());
    // The next stream is the first one: none was opened.
    assert_eq!(number(&client.call_ok(0x03, &to(5, 7))), 1);
    // A close that fails leaves the stream open.
    ruled.add(json!({"on": "close", "error": "no"}));
    assert_eq!(client.error_text(0x08, &[0, 0, 0, 1]), "no");
    client.send(0x06, &on_stream(1, b"hi"));
    assert_eq!(client.expect(0x07), on_stream(1, b"hi"));
}

#[test]
fn an_empty_error_is_an_error() {
    let ruled = Ruled::start(json!([{"on": "info", "error": ""}]));
    assert_eq!(ruled.connect().call(INFO, &[]), (0x0A, vec![0, 1]));
}

#[test]
fn pushes_follow_the_reply_in_order() {
    let ruled = Ruled::start(json!([
        {"on": "bind", "push": [
            {"raw": {"command": 0x70, "data": "one"}},
            {"recv_from": {"from": "0:0000.0000.0005:9", "to_port": 80, "data": "two"}},
            {"accept": {"port": 80, "from": "0:0000.0000.0005:9", "service": "echo", "say": "three"}},
            {"raw": {"command": 0x71, "data": "later"}, "after": "40ms"},
            {"recv": {"conn": "last", "data": "four"}},
            {"close": {"conn": "last"}},
            {"raw": {"command": 0x70, "data": "five"}, "to": "all"},
        ]},
        {"on": "info", "error": "no", "push": [{"raw": {"command": 0x70, "data": "error"}}]},
        {"on": "health", "client": 2, "fault": "no_reply", "push": [{"raw": {"command": 0x70, "data": "alone"}}]},
    ]));
    let mut other = ruled.settled();
    let mut client = ruled.connect();
    let start = std::time::Instant::now();
    client.send(0x01, &[0, 80]);
    client.send(INFO, &[]);
    let codes = |client: &mut Client, count: usize| -> Vec<(u8, String)> {
        let one = |_| {
            let (code, payload) = client.recv();
            let skip = match code {
                0x07 => 4,
                0x0C => 10,
                0x0A => 2,
                _ => 0,
            };
            let shown = match code {
                0x05 | 0x09 | 0x02 => String::new(),
                _ => text(&payload[skip..]),
            };
            (code, shown)
        };
        (0..count).map(one).collect()
    };
    let own = |code: u8, text: &str| (code, text.to_owned());
    assert_eq!(
        codes(&mut client, 11),
        [
            own(0x02, ""),
            own(0x70, "one"),
            own(0x0C, "two"),
            own(0x05, ""),
            own(0x07, "three"),
            own(0x07, "four"),
            own(0x09, ""),
            own(0x70, "five"),
            own(0x0A, "no"),
            own(0x70, "error"),
            own(0x71, "later"),
        ]
    );
    crate::ruled::waited(start, 40);
    client.send(HEALTH, &[]);
    assert_eq!(client.expect(0x70), b"alone");
    assert_eq!(other.expect(0x70), b"five");
}

/// Nothing of the node's comes between an answer and its pushes, and theirs come with its delay.
#[test]
fn pushes_wait_with_the_reply() {
    let push = json!([{"raw": {"command": 0x70, "data": "x"}}]);
    let ruled = Ruled::start(json!([{"on": "bind", "delay": "60ms", "push": push}]));
    let mut client = ruled.connect();
    let start = std::time::Instant::now();
    client.send(0x01, &[0, 80]);
    assert!(client.quiet().is_empty());
    assert_eq!(client.expect(0x02), [0, 80]);
    assert_eq!(client.expect(0x70), b"x");
    crate::ruled::waited(start, 60);
}

/// A reply, a delay, a fault and a push at once.
#[test]
fn everything_together() {
    let ruled = Ruled::start(json!([
        {"name": "all", "on": ["bind", "info"], "client": 1, "when": {"port": 80}, "skip": 1,
         "times": 1, "scope": "client", "state": "start", "then": "done", "delay": "30ms",
         "payload": "odd", "fault": "duplicate",
         "push": [{"raw": {"command": 0x70, "data": "push"}}]},
        {"on": "bind", "scope": "client", "state": "done", "error": "done"},
    ]));
    let mut client = ruled.connect();
    assert_eq!(client.call_ok(0x01, &[0, 80]), [0, 80]);
    client.send(0x01, &[0, 80]);
    assert_eq!(client.error_text(0x01, &[0, 80]), "done");
    for _ in 0..2 {
        assert_eq!(client.expect(0x02), b"odd");
    }
    assert_eq!(client.expect(0x70), b"push");
    assert!(client.quiet().is_empty());
    assert_eq!(ruled.counts("all"), (2, 1));
    let error = error_of(&client.call(0x01, &[0, 81]).1);
    assert_eq!(error, "done");
}
