//! Names, order, `on` and `client`.

use serde_json::json;

use crate::ruled::{Ruled, on_stream, to};
use crate::support::error_of;

const HEALTH: u8 = 0x21;
const INFO: u8 = 0x0D;
const UNKNOWN: u8 = 0x7E;

#[test]
fn names_are_in_the_journal_and_in_messages() {
    let ruled = Ruled::start(json!([
        {"on": "info", "when": {}, "error": "e"},
        {"name": "no pings", "on": "health", "fault": "no_reply"},
        {"on": "dial"},
    ]));
    let mut client = ruled.connect();
    client.error_text(INFO, &[]);
    client.send(HEALTH, &[]);
    client.call_ok(0x03, &to(5, 7));
    client.call_json(0x1F, &[1]);
    let entries = ruled.entries();
    let rule_of = |dir: &str, cmd: &str| {
        let one = entries.iter().find(|e| e["dir"] == dir && e["cmd"] == cmd);
        one.unwrap_or_else(|| panic!("no {dir} {cmd}: {entries:#?}"))["rule"].clone()
    };
    assert_eq!(rule_of("in", "info"), "rules[0]");
    assert_eq!(rule_of("out", "error"), "rules[0]");
    assert_eq!(rule_of("in", "health"), "no pings");
    assert_eq!(rule_of("in", "dial"), "rules[2]");
    assert_eq!(rule_of("out", "dial_ok"), "rules[2]");
    assert_eq!(rule_of("in", "network.list"), json!(null));
    let fault = entries.iter().find(|e| e["event"] == "fault").unwrap();
    assert_eq!(
        [&fault["client"], &fault["fault"], &fault["rule"]],
        [&json!(1), &json!("no_reply"), &json!("no pings")]
    );
    // Names given and made up while it runs.
    assert_eq!(ruled.add(json!({"on": "info"})), "rule-1");
    assert_eq!(ruled.add(json!({"on": "info", "name": "mine"})), "mine");
    let twice = ruled.ask(
        "rule_add",
        json!({"rule": {"on": "bind", "name": "no pings"}}),
    );
    assert_eq!(twice["ok"], false);
    assert!(twice["error"].as_str().unwrap().contains("\"no pings\""));
}

#[test]
fn the_first_match_applies_and_added_rules_come_first() {
    let ruled = Ruled::start(json!([
        {"on": "bind", "when": {"port": 80}, "error": "one"},
        {"on": ["bind", "unbind"], "error": "two"},
        {"on": "*", "error": "three"},
    ]));
    let mut client = ruled.connect();
    assert_eq!(client.error_text(0x01, &[0, 80]), "one");
    assert_eq!(client.error_text(0x01, &[0, 81]), "two");
    assert_eq!(client.error_text(0x37, &[0, 80]), "two");
    assert_eq!(client.error_text(HEALTH, &[]), "three");
    let older = ruled.add(json!({"on": "bind", "error": "older"}));
    let newer = ruled.add(json!({"on": "bind", "when": {"port": 80}, "error": "newer"}));
    assert_eq!(client.error_text(0x01, &[0, 80]), "newer");
    assert_eq!(client.error_text(0x01, &[0, 81]), "older");
    ruled.remove(&newer);
    assert_eq!(client.error_text(0x01, &[0, 80]), "older");
    ruled.remove(&older);
    assert_eq!(client.error_text(0x01, &[0, 80]), "one");
    let rows = ruled.done("rules", json!({}));
    let names: Vec<_> = rows["rules"].as_array().unwrap().iter().collect();
    assert_eq!(names[0]["name"], "rules[0]");
    assert_eq!(names.len(), 3);
}

/// Without a key that changes it the answer is the node's own, byte for byte.
#[test]
fn a_rule_that_does_nothing_leaves_every_answer_alone() {
    let ruled = Ruled::start(json!([{"on": "*", "client": 2}]));
    let (mut plain, mut watched) = (ruled.settled(), ruled.settled());
    for (code, payload) in [
        (HEALTH, &[][..]),
        (0x11, b"beta"),
        (0x1F, &[1]),
        (0x03, &[1]),
        (0x29, &[]),
        (UNKNOWN, b"xyz"),
        (0x23, &[5, 0, 0, 7]),
    ] {
        let own = plain.call(code, payload);
        assert_eq!(watched.call(code, payload), own, "{code:#04x}");
    }
    // Unanswered commands stay so.
    for code in [0x06, 0x0B, 0x2B] {
        watched.send(code, &[]);
    }
    assert!(watched.quiet().is_empty());
    assert_eq!(ruled.counts("rules[0]"), (12, 12));
}

