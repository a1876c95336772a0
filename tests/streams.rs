//! Streams over real sockets: order, back-pressure, disconnects, many at once.

mod support;

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use support::{Binary, Client, DEADLINE, Received};

fn dial(client: &mut Client, node: u32, port: u16) -> u32 {
    let mut payload = vec![0, 0];
    payload.extend_from_slice(&node.to_be_bytes());
    payload.extend_from_slice(&port.to_be_bytes());
    number(&client.call_ok(0x03, &payload))
}

fn number(payload: &[u8]) -> u32 {
    u32::from_be_bytes(payload[..4].try_into().unwrap())
}

fn data(conn: u32, bytes: &[u8]) -> Vec<u8> {
    [&conn.to_be_bytes()[..], bytes].concat()
}

/// Two clients joined by a stream: dialler, its id, acceptor, its id.
fn joined(daemon: &Binary, port: u16) -> (Client, u32, Client, u32) {
    let (mut a, mut b) = (daemon.connect(), daemon.connect());
    b.call_ok(0x01, &port.to_be_bytes());
    let near = dial(&mut a, 5, port);
    let far = number(&b.expect(0x05)[2..]);
    (a, near, b, far)
}

#[test]
fn small_sends_and_a_close_arrive_in_order() {
    let daemon = Binary::start::<&str>(&[]);
    let (mut a, near, mut b, far) = joined(&daemon, 6000);
    let mut burst = Vec::new();
    for n in 0..5000u32 {
        burst.extend(Client::frame(0x06, &data(near, &n.to_be_bytes())));
    }
    burst.extend(Client::frame(0x08, &near.to_be_bytes()));
    a.send_raw(&burst);
    for n in 0..5000u32 {
        assert_eq!(b.expect(0x07), data(far, &n.to_be_bytes()));
    }
    assert_eq!(b.expect(0x09), far.to_be_bytes());
    assert_eq!(a.expect(0x09), near.to_be_bytes());
    assert_eq!(a.expect(0x09), near.to_be_bytes());
    b.send(0x06, &data(far, b"late"));
    assert!(b.quiet().is_empty() && a.quiet().is_empty());
}

/// Who answers an accept at once never overtakes the dialler's own reply.
#[test]
fn no_data_comes_before_the_dialler_knows_its_stream() {
    let daemon = Binary::start::<&str>(&[]);
    let (mut a, mut b) = (daemon.connect(), daemon.connect());
    b.call_ok(0x01, &[0x17, 0x70]);
    let answering = std::thread::spawn(move || {
        for _ in 0..300 {
            let far = number(&b.expect(0x05)[2..]);
            b.send(0x06, &data(far, b"!"));
        }
        b
    });
    for _ in 0..300 {
        let near = dial(&mut a, 9, 6000);
        assert_eq!(a.expect(0x07), data(near, b"!"));
    }
    drop(answering.join().unwrap());
}

