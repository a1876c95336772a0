//! A worker that answers datagrams, tested against a daemon that runs inside the test.
//!
//! The worker is what a user would have: it knows a socket and nothing of mockpilot. The tests tell
//! the daemon how to behave, wait for what the worker asks, and look at it afterwards. No test
//! sleeps.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use mockpilot::MockDaemon;

const PATIENCE: Duration = Duration::from_secs(10);

// The program under test: binds port 80, twice if it must, and answers `ping` until the daemon goes.

const BIND: u8 = 0x01;
const BIND_OK: u8 = 0x02;
const SEND_TO: u8 = 0x0B;
const RECV_FROM: u8 = 0x0C;

fn write_frame(stream: &mut UnixStream, command: u8, payload: &[u8]) -> io::Result<()> {
    let length = u32::try_from(payload.len() + 1).expect("a short payload");
    let frame = [&length.to_be_bytes()[..], &[command], payload].concat();
    stream.write_all(&frame)
}

fn read_frame(stream: &mut UnixStream) -> io::Result<(u8, Vec<u8>)> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame)?;
    Ok((frame[0], frame[1..].to_vec()))
}

fn work(socket: &Path) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    write_frame(&mut stream, BIND, &[0, 80])?;
    if read_frame(&mut stream)?.0 != BIND_OK {
        write_frame(&mut stream, BIND, &[0, 80])?;
        if read_frame(&mut stream)?.0 != BIND_OK {
            return Err(io::Error::other("port 80 cannot be had"));
        }
    }
    loop {
        let (command, payload) = read_frame(&mut stream)?;
        // The sender's address and port, the own port, the data.
        if command == RECV_FROM && payload[10..] == *b"ping" {
            write_frame(&mut stream, SEND_TO, &[&payload[..8], b"pong"].concat())?;
        }
    }
}

// The tests.

fn start(scenario: &str) -> (MockDaemon, thread::JoinHandle<io::Result<()>>) {
    // A mistake in the scenario is an error here, with its line and column.
    let daemon = MockDaemon::builder().scenario(scenario).start().unwrap();
    let socket = daemon.socket().to_owned();
    (daemon, thread::spawn(move || work(&socket)))
}

#[test]
fn a_datagram_is_answered() {
    let (daemon, worker) = start(
        r#"{"expect": [{"on": "send_to", "when": {"node": 2, "data": "pong"}, "times": 1}]}"#,
    );
    // Once the port is bound the worker listens, and a push finds it.
    let bind = r#"{"on": "bind", "when": {"port": 80}}"#;
    daemon.await_request(bind, PATIENCE).unwrap();
    let ping = r#"{"recv_from": {"from": "0:0000.0000.0002:4000", "to_port": 80, "data": "ping"}}"#;
    assert_eq!(daemon.push(ping), Ok(1));
    let answer = r#"{"on": "send_to", "when": {"port": 4000}}"#;
    daemon.await_request(answer, PATIENCE).unwrap();
    assert_eq!(daemon.verify(), Ok(()));

    // The journal has every frame, in order: decoded as in `mockpilot decode`.
    let journal = daemon.journal();
    let frames = journal.iter().filter(|entry| entry["dir"] != "event");
    let commands: Vec<_> = frames.map(|entry| entry["cmd"].as_str().unwrap()).collect();
    assert_eq!(commands[..4], ["bind", "bind_ok", "recv_from", "send_to"]);

    // With the daemon the worker's connection ends.
    daemon.stop();
    let end = worker.join().unwrap().unwrap_err();
    assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn a_port_that_is_taken_for_a_while_is_tried_again() {
    let (daemon, _worker) = start(
        r#"{"rules": [{"name": "taken", "on": "bind", "times": 1, "error": "port 80 already bound"}],
            "expect": [{"on": "bind", "times": 2}]}"#,
    );
    let bind = r#"{"on": "bind", "when": {"port": 80}}"#;
    daemon.await_requests(bind, 2, PATIENCE).unwrap();
    let journal = daemon.journal();
    let spoilt = journal.iter().filter(|entry| entry["rule"] == "taken");
    assert!(spoilt.count() > 0);
    // Dropped here, the daemon verifies what was expected, and would panic with the report.
}

#[test]
#[should_panic(expected = "bind with port 81: expected at least 1, got 0; nearest was bind")]
fn what_was_expected_and_did_not_come_fails_the_test() {
    let (daemon, _worker) = start(r#"{"expect": [{"on": "bind", "when": {"port": 81}}]}"#);
    daemon.await_request(r#"{"on": "bind"}"#, PATIENCE).unwrap();
}
