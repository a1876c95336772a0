//! Every event, and every reason of a disconnect.

use std::time::Duration;

use serde_json::{Value, json};

use super::steered::{Steered, values};
use super::support::poll;

/// Events without what differs from run to run.
fn events(entries: &[Value]) -> Vec<Value> {
    let events = entries.iter().filter(|entry| entry["dir"] == "event");
    let bare = events.map(|entry| {
        let mut bare = entry.as_object().unwrap().clone();
        bare.retain(|key, _| !matches!(key.as_str(), "seq" | "t_us" | "dir"));
        Value::Object(bare)
    });
    bare.collect()
}

/// Waits until client 1 has gone, and gives its events.
fn life(steered: &Steered) -> Vec<Value> {
    steered.entry(|e| e["event"] == "disconnect" && e["client"] == 1);
    let mut all = events(&steered.entries(0));
    all.retain(|e| e["client"] == 1);
    all
}

#[test]
fn a_client_comes_and_goes() {
    let steered = Steered::start(&[]);
    drop(steered.settled());
    let wanted = [
        json!({"client": 1, "event": "connect"}),
        json!({"client": 1, "event": "disconnect", "reason": "eof"}),
    ];
    assert_eq!(life(&steered), wanted);
}

#[test]
fn a_frame_that_is_cut_or_too_long() {
    for (bytes, more, reason) in [
        (&[0, 0][..], None, "cut_frame"),
        (&[0, 0, 0, 9, 3, 0], None, "cut_frame"),
        (
            &[0, 0x10, 0, 1],
            Some(json!({"client": 1, "event": "over_limit", "length": 0x10_0001})),
            "over_limit",
        ),
        (
            &[0xFF; 4],
            Some(json!({"client": 1, "event": "over_limit", "length": u32::MAX})),
            "over_limit",
        ),
    ] {
        let steered = Steered::start(&[]);
        let mut client = steered.settled();
        client.send_raw(bytes);
        client.shutdown_write();
        client.recv_eof();
        let mut wanted = vec![json!({"client": 1, "event": "connect"})];
        wanted.extend(more);
        wanted.push(json!({"client": 1, "event": "disconnect", "reason": reason}));
        assert_eq!(life(&steered), wanted);
    }
}

#[test]
fn a_client_that_takes_nothing_times_out() {
    let steered = Steered::start(&["--write-timeout", "100ms"]);
    let mut client = steered.settled();
    let push = json!({"raw": {"command": 12, "data": {"repeat": "x", "bytes": 900_000}}});
    let sent = steered.done(json!({"verb": "push", "push": push}));
    assert_eq!(sent["sent"], 1);
    let gone = &life(&steered)[1];
    assert_eq!(
        *gone,
        json!({"client": 1, "event": "disconnect", "reason": "timeout"})
    );
    // What the kernel had taken is there; nothing else is.
    client.send_raw(&[]);
}

#[test]
fn a_client_that_is_dropped() {
    let steered = Steered::start(&[]);
    let mut client = steered.settled();
    steered.done(json!({"verb": "drop", "client": 1}));
    client.recv_eof();
    let gone = &life(&steered)[1];
    assert_eq!(
        *gone,
        json!({"client": 1, "event": "disconnect", "reason": "drop"})
    );
}

#[test]
fn the_end_is_an_event_and_ends_every_client() {
    for by_control in [false, true] {
        let mut steered = Steered::start(&["--journal", "j"]);
        let (mut first, mut second) = (steered.settled(), steered.settled());
        // One of them is inside a frame.
        second.send_raw(&[0, 0, 0, 9, 3]);
        second = {
            let mut third = steered.settled();
            third.send(0x2B, b"");
            drop(third);
            second
        };
        steered.entry(|e| e["event"] == "disconnect" && e["client"] == 3);
        match by_control {
            true => assert_eq!(steered.ask(json!({"verb": "stop"}))["ok"], true),
            false => steered.daemon.signal("TERM"),
        }
        assert!(steered.daemon.wait().success());
        first.recv_eof();
        second.recv_eof();
        let text = std::fs::read_to_string(steered.journal()).unwrap();
        let all = events(&values(&text));
        let stops: Vec<_> = all.iter().filter(|e| e["event"] == "stop").collect();
        assert_eq!(stops, [&json!({"event": "stop"})]);
        let stop = all.iter().position(|e| e["event"] == "stop").unwrap();
        for client in [1, 2] {
            let gone = json!({"client": client, "event": "disconnect", "reason": "stop"});
            assert_eq!(
                all[stop..].iter().filter(|e| **e == gone).count(),
                1,
                "{all:#?}"
            );
        }
    }
}

