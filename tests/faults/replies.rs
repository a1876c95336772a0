//! Every fault of a reply, byte by byte: a plain one, a JSON one and an error; alone, and with requests
//! before and behind it; at once and delayed.

use std::io::Write;

use serde_json::{Value, json};

use crate::ruled::{End, Ruled, error_frame, read_all, read_some};
use crate::support::{Client, error_of};

const HEALTH: [u8; 5] = [0, 0, 0, 1, 0x21];

/// What the client reads in place of the reply's frame.
enum Seen {
    /// These bytes, and the connection stays usable.
    Bytes(Vec<u8>),
    /// These bytes, and then an end.
    Cut(Vec<u8>),
    /// As many bytes, but others.
    Noise,
}

/// A fault and what it makes of a frame.
type Spoils = fn(&[u8]) -> Seen;

fn faults() -> Vec<(Value, Spoils)> {
    use Seen::{Bytes, Cut, Noise};
    fn with_prefix(frame: &[u8], prefix: u32) -> Seen {
        Bytes([&prefix.to_be_bytes(), &frame[4..]].concat())
    }
    vec![
        (json!("no_reply"), |_| Bytes(Vec::new())),
        (json!("close"), |_| Cut(Vec::new())),
        (json!({"truncate": 0}), |_| Cut(Vec::new())),
        (json!({"truncate": 2}), |f| Cut(f[..2].into())),
        (json!({"truncate": 4}), |f| Cut(f[..4].into())),
        (json!({"truncate": 5}), |f| Cut(f[..5].into())),
        (json!({"truncate": 6}), |f| Cut(f[..6].into())),
        (json!({"truncate": 1000}), |f| Cut(f.into())),
        (json!({"slow": {"bytes": 3, "every": "1ms"}}), |f| {
            Bytes(f.into())
        }),
        (json!({"slow": {"bytes": 1000, "every": "1ms"}}), |f| {
            Bytes(f.into())
        }),
        (json!({"length": 0}), |f| with_prefix(f, 0)),
        (json!({"length": 2}), |f| with_prefix(f, 2)),
        (json!({"length": 4294967295u32}), |f| {
            with_prefix(f, u32::MAX)
        }),
        (json!({"command": 0}), |f| {
            Bytes([&f[..4], &[0], &f[5..]].concat())
        }),
        (json!({"command": 255}), |f| {
            Bytes([&f[..4], &[255], &f[5..]].concat())
        }),
        (json!("duplicate"), |f| Bytes(f.repeat(2))),
        (json!("garbage"), |_| Noise),
        (json!({"stall": "1ms"}), |f| Bytes(f.into())),
    ]
}

/// A daemon and numbers that no request has had yet.
struct Bench {
    ruled: Ruled,
    number: u16,
}

impl Bench {
    fn new() -> Bench {
        let ruled = Ruled::start(json!([]));
        Bench {
            ruled,
            number: 2000,
        }
    }

    /// A bind of a port that is free, and its reply.
    fn bind(&mut self) -> (u16, Vec<u8>, Vec<u8>) {
        self.number += 1;
        let port = self.number.to_be_bytes();
        (
            self.number,
            Client::frame(0x01, &port),
            Client::frame(0x02, &port),
        )
    }

    /// Asks with a fault, between two other requests or alone; what comes must be as it should be.
    fn run(&mut self, target: &Target, fault: &Value, spoils: Spoils, piped: bool, delayed: bool) {
        let what = format!("{fault} on {}, {piped} {delayed}", target.rule["on"]);
        let (_, before, before_ok) = self.bind();
        let (_, behind, behind_ok) = self.bind();
        let mut rule = target.rule.clone();
        rule["fault"] = fault.clone();
        if delayed {
            rule["delay"] = "8ms".into();
        }
        let name = self.ruled.add(rule);
        let client = self.ruled.connect();
        let mut stream = client.stream();
        let mut expected = Vec::new();
        let asked = match piped {
            true => [&before[..], &target.ask, &behind].concat(),
            false => target.ask.clone(),
        };
        stream.write_all(&asked).unwrap();
        if piped {
            expected.extend_from_slice(&before_ok);
            if delayed {
                expected.extend_from_slice(&behind_ok);
            }
        }
        let seen = spoils(&target.reply);
        let mut noise = 0;
        let cut = matches!(seen, Seen::Cut(_));
        match seen {
            Seen::Bytes(bytes) | Seen::Cut(bytes) => expected.extend_from_slice(&bytes),
            Seen::Noise => noise = target.reply.len(),
        }
        assert_eq!(read_some(stream, expected.len()), expected, "{what}");
        if noise > 0 {
            let bytes = read_some(stream, noise);
            assert_ne!(bytes, target.reply, "{what}");
        }
        if cut {
            // `read` gives 0, whatever was asked behind it.
            assert_eq!(read_all(stream), (Vec::new(), End::Eof), "{what}");
        } else {
            if piped && !delayed {
                assert_eq!(read_some(stream, behind_ok.len()), behind_ok, "{what}");
            }
            stream.write_all(&HEALTH).unwrap();
            assert_eq!(read_some(stream, 5)[4], 0x22, "{what}");
        }
        self.ruled.remove(&name);
    }
}

/// A request, its rule without a fault, and the reply that it gets without the rule.
struct Target {
    rule: Value,
    ask: Vec<u8>,
    reply: Vec<u8>,
}

fn with_every_fault(mut target: impl FnMut(&mut Bench) -> Target) {
    let mut bench = Bench::new();
    for (fault, spoils) in faults() {
        for (piped, delayed) in [(false, false), (true, false), (false, true), (true, true)] {
            let target = target(&mut bench);
            bench.run(&target, &fault, spoils, piped, delayed);
        }
    }
}

