//! Faults of commands that are never answered: send, send_to and cancel.

use std::time::Instant;

use serde_json::{Value, json};

use crate::ruled::{End, Ruled, datagram, number, on_stream, read_all, to, waited};
use crate::support::Client;

/// Two clients joined by a stream: the dialler, its id, the acceptor, its id.
fn joined(rules: Value) -> (Ruled, Client, u32, Client, u32) {
    let ruled = Ruled::start(rules);
    let (mut a, mut b) = (ruled.settled(), ruled.settled());
    b.call_ok(0x01, &[0, 90]);
    let near = number(&a.call_ok(0x03, &to(5, 90)));
    let far = number(&b.expect(0x05)[2..]);
    (ruled, a, near, b, far)
}

#[test]
fn no_reply_loses_the_data_of_a_send() {
    for rule in [json!({}), json!({"delay": "5ms"})] {
        let mut lossy = json!({"on": "send", "when": {"data": {"contains": "lose"}}});
        lossy["fault"] = "no_reply".into();
        lossy["delay"] = rule.get("delay").cloned().unwrap_or(json!("0ms"));
        let (ruled, mut a, near, mut b, far) = joined(json!([lossy]));
        for text in ["one", "lose this", "two"] {
            a.send(0x06, &on_stream(near, text.as_bytes()));
        }
        assert_eq!(b.expect(0x07), on_stream(far, b"one"));
        assert_eq!(b.expect(0x07), on_stream(far, b"two"));
        let fault = ruled.entry(|e| e["event"] == "fault");
        assert_eq!(fault["fault"], "no_reply");
        assert!(a.quiet().is_empty() && b.quiet().is_empty());
    }
}

#[test]
fn no_reply_loses_datagrams() {
    let ruled = Ruled::start(json!([
        {"on": "send_to", "when": {"port": 8}, "fault": "no_reply"},
    ]));
    let mut client = ruled.connect();
    client.send(0x0B, &datagram(5, 8, b"lost"));
    client.send(0x0B, &datagram(5, 9, b"kept"));
    let pushes = client.quiet();
    assert_eq!(pushes.len(), 1);
    assert_eq!((pushes[0].0, &pushes[0].1[10..]), (0x0C, &b"kept"[..]));
}

/// A cancel that is lost leaves the dial in flight.
#[test]
fn no_reply_loses_a_cancel() {
    let peers = json!([{"node_id": 5, "services": {"98": "hang"}}]);
    let rules = json!([{"on": "cancel", "times": 1, "fault": "no_reply"}]);
    let ruled = Ruled::play(
        json!({"peers": peers, "rules": rules, "dial_timeout": "30s"}),
        &[],
    );
    let mut client = ruled.connect();
    client.send(0x03, &to(5, 98));
    client.send(0x2B, &[]);
    assert!(client.quiet().is_empty());
    client.send(0x2B, &[]);
    assert_eq!(
        crate::support::error_of(&client.expect(0x0A)),
        "context canceled"
    );
}

/// The data still gets there; then the client sees an end-of-file.
#[test]
fn close_comes_after_the_data() {
    for delay in ["0ms", "20ms"] {
        let rule = json!({"on": "send", "fault": "close", "delay": delay});
        let (ruled, mut a, near, mut b, far) = joined(json!([rule]));
        a.send(0x06, &on_stream(near, b"last"));
        assert_eq!(read_all(a.stream()), (Vec::new(), End::Eof));
        assert_eq!(b.expect(0x07), on_stream(far, b"last"));
        assert_eq!(b.expect(0x09), far.to_be_bytes());
        ruled.parted(1, "fault");
    }
}

/// What the client's own echo says goes out before the end.
#[test]
fn close_lets_the_echo_out() {
    let rule = json!([{"on": ["send", "send_to", "cancel"], "fault": "close"}]);
    let ruled = Ruled::start(rule);
    let mut client = ruled.connect();
    let conn = number(&client.call_ok(0x03, &to(5, 7)));
    client.send(0x06, &on_stream(conn, b"hi"));
    assert_eq!(client.expect(0x07), on_stream(conn, b"hi"));
    client.recv_eof();
    let mut client = ruled.connect();
    client.send(0x0B, &datagram(5, 8, b"hi"));
    assert_eq!(&client.expect(0x0C)[10..], b"hi");
    client.recv_eof();
    let mut client = ruled.connect();
    client.send(0x2B, &[]);
    client.recv_eof();
}

#[test]
fn stall_delivers_and_reads_no_more() {
    let rule = json!({"on": "send", "times": 1, "fault": {"stall": "250ms"}});
    let (_ruled, mut a, near, mut b, far) = joined(json!([rule]));
    let start = Instant::now();
    for text in ["one", "two"] {
        a.send(0x06, &on_stream(near, text.as_bytes()));
    }
    assert_eq!(b.expect(0x07), on_stream(far, b"one"));
    // What comes from the other end still does.
    b.send(0x06, &on_stream(far, b"back"));
    assert_eq!(a.expect(0x07), on_stream(near, b"back"));
    assert_eq!(b.expect(0x07), on_stream(far, b"two"));
    waited(start, 250);
}

/// Pushes come after what the request did, and with its delay.
#[test]
fn pushes_follow_what_is_never_answered() {
    let push = |data: &str| json!([{"raw": {"command": 0x70, "data": data}}]);
    let ruled = Ruled::start(json!([
        {"on": "send", "push": push("sent")},
        {"on": "send_to", "push": push("datagram"), "delay": "30ms"},
        {"on": "cancel", "push": push("cancelled")},
    ]));
    let mut client = ruled.connect();
    let conn = number(&client.call_ok(0x03, &to(5, 7)));
    client.send(0x06, &on_stream(conn, b"x"));
    assert_eq!(client.expect(0x07), on_stream(conn, b"x"));
    assert_eq!(client.expect(0x70), b"sent");
    client.send(0x2B, &[]);
    assert_eq!(client.expect(0x70), b"cancelled");
    let start = Instant::now();
    client.send(0x0B, &datagram(5, 8, b"y"));
    client.expect(0x0C);
    assert_eq!(client.expect(0x70), b"datagram");
    waited(start, 30);
}
