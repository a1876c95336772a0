//! Replies and pushes to bytes.

use std::fmt::Write as _;

use byteorder::{BigEndian, WriteBytesExt};
use serde_json::Value;

use super::address::Address;
use super::body::Body;
use super::command::{Command, ERROR};
use super::frame::{self, MAX_LENGTH};
use super::reply::{ConnEntry, Counters, Health, Info, PeerEntry, Push, Reply};
use crate::go::json;

/// The error code of every error reply; the real daemon knows no other.
const ERROR_CODE: u16 = 1;

/// What a stream's receive window is said to be, in bytes. Source: recorded.
const RECV_WINDOW: u64 = 2_097_152;

/// Slow-start threshold of every stream, in bytes. Source: recorded.
const SLOW_START_THRESHOLD: u64 = 524_288;

/// Bytes that a frame of `health` never reaches, so that one longer by a digit needs no room of its own.
const HEALTH_ROOM: usize = 1024;

/// Encodes replies, and keeps the last frame of `health`: harnesses ask for it all the time, and it
/// seldom changes.
#[derive(Debug, Default)]
pub struct Encoder {
    counters: Option<Counters>,
    health: Vec<u8>,
    /// Room for its body, so that each needs none of its own.
    body: String,
}

impl Encoder {
    /// Appends the reply's frame, as [`encode_reply`] does.
    #[inline]
    pub fn encode(&mut self, out: &mut Vec<u8>, reply: &Reply<'_>) {
        let Reply::Health(health) = reply else {
            return encode_reply(out, reply);
        };
        if self.counters.as_ref() != Some(&health.counters) {
            self.renew(health);
        }
        out.extend_from_slice(&self.health);
    }

    fn renew(&mut self, health: &Health<'_>) {
        self.counters = Some(health.counters.clone());
        self.body.clear();
        self.body.reserve(HEALTH_ROOM);
        health_text(&mut self.body, health);
        self.health.clear();
        self.health.reserve(HEALTH_ROOM);
        json_frame(&mut self.health, Command::Health, &self.body);
    }
}

/// Appends the reply's frame. None ever exceeds the frame limit: lists lose their last entries,
/// anything else becomes an error that says so.
pub fn encode_reply(out: &mut Vec<u8>, reply: &Reply<'_>) {
    match reply {
        Reply::Bound(port) => frame::append(out, byte(Command::Bind), |out| u16_to(out, *port)),
        Reply::Unbound(port) => frame::append(out, byte(Command::Unbind), |out| u16_to(out, *port)),
        Reply::Dialled(conn) => frame::append(out, byte(Command::Dial), |out| u32_to(out, *conn)),
        Reply::Closed(conn) => frame::append(out, byte(Command::Close), |out| u32_to(out, *conn)),
        Reply::Empty(command) => frame::append(out, byte(*command), |_| {}),
        Reply::Info(info) => json_frame(out, Command::Info, &info_body(info)),
        Reply::Health(_) => Encoder::default().encode(out, reply),
        Reply::Json(command, body) => {
            let text = json::from_serde(body);
            if text.len() < MAX_LENGTH {
                json_frame(out, *command, &text);
            } else {
                json_frame(out, *command, &shortened(body.clone()));
            }
        }
        Reply::Policy {
            engine,
            network_id,
            document,
        } => {
            let body = policy_body(engine, *network_id, *document);
            json_frame(out, Command::PolicyGet, &body);
        }
        Reply::Error(text) => error_frame(out, text),
    }
}

/// Appends the push's frame.
pub fn encode_push(out: &mut Vec<u8>, push: &Push<'_>) {
    match *push {
        Push::Accept {
            port,
            conn,
            from,
            from_port,
        } => frame::append(out, 0x05, |out| {
            u16_to(out, port);
            u32_to(out, conn);
            address_to(out, from);
            u16_to(out, from_port);
        }),
        Push::Recv { conn, data } => frame::append(out, 0x07, |out| {
            u32_to(out, conn);
            out.extend_from_slice(data);
        }),
        Push::CloseOk { conn } => frame::append(out, 0x09, |out| u32_to(out, conn)),
        Push::RecvFrom {
            from,
            from_port,
            to_port,
            data,
        } => frame::append(out, 0x0C, |out| {
            address_to(out, from);
            u16_to(out, from_port);
            u16_to(out, to_port);
            out.extend_from_slice(data);
        }),
    }
}

