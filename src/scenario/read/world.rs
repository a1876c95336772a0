//! The simulated world: the node, its peers, networks, requests for trust and invitations.

use super::keys;
use super::reader::Reader;
use super::text::{Content, Id};
use super::values::{MAX_DATA, port_number};
use crate::node::names::{TAGS_MAX, check_hostname, check_network_name, normalise_tags};
use crate::node::{
    Config, InviteConfig, JoinRule, NetworkConfig, NodeConfig, PeerConfig, PendingConfig, Service,
};

/// The last second of the year 9999, in Unix seconds: the last that a reply can show.
const LAST_SECOND: u64 = 253_402_300_799;

impl Reader {
    /// What a scenario says of the world.
    pub fn world(&mut self, id: Id) -> Config {
        let mut config = Config::default();
        if let Some(time) = self.of(id, "dial_timeout", Reader::some_time) {
            config.dial_timeout = time;
        }
        let clock = self.get(id, "clock");
        config.clock = clock.and_then(|id| self.whole(id, "Unix seconds", 0, LAST_SECOND));
        if let Some(id) = self.get(id, "node") {
            self.node(id, &mut config.node);
        }
        for item in self.list_of(id, "peers", "a list of peers") {
            if let Some(peer) = self.peer(item) {
                self.unlike_others(item, &peer, &config);
                config.peers.push(peer);
            }
        }
        for item in self.list_of(id, "networks", "a list of networks") {
            if let Some(network) = self.network(item) {
                let others = &config.networks;
                let id_again = others.iter().any(|other| other.id == network.id);
                let name_again = others.iter().any(|other| other.name == network.name);
                if id_again {
                    self.again(item, "id", "of an earlier network");
                }
                // The default name comes from the id.
                if name_again && !(id_again && self.get(item, "name").is_none()) {
                    self.again(item, "name", "of an earlier network");
                }
                config.networks.push(network);
            }
        }
        for item in self.list_of(id, "pending", "a list of requests for trust") {
            if let Some(pending) = self.pending(item) {
                if pending.node_id == config.node.node_id {
                    self.again(item, "node_id", "of the node itself");
                }
                if config.pending.iter().any(|p| p.node_id == pending.node_id) {
                    self.again(item, "node_id", "of an earlier request for trust");
                }
                config.pending.push(pending);
            }
        }
        for item in self.list_of(id, "invites", "a list of invitations") {
            if let Some(invite) = self.invite(item) {
                if config
                    .invites
                    .iter()
                    .any(|i| i.network_id == invite.network_id)
                {
                    self.again(item, "network_id", "of an earlier invitation");
                }
                if invite.inviter_id == config.node.node_id {
                    self.again(item, "inviter_id", "of the node itself");
                }
                config.invites.push(invite);
            }
        }
        config
    }

    /// A value that something else has already.
    fn again(&mut self, object: Id, key: &str, whose: &str) {
        let (id, shown) = match self.get(object, key) {
            Some(id) => (id, self.shown(id)),
            None => (object, format!("default {key}")),
        };
        self.wrong_fmt(
            id,
            format_args!("{shown} is that {whose}, expected another"),
        );
    }

    fn node(&mut self, id: Id, node: &mut NodeConfig) {
        if !self.object(id, keys::NODE) {
            return;
        }
        if let Some(own) = self.of(id, "node_id", Reader::node_id) {
            node.node_id = own;
        }
        if let Some(name) = self.of(id, "hostname", Reader::hostname) {
            node.hostname = name;
        }
        if let Some(tags) = self.get(id, "tags") {
            node.tags = self.tags(tags);
        }
        node.admin_token = self.of(id, "admin_token", Reader::name);
        if let Some(public) = self.of(id, "public", Reader::flag) {
            node.public = public;
        }
    }

    /// A hostname, which may be empty.
    fn hostname(&mut self, id: Id) -> Option<String> {
        let name = self.text(id)?;
        if !name.is_empty()
            && let Err(text) = check_hostname(&name)
        {
            self.wrong(id, &text);
        }
        Some(name)
    }

    fn tags(&mut self, id: Id) -> Vec<String> {
        let items = self.list(id, "a list of tags");
        if items.len() > TAGS_MAX {
            self.wrong_fmt(
                id,
                format_args!("{} tags, expected at most {TAGS_MAX}", items.len()),
            );
        }
        let mut tags = Vec::new();
        for item in items {
            if let Some(tag) = self.text(item) {
                match normalise_tags(std::slice::from_ref(&tag)) {
                    Ok(tag) => tags.extend(tag),
                    Err(text) => self.wrong(item, &text),
                }
            }
        }
        normalise_tags(&tags).unwrap_or_default()
    }

