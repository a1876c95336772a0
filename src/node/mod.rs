//! The simulated node: all state that the daemon's clients share. It knows typed requests and
//! replies, and neither bytes nor sockets.

mod badges;
mod clients;
mod clock;
pub mod config;
mod datagrams;
mod dial;
mod envelopes;
mod identity;
mod inbound;
mod managed;
mod membership;
pub(crate) mod names;
mod networks;
mod peer_acts;
mod peers;
mod schedule;
mod services;
mod state;
mod status;
mod streams;
mod table;
mod traffic;
mod trust;

use std::time::Duration;

pub use config::{
    Config, InviteConfig, JoinRule, NetworkConfig, NodeConfig, PeerConfig, PendingConfig, Profile,
    Service,
};
pub use inbound::Inbound;
pub use peer_acts::PeerAct;
pub(crate) use streams::LENIENT_CHUNK;
pub use table::Table;

use crate::spread::NumberMap;
use crate::wire::{Push, Reply, Request};
use clock::Clock;
use dial::Dials;
use envelopes::KeyCache;
use identity::Identity;
use managed::Managed;
use networks::Networks;
use peers::Peers;
use schedule::{Later, Schedule};
use services::Brokers;
use streams::Streams;
use traffic::Traffic;
use trust::Trust;

/// Ids of nodes or streams, in their order.
type Ids = Table<u32, ()>;

/// A client of the daemon, numbered from 1 in order of arrival.
pub type ClientId = u64;

/// Ports that the real daemon itself listens on: echo, handshake, data exchange, event stream.
pub const DAEMON_PORTS: [u16; 4] = [7, 444, 1001, 1002];

/// Open streams that one client may have. Source: the real daemon's quota.
pub const STREAMS_PER_CLIENT: usize = 4096;

