//! Trust: who has asked whom, who is trusted, who is ignored, who waits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::{Value, json};

use super::codec::Cursor;
use super::setting::{ASKING, BETA, CLOCK, EVERYBODY, GAMMA, OWN, SLOW};
use super::world::{KEY, World};

/// A `handshake.wait` that has no answer yet.
#[derive(Clone, Debug)]
pub struct Wait {
    pub slot: usize,
    pub node: u32,
    pub since: Instant,
}

#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Who is trusted, and whether they approved or both asked.
    pub trusted: BTreeMap<u32, bool>,
    /// Who has asked, with what words, in that order.
    pub pending: Vec<(u32, String)>,
    /// Peers whose requests are ignored here: rejected, or trust was taken back.
    pub refused: BTreeSet<u32>,
    /// Of those, who have asked.
    pub asked: BTreeSet<u32>,
    /// Peers that ignore this node's requests: they rejected one, or trust was taken back.
    deaf: BTreeSet<u32>,
    /// Peers that were asked and have not answered, and whether they can still approve.
    pub sent: BTreeMap<u32, bool>,
    /// Peers that the scenario says are not trusted.
    withheld: BTreeSet<u32>,
    pub waits: Vec<Wait>,
}

impl Trust {
    pub fn new(lenient: bool) -> Trust {
        let (trusted, withheld) = match lenient {
            true => (vec![BETA, SLOW], vec![GAMMA]),
            false => (vec![], vec![BETA, GAMMA, SLOW]),
        };
        Trust {
            trusted: trusted.into_iter().map(|node| (node, true)).collect(),
            withheld: withheld.into_iter().collect(),
            pending: vec![(ASKING, "hi <&>".to_owned())],
            ..Trust::default()
        }
    }

    fn listed(&self, node: u32) -> bool {
        self.pending.iter().any(|(asking, _)| *asking == node)
    }

    fn take_pending(&mut self, node: u32) -> bool {
        let had = self.listed(node);
        self.pending.retain(|(asking, _)| *asking != node);
        had
    }

    fn take_back(&mut self, node: u32) {
        self.trusted.remove(&node);
        self.refused.insert(node);
        self.deaf.insert(node);
    }
}

impl World {
    /// In the lenient profile every peer counts as trusted until it was rejected or revoked.
    pub fn trusts(&self, node: u32) -> bool {
        let t = &self.trust;
        let doubtful = [&t.refused, &t.deaf, &t.withheld]
            .iter()
            .any(|set| set.contains(&node));
        t.trusted.contains_key(&node) || (self.lenient() && self.exists(node) && !doubtful)
    }

    pub fn handshake(&mut self, slot: usize, mut payload: Cursor) {
        let Some(sub) = payload.u8() else {
            return self.refuse(slot, "handshake: missing sub-command");
        };
        let words = ["request", "approve", "reject", "", "", "revoke", "wait"];
        let node = match sub {
            4 => return self.list_pending(slot),
            5 => return self.list_trusted(slot),
            7 if payload.0.len() < 8 => {
                let text = "handshake wait: payload must be [nodeID(4)][timeoutMs(4)]";
                return self.refuse(slot, text);
            }
            1..=7 => match payload.u32() {
                Some(node) => node,
                None => {
                    let word = words[usize::from(sub) - 1];
                    return self.refuse(slot, &format!("handshake {word}: missing node_id"));
                }
            },
            sub => {
                return self.refuse(slot, &format!("handshake: unknown sub-command 0x{sub:02X}"));
            }
        };
        match sub {
            1 => self.ask_trust(slot, node),
            2 => self.approve(slot, node),
            3 => self.reject(slot, node),
            6 if !self.trusts(node) => {
                self.refuse(
                    slot,
                    &format!("handshake revoke: node {node} was not trusted"),
                );
            }
            6 => {
                self.trust.take_back(node);
                self.done(slot, node, "revoked");
            }
            _ => self.wait(slot, node, payload.u32().unwrap()),
        }
    }

    fn done(&mut self, slot: usize, node: u32, status: &str) {
        self.body(slot, 0x10, json!({"node_id": node, "status": status}));
    }

    fn ask_trust(&mut self, slot: usize, node: u32) {
        if !self.exists(node) {
            let text = format!("handshake relay: registry: node {node}: node not found");
            return self.refuse(slot, &format!("handshake request: {text}"));
        }
        self.touch(node);
        let t = &mut self.trust;
        let deaf = t.deaf.contains(&node);
        let both = t.listed(node) || t.asked.contains(&node);
        let at_once = self.setting.lenient && !deaf && !t.refused.contains(&node);
        if both || at_once || node == OWN {
            self.label("trusted");
            self.grant(node, true);
        } else if !t.trusted.contains_key(&node) {
            t.sent.entry(node).or_insert(!deaf);
        }
        self.done(slot, node, "sent");
    }

