//! A reset leaves nothing of before.

use std::io::{ErrorKind, Read};
use std::time::Duration;

use serde_json::{Value, json};

use crate::steered::Steered;
use crate::support::Client;

/// What has come by now.
fn at_hand(client: &Client) -> Vec<u8> {
    let mut stream = client.stream();
    stream.set_nonblocking(true).unwrap();
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        other => panic!("the client was closed: {other:?}"),
    }
    stream.set_nonblocking(false).unwrap();
    bytes
}

fn slow_rule() -> Value {
    json!({"name": "slow", "on": "resolve_hostname", "fault": {"slow": {"bytes": 4, "every": "50ms"}}})
}

/// One whose late pushes and answers come when `late` has passed.
fn scenario(late: &str) -> Value {
    json!({
        "node": {"hostname": "unit"},
        "rules": [
            {"name": "late", "on": "info", "delay": late},
            slow_rule(),
            {"name": "first", "on": "set_tags", "state": "start", "then": "second"},
            {"name": "pushing", "on": "health", "times": 1, "push": [
                {"raw": {"command": 119, "data": "late"}, "to": "all", "after": late}]},
        ],
        "timeline": [{"on": "bind", "after": late, "every": "1s",
                      "push": [{"raw": {"command": 119, "data": "timeline"}, "to": "all"}]}],
    })
}

/// Clients with streams, late answers and a slow frame under way.
struct Busy {
    listener: Client,
    dialler: Client,
    slow: Client,
}

impl Busy {
    fn connect(steered: &Steered) -> Busy {
        Busy {
            listener: steered.settled(),
            dialler: steered.settled(),
            slow: steered.settled(),
        }
    }

    /// Gives the streams of the listener and of the dialler, and what has come of the slow frame.
    fn get_busy(&mut self, steered: &Steered, late: &str) -> (Vec<u8>, Vec<u8>, [u8; 4]) {
        let mut talk = steered.talk();
        self.listener.call_ok(0x01, &[0, 80]);
        let near = self
            .dialler
            .call_ok(0x03, &[0, 0, 0x12, 0x34, 0x56, 0x78, 0, 80]);
        let far = self.listener.expect(0x05)[2..6].to_vec();
        for client in [&mut self.listener, &mut self.dialler, &mut self.slow] {
            client.send(0x0D, b"");
            assert_eq!(client.quiet(), []);
        }
        self.listener.call_ok(0x13, b"renamed");
        self.listener.call_ok(0x19, b"[\"a\"]");
        let push = json!([
            {"raw": {"command": 119, "data": "pushed"}, "to": "all", "after": late},
            {"recv": {"conn": "last", "data": "late"}, "to": 1, "after": late},
        ]);
        talk.done(json!({"verb": "push", "push": push}));
        let added = json!({"name": "added", "on": "*", "error": "added"});
        talk.done(json!({"verb": "expect", "expect": {"on": "rotate_key"}}));
        self.slow.send(0x11, b"beta");
        let mut begun = [0; 4];
        self.slow.stream().read_exact(&mut begun).unwrap();
        talk.done(json!({"verb": "rule_add", "rule": added}));
        (far, near, begun)
    }

    fn all(&mut self) -> [&mut Client; 3] {
        [&mut self.listener, &mut self.dialler, &mut self.slow]
    }
}

#[test]
fn a_hundred_resets_leave_nothing() {
    let steered = Steered::play(&scenario("1h"));
    let mut busy = Busy::connect(&steered);
    steered.done(json!({"verb": "reset"}));
    let fresh = steered.done(json!({"verb": "state"}))["state"].clone();
    let mut talk = steered.talk();
    for round in 0..100 {
        let (far, near, begun) = busy.get_busy(&steered, "1h");
        talk.done(json!({"verb": "reset"}));
        // Each stream's owner has its end by now, and nothing else; a frame that has begun is whole.
        assert_eq!(
            at_hand(&busy.listener),
            Client::frame(0x09, &far),
            "round {round}"
        );
        assert_eq!(
            at_hand(&busy.dialler),
            Client::frame(0x09, &near),
            "round {round}"
        );
        let rest = at_hand(&busy.slow);
        assert_eq!(
            rest.len(),
            u32::from_be_bytes(begun) as usize,
            "round {round}"
        );
        assert_eq!(rest[0], 0x12);
        // Nothing of before is counted or there.
        let rules = talk.done(json!({"verb": "rules"}))["rules"].clone();
        let names = ["late", "slow", "first", "pushing"];
        assert_eq!(rules.as_array().unwrap().len(), names.len(), "{rules}");
        for (row, name) in names.into_iter().enumerate() {
            assert_eq!(rules[row]["name"], name);
            assert_eq!(
                (&rules[row]["matched"], &rules[row]["applied"]),
                (&json!(0), &json!(0))
            );
        }
        talk.done(json!({"verb": "verify"}));
        let seen = json!({"verb": "await", "on": "*", "timeout": "1ms"});
        assert_eq!(talk.ask(seen)["nearest"], Value::Null);
        let mut state = talk.done(json!({"verb": "state"}))["state"].clone();
        same_but_for_time(&mut state, &fresh);
        assert_eq!(state, fresh, "round {round}");
        for client in busy.all() {
            assert_eq!(client.quiet(), [], "round {round}");
        }
    }
}

