//! The scenes: which recorded exchanges make up one conversation, and with what daemon.

use mockpilot::node::Config;

use super::recording::Exchange;

/// One conversation.
pub struct Scene {
    pub name: &'static str,
    /// The recorded run.
    pub session: u64,
    pub groups: &'static [&'static str],
    /// Cases that are replayed; empty for all.
    pub only: &'static [&'static str],
    /// Cases that another scene replays.
    pub except: &'static [&'static [&'static str]],
    /// The clients whose exchanges are replayed; they are there from the start.
    pub clients: &'static [&'static str],
    /// Clients that come when they first send.
    pub later: &'static [&'static str],
    /// A second recorded daemon whose clients are on ours here, by its node id.
    pub joined: Option<u32>,
    pub config: fn() -> Config,
    /// What is done before an exchange.
    pub setup: &'static [(&'static str, Setup)],
    /// Exchanges whose part on another daemon is a push here, by case.
    pub instead: &'static [(&'static str, &'static str)],
    /// Groups that the lenient profile must answer alike, and the cases in which it need not.
    pub lenient: &'static [(&'static str, &'static [&'static str])],
    /// Exchanges whose envelope is sent with its recorded time.
    pub stale: &'static [&'static str],
    /// Frames of an exchange, by its name and the client, that something before it caused.
    pub strays: &'static [(&'static str, &'static str)],
}

/// Something that happened in the recorded run but was not kept, or has no frame.
pub enum Setup {
    /// A request of a client in hex, and the frames it brings: client, command, payload in hex.
    Exchange(
        &'static str,
        &'static str,
        &'static [(&'static str, u8, &'static str)],
    ),
    /// Has our daemon sign what the recorded one had signed: envelope, signature, our request.
    Sign(&'static str, &'static str, &'static str),
    /// A client goes in the middle of a frame.
    CutFrame(&'static str),
    /// What a peer does, as a push.
    Act(&'static str),
    /// Info of a client is asked until it tells of so many ports.
    AwaitPorts(&'static str, u64),
}

pub const NONE: Scene = Scene {
    name: "",
    session: 0,
    groups: &[],
    only: &[],
    except: &[],
    clients: &["a"],
    later: &[],
    joined: None,
    config: Config::default,
    setup: &[],
    instead: &[],
    lenient: &[],
    stale: &[],
    strays: &[],
};

impl Scene {
    /// Whether a client's frames are looked at.
    pub fn has(&self, client: &str) -> bool {
        self.clients.contains(&client) || self.later.contains(&client)
    }

    /// Whether an exchange belongs to this conversation.
    pub fn takes(&self, x: &Exchange) -> bool {
        // b's approval is part of an exchange of both.
        let shared = x.client == "a,b" && x.group == "handshake-flow" && self.has("b");
        let pushed = self.instead.iter().any(|(case, _)| *case == x.case);
        x.session == self.session
            && self.groups.contains(&x.group.as_str())
            && (self.only.is_empty() || self.only.contains(&x.case.as_str()))
            && !self
                .except
                .iter()
                .any(|list| list.contains(&x.case.as_str()))
            && (shared || pushed || x.client.split(',').all(|client| self.has(client)))
    }

    /// Whether the lenient profile must answer it alike.
    pub fn takes_leniently(&self, x: &Exchange) -> bool {
        self.takes(x)
            && self
                .lenient
                .iter()
                .any(|(group, except)| *group == x.group && !except.contains(&x.case.as_str()))
    }
}

/// What both profiles must answer alike in session 1: by group, with the cases in which they need not.
pub const AGREED: &[(&str, &[&str])] = &[
    ("scan-empty", &[]),
    ("bind", &[]),
    ("unbind", &[]),
    ("dial", &[]),
    ("send", &[]),
    ("close", &[]),
    ("sendto", &[]),
    ("sendto-confirm", &[]),
    ("handshake", &[]),
    ("handshake-approve", &[]),
    ("handshake-reject", &[]),
    ("handshake-revoke", &[]),
    // Names that are well formed resolve.
    ("resolve", &["resolve-alpha-self", "resolve-unknown"]),
    ("hostname", &["resolve-alpha-after-clear"]),
    ("visibility", &[]),
    ("tags", &[]),
    ("webhook", &[]),
    ("submit-badge", &[]),
    ("enroll-recovery", &[]),
    ("sign-envelope", &[]),
    ("verify-envelope", &[]),
    // Nodes and networks that the faithful profile does not know are taken to exist.
    ("prefer-direct", &["unknown-node"]),
    (
        "network",
        &[
            "join-1-no-token",
            "join-1-token",
            "join-unknown",
            "leave-99",
            "members-99",
            "invite-99",
            "respond-99-accept",
            "respond-99-reject",
            "respond-99-flag2",
        ],
    ),
    (
        "managed",
        &[
            "status-no-net",
            "status-1byte",
            "status-net0",
            "status-net1",
            "status-net99",
            "cycle-no-net",
            "cycle-1byte",
            "cycle-net0",
            "cycle-net1",
            "cycle-net99",
            "reconcile-no-net",
            "reconcile-1byte",
            "reconcile-net1",
            "reconcile-net99",
            "policy-get-0",
            "policy-get-99",
            "tags-get",
            "tags-set",
        ],
    ),
    ("broadcast", &["net1-admin", "net99-admin"]),
];
