//! Networks as the registry keeps them: list, join, leave, members, invitations.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::codec::{Cursor, address_text};
use super::setting::{BETA, CLOCK, CLOCK_TEXT, GAMMA, JOIN_TOKEN, OWN, SLOW};
use super::world::{Refusal, World};

#[derive(Clone, Debug, Default)]
pub struct Network {
    name: String,
    rule: &'static str,
    /// In the order of joining.
    pub members: Vec<u32>,
    pub managed: bool,
    pub enterprise: bool,
    pub tags: BTreeMap<u32, Vec<String>>,
    pub invited: BTreeSet<u32>,
}

#[derive(Clone, Debug)]
pub struct Networks {
    pub by_id: BTreeMap<u16, Network>,
    /// What info lists: those that the daemon itself has joined.
    pub joined: Vec<u16>,
    /// This node's invitations: network and who invites.
    pub invites: Vec<(u16, u32)>,
}

impl Networks {
    pub fn new() -> Networks {
        let network = |name: &str, rule: &'static str, members: &[u32]| Network {
            name: name.to_owned(),
            rule,
            members: members.to_vec(),
            ..Network::default()
        };
        let private = |network: Network| Network {
            enterprise: true,
            ..network
        };
        let run = Network {
            managed: true,
            ..network("run", "open", &[OWN, BETA])
        };
        let by_id = [
            (7, network("lab", "token", &[BETA])),
            (8, network("open", "open", &[BETA, 78])),
            (9, private(network("guests", "invite", &[BETA]))),
            (10, run),
            (11, private(network("ours", "invite", &[BETA, OWN]))),
        ];
        Networks {
            by_id: by_id.into(),
            joined: vec![10, 11],
            invites: vec![(9, BETA)],
        }
    }

    pub fn has(&self, id: u16, node: u32) -> bool {
        self.by_id
            .get(&id)
            .is_some_and(|n| n.members.contains(&node))
    }

    /// A network, made up where there is none.
    pub fn made(&mut self, id: u16) -> &mut Network {
        let new = || Network {
            name: format!("net-{id}"),
            rule: "open",
            ..Network::default()
        };
        self.by_id.entry(id).or_insert_with(new)
    }

    fn add_own(&mut self, id: u16) {
        if !self.has(id, OWN) {
            self.made(id).members.push(OWN);
        }
    }

    /// The node leaves the registry; what info lists stays.
    pub fn forget_own(&mut self) {
        for network in self.by_id.values_mut() {
            network.members.retain(|member| *member != OWN);
        }
        self.invites.clear();
    }
}

impl World {
    /// Refuses a network that nobody knows.
    pub fn network_known(&self, id: u16) -> Result<(), Refusal> {
        if id != 0 && (self.lenient() || self.networks.by_id.contains_key(&id)) {
            return Ok(());
        }
        Err(format!("network {id}: network not found"))
    }

    fn network_enterprise(&self, id: u16) -> Result<(), Refusal> {
        self.network_known(id)?;
        match self.networks.by_id.get(&id) {
            Some(network) if network.enterprise => Ok(()),
            _ => Err("enterprise feature: requires enterprise network".to_owned()),
        }
    }

    pub fn network(&mut self, slot: usize, mut payload: Cursor) {
        let Some(sub) = payload.u8() else {
            return self.refuse(slot, "network: missing sub-command");
        };
        let (word, wanting) = match sub {
            1 | 6 => ("", ""),
            2 => ("join", "network_id"),
            3 => ("leave", "network_id"),
            4 => ("members", "network_id"),
            5 => ("invite", "network_id or target_node_id"),
            7 => ("respond-invite", "network_id or accept flag"),
            sub => return self.refuse(slot, &format!("network: unknown sub-command 0x{sub:02X}")),
        };
        let id = payload.u16();
        let rest = payload;
        let (node, flag) = (payload.u32(), rest.0.first());
        let word = if sub == 6 { "poll-invites" } else { word };
        let answer = match (sub, id) {
            (1, _) => Ok(self.network_rows()),
            (6, _) => self.invite_rows(),
            (2, Some(id)) => self.network_join(id, rest.0),
            (3, Some(id)) => self.network_leave(id),
            (4, Some(id)) => self.network_members(id),
            (5, Some(id)) if node.is_some() => self.network_invite(id, node.unwrap()),
            (7, Some(id)) if flag.is_some() => self.network_respond(id, flag == Some(&1)),
            _ => return self.refuse(slot, &format!("network {word}: missing {wanting}")),
        };
        match answer {
            Ok(body) => self.body(slot, 0x20, body),
            Err(text) => self.refuse(slot, &format!("network {word}: registry: {text}")),
        }
    }