    fn peer(&mut self, id: Id) -> Option<PeerConfig> {
        if !self.object(id, keys::PEER) {
            return None;
        }
        let node_id = self.need(id, "node_id", "the peer's node id");
        let node_id = node_id.and_then(|id| self.node_id(id));
        let mut peer = PeerConfig::new(node_id.unwrap_or(1));
        if let Some(name) = self.of(id, "hostname", Reader::hostname) {
            peer.hostname = name;
        }
        if let Some(public) = self.of(id, "public", Reader::flag) {
            peer.public = public;
        }
        peer.trusted = self.of(id, "trusted", Reader::flag);
        let latency = self.of(id, "latency", Reader::duration);
        peer.latency = latency.unwrap_or_default();
        if let Some(services) = self.get(id, "services") {
            self.services(services, &mut peer);
        }
        node_id.map(|_| peer)
    }

    fn services(&mut self, id: Id, peer: &mut PeerConfig) {
        if !matches!(self.content(id), Content::Object(_)) {
            self.expected(id, "an object with ports and their services");
        }
        for member in self.members(id) {
            let key = self.tree.key(member).to_owned();
            let port = port_number(&key);
            if port.is_none() {
                self.wrong_fmt(
                    member,
                    format_args!("{key:?} is no port, expected one from 0 to 65535"),
                );
            }
            if let (Some(service), Some(port)) = (self.service(member), port)
                && !peer.services.insert(port, service)
            {
                self.wrong_fmt(member, format_args!("port {port} again, expected another"));
            }
        }
    }

    fn service(&mut self, id: Id) -> Option<Service> {
        if matches!(self.content(id), Content::Object(_)) {
            if !self.object(id, keys::SERVICE) {
                return None;
            }
            let say = self.need(id, "say", "what the service says")?;
            return self.data(say, MAX_DATA).map(Service::Say);
        }
        let what = "\"echo\", \"discard\", \"refuse\", \"hang\" or {\"say\": data}";
        Some(match self.word(id, keys::SERVICES, what)? {
            "echo" => Service::Echo,
            "discard" => Service::Discard,
            "refuse" => Service::Refuse,
            _ => Service::Hang,
        })
    }

    fn unlike_others(&mut self, item: Id, peer: &PeerConfig, config: &Config) {
        if peer.node_id == config.node.node_id {
            self.again(item, "node_id", "of the node itself");
        }
        let named = !peer.hostname.is_empty();
        if named && peer.hostname == config.node.hostname {
            self.again(item, "hostname", "of the node itself");
        }
        if config.peers.iter().any(|p| p.node_id == peer.node_id) {
            self.again(item, "node_id", "of an earlier peer");
        }
        if named && config.peers.iter().any(|p| p.hostname == peer.hostname) {
            self.again(item, "hostname", "of an earlier peer");
        }
    }

    fn network(&mut self, id: Id) -> Option<NetworkConfig> {
        if !self.object(id, keys::NETWORK) {
            return None;
        }
        let own = self.need(id, "id", "the network's id");
        let own = own.and_then(|id| self.network_id(id));
        let mut network = NetworkConfig::new(own.unwrap_or(1));
        if let Some(name) = self.get(id, "name")
            && let Some(text) = self.text(name)
        {
            match check_network_name(&text) {
                Ok(()) => network.name = text,
                Err(text) => self.wrong(name, &text),
            }
        }
        let rule = self.get(id, "join_rule");
        let rule = rule.and_then(|id| self.choice(id, keys::JOIN_RULES));
        network.join_rule = match rule {
            Some("token") => JoinRule::Token,
            Some("invite") => JoinRule::Invite,
            _ => JoinRule::Open,
        };
        if let Some(token) = self.get(id, "token") {
            network.token = self.name(token).unwrap_or_default();
        }
        for item in self.list_of(id, "members", "a list of node ids") {
            if let Some(member) = self.node_id(item) {
                if network.members.contains(&member) {
                    self.wrong_fmt(item, format_args!("node {member} again, expected another"));
                }
                network.members.push(member);
            }
        }
        let mut flag = |key: &str| {
            let member = self.get(id, key)?;
            self.flag(member)
        };
        network.managed = flag("managed").unwrap_or(false);
        network.enterprise = flag("enterprise").unwrap_or(false);
        own.map(|_| network)
    }

    fn pending(&mut self, id: Id) -> Option<PendingConfig> {
        if !self.object(id, keys::PENDING) {
            return None;
        }
        let node_id = self.need(id, "node_id", "the node id of who asks");
        let node_id = node_id.and_then(|id| self.node_id(id));
        let justification = self.of(id, "justification", Reader::text);
        Some(PendingConfig {
            node_id: node_id?,
            justification: justification.unwrap_or_default(),
        })
    }

    fn invite(&mut self, id: Id) -> Option<InviteConfig> {
        if !self.object(id, keys::INVITE) {
            return None;
        }
        let network = self.need(id, "network_id", "the network's id");
        let network = network.and_then(|id| self.network_id(id));
        let inviter = self.need(id, "inviter_id", "the node id of who invites");
        let inviter = inviter.and_then(|id| self.node_id(id));
        Some(InviteConfig {
            network_id: network?,
            inviter_id: inviter?,
        })
    }
}
