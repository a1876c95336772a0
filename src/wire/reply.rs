//! What the daemon sends: replies to requests, and pushes.

use serde_json::Value;

use super::address::Address;
use super::command::Command;

/// A reply, before it becomes bytes.
#[derive(Debug)]
pub enum Reply<'a> {
    /// `bind_ok`, with the port.
    Bound(u16),
    /// `unbind_ok`, with the port.
    Unbound(u16),
    /// `dial_ok`, with the dialler's stream id.
    Dialled(u32),
    /// `close_ok` in answer to a close.
    Closed(u32),
    /// A reply with an empty payload (`send_to_confirm_ok`, `broadcast_ok`).
    Empty(Command),
    /// `info_ok`.
    Info(Box<Info<'a>>),
    /// `health_ok`.
    Health(Health<'a>),
    /// A JSON body; its keys go out sorted.
    Json(Command, Value),
    /// The policy of a network, whose document keeps its own order of keys.
    Policy {
        /// What decides there: `policy`, `managed` or `none`.
        engine: &'static str,
        /// The network that was asked about.
        network_id: u16,
        /// The compacted document; `None` where no policy was set.
        document: Option<&'a str>,
    },
    /// An error with its text.
    Error(String),
}

/// A message that no request asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push<'a> {
    /// A stream has arrived for a bound port.
    Accept {
        /// The bound port.
        port: u16,
        /// The acceptor's id of the stream.
        conn: u32,
        /// Who dialled.
        from: Address,
        /// The dialler's source port.
        from_port: u16,
    },
    /// Data of a stream.
    Recv {
        /// The receiver's id of the stream.
        conn: u32,
        /// The data.
        data: &'a [u8],
    },
    /// A stream has ended.
    CloseOk {
        /// The owner's id of the stream.
        conn: u32,
    },
    /// A datagram.
    RecvFrom {
        /// Who sent it.
        from: Address,
        /// The sender's source port.
        from_port: u16,
        /// The port it was sent to.
        to_port: u16,
        /// The data.
        data: &'a [u8],
    },
}

impl Push<'_> {
    /// Payload bytes that this push carries beside its header.
    pub fn data_len(&self) -> usize {
        match self {
            Push::Recv { data, .. } | Push::RecvFrom { data, .. } => data.len(),
            Push::Accept { .. } | Push::CloseOk { .. } => 0,
        }
    }
}

/// Figures that `info` and `health` share. Bytes and packets are those of streams and datagrams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Counters {
    pub bytes_recv: u64,
    pub bytes_sent: u64,
    pub pkts_recv: u64,
    pub pkts_sent: u64,
    pub connections: usize,
    pub handshake_pending_count: usize,
    pub peers: usize,
    pub uptime_secs: u64,
}

/// The body of `info`: all that the node tells of itself.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Info<'a> {
    pub address: Address,
    pub beacon_addr: &'a str,
    pub email: &'a str,
    pub endpoint: &'a str,
    pub hostname: &'a str,
    pub node_id: u32,
    pub ports: usize,
    pub public_key: &'a str,
    pub version: &'a str,
    pub counters: Counters,
    /// Networks that the daemon has joined, in that order.
    pub networks: &'a [u16],
    pub conn_list: Vec<ConnEntry>,
    pub peer_list: Vec<PeerEntry>,
}

/// The body of `health`.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Health<'a> {
    pub beacon_addr: &'a str,
    pub counters: Counters,
}

/// One stream in `conn_list`.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct ConnEntry {
    pub id: u32,
    pub local_port: u16,
    pub remote: Address,
    pub remote_port: u16,
    pub state: &'static str,
    pub bytes_recv: u64,
    pub bytes_sent: u64,
    pub segs_recv: u64,
    pub segs_sent: u64,
    /// Bytes; -1 while the far side has not answered.
    pub peer_recv_win: i64,
    /// Bytes.
    pub cong_win: u64,
}

/// One peer in `peer_list`.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct PeerEntry {
    pub node_id: u32,
    pub endpoint: String,
}
