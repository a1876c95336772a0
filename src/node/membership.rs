//! Requests about networks: list, join, leave, members, invitations.

use std::time::Duration;

use serde_json::{Map, Value};

use super::config::JoinRule;
use super::networks::Invite;
use super::peers::endpoint;
use super::{Answer, Ids, Node};
use crate::go::json::{object, set};
use crate::go::time::rfc3339;
use crate::wire::{Address, Command, Reply};

/// Most invitations that wait for one node. Source: registry.
const INBOX_MAX: usize = 100;

/// The role of everybody who joined.
const ROLE: &str = "member";

type Refusal = Result<(), String>;

impl Node {
    pub(super) fn network_list(&self) -> Answer<'_> {
        let row = |id: u16, name: &str, rule: &str, enterprise: bool, created: u64| {
            object! {
                "created": created, "enterprise": enterprise, "id": id,
                "join_rule": rule, "name": name,
            }
        };
        let mut rows = vec![row(0, "backbone", "open", false, self.networks.start())];
        for (id, n) in self.networks.iter() {
            let mut entry = row(id, &n.name, n.join_rule.name(), n.enterprise, n.created);
            if n.managed {
                entry["managed"] = true.into();
                entry["rules"] = object! {};
            }
            rows.push(entry);
        }
        let body = object! {"networks": rows, "type": "list_networks_ok"};
        Ok(Some(Reply::Json(Command::NetworkList, body)))
    }

    pub(super) fn network_join(&mut self, id: u16, token: &[u8]) -> Answer<'_> {
        self.may_join(id, token)
            .map_err(|text| format!("network join: registry: {text}"))?;
        let own = self.identity.node_id;
        let network = self.networks.get_or_make(id);
        if !network.members.contains(&own) {
            network.members.push(own);
        }
        let managed = network.managed;
        self.networks.note_joined(id);
        let mut body = object! {
            "address": Address::new(id, own).to_string(), "network_id": id,
            "type": "join_network_ok",
        };
        if managed {
            body["rules"] = object! {};
        }
        Ok(Some(Reply::Json(Command::NetworkJoin, body)))
    }

    fn may_join(&self, id: u16, token: &[u8]) -> Refusal {
        if id == 0 {
            return Err("cannot join the backbone network".to_owned());
        }
        let own = self.identity.node_id;
        if !self.lenient() && !self.identity.registered {
            return Err(format!("node {own} not registered"));
        }
        let Some(network) = self.networks.get(id) else {
            return self.must_exist(id);
        };
        if network.join_rule == JoinRule::Token && network.token.as_bytes() != token {
            return Err(format!("invalid token for network {id}"));
        }
        if self.lenient() {
            return Ok(());
        }
        if network.join_rule == JoinRule::Invite {
            return Err(
                "invite-only networks require invite_to_network + respond_invite flow".to_owned(),
            );
        }
        if network.members.contains(&own) {
            return Err(format!("node {own} already in network {id}"));
        }
        Ok(())
    }

    pub(super) fn network_leave(&mut self, id: u16) -> Answer<'_> {
        let own = self.identity.node_id;
        self.may_leave(id)
            .map_err(|text| format!("network leave: registry: {text}"))?;
        if let Some(network) = self.networks.get_mut(id) {
            network.members.retain(|member| *member != own);
            network.invited = Ids::new();
        }
        self.networks.note_left(id);
        self.networks.invites.retain(|i| i.network_id != id);
        let body = object! {"network_id": id, "type": "leave_network_ok"};
        Ok(Some(Reply::Json(Command::NetworkLeave, body)))
    }

    fn may_leave(&self, id: u16) -> Refusal {
        if id == 0 {
            return Err("cannot leave the backbone network".to_owned());
        }
        if self.lenient() {
            return Ok(());
        }
        let own = self.identity.node_id;
        if !self.identity.registered {
            return Err(format!("node {own} not registered"));
        }
        self.must_exist(id)?;
        if !self.networks.is_member(id, own) {
            return Err(format!("node {own} is not a member of network {id}"));
        }
        Ok(())
    }

    pub(super) fn network_members(&self, id: u16, now: Duration) -> Answer<'_> {
        let refused = |text: String| format!("network members: registry: {text}");
        let nodes: Vec<u32> = if id == 0 {
            if !self.lenient() && self.identity.admin_token.is_none() {
                return Err(refused(
                    "listing backbone nodes is not permitted (use lookup with a specific node_id)"
                        .to_owned(),
                ));
            }
            let peers = self.peers.all_listed().map(|peer| peer.node_id);
            std::iter::once(self.identity.node_id)
                .chain(peers)
                .collect()
        } else {
            self.must_exist(id).map_err(refused)?;
            self.networks
                .get(id)
                .map(|n| n.members.clone())
                .unwrap_or_default()
        };
        let rows: Vec<_> = nodes
            .into_iter()
            .map(|node| self.member_row(id, node, now))
            .collect();
        let body = object! {"nodes": rows, "type": "list_nodes_ok"};
        Ok(Some(Reply::Json(Command::NetworkMembers, body)))
    }

    fn member_row(&self, id: u16, node: u32, now: Duration) -> Value {
        let mut row = Map::new();
        set(&mut row, "address", Address::new(id, node).to_string());
        set(&mut row, "node_id", node);
        if id != 0 {
            set(&mut row, "role", ROLE);
            let tags = self.networks.get(id).and_then(|n| n.tags.get(node));
            if let Some(tags) = tags.filter(|tags| !tags.is_empty()) {
                set(&mut row, "member_tags", &tags[..]);
            }
        }
        if !self.exists(node) {
            set(&mut row, "offline", true);
            return row.into();
        }
        let own = node == self.identity.node_id;
        let (hostname, public) = match self.peers.listed(node) {
            _ if own => (&*self.identity.hostname, self.identity.public),
            Some(peer) => (&*peer.hostname, peer.public),
            None => ("", true),
        };
        if !hostname.is_empty() {
            set(&mut row, "hostname", hostname);
        }
        set(&mut row, "last_seen", rfc3339(self.clock.unix_secs(now)));
        set(&mut row, "public", public);
        if public {
            set(&mut row, "real_addr", endpoint(node));
        }
        if own && !self.identity.tags.is_empty() {
            set(&mut row, "tags", &self.identity.tags[..]);
        }
        row.into()
    }

    pub(super) fn network_invite(&mut self, id: u16, target: u32) -> Answer<'_> {
        self.may_invite(id, target)
            .map_err(|text| format!("network invite: registry: {text}"))?;
        let network = self.networks.get_or_make(id);
        let mut body = object! {
            "network_id": id, "target_node_id": target, "type": "invite_to_network_ok",
        };
        if !network.invited.insert(target, ()) {
            body["status"] = "already_invited".into();
        }
        Ok(Some(Reply::Json(Command::NetworkInvite, body)))
    }

    fn may_invite(&self, id: u16, target: u32) -> Refusal {
        let own = self.identity.node_id;
        if target == own {
            return Err("cannot invite yourself".to_owned());
        }
        if self.lenient() {
            self.must_exist(id)?;
        }
        if !self.lenient() {
            if !self.identity.registered {
                return Err(format!("inviter node {own}: node not found"));
            }
            self.must_be_enterprise(id)?;
            let network = self.networks.get(id);
            if let Some(rule) = network.map(|n| &n.join_rule)
                && *rule != JoinRule::Invite
            {
                let rule = rule.name();
                return Err(format!("network {id} is not invite-only (rule: {rule})"));
            }
            if self.identity.admin_token.is_none() {
                if !self.networks.is_member(id, own) {
                    return Err(format!("inviter {own} is not a member of network {id}"));
                }
                return Err(format!(
                    "rbac: inviter {own} has role \"{ROLE}\", requires owner or admin"
                ));
            }
        }
        if !self.exists(target) {
            return Err(format!("target node {target}: node not found"));
        }
        if !self.lenient() && self.networks.is_member(id, target) {
            return Err(format!("node {target} is already a member of network {id}"));
        }
        let waiting = self
            .networks
            .iter()
            .filter(|(_, n)| n.invited.contains(target));
        let known = self
            .networks
            .get(id)
            .is_some_and(|n| n.invited.contains(target));
        if !known && waiting.count() >= INBOX_MAX {
            return Err(format!("invite inbox full for node {target}"));
        }
        Ok(())
    }

    pub(super) fn network_poll_invites(&self) -> Answer<'_> {
        let own = self.identity.node_id;
        if !self.lenient() && !self.identity.registered {
            return Err(format!(
                "network poll-invites: registry: node {own}: node not found"
            ));
        }
        let row = |i: &Invite| {
            object! {
                "inviter_id": i.inviter_id, "network_id": i.network_id, "timestamp": i.timestamp,
            }
        };
        let rows: Vec<_> = self.networks.invites.iter().map(row).collect();
        let body = object! {"invites": rows, "type": "poll_invites_ok"};
        Ok(Some(Reply::Json(Command::NetworkPollInvites, body)))
    }

    pub(super) fn network_respond_invite(&mut self, id: u16, accept: bool) -> Answer<'_> {
        self.may_respond(id, accept)
            .map_err(|text| format!("network respond-invite: registry: {text}"))?;
        let own = self.identity.node_id;
        self.networks.invites.retain(|i| i.network_id != id);
        if accept && id != 0 {
            // The registry has the new member; the daemon lists the network only once it joins.
            let network = self.networks.get_or_make(id);
            if !network.members.contains(&own) {
                network.members.push(own);
            }
        }
        let body = object! {"accepted": accept, "network_id": id, "type": "respond_invite_ok"};
        Ok(Some(Reply::Json(Command::NetworkRespondInvite, body)))
    }

    fn may_respond(&self, id: u16, accept: bool) -> Refusal {
        if self.lenient() {
            return Ok(());
        }
        let own = self.identity.node_id;
        self.must_be_enterprise(id)?;
        if !self.identity.registered {
            return Err(format!("node {own}: node not found"));
        }
        if !self.networks.invites.iter().any(|i| i.network_id == id) {
            return Err(format!("no pending invite for node {own} to network {id}"));
        }
        if accept && self.networks.is_member(id, own) {
            return Err(format!("node {own} is already a member of network {id}"));
        }
        Ok(())
    }

    /// A peer invites this node into a network. False when the registry refuses: an unknown
    /// network, a member already, a full inbox. Whether the peer may invite is its own affair.
    pub(super) fn peer_invites(&mut self, inviter_id: u32, id: u16, now: Duration) -> bool {
        let own = self.identity.node_id;
        let outsider = self.identity.registered && !self.networks.is_member(id, own);
        if self.must_exist(id).is_err() || !(outsider || self.lenient()) {
            return false;
        }
        let invites = &self.networks.invites;
        if invites.iter().any(|i| i.network_id == id) {
            return true;
        }
        if invites.len() >= INBOX_MAX {
            return false;
        }
        self.meet(inviter_id);
        self.networks.get_or_make(id);
        let timestamp = self.clock.unix_secs(now);
        self.networks.invites.push(Invite {
            network_id: id,
            inviter_id,
            timestamp,
        });
        true
    }

    /// A peer leaves a network, and its invitations there go with it. False when it is no member.
    pub(super) fn peer_leaves(&mut self, node_id: u32, id: u16) -> bool {
        let taken_for_one = self.lenient() && id != 0;
        if !taken_for_one && !self.networks.is_member(id, node_id) {
            return false;
        }
        if let Some(network) = self.networks.get_mut(id) {
            network.members.retain(|member| *member != node_id);
            network.invited.remove(node_id);
        }
        let issued = (id, node_id);
        self.networks
            .invites
            .retain(|i| (i.network_id, i.inviter_id) != issued);
        true
    }

    /// Refuses a network that the faithful profile does not know.
    pub(super) fn must_exist(&self, id: u16) -> Refusal {
        if id != 0 && (self.lenient() || self.networks.get(id).is_some()) {
            return Ok(());
        }
        Err(format!("network {id}: network not found"))
    }

    fn must_be_enterprise(&self, id: u16) -> Refusal {
        self.must_exist(id)?;
        if self.networks.get(id).is_some_and(|n| n.enterprise) {
            return Ok(());
        }
        Err("enterprise feature: requires enterprise network".to_owned())
    }

    /// Refuses a broadcast to a network that is unknown or not the node's own.
    pub(super) fn may_broadcast(&self, id: u16) -> Refusal {
        self.must_exist(id)
            .map_err(|text| format!("broadcast: list nodes for broadcast: registry: {text}"))?;
        let own = self.identity.node_id;
        if !self.lenient() && !self.networks.is_member(id, own) {
            return Err(format!(
                "broadcast: broadcast denied: node {own} is not a member of network {id}"
            ));
        }
        Ok(())
    }
}
