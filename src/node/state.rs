//! The whole node as one JSON value, for whoever looks at it from outside.

use std::time::Duration;

use serde_json::Value;

use super::Node;
use super::networks::Network;
use crate::go::json::object;

impl Node {
    /// All state that clients share: identity, trust, networks, ports, dials, streams. Tokens are
    /// left out. `now` counts from the daemon's start.
    pub fn state(&mut self, now: Duration) -> Value {
        let own = &self.identity;
        let mut state = object! {
            "address": own.address().to_string(), "admin_token": own.admin_token.is_some(),
            "hostname": &*own.hostname, "node_id": own.node_id,
            "profile": self.profile.to_string(), "public": own.public,
            "public_key": &*own.public_key, "registered": own.registered, "seed": self.seed,
            "tags": &own.tags[..], "webhook": &*own.webhook,
        };
        state["clients"] = self.clients.keys().collect::<Vec<_>>().into();
        let dials = self.dials.iter().map(|d| {
            let (address, client) = (d.to.to_string(), d.asker.client);
            object! {"address": address, "client": client, "port": d.port}
        });
        state["dials"] = dials.collect();
        state["engines"] = self.managed.engines_state();
        state["invites"] = self.networks.invites.iter().map(|i| i.network_id).collect();
        state["networks"] = self.networks_state();
        state["policies"] = self.managed.policies_state();
        let mut ports: Vec<_> = self.ports.iter().collect();
        ports.sort_unstable();
        let port = |(port, client): (&u16, &u64)| object! {"client": *client, "port": *port};
        state["ports"] = ports.into_iter().map(port).collect();
        state["trust"] = self.trust.state();
        let streams = self.streams.listed(now).into_iter().map(|(id, s)| {
            object! {
                "bytes_recv": s.received.bytes, "bytes_sent": s.sent.bytes, "client": s.owner,
                "id": id, "local_port": s.local_port, "remote_addr": s.remote.to_string(),
                "remote_port": s.remote_port, "state": s.state.name(),
            }
        });
        state["streams"] = streams.collect();
        state
    }

    fn networks_state(&self) -> Value {
        let joined = self.networks.joined();
        let network = |id, n: &Network| {
            let tagged = n.tags.iter().filter(|(_, tags)| !tags.is_empty());
            let tags =
                |(node, tags): (u32, &Vec<String>)| (node.to_string(), Value::from(&tags[..]));
            object! {
                "enterprise": n.enterprise, "id": id, "invited": n.invited.keys().collect::<Value>(),
                "join_rule": n.join_rule.name(), "joined": joined.contains(&id),
                "managed": n.managed, "member_tags": tagged.map(tags).collect::<Value>(),
                "members": &n.members[..], "name": &*n.name, "token": !n.token.is_empty(),
            }
        };
        self.networks.iter().map(|(id, n)| network(id, n)).collect()
    }
}
