//! All scenes, in the order of the recorded runs.

use mockpilot::node::{InviteConfig, PendingConfig, Service};

use super::elsewhere::{AGAIN, DENIED};
use super::plan::{AGREED, NONE, Scene, Setup};
use super::worlds::{
    alpha, alpha_second, beta, beta_first, gamma, node, peer, serving, stand_in, trusting_beta,
};

/// What a was recorded to do and see once b had approved.
const APPROVED: &[&str] = &[
    "a-trusted-after",
    "a-info-after",
    "a-wait-trusted",
    "a-sends-when-trusted",
];

/// What it was recorded to do and see once c had asked for trust in its turn.
const MUTUAL: &[&str] = &[
    "a-trusted-after-reject",
    "mutual: a-sends-c",
    "mutual: a-trusted",
    "mutual: a-pending",
    "verify: trusted flag",
    "a-revokes-c",
    "a-trusted-after-revoke",
    "a-revokes-c-again",
    "justification-2000-bytes",
];

/// What it was recorded to do and see once private c had approved.
const ADMITTED: &[&str] = &[
    "a-wait-c-15s",
    "a-resolves-gamma-trusted",
    "a-dials-c-trusted",
    "a-trusted-after-c-revoked",
    "a-dials-c-after-revoke",
];

/// `{"node_id":2,"status":"sent"}`
const SENT_TO_ITSELF: &str = "7b226e6f64655f6964223a322c22737461747573223a2273656e74227d";

const ZERO_HASH: &str = r#"{"audience":"svc","body_hash":"0000000000000000000000000000000000000000000000000000000000000000","nonce":"fa15a5b3634ba9ff"}"#;

