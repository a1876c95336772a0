//! Pushes that come by themselves: when the first one comes, how often, and when they end.

mod staged;
mod support;

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use staged::*;
use support::{Binary, Client};

fn raw(command: u8) -> Value {
    json!([{"raw": {"command": command}}])
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Everything that comes to a client before a frame that is pushed so much later.
fn within(daemon: &mut Staged, client: &mut Client, number: u64, after: &str) -> Vec<u8> {
    let marker = json!({"raw": {"command": 0xEE}, "to": number, "after": after});
    assert_eq!(daemon.push(marker), 1);
    let mut frames = Vec::new();
    loop {
        match client.recv().0 {
            0xEE => return frames,
            command => frames.push(command),
        }
    }
}

#[test]
fn the_first_push_comes_at_its_time_and_once() {
    let before = Instant::now();
    let mut daemon = Staged::start(&json!({"timeline": [{"at": "400ms", "push": raw(1)}]}));
    let mut client = daemon.client();
    assert_eq!(client.recv(), (1, vec![]));
    assert!(before.elapsed() >= ms(400), "{:?}", before.elapsed());
    assert!(within(&mut daemon, &mut client, 1, "200ms").is_empty());
}

#[test]
fn a_series_comes_so_often_and_so_far_apart() {
    let series = json!({"at": "300ms", "every": "50ms", "count": 4, "push": raw(1)});
    let before = Instant::now();
    let mut daemon = Staged::start(&json!({"timeline": [series]}));
    let mut client = daemon.client();
    for round in 0..4 {
        assert_eq!(client.recv(), (1, vec![]));
        assert!(before.elapsed() >= ms(300 + 50 * round));
    }
    assert!(within(&mut daemon, &mut client, 1, "200ms").is_empty());
}

#[test]
fn without_a_count_it_never_ends() {
    let series = json!({"at": "0ms", "every": "5ms", "push": raw(1)});
    let mut daemon = Staged::start(&json!({"timeline": [series]}));
    let mut first = daemon.connect();
    for _ in 0..50 {
        assert_eq!(first.recv(), (1, vec![]));
    }
    drop(first);
    // It goes on without anybody, and for whoever comes later.
    let alone = support::poll(|| (!daemon.dropped().is_empty()).then_some(()));
    assert_eq!(alone, Some(()));
    let mut second = daemon.connect();
    for _ in 0..50 {
        assert_eq!(second.recv(), (1, vec![]));
    }
}

#[test]
fn a_request_sets_it_off_after_its_time_each_time() {
    for profile in BOTH {
        let mut daemon = Staged::start(&json!({
            "profile": profile,
            "timeline": [{"on": "bind", "when": {"port": 80}, "after": "50ms", "push": raw(1)}],
        }));
        let (mut one, mut other) = (daemon.client(), daemon.client());
        let before = Instant::now();
        bind(&mut one, 80);
        assert_eq!(one.recv(), (1, vec![]));
        assert!(before.elapsed() >= ms(50));
        one.call_ok(0x37, &port(80));
        bind(&mut one, 81);
        assert!(within(&mut daemon, &mut one, 1, "150ms").is_empty());
        // Each client has its own, and a refused request is one too.
        bind(&mut other, 80);
        one.error_text(BIND, &port(80));
        assert_eq!(other.recv(), (1, vec![]));
        assert_eq!(one.recv(), (1, vec![]));
    }
}

#[test]
fn every_and_count_go_from_each_request() {
    let series = json!({
        "on": "info", "after": "20ms", "every": "20ms", "count": 3, "push": raw(1),
    });
    let mut daemon = Staged::start(&json!({"timeline": [series]}));
    let mut client = daemon.client();
    let before = Instant::now();
    client.call_ok(INFO, &[]);
    for round in 1..=3 {
        assert_eq!(client.recv(), (1, vec![]));
        assert!(before.elapsed() >= ms(20 * round));
    }
    client.send_raw(&Client::frame(INFO, &[]).repeat(2));
    let mut seen = vec![client.recv().0, client.recv().0];
    seen.extend(within(&mut daemon, &mut client, 1, "300ms"));
    seen.sort_unstable();
    assert_eq!(seen, [1, 1, 1, 1, 1, 1, INFO + 1, INFO + 1]);
}

#[test]
fn an_arrival_sets_it_off() {
    let daemon = Staged::start(&json!({"timeline": [
        {"on": "connect", "push": [{"raw": {"command": 1}}]},
        {"on": "connect", "after": "30ms", "push": [{"raw": {"command": 2}}]},
    ]}));
    for _ in 0..3 {
        let before = Instant::now();
        let mut client = daemon.connect();
        assert_eq!(client.recv(), (1, vec![]));
        assert_eq!(client.recv(), (2, vec![]));
        assert!(before.elapsed() >= ms(30));
    }
}

#[test]
fn several_commands_set_it_off_and_all_of_it_is_pushed_in_order() {
    let push = json!([
        {"raw": {"command": 1}},
        {"raw": {"command": 2}, "after": "30ms"},
        {"raw": {"command": 3}},
    ]);
    let mut daemon = Staged::start(&json!({"timeline": [
        {"on": ["info", "handshake"], "push": push},
        {"on": "info", "push": raw(4)},
    ]}));
    let mut client = daemon.client();
    client.call_ok(INFO, &[]);
    let order: Vec<u8> = (0..4).map(|_| client.recv().0).collect();
    assert_eq!(order, [1, 3, 4, 2]);
    client.call_ok(HANDSHAKE, &[4]);
    assert_eq!(within(&mut daemon, &mut client, 1, "150ms"), [1, 3, 2]);
}

#[test]
fn a_series_ends_with_the_client_that_set_it_off() {
    let mut daemon = Staged::start(&json!({"timeline": [
        {"on": "bind", "every": "2ms", "push": [
            {"raw": {"command": 1}, "to": 1}, {"raw": {"command": 2}},
        ]},
    ]}));
    let (mut stays, mut goes) = (daemon.client(), daemon.client());
    bind(&mut goes, 80);
    for _ in 0..20 {
        assert_eq!(stays.recv(), (1, vec![]));
        assert_eq!(goes.recv(), (2, vec![]));
    }
    drop(goes);
    let gone = support::poll(|| {
        let clients = daemon.told("clients", json!({}))["clients"].clone();
        (clients.as_array().unwrap().len() == 1).then_some(())
    });
    assert_eq!(gone, Some(()));
    stays.quiet();
    assert!(within(&mut daemon, &mut stays, 1, "100ms").is_empty());
    // It ended without a word, and not with pushes for nobody.
    let late = daemon.dropped();
    assert_eq!(late, []);
}

#[test]
fn nothing_comes_after_the_end_has_begun() {
    for profile in BOTH {
        let scenario = json!({"profile": profile, "timeline": [
            {"at": "0ms", "every": "1ms", "push": raw(1)},
            {"on": "info", "after": "5s", "push": raw(2)},
        ]});
        let text = scenario.to_string();
        let mut daemon = Binary::start(&["--scenario", &text, "--journal", "j"]);
        let mut client = daemon.connect();
        client.send(INFO, &[]);
        for _ in 0..50 {
            client.recv();
        }
        let before = Instant::now();
        assert!(daemon.terminate().success(), "{}", daemon.report());
        assert!(before.elapsed() < Duration::from_secs(4));
        while let support::Received::Frame(command, _) = client.receive(before + support::DEADLINE)
        {
            assert!([1, INFO + 1].contains(&command));
        }
        client.recv_eof();
        let journal = fs::read_to_string(daemon.directory().join("j")).unwrap();
        let entries: Vec<Value> = journal
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let stop = entries.iter().position(|entry| entry["event"] == "stop");
        let late = &entries[stop.unwrap()..];
        assert!(late.iter().all(|entry| entry["dir"] == "event"), "{late:?}");
    }
}

#[test]
fn a_reset_starts_it_again() {
    let series = json!({"at": "100ms", "every": "10ms", "count": 2, "push": raw(1)});
    let mut daemon = Staged::start(&json!({"timeline": [series]}));
    let mut client = daemon.client();
    for _ in 0..2 {
        assert_eq!(client.recv(), (1, vec![]));
    }
    let before = Instant::now();
    daemon.told("reset", json!({}));
    for _ in 0..2 {
        assert_eq!(client.recv(), (1, vec![]));
        assert!(before.elapsed() >= ms(100));
    }
    assert!(within(&mut daemon, &mut client, 1, "100ms").is_empty());
}

#[test]
fn the_world_may_change_by_the_clock() {
    for profile in BOTH {
        let daemon = Staged::start(&json!({
            "profile": profile, "clock": 1_800_000_000,
            "timeline": [{"at": "300ms", "push": [
                {"peer": {"node_id": 9, "does": "handshake", "justification": "it is time"}},
            ]}],
        }));
        let mut client = daemon.client();
        let pending = support::poll(|| {
            let body = client.call_json(HANDSHAKE, &[4]);
            let list = body["pending"].as_array().unwrap().clone();
            list.first().cloned()
        });
        let pending = pending.unwrap();
        assert_eq!(pending["node_id"], 9);
        assert_eq!(pending["justification"], "it is time");
        assert_eq!(pending["received_at"], 1_800_000_000);
    }
}
