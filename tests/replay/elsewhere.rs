//! Scenes of what other daemons saw, and of what they did: with peers that act, and with pushes.

use mockpilot::node::{PendingConfig, Service};

use super::plan::{NONE, Scene, Setup};
use super::worlds::{alpha, alpha_second, beta, node, peer, serving, stand_in};

/// What a peer's policy was recorded to deny.
pub const DENIED: &[&str] = &["a-dials-b-on-net1-b-denies", "a-dials-b-on-net0-still"];

/// Node 2 asks again after b has rejected it.
pub const AGAIN: &[(&str, Setup)] = &[
    ("long-windows/b-pending-125s", ASKS),
    ("long-windows/b-pending-185s", ASKS),
    ("long-windows/b-pending-245s", ASKS),
    ("long-windows/b-pending-305s", ASKS),
    ("long-windows/b-pending-365s", ASKS),
    ("long-windows/b-pending-410s", ASKS),
];

const ASKS: Setup =
    Setup::Act(r#"{"peer": {"node_id": 2, "does": "handshake", "justification": "again"}}"#);

/// All of them, in the order of the recorded runs.
pub const ELSEWHERE: &[Scene] = &[
    Scene {
        name: "2 trust at b, before",
        session: 2,
        groups: &["handshake-flow"],
        only: &["b-pending-before"],
        clients: &["b"],
        config: || node(1, "beta"),
        ..NONE
    },
    Scene {
        name: "2 trust at c",
        session: 2,
        groups: &["handshake-flow"],
        clients: &["c"],
        config: || {
            let mut config = node(3, "gamma");
            config.peers = vec![peer(2, "alpha")];
            config.pending = vec![PendingConfig {
                node_id: 2,
                justification: String::new(),
            }];
            config
        },
        setup: &[
            ("handshake-flow/c-pending-2", ASKS),
            ("handshake-flow/mutual: c-trusted", ASKS),
            (
                "handshake-flow/c-trusted-after-revoke",
                Setup::Act(r#"{"peer": {"node_id": 2, "does": "revoke"}}"#),
            ),
            ("handshake-flow/c-pending-long-justification", ASKS),
        ],
        ..NONE
    },
    Scene {
        name: "3 datagrams at b",
        session: 3,
        groups: &["datagram"],
        only: &["b-binds-7000"],
        clients: &["b"],
        config: beta,
        ..NONE
    },
    Scene {
        name: "3 a datagram from b",
        session: 3,
        groups: &["datagram"],
        only: &["b-replies-to-source-port"],
        clients: &["a", "a2"],
        config: alpha,
        instead: &[(
            "b-replies-to-source-port",
            r#"{"recv_from": {"from": "0:0000.0000.0002:49152", "to_port": 7001, "data": "reply"}}"#,
        )],
        ..NONE
    },
    Scene {
        name: "3 private node at c",
        session: 3,
        groups: &["private-node"],
        clients: &["c"],
        config: || {
            let mut config = node(3, "gamma");
            config.node.public = false;
            config.peers = vec![peer(1, "alpha")];
            config
        },
        setup: &[(
            "private-node/c-pending (after relay poll wait)",
            Setup::Act(r#"{"peer": {"node_id": 1, "does": "handshake", "justification": "hi"}}"#),
        )],
        ..NONE
    },
    Scene {
        name: "3 slow dials at d",
        session: 3,
        groups: &["slow-dial"],
        clients: &["d"],
        config: || node(4, "delta"),
        ..NONE
    },
    Scene {
        name: "3 slow dials, thawed",
        session: 3,
        groups: &["slow-dial"],
        only: &["dial-after-peer-thaws"],
        config: || {
            let mut config = node(1, "alpha");
            config.peers = vec![serving(peer(4, "delta"), &[(7200, Service::Discard)])];
            config
        },
        ..NONE
    },
    Scene {
        name: "4 datagrams at b",
        session: 4,
        groups: &["datagram2", "ordering"],
        clients: &["b", "b2"],
        config: beta,
        instead: &[
            (
                "a-sendto-b-7000: which clients of b see it",
                r#"{"recv_from": {"from": "0:0000.0000.0001:49161", "to_port": 7000, "data": "who sees"}}"#,
            ),
            (
                "sendto-on-net1-address",
                r#"{"recv_from": {"from": "1:0001.0000.0001:49162", "to_port": 7000, "data": "net one"}}"#,
            ),
        ],
        ..NONE
    },
    Scene {
        name: "6 policy at b",
        session: 6,
        groups: &["trust-verify", "policy-deny"],
        clients: &["b"],
        config: || {
            let mut config = stand_in();
            config.node.node_id = 2;
            config.node.hostname = "beta".to_owned();
            config.peers = vec![peer(1, "alpha")];
            config.networks[0].members = vec![1];
            config.pending = vec![PendingConfig {
                node_id: 1,
                justification: String::new(),
            }];
            config
        },
        ..NONE
    },
    Scene {
        name: "6 policy, denied",
        session: 6,
        groups: &["policy-deny"],
        only: DENIED,
        config: || {
            let mut config = stand_in();
            config.peers[0] = serving(peer(2, "beta"), &[(8500, Service::Hang)]);
            config
        },
        ..NONE
    },
    Scene {
        name: "7 b, a tunnel from before",
        session: 7,
        groups: &["visibility-resolve"],
        only: &["b-dials-private-a-after-earlier-tunnel"],
        clients: &["b"],
        config: || {
            let mut config = node(2, "beta");
            config.peers = vec![serving(peer(1, "alpha"), &[(7, Service::Hang)])];
            config
        },
        ..NONE
    },
    Scene {
        name: "8 idle",
        session: 8,
        groups: &["long-windows"],
        only: &[
            "b-binds-9300",
            "a-dials-b-9300-then-idle",
            "pushes-while-idle-until-185s",
        ],
        clients: &["a", "b"],
        joined: Some(1),
        config: alpha_second,
        instead: &[(
            "pushes-while-idle-until-185s",
            r#"[{"close": {"conn": 1}}, {"close": {"conn": 2}}]"#,
        )],
        ..NONE
    },
];
