//! Expectations that are added and verified while the daemon runs.

use serde_json::{Value, json};

use crate::steered::{Steered, mockpilot};

fn expect(expectation: Value) -> Value {
    json!({"verb": "expect", "expect": expectation})
}

#[test]
fn they_are_met_or_told() {
    let mut steered = Steered::play(&json!({"expect": [{"on": "info", "times": 2}]}));
    let mut talk = steered.talk();
    let mut client = steered.settled();
    talk.done(expect(
        json!({"on": "dial", "when": {"port": 80}, "times": 1}),
    ));
    talk.done(expect(json!({"on": "bind", "times": 0})));
    talk.done(expect(
        json!({"in_order": [{"on": "bind"}, {"on": "dial"}]}),
    ));
    client.call_ok(0x0D, b"");
    client.call_ok(0x03, b"\0\0\0\0\0\x02\0\x51");
    let answer = talk.ask(json!({"verb": "verify"}));
    assert_eq!(answer["ok"], false);
    assert_eq!(answer["error"], "3 expectations are not met");
    let dialled = steered.entry(|e| e["cmd"] == "dial")["seq"].clone();
    let failures = json!([
        "<scenario>:1:12: info: expected 2, got 1; nearest was dial of client 1 (entry 6): on: \
         expected info, got dial",
        "dial with port 80: expected 1, got 0; nearest was dial of client 1 (entry 6): port: \
         expected 80, got 81",
        "in_order: expected 2 steps, got 0; missing is step 1, bind; nearest was dial of client 1 \
         (entry 6): on: expected bind, got dial",
    ]);
    assert_eq!((&answer["failures"], dialled), (&failures, json!(6)));
    let control = steered.control.to_str().unwrap().to_owned();
    let (status, out, err) = mockpilot(&["ctl", "--control", &control, "verify"]);
    assert_eq!((status, &*err), (1, ""));
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), answer);

    client.call_ok(0x0D, b"");
    client.call_ok(0x01, &[0, 90]);
    client.call_ok(0x03, b"\0\0\0\0\0\x02\0\x50");
    let answer = talk.ask(json!({"verb": "verify"}));
    assert_eq!(answer["error"], "an expectation is not met");
    assert_eq!(answer["failures"], json!(["bind: expected none, got 1"]));
    assert_eq!(steered.daemon.terminate().code(), Some(3));
    assert!(
        steered
            .daemon
            .stderr()
            .contains("mockpilot: bind: expected none, got 1\n")
    );
}

#[test]
fn a_reset_takes_added_ones_away_and_begins_the_others_again() {
    let mut steered = Steered::play(&json!({"expect": [{"on": "info"}], "unexpected": "fail"}));
    let mut client = steered.settled();
    client.call_ok(0x0D, b"");
    steered.done(expect(json!({"on": "dial"})));
    let answer = steered.ask(json!({"verb": "verify"}));
    let failures = answer["failures"].as_array().unwrap().len();
    assert_eq!(failures, 2, "{answer}");
    steered.done(json!({"verb": "reset"}));
    let answer = steered.ask(json!({"verb": "verify"}));
    assert_eq!(answer["failures"].as_array().unwrap().len(), 1, "{answer}");
    client.call_ok(0x0D, b"");
    let met = steered.done(json!({"verb": "verify"}));
    assert_eq!(met, json!({"ok": true, "failures": []}));
    assert!(steered.daemon.terminate().success());
}

#[test]
fn what_came_before_counts_as_far_as_the_reset() {
    let steered = Steered::start(&[]);
    let mut client = steered.settled();
    client.call_ok(0x0D, b"");
    steered.done(json!({"verb": "reset"}));
    client.call_ok(0x0D, b"");
    steered.done(expect(json!({"on": "info", "times": 1})));
    steered.done(json!({"verb": "verify"}));
    client.call_ok(0x0D, b"");
    let answer = steered.ask(json!({"verb": "verify"}));
    assert_eq!(answer["failures"], json!(["info: expected 1, got 2"]));
}
