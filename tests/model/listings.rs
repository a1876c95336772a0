//! What the node lists of itself: info, health, the control socket's state; and whether they are so.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::codec::address_text;
use super::networks::endpoint;
use super::setting::OWN;
use super::trust::Trust;
use super::world::{KEY, World};

/// How long an ended stream is listed for sure, and how long at most: the daemon keeps it for ten
/// seconds by a clock of its own.
const SURELY: Duration = Duration::from_secs(7);
const AT_MOST: Duration = Duration::from_secs(15);

/// What info is to say at some moment.
#[derive(Clone, Debug)]
pub struct Info {
    /// All of it but the list of streams.
    body: Value,
    streams: Vec<Listed>,
    /// Dials without an answer: address, port, local port.
    dials: Vec<(String, u16, u16)>,
    asked: Instant,
}

#[derive(Clone, Debug)]
struct Listed {
    id: u32,
    /// Local port, remote address and port, bytes and pieces each way.
    what: Value,
    ended: Option<Instant>,
}

impl World {
    /// The body of health.
    pub fn health(&self) -> String {
        let (peers, open) = (self.tunnels.len(), self.open_count());
        format!(
            "{{\"accept_queue_drops\":0,\"authenticated_peers\":{peers},\
             \"beacon_addr\":\"127.0.0.1:9001\",\"bytes_recv\":{},\"bytes_sent\":{},\
             \"connections\":{open},\"encrypted_peers\":{peers},\"handshake_pending_count\":{},\
             \"peers\":{peers},\"relay_peer_count\":0,\"status\":\"ok\",\"uptime_seconds\":0,\
             \"webhook_circuit_skips\":0,\"webhook_queue_dropped\":0}}",
            self.received.bytes,
            self.sent.bytes,
            self.trust.pending.len(),
        )
    }

    /// Streams that are open and dials that are in flight.
    fn open_count(&self) -> usize {
        let open = self.streams.values().filter(|s| s.ended.is_none()).count();
        open + self.dials.len()
    }

    pub fn info(&self) -> Info {
        let peers = self.tunnels.len();
        let networks = self
            .networks
            .joined
            .iter()
            .map(|id| json!({"network_id": id, "address": address_text((*id, OWN))}));
        let networks: Vec<Value> = networks.collect();
        let row = |node: &u32| {
            json!({"node_id": node, "endpoint": endpoint(*node), "encrypted": true,
                   "authenticated": true, "relay": false})
        };
        let mut body = json!({
            "accept_queue_drops": 0, "address": address_text((0, OWN)),
            "authenticated_peers": peers, "beacon_addr": "127.0.0.1:9001",
            "bytes_recv": self.received.bytes, "bytes_sent": self.sent.bytes,
            "connections": self.open_count(), "email": "mock@example.test", "encrypt": true,
            "encrypted_peers": peers, "endpoint": endpoint(OWN),
            "features": ["reply_window", "dial_awaits_key", "key_request", "dgram_confirm"],
            "handshake_pending_count": self.trust.pending.len(), "hostname": self.hostname,
            "identity": true, "motd": "",
        });
        let more = json!({
            "networks": if networks.is_empty() { Value::Null } else { networks.into() },
            "node_id": OWN, "peer_list": self.tunnels.iter().map(row).collect::<Value>(),
            "peers": peers, "pkts_recv": self.received.pieces, "pkts_sent": self.sent.pieces,
            "ports": 4 + self.ports.len(), "public_key": self.key_of(OWN),
            "relay_peer_count": 0, "transport": "udp", "tunnel_encryption_failure": 0,
            "tunnel_encryption_success": 0, "uptime_secs": 0,
            "version": concat!("mock-", env!("CARGO_PKG_VERSION")),
            "webhook_circuit_skips": 0, "webhook_queue_dropped": 0,
        });
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        let streams = self.streams.iter().map(|(id, s)| Listed {
            id: *id,
            what: json!({"local_port": s.local_port, "remote_addr": address_text(s.remote),
                         "remote_port": s.remote_port, "bytes_sent": s.sent.bytes,
                         "bytes_recv": s.received.bytes, "segs_sent": s.sent.pieces,
                         "segs_recv": s.received.pieces, "recv_win": 2_097_152}),
            ended: s.ended,
        });
        let dials = self
            .dials
            .iter()
            .map(|d| (address_text(d.to), d.port, d.local_port));
        Info {
            body,
            streams: streams.collect(),
            dials: dials.collect(),
            asked: Instant::now(),
        }
    }

