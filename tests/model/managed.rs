//! Managed networks: the engines that run, policies, tags of members.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::codec::{Address, Cursor};
use super::identity::{check_member_tag, text_list};
use super::setting::{CLOCK_TEXT, OWN};
use super::world::{Refusal, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Dial,
    Connect,
    Datagram,
}

/// What a document forbids: an event, on every port or on one.
type Denied = Option<(Event, Option<u16>)>;

/// Documents that the model knows, and what each forbids.
pub const POLICIES: [(&str, Denied); 5] = [
    (
        r#"{"version":1,"rules":[{"name":"r","on":"connect","match":"true","actions":[{"type":"allow"}]}]}"#,
        None,
    ),
    (
        r#"{"version":1,"rules":[{"name":"no","on":"dial","match":"port == 5000","actions":[{"type":"deny"}]}]}"#,
        Some((Event::Dial, Some(5000))),
    ),
    (
        r#"{"version":1,"rules":[{"name":"no","on":"datagram","match":"true","actions":[{"type":"deny"}]}]}"#,
        Some((Event::Datagram, None)),
    ),
    (
        r#"{"version":1,"rules":[{"name":"no","on":"connect","match":"port == 5001","actions":[{"type":"deny"}]}]}"#,
        Some((Event::Connect, Some(5001))),
    ),
    (
        r#"{"version":1,"rules":[{"name":"log","on":"dial","match":"true","actions":[{"type":"log","params":{"message":"m"}}]},{"name":"no","on":"dial","match":"port == 9","actions":[{"type":"deny"}]}]}"#,
        Some((Event::Dial, Some(9))),
    ),
];

