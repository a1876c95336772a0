//! `slow`: a frame in pieces, and who waits for it.

use std::io::Read;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::ruled::{End, Ruled, read_all, read_some, waited};
use crate::support::{Client, DEADLINE};

const HEALTH: u8 = 0x21;

/// Reads so many bytes: when each came, and how many came at first.
fn timed(client: &Client, since: Instant, count: usize) -> (Vec<u8>, Vec<Duration>, usize) {
    let mut stream = client.stream();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let (mut bytes, mut times, mut first) = (vec![0; count], Vec::new(), 0);
    while times.len() < count {
        let got = stream.read(&mut bytes[times.len()..]).unwrap();
        assert_ne!(got, 0, "the end after {} bytes", times.len());
        if times.is_empty() {
            first = got;
        }
        times.resize(times.len() + got, since.elapsed());
    }
    (bytes, times, first)
}

#[test]
fn pieces_come_at_their_times() {
    let every = Duration::from_millis(60);
    for (piece, error) in [(1, "abc"), (4, "abcdefghijkl"), (5, "abcdef")] {
        let rule = json!({"on": "info", "error": error,
            "fault": {"slow": {"bytes": piece, "every": "60ms"}}});
        let ruled = Ruled::start(json!([rule]));
        let mut client = ruled.connect();
        let frame = crate::ruled::error_frame(error);
        let start = Instant::now();
        client.send(0x0D, &[]);
        let (bytes, times, first) = timed(&client, start, frame.len());
        assert_eq!(bytes, frame);
        assert!(first < frame.len(), "all came at once");
        for (at, time) in times.iter().enumerate() {
            let due = every * (at / piece) as u32;
            assert!(*time >= due, "byte {at} at {time:?}, due at {due:?}");
        }
    }
}

#[test]
fn a_delay_comes_before_the_first_piece() {
    let ruled = Ruled::start(json!([
        {"on": "bind", "delay": "100ms", "fault": {"slow": {"bytes": 3, "every": "50ms"}}},
    ]));
    let mut client = ruled.connect();
    let start = Instant::now();
    client.send(0x01, &[0, 80]);
    // What comes meanwhile is not held up by what has not begun.
    client.call_ok(HEALTH, &[]);
    let bytes = read_some(client.stream(), 3);
    waited(start, 100);
    assert_eq!(bytes, [0, 0, 0]);
    assert_eq!(read_some(client.stream(), 4), [3, 2, 0, 80]);
    waited(start, 200);
}

/// Replies and pushes to that client queue behind it, in their order.
#[test]
fn frames_to_that_client_queue_behind() {
    let ruled = Ruled::start(json!([
        {"on": "bind", "fault": {"slow": {"bytes": 2, "every": "80ms"}}},
    ]));
    let mut client = ruled.connect();
    let start = Instant::now();
    client.send(0x01, &[0, 80]);
    client.send(0x37, &[0, 80]);
    let bytes = read_some(client.stream(), 2);
    assert_eq!(bytes, [0, 0]);
    let push = json!({"raw": {"command": 0x70, "data": "push"}, "to": 1});
    ruled.done("push", json!({"push": push}));
    client.send(0x0D, &[]);
    // Another one is served meanwhile: the frame is not half out.
    let mut other = ruled.connect();
    other.call_ok(HEALTH, &[]);
    assert_eq!(read_some(client.stream(), 5), [0, 3, 2, 0, 80]);
    waited(start, 240);
    assert_eq!(client.expect(0x38), [0, 80]);
    assert_eq!(client.expect(0x70), b"push");
    client.expect(0x0E);
    assert!(client.quiet().is_empty());
}

/// While one client's frame goes out, another asks hundreds of times.
#[test]
fn another_client_is_not_slowed() {
    let ruled = Ruled::start(json!([
        {"on": "bind", "client": 1, "fault": {"slow": {"bytes": 1, "every": "400ms"}}},
    ]));
    let (mut slow, mut other) = (ruled.settled(), ruled.settled());
    slow.send(0x01, &[0, 80]);
    assert_eq!(read_some(slow.stream(), 1), [0]);
    let start = Instant::now();
    for port in 2000..2200u16 {
        other.call_ok(0x01, &port.to_be_bytes());
    }
    let took = start.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    let push = json!({"raw": {"command": 0x70, "data": "all"}, "to": "all"});
    ruled.done("push", json!({"push": push}));
    assert_eq!(other.expect(0x70), b"all");
    // All this while the slow frame, of 2.4 seconds, was going out.
    assert_eq!(read_some(slow.stream(), 6), [0, 0, 3, 2, 0, 80]);
    assert!(took < start.elapsed());
    assert_eq!(slow.expect(0x70), b"all");
}

#[test]
fn two_slow_frames_go_one_after_the_other() {
    let ruled = Ruled::start(json!([
        {"on": "bind", "fault": {"slow": {"bytes": 4, "every": "40ms"}}},
    ]));
    let mut client = ruled.connect();
    let start = Instant::now();
    for port in [80, 81, 82] {
        client.send(0x01, &[0, port]);
    }
    for port in [80, 81, 82] {
        assert_eq!(client.expect(0x02), [0, port]);
    }
    // Three frames of two pieces each, and as much between frames as between pieces.
    waited(start, 5 * 40);
}

/// A client that says that it has nothing more to ask gets the rest; one that has gone is not missed.
#[test]
fn the_frame_goes_on_when_the_client_is_done() {
    let ruled = Ruled::start(json!([
        {"on": "bind", "fault": {"slow": {"bytes": 2, "every": "40ms"}}},
    ]));
    let start = Instant::now();
    let mut client = ruled.connect();
    client.send(0x01, &[0, 80]);
    client.shutdown_write();
    let bound = Client::frame(0x02, &[0, 80]);
    assert_eq!(read_all(client.stream()), (bound, End::Eof));
    waited(start, 120);
    assert!(start.elapsed() < Duration::from_secs(8));
    ruled.parted(1, "eof");

    ruled.add(json!({"on": "bind", "fault": {"slow": {"bytes": 1, "every": "1h"}}}));
    let mut gone = ruled.connect();
    gone.send(0x01, &[0, 80]);
    assert_eq!(read_some(gone.stream(), 1), [0]);
    drop(gone);
    ruled.parted(2, "eof");
    // Its port is free.
    assert_eq!(
        ruled.connect().call(0x37, &[0, 80]).0,
        0x0A,
        "nobody has bound it"
    );
}
