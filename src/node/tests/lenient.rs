//! What the lenient profile takes to exist, and what it refuses all the same.

use super::*;

#[test]
fn any_real_node_echoes_on_any_port() {
    let mut w = World::lenient();
    assert_eq!(w.dial(1, 4242, 80), ["1 dialled 1"]);
    assert_eq!(w.send(1, 1, "hello"), ["1 recv 1 hello"]);
    assert_eq!(w.close(1, 1), ["1 closed 1", "1 ended 1"]);
    for node in [0, u32::MAX] {
        assert_eq!(
            w.dial(1, node, 80),
            [format!(
                "1 error resolve node {node}: registry: node {node}: node not found"
            )]
        );
    }
    // A bound port is reached at whatever address.
    w.bind(2, 80);
    assert_eq!(w.dial(1, 4242, 80).len(), 2);
}

#[test]
fn a_listed_peers_refusal_comes_before_a_bound_port() {
    let mut config = faithful_config();
    config.profile = Profile::Lenient;
    let mut w = World::new(&config);
    w.bind(2, 99);
    assert_eq!(w.dial(1, 2, 99), ["1 error connection refused"]);
    assert_eq!(w.dial(1, 3, 99).len(), 2);
    w.bind(2, 13);
    assert_eq!(w.dial(1, 2, 13).len(), 2);
    assert_eq!(w.dial(1, 2, 9), ["1 dialled 5"]);
    assert!(w.send(1, 5, "swallowed").is_empty());
}

#[test]
fn every_datagram_loops_back_to_all() {
    let mut w = World::lenient();
    let to = Address::new(3, 77);
    let request = Request::SendToConfirm {
        to,
        port: 9,
        data: b"x",
    };
    assert_eq!(
        w.say(2, &request),
        [
            "1 datagram 3:0003.0000.004D 57005 9 x",
            "2 datagram 3:0003.0000.004D 57005 9 x",
            "3 datagram 3:0003.0000.004D 57005 9 x",
            "2 ok"
        ]
    );
    let empty = Request::SendToConfirm {
        to,
        port: 9,
        data: b"",
    };
    assert_eq!(w.say(2, &empty), ["2 ok"]);
    let large = vec![0; 65_536];
    let request = Request::SendToConfirm {
        to,
        port: 9,
        data: &large,
    };
    assert_eq!(
        w.say(2, &request),
        ["2 error sendto: marshal: payload too large: 65536 bytes (max 65535)"]
    );
    let silent = Request::SendTo {
        to,
        port: 9,
        data: &large,
    };
    assert!(w.say(2, &silent).is_empty());
}

#[test]
fn broadcasts_reach_everybody_else() {
    let mut w = World::lenient();
    let broadcast = |network_id, token| Request::Broadcast {
        network_id,
        port: 9,
        token,
        data: b"x",
    };
    assert_eq!(
        w.say(2, &broadcast(7, b"any")),
        [
            "1 datagram 7:0007.1234.5678 57005 9 x",
            "3 datagram 7:0007.1234.5678 57005 9 x",
            "2 ok"
        ]
    );
    assert_eq!(
        w.say(2, &broadcast(7, b"")),
        ["2 error broadcast: broadcast denied: invalid admin token"]
    );
    assert_eq!(
        w.say(2, &broadcast(0, b"any")),
        ["2 error broadcast: broadcast not permitted on backbone network"]
    );
}

#[test]
fn trust_lasts_until_it_is_taken() {
    let mut w = World::lenient();
    let wait = Request::HandshakeWait {
        node_id: 9,
        timeout_ms: 10,
    };
    let trusted = [r#"1 {"node_id":9,"trusted":true}"#];
    assert_eq!(w.say(1, &wait), trusted);
    let revoke = Request::HandshakeRevoke { node_id: 9 };
    assert_eq!(w.say(1, &revoke), [r#"1 {"node_id":9,"status":"revoked"}"#]);
    assert_eq!(
        w.say(1, &revoke),
        ["1 error handshake revoke: node 9 was not trusted"]
    );
    assert!(w.say(1, &wait).is_empty());
    assert_eq!(
        w.say(1, &Request::HandshakeApprove { node_id: 9 })[0],
        trusted[0]
    );
    assert_eq!(w.say(1, &wait), trusted);
}

#[test]
fn networks_exist_when_they_are_asked_for() {
    let mut w = World::lenient();
    let join = Request::NetworkJoin {
        network_id: 7,
        token: b"",
    };
    for _ in 0..2 {
        assert_eq!(
            w.say(1, &join),
            [r#"1 {"address":"7:0007.1234.5678","network_id":7,"type":"join_network_ok"}"#]
        );
    }
    assert!(w.info().ends_with("networks [7]"));
    let leave = Request::NetworkLeave { network_id: 8 };
    assert!(w.say(1, &leave)[0].contains("leave_network_ok"));
    let cycle = Request::ManagedCycle { network_id: 8 };
    assert!(w.say(1, &cycle)[0].contains(r#""cycle_num":1"#));
    assert!(w.say(1, &cycle)[0].contains(r#""cycle_num":2"#));
    let zero = Request::NetworkJoin {
        network_id: 0,
        token: b"",
    };
    assert_eq!(
        w.say(1, &zero),
        ["1 error network join: registry: cannot join the backbone network"]
    );
}

#[test]
fn names_resolve_to_the_same_node_each_time() {
    let mut w = World::lenient();
    let resolve = |name: &str| Request::ResolveHostname {
        hostname: name.to_owned(),
    };
    let first = w.say(1, &resolve("alice"));
    assert!(first[0].contains(r#""hostname":"alice""#));
    assert_eq!(w.say(2, &resolve("alice"))[0][1..], first[0][1..]);
    assert_eq!(
        w.say(1, &resolve("Alice")),
        [r#"1 error resolve_hostname: registry: hostname "Alice" not found"#]
    );
    assert!(w.say(1, &resolve("mock-daemon"))[0].contains("305419896"));
    let set = Request::SetHostname {
        hostname: "unit".to_owned(),
    };
    w.say(1, &set);
    assert!(w.say(1, &resolve("unit"))[0].contains("305419896"));
    assert!(!w.say(1, &resolve("mock-daemon"))[0].contains("305419896"));
}

#[test]
fn network_zero_is_the_backbone_and_nothing_else() {
    let mut w = World::lenient();
    let invite = Request::NetworkInvite {
        network_id: 0,
        node_id: 5,
    };
    assert_eq!(
        w.say(1, &invite),
        ["1 error network invite: registry: network 0: network not found"]
    );
    let tags = |network_id, node_id| Request::MemberTagsSet {
        network_id,
        node_id,
        tags: Some(vec!["a".to_owned()]),
    };
    assert_eq!(
        w.say(1, &tags(0, 5)),
        ["1 error member-tags set: registry: network 0: network not found"]
    );
    assert_eq!(
        w.say(1, &tags(7, 0)),
        ["1 error member-tags set: registry: node 0 is not a member of network 7"]
    );
    let rows = w.say(1, &Request::NetworkList).remove(0);
    assert_eq!(rows.matches(r#""id":0"#).count(), 1, "{rows}");
}

#[test]
fn the_engine_that_runs_is_meant_when_no_network_is_named() {
    let mut w = World::lenient();
    let status = Request::ManagedStatus { network_id: 0 };
    assert!(w.say(1, &status)[0].contains(r#""network_id":0"#));
    let join = Request::NetworkJoin {
        network_id: 7,
        token: b"",
    };
    w.say(1, &join);
    assert!(w.say(1, &status)[0].contains(r#""network_id":7"#));
}