/// A command's reply byte. Only commands that are answered reach an encoder.
fn byte(command: Command) -> u8 {
    command.row().reply.unwrap_or(ERROR)
}

fn u16_to(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn u32_to(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn address_to(out: &mut Vec<u8>, address: Address) {
    u16_to(out, address.network);
    u32_to(out, address.node);
}

fn json_frame(out: &mut Vec<u8>, command: Command, body: &str) {
    if body.len() < MAX_LENGTH {
        frame::append(out, byte(command), |out| {
            out.extend_from_slice(body.as_bytes());
        });
    } else {
        let name = command.name();
        let length = body.len() + 1;
        let text = format!("{name}: reply of {length} bytes is over the limit of {MAX_LENGTH}");
        error_frame(out, &text);
    }
}

fn error_frame(out: &mut Vec<u8>, text: &str) {
    let mut end = text.len().min(MAX_LENGTH - 3);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    frame::append(out, ERROR, |out| {
        // Writing to a Vec cannot fail.
        let _ = out.write_u16::<BigEndian>(ERROR_CODE);
        out.extend_from_slice(&text.as_bytes()[..end]);
    });
}

/// Drops last entries of a body's longest list until the body fits, and says so beside it.
fn shortened(mut body: Value) -> String {
    loop {
        let text = json::from_serde(&body);
        if text.len() < MAX_LENGTH {
            return text;
        }
        let Some(fields) = body.as_object_mut() else {
            return text;
        };
        let longest = fields
            .iter_mut()
            .filter_map(|(key, value)| Some((key.clone(), value.as_array_mut()?)))
            .max_by_key(|(_, list)| list.len())
            .filter(|(_, list)| !list.is_empty());
        let Some((key, list)) = longest else {
            return text;
        };
        let note = format!(",\"{key}_truncated\":true").len();
        let mut excess = text.len() + note + 1 - MAX_LENGTH;
        while excess > 0 {
            let Some(entry) = list.pop() else { break };
            excess = excess.saturating_sub(json::from_serde(&entry).len() + 1);
        }
        fields.insert(format!("{key}_truncated"), Value::Bool(true));
    }
}

fn policy_body(engine: &str, network_id: u16, document: Option<&str>) -> String {
    let mut body = Body::new();
    body.text("engine", engine);
    if let Some(document) = document {
        body.raw("expr_policy", document);
    }
    body.number("network_id", network_id)
        .text("type", "managed_policy_ok");
    body.finish()
}

fn health_text(out: &mut String, health: &Health<'_>) {
    let c = &health.counters;
    let mut body = Body::within(out);
    body.number("accept_queue_drops", 0)
        .number("authenticated_peers", c.peers)
        .text("beacon_addr", health.beacon_addr)
        .number("bytes_recv", c.bytes_recv)
        .number("bytes_sent", c.bytes_sent)
        .number("connections", c.connections)
        .number("encrypted_peers", c.peers)
        .number("handshake_pending_count", c.handshake_pending_count)
        .number("peers", c.peers)
        .number("relay_peer_count", 0)
        .text("status", "ok")
        .number("uptime_seconds", c.uptime_secs)
        .number("webhook_circuit_skips", 0)
        .number("webhook_queue_dropped", 0);
    *out = body.finish();
}

fn info_body(info: &Info<'_>) -> String {
    let whole = info_text(info, &info.conn_list, &info.peer_list, info.networks);
    if whole.len() < MAX_LENGTH {
        return whole;
    }
    let (mut conns, mut peers) = (info.conn_list.len(), info.peer_list.len());
    let mut networks = info.networks.len();
    let notes = "\"conn_list_truncated\":true,\"peer_list_truncated\":true,\
                 \"networks_truncated\":true,"
        .len();
    let mut excess = whole.len() + notes + 1 - MAX_LENGTH;
    while excess > 0 && conns + peers + networks > 0 {
        let mut entry = String::new();
        if networks > conns.max(peers) {
            networks -= 1;
            network_text(&mut entry, info.node_id, info.networks[networks]);
        } else if conns >= peers {
            conns -= 1;
            conn_text(&mut entry, &info.conn_list[conns]);
        } else {
            peers -= 1;
            peer_text(&mut entry, &info.peer_list[peers]);
        }
        excess = excess.saturating_sub(entry.len() + 1);
    }
    let (conns, peers) = (&info.conn_list[..conns], &info.peer_list[..peers]);
    info_text(info, conns, peers, &info.networks[..networks])
}

fn info_text(
    info: &Info<'_>,
    conns: &[ConnEntry],
    peers: &[PeerEntry],
    networks: &[u16],
) -> String {
    let c = &info.counters;
    let mut body = Body::new();
    body.number("accept_queue_drops", 0)
        .display("address", info.address)
        .number("authenticated_peers", c.peers)
        .text("beacon_addr", info.beacon_addr)
        .number("bytes_recv", c.bytes_recv)
        .number("bytes_sent", c.bytes_sent)
        .list("conn_list", conns, conn_text);
    if conns.len() < info.conn_list.len() {
        body.raw("conn_list_truncated", "true");
    }
    body.number("connections", c.connections)
        .text("email", info.email)
        .raw("encrypt", "true")
        .number("encrypted_peers", c.peers)
        .text("endpoint", info.endpoint)
        .raw("features", FEATURES)
        .number("handshake_pending_count", c.handshake_pending_count)
        .text("hostname", info.hostname)
        .raw("identity", "true")
        .text("motd", "");
    if info.networks.is_empty() {
        body.raw("networks", "null");
    } else {
        body.list("networks", networks, |out, network| {
            network_text(out, info.node_id, *network);
        });
    }
    if networks.len() < info.networks.len() {
        body.raw("networks_truncated", "true");
    }
    body.number("node_id", info.node_id)
        .list("peer_list", peers, peer_text);
    if peers.len() < info.peer_list.len() {
        body.raw("peer_list_truncated", "true");
    }
    body.number("peers", c.peers)
        .number("pkts_recv", c.pkts_recv)
        .number("pkts_sent", c.pkts_sent)
        .number("ports", info.ports)
        .text("public_key", info.public_key)
        .number("relay_peer_count", 0)
        .text("transport", "udp")
        .number("tunnel_encryption_failure", 0)
        .number("tunnel_encryption_success", 0)
        .number("uptime_secs", c.uptime_secs)
        .text("version", info.version)
        .number("webhook_circuit_skips", 0)
        .number("webhook_queue_dropped", 0);
    body.finish()
}

/// What the real daemon 1.18.0 says it can do.
const FEATURES: &str = r#"["reply_window","dial_awaits_key","key_request","dgram_confirm"]"#;

fn conn_text(out: &mut String, conn: &ConnEntry) {
    let mut body = Body::within(out);
    body.number("bytes_recv", conn.bytes_recv)
        .number("bytes_sent", conn.bytes_sent)
        .number("cong_win", conn.cong_win)
        .number("dup_acks", 0)
        .number("fast_retx", 0)
        .number("id", conn.id)
        .number("in_flight", 0)
        .raw("in_recovery", "false")
        .number("local_port", conn.local_port)
        .number("ooo_buf", 0)
        .number("peer_recv_win", conn.peer_recv_win)
        .number("recv_win", RECV_WINDOW)
        .display("remote_addr", conn.remote)
        .number("remote_port", conn.remote_port)
        .number("retransmits", 0)
        .number("rttvar_ms", 0)
        .number("sack_recv", 0)
        .number("sack_sent", 0)
        .number("segs_recv", conn.segs_recv)
        .number("segs_sent", conn.segs_sent)
        .number("srtt_ms", 0)
        .number("ssthresh", SLOW_START_THRESHOLD)
        .text("state", conn.state)
        .number("unacked", 0);
    *out = body.finish();
}

/// The real daemon marshals these entries from a struct: network_id comes first.
fn network_text(out: &mut String, node: u32, network: u16) {
    let address = Address::new(network, node);
    let _ = write!(
        out,
        "{{\"network_id\":{network},\"address\":\"{address}\"}}"
    );
}

fn peer_text(out: &mut String, peer: &PeerEntry) {
    let mut body = Body::within(out);
    body.raw("authenticated", "true")
        .raw("encrypted", "true")
        .text("endpoint", &peer.endpoint)
        .number("node_id", peer.node_id)
        .raw("relay", "false");
    *out = body.finish();
}

#[cfg(test)]
mod tests;