#[test]
fn what_was_to_come_later_does_not() {
    let steered = Steered::play(&scenario("2s"));
    let mut busy = Busy::connect(&steered);
    busy.get_busy(&steered, "2s");
    steered.done(json!({"verb": "reset"}));
    for client in busy.all() {
        at_hand(client);
    }
    let silence = Duration::from_millis(2500);
    assert_eq!(busy.listener.try_recv(silence), None);
    for client in busy.all() {
        assert_eq!(client.quiet(), []);
    }
}

/// Takes over what counts the time.
fn same_but_for_time(state: &mut Value, fresh: &Value) {
    for (key, value) in state.as_object_mut().unwrap() {
        if key.contains("uptime") {
            *value = fresh[key].clone();
        }
    }
}

#[test]
fn the_timeline_begins_again() {
    let steered = Steered::play(&json!({"timeline": [
        {"at": "200ms", "push": [{"raw": {"command": 119, "data": "tick"}, "to": "all"}]},
    ]}));
    let mut client = steered.settled();
    // At the start its moment may have gone by before the client came.
    steered.done(json!({"verb": "reset"}));
    assert_eq!(client.expect(0x77), b"tick");
    let begun = std::time::Instant::now();
    steered.done(json!({"verb": "reset"}));
    assert_eq!(client.expect(0x77), b"tick");
    assert!(begun.elapsed() >= Duration::from_millis(200));
}

#[test]
fn a_stalled_client_is_read_again() {
    let steered = Steered::play(&json!({"rules": [{"on": "info", "fault": {"stall": "1m"}}]}));
    let mut client = steered.settled();
    client.call_ok(0x0D, b"");
    client.send(0x21, b"");
    steered.done(json!({"verb": "reset"}));
    client.expect(0x22);
}

/// What was to become of its arrival is forgotten.
#[test]
fn a_client_that_waits_to_be_turned_away_is_let_in() {
    for fault in ["refuse", "reset", "close"] {
        let rule = json!({"on": "connect", "client": 1, "delay": "1h", "fault": fault});
        let steered = Steered::play(&json!({"rules": [rule]}));
        let mut client = steered.connect();
        client.send(0x21, b"");
        steered.entry(|e| e["event"] == "connect" && e["client"] == 1);
        steered.done(json!({"verb": "reset"}));
        client.expect(0x22);
        steered.done(json!({"verb": "drop", "client": 1}));
        client.recv_eof();
    }
}

#[test]
fn stream_ids_and_pending_dials_begin_again() {
    let peers = json!([{"node_id": 2, "hostname": "beta", "services": {"98": "hang"}}]);
    let steered = Steered::play(&json!({"peers": peers, "dial_timeout": "1m"}));
    let mut client = steered.settled();
    assert_eq!(client.call_ok(0x03, b"\0\0\0\0\0\x02\0\x07"), [0, 0, 0, 1]);
    client.send(0x03, b"\0\0\0\0\0\x02\0\x62");
    client.quiet();
    steered.done(json!({"verb": "reset"}));
    assert_eq!(at_hand(&client), Client::frame(0x09, &[0, 0, 0, 1]));
    assert_eq!(client.call_ok(0x03, b"\0\0\0\0\0\x02\0\x07"), [0, 0, 0, 1]);
    assert_eq!(client.quiet(), []);
}