    fn approve(&mut self, slot: usize, node: u32) {
        let had = self.trust.take_pending(node);
        if had || (self.lenient() && self.exists(node)) {
            self.label("trusted");
            self.touch(node);
            self.grant(node, false);
        }
        self.label("no effect");
        self.done(slot, node, "approved");
    }

    fn reject(&mut self, slot: usize, node: u32) {
        if self.trust.take_pending(node) || self.lenient() {
            self.label("ignored from now on");
            self.trust.trusted.remove(&node);
            self.trust.asked.insert(node);
            self.trust.refused.insert(node);
        }
        self.label("no effect");
        self.done(slot, node, "rejected");
    }

    /// Trust has come: those who wait for it are told.
    fn grant(&mut self, node: u32, mutual: bool) {
        let t = &mut self.trust;
        t.take_pending(node);
        t.sent.remove(&node);
        for set in [&mut t.refused, &mut t.asked, &mut t.deaf, &mut t.withheld] {
            set.remove(&node);
        }
        t.trusted.entry(node).or_insert(mutual);
        let (told, rest) = std::mem::take(&mut t.waits)
            .into_iter()
            .partition(|w| w.node == node);
        t.waits = rest;
        let told: Vec<Wait> = told;
        for wait in told {
            self.waited(wait.slot, node, true);
        }
    }

    fn waited(&mut self, slot: usize, node: u32, trusted: bool) {
        let body = json!({"node_id": node, "trusted": trusted}).to_string();
        self.tell(slot, (0x10, body.into_bytes()));
    }

    fn wait(&mut self, slot: usize, node: u32, patience: u32) {
        let trusted = self.trusts(node);
        if !trusted && patience >= 1000 {
            self.label("waits");
            let since = Instant::now();
            return self.trust.waits.push(Wait { slot, node, since });
        }
        self.late = !trusted && patience > 0;
        self.label(if trusted { "trusted" } else { "not trusted" });
        self.waited(slot, node, trusted);
    }

    fn list_pending(&mut self, slot: usize) {
        let rows = self.trust.pending.iter().map(|(node, words)| {
            json!({"justification": words, "node_id": node, "public_key": self.key_of(*node),
                   "received_at": CLOCK})
        });
        let body = json!({"pending": rows.collect::<Value>()});
        self.label(if self.trust.pending.is_empty() {
            "none"
        } else {
            "some"
        });
        self.body(slot, 0x10, body);
    }

    fn list_trusted(&mut self, slot: usize) {
        let rows = self.trust.trusted.iter().map(|(node, mutual)| {
            json!({"approved_at": CLOCK, "mutual": mutual, "network": 0, "node_id": node,
                   "public_key": self.key_of(*node)})
        });
        let body = json!({"trusted": rows.collect::<Value>()});
        self.label(if self.trust.trusted.is_empty() {
            "none"
        } else {
            "some"
        });
        self.body(slot, 0x10, body);
    }

    /// A peer acts of its own accord.
    pub fn peer(&mut self, node: u32, does: &str, with: &str) {
        if [0, EVERYBODY, OWN].contains(&node) {
            return self.label("nobody");
        }
        let acted = match does {
            "handshake" => self.peer_asks(node, with),
            "approve" => {
                let can = self.lenient() || self.trust.sent.get(&node) == Some(&true);
                if can {
                    self.touch(node);
                    self.grant(node, true);
                }
                can
            }
            "reject" => {
                let can = self.lenient() || self.trust.sent.get(&node) == Some(&true);
                if can {
                    self.trust.trusted.remove(&node);
                    self.trust.deaf.insert(node);
                    self.trust
                        .sent
                        .entry(node)
                        .and_modify(|listed| *listed = false);
                }
                can
            }
            "revoke" => {
                let can = self.trusts(node);
                if can {
                    self.touch(node);
                    self.trust.take_back(node);
                }
                can
            }
            "invite" => self.peer_invites(node, with.parse().unwrap()),
            "leave" => self.peer_leaves(node, with.parse().unwrap()),
            does => panic!("a peer cannot {does}"),
        };
        self.label(if acted { "acted" } else { "ignored" });
    }

    /// A peer that does something is there, and there is a tunnel to it.
    pub fn meet(&mut self, node: u32) {
        if !self.exists(node) {
            self.known.insert(node);
        }
        self.touch(node);
    }

    fn peer_asks(&mut self, node: u32, words: &str) -> bool {
        self.meet(node);
        let t = &mut self.trust;
        if t.sent.contains_key(&node) {
            self.grant(node, true);
            return true;
        }
        if t.refused.contains(&node) {
            t.asked.insert(node);
            return false;
        }
        if t.trusted.contains_key(&node) && !self.setting.lenient {
            return false;
        }
        if !t.listed(node) {
            t.pending.push((node, words.to_owned()));
        }
        true
    }

    /// The key of a node, learnt when it is seen first.
    pub fn key_of(&self, node: u32) -> String {
        let rotated = if node == OWN { self.key } else { 0 };
        format!("{KEY}{node} {rotated}")
    }
}
