//! One conversation: the recorded clients of a scene against one daemon.

use std::collections::BTreeMap;
use std::time::Instant;

use mockpilot::MockDaemon;
use mockpilot::node::Profile;
use serde_json::{Value, json};

use crate::support::{Client, DEADLINE, Received, poll};

use super::book::Book;
use super::compare::{Got, Mismatch, compare};
use super::plan::{Scene, Setup};
use super::recording::{Exchange, Recorded, What};
use super::sends::{Step, steps};

/// Where a mismatch was found.
#[derive(Clone, Debug)]
pub struct Finding {
    pub scene: &'static str,
    pub profile: Profile,
    /// `group/case`.
    pub case: String,
    pub client: String,
    /// The command bytes of the exchange's requests.
    pub requests: Vec<u8>,
    /// What was written, in hex.
    pub sent: String,
    pub mismatch: Mismatch,
}

/// An exchange that was replayed.
#[derive(Clone, Debug)]
pub struct Replayed {
    pub scene: &'static str,
    pub session: u64,
    pub profile: Profile,
    /// `group/case`.
    pub case: String,
    pub client: String,
    /// Fields that were compared.
    pub fields: usize,
}

/// What a scene came to.
#[derive(Debug, Default)]
pub struct Tally {
    pub replayed: Vec<Replayed>,
    pub frames: usize,
    pub fields: usize,
    /// Recorded frames at clients of daemons that the scene has not.
    pub elsewhere: usize,
    pub findings: Vec<Finding>,
}

/// A conversation in progress.
pub struct Talk<'a> {
    scene: &'a Scene,
    profile: Profile,
    daemon: MockDaemon,
    clients: BTreeMap<String, Client>,
    book: Book,
    pub tally: Tally,
}

const HEALTH: u8 = 0x21;
const HEALTH_OK: u8 = 0x22;

