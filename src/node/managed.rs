//! Managed networks: policies, the engines that run them, and tags of members.

use std::time::Duration;

use serde_json::{Map, Value};

use super::config::Config;
use super::{Answer, Node, Table, names};
use crate::go::json::{object, set};
use crate::go::time::rfc3339;
use crate::policy::{Event, Facts, Policy};
use crate::wire::fields::View;
use crate::wire::outgoing::sent_fields;
use crate::wire::{Address, Command, Reply};

/// Engines and policies by network.
#[derive(Debug)]
pub struct Managed {
    runners: Table<u16, Runner>,
    policies: Table<u16, Policy>,
}

/// An engine that runs on a network.
#[derive(Clone, Copy, Debug)]
struct Runner {
    engine: &'static str,
    cycles: u64,
    /// Unix seconds.
    joined_at: u64,
}

impl Runner {
    fn new(engine: &'static str, joined_at: u64) -> Self {
        Runner {
            engine,
            cycles: 0,
            joined_at,
        }
    }
}

impl Managed {
    pub fn new(config: &Config, start: u64) -> Self {
        let mut runners = Table::new();
        for network in config.networks.iter().filter(|n| n.managed) {
            runners.insert(network.id, Runner::new("managed", start));
        }
        Managed {
            runners,
            policies: Table::new(),
        }
    }

    /// The engines that run, by network.
    pub fn engines_state(&self) -> Value {
        let engine = |(id, runner): (u16, &Runner)| {
            object! {
                "cycle_num": runner.cycles, "engine": runner.engine, "network_id": id,
            }
        };
        self.runners.iter().map(engine).collect()
    }

    /// The policies that were set, by network, as the journal tells them: without tokens.
    pub fn policies_state(&self) -> Value {
        let code = Command::PolicyGet.row().reply.unwrap_or_default();
        let view = View {
            raw: true,
            ..View::default()
        };
        let policy = |(id, policy): (u16, &Policy)| {
            let document = sent_fields(code, policy.text().as_bytes(), view);
            object! {"expr_policy": document, "network_id": id}
        };
        self.policies.iter().map(policy).collect()
    }

    /// The engine of a network; id 0, which requests have when they name none, means the first
    /// that runs.
    fn runner(&mut self, id: u16) -> Option<(u16, &mut Runner)> {
        let id = match id {
            0 => self
                .runners
                .keys()
                .find(|id| *id != 0)
                .or_else(|| self.runners.keys().next())?,
            id => id,
        };
        self.runners.get_mut(id).map(|runner| (id, runner))
    }
}

impl Node {
    /// The engine of a network. The lenient profile starts one where there is none.
    fn running(&mut self, id: u16, now: Duration) -> Option<(u16, &mut Runner)> {
        let made_up = id == 0 && self.managed.runners.keys().all(|id| id == 0);
        if self.lenient() && (made_up || self.managed.runner(id).is_none()) {
            let id = match (id, self.networks.joined()) {
                (0, [first, ..]) => *first,
                _ => id,
            };
            let started = self.clock.unix_secs(now);
            let runners = &mut self.managed.runners;
            runners.get_or_make(id, || Runner::new("policy", started));
        }
        self.managed.runner(id)
    }

