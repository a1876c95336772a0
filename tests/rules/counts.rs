//! `skip`, `times`, `scope`, `state` and `then`.

use std::sync::Barrier;
use std::thread;

use serde_json::json;

use crate::ruled::Ruled;
use crate::support::{Client, error_of};

const INFO: u8 = 0x0D;
const HEALTH: u8 = 0x21;

/// A letter for each of several answers: an error's text, or `.` for the node's own.
fn answers(client: &mut Client, code: u8, count: usize) -> String {
    let one = |_| match client.call(code, &[]) {
        (0x0A, payload) => error_of(&payload),
        _ => ".".to_owned(),
    };
    (0..count).map(one).collect()
}

#[test]
fn skip_and_times_alone_and_together() {
    for (rule, expected) in [
        (json!({"skip": 2}), "..AAAA"),
        (json!({"skip": 0}), "AAAAAA"),
        (json!({"times": 2}), "AA...."),
        (json!({"skip": 1, "times": 3}), ".AAA.."),
        (json!({"skip": 9}), "......"),
    ] {
        let mut full = json!({"on": "info", "error": "A"});
        for (key, value) in rule.as_object().unwrap() {
            full[key] = value.clone();
        }
        let ruled = Ruled::start(json!([full]));
        assert_eq!(answers(&mut ruled.connect(), INFO, 6), expected, "{rule}");
        let applied = expected.matches('A').count() as u64;
        assert_eq!(ruled.counts("rules[0]"), (6, applied), "{rule}");
    }
}

/// What a rule leaves alone goes to the next one.
#[test]
fn a_rule_that_is_used_up_makes_way() {
    let ruled = Ruled::start(json!([
        {"on": "info", "skip": 1, "times": 2, "error": "A"},
        {"on": "info", "skip": 1, "times": 1, "error": "B"},
    ]));
    // B sees the first, the fourth and those behind.
    assert_eq!(answers(&mut ruled.connect(), INFO, 6), ".AAB..");
    assert_eq!(ruled.counts("rules[1]"), (4, 1));
}

#[test]
fn only_what_client_when_and_state_let_through_counts() {
    let ruled = Ruled::start(json!([
        {"on": "health", "then": "on"},
        {"on": "bind", "client": 2, "when": {"port": {"min": 10}}, "state": "on", "skip": 1,
         "times": 1, "error": "A"},
    ]));
    let (mut one, mut two) = (ruled.settled(), ruled.settled());
    ruled.done("reset", json!({}));
    let bind = |client: &mut Client, port: u8| client.call(0x01, &[0, port]).0;
    assert_eq!(bind(&mut two, 20), 0x02);
    one.call_ok(HEALTH, &[]);
    assert_eq!(bind(&mut one, 11), 0x02);
    assert_eq!(bind(&mut two, 9), 0x02);
    assert_eq!(ruled.counts("rules[1]"), (0, 0));
    assert_eq!(bind(&mut two, 21), 0x02);
    assert_eq!(bind(&mut two, 22), 0x0A);
    assert_eq!(bind(&mut two, 23), 0x02);
    assert_eq!(ruled.counts("rules[1]"), (3, 1));
}

#[test]
fn scope_counts_for_the_daemon_or_for_each_client() {
    let ruled = Ruled::start(json!([
        {"on": "info", "skip": 1, "times": 2, "error": "A"},
        {"on": "health", "scope": "client", "skip": 1, "times": 2, "error": "B"},
        {"on": "deregister", "scope": "daemon", "times": 1, "error": "C"},
    ]));
    let mut clients = [ruled.connect(), ruled.connect()];
    let mut told = |code, count| {
        let each = clients.each_mut().map(|c| answers(c, code, count));
        each.join(" ")
    };
    assert_eq!(told(INFO, 2), ".A A.");
    assert_eq!(told(HEALTH, 4), ".BB. .BB.");
    assert_eq!(told(0x17, 1), "C .");
    assert_eq!(ruled.counts("rules[1]"), (8, 4));
    // A client that comes later has a count of its own.
    assert_eq!(answers(&mut ruled.connect(), HEALTH, 4), ".BB.");
}