#[test]
fn on_names_one_a_list_a_family_or_everything() {
    let ruled = Ruled::start(json!([]));
    let mut client = ruled.connect();
    let requests: [(&str, u8, &[u8]); 9] = [
        ("bind", 0x01, &[0, 80]),
        ("info", INFO, &[]),
        ("handshake.trusted", 0x0F, &[5]),
        ("handshake.pending", 0x0F, &[4]),
        ("handshake", 0x0F, &[99]),
        ("network.list", 0x1F, &[1]),
        ("managed.policy_get", 0x23, &[5, 0, 0, 1]),
        ("managed", 0x23, &[]),
        ("unknown", UNKNOWN, b"x"),
    ];
    for (on, hit) in [
        (json!("bind"), &["bind"][..]),
        (json!("handshake.trusted"), &["handshake.trusted"]),
        (
            json!("handshake"),
            &["handshake.trusted", "handshake.pending", "handshake"],
        ),
        (json!(["info", "network"]), &["info", "network.list"]),
        (json!("managed"), &["managed.policy_get", "managed"]),
        (json!(["unknown"]), &["unknown"]),
        (
            json!(["managed.policy_get", "managed.policy_get", "unknown"]),
            &["managed.policy_get", "unknown"],
        ),
        (json!("*"), &requests.map(|(name, ..)| name)),
    ] {
        let name = ruled.add(json!({"on": on, "error": "hit"}));
        for (request, code, payload) in requests {
            let (got, reply) = client.call(code, payload);
            let is_hit = got == 0x0A && error_of(&reply) == "hit";
            assert_eq!(is_hit, hit.contains(&request), "{on}: {request}");
        }
        ruled.remove(&name);
    }
}

/// `"*"` does what each command can have, and is no mistake.
#[test]
fn everything_gets_what_it_can_have() {
    let ruled = Ruled::start(json!([]));
    let mut client = ruled.connect();
    let conn = client.call_ok(0x03, &to(5, 7));
    let conn = u32::from_be_bytes(conn.try_into().unwrap());

    let name = ruled.add(json!({"on": "*", "error": "no"}));
    assert_eq!(client.error_text(UNKNOWN, &[]), "no");
    assert_eq!(client.error_text(0x0F, &[]), "no");
    // Never answered, whole or not: the node serves them.
    client.send(0x06, &on_stream(conn, b"still"));
    assert_eq!(client.expect(0x07), on_stream(conn, b"still"));
    for code in [0x06, 0x0B, 0x2B] {
        client.send(code, &[1]);
    }
    assert_eq!(client.error_text(INFO, &[]), "no");
    ruled.remove(&name);

    let name = ruled.add(json!({"on": "*", "patch": {"extra": 1}}));
    assert_eq!(client.call_json(INFO, &[])["extra"], 1);
    assert_eq!(client.call_json(0x1F, &[1])["extra"], 1);
    // Port 31613 reads `{}` and is still no JSON object.
    assert_eq!(client.call_ok(0x01, b"{}"), b"{}");
    let text = client.error_text(UNKNOWN, &[]);
    assert_eq!(text, "unknown command: 0x7E");
    ruled.remove(&name);

    let name = ruled.add(json!({"on": "*", "fault": {"command": 0x99}}));
    for (code, payload) in [(INFO, &[][..]), (0x01, &[0, 9]), (UNKNOWN, &[])] {
        assert_eq!(client.call(code, payload).0, 0x99, "{code:#04x}");
    }
    client.send(0x06, &on_stream(conn, b"again"));
    assert_eq!(client.expect(0x07), on_stream(conn, b"again"));
    client.send(0x06, &[1]);
    ruled.remove(&name);
    assert!(client.quiet().is_empty());
    let faults = |entries: Vec<serde_json::Value>| {
        let fault = |e: &&serde_json::Value| e["event"] == "fault";
        entries.iter().filter(fault).count()
    };
    assert_eq!(faults(ruled.entries()), 3);

    // What only an arrival can have does nothing.
    for fault in ["refuse", "reset"] {
        let name = ruled.add(json!({"on": "*", "fault": fault}));
        client.call_json(INFO, &[]);
        client.send(0x06, &on_stream(conn, b"still"));
        assert_eq!(client.expect(0x07), on_stream(conn, b"still"));
        ruled.remove(&name);
    }
    assert_eq!(faults(ruled.entries()), 3);

    let name = ruled.add(json!({"on": "*", "fault": "no_reply"}));
    client.send(0x01, &[0, 10]);
    client.send(0x06, &on_stream(conn, b"lost"));
    let rows = ruled.ask("await", json!({"on": "send", "count": 7}));
    assert_eq!(rows["ok"], true, "{rows}");
    ruled.remove(&name);
    assert!(client.quiet().is_empty());
    assert_eq!(client.call_ok(0x37, &[0, 10]), [0, 10]);

    // A client's arrival is no request.
    ruled.add(json!({"on": "*", "fault": "close"}));
    let mut late = ruled.connect();
    late.send(UNKNOWN, &[]);
    late.recv_eof();
    ruled.parted(2, "fault");
}

#[test]
fn client_is_the_number_of_the_arrival() {
    let ruled = Ruled::start(json!([
        {"on": "bind", "client": 2, "error": "second"},
        {"on": ["bind", "connect"], "client": 3, "push": [{"raw": {"command": 0x70, "data": "hi"}}]},
    ]));
    let (mut one, mut two) = (ruled.settled(), ruled.settled());
    assert_eq!(one.call_ok(0x01, &[0, 1]), [0, 1]);
    assert_eq!(two.error_text(0x01, &[0, 2]), "second");
    drop(one);
    // Numbers are not given again.
    ruled.parted(1, "eof");
    let mut three = ruled.connect();
    assert_eq!(three.expect(0x70), b"hi");
    assert_eq!(three.call_ok(0x01, &[0, 3]), [0, 3]);
    assert_eq!(three.expect(0x70), b"hi");
    let mut four = ruled.settled();
    assert_eq!(four.call_ok(0x01, &[0, 4]), [0, 4]);
    assert!(four.quiet().is_empty());
}