/// Documents that are refused, with their texts behind `parse policy: policy: `.
pub const BAD_POLICIES: [(&str, &str); 4] = [
    (r#"{"rules":[]}"#, "unsupported version 0 (want 1)"),
    (
        r#"{"version":1,"rules":[]}"#,
        "at least one rule is required",
    ),
    (
        r#"{"version":1,"rules":[{"name":"r1","on":"zzz","match":"true","actions":[{"type":"allow"}]}]}"#,
        r#"rule "r1": unknown event type "zzz""#,
    ),
    (
        r#"{"version":1,"rules":[{"name":"r1","on":"dial","match":"true","actions":[]}]}"#,
        r#"rule "r1": at least one action is required"#,
    ),
];

#[derive(Clone, Debug)]
struct Engine {
    kind: &'static str,
    cycles: u64,
}

#[derive(Clone, Debug)]
pub struct Managed {
    engines: BTreeMap<u16, Engine>,
    /// Numbers of [`POLICIES`].
    policies: BTreeMap<u16, usize>,
}

impl Managed {
    pub fn new() -> Managed {
        let engine = Engine {
            kind: "managed",
            cycles: 0,
        };
        Managed {
            engines: [(10, engine)].into(),
            policies: BTreeMap::new(),
        }
    }

    /// What the control socket's `state` has of the engines, and of the policies.
    pub fn state(&self) -> (Value, Value) {
        let engines = self.engines.iter().map(|(id, engine)| {
            json!({"cycle_num": engine.cycles, "engine": engine.kind, "network_id": id})
        });
        let policies = self.policies.iter().map(|(id, number)| {
            let document: Value = serde_json::from_str(POLICIES[*number].0).unwrap();
            json!({"expr_policy": document, "network_id": id})
        });
        (engines.collect(), policies.collect())
    }

    /// Which engine a request means; 0 is the one that runs, the first of several.
    fn meant(&self, id: u16) -> Option<u16> {
        match id {
            0 => self.engines.keys().copied().find(|id| *id != 0).or(self
                .engines
                .keys()
                .next()
                .copied()),
            id => self.engines.contains_key(&id).then_some(id),
        }
    }
}

impl World {
    /// Refuses what the policy of the address's network denies.
    pub fn allowed(&self, event: Event, to: Address, port: u16) -> Result<(), Refusal> {
        let network = to.0;
        let denied = self
            .managed
            .policies
            .get(&network)
            .and_then(|number| POLICIES[*number].1);
        match denied {
            Some((on, only)) if on == event && only.is_none_or(|only| only == port) => Err(
                format!("port {port} not allowed by network {network} policy"),
            ),
            _ => Ok(()),
        }
    }

    pub fn manage(&mut self, slot: usize, mut payload: Cursor) {
        let Some(sub) = payload.u8() else {
            return self.refuse(slot, "managed: missing sub-command");
        };
        match sub {
            2 | 4 => {
                let id = payload.u16().unwrap_or(0);
                self.engine(slot, id, sub == 4);
            }
            5 => self.policy(slot, payload),
            6 => self.member_tags(slot, payload),
            7 => {
                let id = payload.u16().unwrap_or(0);
                self.reconcile(slot, id);
            }
            sub => self.refuse(slot, &format!("managed: unknown sub-command 0x{sub:02X}")),
        }
    }

    /// Status, or one more cycle.
    fn engine(&mut self, slot: usize, id: u16, cycle: bool) {
        let none = match id {
            0 => self.managed.engines.keys().all(|id| *id == 0),
            id => !self.managed.engines.contains_key(&id),
        };
        if self.lenient() && none {
            // What is wanting is taken to exist: for no network named, the first joined.
            let id = if id == 0 {
                self.networks.joined.first().copied().unwrap_or(0)
            } else {
                id
            };
            self.managed.engines.entry(id).or_insert(Engine {
                kind: "policy",
                cycles: 0,
            });
        }
        let Some(id) = self.managed.meant(id) else {
            return self.refuse(slot, "managed: no active managed networks");
        };
        let peers = self.peers_in(id);
        let engine = self.managed.engines.get_mut(&id).unwrap();
        let body = if cycle {
            engine.cycles += 1;
            json!({"cycle_num": engine.cycles, "evicted": 0, "filled": 0, "filled_trust": 0,
                   "network_id": id, "peers": peers, "pruned": 0, "pruned_trust": 0})
        } else {
            json!({"cycle_num": engine.cycles, "engine": engine.kind, "joined_at": CLOCK_TEXT,
                   "network_id": id, "peers": peers})
        };
        self.body(slot, 0x24, body);
    }

    fn peers_in(&self, id: u16) -> usize {
        let network = self.networks.by_id.get(&id);
        network.map_or(0, |n| {
            n.members.iter().filter(|member| **member != OWN).count()
        })
    }

    fn reconcile(&mut self, slot: usize, id: u16) {
        let running = self.managed.meant(id);
        if running.is_none() && !self.lenient() {
            return self.refuse(slot, "managed: no active policy runner for network");
        }
        let peers = self.peers_in(running.unwrap_or(id));
        let body = json!({"network_id": id, "peers": peers, "type": "managed_reconcile_ok"});
        self.body(slot, 0x24, body);
    }

    fn policy(&mut self, slot: usize, mut payload: Cursor) {
        let (Some(action), Some(id)) = (payload.u8(), payload.u16()) else {
            return self.refuse(
                slot,
                "managed policy: missing sub-sub-command and network_id",
            );
        };
        match action {
            0 => self.policy_get(slot, id),
            1 => match self.policy_set(id, payload) {
                Ok(()) => {
                    let body =
                        json!({"applied": true, "network_id": id, "type": "managed_policy_ok"});
                    self.body(slot, 0x24, body);
                }
                Err(text) => self.refuse(slot, &format!("managed policy set: {text}")),
            },
            action => self.refuse(
                slot,
                &format!("managed policy: unknown action 0x{action:02X}"),
            ),
        }
    }

    fn policy_get(&mut self, slot: usize, id: u16) {
        let managed = self.networks.by_id.get(&id).is_some_and(|n| n.managed);
        let (engine, document) = match self.managed.policies.get(&id) {
            Some(number) => {
                let document = format!(r#""expr_policy":{},"#, POLICIES[*number].0);
                ("policy", document)
            }
            None => (if managed { "managed" } else { "none" }, String::new()),
        };
        self.label(engine);
        let body = format!(
            r#"{{"engine":"{engine}",{document}"network_id":{id},"type":"managed_policy_ok"}}"#
        );
        self.tell(slot, (0x24, body.into_bytes()));
    }

    fn policy_set(&mut self, id: u16, mut payload: Cursor) -> Result<(), Refusal> {
        let length = payload.u16().ok_or("missing token length")?;
        let token = payload.take(length.into()).ok_or("truncated token")?;
        let document = payload.0;
        if document.is_empty() {
            return Err("missing policy JSON".to_owned());
        }
        if !self.token_is_good(token) {
            return Err("invalid admin token".to_owned());
        }
        let bad = BAD_POLICIES
            .iter()
            .find(|(text, _)| text.as_bytes() == document);
        if let Some((_, text)) = bad {
            return Err(format!("parse policy: policy: {text}"));
        }
        let number = POLICIES
            .iter()
            .position(|(text, _)| text.as_bytes() == document);
        self.managed
            .policies
            .insert(id, number.expect("a document that the model knows"));
        self.managed.engines.insert(
            id,
            Engine {
                kind: "policy",
                cycles: 0,
            },
        );
        Ok(())
    }

    fn member_tags(&mut self, slot: usize, mut payload: Cursor) {
        let (Some(action), Some(id), Some(node)) = (payload.u8(), payload.u16(), payload.u32())
        else {
            let text = "managed member-tags: missing action, network_id, or node_id";
            return self.refuse(slot, text);
        };
        let (word, answer) = match action {
            0 => ("get", self.tags_of(id, node)),
            1 if payload.0.is_empty() => {
                return self.refuse(slot, "managed member-tags set: missing tags JSON");
            }
            1 => match text_list(payload.0) {
                Ok(tags) => ("set", self.tag(id, node, tags)),
                Err(text) => {
                    let text = format!("member-tags set: invalid tags JSON: {text}");
                    return self.refuse(slot, &text);
                }
            },
            action => {
                let text = format!("managed member-tags: unknown action 0x{action:02X}");
                return self.refuse(slot, &text);
            }
        };
        match answer {
            Ok(body) => self.body(slot, 0x24, body),
            Err(text) => self.refuse(slot, &format!("member-tags {word}: registry: {text}")),
        }
    }

    fn tags_of(&mut self, id: u16, node: u32) -> Result<Value, Refusal> {
        self.network_known(id)?;
        let network = self.networks.by_id.get(&id).cloned().unwrap_or_default();
        let tags = |node: u32| network.tags.get(&node).cloned().unwrap_or_default();
        if node != 0 {
            self.label(if tags(node).is_empty() {
                "none"
            } else {
                "some"
            });
            return Ok(
                json!({"network_id": id, "tags": tags(node), "target_node_id": node,
                             "type": "get_member_tags_ok"}),
            );
        }
        self.label("all members");
        let rows = network
            .members
            .iter()
            .map(|member| (member.to_string(), json!(tags(*member))));
        let rows: serde_json::Map<String, Value> = rows.collect();
        Ok(json!({"members": rows, "network_id": id, "type": "get_member_tags_ok"}))
    }

    fn tag(&mut self, id: u16, node: u32, tags: Vec<String>) -> Result<Value, Refusal> {
        self.network_known(id)?;
        if !self.lenient() && !self.setting.token {
            return Err("rbac: node_id required for role-based authorization".to_owned());
        }
        if tags.len() > 10 {
            return Err("too many member tags (max 10)".to_owned());
        }
        for tag in &tags {
            check_member_tag(tag)?;
        }
        let member = self.networks.has(id, node) || (self.lenient() && self.exists(node));
        if !member {
            return Err(format!("node {node} is not a member of network {id}"));
        }
        let shown = if tags.is_empty() {
            Value::Null
        } else {
            json!(tags)
        };
        let network = self.networks.made(id);
        if !network.members.contains(&node) {
            network.members.push(node);
        }
        network.tags.insert(node, tags);
        Ok(
            json!({"network_id": id, "tags": shown, "target_node_id": node,
                  "type": "set_member_tags_ok"}),
        )
    }
}