    /// What the control socket's `state` is to have, beside the streams.
    pub fn state(&self) -> Value {
        let clients: Vec<u64> = {
            let mut all: Vec<u64> = self.here.iter().flatten().copied().collect();
            all.sort_unstable();
            all
        };
        let number = |slot: usize| self.here[slot];
        let ports = self
            .ports
            .iter()
            .map(|(p, slot)| json!({"client": number(*slot), "port": p}));
        let dials = self.dials.iter().map(
            |d| json!({"address": address_text(d.to), "client": number(d.slot), "port": d.port}),
        );
        let networks = self.networks.by_id.iter().map(|(id, n)| {
            let tagged = n.tags.iter().filter(|(_, tags)| !tags.is_empty());
            let tags: BTreeMap<String, _> =
                tagged.map(|(id, tags)| (id.to_string(), tags)).collect();
            json!({"id": id, "joined": self.networks.joined.contains(id), "members": n.members,
                   "managed": n.managed, "enterprise": n.enterprise, "invited": n.invited,
                   "member_tags": tags})
        });
        let (engines, policies) = self.managed.state();
        json!({
            "clients": clients, "hostname": self.hostname, "public": self.public,
            "registered": self.registered, "tags": self.tags, "webhook": self.webhook,
            "ports": ports.collect::<Value>(), "dials": dials.collect::<Value>(),
            "invites": self.networks.invites.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
            "engines": engines, "policies": policies,
            "networks": networks.collect::<Value>(), "trust": trust(&self.trust),
        })
    }

    /// Whether the control socket's `state` is as it should be.
    pub fn compare_state(&self, got: &Value) -> Result<(), String> {
        covers(&self.state(), got, "state")?;
        let rows = got["streams"].as_array().ok_or("state has no streams")?;
        let open = |rows: &[Value]| -> Vec<(u64, u64)> {
            let open = rows.iter().filter(|row| row["state"] == "ESTABLISHED");
            open.map(|row| (row["id"].as_u64().unwrap(), row["client"].as_u64().unwrap()))
                .collect()
        };
        let wanted = self.streams.iter().filter(|(_, s)| s.ended.is_none());
        let wanted: Vec<(u64, u64)> = wanted
            .map(|(id, s)| (u64::from(*id), self.here[s.owner].unwrap_or(0)))
            .collect();
        same(
            "state: open streams and their clients",
            &wanted,
            &open(rows),
        )
    }
}

fn trust(t: &Trust) -> Value {
    let pending = t
        .pending
        .iter()
        .map(|(node, words)| json!({"justification": words, "node_id": node}));
    json!({"pending": pending.collect::<Value>(), "refused": t.refused,
           "trusted": t.trusted.keys().collect::<Vec<_>>()})
}

