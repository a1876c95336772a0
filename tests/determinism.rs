//! The same scenario, seed and input give the same bytes, whatever the machine is busy with.

mod staged;
mod support;

use std::io::Read;
use std::thread;

use serde_json::{Value, json};
use staged::*;
use support::{Binary, Client, DEADLINE};

/// Runs of a scenario in all, each in a daemon of its own.
const RUNS: usize = 100;

/// Runs at a time: they wait more than they work.
const AT_A_TIME: usize = 25;

/// Everything that chance or time could change: spoilt replies, delays, nonces, keys, pushes, peers
/// that take their time, time-outs. Ends by itself.
fn scenario(profile: &str) -> Value {
    let some_time = json!({"min": "0ms", "max": "60ms"});
    json!({
        "profile": profile, "seed": 7, "clock": 1_800_000_000, "dial_timeout": "30ms",
        "node": {"admin_token": "t"},
        "peers": [
            {"node_id": 2, "hostname": "beta", "latency": "5ms",
             "services": {"80": "echo", "13": {"say": "hello"}, "98": "hang"}},
            {"node_id": 3, "hostname": "gamma"},
        ],
        "networks": [{"id": 7, "name": "lab", "members": [2, 3]}],
        "pending": [{"node_id": 9, "justification": "hi"}],
        "rules": [
            {"on": "health", "skip": 1, "times": 2, "fault": "garbage"},
            {"on": "info", "delay": some_time},
            {"on": "resolve_hostname", "delay": some_time, "push": [
                {"recv_from": {"from": "1:0001.0000.0003:9", "to_port": 5, "data": "Datagram"}},
                {"recv": {"conn": "last", "data": "later"}, "after": "9ms"},
            ]},
            {"on": "send", "delay": some_time},
            {"on": "handshake.pending", "delay": some_time, "fault": "duplicate"},
            {"on": "deregister", "delay": "150ms", "fault": "close"},
        ],
        "timeline": [
            {"on": "bind", "after": "3ms", "every": "7ms", "count": 4, "push": [
                {"raw": {"command": 200, "data": "tick"}},
                {"peer": {"node_id": 3, "does": "approve"}},
            ]},
        ],
    })
}

/// What the client sends, in one write.
fn input() -> Vec<u8> {
    let mut frames = Vec::new();
    let mut add = |command: u8, payload: &[u8]| frames.extend(Client::frame(command, payload));
    let sign = br#"{"audience":"svc","body_b64":"aGk="}"#;
    for _ in 0..3 {
        add(INFO, &[]);
        add(0x21, &[]);
        add(0x33, sign);
        add(RESOLVE, b"beta");
        add(HANDSHAKE, &[4]);
    }
    add(DIAL, &address(0, 3, 7));
    add(SEND, b"\0\0\0\x01one");
    add(SEND, b"\0\0\0\x01two");
    add(DIAL, &address(0, 2, 13));
    add(DIAL, &address(0, 2, 98));
    add(HANDSHAKE, b"\x01\0\0\0\x03because");
    add(HANDSHAKE, b"\x07\0\0\0\x03\0\0\x20\0");
    add(HANDSHAKE, b"\x07\0\0\0\x63\0\0\0\x14");
    add(BIND, &port(80));
    add(0x25, &[]);
    add(INFO, &[]);
    add(NETWORK, &[1]);
    add(NETWORK, b"\x02\0\x07");
    add(NETWORK, b"\x04\0\x07");
    add(0x29, b"\0\x07\0\x50\0\x01tdata");
    add(0x39, &join(&[&address(0, 0x1234_5678, 9), b"loop"]));
    add(HANDSHAKE, &[5]);
    add(0x33, sign);
    add(0x99, &[]);
    add(0x17, &[]);
    frames
}

/// All that the daemon says until it closes.
fn output(scenario: &Value, options: &[&str], input: &[u8]) -> Vec<u8> {
    let text = scenario.to_string();
    let daemon = Binary::start(&[&["--scenario", &text], options].concat());
    let mut client = daemon.connect();
    client.send_raw(input);
    let mut stream = client.stream();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap();
    assert!(!said.is_empty());
    said
}

/// The outputs of so many runs.
fn outputs(runs: usize, run: impl Fn(usize) -> Vec<u8> + Sync) -> Vec<Vec<u8>> {
    let all: Vec<usize> = (0..runs).collect();
    let run = &run;
    thread::scope(|scope| {
        let share = runs.div_ceil(AT_A_TIME);
        let some =
            |numbers: &[usize]| -> Vec<Vec<u8>> { numbers.iter().map(|n| run(*n)).collect() };
        let parts: Vec<_> = all
            .chunks(share)
            .map(|numbers| scope.spawn(move || some(numbers)))
            .collect();
        parts
            .into_iter()
            .flat_map(|part| part.join().unwrap())
            .collect()
    })
}