/// Where the node's answers go. Calls come in the order in which a client must see them.
pub trait Sink {
    /// The answer to the request that is being handled.
    fn reply(&mut self, client: ClientId, reply: Reply<'_>);
    /// The answer to an earlier request, with the tag that [`Node::handle`] got with it.
    fn late_reply(&mut self, client: ClientId, tag: u64, reply: Reply<'_>);
    /// Something that the client did not ask for.
    fn push(&mut self, client: ClientId, push: Push<'_>);
}

/// Whose request it is, and the number that its caller gave it.
#[derive(Clone, Copy, Debug)]
struct Asker {
    client: ClientId,
    tag: u64,
}

/// What the node keeps about one client.
#[derive(Debug, Default)]
struct Client {
    streams: Ids,
}

/// The node.
#[derive(Debug)]
pub struct Node {
    profile: Profile,
    seed: u64,
    dial_timeout: Duration,
    clock: Clock,
    identity: Identity,
    peers: Peers,
    trust: Trust,
    networks: Networks,
    managed: Managed,
    keys: KeyCache,
    clients: Table<ClientId, Client>,
    ports: NumberMap<u16, ClientId>,
    streams: Streams,
    brokers: Brokers,
    schedule: Schedule,
    traffic: Traffic,
    dials: Dials,
}

/// What came of a request: a reply, nothing (it was given already, comes later, or never), or an
/// error text.
type Answer<'n> = Result<Option<Reply<'n>>, String>;

impl Node {
    /// A node in the state that `config` describes; `unix` is the time of day, since 1970.
    pub fn new(config: &Config, unix: Duration) -> Self {
        let clock = Clock::new(config.clock, unix);
        let start = clock.unix_secs(Duration::ZERO);
        Node {
            profile: config.profile,
            seed: config.seed,
            dial_timeout: config.dial_timeout,
            identity: Identity::new(&config.node, config.seed),
            peers: Peers::new(config),
            trust: Trust::new(config, start),
            networks: Networks::new(config, start),
            managed: Managed::new(config, start),
            keys: KeyCache::default(),
            clients: Table::new(),
            ports: NumberMap::default(),
            streams: Streams::default(),
            brokers: Brokers::default(),
            schedule: Schedule::default(),
            traffic: Traffic::default(),
            dials: Dials::default(),
            clock,
        }
    }

    /// A client has come.
    pub fn client_came(&mut self, client: ClientId) {
        self.clients.insert(client, Client::default());
    }

    /// A client has gone: its ports are free, its streams end, what it waited for is forgotten.
    pub fn client_gone(&mut self, client: ClientId, now: Duration, out: &mut dyn Sink) {
        self.end_streams(client, now, out);
        self.clients.remove(client);
        self.free_ports(client);
        self.forget_waits(client);
        self.forget_dials(client);
    }

    /// A client holds no port any more.
    pub fn free_ports(&mut self, client: ClientId) {
        self.ports.retain(|_, owner| *owner != client);
    }

    /// The daemon ends: the client is told of every stream that it still has.
    pub fn client_stopped(&mut self, client: ClientId, now: Duration, out: &mut dyn Sink) {
        for conn in self.end_streams(client, now, out) {
            out.push(client, Push::CloseOk { conn });
        }
    }

    /// Goes back to the state that `config` describes: every stream ends, its owner is told, and
    /// what waits for an answer never gets one. Clients stay, and so does the daemon's start, from
    /// which uptimes and the times of the initial state count.
    pub fn reset(&mut self, config: &Config, now: Duration, out: &mut dyn Sink) {
        for (conn, stream) in self.streams.listed(now) {
            if stream.state == streams::State::Established {
                out.push(stream.owner, Push::CloseOk { conn });
            }
        }
        let clients: Vec<_> = self.clients.keys().collect();
        *self = Node::new(config, self.clock.started());
        for client in clients {
            self.client_came(client);
        }
    }

    /// When the node next has something to do by itself.
    pub fn next_due(&self) -> Option<Duration> {
        self.schedule.next()
    }

    /// Does what has become due.
    pub fn run_due(&mut self, now: Duration, out: &mut dyn Sink) {
        while let Some(later) = self.schedule.due(now) {
            match later {
                Later::WaitEnds(id) => self.wait_ends(id, out),
                Later::DialAnswers(id) => self.dial_answers(id, out),
                Later::DialEnds(id) => self.dial_ends(id, out),
                Later::Data { conn, owner, data } => {
                    self.schedule.release(owner, data.len());
                    self.deliver(conn, &data, out);
                }
                Later::Close { conn } => {
                    self.peer_close(conn, now, out);
                }
            }
        }
    }

    /// Serves one request; what comes of it goes to `out`. `now` counts from the daemon's start.
    /// `tag` is the caller's number for the request, 0 for none: an answer that comes later has it.
    pub fn handle(
        &mut self,
        client: ClientId,
        request: &Request<'_>,
        tag: u64,
        now: Duration,
        out: &mut dyn Sink,
    ) {
        match self.answer(Asker { client, tag }, request, now, out) {
            Ok(Some(reply)) => out.reply(client, reply),
            Ok(None) => {}
            Err(text) => out.reply(client, Reply::Error(text)),
        }
    }

    fn answer<'n>(
        &'n mut self,
        asker: Asker,
        request: &Request<'_>,
        now: Duration,
        out: &mut dyn Sink,
    ) -> Answer<'n> {
        let client = asker.client;
        match request {
            Request::Bind { port } => self.bind(client, *port),
            Request::Unbind { port } => self.unbind(client, *port),
            Request::Dial { to, port } => self.dial(asker, *to, *port, now, out),
            Request::Send { conn, data } => {
                self.send(*conn, data, now, out);
                Ok(None)
            }
            Request::Close { conn } => {
                self.close(client, *conn, now, out);
                Ok(None)
            }
            Request::SendTo { to, port, data } => {
                // Whatever is wrong with it, the real daemon says nothing.
                let _ = self.send_to(*to, *port, data, out);
                Ok(None)
            }
            Request::SendToConfirm { to, port, data } => {
                self.send_to_confirm(*to, *port, data, out)
            }
            Request::Broadcast {
                network_id,
                port,
                token,
                data,
            } => self.broadcast(client, *network_id, *port, token, data, out),
            Request::Cancel => {
                self.cancel_dials(client, out);
                Ok(None)
            }
            Request::Info => Ok(Some(self.info(now))),
            Request::Health => Ok(Some(self.health(now))),
            Request::HandshakeSend { node_id, .. } => self.handshake_send(*node_id, now, out),
            Request::HandshakeApprove { node_id } => self.handshake_approve(*node_id, now, out),
            Request::HandshakeReject { node_id, .. } => self.handshake_reject(*node_id),
            Request::HandshakePending => self.handshake_pending(),
            Request::HandshakeTrusted => self.handshake_trusted(),
            Request::HandshakeRevoke { node_id } => self.handshake_revoke(*node_id),
            Request::HandshakeWait {
                node_id,
                timeout_ms,
            } => self.handshake_wait(asker, *node_id, *timeout_ms, now),
            Request::ResolveHostname { hostname } => self.resolve_hostname(hostname),
            Request::SetHostname { hostname } => self.set_hostname(hostname),
            Request::SetVisibility { public } => self.set_visibility(*public),
            Request::Deregister => self.deregister(),
            Request::SetTags { tags } => self.set_tags(tags.as_deref().unwrap_or_default()),
            Request::SetWebhook { url } => self.set_webhook(url),
            Request::NetworkList => self.network_list(),
            Request::NetworkJoin { network_id, token } => self.network_join(*network_id, token),
            Request::NetworkLeave { network_id } => self.network_leave(*network_id),
            Request::NetworkMembers { network_id } => self.network_members(*network_id, now),
            Request::NetworkInvite {
                network_id,
                node_id,
            } => self.network_invite(*network_id, *node_id),
            Request::NetworkPollInvites => self.network_poll_invites(),
            Request::NetworkRespondInvite { network_id, accept } => {
                self.network_respond_invite(*network_id, *accept)
            }
            Request::ManagedStatus { network_id } => self.managed_status(*network_id, now),
            Request::ManagedCycle { network_id } => self.managed_cycle(*network_id, now),
            Request::ManagedReconcile { network_id } => self.managed_reconcile(*network_id),
            Request::PolicyGet { network_id } => self.policy_get(*network_id),
            Request::PolicySet {
                network_id,
                token,
                policy,
            } => self.policy_set(*network_id, token, policy, now),
            Request::MemberTagsGet {
                network_id,
                node_id,
            } => self.member_tags_get(*network_id, *node_id),
            Request::MemberTagsSet {
                network_id,
                node_id,
                tags,
            } => self.member_tags_set(*network_id, *node_id, tags.as_deref().unwrap_or_default()),
            Request::RotateKey => self.rotate_key(),
            Request::PreferDirect { node_id } => self.prefer_direct(*node_id),
            Request::SubmitBadge { badge, badge_sig } => self.submit_badge(badge, badge_sig),
            Request::EnrollRecovery {
                enrollment,
                enrollment_sig,
            } => self.enroll_recovery(enrollment, enrollment_sig),
            Request::SignEnvelope {
                audience,
                body_hash,
                body_b64,
                nonce,
            } => self.sign_envelope(audience, body_hash, body_b64, nonce, now),
            Request::VerifyEnvelope {
                envelope,
                signature,
                max_skew_secs,
                check_standing,
            } => self.verify_envelope(envelope, signature, *max_skew_secs, *check_standing, now),
        }
    }

    fn bind(&mut self, client: ClientId, port: u16) -> Answer<'_> {
        let holder = self.ports.get(&port);
        let again = self.lenient() && holder == Some(&client);
        if DAEMON_PORTS.contains(&port) || (holder.is_some() && !again) {
            return Err(format!("port {port} already bound"));
        }
        self.ports.insert(port, client);
        Ok(Some(Reply::Bound(port)))
    }

    fn unbind(&mut self, client: ClientId, port: u16) -> Answer<'_> {
        if self.ports.get(&port) != Some(&client) {
            return Err("unbind: port is not owned by this client".to_owned());
        }
        self.ports.remove(&port);
        Ok(Some(Reply::Unbound(port)))
    }

    fn lenient(&self) -> bool {
        self.profile == Profile::Lenient
    }

    /// Whether an admin token is good. In the lenient profile any is, unless one was configured.
    fn admin_token_is_good(&self, token: &[u8]) -> bool {
        match &self.identity.admin_token {
            Some(expected) => expected.as_bytes() == token,
            None => self.lenient(),
        }
    }
}

#[cfg(test)]
mod tests;
