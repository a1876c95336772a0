//! What of the recorded world is what in ours: stream ids, source ports, signatures.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::compare::{Got, Mismatch};
use super::recording::What;

/// The book of one conversation.
#[derive(Debug)]
pub struct Book {
    own: u32,
    /// The node of a second recorded daemon whose clients are on ours here.
    joined: Option<u32>,
    /// Ports that those clients have bound.
    joined_ports: Vec<u16>,
    ids: HashMap<(char, u32), u32>,
    recorded_ids: HashMap<u32, (char, u32)>,
    last_id: u32,
    ports: BTreeMap<u16, u16>,
    /// Recorded text in a request, and what stands there in ours.
    texts: Vec<(String, String)>,
}

const BIND: u8 = 0x01;
const DIAL: u8 = 0x03;
const DIAL_OK: u8 = 0x04;
const ACCEPT: u8 = 0x05;
const SEND: u8 = 0x06;
const RECV: u8 = 0x07;
const CLOSE: u8 = 0x08;
const CLOSE_OK: u8 = 0x09;
const RECV_FROM: u8 = 0x0C;
const VERIFY: u8 = 0x35;
const UNBIND: u8 = 0x37;

/// The recorded daemon of a client: b's are named after it, all others here are a's.
fn side(client: &str) -> char {
    if client.starts_with('b') { 'b' } else { 'a' }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Where in a payload the stream id stands.
fn id_at(code: u8) -> Option<usize> {
    match code {
        DIAL_OK | RECV | CLOSE_OK | SEND | CLOSE => Some(0),
        ACCEPT => Some(2),
        _ => None,
    }
}

/// Where in a payload a source port stands.
fn port_at(code: u8) -> Option<usize> {
    match code {
        ACCEPT => Some(12),
        RECV_FROM => Some(6),
        _ => None,
    }
}

impl Book {
    pub fn new(own: u32, joined: Option<u32>) -> Book {
        Book {
            own,
            joined,
            joined_ports: Vec::new(),
            ids: HashMap::new(),
            recorded_ids: HashMap::new(),
            last_id: 0,
            ports: BTreeMap::new(),
            texts: Vec::new(),
        }
    }

    /// A recorded request (command byte and payload) as it goes to our daemon.
    pub fn request(&mut self, client: &str, frame: &[u8], fixed: bool) -> Vec<u8> {
        let mut out = frame.to_vec();
        let (code, payload) = (frame[0], &frame[1..]);
        match code {
            SEND | CLOSE => {
                if let Some(id) = u32_at(payload, 0)
                    && let Some(ours) = self.ids.get(&(side(client), id))
                {
                    out[1..5].copy_from_slice(&ours.to_be_bytes());
                }
            }
            BIND if Some(side(client)) == self.joined.map(|_| 'b') => {
                self.joined_ports.extend(u16_at(payload, 0));
            }
            UNBIND => self
                .joined_ports
                .retain(|port| u16_at(payload, 0) != Some(*port)),
            DIAL => {
                let to = u16_at(payload, 6).filter(|port| self.joined_ports.contains(port));
                if to.is_some() && u32_at(payload, 2) == self.joined {
                    out[3..7].copy_from_slice(&self.own.to_be_bytes());
                }
            }
            VERIFY if !fixed => {
                if let Ok(mut text) = String::from_utf8(frame.to_vec()) {
                    for (recorded, ours) in &self.texts {
                        text = text.replace(recorded, ours);
                    }
                    out = text.into_bytes();
                }
            }
            _ => {}
        }
        out
    }

    /// Enters the streams that an exchange opened and the source ports that it showed. Our ids must be
    /// the next ones; where they are not those recorded that is a mismatch.
    pub fn open(
        &mut self,
        want: &BTreeMap<&str, Vec<&What>>,
        got: &BTreeMap<String, Vec<Got>>,
    ) -> Vec<(String, Mismatch)> {
        let mut found = Vec::new();
        let mut fresh = Vec::new();
        for (client, recorded) in want {
            let frames = got.get(*client).map(Vec::as_slice).unwrap_or_default();
            for code in [DIAL_OK, ACCEPT] {
                for (want, have) in payloads(recorded, code).zip(got_payloads(frames, code)) {
                    let at = id_at(code).unwrap_or(0);
                    let (Some(want), Some(have)) = (u32_at(want, at), u32_at(have, at)) else {
                        continue;
                    };
                    fresh.push((client.to_string(), code, want, have));
                    self.ids.insert((side(client), want), have);
                    self.recorded_ids.insert(have, (side(client), want));
                }
            }
            for code in [ACCEPT, RECV_FROM] {
                let at = port_at(code).unwrap_or(0);
                for (want, have) in payloads(recorded, code).zip(got_payloads(frames, code)) {
                    if let (Some(want), Some(have)) = (u16_at(want, at), u16_at(have, at)) {
                        found.extend(self.port(client, code, want, have));
                    }
                }
            }
        }
        let mut ids: Vec<u32> = fresh.iter().map(|(.., have)| *have).collect();
        ids.sort_unstable();
        let next: Vec<u32> = (self.last_id + 1..).take(ids.len()).collect();
        self.last_id = ids.last().copied().unwrap_or(self.last_id);
        for (client, code, want, have) in fresh {
            if want != have || ids != next {
                let mismatch = Mismatch {
                    code,
                    field: "stream id".into(),
                    recorded: want.into(),
                    got: json!({"id": have, "next": ids == next}),
                };
                found.push((client, mismatch));
            }
        }
        found
    }

    /// Our source ports count up from 49152, one for every dial and datagram.
    fn port(&mut self, client: &str, code: u8, want: u16, have: u16) -> Option<(String, Mismatch)> {
        if let Some(known) = self.ports.get(&have) {
            return (*known != want).then(|| port_mismatch(client, code, want, have, false));
        }
        let fresh = self
            .ports
            .keys()
            .next_back()
            .is_none_or(|last| have > *last);
        self.ports.insert(have, want);
        let good = fresh && have >= 49_152;
        (want != have || !good).then(|| port_mismatch(client, code, want, have, good))
    }

    /// A frame with our ids and ports in the recording's terms.
    pub fn back(&self, client: &str, got: Got) -> Got {
        let Got::Frame { code, mut payload } = got else {
            return got;
        };
        if let Some(at) = id_at(code)
            && let Some(id) = u32_at(&payload, at)
        {
            let known = self.recorded_ids.get(&id);
            if let Some((_, recorded)) = known.filter(|(of, _)| *of == side(client)) {
                payload[at..at + 4].copy_from_slice(&recorded.to_be_bytes());
            }
        }
        if let Some(at) = port_at(code)
            && let Some(recorded) = u16_at(&payload, at).and_then(|port| self.ports.get(&port))
        {
            payload[at..at + 2].copy_from_slice(&recorded.to_be_bytes());
        }
        Got::Frame { code, payload }
    }

    /// Enters an envelope that both daemons have signed, ours in `body`.
    pub fn signed(&mut self, envelope: &str, signature: &str, body: &Value) {
        let (Some(our_envelope), Some(our_signature)) =
            (body["envelope"].as_str(), body["signature"].as_str())
        else {
            return;
        };
        let stamp = |text: &str| {
            text.split('|')
                .skip(2)
                .take(2)
                .collect::<Vec<_>>()
                .join("|")
        };
        self.texts.push((stamp(envelope), stamp(our_envelope)));
        // One recorded request has a signature with a changed second letter.
        let changed = |text: &str| format!("{}x{}", &text[..1], &text[2..]);
        let (theirs, ours) = (changed(signature), changed(our_signature));
        if ours != our_signature {
            self.texts.push((theirs, ours));
        }
        self.texts
            .push((signature.to_owned(), our_signature.to_owned()));
    }

    /// Learns from the replies of an exchange: what was signed, what was bound.
    pub fn learn(&mut self, want: &[&What], got: &[Got]) {
        for what in want {
            let What::Digest {
                code: 0x34,
                json: Some(body),
                ..
            } = what
            else {
                continue;
            };
            let ours = got_payloads(got, 0x34).next();
            let ours = ours.and_then(|text| serde_json::from_slice::<Value>(text).ok());
            if let (Some(envelope), Some(signature), Some(ours)) =
                (body["envelope"].as_str(), body["signature"].as_str(), ours)
            {
                self.signed(envelope, signature, &ours);
            }
        }
    }
}

fn port_mismatch(client: &str, code: u8, want: u16, have: u16, fresh: bool) -> (String, Mismatch) {
    let mismatch = Mismatch {
        code,
        field: "source port".into(),
        recorded: want.into(),
        got: json!({"port": have, "fresh": fresh}),
    };
    (client.to_owned(), mismatch)
}

fn payloads<'a>(recorded: &'a [&'a What], of: u8) -> impl Iterator<Item = &'a [u8]> {
    recorded.iter().filter_map(move |what| match what {
        What::Frame { code, payload } if *code == of => Some(&payload[..]),
        _ => None,
    })
}

fn got_payloads(got: &[Got], of: u8) -> impl Iterator<Item = &[u8]> {
    got.iter().filter_map(move |got| match got {
        Got::Frame { code, payload } if *code == of => Some(&payload[..]),
        _ => None,
    })
}
