//! Trust between the node and its peers: requests, approvals, and those who wait for it.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

use super::config::{Config, Profile};
use super::schedule::Later;
use super::{Answer, Asker, ClientId, Ids, Node, Sink, Table};
use crate::go::json::object;
use crate::wire::{Command, Reply};

/// Longest `handshake.wait`. Source: the real daemon.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Who trusts whom.
#[derive(Debug)]
pub struct Trust {
    trusted: Table<u32, Trusted>,
    pending: Vec<Pending>,
    /// Peers that were rejected, and those with whom trust was revoked by either side: their
    /// requests are ignored.
    refused: Ids,
    /// Peers whose request was rejected or ignored: they have asked, so asking them in turn is
    /// enough.
    asked: Ids,
    /// Peers that were asked and have not answered, and whether they list the request: they can
    /// approve it then. Asking in turn is enough in any case.
    sent: Table<u32, bool>,
    /// Peers that have rejected a request, and those with whom trust was revoked by either side:
    /// they ignore requests.
    deaf: Ids,
    /// Listed peers that were configured as not trusted.
    withheld: Ids,
    /// In the order of their ids.
    waits: VecDeque<Wait>,
    waits_made: u64,
}

#[derive(Clone, Copy, Debug)]
struct Trusted {
    approved_at: u64,
    /// The peer approved a request of ours, or both asked.
    mutual: bool,
}

#[derive(Debug)]
struct Pending {
    node_id: u32,
    justification: String,
    received_at: u64,
}

#[derive(Debug)]
struct Wait {
    id: u64,
    asker: Asker,
    node_id: u32,
}

impl Trust {
    pub fn new(config: &Config, start: u64) -> Self {
        let lenient = config.profile == Profile::Lenient;
        let entry = Trusted {
            approved_at: start,
            mutual: true,
        };
        let (mut trusted, mut withheld) = (Table::new(), Ids::new());
        for peer in &config.peers {
            if peer.trusted.unwrap_or(lenient) {
                trusted.insert(peer.node_id, entry);
            } else {
                withheld.insert(peer.node_id, ());
            }
        }
        let pending = config.pending.iter().map(|p| Pending {
            node_id: p.node_id,
            justification: p.justification.clone(),
            received_at: start,
        });
        Trust {
            trusted,
            pending: pending.collect(),
            refused: Ids::new(),
            asked: Ids::new(),
            sent: Table::new(),
            deaf: Ids::new(),
            withheld,
            waits: VecDeque::new(),
            waits_made: 0,
        }
    }

    pub fn pending_count(&self) -> usize {
        self.pending.len()
    }

    /// Whether a peer is in the list of trusted ones.
    pub fn listed(&self, node_id: u32) -> bool {
        self.trusted.contains(node_id)
    }

    /// Who is trusted, who waits and who was refused.
    pub fn state(&self) -> Value {
        let pending = self.pending.iter().map(|p| {
            object! {"justification": &*p.justification, "node_id": p.node_id}
        });
        object! {
            "pending": pending.collect::<Value>(),
            "refused": self.refused.keys().collect::<Value>(),
            "sent": self.sent.keys().collect::<Value>(),
            "trusted": self.trusted.keys().collect::<Value>(),
        }
    }

    /// Trust ends, whoever ends it: both sides ignore each other's requests from then on.
    fn revoke(&mut self, node_id: u32) {
        self.trusted.remove(node_id);
        self.refused.insert(node_id, ());
        self.deaf.insert(node_id, ());
    }

    fn is_pending(&self, node_id: u32) -> bool {
        self.pending.iter().any(|p| p.node_id == node_id)
    }

    fn take_pending(&mut self, node_id: u32) -> bool {
        let before = self.pending.len();
        self.pending.retain(|p| p.node_id != node_id);
        self.pending.len() < before
    }
}

fn outcome(node_id: u32, status: &str) -> Answer<'static> {
    let body = object! {"node_id": node_id, "status": status};
    Ok(Some(Reply::Json(Command::HandshakeSend, body)))
}

