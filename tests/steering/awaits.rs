//! Waiting for requests.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::steered::Steered;

fn wait_for(on: &str) -> Value {
    json!({"verb": "await", "on": on, "timeout": "10s"})
}

fn dial(port: u8) -> [u8; 8] {
    [0, 0, 0, 0, 0, 2, 0, port]
}

/// The number of the last request of a name.
fn last(steered: &Steered, name: &str) -> Value {
    let entries = steered.entries(0);
    let found = entries
        .iter()
        .rfind(|e| e["dir"] == "in" && e["cmd"] == name);
    found.unwrap()["seq"].clone()
}

#[test]
fn the_request_that_completes_it_is_named() {
    let steered = Steered::start(&[]);
    let mut client = steered.settled();
    let mut talk = steered.talk();
    let mut wanted = wait_for("dial");
    wanted["when"] = json!({"port": {"min": 80}});
    wanted["count"] = 3.into();
    talk.send(wanted.clone());
    for port in [80, 7, 81, 79, 82, 83] {
        client.call_ok(0x03, &dial(port));
    }
    let seq = talk.answer()["seq"].clone();
    let entries = steered.entries(0);
    let entry = entries.iter().find(|e| e["seq"] == seq).unwrap();
    assert_eq!(
        (&entry["dir"], &entry["fields"]["port"]),
        (&json!("in"), &json!(82))
    );
    // What came before the question counts as well, and each that asks counts for itself.
    assert_eq!(talk.done(wanted)["seq"], seq);
    let several = json!({"verb": "await", "on": ["bind", "health"], "timeout": "1ms"});
    assert_eq!(talk.done(several)["seq"], 2);
}

#[test]
fn families_arrivals_and_all() {
    let steered = Steered::start(&[]);
    let (mut arrival, mut family, mut any) = (steered.talk(), steered.talk(), steered.talk());
    arrival.send(json!({"verb": "await", "on": "connect", "count": 2}));
    family.send(wait_for("handshake"));
    any.send(json!({"verb": "await", "on": "*", "count": 2}));
    let mut first = steered.settled();
    first.call_ok(0x0F, &[4]);
    let _second = steered.settled();
    let second = steered.entry(|e| e["event"] == "connect" && e["client"] == 2);
    assert_eq!(arrival.answer()["seq"], second["seq"]);
    let seq = last(&steered, "handshake.pending");
    assert_eq!(family.answer()["seq"], seq);
    assert!(any.answer()["seq"].as_u64() <= seq.as_u64());
    // Arrivals of before count as requests do.
    let again = json!({"verb": "await", "on": "connect", "count": 2, "timeout": "1ms"});
    assert_eq!(steered.done(again.clone())["seq"], second["seq"]);
    let mut since = again;
    since["since"] = 1.into();
    since["count"] = 1.into();
    assert_eq!(steered.done(since)["seq"], second["seq"]);
    let here = json!({"on": "connect", "times": 2});
    steered.done(json!({"verb": "expect", "expect": here}));
    steered.done(json!({"verb": "verify"}));
}

#[test]
fn it_counts_from_the_reset_or_from_a_number() {
    let steered = Steered::start(&[]);
    let mut client = steered.settled();
    client.call_ok(0x0D, b"");
    let first = last(&steered, "info");
    let short = json!({"verb": "await", "on": "info", "timeout": "1ms"});
    let since = |seq: &Value| {
        let mut request = short.clone();
        request["since"] = seq.clone();
        request
    };
    let mut talk = steered.talk();
    assert_eq!(talk.done(short.clone())["seq"], first);
    assert_eq!(talk.ask(since(&first))["ok"], false);
    talk.done(json!({"verb": "reset"}));
    assert_eq!(talk.ask(short.clone())["ok"], false);
    // A number reaches behind the reset.
    assert_eq!(talk.done(since(&json!(0)))["seq"], first);
    client.call_ok(0x0D, b"");
    let second = last(&steered, "info");
    assert_eq!(talk.done(short.clone())["seq"], second);
    assert_eq!(talk.done(since(&first))["seq"], second);
    assert_eq!(talk.done(since(&json!(0)))["seq"], first);
}

/// The number may be one that is still to come, for whoever asks before it and after it.
#[test]
fn a_number_ahead_is_waited_for() {
    let steered = Steered::start(&[]);
    let mut client = steered.settled();
    client.call_ok(0x0D, b"");
    let since = last(&steered, "info").as_u64().unwrap() + 1000;
    let mut wanted = wait_for("info");
    wanted["since"] = since.into();
    let early = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| steered.talk().done(wanted.clone())["seq"].clone());
        while !waiting.is_finished() {
            client.call_ok(0x0D, b"");
        }
        waiting.join().unwrap()
    });
    // Each has an entry and its answer another: the number is a request's own.
    assert_eq!(early, since + 2);
    assert_eq!(steered.done(wanted)["seq"], since + 2);
}

