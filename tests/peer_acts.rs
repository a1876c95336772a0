//! Peers that act of their own accord: every flow of trust as the real daemon's clients see it, and
//! networks.

mod staged;
mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use staged::*;
use support::Client;

const CLOCK: u64 = 1_800_000_000;
const OWN: u64 = 0x1234_5678;

fn start() -> Staged {
    Staged::start(&json!({
        "profile": "faithful", "clock": CLOCK, "dial_timeout": "50ms",
        "peers": [
            {"node_id": 2, "hostname": "two"},
            {"node_id": 3, "hostname": "three", "public": false},
        ],
        "networks": [
            {"id": 7, "name": "lab", "join_rule": "invite", "members": [2, 3],
             "enterprise": true},
            {"id": 8, "name": "hall", "join_rule": "open", "members": [OWN, 2, 3]},
        ],
    }))
}

/// A peer acts; whether it had an effect.
fn act(daemon: &mut Staged, node_id: u32, does: &str) -> bool {
    let push = json!({"peer": {"node_id": node_id, "does": does}});
    daemon.push(push) == 1
}

fn asks(daemon: &mut Staged, node_id: u32, justification: &str) -> bool {
    let act = json!({"node_id": node_id, "does": "handshake", "justification": justification});
    daemon.push(json!({ "peer": act })) == 1
}

fn handshake(client: &mut Client, sub: u8, node_id: u32) -> Value {
    client.call_json(HANDSHAKE, &join(&[&[sub], &id(node_id)]))
}

fn send(client: &mut Client, node_id: u32) {
    let wanted = json!({"node_id": node_id, "status": "sent"});
    assert_eq!(handshake(client, 1, node_id), wanted);
}

fn approve(client: &mut Client, node_id: u32) {
    let wanted = json!({"node_id": node_id, "status": "approved"});
    assert_eq!(handshake(client, 2, node_id), wanted);
}

fn reject(client: &mut Client, node_id: u32) {
    let wanted = json!({"node_id": node_id, "status": "rejected"});
    assert_eq!(handshake(client, 3, node_id), wanted);
}

/// Who waits, with its words.
fn pending(client: &mut Client) -> Vec<(u64, String)> {
    let body = client.call_json(HANDSHAKE, &[4]);
    let rows = body["pending"].as_array().unwrap();
    let count = client.call_json(INFO, &[])["handshake_pending_count"].clone();
    assert_eq!(count, rows.len());
    assert_eq!(
        client.call_json(0x21, &[])["handshake_pending_count"],
        count
    );
    let row = |row: &Value| {
        assert_eq!(row["received_at"], CLOCK);
        let text = row["justification"].as_str().unwrap();
        (row["node_id"].as_u64().unwrap(), text.to_owned())
    };
    rows.iter().map(row).collect()
}

/// Who is trusted, and whether the entry is mutual.
fn trusted(client: &mut Client) -> Vec<(u64, bool)> {
    let body = client.call_json(HANDSHAKE, &[5]);
    let row = |row: &Value| {
        assert_eq!(row["approved_at"], CLOCK);
        let mutual = row["mutual"].as_bool().unwrap();
        (row["node_id"].as_u64().unwrap(), mutual)
    };
    body["trusted"]
        .as_array()
        .unwrap()
        .iter()
        .map(row)
        .collect()
}

fn wait(node_id: u32, timeout_ms: u32) -> Vec<u8> {
    join(&[&[7], &id(node_id), &id(timeout_ms)])
}

fn revoke_refused(client: &mut Client, node_id: u32) {
    let text = client.error_text(HANDSHAKE, &join(&[&[6], &id(node_id)]));
    assert_eq!(
        text,
        format!("handshake revoke: node {node_id} was not trusted")
    );
}

