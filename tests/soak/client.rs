//! A client that matches every frame it gets with what it has asked.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::datagrams::Heard;
use super::kinds::{NAMES, Tally, kind};
use super::steered::Talk;
use super::streams::Stream;
use super::support::{Chance, first_frame};
use super::trust::Trust;
use super::want::{Want, shown};
use super::world::{Record, World};

/// What no healthy run ever needs.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// How long a read waits before it is seen whether somebody has failed.
pub const SLICE: Duration = Duration::from_millis(200);

pub struct Asked {
    /// None for an answer that nobody asked for: the second of two.
    pub kind: Option<usize>,
    pub want: Want,
}

impl Asked {
    fn name(&self) -> &'static str {
        self.kind.map_or("again", |kind| NAMES[kind])
    }
}

/// What has come unasked, by what it says.
#[derive(Default)]
pub struct Unasked {
    pub welcome: u64,
    pub bound: u64,
    pub odd: u64,
    pub steered: u64,
}

/// What the node knows that this client alone has told it.
#[derive(Default)]
pub struct Model {
    pub cycles: u64,
    pub joined: bool,
    pub trust: Trust,
    pub asked_once: bool,
}

pub struct Client<'w> {
    pub world: &'w World,
    pub me: usize,
    pub random: Chance,
    pub connection: Connection,
    pub talk: Talk,
    pub number: u64,
    pub generation: u64,
    pub outstanding: VecDeque<Asked>,
    /// Replies that come when they are due.
    pub late: Vec<Asked>,
    /// What [`Want::Taken`] has taken, and the streams that dials have opened.
    pub taken: Vec<Vec<u8>>,
    pub dialled: Vec<u32>,
    pub streams: HashMap<u32, Stream>,
    pub heard: Heard,
    pub unasked: Unasked,
    pub model: Model,
    pub tally: Tally,
    pub record: Record,
    counted: u64,
    /// It says nothing more, and waits for its end.
    pub leaves: bool,
}

