//! Peers that act: every flow of trust from this node's side, and networks.

use super::PeerAct::*;
use super::*;

/// The peer's act had its effect, and nobody was told.
const DONE: (bool, Vec<String>) = (true, Vec::new());

/// The peer's act had none.
const IGNORED: (bool, Vec<String>) = (false, Vec::new());

const BOTH: [fn() -> World; 2] = [World::lenient, World::faithful];

fn send(w: &mut World, node_id: u32) {
    let request = Request::HandshakeSend {
        node_id,
        justification: String::new(),
    };
    let sent = format!(r#"1 {{"node_id":{node_id},"status":"sent"}}"#);
    let said = w.say(1, &request);
    assert_eq!(said.last(), Some(&sent));
}

fn approve(w: &mut World, node_id: u32) {
    w.say(1, &Request::HandshakeApprove { node_id });
}

fn reject(w: &mut World, node_id: u32) {
    let reason = String::new();
    w.say(1, &Request::HandshakeReject { node_id, reason });
}

fn revoke(w: &mut World, node_id: u32) -> String {
    w.say(1, &Request::HandshakeRevoke { node_id }).remove(0)
}

fn wait(node_id: u32, timeout_ms: u32) -> Request<'static> {
    Request::HandshakeWait {
        node_id,
        timeout_ms,
    }
}

/// The peer's row in the list of trusted ones: its `mutual`.
fn trusted(w: &mut World, node_id: u32) -> Option<bool> {
    let list = w.say(1, &Request::HandshakeTrusted).remove(0);
    let body: serde_json::Value = serde_json::from_str(&list[2..]).unwrap();
    let rows = body["trusted"].as_array().unwrap();
    let row = rows.iter().find(|row| row["node_id"] == node_id)?;
    row["mutual"].as_bool()
}

/// All pending requests: who, what and when after the start.
fn pending(w: &mut World) -> Vec<(u64, String, u64)> {
    let list = w.say(1, &Request::HandshakePending).remove(0);
    let body: serde_json::Value = serde_json::from_str(&list[2..]).unwrap();
    let row = |row: &serde_json::Value| {
        let number = |key: &str| row[key].as_u64().unwrap();
        let text = row["justification"].as_str().unwrap().to_owned();
        (
            number("node_id"),
            text,
            number("received_at") - 1_800_000_000,
        )
    };
    let rows: Vec<_> = body["pending"]
        .as_array()
        .unwrap()
        .iter()
        .map(row)
        .collect();
    assert_eq!(w.node.trust.pending_count(), rows.len());
    rows
}

#[test]
fn a_request_of_a_peer_waits_with_its_first_words_until_it_is_approved() {
    for world in BOTH {
        let mut w = world();
        w.pass(3_000);
        assert_eq!(w.peer(2, Handshake("hello")), DONE);
        w.pass(2_000);
        assert_eq!(w.peer(2, Handshake("again")), DONE);
        assert_eq!(pending(&mut w), [(2, "hello".to_owned(), 3)]);
        assert_eq!(trusted(&mut w, 2), None);
        approve(&mut w, 2);
        assert_eq!(trusted(&mut w, 2), Some(false));
        assert!(pending(&mut w).is_empty());
    }
}

#[test]
fn a_trusted_peer_that_asks_is_not_listed_again_but_in_the_lenient_profile() {
    for (mut w, listed) in [(World::lenient(), 1), (World::faithful(), 0)] {
        w.peer(2, Handshake(""));
        approve(&mut w, 2);
        assert_eq!(w.peer(2, Handshake("again")).0, listed == 1);
        assert_eq!(pending(&mut w).len(), listed);
    }
}

