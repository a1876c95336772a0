//! What a simulated node is made of before the first client comes.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::Table;

/// How strict the node is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// A well-formed request succeeds even where the real daemon would refuse it for want of
    /// state: what is wanting is taken to exist.
    #[default]
    Lenient,
    /// Refused where the real daemon refuses, with its text.
    Faithful,
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "lenient" => Ok(Profile::Lenient),
            "faithful" => Ok(Profile::Faithful),
            _ => Err(format!("{text:?} is neither \"lenient\" nor \"faithful\"")),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Profile::Lenient => "lenient",
            Profile::Faithful => "faithful",
        })
    }
}

/// The whole simulated world of one daemon.
#[derive(Clone, Debug)]
pub struct Config {
    /// How strict the node is.
    pub profile: Profile,
    /// Seed of keys and nonces.
    pub seed: u64,
    /// When a dial that nobody answers ends with `dial timeout`.
    pub dial_timeout: Duration,
    /// Unix seconds at which time stands still in every reply; `None` lets it pass.
    pub clock: Option<u64>,
    /// The node itself.
    pub node: NodeConfig,
    /// Peers beside those that the lenient profile makes up.
    pub peers: Vec<PeerConfig>,
    /// Networks beside the backbone.
    pub networks: Vec<NetworkConfig>,
    /// Trust requests that wait from the start.
    pub pending: Vec<PendingConfig>,
    /// Invitations that wait from the start.
    pub invites: Vec<InviteConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            profile: Profile::Lenient,
            seed: 1,
            dial_timeout: Duration::from_secs(2),
            clock: None,
            node: NodeConfig::default(),
            peers: Vec::new(),
            networks: Vec::new(),
            pending: Vec::new(),
            invites: Vec::new(),
        }
    }
}

/// The node that the daemon's clients are on.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Its id.
    pub node_id: u32,
    /// Its hostname; empty for none.
    pub hostname: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// The admin token that broadcasts and policies need; `None`: any in the lenient profile,
    /// no token is good in the faithful one.
    pub admin_token: Option<String>,
    /// Whether it is visible to every node.
    pub public: bool,
}

impl Default for NodeConfig {
    fn default() -> Self {
        NodeConfig {
            node_id: 0x1234_5678,
            hostname: "mock-daemon".to_owned(),
            tags: Vec::new(),
            admin_token: None,
            public: true,
        }
    }
}

/// One simulated peer.
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// Its id.
    pub node_id: u32,
    /// The name it resolves by; empty for none.
    pub hostname: String,
    /// Whether it can be reached without trust.
    pub public: bool,
    /// Whether it is trusted from the start; `None`: yes in the lenient profile, no in the
    /// faithful one.
    pub trusted: Option<bool>,
    /// How long its dial answers and its data take.
    pub latency: Duration,
    /// What listens on its ports, beside the real daemon's built-in services.
    pub services: Table<u16, Service>,
}

impl PeerConfig {
    /// A public peer with no name and the built-in services.
    pub fn new(node_id: u32) -> Self {
        PeerConfig {
            node_id,
            hostname: String::new(),
            public: true,
            trusted: None,
            latency: Duration::ZERO,
            services: Table::new(),
        }
    }
}

/// What a simulated peer does on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Service {
    /// Sends back what comes.
    Echo,
    /// Swallows what comes.
    Discard,
    /// Sends this once the stream is open, then swallows what comes.
    Say(Vec<u8>),
    /// Refuses the dial: `connection refused`.
    Refuse,
    /// Never answers the dial, which ends by its time-out.
    Hang,
    /// The real daemon's data exchange, its service on port 1001.
    DataExchange,
    /// The real daemon's event stream, its service on port 1002.
    EventStream,
}

/// Who may join a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum JoinRule {
    /// Anybody.
    #[default]
    Open,
    /// Whoever has the network's token.
    Token,
    /// Whoever was invited.
    Invite,
}

impl JoinRule {
    /// The rule's name in replies and messages.
    pub fn name(&self) -> &'static str {
        match self {
            JoinRule::Open => "open",
            JoinRule::Token => "token",
            JoinRule::Invite => "invite",
        }
    }
}

/// One network.
#[derive(Clone, Debug)]
pub struct NetworkConfig {
    /// Its id, not 0.
    pub id: u16,
    /// Its name.
    pub name: String,
    /// Who may join.
    pub join_rule: JoinRule,
    /// The token of [`JoinRule::Token`].
    pub token: String,
    /// Nodes that are in it from the start, in the order of their joining. With the node's own
    /// id among them, the daemon has joined it.
    pub members: Vec<u32>,
    /// Whether a managed engine runs on it from the start.
    pub managed: bool,
    /// Whether invitations and the like are allowed on it.
    pub enterprise: bool,
}

impl NetworkConfig {
    /// An open network without members, called `net-ID`.
    pub fn new(id: u16) -> Self {
        NetworkConfig {
            id,
            name: format!("net-{id}"),
            join_rule: JoinRule::Open,
            token: String::new(),
            members: Vec::new(),
            managed: false,
            enterprise: false,
        }
    }
}

/// A peer's request for trust.
#[derive(Clone, Debug)]
pub struct PendingConfig {
    /// Who asks.
    pub node_id: u32,
    /// What it says.
    pub justification: String,
}

/// An invitation of this node.
#[derive(Clone, Debug)]
pub struct InviteConfig {
    /// To which network.
    pub network_id: u16,
    /// By whom.
    pub inviter_id: u32,
}
