//! The model's state: plain maps and lists of what PROTOCOL.md says there is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::Value;

use super::codec::{Address, Frame, error, joined, json};
use super::listings::Info;
use super::managed::Managed;
use super::networks::Networks;
use super::services::Service;
use super::setting::{BETA, GAMMA, OWN, SLOW, Setting, TOKEN, Wrong};
use super::step::Stream as Named;
use super::trust::Trust;

/// What a client is to get.
#[derive(Clone, Debug)]
pub enum Expected {
    Frame(u8, Vec<u8>),
    /// A JSON body in which texts that begin with [`KEY`] or [`NODE`] stand for what the daemon makes up.
    Body(u8, Value),
    Info(Box<Info>),
    /// The node that a name belongs to, which the daemon makes up.
    MadeUp(String),
}

/// Stands for a node's public key, with its number behind.
pub const KEY: &str = "\u{1}key ";

/// One end of a stream.
#[derive(Clone, Debug)]
pub struct Stream {
    pub owner: usize,
    pub local_port: u16,
    pub remote: Address,
    pub remote_port: u16,
    pub far: Far,
    /// When it ended.
    pub ended: Option<Instant>,
    pub sent: Flow,
    pub received: Flow,
}

#[derive(Clone, Debug)]
pub enum Far {
    Stream(u32),
    Service(Service),
}

/// Bytes, and the pieces of 1,152 bytes that they make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    pub bytes: usize,
    pub pieces: usize,
}

impl Flow {
    pub fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.pieces += bytes.div_ceil(1152);
    }
}

/// A dial that has no answer yet.
#[derive(Clone, Debug)]
pub struct Dial {
    pub slot: usize,
    pub to: Address,
    pub port: u16,
    pub local_port: u16,
}

/// The whole node, and who is connected to it.
pub struct World {
    pub setting: Setting,
    /// The number of the client in each place.
    pub here: Vec<Option<u64>>,
    pub arrivals: u64,
    pub hostname: String,
    pub tags: Vec<String>,
    pub webhook: String,
    pub public: bool,
    pub registered: bool,
    /// How often the key was rotated.
    pub key: u32,
    /// The key of its own that the daemon looked up first, and whether it once found none.
    pub kept_key: Option<u32>,
    pub unresolved: bool,
    pub ports: BTreeMap<u16, usize>,
    pub streams: BTreeMap<u32, Stream>,
    pub last_stream: u32,
    pub source_ports: u32,
    pub dials: Vec<Dial>,
    /// Listed peers, and those that became known by what they did.
    pub known: BTreeSet<u32>,
    pub tunnels: BTreeSet<u32>,
    pub trust: Trust,
    pub networks: Networks,
    pub managed: Managed,
    pub sent: Flow,
    pub received: Flow,
    /// What this step makes each client get.
    pub out: Vec<(usize, Expected)>,
    /// What became of this step, in a word or two.
    pub outcome: String,
    /// Whether something of it comes after its time, and not with the next answers.
    pub late: bool,
    /// Whether the order in which ends of streams are told is left open.
    pub unordered: bool,
}

/// A refusal's text.
pub type Refusal = String;

impl World {
    pub fn new(setting: Setting) -> World {
        World {
            setting,
            here: vec![None; setting.clients],
            arrivals: 0,
            hostname: "unit".to_owned(),
            tags: vec!["ci".to_owned()],
            webhook: String::new(),
            public: true,
            registered: true,
            key: 0,
            kept_key: None,
            unresolved: false,
            ports: BTreeMap::new(),
            streams: BTreeMap::new(),
            last_stream: 0,
            source_ports: 0,
            dials: Vec::new(),
            known: [BETA, GAMMA, SLOW, super::setting::ASKING].into(),
            tunnels: BTreeSet::new(),
            trust: Trust::new(setting.lenient),
            networks: Networks::new(),
            managed: Managed::new(),
            sent: Flow::default(),
            received: Flow::default(),
            out: Vec::new(),
            outcome: String::new(),
            late: false,
            unordered: false,
        }
    }

    pub fn lenient(&self) -> bool {
        self.setting.lenient
    }

    pub fn is_wrong(&self, wrong: Wrong) -> bool {
        self.setting.wrong == Some(wrong)
    }

    /// Starts a step.
    pub fn begin(&mut self) {
        self.out.clear();
        self.outcome.clear();
        self.late = false;
        self.unordered = false;
    }

    pub fn tell(&mut self, slot: usize, (code, payload): Frame) {
        self.out.push((slot, Expected::Frame(code, payload)));
    }

    pub fn refuse(&mut self, slot: usize, text: &str) {
        self.outcome = without_values(text);
        self.tell(slot, (0x0A, error(text)));
    }

    pub fn body(&mut self, slot: usize, code: u8, body: Value) {
        self.label("ok");
        if json(&body).contains("\\u0001") {
            self.out.push((slot, Expected::Body(code, body)));
        } else {
            self.tell(slot, (code, json(&body).into_bytes()));
        }
    }