    fn network_rows(&self) -> Value {
        let mut rows = vec![json!({"created": CLOCK, "enterprise": false, "id": 0,
                                   "join_rule": "open", "name": "backbone"})];
        for (id, network) in &self.networks.by_id {
            let mut row = json!({"created": CLOCK, "enterprise": network.enterprise, "id": id,
                                 "join_rule": network.rule, "name": network.name});
            if network.managed {
                row["managed"] = true.into();
                row["rules"] = json!({});
            }
            rows.push(row);
        }
        json!({"networks": rows, "type": "list_networks_ok"})
    }

    fn network_join(&mut self, id: u16, token: &[u8]) -> Result<Value, Refusal> {
        if id == 0 {
            return Err("cannot join the backbone network".to_owned());
        }
        if !self.lenient() && !self.registered {
            return Err(format!("node {OWN} not registered"));
        }
        self.network_known(id)?;
        let rule = self.networks.by_id.get(&id).map_or("open", |n| n.rule);
        if rule == "token" && token != JOIN_TOKEN.as_bytes() {
            return Err(format!("invalid token for network {id}"));
        }
        if !self.lenient() && rule == "invite" {
            let flow = "invite_to_network + respond_invite flow";
            return Err(format!("invite-only networks require {flow}"));
        }
        if !self.lenient() && self.networks.has(id, OWN) {
            return Err(format!("node {OWN} already in network {id}"));
        }
        self.networks.add_own(id);
        if !self.networks.joined.contains(&id) {
            self.networks.joined.push(id);
        }
        let mut body = json!({"address": address_text((id, OWN)), "network_id": id,
                              "type": "join_network_ok"});
        if self.networks.by_id[&id].managed {
            body["rules"] = json!({});
        }
        Ok(body)
    }

    fn network_leave(&mut self, id: u16) -> Result<Value, Refusal> {
        if id == 0 {
            return Err("cannot leave the backbone network".to_owned());
        }
        if !self.lenient() {
            if !self.registered {
                return Err(format!("node {OWN} not registered"));
            }
            self.network_known(id)?;
            if !self.networks.has(id, OWN) {
                return Err(format!("node {OWN} is not a member of network {id}"));
            }
        }
        if let Some(network) = self.networks.by_id.get_mut(&id) {
            network.members.retain(|member| *member != OWN);
            network.invited.clear();
        }
        self.networks.joined.retain(|joined| *joined != id);
        self.networks.invites.retain(|(network, _)| *network != id);
        Ok(json!({"network_id": id, "type": "leave_network_ok"}))
    }

    fn network_members(&mut self, id: u16) -> Result<Value, Refusal> {
        let nodes: Vec<u32> = if id == 0 {
            if !self.lenient() && !self.setting.token {
                let use_lookup = "(use lookup with a specific node_id)";
                return Err(format!(
                    "listing backbone nodes is not permitted {use_lookup}"
                ));
            }
            [OWN]
                .into_iter()
                .chain(self.known.iter().copied())
                .collect()
        } else {
            self.network_known(id)?;
            self.networks
                .by_id
                .get(&id)
                .map_or(Vec::new(), |n| n.members.clone())
        };
        self.label(if nodes.is_empty() { "none" } else { "some" });
        let rows: Vec<Value> = nodes
            .into_iter()
            .map(|node| self.member_row(id, node))
            .collect();
        Ok(json!({"nodes": rows, "type": "list_nodes_ok"}))
    }

    fn member_row(&self, id: u16, node: u32) -> Value {
        let mut row = json!({"address": address_text((id, node)), "node_id": node});
        if id != 0 {
            row["role"] = "member".into();
            let tags = self.networks.by_id.get(&id).and_then(|n| n.tags.get(&node));
            if let Some(tags) = tags.filter(|tags| !tags.is_empty()) {
                row["member_tags"] = json!(tags);
            }
        }
        if !self.exists(node) {
            row["offline"] = true.into();
            return row;
        }
        let hostname = match node {
            OWN => &*self.hostname,
            BETA => "beta",
            GAMMA => "gamma",
            SLOW => "epsilon",
            _ => "",
        };
        let public = if node == OWN {
            self.public
        } else {
            node != GAMMA
        };
        row["last_seen"] = CLOCK_TEXT.into();
        row["public"] = public.into();
        if !hostname.is_empty() {
            row["hostname"] = hostname.into();
        }
        if public {
            row["real_addr"] = endpoint(node).into();
        }
        if node == OWN && !self.tags.is_empty() {
            row["tags"] = json!(self.tags);
        }
        row
    }

