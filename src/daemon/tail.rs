//! The last frames of a daemon, kept as they are and decoded only when somebody asks: what a failed run
//! shows of itself.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Instant;

use byteorder::{BigEndian, ByteOrder};
use serde_json::{Map, Value, json};

use super::hold;
use crate::node::ClientId;
use crate::wire::fields::{request_fields, shown};
use crate::wire::frame::Frame;
use crate::wire::{Address, command, decode};

/// Frames that are kept. Source: the contract of `exec`.
const FRAMES: usize = 20;

/// Bytes of a frame's payload that are kept (our choice): data is shown by its first 64 bytes, and most
/// bodies are smaller.
const KEPT: usize = 16 * 1024;

/// Where a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From a client.
    In,
    /// To a client, in answer to its request.
    Out,
    /// To a client, unasked.
    Push,
}

/// The last frames of all clients.
#[derive(Debug)]
pub struct Tail {
    started: Instant,
    ring: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    seen: u64,
    entries: VecDeque<Entry>,
}

#[derive(Debug)]
struct Entry {
    seq: u64,
    micros: u128,
    client: ClientId,
    direction: Direction,
    code: u8,
    /// Bytes that the payload has; those in `payload` may be fewer.
    length: usize,
    payload: Vec<u8>,
}

impl Default for Tail {
    fn default() -> Tail {
        Tail {
            started: Instant::now(),
            ring: Mutex::default(),
        }
    }
}

impl Tail {
    /// Keeps a frame in place of the oldest one.
    pub fn record(&self, client: ClientId, direction: Direction, code: u8, payload: &[u8]) {
        let micros = self.started.elapsed().as_micros();
        let mut ring = hold(&self.ring);
        ring.seen += 1;
        let mut kept = if ring.entries.len() == FRAMES {
            ring.entries.pop_front().map(|entry| entry.payload)
        } else {
            None
        }
        .unwrap_or_default();
        kept.clear();
        kept.extend_from_slice(&payload[..payload.len().min(KEPT)]);
        let entry = Entry {
            seq: ring.seen,
            micros,
            client,
            direction,
            code,
            length: payload.len(),
            payload: kept,
        };
        ring.entries.push_back(entry);
    }

    /// The frames that are kept, oldest first, in the journal's form, a line each.
    pub fn lines(&self) -> String {
        let ring = hold(&self.ring);
        ring.entries.iter().map(Entry::line).collect()
    }
}

impl Entry {
    fn line(&self) -> String {
        let (name, direction, fields) = match self.direction {
            Direction::In => {
                let (name, fields) = self.request();
                (name, "in", fields)
            }
            Direction::Out => (command::outgoing_name(self.code), "out", self.sent()),
            Direction::Push => (command::outgoing_name(self.code), "push", self.sent()),
        };
        format!(
            "{{\"seq\":{},\"t_us\":{},\"client\":{},\"dir\":\"{direction}\",\"cmd\":\"{name}\",\
             \"code\":{},\"len\":{},\"fields\":{}}}\n",
            self.seq,
            self.micros,
            self.client,
            self.code,
            self.length + 1,
            Value::Object(fields),
        )
    }

    fn is_whole(&self) -> bool {
        self.payload.len() == self.length
    }

    fn request(&self) -> (String, Map<String, Value>) {
        let frame = Frame {
            code: self.code,
            payload: &self.payload,
        };
        match decode(frame) {
            Ok(request) => {
                let mut fields = request_fields(&request);
                if let Some(bytes) = fields.get("bytes").and_then(Value::as_u64) {
                    let cut = self.length - self.payload.len();
                    fields.insert("bytes".to_owned(), (bytes + cut as u64).into());
                }
                (request.command().name().to_owned(), fields)
            }
            Err(malformed) => {
                let mut fields = Map::new();
                if self.is_whole() {
                    fields.insert("malformed".to_owned(), malformed.text.into());
                }
                (malformed.name.to_owned(), fields)
            }
        }
    }

    /// The fields of a frame that the daemon sent.
    fn sent(&self) -> Map<String, Value> {
        let payload = &self.payload[..];
        let fields = match (command::outgoing_name(self.code).as_str(), payload.len()) {
            ("error", 2..) => json!({"error": String::from_utf8_lossy(&payload[2..])}),
            ("bind_ok" | "unbind_ok", 2) => json!({"port": BigEndian::read_u16(payload)}),
            ("dial_ok" | "close_ok", 4) => json!({"conn": BigEndian::read_u32(payload)}),
            ("accept", 14) => json!({
                "port": BigEndian::read_u16(payload), "conn": BigEndian::read_u32(&payload[2..]),
                "address": address(&payload[6..]).to_string(),
                "network": address(&payload[6..]).network, "node": address(&payload[6..]).node,
                "remote_port": BigEndian::read_u16(&payload[12..]),
            }),
            ("recv", 4..) => json!({
                "conn": BigEndian::read_u32(payload),
                "data": shown(&payload[4..]), "bytes": self.length - 4,
            }),
            ("recv_from", 10..) => json!({
                "address": address(payload).to_string(),
                "network": address(payload).network, "node": address(payload).node,
                "from_port": BigEndian::read_u16(&payload[6..]),
                "to_port": BigEndian::read_u16(&payload[8..]),
                "data": shown(&payload[10..]), "bytes": self.length - 10,
            }),
            (_, 0) => json!({}),
            _ => match serde_json::from_slice(payload) {
                Ok(Value::Object(mut body)) => {
                    redact(&mut body);
                    Value::Object(body)
                }
                _ => json!({"data": shown(payload), "bytes": self.length}),
            },
        };
        match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }
}