/// Whether `got` has all that `wanted` has.
fn covers(wanted: &Value, got: &Value, place: &str) -> Result<(), String> {
    match (wanted, got) {
        (Value::Object(wanted), Value::Object(got)) => {
            wanted.iter().try_for_each(|(key, value)| {
                covers(
                    value,
                    got.get(key).unwrap_or(&Value::Null),
                    &format!("{place}.{key}"),
                )
            })
        }
        (Value::Array(wanted), Value::Array(got)) if wanted.len() == got.len() => {
            let pairs = wanted.iter().zip(got).enumerate();
            pairs
                .into_iter()
                .try_for_each(|(n, (w, g))| covers(w, g, &format!("{place}[{n}]")))
        }
        _ => same(place, wanted, got),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, wanted: &T, got: &T) -> Result<(), String> {
    if wanted == got {
        return Ok(());
    }
    Err(format!("{what}: expected {wanted:?}, got {got:?}"))
}

/// What the daemon makes up, as it was seen first: keys by node and rotation, nodes by name.
#[derive(Debug, Default)]
pub struct Learnt {
    keys: BTreeMap<String, String>,
    nodes: BTreeMap<String, u64>,
}

impl Learnt {
    /// Whether a body is the expected one.
    pub fn compare(&mut self, wanted: &Value, got: &Value, place: &str) -> Result<(), String> {
        match (wanted, got) {
            (Value::String(key), Value::String(seen)) if key.starts_with(KEY) => {
                let known = self.keys.entry(key.clone()).or_insert_with(|| seen.clone());
                same(place, known, seen)?;
                let others = self.keys.iter().filter(|(_, value)| *value == seen).count();
                same(&format!("{place}: nodes with this key"), &1, &others)
            }
            (Value::Object(w), Value::Object(g)) => {
                let keys =
                    |map: &serde_json::Map<String, Value>| map.keys().cloned().collect::<Vec<_>>();
                same(&format!("{place}: keys"), &keys(w), &keys(g))?;
                w.iter().try_for_each(|(key, value)| {
                    self.compare(value, &g[key], &format!("{place}.{key}"))
                })
            }
            (Value::Array(w), Value::Array(g)) if w.len() == g.len() => {
                let mut pairs = w.iter().zip(g).enumerate();
                pairs.try_for_each(|(n, (w, g))| self.compare(w, g, &format!("{place}[{n}]")))
            }
            _ => same(place, wanted, got),
        }
    }

    /// The signature that the daemon made with its so-manieth key, if it was seen.
    pub fn signature(&self, key: u32) -> Option<&String> {
        self.keys.get(&format!("{KEY}signature {key}"))
    }

    /// Whether a made-up peer is what it was before, and somebody else than the node itself.
    pub fn made_up(&mut self, name: &str, got: &Value) -> Result<(), String> {
        let node = got["node_id"].as_u64().ok_or("no node_id")?;
        let known = *self.nodes.entry(name.to_owned()).or_insert(node);
        let body = json!({"address": address_text((0, known as u32)), "hostname": name,
                          "node_id": known, "public": true, "type": "resolve_hostname_ok"});
        same("a made-up peer", &body, got)?;
        let fine = ![0, u64::from(OWN), u64::from(u32::MAX)].contains(&node);
        same("the id is a peer's", &true, &fine)
    }

    /// Whether info says what it should, its list of streams included.
    pub fn info(&mut self, wanted: &Info, got: &Value) -> Result<(), String> {
        let mut body = got.clone();
        let rows = body
            .as_object_mut()
            .and_then(|body| body.remove("conn_list"));
        self.compare(&wanted.body, &body, "info")?;
        let rows = rows.ok_or("info has no conn_list")?;
        let rows = rows.as_array().ok_or("conn_list is no list")?;
        let (dials, streams): (Vec<_>, Vec<_>) =
            rows.iter().partition(|row| row["state"] == "SYN_SENT");
        let dial = |row: &&Value| {
            same("peer_recv_win of a dial", &json!(-1), &row["peer_recv_win"])?;
            let number = |key: &str| row[key].as_u64().unwrap_or(0) as u16;
            let address = row["remote_addr"].as_str().unwrap_or("").to_owned();
            Ok((address, number("remote_port"), number("local_port")))
        };
        let dials = dials.iter().map(dial).collect::<Result<Vec<_>, String>>()?;
        same("dials in flight", &wanted.dials, &dials)?;
        let mut rest = streams.as_slice();
        for listed in &wanted.streams {
            let is_it = rest.first().is_some_and(|row| row["id"] == listed.id);
            match listed.ended {
                Some(ended) if !is_it && ended.elapsed() > SURELY => continue,
                Some(ended) if is_it && wanted.asked - ended > AT_MOST => {
                    let age = wanted.asked - ended;
                    return Err(format!("stream {} ended {age:?} ago", listed.id));
                }
                _ => {}
            }
            let Some((row, others)) = rest.split_first().filter(|_| is_it) else {
                return Err(format!("conn_list lacks stream {}", listed.id));
            };
            rest = others;
            covers(&listed.what, row, &format!("conn_list, {}", listed.id))?;
            same(
                "keys of an entry",
                &24,
                &row.as_object().map_or(0, |row| row.len()),
            )?;
            let open = row["state"] == "ESTABLISHED";
            same(
                &format!("stream {} is open", listed.id),
                &listed.ended.is_none(),
                &open,
            )?;
        }
        same("streams that should not be listed", &0, &rest.len())
    }
}