#[test]
fn a_request_waits_with_its_first_words_until_it_is_approved() {
    let mut daemon = start();
    let (mut client, mut other) = (daemon.client(), daemon.client());
    assert!(asks(&mut daemon, 2, "hello there"));
    assert!(asks(&mut daemon, 2, "hello again"));
    assert!(asks(&mut daemon, 9, ""));
    let wanted = [(2, "hello there".to_owned()), (9, String::new())];
    assert_eq!(pending(&mut client), wanted);
    assert_eq!(trusted(&mut client), []);
    approve(&mut client, 2);
    assert_eq!(trusted(&mut client), [(2, false)]);
    assert_eq!(pending(&mut client), [(9, String::new())]);
    // No push reaches any client.
    assert_eq!(client.quiet(), []);
    assert_eq!(other.quiet(), []);
    // One that is trusted asks in vain.
    assert!(!asks(&mut daemon, 2, "more"));
    assert_eq!(pending(&mut client).len(), 1);
}

#[test]
fn whoever_waits_learns_of_an_approval_at_once() {
    let mut daemon = start();
    let mut waiting = [daemon.client(), daemon.client()];
    let mut elsewhere = daemon.client();
    send(&mut waiting[0], 2);
    for client in &mut waiting {
        client.send(HANDSHAKE, &wait(2, 30_000));
        assert_eq!(client.quiet(), []);
    }
    elsewhere.send(HANDSHAKE, &wait(3, 30_000));
    assert_eq!(elsewhere.quiet(), []);
    let before = Instant::now();
    assert!(act(&mut daemon, 2, "approve"));
    for client in &mut waiting {
        let body = client.expect(HANDSHAKE + 1);
        assert_eq!(body, br#"{"node_id":2,"trusted":true}"#);
    }
    assert!(before.elapsed() < Duration::from_secs(2));
    assert_eq!(elsewhere.quiet(), []);
    assert_eq!(trusted(&mut elsewhere), [(2, true)]);
    // There is nothing left to approve.
    assert!(!act(&mut daemon, 2, "approve"));
    assert!(!act(&mut daemon, 3, "approve"));
}

#[test]
fn a_rule_lets_the_peer_approve_what_it_was_asked() {
    let push = json!([{"peer": {"node_id": 2, "does": "approve"}, "after": "30ms"}]);
    let daemon = Staged::start(&json!({
        "profile": "faithful", "clock": CLOCK,
        "peers": [{"node_id": 2}],
        "rules": [{"on": "handshake.send", "when": {"node_id": 2}, "push": push}],
    }));
    let mut client = daemon.client();
    send(&mut client, 2);
    let body = client.call_json(HANDSHAKE, &wait(2, 30_000));
    assert_eq!(body, json!({"node_id": 2, "trusted": true}));
    assert_eq!(trusted(&mut client), [(2, true)]);
}

#[test]
fn both_ask_and_nobody_needs_to_approve() {
    // The node first; whoever waits is told.
    let mut daemon = start();
    let mut client = daemon.client();
    send(&mut client, 2);
    client.send(HANDSHAKE, &wait(2, 30_000));
    assert_eq!(client.quiet(), []);
    assert!(asks(&mut daemon, 2, "me too"));
    let body = client.expect(HANDSHAKE + 1);
    assert_eq!(body, br#"{"node_id":2,"trusted":true}"#);
    assert_eq!(trusted(&mut client), [(2, true)]);
    assert_eq!(pending(&mut client), []);
    // The peer first.
    assert!(asks(&mut daemon, 3, "me first"));
    send(&mut client, 3);
    assert_eq!(trusted(&mut client), [(2, true), (3, true)]);
    assert_eq!(pending(&mut client), []);
}

#[test]
fn nobody_learns_of_a_rejection_by_the_peer() {
    let mut daemon = start();
    let mut client = daemon.client();
    assert!(!act(&mut daemon, 2, "reject"));
    send(&mut client, 2);
    client.send(HANDSHAKE, &wait(2, 100));
    let before = Instant::now();
    assert!(act(&mut daemon, 2, "reject"));
    let body = client.expect(HANDSHAKE + 1);
    assert_eq!(body, br#"{"node_id":2,"trusted":false}"#);
    assert!(before.elapsed() >= Duration::from_millis(50));
    // It is deaf to further requests, so there is nothing that it could approve.
    send(&mut client, 2);
    assert!(!act(&mut daemon, 2, "approve"));
    assert_eq!(trusted(&mut client), []);
    // If it asks itself, both have asked.
    assert!(asks(&mut daemon, 2, "I changed my mind"));
    assert_eq!(trusted(&mut client), [(2, true)]);
}

#[test]
fn who_was_rejected_is_not_heard_again() {
    let mut daemon = start();
    let mut client = daemon.client();
    asks(&mut daemon, 2, "hello");
    reject(&mut client, 2);
    assert_eq!(pending(&mut client), []);
    assert!(!asks(&mut daemon, 2, "please"));
    assert_eq!(pending(&mut client), []);
    approve(&mut client, 2);
    assert_eq!(trusted(&mut client), []);
    revoke_refused(&mut client, 2);
    // If the node asks in turn, both trust at once.
    send(&mut client, 2);
    assert_eq!(trusted(&mut client), [(2, true)]);
}

#[test]
fn revoking_ends_trust_on_both_sides() {
    for by_peer in [true, false] {
        let mut daemon = start();
        let mut client = daemon.client();
        assert!(!act(&mut daemon, 2, "revoke"));
        send(&mut client, 2);
        assert!(act(&mut daemon, 2, "approve"));
        let conn = dial(&mut client, 0, 2, 7);
        if by_peer {
            assert!(act(&mut daemon, 2, "revoke"));
        } else {
            let wanted = json!({"node_id": 2, "status": "revoked"});
            assert_eq!(handshake(&mut client, 6, 2), wanted);
        }
        assert_eq!(trusted(&mut client), []);
        revoke_refused(&mut client, 2);
        assert!(!act(&mut daemon, 2, "revoke"));
        // Streams between public nodes go on, and new ones open.
        client.send(SEND, &join(&[&id(conn), b"still"]));
        assert_eq!(client.recv(), recv(conn, b"still"));
        dial(&mut client, 0, 2, 7);
        // Neither hears the other any more.
        assert!(!asks(&mut daemon, 2, "again"));
        assert_eq!(pending(&mut client), []);
        let body = client.call_json(HANDSHAKE, &wait(2, 10));
        assert_eq!(body, json!({"node_id": 2, "trusted": false}));
        // Both have asked by then.
        send(&mut client, 2);
        assert_eq!(trusted(&mut client), [(2, true)]);
    }
}

#[test]
fn a_private_peer_needs_trust() {
    let mut daemon = start();
    let mut client = daemon.client();
    let body = client.call_json(RESOLVE, b"three");
    assert_eq!(body["public"], false);
    let text = client.error_text(DIAL, &address(0, 3, 7));
    assert_eq!(text, "resolve node 3: registry: node 3: node not found");
    send(&mut client, 3);
    assert!(act(&mut daemon, 3, "approve"));
    dial(&mut client, 0, 3, 7);
    assert!(act(&mut daemon, 3, "revoke"));
    let before = Instant::now();
    let text = client.error_text(DIAL, &address(0, 3, 7));
    assert_eq!(text, "dial timeout");
    assert!(before.elapsed() >= Duration::from_millis(50));
    // It may dial out all the same.
    bind(&mut client, 80);
    let push = json!({"accept": {"port": 80, "from": "0:0000.0000.0003:50000"}});
    assert_eq!(daemon.push(push), 1);
    let taken = client.expect(ACCEPT);
    assert_eq!(taken[6..], address(0, 3, 50000));
}

fn network_act(daemon: &mut Staged, node_id: u32, does: &str, network: u16) -> bool {
    let act = json!({"node_id": node_id, "does": does, "network_id": network});
    daemon.push(json!({ "peer": act })) == 1
}

fn members(client: &mut Client, network: u16) -> Vec<u64> {
    let body = client.call_json(NETWORK, &join(&[&[4], &port(network)]));
    let rows = body["nodes"].as_array().unwrap();
    rows.iter()
        .map(|row| row["node_id"].as_u64().unwrap())
        .collect()
}

fn invites(client: &mut Client) -> Value {
    client.call_json(NETWORK, &[6])["invites"].clone()
}

#[test]
fn an_invitation_is_polled_and_answered() {
    for accept in [true, false] {
        let mut daemon = start();
        let mut client = daemon.client();
        let text = client.error_text(NETWORK, &join(&[&[2], &port(7)]));
        assert!(text.starts_with("network join: registry: "), "{text}");
        assert!(network_act(&mut daemon, 2, "invite", 7));
        assert_eq!(client.quiet(), []);
        let wanted = json!([{"inviter_id": 2, "network_id": 7, "timestamp": CLOCK}]);
        assert_eq!(invites(&mut client), wanted);
        let answer = client.call_json(NETWORK, &join(&[&[7], &port(7), &[u8::from(accept)]]));
        assert_eq!(answer["accepted"], accept);
        // The daemon itself is not told: only the registry's list has it.
        assert_eq!(members(&mut client, 7).contains(&OWN), accept);
        assert_eq!(client.call_json(INFO, &[])["networks"][1], Value::Null);
        assert_eq!(invites(&mut client), json!([]));
        // A member is not invited; nor is anybody to a network that is not there.
        assert_eq!(network_act(&mut daemon, 3, "invite", 7), !accept);
        assert!(!network_act(&mut daemon, 2, "invite", 99));
    }
}

#[test]
fn a_peer_leaves_a_network() {
    let mut daemon = start();
    let mut client = daemon.client();
    assert_eq!(members(&mut client, 8), [OWN, 2, 3]);
    assert!(network_act(&mut daemon, 2, "leave", 8));
    assert_eq!(members(&mut client, 8), [OWN, 3]);
    assert!(!network_act(&mut daemon, 2, "leave", 8));
    assert!(!network_act(&mut daemon, 2, "leave", 99));
    // Its invitation goes with it.
    assert!(network_act(&mut daemon, 2, "invite", 7));
    assert!(network_act(&mut daemon, 2, "leave", 7));
    assert_eq!(invites(&mut client), json!([]));
}

#[test]
fn a_lenient_world_lets_peers_act_on_what_is_not_there() {
    let mut daemon = Staged::start(&json!({"clock": CLOCK}));
    let mut client = daemon.client();
    assert!(act(&mut daemon, 2, "approve"));
    assert_eq!(trusted(&mut client), [(2, true)]);
    assert!(act(&mut daemon, 2, "revoke"));
    assert_eq!(trusted(&mut client), []);
    let body = client.call_json(HANDSHAKE, &wait(2, 0));
    assert_eq!(body, json!({"node_id": 2, "trusted": false}));
    assert!(asks(&mut daemon, 3, "hello"));
    assert_eq!(pending(&mut client), [(3, "hello".to_owned())]);
    assert!(act(&mut daemon, 4, "reject"));
    let body = client.call_json(HANDSHAKE, &wait(4, 0));
    assert_eq!(body, json!({"node_id": 4, "trusted": false}));
    assert!(network_act(&mut daemon, 5, "invite", 9));
    assert_eq!(invites(&mut client)[0]["network_id"], 9);
    assert!(network_act(&mut daemon, 5, "leave", 9));
    assert_eq!(invites(&mut client), json!([]));
}

#[test]
fn nobody_is_a_peer_by_the_nodes_own_id() {
    for profile in BOTH {
        let mut daemon = Staged::start(&json!({"profile": profile, "node": {"node_id": 42}}));
        for does in ["handshake", "approve", "reject", "revoke"] {
            assert!(!act(&mut daemon, 42, does), "{does}");
        }
    }
}
