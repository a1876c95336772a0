//! Faults and delays of a client's arrival.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::ruled::{ECONNRESET, EPIPE, End, Ruled, read_all, waited, write_errno};
use crate::support::{Client, Received};

const HEALTH: u8 = 0x21;

/// A daemon whose first client's arrival has a rule.
fn first(rule: Value) -> Ruled {
    let mut full = json!({"name": "door", "on": "connect", "client": 1});
    for (key, value) in rule.as_object().unwrap() {
        full[key] = value.clone();
    }
    Ruled::start(json!([full]))
}

#[test]
fn refuse_is_an_end_of_file() {
    let ruled = first(json!({"fault": "refuse"}));
    let client = ruled.connect();
    assert_eq!(read_all(client.stream()), (Vec::new(), End::Eof));
    ruled.parted(1, "fault");
    let health = Client::frame(HEALTH, &[]);
    assert_eq!(write_errno(client.stream(), &health), Some(EPIPE));
    let connect = ruled.entry(|e| e["event"] == "connect" && e["client"] == 1);
    assert_eq!(connect["rule"], "door");
    let fault = ruled.entry(|e| e["event"] == "fault");
    assert_eq!(
        [&fault["fault"], &fault["rule"]],
        [&json!("refuse"), &json!("door")]
    );
    // The next one is served.
    ruled.connect().call_ok(HEALTH, &[]);
}

/// What a client has sent by then is not read: it sees an end-of-file or a reset, and no reply.
#[test]
fn refuse_serves_nothing() {
    for _ in 0..20 {
        let ruled = first(json!({"fault": "refuse"}));
        let client = ruled.connect();
        let _ = client.stream().write_all(&Client::frame(0x01, &[0, 80]));
        let (bytes, end) = read_all(client.stream());
        assert!(bytes.is_empty());
        assert!(matches!(end, End::Eof | End::Errno(ECONNRESET)), "{end:?}");
        ruled.parted(1, "fault");
        assert!(ruled.entries().iter().all(|e| e["dir"] != "in"));
    }
}

#[test]
fn reset_is_econnreset() {
    for delay in ["0ms", "30ms"] {
        let start = Instant::now();
        let ruled = first(json!({"fault": "reset", "delay": delay}));
        let client = ruled.connect();
        client
            .stream()
            .write_all(&Client::frame(HEALTH, &[]))
            .unwrap();
        assert_eq!(
            read_all(client.stream()),
            (Vec::new(), End::Errno(ECONNRESET))
        );
        if delay != "0ms" {
            waited(start, 30);
        }
        ruled.parted(1, "fault");
        assert!(ruled.entries().iter().all(|e| e["dir"] != "in"));
    }
}

/// A client that takes its time is not closed before it has sent something.
#[test]
fn reset_waits_for_a_client_that_sends_late() {
    let ruled = first(json!({"fault": "reset"}));
    let mut client = ruled.connect();
    ruled.entry(|e| e["event"] == "fault");
    for _ in 0..3 {
        ruled.connect().call_ok(HEALTH, &[]);
    }
    let soon = Instant::now() + Duration::from_millis(20);
    assert_eq!(client.receive(soon), Received::Timeout);
    client.send(0x03, &[0; 8]);
    assert_eq!(
        read_all(client.stream()),
        (Vec::new(), End::Errno(ECONNRESET))
    );
    ruled.parted(1, "fault");
}

/// One that leaves without a word is not waited for.
#[test]
fn reset_lets_a_silent_client_go() {
    let ruled = first(json!({"fault": "reset"}));
    drop(ruled.connect());
    ruled.entry(|e| e["event"] == "disconnect" && e["client"] == 1);
}

#[test]
fn close_is_an_end_of_file() {
    let ruled = first(json!({"fault": "close"}));
    let client = ruled.connect();
    assert_eq!(read_all(client.stream()), (Vec::new(), End::Eof));
    ruled.parted(1, "fault");
    assert_eq!(ruled.entry(|e| e["event"] == "fault")["fault"], "close");
    ruled.connect().call_ok(HEALTH, &[]);
}

/// Nothing that comes with the arrival is served, and its end is never a reset.
#[test]
fn close_serves_nothing() {
    for _ in 0..30 {
        let ruled = first(json!({"fault": "close"}));
        let client = ruled.connect();
        let _ = client.stream().write_all(&Client::frame(0x01, &[0, 80]));
        assert_eq!(read_all(client.stream()), (Vec::new(), End::Eof));
        ruled.parted(1, "fault");
        assert!(ruled.entries().iter().all(|e| e["dir"] != "in"));
    }
}

/// Until a delayed close the client is served.
#[test]
fn a_delayed_close_comes_after_its_time() {
    let start = Instant::now();
    let ruled = first(json!({"fault": "close", "delay": "400ms"}));
    let mut client = ruled.connect();
    client.call_ok(HEALTH, &[]);
    client.recv_eof();
    waited(start, 400);
    ruled.parted(1, "fault");
}