impl<'w> Client<'w> {
    pub fn new(world: &'w World, me: usize) -> Result<Client<'w>, String> {
        let salt = (me as u64 + 1) << 8 | u64::from(world.lenient);
        let (connection, number) = arrive(world)?;
        Ok(Client {
            world,
            me,
            random: Chance(world.plan.seed ^ salt << 32),
            connection,
            talk: Talk::new(&world.control),
            number,
            generation: world.clients[me].leaving.load(SeqCst),
            outstanding: VecDeque::new(),
            late: Vec::new(),
            taken: Vec::new(),
            dialled: Vec::new(),
            streams: HashMap::new(),
            heard: Heard::default(),
            unasked: Unasked::default(),
            model: Model::default(),
            tally: Tally::default(),
            record: fresh(number),
            counted: 0,
            leaves: false,
        })
    }

    /// Comes again, as another client.
    pub fn arrive_again(&mut self) -> Result<(), String> {
        let (connection, number) = arrive(self.world)?;
        self.connection = connection;
        self.number = number;
        self.generation = self.world.clients[self.me].leaving.load(SeqCst);
        self.record = fresh(number);
        self.streams.clear();
        self.heard = Heard::default();
        self.unasked = Unasked::default();
        self.model.asked_once = false;
        self.leaves = false;
        Ok(())
    }

    /// Adds a request whose reply comes in its turn.
    pub fn ask(&mut self, name: &str, code: u8, payload: &[&[u8]], want: Want) {
        let kind = Some(self.send(name, code, payload));
        self.outstanding.push_back(Asked { kind, want });
    }

    /// Adds a request whose reply comes when it is due.
    pub fn ask_late(&mut self, name: &str, code: u8, payload: &[&[u8]], want: Want) {
        let kind = Some(self.send(name, code, payload));
        self.late.push(Asked { kind, want });
    }

    /// The reply comes twice.
    pub fn expect_again(&mut self, want: Want) {
        self.outstanding.push_back(Asked { kind: None, want });
    }

    /// Adds a request that gets no reply.
    pub fn tell(&mut self, name: &str, code: u8, payload: &[&[u8]]) {
        let kind = self.send(name, code, payload);
        self.tally.silent.0[kind] += 1;
    }

    fn send(&mut self, name: &str, code: u8, payload: &[&[u8]]) -> usize {
        let kind = kind(name);
        self.connection.add(code, payload);
        self.tally.sent.0[kind] += 1;
        self.record.sent.0[kind] += 1;
        self.counted += 1;
        kind
    }

    /// Asks one thing that is answered with this byte; the answer's payload.
    pub fn call(&mut self, name: &str, code: u8, payload: &[&[u8]]) -> Result<Vec<u8>, String> {
        self.ask(name, code, payload, Want::Taken(code + 1));
        self.settle()?;
        self.taken
            .pop()
            .ok_or_else(|| "nothing was taken".to_owned())
    }

    /// Waits until every reply has come.
    pub fn settle(&mut self) -> Result<(), String> {
        self.wait_until("replies", |me| {
            me.outstanding.is_empty() && me.late.is_empty() && me.connection.has_written()
        })?;
        self.world
            .requests
            .fetch_add(std::mem::take(&mut self.counted), SeqCst);
        Ok(())
    }

    pub fn wait_until(
        &mut self,
        what: &str,
        mut done: impl FnMut(&Client) -> bool,
    ) -> Result<(), String> {
        let end = Instant::now() + DEADLINE;
        while !done(self) {
            if Instant::now() >= end {
                let next = self.outstanding.front().or(self.late.first());
                let next = next.map_or(String::new(), |asked| {
                    format!(", next {:?} {:?}", asked.name(), asked.want)
                });
                return Err(format!("no {what} within {DEADLINE:?}{next}"));
            }
            self.step(SLICE)?;
        }
        Ok(())
    }

    /// Writes, reads what comes within `patience`, and deals with it. The end is a failure.
    pub fn step(&mut self, patience: Duration) -> Result<(), String> {
        self.step_or_end(patience)?;
        match self.connection.ended {
            true => Err("the daemon has closed the connection".to_owned()),
            false => Ok(()),
        }
    }

    /// The same, but for the end.
    pub fn step_or_end(&mut self, patience: Duration) -> Result<(), String> {
        self.world.failure.check()?;
        self.connection.exchange(patience)?;
        let input = std::mem::take(&mut self.connection.input);
        let mut rest = &input[..];
        while let Some((code, payload, behind)) = first_frame(rest) {
            rest = behind;
            self.record.received += 1;
            self.take(code, payload)?;
        }
        let left = rest.len();
        let mut input = input;
        input.drain(..input.len() - left);
        input.shrink_to(1 << 16);
        self.connection.input = input;
        Ok(())
    }

    fn take(&mut self, code: u8, payload: &[u8]) -> Result<(), String> {
        match code {
            0x05 => self.accepted(payload),
            0x07 => self.received(payload),
            0x0C => self.heard(payload),
            0xEE if payload == b"odd" => {
                self.unasked.odd += 1;
                Ok(())
            }
            0x09 if !self.awaits_close(payload) => self.stream_ended(payload),
            _ => self.replied(code, payload),
        }
    }

    fn awaits_close(&self, payload: &[u8]) -> bool {
        let next = self.outstanding.front();
        next.is_some_and(|asked| asked.want.is_met(0x09, payload))
    }

    fn replied(&mut self, code: u8, payload: &[u8]) -> Result<(), String> {
        let asked = match self.outstanding.front() {
            Some(next) if next.want.is_met(code, payload) => self.outstanding.pop_front(),
            next => {
                let place = self.late.iter().position(|a| a.want.is_met(code, payload));
                if place.is_none() {
                    let frame = shown(code, payload);
                    return Err(match next {
                        Some(asked) => {
                            format!("{}: expected {:?}, got {frame}", asked.name(), asked.want)
                        }
                        None => format!("asked for nothing, got {frame}"),
                    });
                }
                place.map(|at| self.late.remove(at))
            }
        };
        let Some(Asked { kind, want }) = asked else {
            return Ok(());
        };
        if let Some(kind) = kind {
            self.tally.replied.0[kind] += 1;
        }
        self.fulfil(want, code, payload);
        Ok(())
    }

    fn fulfil(&mut self, want: Want, code: u8, payload: &[u8]) {
        match want {
            Want::Taken(_) => self.taken.push(payload.to_vec()),
            Want::Dialled(stream) => {
                let conn = number(payload);
                self.streams.insert(conn, *stream);
                self.dialled.push(conn);
            }
            Want::Either(wants) => {
                if let Some(met) = wants.into_iter().find(|want| want.is_met(code, payload)) {
                    self.fulfil(met, code, payload);
                }
            }
            _ => {}
        }
    }

    /// What is not answered yet never will be: this client leaves.
    pub fn give_up_replies(&mut self) {
        for asked in self.outstanding.drain(..).chain(self.late.drain(..)) {
            if let Some(kind) = asked.kind {
                self.tally.cut.0[kind] += 1;
            }
        }
        self.world
            .requests
            .fetch_add(std::mem::take(&mut self.counted), SeqCst);
    }
}

/// Connects. The numbers that the daemon gives are known, as clients come one by one.
pub fn arrive(world: &World) -> Result<(Connection, u64), String> {
    let mut arrivals = world.arrivals.lock().unwrap();
    let connection = Connection::open(&world.socket)?;
    *arrivals += 1;
    Ok((connection, *arrivals))
}

pub fn fresh(number: u64) -> Record {
    Record {
        number,
        clean: false,
        sent: Default::default(),
        received: 0,
        lost: 0,
        reason: "eof",
    }
}

/// A payload's first number.
pub fn number(payload: &[u8]) -> u32 {
    payload
        .first_chunk()
        .map_or(0, |bytes| u32::from_be_bytes(*bytes))
}
