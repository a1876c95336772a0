//! What each kind of push does, when it goes, whom it counts, and what becomes of it when nobody can
//! take it.

use std::time::{Duration, Instant};

use crate::staged::*;
use crate::support::Client;
use serde_json::json;

#[test]
fn last_goes_back_when_the_last_one_has_ended() {
    let mut daemon = Staged::start(&json!({}));
    let mut client = daemon.client();
    let (first, second) = (dial(&mut client, 0, 2, 7), dial(&mut client, 0, 2, 7));
    let push = json!({"close": {"conn": "last"}});
    assert_eq!(daemon.push(push.clone()), 1);
    assert_eq!(client.recv(), closed(second));
    assert_eq!(daemon.push(push.clone()), 1);
    assert_eq!(client.recv(), closed(first));
    assert_eq!(daemon.push(push), 0);
}

#[test]
fn an_ended_stream_carries_nothing() {
    let mut daemon = Staged::start(&json!({}));
    let mut client = daemon.client();
    let conn = dial(&mut client, 0, 2, 7);
    assert_eq!(daemon.push(json!({"close": {"conn": conn}})), 1);
    client.send(SEND, &join(&[&id(conn), b"x"]));
    assert_eq!(client.quiet(), [closed(conn)]);
    assert_eq!(daemon.push(json!({"recv": {"conn": conn, "data": "x"}})), 0);
    // Closing it is answered once: it was over.
    assert_eq!(client.call_ok(CLOSE, &id(conn)), id(conn));
    assert_eq!(client.quiet(), []);
}

#[test]
fn a_pushed_end_reaches_both_ends_of_a_joined_stream() {
    for profile in BOTH {
        let mut daemon = Staged::start(&json!({"profile": profile, "node": {"node_id": 42}}));
        let (mut one, mut two) = (daemon.client(), daemon.client());
        bind(&mut one, 80);
        let conn = dial(&mut two, 0, 42, 80);
        let taken = one.expect(ACCEPT);
        let other = u32::from_be_bytes(taken[2..6].try_into().unwrap());
        assert_eq!(daemon.push(json!({"recv": {"conn": conn, "data": "x"}})), 1);
        assert_eq!(two.recv(), recv(conn, b"x"));
        assert_eq!(daemon.push(json!({"close": {"conn": conn}})), 1);
        assert_eq!(two.quiet(), [closed(conn)]);
        assert_eq!(one.quiet(), [closed(other)]);
    }
}

#[test]
fn an_accepted_peer_echoes_or_swallows() {
    for profile in BOTH {
        let mut daemon = Staged::start(&json!({"profile": profile}));
        let mut client = daemon.client();
        bind(&mut client, 80);
        for (service, back) in [(json!("echo"), true), (json!("discard"), false)] {
            let push = json!({"accept": {"port": 80, "service": service}});
            assert_eq!(daemon.push(push), 1);
            let taken = client.expect(ACCEPT);
            let conn = u32::from_be_bytes(taken[2..6].try_into().unwrap());
            client.send(SEND, &join(&[&id(conn), b"ping"]));
            let wanted = if back {
                vec![recv(conn, b"ping")]
            } else {
                vec![]
            };
            assert_eq!(client.quiet(), wanted);
        }
    }
}

#[test]
fn an_accept_to_one_who_has_not_bound_the_port_opens_a_stream_there() {
    let mut daemon = Staged::start(&json!({"profile": "faithful"}));
    let mut client = daemon.client();
    let push = json!({"accept": {"port": 80, "service": "echo"}, "to": 1});
    assert_eq!(daemon.push(push), 1);
    assert_eq!(client.recv(), accept(80, 1, &address(0, 1, 49152)));
    client.send(SEND, &join(&[&id(1), b"x"]));
    assert_eq!(client.quiet(), [recv(1, b"x")]);
}

#[test]
fn the_binder_is_who_has_the_port_now() {
    let mut daemon = Staged::start(&json!({}));
    let (mut one, mut two) = (daemon.client(), daemon.client());
    let push = json!({"accept": {"port": 80}});
    assert_eq!(daemon.push(push.clone()), 0);
    bind(&mut two, 80);
    assert_eq!(daemon.push(push.clone()), 1);
    two.expect(ACCEPT);
    two.call_ok(0x37, &port(80));
    bind(&mut one, 80);
    assert_eq!(daemon.push(push.clone()), 1);
    one.expect(ACCEPT);
    drop(one);
    let gone = crate::support::poll(|| (daemon.push(push.clone()) == 0).then_some(()));
    assert_eq!(gone, Some(()));
    assert_eq!(two.quiet(), []);
}

