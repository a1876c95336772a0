//! The keys of a scenario's world: what each changes on the wire, in both profiles.

mod staged;
mod support;

#[path = "world/networks.rs"]
mod networks;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use staged::*;
use support::{Binary, Client};

const CLOCK: u64 = 1_800_000_000;

fn broadcast(token: &str) -> Vec<u8> {
    let length = port(token.len() as u16);
    join(&[&port(7), &port(80), &length, token.as_bytes(), b"data"])
}

fn send(client: &mut Client, conn: u32, data: &[u8]) {
    client.send(SEND, &join(&[&id(conn), data]));
}

#[test]
fn the_node() {
    for profile in BOTH {
        let mut daemon = Staged::start(&json!({
            "profile": profile,
            "node": {"node_id": 42, "hostname": "unit", "tags": ["ci", "#web"], "public": false},
        }));
        let mut client = daemon.client();
        let info = client.call_json(INFO, &[]);
        assert_eq!(info["node_id"], 42);
        assert_eq!(info["hostname"], "unit");
        assert_eq!(info["address"], "0:0000.0000.002A");
        let own = client.call_json(RESOLVE, b"unit");
        assert_eq!(own["node_id"], 42);
        assert_eq!(own["public"], false);
        let state = daemon.told("state", json!({}))["state"].clone();
        assert_eq!(state["tags"], json!(["ci", "web"]));
        let mut daemon = Staged::start(&json!({"profile": profile, "node": {"hostname": ""}}));
        let info = daemon.client().call_json(INFO, &[]);
        assert_eq!(info["hostname"], "");
        assert_eq!(info["node_id"], 0x1234_5678);
        let state = daemon.told("state", json!({}))["state"].clone();
        assert_eq!(state["tags"], json!([]));
    }
}

#[test]
fn the_admin_token() {
    let denied = "broadcast: broadcast denied: invalid admin token";
    for profile in BOTH {
        for set in [true, false] {
            let mut scenario = json!({
                "profile": profile,
                "networks": [{"id": 7, "members": [0x1234_5678]}],
            });
            if set {
                scenario["node"] = json!({"admin_token": "s3cret"});
            }
            let daemon = Staged::start(&scenario);
            let mut client = daemon.client();
            let other = if set || profile == "faithful" {
                assert_eq!(client.error_text(0x29, &broadcast("other")), denied);
                "s3cret"
            } else {
                "other"
            };
            assert_eq!(client.error_text(0x29, &broadcast("")), denied);
            if set || profile == "lenient" {
                assert!(client.call_ok(0x29, &broadcast(other)).is_empty());
            }
        }
    }
}

/// A peer with every service.
fn served(profile: &str) -> Value {
    json!({
        "profile": profile, "dial_timeout": "150ms",
        "peers": [{"node_id": 2, "hostname": "beta", "services": {
            "80": "echo", "9": "discard", "13": {"say": "hello\n"},
            "14": {"say": {"hex": "00ff"}}, "99": "refuse", "98": "hang",
        }}],
    })
}

#[test]
fn services_of_a_peer() {
    for profile in BOTH {
        let daemon = Staged::start(&served(profile));
        let mut client = daemon.client();
        let conn = dial(&mut client, 0, 2, 80);
        send(&mut client, conn, b"ping");
        assert_eq!(client.recv(), recv(conn, b"ping"));
        let conn = dial(&mut client, 0, 2, 9);
        send(&mut client, conn, b"ping");
        assert_eq!(client.quiet(), []);
        for (port, said) in [(13, &b"hello\n"[..]), (14, &[0, 255])] {
            let conn = dial(&mut client, 0, 2, port);
            assert_eq!(client.recv(), recv(conn, said));
            send(&mut client, conn, b"ping");
            assert_eq!(client.quiet(), []);
        }
        let text = client.error_text(DIAL, &address(0, 2, 99));
        assert_eq!(text, "connection refused");
        let before = Instant::now();
        let text = client.error_text(DIAL, &address(0, 2, 98));
        assert_eq!(text, "dial timeout");
        assert!(before.elapsed() >= Duration::from_millis(150));
        // The built-in services stay.
        for port in [7, 1001, 1002] {
            dial(&mut client, 0, 2, port);
        }
        if profile == "lenient" {
            let conn = dial(&mut client, 0, 2, 81);
            send(&mut client, conn, b"ping");
            assert_eq!(client.recv(), recv(conn, b"ping"));
        } else {
            let text = client.error_text(DIAL, &address(0, 2, 81));
            assert_eq!(text, "connection refused");
        }
    }
}