#[test]
fn of_a_plain_reply() {
    with_every_fault(|bench| {
        let (port, ask, reply) = bench.bind();
        let rule = json!({"on": "bind", "when": {"port": port}});
        Target { rule, ask, reply }
    });
}

#[test]
fn of_a_json_reply() {
    with_every_fault(|bench| {
        let ask = Client::frame(0x11, b"beta");
        let (code, payload) = bench.ruled.connect().call(0x11, b"beta");
        assert_eq!(code, 0x12);
        let reply = Client::frame(code, &payload);
        let rule = json!({"on": "resolve_hostname"});
        Target { rule, ask, reply }
    });
}

#[test]
fn of_an_error_reply() {
    with_every_fault(|_| Target {
        rule: json!({"on": "unknown"}),
        ask: Client::frame(0x7E, b""),
        reply: error_frame("unknown command: 0x7E"),
    });
    // Of a rule's own as well.
    with_every_fault(|_| Target {
        rule: json!({"on": "info", "error": "nothing doing"}),
        ask: Client::frame(0x0D, b""),
        reply: error_frame("nothing doing"),
    });
}

/// Faults spoil what the rule has made of the answer.
#[test]
fn of_an_answer_that_the_rule_changes() {
    for (change, reply) in [
        (json!({"payload": {"hex": "00ff"}}), vec![0x00, 0xFF]),
        (json!({"reply": {"b": 1, "a": "<"}}), {
            br#"{"a":"\u003c","b":1}"#.to_vec()
        }),
    ] {
        with_every_fault(|_| {
            let mut rule = json!({"on": "info"});
            for (key, value) in change.as_object().unwrap() {
                rule[key] = value.clone();
            }
            let (ask, reply) = (Client::frame(0x0D, b""), Client::frame(0x0E, &reply));
            Target { rule, ask, reply }
        });
    }
}

/// The node serves the request, whatever becomes of its answer.
#[test]
fn the_node_has_served_what_is_spoilt() {
    let mut bench = Bench::new();
    for (fault, _) in faults() {
        let (port, ask, _) = bench.bind();
        let rule = json!({"on": "bind", "when": {"port": port}, "fault": fault, "times": 1});
        let name = bench.ruled.add(rule);
        let mut client = bench.ruled.connect();
        client.send_raw(&ask);
        bench
            .ruled
            .entry(|e| e["cmd"] == "bind" && e["fields"]["port"] == port);
        let mut other = bench.ruled.connect();
        let (code, payload) = other.call(0x01, &port.to_be_bytes());
        match code {
            0x0A => assert_eq!(error_of(&payload), format!("port {port} already bound")),
            // Those that are closed have given it up again.
            _ => bench.ruled.parted(bench.client_of(port), "fault"),
        }
        bench.ruled.remove(&name);
    }
}

impl Bench {
    /// The client that asked first for a port.
    fn client_of(&self, port: u16) -> u64 {
        let asked = self
            .ruled
            .entry(|e| e["dir"] == "in" && e["fields"]["port"] == port);
        asked["client"].as_u64().unwrap()
    }
}

/// The same seed gives the same bytes; another seed, rule or turn gives others.
#[test]
fn garbage_is_seeded() {
    let noise = |seed: u32, name: &str| {
        let rule = json!({"name": name, "on": "info", "error": "0123456789", "fault": "garbage"});
        let ruled = Ruled::play(json!({"seed": seed, "rules": [rule]}), &[]);
        let client = ruled.connect();
        let once = || {
            client
                .stream()
                .write_all(&Client::frame(0x0D, b""))
                .unwrap();
            read_some(client.stream(), error_frame("0123456789").len())
        };
        [once(), once()]
    };
    let first = noise(7, "a");
    assert_eq!(noise(7, "a"), first);
    assert_ne!(first[0], first[1]);
    assert_ne!(noise(8, "a")[0], first[0]);
    assert_ne!(noise(7, "b")[0], first[0]);
}

/// What comes with the answer goes out whole or not at all: nothing follows a truncated frame.
#[test]
fn what_comes_with_the_answer() {
    let peers = json!([{"node_id": 5, "services": {"13": {"say": "hello"}}}]);
    let dialled = Client::frame(0x04, &[0, 0, 0, 1]);
    let hello = Client::frame(0x07, b"\0\0\0\x01hello");
    for (fault, expected, open) in [
        (json!({"truncate": 5}), dialled[..5].to_vec(), false),
        (json!({"truncate": 99}), dialled.clone(), false),
        (json!("close"), Vec::new(), false),
        (json!("no_reply"), hello.clone(), true),
        (
            json!("duplicate"),
            [&dialled[..], &dialled, &hello].concat(),
            true,
        ),
        (
            json!({"slow": {"bytes": 4, "every": "1ms"}}),
            [&dialled[..], &hello].concat(),
            true,
        ),
    ] {
        let rules = json!([{"on": "dial", "fault": fault}]);
        let ruled = Ruled::play(json!({"peers": peers, "rules": rules}), &[]);
        let mut client = ruled.connect();
        client.send(0x03, &crate::ruled::to(5, 13));
        if open {
            let bytes = read_some(client.stream(), expected.len());
            assert_eq!(bytes, expected, "{fault}");
            assert!(client.quiet().is_empty(), "{fault}");
        } else {
            assert_eq!(read_all(client.stream()), (expected, End::Eof), "{fault}");
        }
    }
}