#[test]
fn a_reader_that_stops_slows_its_sender_and_nobody_else() {
    let daemon = Binary::start(&["--write-timeout", "60s"]);
    let (a, near, mut b, far) = joined(&daemon, 6000);
    let mut other = daemon.connect();
    let frame = Client::frame(0x06, &data(near, &[7; 64 * 1024]));
    // The dialler writes until it is held up.
    a.stream()
        .set_write_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let mut written = 0;
    let mut stream: &UnixStream = a.stream();
    while let Ok(count) = stream.write(&frame[written % frame.len()..]) {
        written += count;
        assert!(written < 64 << 20, "nothing holds the sender up");
    }
    assert!(written > 1 << 20, "only {written} bytes were taken");
    let before = Instant::now();
    assert!(other.quiet().is_empty());
    assert!(before.elapsed() < DEADLINE);
    assert!(resident_kib(daemon.pid()) < 64 * 1024);
    // The rest of a frame that was held up half-way, and all that was written arrives.
    let rest = frame[written % frame.len()..].to_vec();
    let sending = std::thread::spawn(move || {
        let mut stream: &UnixStream = a.stream();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        stream.write_all(&rest).unwrap();
        a
    });
    let frames = written.div_ceil(frame.len());
    for _ in 0..frames {
        assert_eq!(b.expect(0x07), data(far, &[7; 64 * 1024]));
    }
    let mut a = sending.join().unwrap();
    assert!(a.quiet().is_empty());
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_client_that_dies_ends_its_streams_and_frees_its_ports() {
    let daemon = Binary::start::<&str>(&[]);
    let (mut a, near, b, _) = joined(&daemon, 6000);
    drop(b);
    assert_eq!(a.expect(0x09), near.to_be_bytes());
    a.call_ok(0x01, &6000u16.to_be_bytes());
    // A dial in flight of a client that dies concerns nobody.
    let mut c = daemon.connect();
    c.send(0x03, &[0, 0, 0, 0, 0, 9, 0, 80]);
    drop(c);
    assert!(a.quiet().is_empty());
}

#[test]
fn four_thousand_streams_a_client_and_no_more() {
    let daemon = Binary::start::<&str>(&[]);
    let mut client = daemon.connect();
    let request = Client::frame(0x03, &[0, 0, 0, 0, 0, 5, 0, 80]);
    client.send_raw(&request.repeat(4097));
    for n in 1..=4096u32 {
        assert_eq!(client.expect(0x04), n.to_be_bytes());
    }
    let error = support::error_of(&client.expect(0x0A));
    assert_eq!(error, "dial: per-client connection quota (4096) reached");
    let info = client.call_json(0x0D, &[]);
    assert_eq!(info["connections"], 4096);
    assert_eq!(info["conn_list_truncated"], true);
    let listed = info["conn_list"].as_array().unwrap();
    assert!(listed.len() > 1000 && listed[0]["id"] == 1);
    // Another client has a quota of its own.
    dial(&mut daemon.connect(), 5, 80);
}

#[test]
fn echo_of_every_size() {
    let daemon = Binary::start::<&str>(&[]);
    let mut client = daemon.connect();
    let conn = dial(&mut client, 5, 7);
    for size in [1, 2, 1151, 1152, 1153, 8187, 8188, 65_536, (1 << 20) - 5] {
        let bytes: Vec<u8> = (0..size).map(|n| (n % 253) as u8).collect();
        client.send(0x06, &data(conn, &bytes));
        assert!(client.expect(0x07) == data(conn, &bytes), "{size} bytes");
    }
}

#[test]
fn a_stop_tells_every_owner_before_the_end() {
    let mut daemon = Binary::start::<&str>(&[]);
    let (mut a, near, mut b, far) = joined(&daemon, 6000);
    let echo = dial(&mut a, 5, 7);
    assert!(daemon.terminate().success());
    let mut ended = vec![number(&a.expect(0x09)), number(&a.expect(0x09))];
    ended.sort_unstable();
    assert_eq!(ended, [near, echo]);
    a.recv_eof();
    assert_eq!(b.expect(0x09), far.to_be_bytes());
    b.recv_eof();
}

#[test]
fn events_pass_between_clients() {
    let daemon = Binary::start::<&str>(&[]);
    let event = |topic: &str, payload: &[u8]| {
        let mut out = (topic.len() as u16).to_be_bytes().to_vec();
        out.extend_from_slice(topic.as_bytes());
        out.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        [out, payload.to_vec()].concat()
    };
    let (mut sub, mut publisher) = (daemon.connect(), daemon.connect());
    let near = dial(&mut sub, 5, 1002);
    sub.send(0x06, &data(near, &event("t", b"")));
    assert!(sub.quiet().is_empty());
    let other = dial(&mut publisher, 5, 1002);
    publisher.send(0x06, &data(other, &event("x", b"")));
    publisher.send(0x06, &data(other, &event("t", b"payload")));
    publisher.send(0x06, &data(other, &event("u", b"not for it")));
    publisher.send(0x06, &data(other, &event("t", b"")));
    assert_eq!(sub.expect(0x07), data(near, &event("t", b"payload")));
    assert_eq!(sub.expect(0x07), data(near, &event("t", b"")));
    assert!(publisher.quiet().is_empty());
}

#[test]
fn a_slow_client_is_dropped_and_its_peers_are_told() {
    let daemon = Binary::start(&["--write-timeout", "200ms"]);
    let (mut a, near, b, _) = joined(&daemon, 6000);
    let frame = Client::frame(0x06, &data(near, &[7; 64 * 1024]));
    // b reads nothing: what a sends fills its socket and its budget until b is dropped.
    let mut ended = None;
    while ended.is_none() {
        let mut stream: &UnixStream = a.stream();
        stream.write_all(&frame).unwrap();
        ended = match a.receive(Instant::now() + Duration::from_millis(1)) {
            Received::Timeout => None,
            Received::Frame(code, payload) => Some((code, payload)),
            other => panic!("{other:?}"),
        };
    }
    assert_eq!(ended, Some((0x09, near.to_be_bytes().to_vec())));
    drop(b);
    assert!(a.quiet().is_empty());
}

#[test]
fn a_sender_that_leaves_while_it_is_held_up_frees_its_ports_and_loses_no_data() {
    let daemon = Binary::start(&["--write-timeout", "60s"]);
    let (mut a, near, mut b, far) = joined(&daemon, 6000);
    a.call_ok(0x01, &[0x01, 0xF4]);
    let frame = Client::frame(0x06, &data(near, &[7; 64 * 1024]));
    a.stream()
        .set_write_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let mut written = 0;
    let mut stream: &UnixStream = a.stream();
    while let Ok(count) = stream.write(&frame[written % frame.len()..]) {
        written += count;
    }
    drop(a);
    let mut other = daemon.connect();
    let bound = support::poll(|| (other.call(0x01, &[0x01, 0xF4]).0 == 0x02).then_some(()));
    assert_eq!(bound, Some(()));
    for _ in 0..written / frame.len() {
        assert_eq!(b.expect(0x07), data(far, &[7; 64 * 1024]));
    }
    assert_eq!(b.expect(0x09), far.to_be_bytes());
}

/// The reply that nobody takes is lost; the data behind it is not.
#[test]
fn what_a_client_sent_before_it_left_arrives() {
    let daemon = Binary::start::<&str>(&[]);
    let (mut a, near, mut b, far) = joined(&daemon, 6000);
    daemon.signal("STOP");
    let mut all = Client::frame(0x21, &[]);
    for n in 0..100u32 {
        let piece = [&n.to_be_bytes()[..], &[7; 1000]].concat();
        all.extend(Client::frame(0x06, &data(near, &piece)));
    }
    a.send_raw(&all);
    drop(a);
    daemon.signal("CONT");
    for n in 0..100u32 {
        assert_eq!(b.expect(0x07)[4..8], n.to_be_bytes());
    }
    assert_eq!(b.expect(0x09), far.to_be_bytes());
}
