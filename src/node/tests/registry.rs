//! What the faithful profile refuses, in the registry's words.

use super::*;

/// A faithful node that has an enterprise network by invitation (3), one with a token (1), an open
/// one (2), and an invitation to 3.
fn world(admin_token: Option<&str>) -> World {
    let mut config = faithful_config();
    config.node.admin_token = admin_token.map(str::to_owned);
    let network = |id, join_rule, enterprise| NetworkConfig {
        join_rule,
        enterprise,
        token: "tok".to_owned(),
        ..NetworkConfig::new(id)
    };
    config.networks = vec![
        network(1, JoinRule::Token, false),
        network(2, JoinRule::Open, false),
        network(3, JoinRule::Invite, true),
    ];
    config.networks[1].members = vec![2, 77];
    config.invites.push(InviteConfig {
        network_id: 3,
        inviter_id: 2,
    });
    World::new(&config)
}

fn error(w: &mut World, request: &Request<'_>) -> String {
    let said = w.say(1, request);
    let line = said.first().map_or("", String::as_str);
    line.strip_prefix("1 error ").unwrap_or(line).to_owned()
}

fn join(network_id: u16, token: &[u8]) -> Request<'_> {
    Request::NetworkJoin { network_id, token }
}

#[test]
fn joins_and_leaves() {
    let mut w = world(None);
    for (request, text) in [
        (
            join(0, b""),
            "network join: registry: cannot join the backbone network",
        ),
        (
            join(99, b""),
            "network join: registry: network 99: network not found",
        ),
        (
            join(1, b"bad"),
            "network join: registry: invalid token for network 1",
        ),
        (
            join(3, b""),
            "network join: registry: invite-only networks require invite_to_network + \
             respond_invite flow",
        ),
        (
            Request::NetworkLeave { network_id: 2 },
            "network leave: registry: node 1 is not a member of network 2",
        ),
        (
            Request::NetworkLeave { network_id: 0 },
            "network leave: registry: cannot leave the backbone network",
        ),
        (
            Request::NetworkMembers { network_id: 0 },
            "network members: registry: listing backbone nodes is not permitted (use lookup with \
             a specific node_id)",
        ),
    ] {
        assert_eq!(error(&mut w, &request), text);
    }
    assert!(error(&mut w, &join(1, b"tok")).contains(r#""address":"1:0001.0000.0001""#));
    assert_eq!(
        error(&mut w, &join(1, b"tok")),
        "network join: registry: node 1 already in network 1"
    );
    assert!(w.info().ends_with("networks [1]"));
    let leave = Request::NetworkLeave { network_id: 1 };
    assert!(error(&mut w, &leave).contains("leave_network_ok"));
    assert!(w.info().ends_with("networks []"));
}

#[test]
fn members_whose_node_is_unknown_are_offline() {
    let mut w = world(None);
    let rows = error(&mut w, &Request::NetworkMembers { network_id: 2 });
    assert!(rows.contains(r#""hostname":"beta""#), "{rows}");
    assert!(
        rows.contains(
            r#"{"address":"2:0002.0000.004D","node_id":77,"offline":true,"role":"member"}"#
        ),
        "{rows}"
    );
}

#[test]
fn invitations_out() {
    let invite = |network_id, node_id| Request::NetworkInvite {
        network_id,
        node_id,
    };
    let mut w = world(Some("t"));
    for (request, text) in [
        (invite(3, 1), "cannot invite yourself"),
        (invite(99, 2), "network 99: network not found"),
        (
            invite(2, 2),
            "enterprise feature: requires enterprise network",
        ),
        (invite(3, 4242), "target node 4242: node not found"),
    ] {
        let text = format!("network invite: registry: {text}");
        assert_eq!(error(&mut w, &request), text);
    }
    assert_eq!(
        w.say(1, &invite(3, 2)),
        [r#"1 {"network_id":3,"target_node_id":2,"type":"invite_to_network_ok"}"#]
    );
    assert!(w.say(1, &invite(3, 2))[0].contains(r#""status":"already_invited""#));
    let mut w = world(None);
    assert_eq!(
        error(&mut w, &invite(3, 2)),
        "network invite: registry: inviter 1 is not a member of network 3"
    );
}

#[test]
fn an_accepted_invitation_makes_a_member_but_not_a_joined_network() {
    let respond = |accept| Request::NetworkRespondInvite {
        network_id: 3,
        accept,
    };
    let mut w = world(None);
    assert!(error(&mut w, &Request::NetworkPollInvites).contains(r#""inviter_id":2"#));
    assert!(error(&mut w, &respond(true)).contains(r#""accepted":true"#));
    assert!(w.info().ends_with("networks []"));
    assert_eq!(
        error(&mut w, &respond(true)),
        "network respond-invite: registry: no pending invite for node 1 to network 3"
    );
    let rows = error(&mut w, &Request::NetworkMembers { network_id: 3 });
    assert!(rows.contains(r#""hostname":"alpha""#), "{rows}");
}

#[test]
fn after_deregistering_the_registry_knows_the_node_no_more() {
    let mut w = world(None);
    for _ in 0..2 {
        assert_eq!(
            error(&mut w, &Request::Deregister),
            r#"1 {"type":"deregister_ok"}"#
        );
    }
    let hostname = || "alpha".to_owned();
    for (request, text) in [
        (
            Request::SetHostname {
                hostname: hostname(),
            },
            "set_hostname: registry: node 1: node not found",
        ),
        (
            Request::SetTags { tags: None },
            "set_tags: registry: node 1: node not found",
        ),
        (
            Request::SetVisibility { public: true },
            "set_visibility: registry: node 1: node not found",
        ),
        (
            Request::RotateKey,
            "rotate_key: registry: registry: node 1: node not found",
        ),
        (
            Request::ResolveHostname {
                hostname: hostname(),
            },
            "resolve_hostname: registry: hostname \"alpha\" not found",
        ),
        (
            Request::SubmitBadge {
                badge: "pilotbadge:v1:1:github:1:0:k:".to_owned(),
                badge_sig: "AAAA".to_owned(),
            },
            "submit_badge: registry: node 1: node not found",
        ),
    ] {
        assert_eq!(error(&mut w, &request), text);
    }
}

#[test]
fn unknown_and_hidden_nodes_are_not_found() {
    let mut w = World::faithful();
    for node in [0, 4242, u32::MAX, 3] {
        let text = format!("1 error resolve node {node}: registry: node {node}: node not found");
        assert_eq!(w.dial(1, node, 7), [text]);
    }
    let direct = Request::PreferDirect { node_id: 2 };
    assert_eq!(w.dial(1, 2, 6999), ["1 error connection refused"]);
    // Who refuses was reached.
    assert!(error(&mut w, &direct).contains(r#""had_tunnel":true"#));
    assert_eq!(w.dial(1, 2, 13), ["1 dialled 1", "1 recv 1 hello\n"]);
    let send = Request::HandshakeSend {
        node_id: 4242,
        justification: String::new(),
    };
    assert_eq!(
        error(&mut w, &send),
        "handshake request: handshake relay: registry: node 4242: node not found"
    );
    let resolve = Request::ResolveHostname {
        hostname: "gamma".to_owned(),
    };
    assert!(error(&mut w, &resolve).contains(r#""public":false"#));
}

#[test]
fn envelopes_verify_until_the_key_is_rotated() {
    let mut w = World::faithful();
    let sign = |w: &mut World| -> (String, String) {
        let request = Request::SignEnvelope {
            audience: "svc".to_owned(),
            body_hash: String::new(),
            body_b64: "aGVsbG8=".to_owned(),
            nonce: String::new(),
        };
        let body: serde_json::Value = serde_json::from_str(&w.say(1, &request)[0][2..]).unwrap();
        let text = |key: &str| body[key].as_str().unwrap().to_owned();
        (text("envelope"), text("signature"))
    };
    let verify = |w: &mut World, (envelope, signature): &(String, String)| {
        let request = Request::VerifyEnvelope {
            envelope: envelope.clone(),
            signature: signature.clone(),
            max_skew_secs: 0.0,
            check_standing: false,
        };
        error(w, &request)
    };
    let old = sign(&mut w);
    assert!(
        old.0
            .contains("|2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824|")
    );
    assert!(verify(&mut w, &old).contains(r#""verified_via":"registry""#));
    assert!(verify(&mut w, &old).contains(r#""verified_via":"cache""#));
    w.say(1, &Request::RotateKey);
    let new = sign(&mut w);
    assert!(verify(&mut w, &old).contains(r#""valid":true"#));
    assert!(verify(&mut w, &new).contains("reqsig: signature verification failed"));
    w.pass(301_000);
    assert!(verify(&mut w, &old).contains("reqsig: envelope timestamp outside ±5m0s window"));
    // A key that was never looked up is not found once the node has left the registry.
    let mut w = World::faithful();
    let signed = sign(&mut w);
    w.say(1, &Request::Deregister);
    let gone = "public key for node 1 unavailable: lookup node 1: registry: node 1: node not found";
    assert!(verify(&mut w, &signed).contains(gone));
}