    pub fn label(&mut self, outcome: &str) {
        if self.outcome.is_empty() {
            outcome.clone_into(&mut self.outcome);
        }
    }

    /// A client comes.
    pub fn come(&mut self, slot: usize) {
        self.arrivals += 1;
        self.here[slot] = Some(self.arrivals);
        self.label("ok");
    }

    /// A client goes.
    pub fn leave(&mut self, slot: usize) {
        self.here[slot] = None;
        if !self.is_wrong(Wrong::PortsStay) {
            self.ports.retain(|_, owner| *owner != slot);
        }
        self.dials.retain(|dial| dial.slot != slot);
        self.trust.waits.retain(|wait| wait.slot != slot);
        let own = self.open_of(slot);
        for id in &own {
            if let Some(far) = self.end(*id)
                && self.streams[&far].owner != slot
            {
                let owner = self.streams[&far].owner;
                self.tell(owner, (0x09, far.to_be_bytes().to_vec()));
            }
        }
        self.unordered = true;
        let told = if self.out.is_empty() {
            "alone"
        } else {
            "streams ended"
        };
        self.label(told);
    }

    /// Back to the initial state; clients stay.
    pub fn reset(&mut self) {
        let open: Vec<(u32, usize)> = self
            .streams
            .iter()
            .filter(|(_, s)| s.ended.is_none())
            .map(|(id, s)| (*id, s.owner))
            .collect();
        let (here, arrivals) = (self.here.clone(), self.arrivals);
        *self = World {
            here,
            arrivals,
            ..World::new(self.setting)
        };
        for (id, owner) in open {
            self.tell(owner, (0x09, id.to_be_bytes().to_vec()));
        }
        self.unordered = true;
        self.label("ok");
    }

    /// The open streams of a client, the newest last.
    pub fn open_of(&self, slot: usize) -> Vec<u32> {
        let open = self
            .streams
            .iter()
            .filter(|(_, s)| s.owner == slot && s.ended.is_none());
        open.map(|(id, _)| *id).collect()
    }

    /// The newest open stream of a client that leads to another client.
    pub fn newest_joined(&self, slot: usize) -> Option<u32> {
        let open = self.open_of(slot);
        let to_another = |id: &&u32| match self.streams[id].far {
            Far::Stream(far) => self.streams[&far].owner != slot,
            Far::Service(_) => false,
        };
        open.iter().rev().find(to_another).copied()
    }

    pub fn is_open(&self, id: u32) -> bool {
        self.streams.get(&id).is_some_and(|s| s.ended.is_none())
    }

    /// The id of a stream that a step names; one that never was where there is none such.
    pub fn named(&self, stream: Named) -> u32 {
        let nth = |ids: &[u32], nth: usize| match ids {
            [] => None,
            ids => Some(ids[ids.len() - 1 - nth % ids.len()]),
        };
        let found = match stream {
            Named::Id(id) => Some(id),
            Named::Open(slot, n) => nth(&self.open_of(slot), n),
            Named::Ended(n) => {
                let ended = self.streams.iter().filter(|(_, s)| s.ended.is_some());
                nth(&ended.map(|(id, _)| *id).collect::<Vec<_>>(), n)
            }
        };
        found.unwrap_or(9_000_000)
    }

    /// A source port: they count up from 49152 and start anew after the last.
    pub fn source_port(&mut self) -> u16 {
        let port = 49_152 + (self.source_ports % 16_384) as u16;
        self.source_ports += 1;
        port
    }

    /// Whether there is such a node.
    pub fn exists(&self, node: u32) -> bool {
        let possible = node != 0 && node != u32::MAX;
        node == OWN || self.known.contains(&node) || (self.lenient() && possible)
    }

    /// Whether a node is private and not trusted.
    pub fn hidden(&self, node: u32) -> bool {
        node == GAMMA && !self.lenient() && !self.trusts(node)
    }

    /// Whether a node can be reached.
    pub fn reach(&self, node: u32) -> Result<(), Refusal> {
        if self.exists(node) && !self.hidden(node) {
            return Ok(());
        }
        Err(format!(
            "resolve node {node}: registry: node {node}: node not found"
        ))
    }

    /// There is a tunnel to a peer from now on.
    pub fn touch(&mut self, node: u32) {
        if node != OWN {
            self.tunnels.insert(node);
        }
    }

    pub fn token_is_good(&self, token: &[u8]) -> bool {
        match self.setting.token {
            true => token == TOKEN.as_bytes(),
            false => self.lenient(),
        }
    }
}

/// A text's kind: numbers and what is quoted left out.
fn without_values(text: &str) -> String {
    let mut kind = String::new();
    for (n, part) in text.split('"').enumerate() {
        if n % 2 == 1 {
            kind.push('"');
            kind.push('"');
            continue;
        }
        for c in part.chars() {
            match c {
                '0'..='9' if kind.ends_with('N') => {}
                '0'..='9' => kind.push('N'),
                c => kind.push(c),
            }
        }
    }
    kind
}

pub fn frame(code: u8, parts: &[&[u8]]) -> Frame {
    (code, joined(parts))
}