fn waited(node_id: u32, trusted: bool) -> Reply<'static> {
    let body = object! {"node_id": node_id, "trusted": trusted};
    Reply::Json(Command::HandshakeWait, body)
}

impl Node {
    /// Whether a node counts as trusted: in the lenient profile every peer does until it was
    /// rejected or revoked.
    pub(super) fn trusts(&self, node_id: u32) -> bool {
        let presumed = self.lenient()
            && self.exists(node_id)
            && !self.trust.refused.contains(node_id)
            && !self.trust.deaf.contains(node_id)
            && !self.trust.withheld.contains(node_id);
        self.trust.listed(node_id) || presumed
    }

    /// Whether trust in a node was refused or revoked.
    pub(super) fn refuses(&self, node_id: u32) -> bool {
        self.trust.refused.contains(node_id)
    }

    pub(super) fn handshake_send(
        &mut self,
        node_id: u32,
        now: Duration,
        out: &mut dyn Sink,
    ) -> Answer<'_> {
        if !self.exists(node_id) {
            return Err(format!(
                "handshake request: handshake relay: registry: node {node_id}: node not found"
            ));
        }
        self.touch(node_id);
        let lenient = self.lenient();
        let trust = &mut self.trust;
        let both_asked = trust.is_pending(node_id) || trust.asked.contains(node_id);
        let itself = node_id == self.identity.node_id;
        let deaf = trust.deaf.contains(node_id);
        // A lenient peer approves at once; one that was refused ignores what comes.
        let approves = lenient && !deaf && !trust.refused.contains(node_id);
        if both_asked || itself || approves {
            self.grant(node_id, true, now, out);
        } else if !trust.listed(node_id) {
            trust.sent.get_or_make(node_id, || !deaf);
        }
        outcome(node_id, "sent")
    }

    pub(super) fn handshake_approve(
        &mut self,
        node_id: u32,
        now: Duration,
        out: &mut dyn Sink,
    ) -> Answer<'_> {
        let asked = self.trust.take_pending(node_id);
        if asked || (self.lenient() && self.exists(node_id)) {
            self.touch(node_id);
            self.grant(node_id, false, now, out);
        }
        outcome(node_id, "approved")
    }

    pub(super) fn handshake_reject(&mut self, node_id: u32) -> Answer<'_> {
        let asked = self.trust.take_pending(node_id);
        if asked || self.lenient() {
            self.trust.trusted.remove(node_id);
            self.trust.asked.insert(node_id, ());
            self.trust.refused.insert(node_id, ());
        }
        outcome(node_id, "rejected")
    }

    pub(super) fn handshake_revoke(&mut self, node_id: u32) -> Answer<'_> {
        if !self.trusts(node_id) {
            return Err(format!("handshake revoke: node {node_id} was not trusted"));
        }
        self.trust.revoke(node_id);
        outcome(node_id, "revoked")
    }

    pub(super) fn handshake_pending(&self) -> Answer<'_> {
        let rows: Vec<_> = self
            .trust
            .pending
            .iter()
            .map(|p| {
                object! {
                    "justification": &*p.justification, "node_id": p.node_id,
                    "public_key": self.key_of(p.node_id),
                    "received_at": p.received_at,
                }
            })
            .collect();
        let body = object! {"pending": rows};
        Ok(Some(Reply::Json(Command::HandshakePending, body)))
    }

    pub(super) fn handshake_trusted(&self) -> Answer<'_> {
        let rows: Vec<_> = self
            .trust
            .trusted
            .iter()
            .map(|(node_id, t)| {
                object! {
                    "approved_at": t.approved_at, "mutual": t.mutual, "network": 0,
                    "node_id": node_id, "public_key": self.key_of(node_id),
                }
            })
            .collect();
        let body = object! {"trusted": rows};
        Ok(Some(Reply::Json(Command::HandshakeTrusted, body)))
    }

    pub(super) fn handshake_wait(
        &mut self,
        asker: Asker,
        node_id: u32,
        timeout_ms: u32,
        now: Duration,
    ) -> Answer<'_> {
        let trusted = self.trusts(node_id);
        if trusted || timeout_ms == 0 {
            return Ok(Some(waited(node_id, trusted)));
        }
        self.trust.waits_made += 1;
        let id = self.trust.waits_made;
        self.trust.waits.push_back(Wait { id, asker, node_id });
        let patience = Duration::from_millis(u64::from(timeout_ms)).min(WAIT_MAX);
        self.schedule.add(now + patience, Later::WaitEnds(id));
        Ok(None)
    }

    pub(super) fn wait_ends(&mut self, id: u64, out: &mut dyn Sink) {
        let waits = &mut self.trust.waits;
        let place = waits.binary_search_by_key(&id, |wait| wait.id).ok();
        if let Some(wait) = place.and_then(|at| waits.remove(at)) {
            let Asker { client, tag } = wait.asker;
            out.late_reply(client, tag, waited(wait.node_id, false));
        }
    }

    pub(super) fn forget_waits(&mut self, client: ClientId) {
        self.trust.waits.retain(|wait| wait.asker.client != client);
    }

    /// Trust has come: it is listed, and those who waited for it are told.
    fn grant(&mut self, node_id: u32, mutual: bool, now: Duration, out: &mut dyn Sink) {
        let approved_at = self.clock.unix_secs(now);
        let trust = &mut self.trust;
        trust.take_pending(node_id);
        trust.sent.remove(node_id);
        for set in [
            &mut trust.refused,
            &mut trust.asked,
            &mut trust.deaf,
            &mut trust.withheld,
        ] {
            set.remove(node_id);
        }
        trust.trusted.get_or_make(node_id, || Trusted {
            approved_at,
            mutual,
        });
        trust.waits.retain(|wait| {
            let stays = wait.node_id != node_id;
            if !stays {
                let Asker { client, tag } = wait.asker;
                out.late_reply(client, tag, waited(node_id, true));
            }
            stays
        });
    }

    /// A peer asks for trust. False when its request is ignored.
    pub(super) fn peer_asks(
        &mut self,
        node_id: u32,
        justification: &str,
        now: Duration,
        out: &mut dyn Sink,
    ) -> bool {
        self.meet(node_id);
        if self.trust.sent.contains(node_id) {
            self.grant(node_id, true, now, out);
            return true;
        }
        let (lenient, received_at) = (self.lenient(), self.clock.unix_secs(now));
        let trust = &mut self.trust;
        if trust.refused.contains(node_id) {
            trust.asked.insert(node_id, ());
            return false;
        }
        // Every lenient peer is trusted; what one asks is shown all the same.
        if trust.listed(node_id) && !lenient {
            return false;
        }
        if !trust.is_pending(node_id) {
            trust.pending.push(Pending {
                node_id,
                justification: justification.to_owned(),
                received_at,
            });
        }
        true
    }

    /// A peer approves what this node has asked. False when it has no request to approve.
    pub(super) fn peer_approves(
        &mut self,
        node_id: u32,
        now: Duration,
        out: &mut dyn Sink,
    ) -> bool {
        let approves = self.lenient() || self.trust.sent.get(node_id) == Some(&true);
        if approves {
            self.touch(node_id);
            self.grant(node_id, true, now, out);
        }
        approves
    }

    /// A peer rejects what this node has asked, which nobody here learns. False when it has no
    /// request to reject.
    pub(super) fn peer_rejects(&mut self, node_id: u32) -> bool {
        let rejects = self.lenient() || self.trust.sent.get(node_id) == Some(&true);
        if rejects {
            let trust = &mut self.trust;
            trust.trusted.remove(node_id);
            trust.deaf.insert(node_id, ());
            if let Some(listed) = trust.sent.get_mut(node_id) {
                *listed = false;
            }
        }
        rejects
    }

    /// A peer takes its trust back, and with it this node's. False when there was none.
    pub(super) fn peer_revokes(&mut self, node_id: u32) -> bool {
        let trusted = self.trusts(node_id);
        if trusted {
            self.touch(node_id);
            self.trust.revoke(node_id);
        }
        trusted
    }
}
