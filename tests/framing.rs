//! Frames in every shape that a client can send them, well formed or not.

mod support;

use mockpilot::wire::command::is_request;
use support::{Binary, Client};

const INFO: u8 = 0x0D;
const HEALTH: u8 = 0x21;
const MAX: usize = 1 << 20;

#[test]
fn zero_lengths_are_skipped() {
    let daemon = Binary::start::<&str>(&[]);
    let mut client = daemon.connect();
    client.send_raw(&[0; 20]);
    client.send_raw(&[[0; 4].to_vec(), Client::frame(INFO, &[])].concat());
    client.expect(INFO + 1);
    assert!(client.quiet().is_empty());
}

#[test]
fn the_longest_frame_is_served_and_a_longer_one_ends_its_client() {
    let daemon = Binary::start::<&str>(&[]);
    let mut other = daemon.connect();
    let mut client = daemon.connect();
    client.send(INFO, &vec![0; MAX - 1]);
    client.expect(INFO + 1);
    client.send(0x06, &vec![0; MAX - 1]);
    assert!(client.quiet().is_empty());
    client.send_raw(&(MAX as u32 + 1).to_be_bytes());
    client.recv_eof();
    let mut client = daemon.connect();
    // What was asked before is still answered.
    client.send_raw(&[Client::frame(HEALTH, &[]), vec![0xff; 14]].concat());
    client.expect(HEALTH + 1);
    client.recv_eof();
    assert!(other.quiet().is_empty());
}

#[test]
fn a_frame_may_come_byte_by_byte() {
    let daemon = Binary::start::<&str>(&[]);
    let mut other = daemon.connect();
    let mut client = daemon.connect();
    for byte in Client::frame(INFO, b"padding") {
        client.send_raw(&[byte]);
        // The other client's answer shows that the byte has had time to arrive.
        assert!(other.quiet().is_empty());
    }
    client.expect(INFO + 1);
}

#[test]
fn a_frame_cut_at_every_byte_frees_what_its_client_had() {
    let daemon = Binary::start::<&str>(&[]);
    let mut other = daemon.connect();
    let frame = Client::frame(0x03, &[0, 0, 0, 0, 0, 5, 0, 80]);
    for cut in 1..frame.len() {
        let mut client = daemon.connect();
        client.call_ok(0x01, &[0x1c, 0xe9]);
        client.send_raw(&frame[..cut]);
        client.shutdown_write();
        client.recv_eof();
        // The port is free again: whoever asks next gets it, and gives it back.
        other.call_ok(0x01, &[0x1c, 0xe9]);
        other.call_ok(0x37, &[0x1c, 0xe9]);
    }
    assert!(other.quiet().is_empty());
}

#[test]
fn a_half_closed_client_gets_what_it_asked_for() {
    let daemon = Binary::start::<&str>(&[]);
    let mut client = daemon.connect();
    client.send(INFO, &[]);
    client.shutdown_write();
    client.expect(INFO + 1);
    client.recv_eof();
}

#[test]
fn all_other_bytes_are_unknown_commands() {
    let daemon = Binary::start::<&str>(&[]);
    let mut client = daemon.connect();
    let unknown: Vec<u8> = (0..=255).filter(|code| !is_request(*code)).collect();
    assert_eq!(unknown.len(), 230);
    for payload in [&b""[..], b"\0\x01\0\0\0\x02\0\x50"] {
        for code in &unknown {
            assert_eq!(
                client.error_text(*code, payload),
                format!("unknown command: 0x{code:02X}")
            );
        }
    }
}

#[test]
fn replies_keep_the_order_of_their_requests() {
    let daemon = Binary::start::<&str>(&[]);
    let mut client = daemon.connect();
    let mut burst = Vec::new();
    for _ in 0..500 {
        burst.extend(Client::frame(INFO, &[]));
        burst.extend(Client::frame(0x7E, &[]));
        burst.extend(Client::frame(0x01, &[0x13, 0x88]));
        burst.extend(Client::frame(HEALTH, &[]));
        burst.extend(Client::frame(0x37, &[0x13, 0x88]));
    }
    client.send_raw(&burst);
    for _ in 0..500 {
        for code in [INFO + 1, 0x0A, 0x02, HEALTH + 1, 0x38] {
            client.expect(code);
        }
    }
}

/// All short sequences of a nasty vocabulary, each on a connection of its own: no reply ever breaks
/// the framing, and another client never notices.
#[test]
fn garbage_disturbs_nobody() {
    let daemon = Binary::start::<&str>(&[]);
    let mut other = daemon.connect();
    let words: [&[u8]; 8] = [
        &[0, 0, 0, 0],
        &[0, 0, 0, 1],
        &[0x0F],
        &[0x23],
        &[0, 0, 0, 9, 0x03, 0, 0, 0, 0],
        &[0, 0, 0, 2, 0x15, 1],
        &[0xff],
        b"\0\0\0\x05\x33null",
    ];
    for first in words {
        for second in words {
            for third in words {
                let mut client = daemon.connect();
                client.send_raw(&[first, second, third].concat());
                client.shutdown_write();
                // Any number of whole frames, then the end.
                let end = std::time::Instant::now() + support::DEADLINE;
                loop {
                    match client.receive(end) {
                        support::Received::Frame(..) => {}
                        support::Received::Eof | support::Received::Reset => break,
                        other => panic!("{other:?}"),
                    }
                }
            }
        }
    }
    assert!(other.quiet().is_empty());
}