#[test]
fn pushes_wait_their_time_and_keep_their_order() {
    let push = |command: u8, after: &str| {
        let mut push = json!({"raw": {"command": command}});
        if !after.is_empty() {
            push["after"] = after.into();
        }
        push
    };
    let list = json!([
        push(0x71, "60ms"),
        push(0x72, ""),
        push(0x73, "30ms"),
        push(0x74, ""),
        push(0x75, "60ms")
    ]);
    let mut daemon = Staged::start(&json!({
        "rules": [{"on": "info", "push": list}],
    }));
    let order = |client: &mut Client| -> Vec<u8> { (0..5).map(|_| client.recv().0).collect() };
    let mut client = daemon.client();
    let before = Instant::now();
    client.call_ok(INFO, &[]);
    assert_eq!(order(&mut client), [0x72, 0x74, 0x73, 0x71, 0x75]);
    assert!(before.elapsed() >= Duration::from_millis(60));
    let before = Instant::now();
    assert_eq!(daemon.push(list), 5);
    assert_eq!(order(&mut client), [0x72, 0x74, 0x73, 0x71, 0x75]);
    assert!(before.elapsed() >= Duration::from_millis(60));
}

#[test]
fn every_kind_can_wait() {
    for profile in BOTH {
        let mut daemon = Staged::start(&json!({"profile": profile, "peers": [{"node_id": 2}]}));
        let mut client = daemon.client();
        let conn = dial(&mut client, 0, 2, 7);
        let from = "0:0000.0000.0003:9";
        let mut kinds = json!([
            {"recv_from": {"from": from, "to_port": 5, "data": "d"}},
            {"accept": {"port": 80, "from": from, "say": "s"}, "to": 1},
            {"recv": {"conn": conn, "data": "x"}},
            {"close": {"conn": conn}},
            {"raw": {"command": 1}},
            {"peer": {"node_id": 9, "does": "handshake"}},
        ]);
        for push in kinds.as_array_mut().unwrap() {
            push["after"] = "100ms".into();
        }
        let before = Instant::now();
        // Each would reach somebody, as far as that is known.
        assert_eq!(daemon.push(kinds), 6);
        let address = address(0, 3, 9);
        for wanted in [
            recv_from(&address, 5, b"d"),
            accept(80, conn + 1, &address),
            recv(conn + 1, b"s"),
            recv(conn, b"x"),
            closed(conn),
            (1, vec![]),
        ] {
            assert_eq!(client.recv(), wanted);
            assert!(before.elapsed() >= Duration::from_millis(100));
        }
        let info = client.call_json(INFO, &[]);
        assert_eq!(info["handshake_pending_count"], 1);
    }
}

#[test]
fn a_waiting_push_may_find_nobody_any_more() {
    let push = json!([{"raw": {"command": 1}, "after": "150ms"}]);
    let mut daemon = Staged::start(&json!({"rules": [{"on": "info", "push": push}]}));
    let (mut goes, mut stays) = (daemon.client(), daemon.client());
    goes.call_ok(INFO, &[]);
    drop(goes);
    let dropped = crate::support::poll(|| {
        let dropped = daemon.dropped();
        (!dropped.is_empty()).then_some(dropped)
    });
    assert_eq!(dropped, Some(vec![(Some(1), "raw".to_owned())]));
    daemon.said("push raw is dropped: nobody can take it\n", 1);
    assert_eq!(stays.quiet(), []);
}

#[test]
fn who_takes_a_waiting_push_is_chosen_when_it_goes() {
    let mut daemon = Staged::start(&json!({}));
    let push = json!({"raw": {"command": 1}, "after": "200ms"});
    // Nobody is there yet.
    assert_eq!(daemon.push(push), 0);
    let mut client = daemon.client();
    assert_eq!(client.recv(), (1, vec![]));
}

#[test]
fn data_is_what_each_form_says() {
    let mut daemon = Staged::start(&json!({}));
    let mut client = daemon.client();
    let all: Vec<u8> = (0..=255).collect();
    let hex: String = all.iter().map(|byte| format!("{byte:02X}")).collect();
    for (data, bytes) in [
        (json!(""), vec![]),
        (json!("ä\u{0}\n"), b"\xC3\xA4\0\n".to_vec()),
        (json!({"base64": "AP8Q"}), vec![0, 255, 16]),
        (json!({"base64": ""}), vec![]),
        (json!({"hex": hex}), all),
        (json!({"hex": "00fF"}), vec![0, 255]),
        (json!({"repeat": "ab", "bytes": 5}), b"ababa".to_vec()),
        (json!({"repeat": "ä", "bytes": 3}), b"\xC3\xA4\xC3".to_vec()),
        (json!({"repeat": "x", "bytes": 0}), vec![]),
    ] {
        let push = json!({"raw": {"command": 0, "data": data}});
        assert_eq!(daemon.push(push), 1);
        assert_eq!(client.recv(), (0, bytes), "{data}");
    }
}

