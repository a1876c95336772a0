//! What PROTOCOL.md says of ports, streams, dials and datagrams, as plainly as it can be written down:
//! what each client gets for a request, and what state that leaves.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Frame, Got};

/// The simulated node's own id.
pub const OWN: u32 = 0x1234_5678;

/// The witness's port, and its stream to the echo of node 2.
pub const WITNESS_PORT: u16 = 81;
pub const WITNESS_STREAM: u32 = 1;

/// Source port of what loops back in the lenient profile.
const LOOP_PORT: u16 = 0xDEAD;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Runner,
    Witness,
}

pub struct Model {
    pub faithful: bool,
    ports: BTreeSet<u16>,
    /// The open ones: whose they are, and the other end's id where a client has it.
    streams: BTreeMap<u32, (Who, Option<u32>)>,
    last_stream: u32,
    /// Dials of the runner that hang.
    dials: usize,
    got: Got,
}

impl Model {
    /// The world that the runner enters.
    pub fn new(faithful: bool) -> Model {
        Model {
            faithful,
            ports: BTreeSet::new(),
            streams: BTreeMap::from([(WITNESS_STREAM, (Who::Witness, None))]),
            last_stream: WITNESS_STREAM,
            dials: 0,
            got: Got::default(),
        }
    }

    /// What the last request caused.
    pub fn take(&mut self) -> Got {
        std::mem::take(&mut self.got)
    }

    fn tell(&mut self, who: Who, code: u8, payload: &[u8]) {
        let got = match who {
            Who::Runner => &mut self.got.runner,
            Who::Witness => &mut self.got.witness,
        };
        got.push((code, payload.to_vec()));
    }

    pub fn reply(&mut self, code: u8, payload: &[u8]) {
        self.tell(Who::Runner, code, payload);
    }

    pub fn error(&mut self, text: &str) {
        self.reply(0x0A, &[&[0, 1], text.as_bytes()].concat());
    }

    pub fn bind(&mut self, port: u16) {
        let own = self.ports.contains(&port);
        if port == WITNESS_PORT || (own && self.faithful) {
            return self.error(&format!("port {port} already bound"));
        }
        self.ports.insert(port);
        self.reply(0x02, &port.to_be_bytes());
    }

    pub fn unbind(&mut self, port: u16) {
        match self.ports.remove(&port) {
            true => self.reply(0x38, &port.to_be_bytes()),
            false => self.error("unbind: port is not owned by this client"),
        }
    }

    fn open(&mut self, owner: Who, other: Option<u32>) -> u32 {
        self.last_stream += 1;
        self.streams.insert(self.last_stream, (owner, other));
        self.last_stream
    }

    /// A dial that a simulated peer's echo answers.
    pub fn dial_echo(&mut self) {
        let id = self.open(Who::Runner, None);
        self.reply(0x04, &id.to_be_bytes());
    }

    pub fn dial_hangs(&mut self) {
        self.dials += 1;
    }

    /// A dial of a port of the own node.
    pub fn dial_own(&mut self, port: u16) {
        let listener = match port {
            WITNESS_PORT => Who::Witness,
            _ if self.ports.contains(&port) => Who::Runner,
            _ if self.faithful => return self.error("connection refused"),
            _ => return self.dial_echo(),
        };
        let near = self.open(Who::Runner, Some(self.last_stream + 2));
        let far = self.open(listener, Some(near));
        self.reply(0x04, &near.to_be_bytes());
        let mut accept = port.to_be_bytes().to_vec();
        accept.extend(far.to_be_bytes());
        accept.extend([0, 0]);
        accept.extend(OWN.to_be_bytes());
        accept.extend([0, 0]);
        self.tell(listener, 0x05, &accept);
    }

    /// Data on a stream: it comes back from an echo, and out of the other end of a joined one.
    pub fn send(&mut self, id: u32, data: &[u8]) {
        let Some((owner, other)) = self.streams.get(&id).copied() else {
            return;
        };
        let (taker, id) = match other {
            Some(other) => (self.streams[&other].0, other),
            None => (owner, id),
        };
        self.tell(taker, 0x07, &[&id.to_be_bytes(), data].concat());
    }

