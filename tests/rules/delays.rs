//! `delay`: only this reply waits.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::ruled::{Ruled, datagram, number, on_stream, to, waited};
use crate::support::Client;

const HEALTH: u8 = 0x21;

/// Binds and their replies: the ports in the order in which they are answered.
fn order(client: &mut Client, ports: u16) -> Vec<u16> {
    let frames: Vec<u8> = (2000..2000 + ports)
        .flat_map(|port| Client::frame(0x01, &port.to_be_bytes()))
        .collect();
    client.send_raw(&frames);
    let one = |_| {
        let port = client.expect(0x02);
        u16::from_be_bytes(port.try_into().unwrap())
    };
    (0..ports).map(one).collect()
}

#[test]
fn later_requests_and_other_clients_do_not_wait() {
    let ruled = Ruled::start(json!([{"on": "bind", "when": {"port": 80}, "delay": "250ms"}]));
    let (mut client, mut other) = (ruled.settled(), ruled.settled());
    let start = Instant::now();
    client.send(0x01, &[0, 80]);
    client.call_ok(0x01, &[0, 81]);
    client.call_json(0x0D, &[]);
    other.call_ok(0x01, &[0, 82]);
    // The node has served it at once.
    let refused = other.error_text(0x01, &[0, 80]);
    assert_eq!(refused, "port 80 already bound");
    assert_eq!(client.expect(0x02), [0, 80]);
    waited(start, 250);
    assert!(client.quiet().is_empty());
}

/// Delays of different lengths are independent; equal ones keep their order.
#[test]
fn delays_run_beside_each_other() {
    let mut rules: Vec<Value> = (0..5)
        .map(|n| {
            let delay = format!("{}ms", 300 - 60 * n);
            json!({"on": "bind", "when": {"port": 2000 + n}, "delay": delay})
        })
        .collect();
    rules.push(json!({"on": "bind", "when": {"port": {"min": 2005}}, "delay": "400ms"}));
    let ruled = Ruled::start(rules.into());
    let mut client = ruled.connect();
    let start = Instant::now();
    let expected = [2004, 2003, 2002, 2001, 2000, 2005, 2006, 2007, 2008];
    assert_eq!(order(&mut client, 9), expected);
    waited(start, 400);
}

