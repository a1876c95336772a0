//! What the daemon allocates while it serves: nothing, once it has warmed up.
//!
//! The built binary runs under an interposer that counts each call of malloc, calloc, realloc and the
//! aligned ones, by any thread and by the C library too. Not counted is what goes to the system
//! directly: stacks of threads, mapped files. Warm-up is 1,000 requests of a kind, and with a journal in
//! memory as many as fill its 32 MiB, of which each 256 KiB are allocated when they are needed and used
//! again from then on.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod support;

use std::io::{Read, Write};
use std::path::PathBuf;

use support::{Binary, Client, TempDir};

const WARM_UP: usize = 1_000;
const COUNTED: usize = 10_000;

const SEND: u8 = 0x06;
const RECV: u8 = 0x07;
const SEND_TO: u8 = 0x0B;
const RECV_FROM: u8 = 0x0C;
const INFO: u8 = 0x0D;
const INFO_OK: u8 = 0x0E;
const HEALTH: u8 = 0x21;
const HEALTH_OK: u8 = 0x22;

/// The own node's address.
const OWN: [u8; 6] = [0, 0, 0x12, 0x34, 0x56, 0x78];

/// A daemon that is counted.
struct Counted {
    daemon: Binary,
    counts: PathBuf,
    _directory: TempDir,
}

impl Counted {
    fn start(args: &[&str]) -> Counted {
        let directory = TempDir::new();
        let interposer = directory.join("allocations.so");
        let flags = ["-O2", "-shared", "-fPIC"];
        support::compile(&flags, "bench/allocations.c", &interposer);
        let counts = directory.join("counts");
        let variables = [
            ("LD_PRELOAD", interposer.as_os_str()),
            ("MOCKPILOT_ALLOCATIONS", counts.as_os_str()),
        ];
        let daemon = Binary::start_with(&variables, args);
        let counted = Counted {
            daemon,
            counts,
            _directory: directory,
        };
        assert!(counted.allocations() > 0, "a start without allocations");
        counted
    }

    /// Calls so far that gave memory, new or another size of old.
    fn allocations(&self) -> u64 {
        let counts = std::fs::read(&self.counts).unwrap();
        let at = |at: usize| u64::from_ne_bytes(counts[at..at + 8].try_into().unwrap());
        at(0) + at(8)
    }

    /// The allocations of so many requests, behind those of the warm-up.
    fn of(&self, mut request: impl FnMut()) -> u64 {
        for _ in 0..WARM_UP {
            request();
        }
        let before = self.allocations();
        for _ in 0..COUNTED {
            request();
        }
        self.allocations() - before
    }

    /// Nothing that clients do all the time allocates.
    fn allocates_nothing(&self, mut client: Raw) {
        // A reply that becomes longer by a digit finds the room that a longer one has had.
        for _ in 0..10 {
            client.trip(INFO, &[], INFO_OK);
        }
        assert_eq!(self.of(|| client.trip(HEALTH, &[], HEALTH_OK)), 0, "health");

        let echo = client.dial(&[0, 0, 0, 0, 0, 5, 0, 7]);
        let data = [&echo[..], &[b'x'; 64]].concat();
        assert_eq!(self.of(|| client.trip(SEND, &data, RECV)), 0, "echo");
        // Each echo changes the figures of health.
        let both = || {
            client.trip(SEND, &data, RECV);
            client.trip(HEALTH, &[], HEALTH_OK);
        };
        assert_eq!(self.of(both), 0, "echo and health");

        let mut other = self.daemon.connect();
        other.call_ok(0x01, &5000_u16.to_be_bytes());
        let joined = client.dial(&[&OWN[..], &5000_u16.to_be_bytes()].concat());
        other.expect(0x05);
        let mut other = Raw::of(other);
        let data = [&joined[..], &[b'x'; 64]].concat();
        let pass = || {
            client.send(SEND, &data);
            other.expect(RECV);
        };
        assert_eq!(self.of(pass), 0, "a stream between clients");
        let datagram = [&OWN[..], &5000_u16.to_be_bytes(), &[b'x'; 64]].concat();
        let pass = || {
            // Every client gets it, its sender too.
            client.trip(SEND_TO, &datagram, RECV_FROM);
            other.expect(RECV_FROM);
        };
        assert_eq!(self.of(pass), 0, "a datagram to clients");
    }
}

/// A client without buffers of its own.
struct Raw(Client);

impl Raw {
    fn of(client: Client) -> Raw {
        let deadline = Some(support::DEADLINE);
        client.stream().set_read_timeout(deadline).unwrap();
        Raw(client)
    }

    fn dial(&mut self, to: &[u8]) -> [u8; 4] {
        self.0.call_ok(0x03, to).try_into().unwrap()
    }

    fn send(&mut self, code: u8, payload: &[u8]) {
        self.0.send(code, payload);
    }

    /// The next frame has this command byte.
    fn expect(&mut self, code: u8) {
        let mut stream = self.0.stream();
        let mut frame = [0; 1024];
        stream.read_exact(&mut frame[..5]).unwrap();
        assert_eq!(frame[4], code);
        let length = u32::from_be_bytes(frame[..4].try_into().unwrap()) as usize;
        stream.read_exact(&mut frame[..length - 1]).unwrap();
    }

    fn trip(&mut self, code: u8, payload: &[u8], reply: u8) {
        self.send(code, payload);
        self.expect(reply);
    }
}

#[test]
fn without_a_journal_nothing_is_allocated() {
    let counted = Counted::start(&[]);
    let client = Raw::of(counted.daemon.connect());
    counted.allocates_nothing(client);
}

#[test]
fn with_a_journal_in_memory_nothing_is_allocated_once_it_is_full() {
    let counted = Counted::start(&["--control", "control"]);
    let mut client = Raw::of(counted.daemon.connect());
    // A request and its reply take some 430 bytes, and each 256 KiB of them two allocations; the list of
    // these grows now and then.
    let young = counted.of(|| client.trip(HEALTH, &[], HEALTH_OK));
    assert!((1..=40).contains(&young), "{young} for {COUNTED} requests");
    // 15 of these are in 256 KiB; nobody has stream 99.
    let mut large = Client::frame(SEND, &[0, 0, 0, 99].repeat(4096));
    large = large.repeat(15);
    for _ in 0..128 {
        client.0.stream().write_all(&large).unwrap();
    }
    client.trip(HEALTH, &[], HEALTH_OK);
    counted.allocates_nothing(client);
}