#[test]
fn a_datagram_and_an_accept_fill_a_frame_and_no_more() {
    let mut daemon = Staged::with(&json!({}), &["--client-budget", "4MiB"]);
    let mut client = daemon.client();
    let push = |bytes: usize| {
        let data = json!({"repeat": "x", "bytes": bytes});
        json!({"recv_from": {"from": "0:0000.0000.0001:1", "to_port": 1, "data": data}})
    };
    assert_eq!(daemon.push(push(MIB - 11)), 1);
    assert_eq!(client.recv().1.len(), MIB - 1);
    let answer = daemon.ask("push", json!({"push": push(MIB - 10)}));
    let error = answer["error"].as_str().unwrap_or_default();
    assert_eq!(
        error,
        "push.recv_from.data: 1048566 bytes, expected at most 1048565"
    );
}

#[test]
fn sent_counts_clients() {
    let mut daemon = Staged::start(&json!({}));
    let mut clients: Vec<Client> = (0..3).map(|_| daemon.client()).collect();
    bind(&mut clients[0], 80);
    let raw = json!({"raw": {"command": 1}});
    let mut to_two = raw.clone();
    to_two["to"] = 2.into();
    assert_eq!(daemon.push(raw.clone()), 3);
    assert_eq!(daemon.push(to_two.clone()), 1);
    assert_eq!(daemon.push(json!([raw, to_two])), 4);
    assert_eq!(daemon.push(json!({"accept": {"port": 80}, "to": "all"})), 3);
    let peer = json!({"peer": {"node_id": 2, "does": "handshake"}});
    assert_eq!(daemon.push(peer), 1);
}

#[test]
fn what_nobody_can_take_is_dropped_with_a_warning() {
    let mut daemon = Staged::start(&json!({"profile": "faithful"}));
    let mut client = daemon.client();
    let conn = 77;
    for (push, kind) in [
        (json!({"raw": {"command": 1}, "to": 9}), "raw"),
        (json!({"raw": {"command": 1}, "to": "requester"}), "raw"),
        (
            json!({"recv_from": {"from": "0:0000.0000.0001:1", "to_port": 1, "data": "x"}, "to": "binder"}),
            "recv_from",
        ),
        (json!({"accept": {"port": 80}}), "accept"),
        (json!({"accept": {"port": 80}, "to": 2}), "accept"),
        (json!({"recv": {"conn": conn, "data": "x"}}), "recv"),
        (json!({"recv": {"conn": "last", "data": "x"}}), "recv"),
        (
            json!({"recv": {"conn": "last", "data": "x"}, "to": "all"}),
            "recv",
        ),
        (json!({"close": {"conn": conn}}), "close"),
        (json!({"close": {"conn": conn}, "to": 1}), "close"),
        (json!({"peer": {"node_id": 2, "does": "approve"}}), "peer"),
        (
            json!({"peer": {"node_id": 2, "does": "leave", "network_id": 7}}),
            "peer",
        ),
    ] {
        let before = daemon.dropped().len();
        let warning = format!("push {kind} is dropped: nobody can take it\n");
        let warned = daemon.stderr().matches(&warning).count();
        assert_eq!(daemon.push(push.clone()), 0, "{push}");
        let dropped = daemon.dropped();
        assert_eq!(dropped.len(), before + 1, "{push}");
        assert_eq!(dropped[before], (None, kind.to_owned()), "{push}");
        daemon.said(&warning, warned + 1);
    }
    assert_eq!(client.quiet(), []);
}

#[test]
fn a_dropped_push_of_a_scenario_names_its_place() {
    let scenario = r#"{"rules": [{"on": "info",
  "push": [
    {"raw": {"command": 1}, "to": 9}]}]}"#;
    let daemon = crate::support::Binary::start(&["--scenario", scenario]);
    let mut client = daemon.connect();
    client.call_ok(INFO, &[]);
    assert_eq!(client.quiet(), []);
    let line = crate::support::poll(|| {
        let said = daemon.stderr();
        said.lines()
            .find(|line| line.contains("dropped"))
            .map(str::to_owned)
    });
    let line = line.unwrap();
    let wanted = "<scenario>:3:5: push raw is dropped: nobody can take it";
    assert!(line.ends_with(wanted), "{line}");
}

#[test]
fn who_is_being_closed_takes_nothing_any_more() {
    let push = json!([
        {"raw": {"command": 1}},
        {"recv": {"conn": "last", "data": "x"}},
        {"raw": {"command": 2}, "to": "all"},
    ]);
    let rules = json!([{"on": "info", "fault": "close", "push": push}]);
    let mut daemon = Staged::start(&json!({ "rules": rules }));
    let (mut goes, mut stays) = (daemon.client(), daemon.client());
    dial(&mut goes, 0, 2, 7);
    goes.send(INFO, &[]);
    assert_eq!(stays.recv(), (2, vec![]));
    goes.recv_eof();
    let dropped = ["raw", "recv"].map(|kind| (Some(1), kind.to_owned()));
    assert_eq!(daemon.dropped(), dropped);
    let journal = daemon.told("journal", json!({"since": 0}));
    let entries = journal["entries"].as_array().unwrap().iter();
    assert_eq!(entries.filter(|entry| entry["dir"] == "push").count(), 1);
}