/// An address at the start of a push.
fn address(bytes: &[u8]) -> Address {
    Address {
        network: BigEndian::read_u16(bytes),
        node: BigEndian::read_u32(&bytes[2..]),
    }
}

/// Takes the tokens out of a body.
fn redact(body: &mut Map<String, Value>) {
    for (key, value) in body {
        match value {
            Value::String(text) if key == "token" || key.ends_with("_token") => {
                *text = "<redacted>".to_owned();
            }
            Value::Object(inner) => redact(inner),
            Value::Array(items) => items
                .iter_mut()
                .filter_map(Value::as_object_mut)
                .for_each(redact),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown_of(direction: Direction, code: u8, payload: &[u8]) -> Value {
        let tail = Tail::default();
        tail.record(7, direction, code, payload);
        serde_json::from_str(&tail.lines()).unwrap()
    }

    #[test]
    fn only_the_last_ones_stay() {
        let tail = Tail::default();
        for port in 0..50u16 {
            tail.record(1, Direction::In, 0x01, &port.to_be_bytes());
        }
        let lines: Vec<Value> = tail
            .lines()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), FRAMES);
        assert_eq!(lines[0]["seq"], 31);
        assert_eq!(lines[19]["seq"], 50);
        assert_eq!(lines[19]["fields"], json!({"port": 49}));
    }

    #[test]
    fn lines_have_the_journals_form() {
        let tail = Tail::default();
        tail.record(3, Direction::In, 0x01, &[0, 80]);
        let line = tail.lines();
        let (start, end) = line.split_once("\"t_us\":").unwrap();
        assert_eq!(start, "{\"seq\":1,");
        let rest = end.trim_start_matches(|c: char| c.is_ascii_digit());
        assert_eq!(
            rest,
            ",\"client\":3,\"dir\":\"in\",\"cmd\":\"bind\",\"code\":1,\"len\":3,\"fields\":{\"port\":80}}\n"
        );
    }

    #[test]
    fn every_kind_of_frame_has_its_fields() {
        use Direction::{In, Out, Push};
        for (direction, code, payload, cmd, fields) in [
            (In, 0x21, &b""[..], "health", json!({})),
            (
                In,
                0x7E,
                b"",
                "unknown",
                json!({"malformed": "unknown command: 0x7E"}),
            ),
            (Out, 0x02, &[0, 80], "bind_ok", json!({"port": 80})),
            (Out, 0x0A, b"\0\x01no", "error", json!({"error": "no"})),
            (Out, 0x04, &[0, 0, 0, 9], "dial_ok", json!({"conn": 9})),
            (Push, 0x09, &[0, 0, 0, 9], "close_ok", json!({"conn": 9})),
            (
                Push,
                0x07,
                b"\0\0\0\x09hi",
                "recv",
                json!({"conn": 9, "data": "hi", "bytes": 2}),
            ),
            (
                Push,
                0x0C,
                b"\0\x01\0\0\0\x02\0\x07\0\x08x",
                "recv_from",
                json!({"address": "1:0001.0000.0002", "network": 1, "node": 2, "from_port": 7,
                       "to_port": 8, "data": "x", "bytes": 1}),
            ),
            (
                Push,
                0x05,
                b"\0\x50\0\0\0\x09\0\0\0\0\0\x02\0\x07",
                "accept",
                json!({"port": 80, "conn": 9, "address": "0:0000.0000.0002", "network": 0,
                       "node": 2, "remote_port": 7}),
            ),
            (Out, 0x3A, b"", "send_to_confirm_ok", json!({})),
            (
                Out,
                0x20,
                br#"{"n":[{"token":"s3cret"}],"admin_token":"s"}"#,
                "network_ok",
                json!({"n": [{"token": "<redacted>"}], "admin_token": "<redacted>"}),
            ),
        ] {
            let line = shown_of(direction, code, payload);
            assert_eq!(line["cmd"], cmd);
            assert_eq!(line["fields"], fields, "{cmd}");
        }
    }

    #[test]
    fn tokens_are_redacted_and_long_data_is_cut() {
        let line = shown_of(Direction::In, 0x29, b"\0\x07\0\x50\0\x06s3cretdata");
        assert_eq!(line["fields"]["token"], "<redacted>");
        let mut payload = vec![0, 0, 0, 9];
        payload.resize(100_000, b'x');
        for direction in [Direction::In, Direction::Push] {
            let code = if direction == Direction::In {
                0x06
            } else {
                0x07
            };
            let line = shown_of(direction, code, &payload);
            assert_eq!(line["fields"]["bytes"], 99_996);
            assert_eq!(line["fields"]["data"], "x".repeat(64));
            assert_eq!(line["len"], 100_001);
        }
    }
}
