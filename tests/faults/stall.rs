//! `stall`: a reply, and then nothing is read from the client for a while.

use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::ruled::{Ruled, waited};
use crate::support::Client;

const HEALTH: u8 = 0x21;
const INFO: u8 = 0x0D;

#[test]
fn a_second_request_is_answered_after_it() {
    let ruled = Ruled::start(json!([{"on": "info", "fault": {"stall": "300ms"}}]));
    let mut client = ruled.connect();
    let start = Instant::now();
    client.send(INFO, &[]);
    client.expect(0x0E);
    client.send(0x01, &[0, 80]);
    client.send(HEALTH, &[]);
    // Nobody else waits, and the port is still free.
    let mut other = ruled.connect();
    assert_eq!(other.call_ok(0x01, &[0, 80]), [0, 80]);
    assert_eq!(other.call_ok(0x37, &[0, 80]), [0, 80]);
    // Pushes still come.
    let push = json!({"raw": {"command": 0x70, "data": "hi"}, "to": 1});
    assert_eq!(ruled.done("push", json!({"push": push}))["sent"], 1);
    assert_eq!(client.expect(0x70), b"hi");
    assert_eq!(client.expect(0x02), [0, 80]);
    waited(start, 300);
    client.expect(0x22);
}

/// Requests that came in one write with it wait as well.
#[test]
fn what_is_pipelined_behind_it_waits() {
    let ruled = Ruled::start(json!([
        {"on": "info", "delay": "50ms", "fault": {"stall": "200ms"}, "times": 1},
        {"on": "bind", "fault": {"stall": "100ms"}},
    ]));
    let mut client = ruled.connect();
    let start = Instant::now();
    let frames = [
        Client::frame(0x01, &[0, 80]),
        Client::frame(HEALTH, &[]),
        Client::frame(0x01, &[0, 81]),
        Client::frame(HEALTH, &[]),
    ];
    client.send_raw(&frames.concat());
    assert_eq!(client.expect(0x02), [0, 80]);
    client.expect(0x22);
    waited(start, 100);
    assert_eq!(client.expect(0x02), [0, 81]);
    client.expect(0x22);
    waited(start, 200);
    // With a delay the stall begins with the reply.
    let start = Instant::now();
    client.send(INFO, &[]);
    client.call_ok(HEALTH, &[]);
    client.expect(0x0E);
    client.call_ok(HEALTH, &[]);
    waited(start, 250);
}

/// The client's writes block, as they do against a daemon that hangs; nothing is lost.
#[test]
fn the_clients_writes_block() {
    let ruled = Ruled::start(json!([{"on": "info", "times": 1, "fault": {"stall": "700ms"}}]));
    let mut client = ruled.connect();
    client.call_ok(INFO, &[]);
    let start = Instant::now();
    let frame = Client::frame(INFO, &[7; 32 * 1024]);
    let all = frame.repeat(64);
    client.stream().set_nonblocking(true).unwrap();
    let mut written = 0;
    let blocked = loop {
        match client.stream().write(&all[written..]) {
            Ok(count) => written += count,
            Err(error) => break error.kind(),
        }
        assert!(written < all.len(), "everything was taken");
    };
    assert_eq!(blocked, ErrorKind::WouldBlock);
    client.stream().set_nonblocking(false).unwrap();
    client.send_raw(&all[written..]);
    waited(start, 500);
    for _ in 0..64 {
        client.expect(0x0E);
    }
    assert!(client.quiet().is_empty());
}

/// A drop over the control socket does not wait for its end.
#[test]
fn a_stalled_client_can_be_dropped() {
    let ruled = Ruled::start(json!([{"on": "info", "fault": {"stall": "1h"}}]));
    let mut client = ruled.connect();
    client.call_ok(INFO, &[]);
    client.send(HEALTH, &[]);
    let start = Instant::now();
    assert_eq!(ruled.done("drop", json!({"client": 1}))["dropped"], 1);
    client.recv_eof();
    ruled.parted(1, "drop");
    assert!(start.elapsed() < Duration::from_secs(5));
}

/// After a reset a client is read from again.
#[test]
fn a_reset_ends_it() {
    let ruled = Ruled::start(json!([{"on": "info", "times": 1, "fault": {"stall": "1h"}}]));
    let mut client = ruled.connect();
    client.call_ok(INFO, &[]);
    client.send(HEALTH, &[]);
    ruled.done("reset", json!({}));
    client.expect(0x22);
}

/// A client that has gone waits for nothing: what it had sent is served, and then it is forgotten.
#[test]
fn who_leaves_ends_it() {
    let ruled = Ruled::start(json!([
        {"on": "info", "times": 1, "fault": {"stall": "1h"}},
        {"on": "connect", "client": 2, "delay": "1h"},
        {"on": "connect", "client": 3, "delay": "1h", "fault": "refuse"},
    ]));
    let mut first = ruled.connect();
    first.call_ok(INFO, &[]);
    first.send(HEALTH, &[]);
    let second = ruled.connect();
    let third = ruled.connect();
    ruled.entry(|e| e["event"] == "connect" && e["client"] == 3);
    drop((first, second, third));
    (1..=3).for_each(|client| ruled.parted(client, "eof"));
    ruled.entry(|e| e["dir"] == "in" && e["cmd"] == "health");
}