#[test]
fn states_lead_from_one_to_the_next() {
    let ruled = Ruled::start(json!([
        {"on": "info", "state": "start", "then": "two", "error": "A"},
        {"on": "info", "state": "two", "skip": 1, "then": "three", "error": "B"},
        {"on": "info", "state": "three", "error": "C"},
        {"on": "health", "then": "start"},
    ]));
    let (mut client, mut other) = (ruled.connect(), ruled.connect());
    // A rule that leaves its match alone does not move either.
    assert_eq!(answers(&mut client, INFO, 3), "A.B");
    let state = ruled.done("state", json!({}));
    assert_eq!(state["state"]["scenario"]["state"], "three");
    assert_eq!(answers(&mut other, INFO, 2), "CC");
    other.call_ok(HEALTH, &[]);
    assert_eq!(answers(&mut client, INFO, 2), "AB");
    ruled.done("reset", json!({}));
    assert_eq!(answers(&mut client, INFO, 3), "A.B");
}

/// Clients' own states are not the daemon's.
#[test]
fn states_of_clients_are_apart() {
    let ruled = Ruled::start(json!([
        {"on": "info", "scope": "client", "state": "start", "then": "next", "error": "A"},
        {"on": "info", "scope": "client", "state": "next", "error": "B"},
        {"on": "health", "state": "next", "error": "C"},
    ]));
    let (mut one, mut two) = (ruled.connect(), ruled.connect());
    assert_eq!(answers(&mut one, INFO, 3), "ABB");
    assert_eq!(answers(&mut two, INFO, 2), "AB");
    assert_eq!(answers(&mut one, HEALTH, 1), ".");
    let scenario = ruled.done("state", json!({}))["state"]["scenario"].clone();
    let clients = json!([{"client": 1, "state": "next"}, {"client": 2, "state": "next"}]);
    assert_eq!(scenario, json!({"state": "start", "clients": clients}));
}

/// A login that must come first, as a user would write it.
#[test]
fn conditions_counts_states_and_answers_combine() {
    let ruled = Ruled::start(json!([
        {"name": "in", "on": "set_hostname", "scope": "client", "when": {"hostname": "me"},
         "state": "start", "then": "known", "patch": {"note": "welcome", "node_id": null}},
        {"name": "once", "on": "dial", "scope": "client", "state": "known", "when": {"port": 7},
         "times": 1, "then": "spent", "push": [{"raw": {"command": 0x70, "data": "dialled"}}]},
        {"name": "out", "on": "dial", "error": "log in first"},
    ]));
    for _ in 0..2 {
        let mut client = ruled.connect();
        let dial = crate::ruled::to(5, 7);
        assert_eq!(client.error_text(0x03, &dial), "log in first");
        let reply = client.call_json(0x13, b"me");
        assert_eq!(reply["note"], "welcome");
        assert!(reply.get("node_id").is_none(), "{reply}");
        assert!(client.call_json(0x13, b"me").get("note").is_none());
        assert_eq!(client.call(0x03, &dial).0, 0x04);
        assert_eq!(client.expect(0x70), b"dialled");
        assert_eq!(client.error_text(0x03, &dial), "log in first");
    }
    assert_eq!(ruled.counts("out"), (4, 4));
}

/// 100 clients race for a rule that applies once, and exactly one gets it. 100 rounds, each with a rule
/// of its own; in all 10,000 requests. MOCKPILOT_ROUNDS asks for more.
#[test]
fn one_of_a_hundred_wins_a_race() {
    let rounds = std::env::var("MOCKPILOT_ROUNDS").map_or(100, |rounds| rounds.parse().unwrap());
    let ruled = Ruled::start(json!([]));
    let gate = Barrier::new(101);
    thread::scope(|scope| {
        let racers: Vec<_> = (0..100)
            .map(|_| {
                let mut client = ruled.connect();
                scope.spawn({
                    let gate = &gate;
                    move || {
                        let mut won = Vec::new();
                        for round in 0..rounds {
                            gate.wait();
                            if client.call(INFO, &[]).0 == 0x0A {
                                won.push(round);
                            }
                            gate.wait();
                        }
                        won
                    }
                })
            })
            .collect();
        for round in 0..rounds {
            let name = format!("round {round}");
            ruled.add(json!({"name": name, "on": "info", "times": 1, "error": "won"}));
            gate.wait();
            gate.wait();
            assert_eq!(ruled.counts(&name), (100, 1));
            ruled.remove(&name);
        }
        let mut won: Vec<u32> = racers.into_iter().flat_map(|r| r.join().unwrap()).collect();
        won.sort_unstable();
        assert!(won.into_iter().eq(0..rounds), "each round has one winner");
    });
}
