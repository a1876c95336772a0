//! What delays, slow frames and stalls may cost, and that none of them outlives client or daemon.

use std::io::{ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::ruled::{Ruled, number, on_stream, read_some, to};
use crate::support::{Client, DEADLINE, end_in_time};

const HEALTH: u8 = 0x21;

/// The daemon's memory in KiB.
#[cfg(target_os = "linux")]
fn resident(ruled: &Ruled) -> u64 {
    let status = format!("/proc/{}/status", ruled.daemon.pid());
    let status = std::fs::read_to_string(status).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let words = line.and_then(|line| line.split_whitespace().nth(1));
    words.unwrap().parse().unwrap()
}

#[cfg(not(target_os = "linux"))]
fn resident(_: &Ruled) -> u64 {
    0
}

/// Writes until nothing has been taken for a while; how much was.
fn fill(stream: &UnixStream, frame: &[u8], most: usize) -> usize {
    let mut stream = stream;
    stream
        .set_write_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let bytes = frame.repeat(64 * 1024 / frame.len());
    let mut written = 0;
    while written < most {
        let at = written % bytes.len();
        match stream.write(&bytes[at..]) {
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error} after {written} bytes"),
        }
    }
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    written
}

/// Whoever asks for more delayed answers than the budget holds is not read from, whatever the size of
/// a request, of its answer, or whether there is one.
#[test]
fn who_has_too_much_waiting_is_held_back() {
    let large = json!({"repeat": "x", "bytes": 100_000});
    let rules = [
        (json!({"on": "info"}), Client::frame(0x0D, &[])),
        (
            json!({"on": "info", "payload": large}),
            Client::frame(0x0D, &[]),
        ),
        (
            json!({"on": "bind", "payload": "", "fault": "no_reply"}),
            Client::frame(0x01, &[0, 80]),
        ),
        (json!({"on": "send"}), Client::frame(0x06, &[0; 200])),
        (json!({"on": "send"}), Client::frame(0x06, &[])),
    ];
    thread::scope(|scope| {
        // As many daemons at a time as a busy machine has room for.
        for pair in rules.chunks(2) {
            scope.spawn(move || {
                for (rule, ask) in pair {
                    is_held_back(rule.clone(), ask);
                }
            });
        }
    });
}

fn is_held_back(mut rule: Value, ask: &[u8]) {
    rule["delay"] = "1h".into();
    let ruled = Ruled::start(json!([rule]));
    let mut other = ruled.settled();
    let before = resident(&ruled);
    let client = ruled.connect();
    let most = 16 << 20;
    let written = fill(client.stream(), ask, most);
    assert!(written < most, "{rule}: all of it was taken");
    let grown = resident(&ruled).saturating_sub(before);
    assert!(grown < 24 * 1024, "{}: {grown} KiB more", rule["on"]);
    // Others are served, and who leaves is let go.
    other.call_ok(HEALTH, &[]);
    drop(client);
    ruled.gone(2);
    other.call_ok(HEALTH, &[]);
}

/// It is read from again when its time has come, and nothing is lost.
#[test]
fn who_was_held_back_goes_on() {
    let payload = json!({"repeat": "x", "bytes": 100_000});
    let ruled = Ruled::start(json!([{"on": "info", "delay": "20ms", "payload": payload}]));
    let mut client = ruled.connect();
    let mut writer = client.stream().try_clone().unwrap();
    let writing = std::thread::spawn(move || {
        writer
            .write_all(&Client::frame(0x0D, &[]).repeat(300))
            .unwrap();
    });
    for _ in 0..300 {
        assert_eq!(client.expect(0x0E).len(), 100_000);
    }
    writing.join().unwrap();
    assert!(client.quiet().is_empty());
}

/// Answers that wait for clients that have gone are forgotten.
#[test]
fn who_leaves_takes_its_answers_along() {
    let payload = json!({"repeat": "x", "bytes": 500_000});
    let ruled = Ruled::start(json!([{"on": "info", "delay": "1h", "payload": payload}]));
    let mut other = ruled.settled();
    let before = resident(&ruled);
    for _ in 0..100 {
        let mut client = ruled.connect();
        client.send(0x0D, &[]);
        client.call_ok(HEALTH, &[]);
    }
    (2..102).for_each(|client| ruled.gone(client));
    other.call_ok(HEALTH, &[]);
    let grown = resident(&ruled).saturating_sub(before);
    assert!(grown < 24 * 1024, "{grown} KiB more");
}

