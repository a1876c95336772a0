//! How a connection that a fault closes ends: for the client, for what it had, and for others.

use std::io::Write;

use serde_json::json;

use crate::ruled::{EPIPE, End, Ruled, number, on_stream, read_all, to, write_errno};
use crate::support::Client;

/// However much the client has sent behind the request, it sees an end-of-file and not a reset, and
/// further writes are a broken pipe.
#[test]
fn never_a_reset_for_what_is_left_unread() {
    for fault in [json!("close"), json!({"truncate": 6})] {
        for backlog in [1, 1000, 30_000] {
            let ruled = Ruled::start(json!([{"on": "info", "times": 1, "fault": fault}]));
            let client = ruled.connect();
            let mut stream = client.stream();
            let frames = [
                Client::frame(0x0D, &[]),
                Client::frame(0x21, &[]).repeat(backlog),
            ];
            // The daemon may be quicker than the write.
            let _ = stream.write_all(&frames.concat());
            let (bytes, end) = read_all(stream);
            assert_eq!(end, End::Eof, "{fault}, {backlog}");
            let expected = if fault == "close" { 0 } else { 6 };
            assert_eq!(bytes.len(), expected, "{fault}, {backlog}");
            let errno = write_errno(stream, &Client::frame(0x21, &[]));
            assert_eq!(errno, Some(EPIPE), "{fault}, {backlog}");
            ruled.parted(1, "fault");
        }
    }
}

/// All that was answered before goes out first, a large reply included.
#[test]
fn what_was_answered_before_arrives() {
    let big = json!({"repeat": "x", "bytes": 1_048_575});
    let ruled = Ruled::start(json!([
        {"on": "resolve_hostname", "payload": big},
        {"on": "info", "fault": "close"},
    ]));
    let client = ruled.connect();
    let asked = [
        Client::frame(0x11, b"beta"),
        Client::frame(0x11, b"beta"),
        Client::frame(0x0D, &[]),
        Client::frame(0x11, b"beta"),
    ];
    client.stream().write_all(&asked.concat()).unwrap();
    let (bytes, end) = read_all(client.stream());
    assert_eq!(end, End::Eof);
    let frame = Client::frame(0x12, &vec![b'x'; 1_048_575]);
    assert!(bytes == frame.repeat(2), "{} bytes", bytes.len());
}

/// The closed client's streams and ports go as with any client that leaves; others stay.
#[test]
fn it_concerns_the_client_alone() {
    let ruled = Ruled::start(json!([{"on": "info", "client": 1, "fault": "close"}]));
    let (mut one, mut two) = (ruled.settled(), ruled.settled());
    two.call_ok(0x01, &[0, 90]);
    one.call_ok(0x01, &[0, 91]);
    let near = number(&one.call_ok(0x03, &to(5, 90)));
    let far = number(&two.expect(0x05)[2..]);
    one.send(0x06, &on_stream(near, b"last"));
    one.send(0x0D, &[]);
    assert_eq!(two.expect(0x07), on_stream(far, b"last"));
    assert_eq!(two.expect(0x09), far.to_be_bytes());
    one.recv_eof();
    ruled.parted(1, "fault");
    assert_eq!(two.call_ok(0x01, &[0, 91]), [0, 91]);
    two.call_json(0x0D, &[]);
    ruled.connect().call_json(0x0D, &[]);
}

/// With a delay the client is served until its time, and what waits longer is lost.
#[test]
fn a_delayed_close_ends_what_waits() {
    let ruled = Ruled::start(json!([
        {"on": "info", "delay": "300ms", "fault": "close"},
        {"on": "bind", "delay": "30s"},
        {"on": "unbind", "delay": "20ms"},
    ]));
    let mut client = ruled.connect();
    client.send(0x0D, &[]);
    client.send(0x01, &[0, 90]);
    client.send(0x37, &[0, 90]);
    client.call_ok(0x21, &[]);
    assert_eq!(client.expect(0x38), [0, 90]);
    client.recv_eof();
    ruled.parted(1, "fault");
}

/// A slow reply before a close arrives whole, in its pieces.
#[test]
fn a_slow_reply_before_a_close_arrives_whole() {
    let start = std::time::Instant::now();
    let ruled = Ruled::start(json!([
        {"on": "bind", "fault": {"slow": {"bytes": 1, "every": "20ms"}}},
        {"on": "info", "fault": "close"},
    ]));
    let mut client = ruled.connect();
    client.send(0x01, &[0, 90]);
    client.send(0x0D, &[]);
    let bound = Client::frame(0x02, &[0, 90]);
    assert_eq!(read_all(client.stream()), (bound, End::Eof));
    crate::ruled::waited(start, 20 * 6);
    assert!(start.elapsed().as_secs() < 8, "{:?}", start.elapsed());
    ruled.parted(1, "fault");
}
