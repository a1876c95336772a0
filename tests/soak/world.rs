//! What the clients of one daemon share, and the names and numbers that each has for itself.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::kinds::{Counts, Tally};
use super::plan::{CLIENTS, Plan};
use super::support::Chance;

/// Bytes at which content may start, and the most that one content has.
const STARTS: usize = 1 << 20;
pub const LONGEST: usize = 2 << 20;

/// The daemon's own node.
pub const OWN: u32 = 0x1234_5678;

/// Of clients that dial each other: the network that they name has this bit, their place and where in
/// their generations they are.
pub const MARK: u16 = 0x8000;
pub const GENERATIONS: u64 = 1 << 11;

/// The first thing that fails, and what all look at from time to time.
#[derive(Default)]
pub struct Failure {
    happened: AtomicBool,
    first: Mutex<Option<String>>,
}

impl Failure {
    pub fn note(&self, clause: String) {
        self.first.lock().unwrap().get_or_insert(clause);
        self.happened.store(true, SeqCst);
    }

    pub fn happened(&self) -> bool {
        self.happened.load(SeqCst)
    }

    pub fn check(&self) -> Result<(), String> {
        match self.happened() {
            true => Err(self.first.lock().unwrap().clone().unwrap_or_default()),
            false => Ok(()),
        }
    }
}

/// What one connection has sent and got, to be compared with the journal.
#[derive(Clone, Debug)]
pub struct Record {
    pub number: u64,
    /// Whether all that the daemon had for it was read.
    pub clean: bool,
    pub sent: Counts,
    pub received: u64,
    /// Datagrams that did not come.
    pub lost: u64,
    /// Why the journal must say it has gone.
    pub reason: &'static str,
}

/// A place where all wait for each other, several times.
#[derive(Default)]
pub struct Gate {
    /// How often each has arrived.
    arrivals: Mutex<[usize; PARTIES]>,
    changed: Condvar,
}

/// Who waits at the gate of a daemon: its clients, and who steers it.
const PARTIES: usize = CLIENTS + 1;

impl Gate {
    /// Arrives; gives how often that was.
    pub fn arrive(&self, who: usize) -> usize {
        let mut arrivals = self.arrivals.lock().unwrap();
        arrivals[who] += 1;
        self.changed.notify_all();
        arrivals[who]
    }

    /// Who has not been there so often, after waiting so long.
    pub fn missing(&self, times: usize, patience: Duration) -> Vec<usize> {
        let arrivals = self.arrivals.lock().unwrap();
        let more = |arrivals: &mut [usize; PARTIES]| arrivals.iter().any(|been| *been < times);
        let waited = self.changed.wait_timeout_while(arrivals, patience, more);
        let (arrivals, _) = waited.unwrap();
        (0..PARTIES).filter(|who| arrivals[*who] < times).collect()
    }
}

/// What a client tells of itself to the others.
#[derive(Default)]
pub struct Public {
    /// How often it has begun to leave: the number of its generation.
    pub leaving: AtomicU64,
    /// The generation in which its port was bound last.
    pub returned: AtomicU64,
    /// Datagrams that it has sent in this generation, to all and by broadcast.
    pub spoken: [AtomicU32; 2],
}

pub struct World {
    pub plan: Plan,
    pub lenient: bool,
    pub socket: PathBuf,
    pub control: PathBuf,
    pub failure: Arc<Failure>,
    /// How many clients have come; a client's own number is told by its place.
    pub arrivals: Mutex<u64>,
    pub gate: Gate,
    pub started: Instant,
    pub clients: [Public; CLIENTS],
    /// The datagrams of those that left when all was said.
    pub farewells: Mutex<HashMap<(usize, u64), [u32; 2]>>,
    pub records: Mutex<Vec<Record>>,
    pub tally: Mutex<Tally>,
    pub notes: Mutex<HashMap<&'static str, u64>>,
    pub requests: AtomicU64,
    /// Datagrams that have come.
    pub datagrams: AtomicU64,
    block: Arc<Vec<u8>>,
}

impl World {
    pub fn new(
        plan: Plan,
        lenient: bool,
        directory: &std::path::Path,
        failure: Arc<Failure>,
        block: Arc<Vec<u8>>,
    ) -> World {
        let clients: [Public; CLIENTS] = Default::default();
        for client in &clients {
            // Nobody is there before it has bound its port.
            client.leaving.store(1, SeqCst);
        }
        World {
            plan,
            lenient,
            socket: directory.join("s"),
            control: directory.join("c"),
            failure,
            arrivals: Mutex::new(0),
            gate: Gate::default(),
            started: Instant::now(),
            clients,
            farewells: Mutex::default(),
            records: Mutex::default(),
            tally: Mutex::default(),
            notes: Mutex::default(),
            requests: AtomicU64::new(0),
            datagrams: AtomicU64::new(0),
            block,
        }
    }

    /// The profile's name.
    pub fn profile(&self) -> &'static str {
        if self.lenient { "lenient" } else { "faithful" }
    }

    /// Bytes that belong to a key.
    pub fn content(&self, key: usize, at: usize, length: usize) -> &[u8] {
        let start = key % STARTS + at;
        &self.block[start..start + length]
    }

    /// Counts something for the figures.
    pub fn note(&self, what: &'static str, count: u64) {
        *self.notes.lock().unwrap().entry(what).or_default() += count;
    }

    /// Whether a client has begun to leave since the generation that it had returned to.
    pub fn has_left_since(&self, client: usize, returned: u64) -> bool {
        self.clients[client].leaving.load(SeqCst) > returned
    }
}

/// What contents are cut from.
pub fn block(seed: u64) -> Arc<Vec<u8>> {
    let mut random = Chance(seed ^ 0xB10C);
    let words = (0..(STARTS + LONGEST) / 8).map(|_| random.number().to_be_bytes());
    Arc::new(words.flatten().collect())
}

/// The port that a client listens on for others.
pub fn port(client: usize) -> u16 {
    20_000 + client as u16
}

/// A port that a client binds and unbinds.
pub fn spare_port(client: usize) -> u16 {
    20_100 + client as u16
}

/// A port at whose bind a simulated peer calls.
pub fn visited_port(client: usize) -> u16 {
    21_000 + client as u16
}

/// A port at whose bind the timeline sends three datagrams.
pub fn announced_port(client: usize) -> u16 {
    22_000 + client as u16
}

/// A peer of a client's own. 0 has services of every kind, 1 takes its time, the others are for trust.
pub fn peer(client: usize, which: u32) -> u32 {
    100_000 + client as u32 * 10 + which
}

/// A network of a client's own: 0 with a token, 1 enterprise and managed.
pub fn network(client: usize, which: u16) -> u16 {
    1000 + client as u16 * 10 + which
}
