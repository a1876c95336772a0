//! The simulated worlds that stand for those of the recorded runs.

use std::time::Duration;

use mockpilot::node::{Config, JoinRule, NetworkConfig, PeerConfig, PendingConfig, Service};

pub fn node(node_id: u32, hostname: &str) -> Config {
    let mut config = Config::default();
    config.node.node_id = node_id;
    config.node.hostname = hostname.to_owned();
    config.node.admin_token = Some("admintok".to_owned());
    config.dial_timeout = Duration::from_secs(1);
    config
}

/// No peer is trusted before it is asked, in the lenient profile neither.
pub fn peer(node_id: u32, hostname: &str) -> PeerConfig {
    PeerConfig {
        hostname: hostname.to_owned(),
        trusted: Some(false),
        ..PeerConfig::new(node_id)
    }
}

pub fn serving(mut peer: PeerConfig, services: &[(u16, Service)]) -> PeerConfig {
    peer.services.extend(services.iter().cloned());
    peer
}

/// Daemon a is node 1, b is node 2.
pub fn alpha() -> Config {
    let mut config = node(1, "alpha");
    config.peers = vec![peer(2, "beta")];
    config
}

/// The same as seen by b.
pub fn beta() -> Config {
    let mut config = node(2, "beta");
    config.peers = vec![peer(1, "alpha")];
    config
}

/// In some sessions a is node 2 and b is node 1.
pub fn alpha_second() -> Config {
    let mut config = node(2, "alpha");
    config.peers = vec![peer(1, "beta"), peer(3, "gamma")];
    config
}

pub fn trusting_beta() -> Config {
    let mut config = alpha_second();
    config.peers[0].trusted = Some(true);
    config
}

pub fn beta_first(justification: &str) -> Config {
    let mut config = node(1, "beta");
    config.peers = vec![peer(2, "alpha")];
    config.pending = vec![PendingConfig {
        node_id: 2,
        justification: justification.to_owned(),
    }];
    config
}

pub fn gamma(trusted: bool) -> PeerConfig {
    PeerConfig {
        public: false,
        trusted: Some(trusted),
        ..serving(peer(3, "gamma"), &[(7100, Service::Discard)])
    }
}

/// The networks of the stand-in registry; b is in the first.
pub fn stand_in() -> Config {
    let mut config = alpha();
    let network = |id, name: &str| NetworkConfig {
        name: name.to_owned(),
        ..NetworkConfig::new(id)
    };
    config.networks = vec![
        NetworkConfig {
            join_rule: JoinRule::Token,
            token: "tok".to_owned(),
            members: vec![2],
            ..network(1, "team")
        },
        network(2, "lab"),
        NetworkConfig {
            join_rule: JoinRule::Invite,
            enterprise: true,
            ..network(3, "vip")
        },
    ];
    config
}