    pub fn close(&mut self, id: u32) {
        self.reply(0x09, &id.to_be_bytes());
        if let Some((owner, other)) = self.streams.remove(&id) {
            self.tell(owner, 0x09, &id.to_be_bytes());
            self.end(other);
        }
    }

    /// The other end of a stream that has ended.
    fn end(&mut self, other: Option<u32>) {
        if let Some(id) = other
            && let Some((owner, _)) = self.streams.remove(&id)
        {
            self.tell(owner, 0x09, &id.to_be_bytes());
        }
    }

    pub fn cancel(&mut self) {
        for _ in 0..std::mem::take(&mut self.dials) {
            self.error("context canceled");
        }
    }

    /// A datagram that arrives at the own node, or loops back in the lenient profile.
    pub fn datagram(&mut self, to: u32, port: u16, data: &[u8]) {
        if self.faithful && to != OWN {
            return;
        }
        let mut payload = vec![0, 0];
        payload.extend(to.to_be_bytes());
        payload.extend(if self.faithful { 0 } else { LOOP_PORT }.to_be_bytes());
        payload.extend(port.to_be_bytes());
        payload.extend(data);
        self.tell(Who::Runner, 0x0C, &payload);
        self.tell(Who::Witness, 0x0C, &payload);
    }

    pub fn info(&mut self) {
        let body = self.info_body();
        self.reply(0x0E, body.to_string().as_bytes());
    }

    fn info_body(&self) -> Value {
        let open: Vec<u32> = self.streams.keys().copied().collect();
        json!({
            // The daemon's own four, and the witness's.
            "ports": 5 + self.ports.len(),
            "connections": open.len() + self.dials,
            "open": open,
        })
    }

    /// The runner's connection has ended, however it did.
    pub fn gone(&mut self) {
        self.ports.clear();
        self.dials = 0;
        let own: Vec<u32> = self
            .streams
            .iter()
            .filter(|(_, s)| s.0 == Who::Runner)
            .map(|(id, _)| *id)
            .collect();
        for id in own {
            if let Some((_, other)) = self.streams.remove(&id) {
                self.end(other);
            }
        }
        // Nobody is told of what was its own.
        self.got.runner.clear();
    }

    /// Whether the witness still has the stream that it had at first.
    pub fn witness_has_its_stream(&self) -> bool {
        self.streams.contains_key(&WITNESS_STREAM)
    }
}

impl Got {
    /// In an order of their own: PROTOCOL.md gives none to the frames of one request.
    pub fn sorted(mut self) -> Got {
        self.runner.sort();
        self.witness.sort();
        self
    }

    /// The same of what a daemon said, with what the model does not know made alike: of an info what is
    /// counted here, of source ports that they count up from 49152.
    pub fn normalised(&self, last_port: &mut u16) -> Got {
        let mut alike = |frames: &[Frame]| {
            frames
                .iter()
                .map(|frame| normalised(frame, last_port))
                .collect()
        };
        let (runner, witness) = (alike(&self.runner), alike(&self.witness));
        Got { runner, witness }.sorted()
    }
}

fn normalised((code, payload): &Frame, last_port: &mut u16) -> Frame {
    let mut payload = payload.clone();
    let source_port = match code {
        0x05 => Some(12),
        0x0C if payload[6..8] != LOOP_PORT.to_be_bytes() => Some(6),
        _ => None,
    };
    if let Some(at) = source_port {
        let port = u16::from_be_bytes([payload[at], payload[at + 1]]);
        assert!(
            port >= (*last_port).max(49152),
            "source port {port} after {last_port}"
        );
        *last_port = port;
        payload[at..at + 2].fill(0);
    }
    if *code == 0x0E {
        let info: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(info.as_object().unwrap().len(), 33);
        let listed = info["conn_list"].as_array().unwrap().iter();
        let open = listed.filter(|c| c["state"] == "ESTABLISHED");
        let open: Vec<Value> = open.map(|c| c["id"].clone()).collect();
        let seen =
            json!({"ports": info["ports"], "connections": info["connections"], "open": open});
        payload = seen.to_string().into_bytes();
    }
    (*code, payload)
}
