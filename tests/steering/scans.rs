//! Requests of before that somebody asks about while others come.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::steered::{Steered, Talk};
use crate::support::Client;

/// Data on a stream that is not there: requests that nobody answers.
fn sends(count: usize) -> Vec<u8> {
    Client::frame(0x06, b"\0\0\0\x09some data").repeat(count)
}

fn expect(expectation: Value) -> Value {
    json!({"verb": "expect", "expect": expectation})
}

/// An order of which each step is compared with every request.
fn long_order() -> Value {
    let step = |n| json!({"on": "send", "when": {"data": {"contains": format!("data {n}")}}});
    json!({"in_order": (0..100).map(step).collect::<Vec<_>>()})
}

#[test]
fn others_are_served_while_an_expectation_looks_back() {
    let steered = Steered::start(&[]);
    let mut client = steered.settled();
    client.send_raw(&sends(4_000));
    client.quiet();
    let mut talk = steered.talk();
    let mut beside_a_look = || {
        talk.send(expect(long_order()));
        let begun = Instant::now();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let answer = talk.answer();
                let took = begun.elapsed();
                assert_eq!(answer, json!({"ok": true}));
                took
            });
            let mut slowest = Duration::ZERO;
            while !waiting.is_finished() {
                let asked = Instant::now();
                client.call_ok(0x21, &[]);
                slowest = slowest.max(asked.elapsed());
            }
            (slowest, waiting.join().unwrap())
        })
    };
    // On a machine with other work a request may be slow by itself, but not beside every look.
    let mut tried = Vec::new();
    while tried.len() < 5 {
        let (slowest, whole) = beside_a_look();
        if slowest < whole / 2 {
            return;
        }
        tried.push((slowest, whole));
    }
    panic!("a request waits for the look: {tried:?}");
}

#[test]
fn what_came_before_a_reset_does_not_count_either() {
    let steered = Steered::start(&[]);
    let mut client = steered.settled();
    client.send_raw(&sends(4_000));
    client.quiet();
    let mut order = long_order();
    order["in_order"][0]["when"] = json!({"data": "some data"});
    let mut talk = steered.talk();
    talk.send(expect(order));
    steered.done(json!({"verb": "reset"}));
    assert_eq!(talk.answer(), json!({"ok": true}));
    // It was added before the reset and is gone, or after it and has seen nothing.
    let verified = steered.ask(json!({"verb": "verify"}));
    let failures = verified["failures"].as_array().unwrap();
    let nothing = |text: &Value| text.as_str().unwrap().contains("expected 100 steps, got 0");
    assert!(failures.iter().all(nothing), "{failures:?}");
}

/// Sends so many such requests in bursts, while others do something.
fn stream(client: &mut Client, bursts: usize) {
    let bytes = sends(BURST);
    for _ in 0..bursts {
        client.send_raw(&bytes);
        client.quiet();
    }
}

const BURST: usize = 250;

#[test]
fn no_request_is_missed_or_counted_twice() {
    let scenario = json!({"expect": [{"on": "send", "times": 0}]});
    let steered = Steered::start(&["--scenario", &scenario.to_string()]);
    let mut client = steered.settled();
    let mut talk = steered.talk();
    let mut added = 0;
    thread::scope(|scope| {
        let streaming = scope.spawn(|| stream(&mut client, 60));
        let resetting = scope.spawn(|| {
            let mut talk = steered.talk();
            for _ in 0..5 {
                talk.done(json!({"verb": "reset"}));
            }
        });
        while !resetting.is_finished() {
            talk.done(expect(json!({"on": "send", "times": 0})));
        }
        while added < 20 && !streaming.is_finished() {
            talk.done(expect(
                json!({"on": "send", "when": {"data": "some data"}, "times": 0}),
            ));
            added += 1;
        }
    });
    // Something to count, should all have come before the last reset.
    stream(&mut client, 1);
    talk.done(expect(json!({"on": "send", "times": 0})));
    let verified = steered.ask(json!({"verb": "verify"}));
    let failures = verified["failures"].as_array().unwrap();
    assert!(failures.len() >= added + 2, "{failures:#?}");
    let counts = failures.iter().map(|text| {
        let (_, count) = text
            .as_str()
            .unwrap()
            .rsplit_once("expected none, got ")
            .unwrap();
        count.to_owned()
    });
    let counts: BTreeSet<String> = counts.collect();
    assert_eq!(counts.len(), 1, "{failures:#?}");
}

#[test]
fn whoever_awaits_a_request_gets_the_same_one() {
    const BURSTS: usize = 40;
    let steered = Steered::start(&[]);
    let mut client = steered.settled();
    let mut waiting = Vec::new();
    thread::scope(|scope| {
        let streaming = scope.spawn(|| stream(&mut client, BURSTS));
        while waiting.len() < 20 && !(streaming.is_finished() && waiting.len() > 3) {
            let mut talk = steered.talk();
            let count = BURSTS * BURST;
            let when = match waiting.len() % 2 {
                0 => json!({}),
                _ => json!({"data": "some data"}),
            };
            talk.send(json!({"verb": "await", "on": "send", "when": when, "count": count, "timeout": "1m"}));
            steered.done(json!({"verb": "ping"}));
            waiting.push(talk);
        }
    });
    let answers: Vec<Value> = waiting.iter_mut().map(Talk::answer).collect();
    assert_eq!(answers[0]["ok"], true, "{answers:?}");
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
}
