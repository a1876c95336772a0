//! What peers do to this node of their own accord.

use std::time::Duration;

use super::{Node, Sink};
use crate::wire::address::BROADCAST_NODE;

/// Something that a peer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerAct<'a> {
    /// Asks for trust, with this justification.
    Handshake(&'a str),
    /// Approves what this node has asked.
    Approve,
    /// Rejects what this node has asked.
    Reject,
    /// Takes its trust back.
    Revoke,
    /// Invites this node into a network.
    Invite(u16),
    /// Leaves a network.
    Leave(u16),
}

impl Node {
    /// A peer acts. False when this node or the registry ignores it, or it has nothing to act on:
    /// a request that was never sent, trust that is not there, a network that is unknown. The
    /// lenient profile takes what is wanting to exist. Nobody is a peer by the node's own id, 0 or
    /// 4294967295.
    pub fn peer_does(
        &mut self,
        node_id: u32,
        act: PeerAct<'_>,
        now: Duration,
        out: &mut dyn Sink,
    ) -> bool {
        if [0, BROADCAST_NODE, self.identity.node_id].contains(&node_id) {
            return false;
        }
        match act {
            PeerAct::Handshake(justification) => self.peer_asks(node_id, justification, now, out),
            PeerAct::Approve => self.peer_approves(node_id, now, out),
            PeerAct::Reject => self.peer_rejects(node_id),
            PeerAct::Revoke => self.peer_revokes(node_id),
            PeerAct::Invite(network_id) => self.peer_invites(node_id, network_id, now),
            PeerAct::Leave(network_id) => self.peer_leaves(node_id, network_id),
        }
    }
}