#[test]
fn a_reset_begins_the_count_again() {
    let steered = Steered::start(&[]);
    let mut client = steered.settled();
    let mut talk = steered.talk();
    let two = json!({"verb": "await", "on": "info", "count": 2, "timeout": "10s"});
    talk.send(two);
    client.call_ok(0x0D, b"");
    steered.done(json!({"verb": "reset"}));
    client.call_ok(0x0D, b"");
    client.call_ok(0x0D, b"");
    let last = last(&steered, "info");
    // Where the reset came first it is the same.
    assert_eq!(talk.answer()["seq"], last);
}

#[test]
fn a_time_out_names_the_nearest() {
    let steered = Steered::start(&[]);
    let mut talk = steered.talk();
    let mut wanted = json!({"verb": "await", "on": "dial", "when": {"port": 80, "node": 3},
                            "count": 2, "timeout": "30ms"});
    let begun = Instant::now();
    let answer = talk.ask(wanted.clone());
    assert!(begun.elapsed() >= Duration::from_millis(30));
    assert_eq!(
        (&answer["ok"], &answer["nearest"]),
        (&json!(false), &Value::Null)
    );
    let error = "dial with node 3, port 80: expected 2 within 30ms, got 0";
    assert_eq!(answer["error"], error);
    let mut client = steered.settled();
    let answer = talk.ask(wanted.clone());
    let other = "health of client 1 (entry 2): on: expected dial, got health";
    assert_eq!(answer["nearest"], other);
    client.call_ok(0x03, &dial(81));
    client.call_ok(0x03, &dial(80));
    client.call_ok(0x03, &[0, 0, 0, 0, 0, 3, 0, 80]);
    let answer = talk.ask(wanted.clone());
    assert!(
        answer["error"].as_str().unwrap().ends_with("got 1"),
        "{answer}"
    );
    let entries = steered.entries(0);
    let near = entries
        .iter()
        .filter(|e| e["cmd"] == "dial")
        .nth(1)
        .unwrap();
    let text = format!(
        "dial of client 1 (entry {}): node: expected 3, got 2",
        near["seq"]
    );
    assert_eq!(answer["nearest"], text);
    wanted["count"] = 1.into();
    talk.done(wanted);
}

#[test]
fn two_at_once_and_one_holds_its_own_connection_up_only() {
    let steered = Steered::start(&[]);
    let (mut one, mut other) = (steered.talk(), steered.talk());
    one.send(wait_for("bind"));
    one.send(json!({"verb": "ping"}));
    other.send(wait_for("bind"));
    assert_eq!(steered.ask(json!({"verb": "ping"}))["ok"], true);
    let mut client = steered.settled();
    client.call_ok(0x01, &[0, 80]);
    let seq = last(&steered, "bind");
    assert_eq!(one.answer()["seq"], seq);
    assert_eq!(one.answer()["pid"], steered.daemon.pid());
    assert_eq!(other.answer()["seq"], seq);
}

#[test]
fn it_does_not_wait_for_the_reply() {
    let steered = Steered::play(&json!({"rules": [{"on": "info", "delay": "1m"}]}));
    let mut client = steered.settled();
    let mut talk = steered.talk();
    talk.send(wait_for("info"));
    client.send(0x0D, b"");
    assert_eq!(talk.answer()["ok"], true);
}

#[test]
fn one_who_only_listens_still_waits() {
    let steered = Steered::start(&[]);
    let mut client = steered.settled();
    let mut talk = steered.talk();
    talk.send(wait_for("info"));
    talk.shutdown_write();
    client.call_ok(0x0D, b"");
    assert_eq!(talk.answer()["seq"], last(&steered, "info"));
    assert_eq!(talk.line(), "");
}

#[test]
fn the_answer_comes_soon_after_the_frame() {
    let steered = Steered::start(&[]);
    let mut client = steered.settled();
    let mut talk = steered.talk();
    let mut took = Vec::new();
    let mut seq = json!(0);
    for _ in 0..200 {
        talk.send(json!({"verb": "await", "on": "info", "since": seq, "timeout": "10s"}));
        let begun = Instant::now();
        client.send(0x0D, b"");
        seq = talk.answer()["seq"].clone();
        took.push(begun.elapsed());
        assert!(seq.is_u64());
        client.expect(0x0E);
    }
    took.sort();
    eprintln!(
        "await answers after {:?} (median of 200), {:?} at most",
        took[100], took[199]
    );
    assert!(took[100] < Duration::from_millis(250), "{took:?}");
}

#[test]
fn the_end_of_the_daemon_ends_it() {
    let mut steered = Steered::start(&[]);
    let mut talk = steered.talk();
    talk.send(json!({"verb": "await", "on": "info", "timeout": "1m"}));
    steered.ask(json!({"verb": "stop"}));
    assert!(steered.daemon.wait().success());
    // It was refused, or had not even begun.
    match talk.try_line() {
        Ok(line) => assert!(
            line.is_empty() || line.starts_with("{\"ok\":false,"),
            "{line}"
        ),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}