#[test]
fn a_delayed_refusal_serves_nothing() {
    let start = Instant::now();
    let ruled = first(json!({"fault": "refuse", "delay": "40ms"}));
    let mut client = ruled.connect();
    client.recv_eof();
    waited(start, 40);
    ruled.parted(1, "fault");
}

#[test]
fn a_stall_keeps_the_first_request_waiting() {
    let start = Instant::now();
    let ruled = first(json!({"fault": {"stall": "250ms"}}));
    let mut client = ruled.connect();
    client.send(HEALTH, &[]);
    // Others are served meanwhile, and pushes come.
    let mut other = ruled.connect();
    other.call_ok(HEALTH, &[]);
    let push = json!({"raw": {"command": 0x70, "data": "hi"}, "to": 1});
    assert_eq!(ruled.done("push", json!({"push": push}))["sent"], 1);
    assert_eq!(client.expect(0x70), b"hi");
    client.expect(0x22);
    waited(start, 250);
    client.call_ok(HEALTH, &[]);
}

#[test]
fn a_delayed_stall_begins_after_the_delay() {
    let ruled = first(json!({"fault": {"stall": "200ms"}, "delay": "20ms"}));
    let start = Instant::now();
    let mut client = ruled.connect();
    ruled.entry(|e| e["event"] == "fault");
    client.call_ok(HEALTH, &[]);
    waited(start, 220);
    client.call_ok(HEALTH, &[]);
}

/// Nothing else waits, so the client's first request does; its later ones do not.
#[test]
fn delay_alone_keeps_the_first_request_waiting() {
    let start = Instant::now();
    let ruled = first(json!({"delay": "200ms"}));
    let mut client = ruled.connect();
    client.send(HEALTH, &[]);
    client.send(0x01, &[0, 80]);
    let mut other = ruled.connect();
    // The port is still free.
    assert_eq!(other.call_ok(0x01, &[0, 80]), [0, 80]);
    assert_eq!(other.call_ok(0x37, &[0, 80]), [0, 80]);
    client.expect(0x22);
    waited(start, 200);
    assert_eq!(client.expect(0x02), [0, 80]);
}

/// The delay counts from the arrival: who sends later than that does not wait.
#[test]
fn delay_alone_is_over_for_a_client_that_sends_late() {
    let ruled = first(json!({"delay": "1s"}));
    let mut client = ruled.connect();
    ruled.entry(|e| e["event"] == "connect");
    thread::sleep(Duration::from_secs(1));
    let sent = Instant::now();
    client.call_ok(HEALTH, &[]);
    assert!(sent.elapsed() < Duration::from_millis(900));
}

#[test]
fn pushes_greet_a_client_at_once_or_later() {
    let greeting = json!([
        {"raw": {"command": 0x70, "data": "one"}},
        {"recv_from": {"from": "0:0000.0000.0005:9", "to_port": 7, "data": "two"}},
    ]);
    let ruled = Ruled::start(json!([
        {"on": "connect", "times": 1, "push": greeting},
        {"on": "connect", "times": 1, "push": greeting, "delay": "60ms"},
        {"on": "connect", "times": 1, "push": greeting, "fault": {"stall": "50ms"}},
    ]));
    for wait in [0, 60, 0] {
        let start = Instant::now();
        let mut client = ruled.connect();
        client.send(HEALTH, &[]);
        if wait > 0 {
            // It is served all the same.
            client.expect(0x22);
        }
        assert_eq!(client.expect(0x70), b"one");
        assert_eq!(client.expect(0x0C), b"\0\0\0\0\0\x05\0\x09\0\x07two");
        waited(start, wait);
        if wait == 0 {
            client.expect(0x22);
        }
        assert!(client.quiet().is_empty());
    }
}

/// Who is turned away cannot take a push.
#[test]
fn pushes_to_who_is_turned_away_are_dropped() {
    let push = json!([{"raw": {"command": 0x70, "data": "hi"}}]);
    let rule = json!({"on": "connect", "fault": "close", "push": push, "client": 1});
    let ruled = Ruled::start(json!([rule]));
    assert_eq!(read_all(ruled.connect().stream()), (Vec::new(), End::Eof));
    ruled.parted(1, "fault");
    ruled.entry(|e| e["event"] == "dropped" && e["what"] == "raw");
    assert!(ruled.entries().iter().all(|e| e["dir"] != "push"));
}

#[test]
fn counts_and_states_choose_who_is_turned_away() {
    let ruled = Ruled::start(json!([
        {"on": "connect", "skip": 1, "times": 2, "fault": "refuse"},
        {"on": "connect", "state": "shut", "fault": "close"},
        {"on": "info", "then": "shut"},
    ]));
    let arrives = || {
        let mut client = ruled.connect();
        let _ = client.stream().write_all(&Client::frame(HEALTH, &[]));
        match client.receive(Instant::now() + crate::support::DEADLINE) {
            Received::Frame(..) => Some(client),
            _ => None,
        }
    };
    let mut first = arrives().expect("the first is skipped");
    assert!(arrives().is_none() && arrives().is_none());
    assert!(arrives().is_some());
    first.call_ok(0x0D, &[]);
    assert!(arrives().is_none() && arrives().is_none());
    first.call_ok(HEALTH, &[]);
}