    fn network_invite(&mut self, id: u16, target: u32) -> Result<Value, Refusal> {
        if target == OWN {
            return Err("cannot invite yourself".to_owned());
        }
        if self.lenient() {
            self.network_known(id)?;
        } else {
            if !self.registered {
                return Err(format!("inviter node {OWN}: node not found"));
            }
            self.network_enterprise(id)?;
            let rule = self.networks.by_id[&id].rule;
            if rule != "invite" {
                return Err(format!("network {id} is not invite-only (rule: {rule})"));
            }
            if !self.setting.token {
                return Err(match self.networks.has(id, OWN) {
                    true => {
                        format!("rbac: inviter {OWN} has role \"member\", requires owner or admin")
                    }
                    false => format!("inviter {OWN} is not a member of network {id}"),
                });
            }
        }
        if !self.exists(target) {
            return Err(format!("target node {target}: node not found"));
        }
        if !self.lenient() && self.networks.has(id, target) {
            return Err(format!("node {target} is already a member of network {id}"));
        }
        let mut body = json!({"network_id": id, "target_node_id": target,
                              "type": "invite_to_network_ok"});
        if !self.networks.made(id).invited.insert(target) {
            self.label("again");
            body["status"] = "already_invited".into();
        }
        Ok(body)
    }

    fn invite_rows(&mut self) -> Result<Value, Refusal> {
        self.must_be_registered()?;
        let invites = &self.networks.invites;
        let rows = invites.iter().map(|(network, inviter)| {
            json!({"inviter_id": inviter, "network_id": network, "timestamp": CLOCK})
        });
        let body = json!({"invites": rows.collect::<Value>(), "type": "poll_invites_ok"});
        self.label(if self.networks.invites.is_empty() {
            "none"
        } else {
            "some"
        });
        Ok(body)
    }

    fn network_respond(&mut self, id: u16, accept: bool) -> Result<Value, Refusal> {
        if !self.lenient() {
            self.network_enterprise(id)?;
            self.must_be_registered()?;
            if !self
                .networks
                .invites
                .iter()
                .any(|(network, _)| *network == id)
            {
                return Err(format!("no pending invite for node {OWN} to network {id}"));
            }
            if accept && self.networks.has(id, OWN) {
                return Err(format!("node {OWN} is already a member of network {id}"));
            }
        }
        self.networks.invites.retain(|(network, _)| *network != id);
        if accept && id != 0 {
            self.networks.add_own(id);
        }
        self.label(if accept { "accepted" } else { "declined" });
        Ok(json!({"accepted": accept, "network_id": id, "type": "respond_invite_ok"}))
    }

    /// A peer invites this node.
    pub fn peer_invites(&mut self, peer: u32, id: u16) -> bool {
        let outsider = self.registered && !self.networks.has(id, OWN);
        if self.network_known(id).is_err() || !(outsider || self.lenient()) {
            return false;
        }
        if !self
            .networks
            .invites
            .iter()
            .any(|(network, _)| *network == id)
        {
            self.meet(peer);
            self.networks.made(id);
            self.networks.invites.push((id, peer));
        }
        true
    }

    /// A peer leaves a network, and its invitations there go with it.
    pub fn peer_leaves(&mut self, peer: u32, id: u16) -> bool {
        let taken_for_one = self.lenient() && id != 0;
        if !taken_for_one && !self.networks.has(id, peer) {
            return false;
        }
        if let Some(network) = self.networks.by_id.get_mut(&id) {
            network.members.retain(|member| *member != peer);
            network.invited.remove(&peer);
        }
        self.networks.invites.retain(|invite| *invite != (id, peer));
        true
    }
}

/// Where a node is said to listen.
pub fn endpoint(node: u32) -> String {
    format!("127.0.0.1:{}", 4000 + node % 60_000)
}
