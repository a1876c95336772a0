//! What the node tells of itself: info, health, and the counters behind them.

use std::time::Duration;

use super::peers::endpoint;
use super::{DAEMON_PORTS, Node};
use crate::wire::Reply;
use crate::wire::reply::{ConnEntry, Counters, Health, Info, PeerEntry};

/// Congestion window of a fresh stream, in bytes, and its greatest value. Source: recorded.
const WINDOW: (u64, u64) = (40_960, 528_384);

/// Receive window that an answering peer announces, in bytes. Source: recorded.
const PEER_WINDOW: i64 = 589_824;

/// What every node of this simulated world takes for its beacon.
pub const BEACON: &str = "127.0.0.1:9001";

/// The version that info gives.
const VERSION: &str = concat!("mock-", env!("CARGO_PKG_VERSION"));

impl Node {
    fn counters(&self, now: Duration) -> Counters {
        Counters {
            bytes_recv: self.traffic.received.bytes,
            bytes_sent: self.traffic.sent.bytes,
            pkts_recv: self.traffic.received.segments,
            pkts_sent: self.traffic.sent.segments,
            connections: self.streams.count_open() + self.dials.len(),
            handshake_pending_count: self.trust.pending_count(),
            peers: self.peers.contacted().len(),
            uptime_secs: self.clock.uptime_secs(now),
        }
    }

    pub(super) fn health(&self, now: Duration) -> Reply<'_> {
        Reply::Health(Health {
            beacon_addr: BEACON,
            counters: self.counters(now),
        })
    }

    pub(super) fn info(&mut self, now: Duration) -> Reply<'_> {
        let mut conn_list: Vec<ConnEntry> = self
            .streams
            .listed(now)
            .into_iter()
            .map(|(id, s)| ConnEntry {
                id,
                local_port: s.local_port,
                remote: s.remote,
                remote_port: s.remote_port,
                state: s.state.name(),
                bytes_recv: s.received.bytes,
                bytes_sent: s.sent.bytes,
                segs_recv: s.received.segments,
                segs_sent: s.sent.segments,
                peer_recv_win: PEER_WINDOW,
                cong_win: (WINDOW.0 + s.sent.bytes).min(WINDOW.1),
            })
            .collect();
        // A dial gets its id when it succeeds; until then it is listed as number 0.
        conn_list.extend(self.dials.iter().map(|d| ConnEntry {
            id: 0,
            local_port: d.local_port,
            remote: d.to,
            remote_port: d.port,
            state: "SYN_SENT",
            bytes_recv: 0,
            bytes_sent: 0,
            segs_recv: 0,
            segs_sent: 0,
            peer_recv_win: -1,
            cong_win: WINDOW.0,
        }));
        let counters = self.counters(now);
        let peer = |node_id: u32| PeerEntry {
            node_id,
            endpoint: endpoint(node_id),
        };
        let own = &self.identity;
        Reply::Info(Box::new(Info {
            address: own.address(),
            beacon_addr: BEACON,
            email: &own.email,
            endpoint: &own.endpoint,
            hostname: &own.hostname,
            node_id: own.node_id,
            ports: DAEMON_PORTS.len() + self.ports.len(),
            public_key: &own.public_key,
            version: VERSION,
            counters,
            networks: self.networks.joined(),
            conn_list,
            peer_list: self.peers.contacted().keys().map(peer).collect(),
        }))
    }
}