    pub(super) fn managed_status(&mut self, id: u16, now: Duration) -> Answer<'_> {
        let (id, runner) = self.running(id, now).ok_or(NONE_ACTIVE)?;
        let body = object! {
            "cycle_num": runner.cycles, "engine": runner.engine,
            "joined_at": rfc3339(runner.joined_at), "network_id": id,
            "peers": self.engine_peers(id),
        };
        Ok(Some(Reply::Json(Command::ManagedStatus, body)))
    }

    pub(super) fn managed_cycle(&mut self, id: u16, now: Duration) -> Answer<'_> {
        let (id, runner) = self.running(id, now).ok_or(NONE_ACTIVE)?;
        runner.cycles += 1;
        let cycles = runner.cycles;
        let body = object! {
            "cycle_num": cycles, "evicted": 0, "filled": 0, "filled_trust": 0, "network_id": id,
            "peers": self.engine_peers(id), "pruned": 0, "pruned_trust": 0,
        };
        Ok(Some(Reply::Json(Command::ManagedCycle, body)))
    }

    pub(super) fn managed_reconcile(&mut self, id: u16) -> Answer<'_> {
        let running = self.managed.runner(id).map(|(id, _)| id);
        if running.is_none() && !self.lenient() {
            return Err("managed: no active policy runner for network".to_owned());
        }
        let body = object! {
            "network_id": id, "peers": self.engine_peers(running.unwrap_or(id)),
            "type": "managed_reconcile_ok",
        };
        Ok(Some(Reply::Json(Command::ManagedReconcile, body)))
    }

    fn engine_peers(&self, id: u16) -> usize {
        self.networks.members_beside(id, self.identity.node_id)
    }

    pub(super) fn policy_get(&self, network_id: u16) -> Answer<'_> {
        let document = self.managed.policies.get(network_id).map(Policy::text);
        let managed = self.networks.get(network_id).is_some_and(|n| n.managed);
        let engine = match document {
            Some(_) => "policy",
            None if managed => "managed",
            None => "none",
        };
        Ok(Some(Reply::Policy {
            engine,
            network_id,
            document,
        }))
    }

    pub(super) fn policy_set(
        &mut self,
        network_id: u16,
        token: &[u8],
        policy: &[u8],
        now: Duration,
    ) -> Answer<'_> {
        if !self.admin_token_is_good(token) {
            return Err("managed policy set: invalid admin token".to_owned());
        }
        let policy = Policy::parse(policy).map_err(|e| format!("managed policy set: {e}"))?;
        self.managed.policies.insert(network_id, policy);
        let runner = Runner::new("policy", self.clock.unix_secs(now));
        self.managed.runners.insert(network_id, runner);
        let body = object! {
            "applied": true, "network_id": network_id, "type": "managed_policy_ok",
        };
        Ok(Some(Reply::Json(Command::PolicySet, body)))
    }

    /// Refuses what the policy of the address's network denies. `peer` is who is dialled or
    /// written to; of a `connect`, who dials.
    pub(super) fn check_policy(
        &self,
        event: Event,
        peer: Address,
        port: u16,
        size: usize,
    ) -> Result<(), String> {
        let network = peer.network;
        let Some(policy) = self.managed.policies.get(network) else {
            return Ok(());
        };
        let own = self.identity.node_id;
        let tags = |node| {
            let network = self.networks.get(network);
            network
                .and_then(|n| n.tags.get(node).cloned())
                .unwrap_or_default()
        };
        let facts = Facts {
            port,
            size: size as u64,
            network_id: network,
            direction: "out".to_owned(),
            peer_id: peer.node,
            peer_tags: tags(peer.node),
            local_tags: tags(own),
            members: self
                .networks
                .get(network)
                .map_or(0, |n| n.members.len() as u64),
            ..Facts::default()
        };
        if policy.denies(event, &facts) {
            return Err(format!(
                "port {port} not allowed by network {network} policy"
            ));
        }
        Ok(())
    }

    pub(super) fn member_tags_get(&self, network_id: u16, node_id: u32) -> Answer<'_> {
        self.must_exist(network_id)
            .map_err(|text| format!("member-tags get: registry: {text}"))?;
        let network = self.networks.get(network_id);
        let tags = |node: u32| {
            network
                .and_then(|n| n.tags.get(node).cloned())
                .unwrap_or_default()
        };
        let mut body = object! {"network_id": network_id, "type": "get_member_tags_ok"};
        if node_id == 0 {
            let members = network.map(|n| n.members.clone()).unwrap_or_default();
            let mut rows = Map::new();
            for node in members {
                set(&mut rows, &node.to_string(), tags(node));
            }
            body["members"] = rows.into();
        } else {
            body["tags"] = tags(node_id).into();
            body["target_node_id"] = node_id.into();
        }
        Ok(Some(Reply::Json(Command::MemberTagsGet, body)))
    }

    pub(super) fn member_tags_set(
        &mut self,
        network_id: u16,
        node_id: u32,
        tags: &[String],
    ) -> Answer<'_> {
        self.may_tag(network_id, node_id, tags)
            .map_err(|text| format!("member-tags set: registry: {text}"))?;
        let shown = if tags.is_empty() { None } else { Some(tags) };
        let body = object! {
            "network_id": network_id, "tags": shown, "target_node_id": node_id,
            "type": "set_member_tags_ok",
        };
        let network = self.networks.get_or_make(network_id);
        if !network.members.contains(&node_id) {
            // Only the lenient profile comes here without a member: it is taken to be one.
            network.members.push(node_id);
        }
        network.tags.insert(node_id, tags.to_vec());
        Ok(Some(Reply::Json(Command::MemberTagsSet, body)))
    }

    fn may_tag(&self, network_id: u16, node_id: u32, tags: &[String]) -> Result<(), String> {
        self.must_exist(network_id)?;
        if !self.lenient() && self.identity.admin_token.is_none() {
            return Err("rbac: node_id required for role-based authorization".to_owned());
        }
        names::check_member_tags(tags)?;
        let wanting = !self.lenient() || !self.exists(node_id);
        if wanting && !self.networks.is_member(network_id, node_id) {
            return Err(format!(
                "node {node_id} is not a member of network {network_id}"
            ));
        }
        Ok(())
    }
}

const NONE_ACTIVE: &str = "managed: no active managed networks";
