//! Networks as the registry keeps them: members, invitations, tags.

use super::config::{Config, JoinRule, NetworkConfig};
use super::{Ids, Table};

/// One network.
#[derive(Debug)]
pub struct Network {
    pub name: String,
    pub join_rule: JoinRule,
    pub token: String,
    /// In the order of joining.
    pub members: Vec<u32>,
    pub managed: bool,
    pub enterprise: bool,
    /// Unix seconds.
    pub created: u64,
    pub tags: Table<u32, Vec<String>>,
    /// Nodes that have an invitation from here which they have not answered.
    pub invited: Ids,
}

impl Network {
    fn new(config: &NetworkConfig, created: u64) -> Box<Self> {
        Box::new(Network {
            name: config.name.clone(),
            join_rule: config.join_rule.clone(),
            token: config.token.clone(),
            members: config.members.clone(),
            managed: config.managed,
            enterprise: config.enterprise,
            created,
            tags: Table::new(),
            invited: Ids::new(),
        })
    }
}

/// An invitation of this node.
#[derive(Debug)]
pub struct Invite {
    pub network_id: u16,
    pub inviter_id: u32,
    /// Unix seconds.
    pub timestamp: u64,
}

/// All networks but the backbone.
#[derive(Debug)]
pub struct Networks {
    table: Table<u16, Box<Network>>,
    /// Networks that the daemon itself has joined, in that order.
    joined: Vec<u16>,
    pub invites: Vec<Invite>,
    start: u64,
}

impl Networks {
    pub fn new(config: &Config, start: u64) -> Self {
        let own = config.node.node_id;
        let (mut table, mut joined) = (Table::new(), Vec::new());
        for network in &config.networks {
            table.insert(network.id, Network::new(network, start));
            if network.members.contains(&own) {
                joined.push(network.id);
            }
        }
        let invites = config.invites.iter().map(|i| Invite {
            network_id: i.network_id,
            inviter_id: i.inviter_id,
            timestamp: start,
        });
        Networks {
            table,
            joined,
            invites: invites.collect(),
            start,
        }
    }

    /// When the backbone, as old as the daemon, was made.
    pub fn start(&self) -> u64 {
        self.start
    }

    pub fn get(&self, id: u16) -> Option<&Network> {
        self.table.get(id).map(|network| &**network)
    }

    pub fn get_mut(&mut self, id: u16) -> Option<&mut Network> {
        self.table.get_mut(id).map(|network| &mut **network)
    }

    /// The network of an id, made up where there is none.
    pub fn get_or_make(&mut self, id: u16) -> &mut Network {
        let start = self.start;
        self.table
            .get_or_make(id, || Network::new(&NetworkConfig::new(id), start))
    }

    /// In the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &Network)> {
        self.table.iter().map(|(id, network)| (id, &**network))
    }

    pub fn joined(&self) -> &[u16] {
        &self.joined
    }

    pub fn note_joined(&mut self, id: u16) {
        if !self.joined.contains(&id) {
            self.joined.push(id);
        }
    }

    pub fn note_left(&mut self, id: u16) {
        self.joined.retain(|joined| *joined != id);
    }

    pub fn is_member(&self, id: u16, node: u32) -> bool {
        self.get(id).is_some_and(|n| n.members.contains(&node))
    }

    /// How many members a network has beside `node`.
    pub fn members_beside(&self, id: u16, node: u32) -> usize {
        self.get(id)
            .map_or(0, |n| n.members.iter().filter(|m| **m != node).count())
    }

    /// Takes the daemon's own node out of every network and drops its invitations.
    pub fn forget_node(&mut self, node: u32) {
        for network in self.table.values_mut() {
            network.members.retain(|member| *member != node);
        }
        self.invites.clear();
    }
}