impl<'a> Talk<'a> {
    pub fn new(scene: &'a Scene, profile: Profile) -> Talk<'a> {
        let mut config = (scene.config)();
        config.profile = profile;
        let book = Book::new(config.node.node_id, scene.joined);
        let daemon = MockDaemon::builder()
            .config(config)
            .start()
            .unwrap_or_else(|error| panic!("{}: {error}", scene.name));
        let mut talk = Talk {
            scene,
            profile,
            daemon,
            clients: BTreeMap::new(),
            book,
            tally: Tally::default(),
        };
        // All who listen from the start; the framing clients come one after the other.
        for name in scene.clients {
            talk.client(name);
        }
        talk
    }

    fn client(&mut self, name: &str) -> &mut Client {
        let socket = self.daemon.socket();
        self.clients
            .entry(name.to_owned())
            .or_insert_with(|| Client::connect(socket))
    }

    /// Replays an exchange, after what the scene has to set up before it.
    pub fn replay(&mut self, x: &Exchange) {
        let name = format!("{}/{}", x.group, x.case);
        let scene = self.scene;
        for (before, setup) in scene.setup {
            if *before == name {
                self.set_up(setup, x);
            }
        }
        let before = self.tally.fields;
        self.exchange(x, &name);
        self.tally.replayed.push(Replayed {
            scene: scene.name,
            session: x.session,
            profile: self.profile,
            case: name,
            client: x.client.clone(),
            fields: self.tally.fields - before,
        });
    }

    fn set_up(&mut self, setup: &Setup, x: &Exchange) {
        match setup {
            Setup::Exchange(client, request, replies) => {
                let received = replies.iter().map(|(client, code, payload)| Recorded {
                    client: (*client).to_owned(),
                    what: What::frame(*code, payload),
                });
                let setup = Exchange {
                    client: (*client).to_owned(),
                    sent: super::recording::Sent::Bytes(
                        super::recording::unhex(request).expect("hex"),
                    ),
                    received: received.collect(),
                    ..x.clone()
                };
                self.exchange(&setup, &format!("{}/{} (set-up)", x.group, x.case));
            }
            Setup::Sign(envelope, signature, request) => {
                let body = self.client("a").call_json(0x33, request.as_bytes());
                self.book.signed(envelope, signature, &body);
            }
            Setup::CutFrame(client) => {
                self.client(client).send_raw(&[0, 0, 0]);
                self.clients.remove(*client);
            }
            Setup::Act(push) => self.push(push),
            Setup::AwaitPorts(client, ports) => {
                let client = self.client(client);
                let reached = poll(|| {
                    let info = client.call_json(0x0D, &[]);
                    (info["ports"] == *ports).then_some(())
                });
                assert!(reached.is_some(), "{ports} ports in info: {}", x.case);
            }
        }
    }

    /// To clients that the daemon knows.
    fn push(&mut self, push: &str) {
        self.barrier(&mut BTreeMap::new());
        if let Err(error) = self.daemon.push(push) {
            panic!("{push}: {error}");
        }
    }

    fn exchange(&mut self, x: &Exchange, name: &str) {
        let instead = self.scene.instead.iter().find(|(case, _)| *case == x.case);
        let acts = match instead {
            Some((_, push)) => {
                self.push(push);
                Vec::new()
            }
            None => steps(x),
        };
        let mut requests = Vec::new();
        let mut sent = String::new();
        for act in &acts {
            self.act(act, name, &mut requests, &mut sent);
        }
        let gone = |client: &str| {
            acts.iter()
                .any(|act| matches!(act, Step::Leave(c) if c == client))
        };
        let mut here: BTreeMap<&str, Vec<&What>> = BTreeMap::new();
        for recorded in &x.received {
            let client = recorded.client.as_str();
            let stray = self.scene.strays.contains(&(name, client));
            if gone(client) || stray || !self.takes_part(client) {
                self.tally.elsewhere += recorded.what.frames();
            } else {
                here.entry(client).or_default().push(&recorded.what);
            }
        }
        for step in &acts {
            if let Step::Write(client, _) | Step::Raw(client, _) = step
                && !gone(client)
            {
                here.entry(client).or_default();
            }
        }
        let mut got: BTreeMap<String, Vec<Got>> = BTreeMap::new();
        let end = Instant::now() + DEADLINE;
        for (client, want) in &here {
            let frames = self.gather(client, want, end);
            got.insert((*client).to_owned(), frames);
        }
        self.barrier(&mut got);
        let opened = self.book.open(&here, &got);
        let mut found: Vec<(String, Mismatch)> = opened;
        for (client, frames) in &mut got {
            let want = here.remove(client.as_str()).unwrap_or_default();
            let frames: Vec<Got> = frames
                .drain(..)
                .map(|frame| self.book.back(client, frame))
                .collect();
            let outcome = compare(&want, &frames);
            self.book.learn(&want, &frames);
            self.tally.frames += outcome.frames;
            self.tally.fields += outcome.fields;
            found.extend(outcome.mismatches.into_iter().map(|m| (client.clone(), m)));
        }
        for (client, mismatch) in found {
            self.tally.findings.push(Finding {
                scene: self.scene.name,
                profile: self.profile,
                case: name.to_owned(),
                client,
                requests: requests.clone(),
                sent: sent.clone(),
                mismatch,
            });
        }
    }

    fn takes_part(&self, client: &str) -> bool {
        self.scene.has(client)
    }

    fn act(&mut self, act: &Step, name: &str, requests: &mut Vec<u8>, sent: &mut String) {
        let fixed = self.scene.stale.contains(&name);
        match act {
            Step::Write(client, frames) => {
                let mut bytes = Vec::new();
                for frame in frames {
                    let frame = self.book.request(client, frame, fixed);
                    requests.push(frame[0]);
                    bytes.extend(Client::frame(frame[0], &frame[1..]));
                }
                sent.push_str(&format!("{client}: {} ", super::recording::hex(&bytes)));
                self.client(client).send_raw(&bytes);
            }
            Step::Raw(client, bytes) => {
                sent.push_str(&format!("{client}: {} ", super::recording::hex(bytes)));
                self.client(client).send_raw(bytes);
            }
            Step::HalfClose(client) => self.client(client).shutdown_write(),
            Step::Leave(client) => {
                self.clients.remove(client);
            }
        }
    }

    /// Reads until as much has come as was recorded, or the connection has ended.
    fn gather(&mut self, client: &str, want: &[&What], end: Instant) -> Vec<Got> {
        let mut got = Vec::new();
        while !enough(want, &got) {
            match self.client(client).receive(end) {
                Received::Frame(code, payload) => got.push(Got::Frame { code, payload }),
                Received::Eof | Received::Reset | Received::Cut(_) => {
                    self.clients.remove(client);
                    got.push(Got::Eof);
                    break;
                }
                Received::Timeout => break,
            }
        }
        got
    }

    /// Adds what still comes to any client before the reply to a request of its own.
    fn barrier(&mut self, got: &mut BTreeMap<String, Vec<Got>>) {
        let mut ended = Vec::new();
        for (name, client) in &mut self.clients {
            client.send(HEALTH, &[]);
            let more = got.entry(name.clone()).or_default();
            loop {
                match client.receive(Instant::now() + DEADLINE) {
                    Received::Frame(HEALTH_OK, _) => break,
                    Received::Frame(code, payload) => more.push(Got::Frame { code, payload }),
                    _ => {
                        more.push(Got::Eof);
                        ended.push(name.clone());
                        break;
                    }
                }
            }
        }
        for name in ended {
            self.clients.remove(&name);
        }
    }

    /// The end: whatever came late to anybody is an extra frame of no exchange.
    pub fn finish(mut self) -> Tally {
        let mut got = BTreeMap::new();
        self.barrier(&mut got);
        for (client, frames) in got {
            for frame in frames {
                let mismatch = Mismatch {
                    code: 0,
                    field: "extra frame".into(),
                    recorded: Value::Null,
                    got: json!(format!("{frame:?}")),
                };
                self.tally.findings.push(Finding {
                    scene: self.scene.name,
                    profile: self.profile,
                    case: "(end)".into(),
                    client: client.clone(),
                    requests: Vec::new(),
                    sent: String::new(),
                    mismatch,
                });
            }
        }
        self.tally
    }
}

/// Whether as many frames came as were recorded; data counts in bytes, as it may be cut otherwise.
fn enough(want: &[&What], got: &[Got]) -> bool {
    let data = |bytes: usize| bytes.saturating_sub(4);
    let wanted: (usize, usize) = want
        .iter()
        .fold((0, 0), |(frames, bytes), what| match what {
            What::Frame {
                code: 0x07,
                payload,
            } => (frames, bytes + data(payload.len())),
            What::Digest {
                code: 0x07, len, ..
            } => (frames, bytes + data(*len)),
            What::Run { bytes: run, .. } => (frames, bytes + run),
            _ => (frames + 1, bytes),
        });
    let have: (usize, usize) = got.iter().fold((0, 0), |(frames, bytes), got| match got {
        Got::Frame {
            code: 0x07,
            payload,
        } => (frames, bytes + data(payload.len())),
        _ => (frames + 1, bytes),
    });
    have.0 >= wanted.0 && have.1 >= wanted.1
}
