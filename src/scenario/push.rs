//! What the daemon sends by itself, to whom and when.

use std::sync::Arc;
use std::time::Duration;

use super::{Condition, Place};
use crate::node::ClientId;
use crate::wire::Address;
use crate::wire::kind::Kinds;

/// One push.
#[derive(Clone, Debug, PartialEq)]
pub struct Push {
    /// Where it stands; `None` for one that came over the control socket.
    pub place: Option<Place>,
    /// How long it waits.
    pub after: Duration,
    /// Who gets it, where that is said.
    pub to: Option<To>,
    /// What it is.
    pub kind: PushKind,
}

/// Who gets a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// The client that has bound the push's port.
    Binder,
    /// Every client.
    All,
    /// The client whose request or event set it off.
    Requester,
    /// The client of this number.
    Client(ClientId),
}

/// What is pushed. Data is shared: a push may be sent many times.
#[derive(Clone, Debug, PartialEq)]
pub enum PushKind {
    /// A datagram from a simulated peer.
    RecvFrom {
        /// Who sends it.
        from: Address,
        /// From which port.
        from_port: u16,
        /// To which port.
        to_port: u16,
        /// The data.
        data: Arc<[u8]>,
    },
    /// A stream that a simulated peer opens.
    Accept {
        /// The bound port.
        port: u16,
        /// Who dials.
        from: Address,
        /// From which port.
        from_port: u16,
        /// Whether the peer sends back what comes; it swallows it otherwise.
        echo: bool,
        /// What the peer says first; empty for nothing.
        say: Arc<[u8]>,
    },
    /// Data on a stream.
    Recv {
        /// The stream.
        conn: Conn,
        /// The data.
        data: Arc<[u8]>,
    },
    /// The end of a stream.
    Close {
        /// The stream.
        conn: Conn,
    },
    /// Any frame.
    Raw {
        /// Its command byte.
        command: u8,
        /// Its payload.
        data: Arc<[u8]>,
    },
    /// Something that a peer does to this node.
    Peer {
        /// The peer.
        node_id: u32,
        /// What it does.
        does: PeerAct,
    },
}

impl PushKind {
    /// The push's name in scenarios and in the journal.
    pub fn name(&self) -> &'static str {
        match self {
            PushKind::RecvFrom { .. } => "recv_from",
            PushKind::Accept { .. } => "accept",
            PushKind::Recv { .. } => "recv",
            PushKind::Close { .. } => "close",
            PushKind::Raw { .. } => "raw",
            PushKind::Peer { .. } => "peer",
        }
    }
}

/// Which stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conn {
    /// The one that the client opened or accepted last.
    Last,
    /// The one of this id.
    Id(u32),
}

/// What a peer does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerAct {
    /// Asks for trust, with this justification.
    Handshake(String),
    /// Approves a request of this node's.
    Approve,
    /// Rejects it.
    Reject,
    /// Takes its trust back.
    Revoke,
    /// Invites this node into a network.
    Invite(u16),
    /// Leaves a network.
    Leave(u16),
}

/// An entry of the timeline: pushes that come by themselves, once or again and again.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Where it stands.
    pub place: Option<Place>,
    /// What sets it off.
    pub trigger: Trigger,
    /// When it comes again; `None` for never.
    pub every: Option<Duration>,
    /// How often it comes in all; `None` for ever, or once without `every`.
    pub count: Option<u64>,
    /// What is sent, in order.
    pub push: Vec<Push>,
}

/// What sets a series off.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// So long after the start.
    At(Duration),
    /// Every such request, so long after it.
    On {
        /// Which kinds of requests, or a client's arrival.
        on: Kinds,
        /// All of these must hold.
        when: Vec<Condition>,
        /// How long the first one waits.
        after: Duration,
    },
}