/// Where two outputs part, for a person to read.
fn parting(one: &[u8], other: &[u8]) -> String {
    let at = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let near = |bytes: &[u8]| {
        let from = at.saturating_sub(60);
        let end = bytes.len().min(at + 60);
        String::from_utf8_lossy(&bytes[from..end]).into_owned()
    };
    format!("at {at}:\n{:?}\n{:?}", near(one), near(other))
}

#[test]
fn a_hundred_runs_are_the_same_byte_for_byte() {
    let input = input();
    for profile in BOTH {
        let scenario = scenario(profile);
        let all = outputs(RUNS, |_| output(&scenario, &[], &input));
        assert_eq!(all.len(), RUNS);
        // It is about something: all that was to come has come.
        let count = |text: &[u8]| all[0].windows(text.len()).filter(|w| *w == text).count();
        assert_eq!(count(b"tick"), 4);
        assert_eq!(count(b"Datagram"), 3);
        assert_eq!(count(b"later"), 3);
        assert_eq!(count(b"hello"), 1);
        assert_eq!(count(b"dial timeout"), 1);
        for other in &all[1..] {
            assert!(*other == all[0], "{profile} {}", parting(&all[0], other));
        }
        let seeded = output(&scenario, &["--seed", "7"], &input);
        assert!(seeded == all[0], "{profile} {}", parting(&all[0], &seeded));
        let differs = output(&scenario, &["--seed", "8"], &input);
        assert!(differs != all[0], "{profile}");
    }
}

/// A scenario of one rule and the end.
fn one_rule(rule: &Value) -> Value {
    let end = json!({"on": "deregister", "delay": "100ms", "fault": "close"});
    json!({"clock": 1_800_000_000, "rules": [rule, end]})
}

fn until_the_end(frames: &[(u8, &[u8])]) -> Vec<u8> {
    let end = [(0x17, &[][..])];
    let frames = frames.iter().chain(&end);
    frames
        .flat_map(|(code, payload)| Client::frame(*code, payload))
        .collect()
}

#[test]
fn each_random_choice_follows_the_seed() {
    let sign = &br#"{"audience":"svc","body_b64":"aGk="}"#[..];
    let garbage = json!({"on": "network.list", "fault": "garbage"});
    let delays = json!({"on": ["unknown", "bind", "resolve_hostname", "network.list"],
                        "delay": {"min": "0ms", "max": "50ms"}});
    let nothing = json!({"on": "cancel"});
    for (what, rule, input) in [
        ("garbage", garbage, until_the_end(&[(NETWORK, &[1])])),
        (
            "delays",
            delays,
            until_the_end(&[
                (0x99, &[]),
                (BIND, &[0, 80]),
                (RESOLVE, b"x"),
                (NETWORK, &[1]),
            ]),
        ),
        ("nonces", nothing.clone(), until_the_end(&[(0x33, sign)])),
        ("keys", nothing, until_the_end(&[(0x25, &[])])),
    ] {
        let scenario = one_rule(&rule);
        let run = |seed: usize| output(&scenario, &["--seed", &seed.to_string()], &input);
        // Each seed twice.
        let all = outputs(20, |number| run(number / 2));
        for pair in all.chunks(2) {
            assert!(pair[0] == pair[1], "{what} {}", parting(&pair[0], &pair[1]));
        }
        assert!(all.iter().any(|one| *one != all[0]), "{what}");
    }
}

#[test]
fn other_clients_do_not_change_what_one_gets() {
    let garbage = json!({"on": "health", "scope": "client", "client": 2, "fault": "garbage"});
    let scenario = one_rule(&garbage);
    let text = scenario.to_string();
    let run = |others: usize| {
        let daemon = Binary::start(&["--scenario", &text]);
        let mut first = daemon.connect();
        for _ in 0..others {
            first.call_ok(0x21, &[]);
        }
        first.quiet();
        let mut client = daemon.connect();
        client.send_raw(&until_the_end(&[(0x21, &[])]));
        let mut said = Vec::new();
        let mut stream = client.stream();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.read_to_end(&mut said).unwrap();
        said
    };
    let alone = run(0);
    assert!(!alone.is_empty());
    assert!(run(9) == alone);
}