#[test]
fn a_range_is_drawn_by_the_seed() {
    let drawn = |seed: u32, max: &str| {
        let rule = json!({"on": "bind", "delay": {"min": "20ms", "max": max}});
        let ruled = Ruled::play(json!({"seed": seed, "rules": [rule]}), &[]);
        let start = Instant::now();
        let order = order(&mut ruled.connect(), 12);
        waited(start, 20);
        (order, start.elapsed())
    };
    let (first, took) = drawn(7, "500ms");
    assert_eq!(drawn(7, "500ms").0, first);
    assert_ne!(drawn(8, "500ms").0, first);
    // Twelve equal draws of half a second have a chance of nothing.
    assert!(!first.is_sorted(), "{first:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    // A range of one time is that time.
    assert!(drawn(7, "20ms").0.is_sorted());
}

#[test]
fn replies_errors_and_bodies_wait_alike() {
    let ruled = Ruled::start(json!([
        {"on": "info", "delay": "40ms"},
        {"on": "bind", "delay": "40ms", "error": "late"},
        {"on": "network.list", "delay": "40ms", "reply": [1]},
        {"on": "unknown", "delay": "40ms"},
        {"on": "unbind", "delay": "0ms"},
        {"on": "dial", "delay": {"min": "0ms", "max": "0ms"}},
    ]));
    let mut client = ruled.connect();
    for (code, ask, reply) in [
        (0x0D, &[][..], 0x0E),
        (0x01, &[0, 80], 0x0A),
        (0x1F, &[1], 0x20),
        (0x7E, &[], 0x0A),
    ] {
        let start = Instant::now();
        client.send(code, ask);
        assert!(client.quiet().is_empty(), "{code:#04x}");
        client.expect(reply);
        waited(start, 40);
    }
    // No time at all is no delay.
    client.send(0x37, &[0, 80]);
    assert_eq!(client.quiet()[0].0, 0x0A);
    client.send(0x03, &to(5, 7));
    assert_eq!(client.quiet()[0].0, 0x04);
}

/// The data of a send waits; what comes behind it on other streams, and to others, does not.
#[test]
fn sends_wait_alone() {
    let late = json!({"data": {"contains": "late"}});
    let ruled = Ruled::start(json!([
        {"on": ["send", "send_to"], "when": late, "delay": "150ms"},
    ]));
    let (mut client, mut other) = (ruled.settled(), ruled.settled());
    let dial = |client: &mut Client| number(&client.call_ok(0x03, &to(5, 7)));
    let conns = [dial(&mut client), dial(&mut client), dial(&mut other)];
    let start = Instant::now();
    client.send(0x06, &on_stream(conns[0], b"late 1"));
    client.send(0x06, &on_stream(conns[0], b"late 2"));
    client.send(0x06, &on_stream(conns[1], b"at once"));
    assert_eq!(client.expect(0x07), on_stream(conns[1], b"at once"));
    other.send(0x06, &on_stream(conns[2], b"at once"));
    assert_eq!(other.expect(0x07), on_stream(conns[2], b"at once"));
    assert!(client.quiet().is_empty());
    assert_eq!(client.expect(0x07), on_stream(conns[0], b"late 1"));
    waited(start, 150);
    assert_eq!(client.expect(0x07), on_stream(conns[0], b"late 2"));

    let start = Instant::now();
    client.send(0x0B, &datagram(5, 8, b"late"));
    client.send(0x0B, &datagram(5, 8, b"now"));
    for client in [&mut client, &mut other] {
        assert_eq!(&client.expect(0x0C)[10..], b"now");
        assert_eq!(&client.expect(0x0C)[10..], b"late");
        waited(start, 150);
    }
}

/// A delayed cancel ends what is in flight when its time comes.
#[test]
fn cancels_wait() {
    let peers = json!([{"node_id": 5, "services": {"98": "hang"}}]);
    let rules = json!([{"on": "cancel", "delay": "100ms"}]);
    let scenario = json!({"peers": peers, "rules": rules, "dial_timeout": "30s"});
    let ruled = Ruled::play(scenario, &[]);
    let mut client = ruled.connect();
    let start = Instant::now();
    client.send(0x2B, &[]);
    client.send(0x03, &to(5, 98));
    assert!(client.quiet().is_empty());
    let text = crate::support::error_of(&client.expect(0x0A));
    assert_eq!(text, "context canceled");
    waited(start, 100);
}

/// A request shows in the journal when it comes, and its reply when it goes.
#[test]
fn the_journal_has_a_delayed_request_at_once() {
    let ruled = Ruled::start(json!([{"on": "info", "delay": "10s"}]));
    let mut client = ruled.connect();
    client.send(0x0D, &[]);
    let seen = ruled.done("await", json!({"on": "info"}));
    assert!(seen["seq"].is_u64());
    assert!(ruled.entries().iter().all(|e| e["dir"] != "out"));
    assert!(client.quiet().is_empty());
}

/// Thousands of delays at once end in their order and in their time.
#[test]
fn many_delays_at_once() {
    let ruled = Ruled::start(json!([{"on": "bind", "delay": "100ms"}]));
    let mut client = ruled.connect();
    client.send_raw(&Client::frame(0x01, &[0, 80]).repeat(3000));
    client.send(HEALTH, &[]);
    let mut health_at = None;
    for at in 0..3001 {
        match client.recv().0 {
            0x02 => {}
            _ => health_at = Some(at),
        }
    }
    assert!(health_at.is_some());
}

/// The stream keeps its order, whatever the delays are.
#[test]
fn data_on_a_stream_is_not_overtaken_by_delayed_data() {
    let ruled = Ruled::start(json!([
        {"on": "send", "times": 1, "delay": "200ms"}, {"on": "send", "delay": "1ms"}]));
    let mut client = ruled.connect();
    let [one, two] = [(); 2].map(|()| {
        let conn = client.call_ok(0x03, &[0, 0, 0, 0, 0, 2, 0, 7]);
        number(&conn)
    });
    client.send(0x06, &on_stream(one, b"first"));
    client.send(0x06, &on_stream(one, b"second"));
    client.send(0x06, &on_stream(two, b"other"));
    for (conn, data) in [(two, &b"other"[..]), (one, b"first"), (one, b"second")] {
        assert_eq!(client.expect(0x07), on_stream(conn, data));
    }
}
