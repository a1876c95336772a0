//! The networks of a scenario's world: who may join them and what may be done in them.

use crate::staged::*;
use crate::support::Client;
use serde_json::{Value, json};

const OWN: u32 = 0x1234_5678;

/// A network of each kind; the node is in the last two.
fn start(profile: &str) -> Staged {
    Staged::start(&json!({
        "profile": profile, "clock": 1_800_000_000,
        "node": {"admin_token": "s3cret"},
        "peers": [{"node_id": 2, "hostname": "beta"}],
        "networks": [
            {"id": 7, "name": "lab", "members": [2]},
            {"id": 8, "join_rule": "token", "token": "t0ken", "members": [2]},
            {"id": 9, "join_rule": "invite", "enterprise": true},
            {"id": 10, "name": "run", "managed": true, "members": [2, OWN]},
            {"id": 11, "name": "firm", "enterprise": true, "members": [OWN, 2]},
        ],
    }))
}

fn network(sub: u8, id: u16, rest: &[u8]) -> Vec<u8> {
    join(&[&[sub], &port(id), rest])
}

fn refusal(client: &mut Client, payload: &[u8]) -> String {
    client.error_text(NETWORK, payload)
}

/// The networks that the node has joined, in the order of its joining.
fn joined(client: &mut Client) -> Vec<u64> {
    let info = client.call_json(INFO, &[]);
    let rows = info["networks"].as_array().cloned().unwrap_or_default();
    rows.iter()
        .map(|row| row["network_id"].as_u64().unwrap())
        .collect()
}

#[test]
fn they_are_listed_as_they_are() {
    for profile in BOTH {
        let daemon = start(profile);
        let mut client = daemon.client();
        let body = client.call_json(NETWORK, &[1]);
        let rows = body["networks"].as_array().unwrap();
        let row = |row: &Value| {
            let text = |key: &str| row[key].as_str().unwrap().to_owned();
            let enterprise = row["enterprise"].as_bool().unwrap();
            let managed = row.get("managed").is_some();
            let id = row["id"].as_u64().unwrap();
            (id, text("name"), text("join_rule"), enterprise, managed)
        };
        let got: Vec<_> = rows.iter().map(row).collect();
        let want = |id, name: &str, rule: &str, enterprise, managed| {
            (id, name.to_owned(), rule.to_owned(), enterprise, managed)
        };
        let wanted = [
            want(0, "backbone", "open", false, false),
            want(7, "lab", "open", false, false),
            want(8, "net-8", "token", false, false),
            want(9, "net-9", "invite", true, false),
            want(10, "run", "open", false, true),
            want(11, "firm", "open", true, false),
        ];
        assert_eq!(got, wanted);
        assert_eq!(joined(&mut client), [10, 11]);
    }
}

#[test]
fn members_are_listed_in_their_order() {
    for profile in BOTH {
        let daemon = start(profile);
        let mut client = daemon.client();
        let members = |client: &mut Client, id: u16| -> Vec<u64> {
            let body = client.call_json(NETWORK, &network(4, id, &[]));
            let rows = body["nodes"].as_array().unwrap();
            rows.iter()
                .map(|row| row["node_id"].as_u64().unwrap())
                .collect()
        };
        assert_eq!(members(&mut client, 10), [2, u64::from(OWN)]);
        assert_eq!(members(&mut client, 11), [u64::from(OWN), 2]);
        client.call_json(NETWORK, &network(2, 7, &[]));
        assert_eq!(members(&mut client, 7), [2, u64::from(OWN)]);
        assert_eq!(joined(&mut client), [10, 11, 7]);
    }
}

#[test]
fn who_may_join() {
    for profile in BOTH {
        let daemon = start(profile);
        let mut client = daemon.client();
        let wrong = "network join: registry: invalid token for network 8";
        assert_eq!(refusal(&mut client, &network(2, 8, b"guess")), wrong);
        assert_eq!(refusal(&mut client, &network(2, 8, b"")), wrong);
        let body = client.call_json(NETWORK, &network(2, 8, b"t0ken"));
        assert_eq!(body["address"], "8:0008.1234.5678");
        if profile == "lenient" {
            client.call_json(NETWORK, &network(2, 9, &[]));
            client.call_json(NETWORK, &network(2, 99, &[]));
            assert_eq!(joined(&mut client), [10, 11, 8, 9, 99]);
        } else {
            let text = refusal(&mut client, &network(2, 9, &[]));
            assert_eq!(
                text,
                "network join: registry: invite-only networks require invite_to_network + \
                 respond_invite flow"
            );
            let text = refusal(&mut client, &network(2, 99, &[]));
            let wanted = "network join: registry: network 99: network not found";
            assert_eq!(text, wanted);
            assert_eq!(joined(&mut client), [10, 11, 8]);
        }
    }
}

