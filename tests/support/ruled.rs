//! A daemon with rules, told more of them over its control socket.
#![allow(dead_code)] // Every test uses a part of it.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::support::{Binary, Client, DEADLINE, poll};

/// Times stand still, so that equal requests get equal bytes.
const CLOCK: u64 = 1_800_000_000;

pub const ECONNRESET: i32 = if cfg!(target_os = "linux") { 104 } else { 54 };
pub const EPIPE: i32 = 32;

/// A running daemon and one connection to its control socket.
pub struct Ruled {
    pub daemon: Binary,
    control: RefCell<BufReader<UnixStream>>,
}

impl Ruled {
    /// With a scenario's rules.
    pub fn start(rules: Value) -> Ruled {
        Ruled::play(json!({"clock": CLOCK, "rules": rules}), &[])
    }

    /// With a scenario and further options.
    pub fn play(scenario: Value, args: &[&str]) -> Ruled {
        let scenario = scenario.to_string();
        let all = [&["--control", "c", "--scenario", &scenario], args].concat();
        let daemon = Binary::start(&all);
        let control = UnixStream::connect(daemon.directory().join("c")).unwrap();
        control.set_read_timeout(Some(DEADLINE)).unwrap();
        let control = RefCell::new(BufReader::new(control));
        Ruled { daemon, control }
    }

    pub fn connect(&self) -> Client {
        self.daemon.connect()
    }

    /// A client that has been answered, so that the daemon has it.
    pub fn settled(&self) -> Client {
        let mut client = self.connect();
        client.quiet();
        client
    }

    /// What a verb answers.
    pub fn ask(&self, verb: &str, mut keys: Value) -> Value {
        keys["verb"] = verb.into();
        let mut control = self.control.borrow_mut();
        let line = format!("{keys}\n");
        control.get_mut().write_all(line.as_bytes()).unwrap();
        let mut answer = String::new();
        control.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
    }

    /// The same of a verb that must succeed.
    pub fn done(&self, verb: &str, keys: Value) -> Value {
        let answer = self.ask(verb, keys.clone());
        assert_eq!(answer["ok"], true, "{verb} {keys}: {answer}");
        answer
    }

    /// Adds a rule; its name.
    pub fn add(&self, rule: Value) -> String {
        let added = self.done("rule_add", json!({"rule": rule}));
        added["name"].as_str().unwrap().to_owned()
    }

    pub fn remove(&self, name: &str) {
        self.done("rule_remove", json!({"name": name}));
    }

    /// How often a rule was matched and applied.
    pub fn counts(&self, name: &str) -> (u64, u64) {
        let rows = self.done("rules", json!({}));
        let rows = rows["rules"].as_array().unwrap();
        let row = rows.iter().find(|row| row["name"] == name);
        let row = row.unwrap_or_else(|| panic!("no rule {name}: {rows:?}"));
        let count = |key: &str| row[key].as_u64().unwrap();
        (count("matched"), count("applied"))
    }

    /// The journal's entries.
    pub fn entries(&self) -> Vec<Value> {
        let answer = self.done("journal", json!({"since": 0}));
        answer["entries"].as_array().unwrap().clone()
    }

    /// Waits for an entry of the journal.
    pub fn entry(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = poll(|| self.entries().into_iter().find(&wanted));
        found.unwrap_or_else(|| {
            let entries = self.entries();
            let last = &entries[entries.len().saturating_sub(20)..];
            panic!("no such entry: {last:#?}")
        })
    }

    /// Waits until a client is not there any more.
    pub fn gone(&self, client: u64) {
        let gone = poll(|| {
            let answer = self.done("clients", json!({}));
            let rows = answer["clients"].as_array().unwrap();
            rows.iter().all(|row| row["client"] != client).then_some(())
        });
        assert!(gone.is_some(), "client {client} is still there");
    }

    /// Waits until a client was told to go, or went, for this reason.
    pub fn parted(&self, client: u64, reason: &str) {
        let entry = self.entry(|e| e["event"] == "disconnect" && e["client"] == client);
        assert_eq!(entry["reason"], reason);
    }
}

/// How reading ends for a C client.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// `read` gives 0.
    Eof,
    /// `read` gives -1 and this `errno`.
    Errno(i32),
}

/// All that `read` gives, and how it ends.
pub fn read_all(stream: &UnixStream) -> (Vec<u8>, End) {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let (mut all, mut piece, mut stream) = (Vec::new(), [0; 4096], stream);
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return (all, End::Eof),
            Ok(count) => all.extend_from_slice(&piece[..count]),
            Err(error) => return (all, End::Errno(error.raw_os_error().unwrap())),
        }
    }
}

/// So many bytes, or as many as come before the end.
pub fn read_some(stream: &UnixStream, count: usize) -> Vec<u8> {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut bytes = Vec::new();
    let read = stream.take(count as u64).read_to_end(&mut bytes);
    read.unwrap_or_else(|error| panic!("{error} after {bytes:02x?} of {count} bytes"));
    bytes
}

/// What a write of a frame gives: the `errno` of its failure.
pub fn write_errno(mut stream: &UnixStream, bytes: &[u8]) -> Option<i32> {
    stream.write_all(bytes).err()?.raw_os_error()
}

/// An error reply.
pub fn error_frame(text: &str) -> Vec<u8> {
    Client::frame(0x0A, &[&[0, 1], text.as_bytes()].concat())
}

/// A dial's payload.
pub fn to(node: u32, port: u16) -> Vec<u8> {
    [&[0, 0][..], &node.to_be_bytes(), &port.to_be_bytes()].concat()
}

/// The payload of a datagram to the backbone.
pub fn datagram(node: u32, port: u16, data: &[u8]) -> Vec<u8> {
    [&to(node, port), data].concat()
}

/// The payload of data on a stream.
pub fn on_stream(conn: u32, data: &[u8]) -> Vec<u8> {
    [&conn.to_be_bytes(), data].concat()
}

/// A payload's first number.
pub fn number(payload: &[u8]) -> u32 {
    u32::from_be_bytes(payload[..4].try_into().unwrap())
}

/// Asserts that at least so much time has passed.
pub fn waited(since: Instant, least: u64) {
    let passed = since.elapsed();
    assert!(
        passed >= Duration::from_millis(least),
        "after {passed:?}, expected {least} ms"
    );
}
