//! A run: steps on a fresh daemon, each compared with what the model says.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::codec::Frame;
use super::figures::Tally;
use super::link::{Control, Link};
use super::listings::Learnt;
use super::setting::Setting;
use super::step::{Field, How, Push, Step, fill};
use super::verdict::{frames, listed};
use super::world::{Expected, World};
use crate::support::{Binary, DEADLINE};

/// A run ends before a `handshake.wait` could run out, which happens after thirty seconds.
const WAIT_SURELY: Duration = Duration::from_secs(12);

/// Where a run differs from the model: after which step, and how.
#[derive(Debug)]
pub struct Failure {
    pub steps: Vec<Step>,
    pub text: String,
}

/// What a run tells of itself.
pub type Outcome = Result<(), Failure>;

struct Session<'a> {
    world: World,
    daemon: Binary,
    control: Control,
    links: Vec<Option<Link>>,
    /// What each client is to get and has not been looked at.
    owed: Vec<Vec<Expected>>,
    unordered: bool,
    /// Who has requests that wait for the next write.
    writing: Option<usize>,
    /// Every client is looked at after every step, not only those that get something and one more.
    strict: bool,
    turn: usize,
    learnt: Learnt,
    tally: &'a mut Tally,
}

/// Runs steps until there are no more.
pub fn run(
    setting: Setting,
    strict: bool,
    tally: &mut Tally,
    next: &mut dyn FnMut(&World) -> Option<Step>,
) -> Outcome {
    let scenario = setting.scenario().to_string();
    let daemon = Binary::start(&["-q", "--control", "c", "--scenario", &scenario]);
    let control = Control::connect(&daemon.directory().join("c"));
    let mut session = Session {
        world: World::new(setting),
        links: (0..setting.clients).map(|_| None).collect(),
        owed: vec![Vec::new(); setting.clients],
        unordered: false,
        writing: None,
        strict,
        turn: 0,
        learnt: Learnt::default(),
        control,
        daemon,
        tally,
    };
    let mut steps = Vec::new();
    let failed = |steps: &mut Vec<Step>, text: String| {
        let steps = std::mem::take(steps);
        Err(Failure { steps, text })
    };
    for slot in 0..setting.clients {
        if let Err(text) = session.come(slot) {
            return failed(&mut steps, text);
        }
    }
    while let Some(step) = next(&session.world) {
        steps.push(step);
        if let Err(text) = session.step(&steps[steps.len() - 1]) {
            return failed(&mut steps, text);
        }
        let waits = &session.world.trust.waits;
        if waits.iter().any(|wait| wait.since.elapsed() > WAIT_SURELY) {
            break;
        }
    }
    session.strict = true;
    match session.settle(false) {
        Ok(()) => Ok(()),
        Err(text) => failed(&mut steps, text),
    }
}