#[test]
fn a_bound_port_comes_before_a_service_and_behind_refuse_and_hang() {
    let daemon = Staged::start(&served("lenient"));
    let (mut client, mut listener) = (daemon.client(), daemon.client());
    for port in [80, 99, 98] {
        bind(&mut listener, port);
    }
    dial(&mut client, 0, 2, 80);
    listener.expect(ACCEPT);
    for (port, text) in [(99, "connection refused"), (98, "dial timeout")] {
        assert_eq!(client.error_text(DIAL, &address(0, 2, port)), text);
    }
    assert_eq!(listener.quiet(), []);
    // In the faithful profile a bound port is at the own node only.
    let daemon = Staged::start(&served("faithful"));
    let (mut client, mut listener) = (daemon.client(), daemon.client());
    bind(&mut listener, 80);
    let conn = dial(&mut client, 0, 2, 80);
    send(&mut client, conn, b"ping");
    assert_eq!(client.recv(), recv(conn, b"ping"));
    assert_eq!(listener.quiet(), []);
    dial(&mut client, 0, 0x1234_5678, 80);
    listener.expect(ACCEPT);
}

#[test]
fn latency_delays_what_a_peer_answers() {
    const LATENCY: Duration = Duration::from_millis(80);
    for profile in BOTH {
        let mut scenario = served(profile);
        scenario["peers"][0]["latency"] = "80ms".into();
        let peers = scenario["peers"].as_array_mut().unwrap();
        peers.push(json!({"node_id": 3}));
        let mut daemon = Staged::start(&scenario);
        let mut client = daemon.client();
        let timed = |client: &mut Client, act: &mut dyn FnMut(&mut Client)| {
            let before = Instant::now();
            act(client);
            assert!(before.elapsed() >= LATENCY, "{:?}", before.elapsed());
        };
        let mut conn = 0;
        timed(&mut client, &mut |client| conn = dial(client, 0, 2, 80));
        timed(&mut client, &mut |client| {
            send(client, conn, b"ping");
            assert_eq!(client.recv(), recv(conn, b"ping"));
        });
        // Where nothing is configured, the faithful peer is who refuses.
        let refusing: &[u16] = match profile {
            "faithful" => &[99, 81, 0],
            _ => &[99],
        };
        for port in refusing {
            timed(&mut client, &mut |client| {
                client.error_text(DIAL, &address(0, 2, *port));
            });
        }
        timed(&mut client, &mut |client| {
            client.send(DIAL, &address(0, 2, 13));
            // Nothing else waits for it.
            client.call_ok(INFO, &[]);
            client.expect(DIAL + 1);
            client.expect(RECV);
        });
        // What a peer that was pushed says takes its time too.
        bind(&mut client, 5000);
        let push = json!({"accept": {"port": 5000, "from": "0:0000.0000.0002:1", "say": "hi"}});
        timed(&mut client, &mut |client| {
            assert_eq!(daemon.push(push.clone()), 1);
            client.expect(ACCEPT);
            client.expect(RECV);
        });
        // Another peer has none: its answer comes with the request's own turn.
        client.send(DIAL, &address(0, 3, 7));
        let conn = u32::from_be_bytes(client.expect(DIAL + 1).try_into().unwrap());
        send(&mut client, conn, b"x");
        assert_eq!(client.quiet(), [recv(conn, b"x")]);
    }
}