/// A client that leaves with delayed answers, sends, slow frames and pushes pending harms nobody, and
/// its number's things do not go to another.
#[test]
fn who_leaves_early_is_forgotten() {
    let push = json!([
        {"raw": {"command": 0x70, "data": "requester"}},
        {"raw": {"command": 0x71, "data": "all"}, "to": "all"},
    ]);
    let ruled = Ruled::start(json!([
        {"on": "info", "client": 1, "delay": "50ms", "push": push},
        {"on": "send", "client": 1, "delay": "50ms"},
        {"on": "bind", "client": 1, "delay": "50ms", "fault": {"slow": {"bytes": 1, "every": "50ms"}}},
        {"on": "dial", "client": 1, "delay": "50ms", "fault": "close"},
        {"on": "unknown", "client": 1, "delay": "50ms", "fault": {"stall": "1h"}},
    ]));
    let mut gone = ruled.settled();
    let mut other = ruled.settled();
    other.call_ok(0x01, &[0, 81]);
    let frames = [
        Client::frame(0x0D, &[]),
        Client::frame(0x01, &[0, 80]),
        Client::frame(0x03, &to(5, 81)),
        Client::frame(0x06, &on_stream(1, b"lost")),
        Client::frame(0x7E, &[]),
    ];
    gone.send_raw(&frames.concat());
    let far = number(&other.expect(0x05)[2..]);
    drop(gone);
    assert_eq!(other.expect(0x09), far.to_be_bytes());
    ruled.parted(1, "eof");
    // Behind all that was due: a delay that begins now ends later.
    ruled.add(json!({"on": "info", "client": 2, "delay": "120ms"}));
    other.send(0x0D, &[]);
    other.expect(0x0E);
    assert_eq!(other.call_ok(0x01, &[0, 80]), [0, 80]);
    assert!(other.quiet().is_empty());
    let mut third = ruled.connect();
    third.call_json(0x0D, &[]);
}

/// SIGTERM does not wait for anything: 200 ms.
#[test]
fn the_end_does_not_wait() {
    let rules = json!([
        {"on": "info", "delay": "1h"},
        {"on": "send", "delay": "1h"},
        {"on": "bind", "fault": {"slow": {"bytes": 1, "every": "1h"}}},
        {"on": "health", "client": 4, "fault": {"stall": "1h"}},
        {"on": "connect", "client": 5, "fault": {"stall": "1h"}},
        {"on": "connect", "client": 6, "delay": "1h"},
        {"on": "connect", "client": 7, "delay": "1h", "fault": "refuse"},
        {"on": "connect", "client": 8, "fault": "reset"},
        {"on": "dial", "delay": "1h", "push": [{"raw": {"command": 1, "data": ""}, "after": "1h"}]},
        {"on": "unknown", "delay": "1h", "payload": {"repeat": "x", "bytes": 1_000_000}},
    ]);
    let asked: [&[u8]; 8] = [
        &[0, 0, 0, 1, 0x0D],
        &[0, 0, 0, 5, 0x06, 0, 0, 0, 1],
        &[0, 0, 0, 3, 0x01, 0, 80],
        &[0, 0, 0, 1, HEALTH, 0, 0, 0, 1, HEALTH],
        &[0, 0, 0, 1, HEALTH],
        &[0, 0, 0, 1, HEALTH],
        &[],
        &[],
    ];
    let end = |alone: Option<usize>| {
        let mut ruled = Ruled::start(rules.clone());
        let clients: Vec<Client> = (0..8).map(|_| ruled.connect()).collect();
        ruled.entry(|e| e["event"] == "connect" && e["client"] == 8);
        for (at, client) in clients.iter().enumerate() {
            if alone.is_none_or(|alone| alone == at) {
                client.stream().write_all(asked[at]).unwrap();
            }
        }
        // Nine more, who wait with a megabyte each.
        for _ in 0..9 {
            let client = ruled.connect();
            client.stream().write_all(&[0, 0, 0, 1, 0x7E]).unwrap();
            ruled.done("await", json!({"on": "unknown"}));
        }
        if alone.is_none_or(|alone| alone == 2) {
            assert_eq!(read_some(clients[2].stream(), 1), [0]);
        }
        if alone.is_none_or(|alone| alone == 3) {
            read_some(clients[3].stream(), 5);
        }
        let start = Instant::now();
        let status = ruled.daemon.terminate();
        let took = start.elapsed();
        assert!(status.success(), "{alone:?}: {status}");
        drop(clients);
        took
    };
    for alone in (0..8).map(Some).chain([None]) {
        end_in_time(1, || end(alone));
    }
}

/// 10,000 rules for other commands, or for other ports, do not slow requests: not a timed test, but
/// it must end in time, and the first of them must still be found.
#[test]
fn ten_thousand_rules() {
    let mut rules: Vec<Value> = (0..5000)
        .map(|n| json!({"on": "dial", "when": {"port": n}, "error": format!("dial {n}")}))
        .collect();
    rules.extend((0..5000).map(|n| {
        json!({"on": "resolve_hostname", "when": {"hostname": format!("h{n}")}, "error": format!("{n}")})
    }));
    let ruled = Ruled::start(json!([]));
    let directory = ruled.daemon.directory().join("many.json");
    std::fs::write(&directory, json!({"rules": rules}).to_string()).unwrap();
    let file = directory.to_str().unwrap();
    let ruled = Ruled::play(json!({"version": 1}), &["--scenario", file]);
    let mut client = ruled.connect();
    client.send_raw(&Client::frame(HEALTH, &[]).repeat(5000));
    for _ in 0..5000 {
        client.expect(0x22);
    }
    assert_eq!(client.error_text(0x03, &to(5, 0)), "dial 0");
    assert_eq!(client.error_text(0x03, &to(5, 4999)), "dial 4999");
    assert_eq!(client.error_text(0x11, b"h4999"), "4999");
    assert_eq!(client.call(0x11, b"h5000").0, 0x12);
}