impl Session<'_> {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        let asker = match step {
            Step::Ask { slot, .. } => Some(*slot),
            _ => None,
        };
        if self.writing.is_some() && self.writing != asker {
            self.settle(false)?;
        }
        self.world.begin();
        match step {
            Step::Ask {
                slot,
                name,
                fields,
                more,
            } => {
                if self.links[*slot].is_none() {
                    return Ok(());
                }
                match (&**name, &fields[..]) {
                    ("empty", _) => {
                        self.world.label("passed over");
                        self.link(*slot).add_empty();
                    }
                    ("verify_own", [Field::U32(back)]) => {
                        let key = self.world.key.saturating_sub(*back);
                        let Some(signature) = self.learnt.signature(key) else {
                            return Ok(());
                        };
                        let payload = World::signed(signature);
                        self.world.verify_own(*slot, key);
                        self.link(*slot).add(0x35, &payload);
                    }
                    _ => {
                        let (code, payload) = self.world.encode(name, fields);
                        self.world.ask(*slot, code, &payload);
                        self.link(*slot).add(code, &payload);
                    }
                }
                self.writing = Some(*slot);
                self.note(name);
                if self.world.late || !more {
                    self.settle(self.world.late)?;
                }
                Ok(())
            }
            Step::Both { stream } => {
                let near = self.world.named(*stream);
                self.close_both(near)
            }
            Step::Leave { slot, how } => self.leave(*slot, *how),
            Step::Come { slot } if self.links[*slot].is_none() => self.come(*slot),
            Step::Come { .. } => Ok(()),
            Step::Peer { node, does, with } => self.peer(*node, does, with),
            Step::Push(push) => self.push(push),
            Step::Reset => {
                self.world.reset();
                self.note("reset");
                self.control.ask("reset", &[])?;
                self.settle_all()
            }
            Step::State => {
                let answer = self.control.ask("state", &[])?;
                self.world.label("ok");
                self.note("state");
                self.world.compare_state(&answer["state"])?;
                self.compare_clients()
            }
        }
    }

    fn link(&mut self, slot: usize) -> &mut Link {
        self.links[slot].as_mut().expect("a client that is there")
    }

    /// Takes over what the model says of this step.
    fn note(&mut self, name: &str) {
        self.unordered |= self.world.unordered;
        for (slot, expected) in self.world.out.drain(..) {
            self.owed[slot].push(expected);
        }
        self.tally
            .count(self.world.setting.lenient, name, &self.world.outcome);
    }

    fn come(&mut self, slot: usize) -> Result<(), String> {
        self.world.begin();
        self.links[slot] = Some(Link::connect(self.daemon.socket())?);
        self.world.come(slot);
        self.note("come");
        self.writing = Some(slot);
        self.settle(false)
    }

    fn leave(&mut self, slot: usize, how: How) -> Result<(), String> {
        let Some(number) = self.world.here[slot] else {
            return Ok(());
        };
        self.writing = Some(slot);
        self.settle(false)?;
        let newest = self.world.newest_joined(slot);
        let mut link = self.links[slot].take().expect("a client that is there");
        match how {
            How::Plain => {}
            How::Cut => link.write_cut()?,
            How::Over => link.write_over().map_err(|e| who(slot, &e))?,
            How::Half => link.end_own_side().map_err(|e| who(slot, &e))?,
            How::Sending => {
                for n in 0..newest.map_or(0, |_| 50) {
                    let stream = newest.unwrap_or(0);
                    let data = [&stream.to_be_bytes()[..], &fill(20, n)].concat();
                    self.world.ask(slot, 0x06, &data);
                    link.add(0x06, &data);
                }
                link.write()?;
            }
        }
        drop(link);
        let end = Instant::now() + DEADLINE;
        loop {
            let answer = self.control.ask("clients", &[])?;
            let there = answer["clients"].as_array().ok_or("no clients")?;
            if there.iter().all(|row| row["client"] != number) {
                break;
            }
            if Instant::now() > end {
                return Err(format!("client {number} has not gone"));
            }
        }
        self.world.outcome.clear();
        self.world.leave(slot);
        let name = match how {
            How::Plain => "leave".to_owned(),
            how => format!("leave ({})", how.word()),
        };
        self.note(&name);
        self.settle_all()
    }

    fn peer(&mut self, node: u32, does: &str, with: &str) -> Result<(), String> {
        let mut act = json!({"node_id": node, "does": does});
        match does {
            "handshake" => act["justification"] = with.into(),
            "invite" | "leave" => act["network_id"] = with.parse::<u16>().unwrap().into(),
            _ => {}
        }
        let push = json!({"peer": act});
        self.world.peer(node, does, with);
        let sent = u64::from(self.world.outcome == "acted");
        self.note(&format!("peer {does}"));
        let answer = self.control.ask("push", &[("push", push)])?;
        if answer["sent"] != sent {
            return Err(format!(
                "push of a peer's act: expected sent {sent}, got {answer}"
            ));
        }
        self.settle(false)
    }

    fn push(&mut self, push: &Push) -> Result<(), String> {
        let request = self.world.push_request(push);
        let sent = self.world.push(push);
        let name = match push {
            Push::Datagram(..) => "push datagram",
            Push::Accept(..) => "push accept",
            Push::Recv(..) => "push recv",
            Push::Close(..) => "push close",
        };
        self.note(name);
        let answer = self.control.ask("push", &[("push", request)])?;
        if answer["sent"] != sent {
            return Err(format!("{name}: expected sent {sent}, got {answer}"));
        }
        self.settle(false)
    }

    /// Both ends are closed without waiting for each other.
    fn close_both(&mut self, near: u32) -> Result<(), String> {
        let Some(stream) = self.world.streams.get(&near).filter(|s| s.ended.is_none()) else {
            return Ok(());
        };
        let super::world::Far::Stream(far) = stream.far else {
            return Ok(());
        };
        let owners = [(stream.owner, near), (self.world.streams[&far].owner, far)];
        for (slot, id) in owners {
            self.world.ask(slot, 0x08, &id.to_be_bytes());
            self.link(slot).add(0x08, &id.to_be_bytes());
        }
        self.world.unordered = true;
        self.world.outcome = if owners[0].0 == owners[1].0 {
            "by itself"
        } else {
            "by two"
        }
        .to_owned();
        self.note("close both ends");
        for (slot, _) in owners {
            self.link(slot).add_barrier();
        }
        for (slot, _) in owners {
            self.link(slot).write()?;
        }
        // One that is both ends has two barriers.
        let barriers = if owners[0].0 == owners[1].0 { 2 } else { 1 };
        for (slot, _) in &owners[..3 - barriers] {
            let (got, _) = self
                .link(*slot)
                .up_to_barrier(barriers)
                .map_err(|e| who(*slot, &e))?;
            let got: Vec<Frame> = got.into_iter().filter(|(code, _)| *code != 0x22).collect();
            self.compare(*slot, got)?;
        }
        self.unordered = false;
        self.settle(false)
    }

    fn settle_all(&mut self) -> Result<(), String> {
        let strict = std::mem::replace(&mut self.strict, true);
        let settled = self.settle(false);
        self.strict = strict;
        settled
    }

    /// Sends what waits, and looks at who got what. With `late`, some of it comes in its time.
    fn settle(&mut self, late: bool) -> Result<(), String> {
        let actor = self.writing.take();
        let mut early: BTreeMap<usize, Vec<Frame>> = BTreeMap::new();
        if let Some(slot) = actor {
            if late {
                self.link(slot).write()?;
                for slot in 0..self.owed.len() {
                    for _ in 0..self.owed[slot].len() {
                        let frame = self.link(slot).frame();
                        let frame = frame.map_err(|e| self.missing(slot, &early, &e))?;
                        early.entry(slot).or_default().push(frame);
                    }
                }
            }
            self.look(&[slot], &mut early)?;
        }
        self.turn += 1;
        let turn = self.turn % self.links.len();
        let others: Vec<usize> = (0..self.links.len())
            .filter(|slot| self.links[*slot].is_some() && Some(*slot) != actor)
            .filter(|slot| self.strict || !self.owed[*slot].is_empty() || *slot == turn)
            .collect();
        self.look(&others, &mut early)?;
        self.unordered = false;
        Ok(())
    }

    /// Compares what these clients got with what they were to get.
    fn look(
        &mut self,
        slots: &[usize],
        early: &mut BTreeMap<usize, Vec<Frame>>,
    ) -> Result<(), String> {
        for slot in slots {
            self.link(*slot).add_barrier();
            self.link(*slot).write().map_err(|e| who(*slot, &e))?;
        }
        let health = self.world.health();
        for slot in slots {
            let is_health = |e: &&Expected| matches!(e, Expected::Frame(0x22, _));
            let asked = self.owed[*slot].iter().filter(is_health).count();
            let before = early.remove(slot).unwrap_or_default();
            let had = before.iter().filter(|(code, _)| *code == 0x22).count();
            let found = self.link(*slot).up_to_barrier(asked + 1 - had);
            let (after, body) = found.map_err(|e| self.missing(*slot, &BTreeMap::new(), &e))?;
            self.compare(*slot, before.into_iter().chain(after).collect())?;
            if body != health.as_bytes() {
                let body = String::from_utf8_lossy(&body);
                let text =
                    format!("health after this step:\n  expected {health}\n  got      {body}");
                return Err(who(*slot, &text));
            }
        }
        Ok(())
    }

    fn missing(&self, slot: usize, early: &BTreeMap<usize, Vec<Frame>>, end: &str) -> String {
        let got = early.get(&slot).map_or(&[][..], |got| got);
        who(
            slot,
            &format!(
                "too few frames\n{}\n  and then {end}",
                listed(&self.owed[slot], got)
            ),
        )
    }

    fn compare(&mut self, slot: usize, got: Vec<Frame>) -> Result<(), String> {
        let owed = std::mem::take(&mut self.owed[slot]);
        let verdict = frames(&mut self.learnt, owed, got, self.unordered);
        verdict.map_err(|text| who(slot, &text))
    }

    /// What the control socket says of each client.
    fn compare_clients(&mut self) -> Result<(), String> {
        let answer = self.control.ask("clients", &[])?;
        let mut wanted: Vec<Value> = Vec::new();
        for (slot, number) in self.world.here.iter().enumerate() {
            let ports = self.world.ports.iter().filter(|(_, owner)| **owner == slot);
            let ports: Vec<u16> = ports.map(|(port, _)| *port).collect();
            if let Some(number) = number {
                wanted.push(json!({"client": number, "ports": ports,
                                   "streams": self.world.open_of(slot)}));
            }
        }
        wanted.sort_by_key(|row| row["client"].as_u64());
        let mut got = answer["clients"].clone();
        for row in got.as_array_mut().ok_or("no clients")? {
            let row = row.as_object_mut().ok_or("a client that is no object")?;
            row.retain(|key, _| ["client", "ports", "streams"].contains(&key.as_str()));
        }
        if got != Value::from(wanted.clone()) {
            return Err(format!(
                "clients:\n  expected {}\n  got      {got}",
                json!(wanted)
            ));
        }
        Ok(())
    }
}

fn who(slot: usize, text: &str) -> String {
    format!("client {slot}: {text}")
}
