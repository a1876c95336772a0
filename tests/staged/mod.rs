//! A daemon with a scenario and a control socket, and the frames that its tests send and expect.
#![allow(dead_code)] // Every test file uses a part of it.

use std::io::{BufRead, BufReader, Write};
use std::ops::{Deref, DerefMut};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::support::{Binary, Client, DEADLINE, poll};

/// A frame: command byte and payload.
pub type Frame = (u8, Vec<u8>);

pub const BOTH: [&str; 2] = ["lenient", "faithful"];

pub const BIND: u8 = 0x01;
pub const DIAL: u8 = 0x03;
pub const ACCEPT: u8 = 0x05;
pub const SEND: u8 = 0x06;
pub const RECV: u8 = 0x07;
pub const CLOSE: u8 = 0x08;
pub const CLOSED: u8 = 0x09;
pub const SEND_TO: u8 = 0x0B;
pub const RECV_FROM: u8 = 0x0C;
pub const INFO: u8 = 0x0D;
pub const HANDSHAKE: u8 = 0x0F;
pub const RESOLVE: u8 = 0x11;
pub const NETWORK: u8 = 0x1F;

/// Enough that the kernel takes no more for a client that does not read.
pub const MIB: usize = 1 << 20;

/// A running daemon, and a connection to its control socket.
pub struct Staged {
    daemon: Binary,
    control: BufReader<UnixStream>,
}

impl Deref for Staged {
    type Target = Binary;

    fn deref(&self) -> &Binary {
        &self.daemon
    }
}

impl DerefMut for Staged {
    fn deref_mut(&mut self) -> &mut Binary {
        &mut self.daemon
    }
}

impl Staged {
    /// A daemon with this scenario.
    pub fn start(scenario: &Value) -> Staged {
        Staged::with(scenario, &[])
    }

    /// The same with more options.
    pub fn with(scenario: &Value, options: &[&str]) -> Staged {
        let text = scenario.to_string();
        let daemon = Binary::start(&[&["--control", "c", "--scenario", &text], options].concat());
        let control = UnixStream::connect(daemon.directory().join("c")).unwrap();
        control.set_read_timeout(Some(DEADLINE)).unwrap();
        Staged {
            daemon,
            control: BufReader::new(control),
        }
    }

    /// A client that the daemon has taken in, so that the next one has the next number.
    pub fn client(&self) -> Client {
        let mut client = self.connect();
        assert_eq!(client.quiet(), []);
        client
    }

    /// Sends a verb with its keys and gives the answer.
    pub fn ask(&mut self, verb: &str, keys: Value) -> Value {
        let mut request = keys;
        request["verb"] = verb.into();
        writeln!(self.control.get_mut(), "{request}").unwrap();
        let mut line = String::new();
        self.control.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}\n{}", self.report()))
    }

    /// The same, where the answer must be a good one.
    pub fn told(&mut self, verb: &str, keys: Value) -> Value {
        let answer = self.ask(verb, keys);
        assert_eq!(answer["ok"], true, "{verb}: {answer}");
        answer
    }

    /// Pushes, and gives how many clients got it.
    pub fn push(&mut self, push: Value) -> u64 {
        let answer = self.told("push", json!({ "push": push }));
        answer["sent"].as_u64().unwrap()
    }

    /// What the journal has of pushes that were dropped: the client, if any, and the push's name.
    pub fn dropped(&mut self) -> Vec<(Option<u64>, String)> {
        let journal = self.told("journal", json!({"since": 0}));
        let entries = journal["entries"].as_array().unwrap();
        let dropped = entries.iter().filter(|entry| entry["event"] == "dropped");
        dropped
            .map(|entry| (entry["client"].as_u64(), only_text(entry)))
            .collect()
    }

    /// Waits until the daemon's log has this text so many times.
    pub fn said(&self, text: &str, times: usize) {
        let count = || self.stderr().matches(text).count();
        let seen = poll(|| (count() >= times).then_some(()));
        let report = self.report();
        assert!(
            seen.is_some() && count() == times,
            "{times} of {text:?}\n{report}"
        );
    }
}

/// The text of a `dropped` event, whose key is not part of the contract.
fn only_text(entry: &Value) -> String {
    let known = ["dir", "event", "rule"];
    let mut texts = entry.as_object().unwrap().iter();
    let found = texts.find(|(key, value)| value.is_string() && !known.contains(&key.as_str()));
    let (_, text) = found.unwrap_or_else(|| panic!("{entry}"));
    text.as_str().unwrap().to_owned()
}

/// Parts of a payload, one behind the other.
pub fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

pub fn port(port: u16) -> [u8; 2] {
    port.to_be_bytes()
}

/// An id of four bytes: a node's or a stream's.
pub fn id(id: u32) -> [u8; 4] {
    id.to_be_bytes()
}

/// Network, node and port.
pub fn address(network: u16, node: u32, port: u16) -> Vec<u8> {
    join(&[
        &network.to_be_bytes(),
        &node.to_be_bytes(),
        &port.to_be_bytes(),
    ])
}

pub fn bind(client: &mut Client, number: u16) {
    assert_eq!(client.call_ok(BIND, &port(number)), port(number));
}

/// Dials and gives the stream's id.
pub fn dial(client: &mut Client, network: u16, node: u32, port: u16) -> u32 {
    let conn = client.call_ok(DIAL, &address(network, node, port));
    u32::from_be_bytes(conn.try_into().unwrap())
}

/// A Recv of data on a stream, as a frame comes.
pub fn recv(conn: u32, data: &[u8]) -> Frame {
    (RECV, join(&[&id(conn), data]))
}

/// The end of a stream.
pub fn closed(conn: u32) -> Frame {
    (CLOSED, id(conn).to_vec())
}

/// An accept: the local port, the stream, and who dials.
pub fn accept(local: u16, conn: u32, from: &[u8]) -> Frame {
    (ACCEPT, join(&[&port(local), &id(conn), from]))
}

/// A datagram.
pub fn recv_from(from: &[u8], to_port: u16, data: &[u8]) -> Frame {
    (RECV_FROM, join(&[from, &port(to_port), data]))
}

/// Reads data of one stream until there are so many bytes; gives the bytes and the longest piece.
pub fn gather(client: &mut Client, conn: u32, bytes: usize) -> (Vec<u8>, usize) {
    let (mut data, mut longest) = (Vec::new(), 0);
    while data.len() < bytes {
        let payload = client.expect(RECV);
        assert_eq!(payload[..4], id(conn));
        longest = longest.max(payload.len() - 4);
        data.extend_from_slice(&payload[4..]);
    }
    (data, longest)
}