#[test]
fn enterprise_networks_invite() {
    let daemon = start("faithful");
    let mut client = daemon.client();
    let invite = |id: u16| network(5, id, &2_u32.to_be_bytes());
    let text = refusal(&mut client, &invite(10));
    assert_eq!(
        text,
        "network invite: registry: enterprise feature: requires enterprise network"
    );
    let text = refusal(&mut client, &invite(11));
    assert!(!text.contains("enterprise"), "{text}");
    let daemon = start("lenient");
    let mut client = daemon.client();
    for id in [10, 11] {
        let body = client.call_json(NETWORK, &invite(id));
        assert_eq!(body["target_node_id"], 2);
    }
}

#[test]
fn managed_networks_have_an_engine() {
    let managed = |sub: u8, id: u16| join(&[&[sub], &port(id)]);
    for profile in BOTH {
        let daemon = start(profile);
        let mut client = daemon.client();
        let status = client.call_json(0x23, &managed(2, 10));
        assert_eq!(status["network_id"], 10);
        assert_eq!(status["joined_at"], "2027-01-15T08:00:00Z");
        assert_eq!(client.call_json(0x23, &managed(4, 10))["cycle_num"], 1);
        if profile == "faithful" {
            let text = client.error_text(0x23, &managed(2, 11));
            assert_eq!(text, "managed: no active managed networks");
        } else {
            assert_eq!(client.call_json(0x23, &managed(2, 11))["network_id"], 11);
        }
    }
}

#[test]
fn the_state_has_all_that_a_network_keeps() {
    for profile in BOTH {
        let mut daemon = start(profile);
        let mut client = daemon.client();
        // Which only the lenient profile allows.
        client.call(NETWORK, &network(5, 11, &[0, 0, 0, 9]));
        let tags = [&[6, 1], &port(10)[..], &[0, 0, 0, 2], b"[\"db\"]"].concat();
        client.call_json(0x23, &tags);
        client.call_json(0x23, &[&[4], &port(10)[..]].concat());
        let document = json!({"version": 1, "rules": [{"name": "r", "on": "dial", "match": "true",
            "actions": [{"type": "webhook", "params": {"event": "e", "token": "s3cret"}}]}]});
        let token = [&port(6)[..], b"s3cret"].concat();
        let set = [
            &[5, 1],
            &port(7)[..],
            &token,
            document.to_string().as_bytes(),
        ]
        .concat();
        client.call_json(0x23, &set);
        let state = daemon.told("state", json!({}))["state"].clone();
        let rows = state["networks"].as_array().unwrap();
        let row = |id: u16| rows.iter().find(|row| row["id"] == id).unwrap();
        let kept = |id: u16| {
            let row = row(id);
            json!([
                row["enterprise"],
                row["managed"],
                row["token"],
                row["member_tags"],
                row["invited"]
            ])
        };
        assert_eq!(kept(7), json!([false, false, false, {}, []]));
        assert_eq!(kept(8), json!([false, false, true, {}, []]));
        assert_eq!(kept(10), json!([false, true, false, {"2": ["db"]}, []]));
        let invited: &[u32] = if profile == "lenient" { &[9] } else { &[] };
        assert_eq!(kept(11), json!([true, false, false, {}, invited]));
        let engines = json!([
            {"cycle_num": 0, "engine": "policy", "network_id": 7},
            {"cycle_num": 1, "engine": "managed", "network_id": 10},
        ]);
        assert_eq!(state["engines"], engines);
        let mut told = document;
        told["rules"][0]["actions"][0]["params"]["token"] = "<redacted>".into();
        assert_eq!(
            state["policies"],
            json!([{"expr_policy": told, "network_id": 7}])
        );
    }
}

#[test]
fn a_broadcast_needs_membership_in_the_faithful_profile() {
    let broadcast = |id: u16| join(&[&port(id), &port(80), &port(6), b"s3cret", b"data"]);
    for profile in BOTH {
        let daemon = start(profile);
        let mut client = daemon.client();
        assert_eq!(client.call(0x29, &broadcast(11)), (0x2A, vec![]));
        if profile == "faithful" {
            let text = client.error_text(0x29, &broadcast(7));
            assert_eq!(
                text,
                format!("broadcast: broadcast denied: node {OWN} is not a member of network 7")
            );
            let text = client.error_text(0x29, &broadcast(99));
            assert!(
                text.starts_with("broadcast: list nodes for broadcast: registry: "),
                "{text}"
            );
        } else {
            for id in [7, 99] {
                assert_eq!(client.call(0x29, &broadcast(id)), (0x2A, vec![]));
            }
        }
    }
}

#[test]
fn tokens_are_nowhere_to_be_seen() {
    let mut daemon = start("faithful");
    let mut client = daemon.client();
    refusal(&mut client, &network(2, 8, b"gu3ss"));
    client.call_json(NETWORK, &network(2, 8, b"t0ken"));
    for verb in ["state", "journal", "rules", "clients"] {
        let answer = daemon.told(verb, json!({})).to_string();
        for secret in ["s3cret", "t0ken", "gu3ss"] {
            assert!(!answer.contains(secret), "{verb}: {answer}");
        }
    }
    let journal = daemon.told("journal", json!({"since": 0})).to_string();
    assert_eq!(journal.matches("<redacted>").count(), 2, "{journal}");
}