#[test]
fn a_dial_that_hangs_ends_after_two_seconds_by_default() {
    let daemon = Staged::start(&json!({"peers": [{"node_id": 2, "services": {"98": "hang"}}]}));
    let mut client = daemon.client();
    let before = Instant::now();
    let text = client.error_text(DIAL, &address(0, 2, 98));
    assert_eq!(text, "dial timeout");
    assert!(before.elapsed() >= Duration::from_secs(2));
}

fn trusted(client: &mut Client) -> Vec<u64> {
    let body = client.call_json(HANDSHAKE, &[5]);
    let rows = body["trusted"].as_array().unwrap().iter();
    rows.map(|row| row["node_id"].as_u64().unwrap()).collect()
}

#[test]
fn visibility_and_trust_of_peers() {
    for profile in BOTH {
        let daemon = Staged::start(&json!({"profile": profile, "peers": [
            {"node_id": 2, "hostname": "plain"},
            {"node_id": 3, "hostname": "hidden", "public": false},
            {"node_id": 4, "hostname": "friend", "public": false, "trusted": true},
            {"node_id": 5, "hostname": "stranger", "trusted": false},
        ]}));
        let mut client = daemon.client();
        for (name, node, public) in [
            ("plain", 2, true),
            ("hidden", 3, false),
            ("friend", 4, false),
            ("stranger", 5, true),
        ] {
            let body = client.call_json(RESOLVE, name.as_bytes());
            assert_eq!(body["node_id"], node);
            assert_eq!(body["public"], public);
            assert_eq!(body["hostname"], name);
        }
        let lenient = profile == "lenient";
        let wanted = if lenient { vec![2, 3, 4] } else { vec![4] };
        assert_eq!(trusted(&mut client), wanted);
        for node in 2..6 {
            let wait = join(&[&[7], &id(node), &id(0)]);
            let body = client.call_json(HANDSHAKE, &wait);
            assert_eq!(body["trusted"], wanted.contains(&u64::from(node)));
        }
        for node in [2, 4, 5] {
            dial(&mut client, 0, node, 7);
        }
        if lenient {
            dial(&mut client, 0, 3, 7);
        } else {
            let text = client.error_text(DIAL, &address(0, 3, 7));
            assert_eq!(text, "resolve node 3: registry: node 3: node not found");
        }
        // Names and nodes that are not listed.
        if lenient {
            assert_eq!(client.call_json(RESOLVE, b"other")["hostname"], "other");
            dial(&mut client, 0, 77, 7);
        } else {
            let text = client.error_text(RESOLVE, b"other");
            let wanted = "resolve_hostname: registry: hostname \"other\" not found";
            assert_eq!(text, wanted);
            let text = client.error_text(DIAL, &address(0, 77, 7));
            assert_eq!(text, "resolve node 77: registry: node 77: node not found");
        }
    }
}

#[test]
fn requests_and_invitations_that_wait() {
    for profile in BOTH {
        let daemon = Staged::start(&json!({
            "profile": profile, "clock": CLOCK,
            "networks": [{"id": 7, "enterprise": true}],
            "pending": [{"node_id": 9, "justification": "hi"}, {"node_id": 10}],
            "invites": [{"network_id": 7, "inviter_id": 2}],
        }));
        let mut client = daemon.client();
        let body = client.call_json(HANDSHAKE, &[4]);
        let rows = body["pending"].as_array().unwrap();
        let row = |row: &Value| {
            assert_eq!(row["received_at"], CLOCK);
            (row["node_id"].clone(), row["justification"].clone())
        };
        let got: Vec<_> = rows.iter().map(row).collect();
        assert_eq!(got, [(json!(9), json!("hi")), (json!(10), json!(""))]);
        let info = client.call_json(INFO, &[]);
        assert_eq!(info["handshake_pending_count"], 2);
        let body = client.call_json(NETWORK, &[6]);
        let wanted = json!([{"inviter_id": 2, "network_id": 7, "timestamp": CLOCK}]);
        assert_eq!(body["invites"], wanted);
        client.call_json(HANDSHAKE, &join(&[&[2], &id(9)]));
        assert!(trusted(&mut client).contains(&9));
        client.call_json(NETWORK, b"\x07\0\x07\x01");
        assert_eq!(client.call_json(NETWORK, &[6])["invites"], json!([]));
    }
}

