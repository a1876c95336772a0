//! Other nodes: those that were configured, and those that the lenient profile makes up.

use std::time::Duration;

use super::config::{Config, PeerConfig, Service};
use super::{Answer, Ids, Node, Table, names};
use crate::go::json::object;
use crate::go::sha256::sha256;
use crate::wire::address::BROADCAST_NODE;
use crate::wire::{Command, Reply};

/// All peers that the node knows by id, and those it has had to do with.
#[derive(Debug)]
pub struct Peers {
    listed: Table<u32, Box<PeerConfig>>,
    /// Peers with which there is a tunnel: they were dialled, written to or asked for trust.
    contacted: Ids,
}

impl Peers {
    pub fn new(config: &Config) -> Self {
        let mut listed = Table::new();
        for peer in &config.peers {
            listed.insert(peer.node_id, Box::new(peer.clone()));
        }
        // Who asks for trust exists, listed or not.
        for asking in &config.pending {
            let unlisted = || Box::new(PeerConfig::new(asking.node_id));
            listed.get_or_make(asking.node_id, unlisted);
        }
        Peers {
            listed,
            contacted: Ids::new(),
        }
    }

    pub fn listed(&self, node_id: u32) -> Option<&PeerConfig> {
        self.listed.get(node_id).map(|peer| &**peer)
    }

    pub fn all_listed(&self) -> impl Iterator<Item = &PeerConfig> {
        self.listed.values().map(|peer| &**peer)
    }

    /// The listed peer that has a name; an empty name is nobody's.
    pub fn listed_name(&self, hostname: &str) -> Option<u32> {
        self.listed
            .values()
            .find(|peer| !hostname.is_empty() && peer.hostname == hostname)
            .map(|peer| peer.node_id)
    }

    pub fn contacted(&self) -> &Ids {
        &self.contacted
    }

    /// What a peer does on a port, if it was configured to do something there.
    pub fn configured(&self, node_id: u32, port: u16) -> Option<&Service> {
        self.listed.get(node_id)?.services.get(port)
    }

    pub fn latency(&self, node_id: u32) -> Duration {
        self.listed
            .get(node_id)
            .map_or(Duration::ZERO, |peer| peer.latency)
    }
}

/// The endpoint that a node is said to have. Nothing ever listens there.
pub fn endpoint(node_id: u32) -> String {
    format!("127.0.0.1:{}", 4000 + node_id % 60_000)
}

/// The node that an unlisted name belongs to in the lenient profile: the same for the same name.
fn made_up(hostname: &str, taken: impl Fn(u32) -> bool) -> u32 {
    let mut round = 0u8;
    loop {
        let digest = sha256(&[b"node of ", hostname.as_bytes(), &[round]]);
        let node_id = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        if node_id != 0 && node_id != BROADCAST_NODE && (!taken(node_id) || round == u8::MAX) {
            return node_id;
        }
        round = round.wrapping_add(1);
    }
}

impl Node {
    /// Whether a node exists: itself, a listed peer, or in the lenient profile any real id.
    pub(super) fn exists(&self, node_id: u32) -> bool {
        let possible = node_id != 0 && node_id != BROADCAST_NODE;
        node_id == self.identity.node_id
            || self.peers.listed(node_id).is_some()
            || (self.lenient() && possible)
    }

    /// The peer of a name, and whether it is public.
    pub(super) fn peer_named(&self, hostname: &str) -> Option<(u32, bool)> {
        if let Some(node_id) = self.peers.listed_name(hostname) {
            let public = self.peers.listed(node_id).is_some_and(|peer| peer.public);
            return Some((node_id, public));
        }
        if !self.lenient() || names::check_hostname(hostname).is_err() {
            return None;
        }
        let own = self.identity.node_id;
        let taken = |id| id == own || self.peers.listed(id).is_some();
        Some((made_up(hostname, taken), true))
    }

    /// Whether a node can be reached: `Err` has what the registry says when it cannot.
    pub(super) fn reach(&self, node_id: u32) -> Result<(), String> {
        if self.exists(node_id) && !self.is_hidden(node_id) {
            return Ok(());
        }
        Err(format!(
            "resolve node {node_id}: registry: node {node_id}: node not found"
        ))
    }

    /// Whether a node is private and does not trust this one.
    fn is_hidden(&self, node_id: u32) -> bool {
        !self.lenient()
            && node_id != self.identity.node_id
            && self.peers.listed(node_id).is_some_and(|peer| !peer.public)
            && !self.trusts(node_id)
    }

    /// Whether a node that is hidden since trust was revoked still has its tunnel: it drops what
    /// comes through it without an answer.
    pub(super) fn drops_silently(&self, node_id: u32) -> bool {
        self.is_hidden(node_id) && self.refuses(node_id) && self.peers.contacted.contains(node_id)
    }

    /// Notes that there is a tunnel to a peer.
    pub(super) fn touch(&mut self, node_id: u32) {
        if node_id != self.identity.node_id {
            self.peers.contacted.insert(node_id, ());
        }
    }

    /// A peer acts by itself: there is a tunnel to it, and it exists, listed or not.
    pub(super) fn meet(&mut self, node_id: u32) {
        if node_id == 0 || node_id == BROADCAST_NODE {
            return;
        }
        if !self.exists(node_id) {
            let peer = Box::new(PeerConfig::new(node_id));
            self.peers.listed.insert(node_id, peer);
        }
        self.touch(node_id);
    }

    pub(super) fn prefer_direct(&mut self, node_id: u32) -> Answer<'_> {
        let had_tunnel = self.peers.contacted.contains(node_id);
        let error = self.reach(node_id).err().unwrap_or_default();
        if error.is_empty() {
            self.touch(node_id);
        }
        let body = object! {
            "had_tunnel": had_tunnel, "node_id": node_id, "pila_pushed": error.is_empty(),
            "resolve_error": error, "was_relay_active": false, "was_relay_pinned": false,
        };
        Ok(Some(Reply::Json(Command::PreferDirect, body)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_node_is_never_taken() {
        let first = made_up("alpha", |_| false);
        assert_eq!(first, made_up("alpha", |_| false));
        assert_ne!(first, made_up("beta", |_| false));
        assert_ne!(first, made_up("alpha", |id| id == first));
    }
}
