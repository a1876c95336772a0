//! Back to the initial state, and what that state is said to be.

use super::*;

fn config() -> Config {
    let mut config = faithful_config();
    config.networks = vec![NetworkConfig {
        join_rule: JoinRule::Token,
        token: "s3cret-join".to_owned(),
        ..NetworkConfig::new(7)
    }];
    config.pending.push(PendingConfig {
        node_id: 9,
        justification: "hi".to_owned(),
    });
    config.invites.push(InviteConfig {
        network_id: 7,
        inviter_id: 2,
    });
    config
}

fn reset(w: &mut World, config: &Config) -> Vec<String> {
    w.node.reset(config, w.now, &mut w.said);
    std::mem::take(&mut w.said.0)
}

#[test]
fn a_reset_ends_streams_and_leaves_nothing_of_before() {
    let config = config();
    let mut w = World::new(&config);
    let initial = w.node.state(w.now);
    w.pass(5_000);
    w.bind(2, 80);
    w.dial(1, 1, 80);
    w.dial(3, 2, 7);
    w.dial(3, 2, 7);
    w.close(3, 4);
    w.dial(1, 2, 98);
    let wait = Request::HandshakeWait {
        node_id: 2,
        timeout_ms: 500,
    };
    let join = Request::NetworkJoin {
        network_id: 7,
        token: b"s3cret-join",
    };
    let hostname = || "other".to_owned();
    for request in [
        wait,
        join,
        Request::HandshakeApprove { node_id: 9 },
        Request::SetTags {
            tags: Some(vec!["t".to_owned()]),
        },
        Request::SetHostname {
            hostname: hostname(),
        },
        Request::RotateKey,
    ] {
        w.say(1, &request);
    }
    w.peer(77, PeerAct::Handshake("hi"));
    w.peer(2, PeerAct::Invite(7));
    assert_ne!(w.node.state(w.now), initial);
    assert_eq!(
        reset(&mut w, &config),
        ["1 ended 1", "2 ended 2", "3 ended 3"]
    );
    assert_eq!(w.node.state(w.now), initial);
    assert_eq!(w.node.next_due(), None);
    assert!(w.pass(60_000).is_empty());
    assert_eq!(w.node.traffic.sent.bytes, 0);
    // Clients are served as before.
    assert_eq!(w.bind(3, 80), ["3 bound 80"]);
    assert_eq!(
        w.dial(1, 1, 80),
        ["1 dialled 1", "3 accept 80 2 0:0000.0000.0001 49152"]
    );
    assert_eq!(w.node.client_ids(), [1, 2, 3]);
    assert!(w.dial(1, 77, 7)[0].contains("node not found"));
}

#[test]
fn a_reset_drops_data_that_is_on_its_way() {
    let mut config = faithful_config();
    config.peers[0].latency = Duration::from_millis(20);
    let mut w = World::new(&config);
    w.dial(1, 2, 7);
    w.pass(20);
    w.send(1, 1, "late");
    assert_eq!(w.node.held(1), 4);
    assert_eq!(reset(&mut w, &config), ["1 ended 1"]);
    assert_eq!(w.node.held(1), 0);
    assert!(w.pass(100).is_empty());
}

#[test]
fn a_reset_does_not_start_the_daemon_anew() {
    let config = config();
    let mut w = World::new(&config);
    w.pass(5_000);
    reset(&mut w, &config);
    let uptime = |w: &mut World| {
        let Reply::Health(health) = w.node.health(w.now) else {
            panic!("health is health");
        };
        health.counters.uptime_secs
    };
    assert_eq!(uptime(&mut w), 5);
    let pending = w.say(1, &Request::HandshakePending).remove(0);
    assert!(pending.contains(r#""received_at":1800000000"#), "{pending}");
    w.peer(2, PeerAct::Handshake("now"));
    let pending = w.say(1, &Request::HandshakePending).remove(0);
    assert!(pending.contains(r#""received_at":1800000005"#), "{pending}");
}

#[test]
fn the_state_tells_of_dials_and_of_no_token() {
    let mut w = World::new(&config());
    let join = Request::NetworkJoin {
        network_id: 7,
        token: b"s3cret-join",
    };
    assert!(w.say(1, &join)[0].contains("join_network_ok"));
    w.dial(2, 2, 98);
    let send = Request::HandshakeSend {
        node_id: 2,
        justification: String::new(),
    };
    w.say(1, &send);
    let state = w.node.state(w.now);
    let dial = serde_json::json!({"address": "0:0000.0000.0002", "client": 2, "port": 98});
    assert_eq!(state["dials"], serde_json::json!([dial]));
    assert_eq!(state["trust"]["sent"], serde_json::json!([2]));
    assert_eq!(state["admin_token"], true);
    let text = state.to_string();
    assert!(
        !text.contains("s3cret-join") && !text.contains("admintok"),
        "{text}"
    );
    w.say(2, &Request::Cancel);
    assert_eq!(w.node.state(w.now)["dials"], serde_json::json!([]));
}