#[test]
fn time_stands_still_with_a_clock_and_not_without() {
    for profile in BOTH {
        let daemon = Staged::start(&json!({"profile": profile, "clock": CLOCK}));
        let mut client = daemon.client();
        let sign = br#"{"audience":"svc","body_b64":"aGk="}"#;
        let second = |client: &mut Client| -> u64 {
            let body = client.call_json(0x33, sign);
            let envelope = body["envelope"].as_str().unwrap();
            envelope.split('|').nth(2).unwrap().parse().unwrap()
        };
        assert_eq!(second(&mut client), CLOCK);
        assert_eq!(client.call_json(INFO, &[])["uptime_secs"], 0);
        assert_eq!(client.call_json(0x21, &[])["uptime_seconds"], 0);
        let list = client.call_json(NETWORK, &[1]);
        assert_eq!(list["networks"][0]["created"], CLOCK);
        let daemon = Staged::start(&json!({"profile": profile}));
        let now = || {
            let since = std::time::UNIX_EPOCH.elapsed().unwrap();
            since.as_secs()
        };
        let before = now();
        let got = second(&mut daemon.client());
        assert!((before..=now()).contains(&got), "{got}");
    }
}

#[test]
fn uptime_passes_without_a_clock() {
    let running = Staged::start(&json!({}));
    let still = Staged::start(&json!({"clock": CLOCK}));
    let uptime = |client: &mut Client| client.call_json(INFO, &[])["uptime_secs"].clone();
    let (mut running, mut still) = (running.client(), still.client());
    let passed = support::poll(|| (uptime(&mut running) == 1).then_some(()));
    assert_eq!(passed, Some(()));
    assert_eq!(uptime(&mut still), 0);
}

#[test]
fn the_command_line_wins_over_the_scenario() {
    let key = |scenario: &Value, options: &[&str]| {
        let text = scenario.to_string();
        let daemon = Binary::start(&[&["--scenario", &text], options].concat());
        let mut client = daemon.connect();
        // Only the faithful profile refuses a port that the client has itself.
        bind(&mut client, 80);
        let faithful = client.call(BIND, &port(80)).0 == 0x0A;
        let said = support::poll(|| daemon.stderr().lines().next().map(str::to_owned)).unwrap();
        let profile = if faithful { "faithful" } else { "lenient" };
        assert!(said.contains(&format!(", profile {profile}, ")), "{said}");
        let seed = said.split(", seed ").nth(1).unwrap();
        let seed: u64 = seed.split(',').next().unwrap().parse().unwrap();
        let key = client.call_json(INFO, &[])["public_key"].clone();
        (profile, seed, key)
    };
    let plain = key(&json!({}), &[]);
    assert_eq!((plain.0, plain.1), ("lenient", 1));
    let seven = key(&json!({"seed": 7, "profile": "faithful"}), &[]);
    assert_eq!((seven.0, seven.1), ("faithful", 7));
    assert_ne!(seven.2, plain.2);
    let scenario = json!({"seed": 9, "profile": "faithful"});
    let told = key(&scenario, &["--seed", "7", "--profile", "lenient"]);
    assert_eq!(told, ("lenient", 7, seven.2));
    let told = key(
        &json!({"profile": "lenient"}),
        &["--profile=faithful", "--seed=1"],
    );
    assert_eq!(told, ("faithful", 1, plain.2));
}