#[test]
fn who_was_asked_and_asks_in_turn_is_trusted_at_once() {
    let mut w = World::faithful();
    send(&mut w, 2);
    assert_eq!(trusted(&mut w, 2), None);
    assert!(w.say_tagged(2, 7, &wait(2, 8_000)).is_empty());
    let told = [r#"#7 2 {"node_id":2,"trusted":true}"#.to_owned()];
    assert_eq!(w.peer(2, Handshake("me too")), (true, told.to_vec()));
    assert_eq!(trusted(&mut w, 2), Some(true));
    assert!(pending(&mut w).is_empty());
    // The other way round.
    w.peer(3, Handshake(""));
    send(&mut w, 3);
    assert_eq!(trusted(&mut w, 3), Some(true));
    assert!(pending(&mut w).is_empty());
}

#[test]
fn a_peer_approves_what_it_was_asked_and_nothing_else() {
    let mut w = World::faithful();
    assert_eq!(w.peer(2, Approve), IGNORED);
    assert_eq!(w.peer(4242, Approve), IGNORED);
    send(&mut w, 2);
    send(&mut w, 2);
    assert!(w.say(1, &wait(2, 8_000)).is_empty());
    w.pass(500);
    let told = [r#"1 {"node_id":2,"trusted":true}"#.to_owned()];
    assert_eq!(w.peer(2, Approve), (true, told.to_vec()));
    assert_eq!(trusted(&mut w, 2), Some(true));
    assert_eq!(w.peer(2, Approve), IGNORED);
    // Trust that is there already is not asked for again.
    send(&mut w, 2);
    assert_eq!(w.peer(2, Approve), IGNORED);
    // What it was asked is taken to exist.
    let mut w = World::lenient();
    assert_eq!(w.peer(2, Approve), DONE);
    assert_eq!(trusted(&mut w, 2), Some(true));
    assert!(w.node.peers.contacted().contains(2));
}

#[test]
fn a_peer_that_rejects_ignores_us_until_it_asks_itself() {
    let mut w = World::faithful();
    assert_eq!(w.peer(2, Reject), IGNORED);
    send(&mut w, 2);
    assert!(w.say(1, &wait(2, 500)).is_empty());
    assert_eq!(w.peer(2, Reject), DONE);
    assert_eq!(w.peer(2, Reject), IGNORED);
    assert!(pending(&mut w).is_empty());
    assert_eq!(w.pass(500), [r#"1 {"node_id":2,"trusted":false}"#]);
    assert_eq!(w.peer(2, Approve), IGNORED);
    send(&mut w, 2);
    assert_eq!(w.peer(2, Approve), IGNORED);
    assert_eq!(trusted(&mut w, 2), None);
    assert_eq!(w.peer(2, Handshake("")), DONE);
    assert_eq!(trusted(&mut w, 2), Some(true));
}

#[test]
fn a_lenient_peer_that_rejects_is_not_taken_to_be_trusted_any_more() {
    let mut w = World::lenient();
    send(&mut w, 9);
    assert_eq!(w.peer(9, Reject), DONE);
    assert_eq!(trusted(&mut w, 9), None);
    send(&mut w, 9);
    assert!(w.say(1, &wait(9, 500)).is_empty());
    assert_eq!(w.pass(500), [r#"1 {"node_id":9,"trusted":false}"#]);
    assert_eq!(w.peer(9, Handshake("")), DONE);
    assert_eq!(trusted(&mut w, 9), Some(true));
}

#[test]
fn a_peer_that_we_rejected_is_ignored_until_we_ask_it() {
    for world in BOTH {
        let mut w = world();
        w.peer(2, Handshake("hi"));
        reject(&mut w, 2);
        assert!(pending(&mut w).is_empty());
        assert_eq!(w.peer(2, Handshake("please")), IGNORED);
        assert!(pending(&mut w).is_empty());
        send(&mut w, 2);
        assert_eq!(trusted(&mut w, 2), Some(true));
    }
}

#[test]
fn a_peer_that_we_revoked_is_ignored_until_both_ask() {
    for world in BOTH {
        // It asks, then we.
        let mut w = world();
        w.peer(2, Handshake("hi"));
        approve(&mut w, 2);
        assert!(revoke(&mut w, 2).contains("revoked"));
        assert_eq!(w.peer(2, Handshake("please")), IGNORED);
        assert!(pending(&mut w).is_empty());
        send(&mut w, 2);
        assert_eq!(trusted(&mut w, 2), Some(true));
        assert_eq!(
            w.node.state(w.now)["trust"]["refused"],
            serde_json::json!([])
        );
        // We ask, which it ignores, then it does.
        revoke(&mut w, 2);
        send(&mut w, 2);
        assert_eq!(trusted(&mut w, 2), None);
        assert_eq!(w.peer(2, Handshake("")), DONE);
        assert_eq!(trusted(&mut w, 2), Some(true));
    }
    let mut w = World::faithful();
    w.peer(2, Handshake("hi"));
    approve(&mut w, 2);
    revoke(&mut w, 2);
    send(&mut w, 2);
    assert_eq!(w.peer(2, Approve), IGNORED);
    assert_eq!(w.peer(2, Reject), IGNORED);
}

#[test]
fn a_peer_that_revokes_ends_trust_on_both_sides_and_no_stream() {
    for world in BOTH {
        let mut w = world();
        w.peer(2, Handshake("hi"));
        approve(&mut w, 2);
        assert_eq!(w.dial(1, 2, 7), ["1 dialled 1"]);
        assert_eq!(w.peer(2, Revoke), DONE);
        assert_eq!(w.peer(2, Revoke), IGNORED);
        assert_eq!(trusted(&mut w, 2), None);
        assert_eq!(
            revoke(&mut w, 2),
            "1 error handshake revoke: node 2 was not trusted"
        );
        assert_eq!(w.send(1, 1, "x"), ["1 recv 1 x"]);
        assert_eq!(w.dial(1, 2, 7), ["1 dialled 2"]);
        // Neither listens to the other any more.
        assert_eq!(w.peer(2, Handshake("")), IGNORED);
        assert!(pending(&mut w).is_empty());
        send(&mut w, 2);
        assert_eq!(trusted(&mut w, 2), Some(true));
    }
}

#[test]
fn a_private_peer_that_revokes_drops_what_comes() {
    let mut w = World::faithful();
    let hidden = "1 error resolve node 3: registry: node 3: node not found";
    assert_eq!(w.dial(1, 3, 7), [hidden]);
    send(&mut w, 3);
    assert_eq!(w.dial(1, 3, 7), [hidden]);
    assert_eq!(w.peer(3, Approve), DONE);
    assert_eq!(w.dial(1, 3, 7), ["1 dialled 1"]);
    assert_eq!(w.peer(3, Revoke), DONE);
    assert!(w.dial(1, 3, 7).is_empty());
    assert_eq!(w.pass(2_000), ["1 error dial timeout"]);
    assert_eq!(w.send(1, 1, "x"), ["1 recv 1 x"]);
    // To be told of the end of trust is to be in touch.
    let mut config = faithful_config();
    config.peers[1].trusted = Some(true);
    let mut w = World::new(&config);
    assert_eq!(w.peer(3, Revoke), DONE);
    assert!(w.dial(1, 3, 7).is_empty());
    // One that rejects was never in touch.
    let mut w = World::faithful();
    send(&mut w, 3);
    assert_eq!(w.peer(3, Reject), DONE);
    assert_eq!(w.dial(1, 3, 7), [hidden]);
}

#[test]
fn a_peer_that_asks_exists() {
    let mut w = World::faithful();
    let unknown = "1 error resolve node 77: registry: node 77: node not found";
    assert_eq!(w.dial(1, 77, 7), [unknown]);
    assert_eq!(w.peer(77, Reject), IGNORED);
    assert_eq!(w.dial(1, 77, 7), [unknown]);
    assert_eq!(w.peer(77, Handshake("hi")), DONE);
    assert_eq!(w.dial(1, 77, 7), ["1 dialled 1"]);
    send(&mut w, 77);
    assert_eq!(trusted(&mut w, 77), Some(true));
    for nobody in [0, u32::MAX, 1] {
        assert_eq!(w.peer(nobody, Handshake("hi")), IGNORED);
        assert_eq!(w.peer(nobody, Revoke), IGNORED);
    }
    // Names keep their made-up nodes in the lenient profile.
    let mut w = World::lenient();
    let (alice, _) = w.node.peer_named("alice").unwrap();
    w.peer(alice, Handshake("hi"));
    assert_eq!(w.node.peer_named("alice"), Some((alice, true)));
}

/// A faithful world with network 7, where node 1 is none of its members 2 and 3, and 8, its own.
fn networked() -> World {
    let mut config = faithful_config();
    config.networks = vec![NetworkConfig::new(7), NetworkConfig::new(8)];
    config.networks[0].members = vec![2, 3];
    config.networks[1].members = vec![1];
    World::new(&config)
}

fn invites(w: &mut World) -> String {
    w.say(1, &Request::NetworkPollInvites).remove(0)
}

#[test]
fn a_peer_invites_once_a_network() {
    let mut w = networked();
    w.pass(4_000);
    let row = r#"{"inviter_id":2,"network_id":7,"timestamp":1800000004}"#;
    let listed = format!(r#"1 {{"invites":[{row}],"type":"poll_invites_ok"}}"#);
    for inviter in [2, 3] {
        assert_eq!(w.peer(inviter, Invite(7)), DONE);
        assert_eq!(invites(&mut w), listed);
    }
    for (inviter, network) in [(2, 99), (2, 0), (2, 8), (0, 7), (1, 7)] {
        assert_eq!(w.peer(inviter, Invite(network)), IGNORED);
    }
    assert_eq!(invites(&mut w), listed);
    w.say(1, &Request::Deregister);
    assert_eq!(w.peer(2, Invite(7)), IGNORED);
    // The lenient profile takes the network to exist.
    let mut w = World::lenient();
    assert_eq!(w.peer(2, Invite(0)), IGNORED);
    assert_eq!(w.peer(2, Invite(99)), DONE);
    assert!(invites(&mut w).contains(r#""network_id":99"#));
    assert!(w.say(1, &Request::NetworkList)[0].contains(r#""id":99"#));
}

#[test]
fn the_inbox_of_invitations_has_an_end() {
    let mut config = faithful_config();
    config.networks = (1..=101).map(NetworkConfig::new).collect();
    let mut w = World::new(&config);
    for network in 1..=100 {
        assert_eq!(w.peer(2, Invite(network)), DONE);
    }
    assert_eq!(w.peer(2, Invite(101)), IGNORED);
    assert_eq!(w.peer(2, Invite(1)), DONE);
}

#[test]
fn a_peer_that_leaves_a_network_is_no_member_and_its_invitation_goes() {
    let mut w = networked();
    w.peer(2, Invite(7));
    assert_eq!(w.peer(3, Leave(7)), DONE);
    assert!(invites(&mut w).contains(r#""inviter_id":2"#));
    let members = Request::NetworkMembers { network_id: 7 };
    let rows = w.say(1, &members).remove(0);
    assert!(rows.contains("beta") && !rows.contains("gamma"), "{rows}");
    assert_eq!(w.peer(2, Leave(7)), DONE);
    assert!(invites(&mut w).contains(r#""invites":[]"#));
    assert!(w.say(1, &members)[0].contains(r#""nodes":[]"#));
    for (node, network) in [(2, 7), (2, 99), (2, 0)] {
        assert_eq!(w.peer(node, Leave(network)), IGNORED);
    }
    let mut w = World::lenient();
    let invite = Request::NetworkInvite {
        network_id: 99,
        node_id: 2,
    };
    w.say(1, &invite);
    assert!(w.say(1, &invite)[0].contains("already_invited"));
    assert_eq!(w.peer(2, Leave(99)), DONE);
    assert!(!w.say(1, &invite)[0].contains("already_invited"));
    assert_eq!(w.peer(2, Leave(0)), IGNORED);
}