/// All scenes.
pub const SCENES: &[Scene] = &[
    Scene {
        name: "1 a",
        session: 1,
        groups: &[
            "info",
            "health",
            "scan-empty",
            "bind",
            "unbind",
            "dial",
            "send",
            "close",
            "sendto",
            "sendto-confirm",
            "handshake",
            "handshake-approve",
            "handshake-reject",
            "handshake-revoke",
            "resolve",
            "hostname",
            "visibility",
            "tags",
            "webhook",
            "submit-badge",
            "enroll-recovery",
            "sign-envelope",
            "verify-envelope",
            "prefer-direct",
            "network",
            "managed",
            "broadcast",
            "rotate",
            "deregister",
        ],
        clients: &["a", "a2"],
        config: || {
            let mut config = alpha();
            // Two seconds after the envelope that the stale ones are made of.
            config.clock = Some(1_795_292_139);
            config
        },
        setup: &[
            (
                "bind/01-payload-1-bytes",
                Setup::Exchange("a", "011388", &[("a", 2, "1388")]),
            ),
            (
                "dial/03-payload-1-bytes",
                Setup::Exchange("a2", "011388", &[("a2", 2, "1388")]),
            ),
            (
                "dial/03-payload-1-bytes",
                Setup::Exchange("a", "0103eb", &[("a", 2, "03eb")]),
            ),
            (
                "dial/03-payload-1-bytes",
                Setup::Exchange("a", "01c000", &[("a", 2, "c000")]),
            ),
            (
                "verify-envelope/own-ok",
                Setup::Sign(
                    "pilot-req-v1|000000000001|1795292137|fa15a5b3634ba9ff||svc",
                    "qh2uT04hTZjdvwB6zAL59GAXhcsiIQTaWffWWVla55nEQWauq0zQxy0z7E0fI1I3TP3jhleAArSd2B2l9xDEAw==",
                    ZERO_HASH,
                ),
            ),
        ],
        stale: &[
            "verify-envelope/stale-2s-skew1",
            "verify-envelope/stale-and-tampered",
        ],
        lenient: AGREED,
        ..NONE
    },
    Scene {
        name: "1 b",
        session: 1,
        groups: &["info", "hostname", "visibility", "tags", "deregister"],
        clients: &["b"],
        config: beta,
        ..NONE
    },
    Scene {
        name: "2 trust at a",
        session: 2,
        groups: &["handshake-flow"],
        except: &[APPROVED, MUTUAL],
        config: alpha_second,
        ..NONE
    },
    Scene {
        name: "2 trust at a, approved",
        session: 2,
        groups: &["handshake-flow"],
        only: APPROVED,
        config: trusting_beta,
        ..NONE
    },
    Scene {
        name: "2 trust at a, mutual",
        session: 2,
        groups: &["handshake-flow"],
        only: MUTUAL,
        config: || {
            let mut config = trusting_beta();
            config.pending = vec![PendingConfig {
                node_id: 3,
                justification: "m2".to_owned(),
            }];
            config
        },
        setup: &[(
            "handshake-flow/a-trusted-after-reject",
            Setup::Exchange("a", "0f010000000278", &[("a", 0x10, SENT_TO_ITSELF)]),
        )],
        ..NONE
    },
    Scene {
        name: "2 trust at b",
        session: 2,
        groups: &["handshake-flow"],
        except: &[&["b-pending-before"]],
        clients: &["b"],
        config: || beta_first("hello there"),
        setup: &[(
            "handshake-flow/b-info",
            Setup::Exchange("b", "011770", &[("b", 2, "1770")]),
        )],
        ..NONE
    },
    Scene {
        name: "2 streams",
        session: 2,
        groups: &["bind", "dial-before-trust", "stream", "dial", "echo"],
        clients: &["a", "a2", "b", "b2"],
        joined: Some(1),
        config: alpha_second,
        lenient: &[
            ("bind", &[]),
            ("dial-before-trust", &[]),
            ("stream", &[]),
            (
                "dial",
                &[
                    "a-dials-b-unbound-port-6999",
                    "a-dials-b-port-0",
                    // Port 6100 is answered at whatever address.
                    "a-dials-unknown-node-4242",
                    "a-dials-node-0",
                    "a-dials-broadcast-node",
                ],
            ),
            ("echo", &[]),
        ],
        ..NONE
    },
    Scene {
        name: "3 datagrams",
        session: 3,
        groups: &["webhook", "datagram"],
        clients: &["a", "a2"],
        config: alpha,
        ..NONE
    },
    Scene {
        name: "3 private node",
        session: 3,
        groups: &["private-node"],
        except: &[ADMITTED],
        config: || {
            let mut config = alpha();
            config.peers.push(gamma(false));
            config
        },
        ..NONE
    },
    Scene {
        name: "3 private node, trusted",
        session: 3,
        groups: &["private-node"],
        only: ADMITTED,
        config: || {
            let mut config = alpha();
            config.peers.push(gamma(true));
            config
        },
        setup: &[(
            "private-node/a-trusted-after-c-revoked",
            Setup::Act(r#"{"peer": {"node_id": 3, "does": "revoke"}}"#),
        )],
        ..NONE
    },
    Scene {
        name: "3 slow dials",
        session: 3,
        groups: &["slow-dial"],
        except: &[&["dial-after-peer-thaws"]],
        clients: &["a", "a2"],
        later: &["ax"],
        config: || {
            let mut config = node(1, "alpha");
            let hang = [(7200, Service::Hang), (7201, Service::Hang)];
            config.peers = vec![
                serving(peer(2, "beta"), &[(7300, Service::Discard)]),
                serving(peer(4, "delta"), &hang),
            ];
            config
        },
        ..NONE
    },
    Scene {
        name: "3 framing",
        session: 3,
        groups: &["framing"],
        later: &["f1", "f2", "f3", "f4", "f5", "f6"],
        config: alpha,
        setup: &[
            ("framing/a-binds-7400-after", Setup::CutFrame("f3")),
            ("framing/a-binds-7400-after", Setup::AwaitPorts("a", 4)),
        ],
        strays: &[("framing/zero-length-then-info", "a")],
        lenient: &[("framing", &[])],
        ..NONE
    },
    Scene {
        name: "3 pipeline",
        session: 3,
        groups: &["pipeline"],
        clients: &["a", "p"],
        config: || {
            let mut config = alpha();
            config.peers[0] = serving(peer(2, "beta"), &[(7300, Service::Discard)]);
            config
        },
        setup: &[(
            "pipeline/20-mixed-local",
            Setup::Exchange("a", "011ce8", &[("a", 2, "1ce8")]),
        )],
        lenient: &[(
            "pipeline",
            &[
                "registry-then-local",
                "wait-1s-then-health-x3",
                "dial-then-health",
                "two-waits",
                "confirm-x5",
            ],
        )],
        ..NONE
    },
    Scene {
        name: "4 networks",
        session: 4,
        groups: &["net2", "managed2", "relayed-errors", "badge2", "rotate2"],
        config: stand_in,
        ..NONE
    },
    Scene {
        name: "4 networks at b",
        session: 4,
        groups: &["net2"],
        clients: &["b"],
        config: || {
            let mut config = stand_in();
            config.node.node_id = 2;
            config.node.hostname = "beta".to_owned();
            config.peers = vec![peer(1, "alpha")];
            config.networks[0].members = vec![1];
            config.invites = vec![InviteConfig {
                network_id: 3,
                inviter_id: 1,
            }];
            config
        },
        ..NONE
    },
    Scene {
        name: "6 policy",
        session: 6,
        groups: &["trust-verify", "policy-deny"],
        except: &[DENIED],
        config: || {
            let mut config = stand_in();
            config.peers[0] = serving(peer(2, "beta"), &[(8500, Service::Discard)]);
            config
        },
        ..NONE
    },
    Scene {
        name: "7 a",
        session: 7,
        groups: &["enroll3", "visibility-resolve"],
        config: alpha,
        ..NONE
    },
    Scene {
        name: "7 b",
        session: 7,
        groups: &["visibility-resolve"],
        clients: &["b"],
        except: &[&["b-dials-private-a-after-earlier-tunnel"]],
        config: || {
            let mut config = beta();
            config.peers[0].public = false;
            config
        },
        ..NONE
    },
    Scene {
        name: "8 b",
        session: 8,
        groups: &["long-windows"],
        clients: &["b"],
        except: &[&["b-binds-9300"]],
        config: || beta_first("1"),
        setup: AGAIN,
        ..NONE
    },
    Scene {
        name: "8 a",
        session: 8,
        groups: &["long-windows"],
        except: &[&["a-dials-b-9300-then-idle"]],
        config: alpha_second,
        ..NONE
    },
    Scene {
        name: "9 a",
        session: 9,
        groups: &["managed-plain"],
        config: alpha,
        ..NONE
    },
    Scene {
        name: "10 a",
        session: 10,
        groups: &[
            "dataexchange-untrusted",
            "trust",
            "dataexchange",
            "eventstream",
        ],
        clients: &["a", "a2"],
        except: &[&["a-trusted"]],
        config: alpha_second,
        setup: &[
            (
                "eventstream/sub1-dial",
                Setup::Exchange("a", "0300000000000103ea", &[("a", 4, "00000002")]),
            ),
            (
                "eventstream/sub1-dial",
                Setup::Exchange("a", "060000000200017400000000", &[]),
            ),
        ],
        ..NONE
    },
    Scene {
        name: "10 a, approved",
        session: 10,
        groups: &["trust"],
        only: &["a-trusted"],
        config: trusting_beta,
        ..NONE
    },
    Scene {
        name: "10 b",
        session: 10,
        groups: &["trust"],
        clients: &["b"],
        config: || beta_first("x"),
        ..NONE
    },
];
