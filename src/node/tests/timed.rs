//! Dials that hang, peers that take their time, waits for trust.

use super::*;

fn slow_peer(latency_ms: u64) -> World {
    let mut config = faithful_config();
    config.peers[0].latency = Duration::from_millis(latency_ms);
    World::new(&config)
}

#[test]
fn a_dial_that_nobody_answers_times_out() {
    let mut w = World::faithful();
    assert!(w.dial(1, 2, 98).is_empty());
    assert!(w.info().contains(r#"1 open ["0 SYN_SENT"]"#));
    assert_eq!(w.node.next_due(), Some(Duration::from_secs(2)));
    assert!(w.pass(1_999).is_empty());
    assert_eq!(w.pass(1), ["1 error dial timeout"]);
    assert_eq!(w.node.next_due(), None);
    assert_eq!(w.dial(1, 2, 7), ["1 dialled 1"]);
}

#[test]
fn cancel_ends_all_dials_of_its_own_client() {
    let mut w = World::faithful();
    w.dial(1, 2, 98);
    w.dial(1, 2, 98);
    w.dial(2, 2, 98);
    assert_eq!(
        w.say(1, &Request::Cancel),
        ["1 error context canceled", "1 error context canceled"]
    );
    assert!(w.say(1, &Request::Cancel).is_empty());
    assert_eq!(w.pass(2_000), ["2 error dial timeout"]);
}

#[test]
fn a_client_that_leaves_takes_its_dials_and_waits_along() {
    let mut w = World::faithful();
    w.dial(1, 2, 98);
    let wait = Request::HandshakeWait {
        node_id: 2,
        timeout_ms: 500,
    };
    assert!(w.say(1, &wait).is_empty());
    assert!(w.leave(1).is_empty());
    assert!(w.pass(10_000).is_empty());
}

#[test]
fn latency_delays_dial_answers_and_data_in_order() {
    let mut w = slow_peer(20);
    assert!(w.dial(1, 2, 7).is_empty());
    assert!(w.pass(19).is_empty());
    assert_eq!(w.pass(1), ["1 dialled 1"]);
    assert!(w.send(1, 1, "one").is_empty());
    assert!(w.send(1, 1, "two").is_empty());
    assert_eq!(w.node.held(1), 6);
    assert_eq!(w.pass(20), ["1 recv 1 one", "1 recv 1 two"]);
    assert_eq!(w.node.held(1), 0);
    w.send(1, 1, "late");
    assert_eq!(w.close(1, 1), ["1 closed 1", "1 ended 1"]);
    assert!(w.pass(100).is_empty());
    assert_eq!(w.node.held(1), 0);
}

#[test]
fn latency_delays_a_refusal_and_an_ending() {
    let mut w = slow_peer(20);
    assert!(w.dial(1, 2, 99).is_empty());
    assert_eq!(w.pass(20), ["1 error connection refused"]);
    w.dial(1, 2, 1001);
    assert_eq!(w.pass(20), ["1 dialled 1"]);
    let too_long = [0, 0, 0, 1, 0xff, 0, 0, 0];
    let request = Request::Send {
        conn: 1,
        data: &too_long,
    };
    assert!(w.say(1, &request).is_empty());
    assert_eq!(w.pass(20), ["1 ended 1"]);
}

#[test]
fn waits_end_by_trust_or_by_time() {
    let mut config = faithful_config();
    config.pending.push(PendingConfig {
        node_id: 9,
        justification: "hi".to_owned(),
    });
    let mut w = World::new(&config);
    let wait = |node_id, timeout_ms| Request::HandshakeWait {
        node_id,
        timeout_ms,
    };
    assert_eq!(
        w.say(1, &wait(9, 0)),
        [r#"1 {"node_id":9,"trusted":false}"#]
    );
    assert!(w.say(1, &wait(9, 800)).is_empty());
    assert!(w.say(2, &wait(4242, 200)).is_empty());
    assert!(w.say(3, &wait(9, u32::MAX)).is_empty());
    assert_eq!(w.pass(200), [r#"2 {"node_id":4242,"trusted":false}"#]);
    assert_eq!(w.pass(600), [r#"1 {"node_id":9,"trusted":false}"#]);
    assert_eq!(
        w.say(2, &Request::HandshakeApprove { node_id: 9 }),
        [
            r#"3 {"node_id":9,"trusted":true}"#,
            r#"2 {"node_id":9,"status":"approved"}"#
        ]
    );
    assert_eq!(
        w.say(1, &wait(9, 800)),
        [r#"1 {"node_id":9,"trusted":true}"#]
    );
    assert!(w.say(3, &wait(8, u32::MAX)).is_empty());
    assert!(w.pass(29_999).is_empty());
    assert_eq!(w.pass(1), [r#"3 {"node_id":8,"trusted":false}"#]);
}

#[test]
fn a_private_peer_drops_what_comes_after_a_revoke() {
    let mut config = faithful_config();
    config.peers[1].trusted = Some(true);
    config.peers[1].services.insert(99, Service::Refuse);
    let mut w = World::new(&config);
    assert_eq!(w.dial(1, 3, 7), ["1 dialled 1"]);
    w.say(1, &Request::HandshakeRevoke { node_id: 3 });
    assert_eq!(w.send(1, 1, "x"), ["1 recv 1 x"]);
    assert!(w.dial(1, 3, 7).is_empty());
    assert!(w.dial(1, 3, 99).is_empty());
    assert_eq!(
        w.pass(2_000),
        ["1 error dial timeout", "1 error dial timeout"]
    );
}

#[test]
fn who_was_rejected_has_asked() {
    let mut config = faithful_config();
    config.pending.push(PendingConfig {
        node_id: 9,
        justification: "hi".to_owned(),
    });
    let mut w = World::new(&config);
    let trusted = |w: &mut World| w.say(1, &Request::HandshakeTrusted)[0].contains("\"node_id\":9");
    let reject = Request::HandshakeReject {
        node_id: 9,
        reason: String::new(),
    };
    w.say(1, &reject);
    w.say(1, &Request::HandshakeApprove { node_id: 9 });
    assert!(!trusted(&mut w));
    let send = Request::HandshakeSend {
        node_id: 9,
        justification: String::new(),
    };
    w.say(1, &send);
    assert!(trusted(&mut w));
}

#[test]
fn an_answer_that_comes_later_has_its_requests_tag() {
    let mut w = slow_peer(20);
    let dial = |port| Request::Dial {
        to: Address::new(0, 2),
        port,
    };
    let wait = |node_id, timeout_ms| Request::HandshakeWait {
        node_id,
        timeout_ms,
    };
    for (tag, request) in [
        (1, dial(98)),
        (2, dial(99)),
        (3, dial(13)),
        (4, dial(98)),
        (5, wait(2, 10)),
        (6, wait(2, 9_000)),
        (7, wait(2, 9_000)),
    ] {
        let client = if tag == 4 { 2 } else { 1 };
        assert!(w.say_tagged(client, tag, &request).is_empty());
    }
    assert_eq!(
        w.pass(20),
        [
            r#"#5 1 {"node_id":2,"trusted":false}"#,
            "#2 1 error connection refused",
            "#3 1 dialled 1",
            "1 recv 1 hello\n"
        ]
    );
    assert_eq!(
        w.say_tagged(2, 8, &Request::Cancel),
        ["#4 2 error context canceled"]
    );
    w.peer(2, PeerAct::Handshake(""));
    assert_eq!(
        w.say_tagged(2, 9, &Request::HandshakeApprove { node_id: 2 }),
        [
            r#"#6 1 {"node_id":2,"trusted":true}"#,
            r#"#7 1 {"node_id":2,"trusted":true}"#,
            r#"2 {"node_id":2,"status":"approved"}"#
        ]
    );
    assert_eq!(w.pass(2_000), ["#1 1 error dial timeout"]);
    // What is answered at once is no late answer.
    assert_eq!(
        w.say_tagged(1, 10, &wait(2, 9_000)),
        [r#"1 {"node_id":2,"trusted":true}"#]
    );
    let mut w = World::faithful();
    assert_eq!(w.say_tagged(1, 11, &dial(7)), ["1 dialled 1"]);
}