#[test]
fn a_client_that_is_stopped_leaves_after_its_last_frame() {
    let mut steered = Steered::start(&["--journal", "j"]);
    let mut client = steered.connect();
    client.call_ok(0x03, &[0, 0, 0, 0, 0, 2, 0, 7]);
    steered.daemon.signal("TERM");
    assert_eq!(client.expect(0x09), [0, 0, 0, 1]);
    client.recv_eof();
    assert!(steered.daemon.wait().success());
    let all = values(&std::fs::read_to_string(steered.journal()).unwrap());
    let what = |entry: &Value| entry.get("cmd").unwrap_or(&entry["event"]).clone();
    let last: Vec<Value> = all[all.len() - 3..].iter().map(what).collect();
    assert_eq!(last, ["stop", "close_ok", "disconnect"]);
}

#[test]
fn every_fault_is_an_event() {
    for (fault, on, name, gone) in [
        (json!("no_reply"), "info", "no_reply", None),
        (json!("close"), "info", "close", Some("fault")),
        (json!({"truncate": 3}), "info", "truncate", Some("fault")),
        (
            json!({"slow": {"bytes": 64, "every": "1ms"}}),
            "info",
            "slow",
            None,
        ),
        (json!({"length": 3}), "info", "length", None),
        (json!({"command": 3}), "info", "command", None),
        (json!("duplicate"), "info", "duplicate", None),
        (json!("garbage"), "info", "garbage", None),
        (json!({"stall": "1ms"}), "info", "stall", None),
        (json!("reset"), "connect", "reset", Some("fault")),
        (json!("refuse"), "connect", "refuse", Some("fault")),
    ] {
        let rule = json!({"name": "r", "on": on, "fault": fault});
        let steered = Steered::play(&json!({"rules": [rule]}));
        let mut client = steered.connect();
        if on == "info" {
            client.send(0x0D, b"");
        } else {
            // It may be gone by now.
            let _ = std::io::Write::write_all(&mut client.stream(), &[0, 0, 0, 1, 0x0D]);
        }
        steered.entry(|e| e["event"] == "fault");
        if gone.is_some() {
            life(&steered);
        }
        let mut all = events(&steered.entries(0)).into_iter();
        let come = match on {
            "connect" => json!({"client": 1, "event": "connect", "rule": "r"}),
            _ => json!({"client": 1, "event": "connect"}),
        };
        assert_eq!(all.next(), Some(come), "{name}");
        let spoilt = json!({"client": 1, "event": "fault", "fault": name, "rule": "r"});
        assert_eq!(all.next(), Some(spoilt));
        let end = gone.map(|why| json!({"client": 1, "event": "disconnect", "reason": why}));
        assert_eq!(all.next(), end, "{name}");
    }
}

#[test]
fn what_is_malformed_dropped_or_reset() {
    let steered = Steered::start(&["--client-budget", "100000"]);
    let mut client = steered.settled();
    client.error_text(0x01, b"\0");
    client.send(0x0B, b"\0");
    client.quiet();
    let nobody = json!({"recv": {"conn": 77, "data": "x"}});
    let sent = steered.done(json!({"verb": "push", "push": nobody}));
    assert_eq!(sent["sent"], 0);
    steered.done(json!({"verb": "reset"}));
    let wanted = [
        json!({"client": 1, "event": "connect"}),
        json!({"client": 1, "event": "malformed", "text": "bind: missing port"}),
        json!({"client": 1, "event": "malformed", "text": "sendto: missing header"}),
        json!({"event": "dropped", "what": "recv"}),
        json!({"event": "reset"}),
    ];
    assert_eq!(events(&steered.entries(0)), wanted);

    // Datagrams to one who does not read.
    let mut sender = steered.settled();
    let datagram = [b"\0\0\0\0\0\x02\0\x50".as_slice(), &[b'x'; 60_000]].concat();
    let dropped = poll(|| {
        sender.send(0x0B, &datagram);
        sender.quiet();
        let all = steered.entries(0);
        all.into_iter()
            .rfind(|e| e["event"] == "dropped" && e["client"] == 1)
    });
    assert_eq!(dropped.unwrap()["what"], "recv_from");
    drop(client);
}

#[test]
fn an_entry_is_there_long_before_its_reply() {
    let rules = json!({"rules": [{"name": "late", "on": "info", "delay": "10s"}]});
    let steered = Steered::play(&rules);
    let mut client = steered.settled();
    let journal = steered.journal();
    let mut took = Vec::new();
    for round in 1..=20 {
        let begun = std::time::Instant::now();
        client.send(0x0D, b"");
        let seen = poll(|| {
            let text = std::fs::read_to_string(&journal).unwrap();
            (text.matches("\"rule\":\"late\"}\n").count() == round).then_some(())
        });
        assert!(seen.is_some());
        took.push(begun.elapsed());
    }
    assert_eq!(client.try_recv(Duration::from_millis(1)), None);
    took.sort();
    assert!(took[10] < Duration::from_secs(2), "{took:?}");
    eprintln!(
        "an entry is in the file after {:?} (median of 20)",
        took[10]
    );
}
