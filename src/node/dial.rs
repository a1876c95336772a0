//! Dials: to ports that clients have bound, and to the services of simulated peers.

use std::time::Duration;

use super::config::Service;
use super::schedule::Later;
use super::services::ServiceState;
use super::streams::{Far, Flow, State, Stream};
use super::traffic;
use super::{Answer, Asker, ClientId, DAEMON_PORTS, Node, STREAMS_PER_CLIENT, Sink, Table};
use crate::policy::Event;
use crate::wire::{Address, Push, Reply};

/// A dial that is not answered yet.
#[derive(Debug)]
pub struct Dialling {
    pub asker: Asker,
    pub to: Address,
    pub port: u16,
    pub local_port: u16,
    ends: End,
}

/// How a pending dial will end.
#[derive(Debug)]
enum End {
    TimeOut,
    Refused,
    Open(Service),
}

/// Dials in flight, in the order of their making.
#[derive(Debug, Default)]
pub struct Dials {
    pending: Table<u64, Dialling>,
    made: u64,
}

impl Dials {
    pub fn iter(&self) -> impl Iterator<Item = &Dialling> {
        self.pending.values()
    }

    pub fn len(&self) -> usize {
        self.pending.len()
    }

    fn count(&self, client: ClientId) -> usize {
        self.pending
            .values()
            .filter(|d| d.asker.client == client)
            .count()
    }
}

/// Whose a stream is, its local port, and its remote address and port.
type Ends = (ClientId, u16, Address, u16);

const REFUSED: &str = "connection refused";

impl Node {
    pub(super) fn dial(
        &mut self,
        asker: Asker,
        to: Address,
        port: u16,
        now: Duration,
        out: &mut dyn Sink,
    ) -> Answer<'_> {
        if !self.has_room(asker.client, 1) {
            return Err(format!(
                "dial: per-client connection quota ({STREAMS_PER_CLIENT}) reached"
            ));
        }
        self.check_policy(Event::Dial, to, port, 0)?;
        if self.drops_silently(to.node) {
            return self.dial_peer(asker, to, port, Service::Hang, now, out);
        }
        if let Some(service) = self.configured(to.node, port)
            && matches!(service, Service::Refuse | Service::Hang)
        {
            let service = service.clone();
            self.reach(to.node)?;
            return self.dial_peer(asker, to, port, service, now, out);
        }
        let own = to.node == self.identity.node_id;
        if let Some(&listener) = self.ports.get(&port)
            && (own || self.lenient())
        {
            return self.join(asker, listener, to, port, now, out);
        }
        self.reach(to.node)?;
        let service = self.service(to.node, port).unwrap_or(Service::Refuse);
        self.dial_peer(asker, to, port, service, now, out)
    }

    /// Whether a client may have so many streams more.
    pub(super) fn has_room(&self, client: ClientId, more: usize) -> bool {
        let open = self.clients.get(client).map_or(0, |c| c.streams.len());
        open + self.dials.count(client) + more <= STREAMS_PER_CLIENT
    }

    fn configured(&self, node_id: u32, port: u16) -> Option<&Service> {
        self.peers.configured(node_id, port)
    }

    /// What answers on a port of a node that exists, where no client has bound it.
    fn service(&self, node_id: u32, port: u16) -> Option<Service> {
        if let Some(service) = self.configured(node_id, port) {
            return Some(service.clone());
        }
        let [echo, _, exchange, events] = DAEMON_PORTS;
        match port {
            _ if port == echo => Some(Service::Echo),
            _ if port == exchange => Some(Service::DataExchange),
            _ if port == events => Some(Service::EventStream),
            _ if DAEMON_PORTS.contains(&port) => Some(Service::Discard),
            _ => self.lenient().then_some(Service::Echo),
        }
    }

    /// Joins the dialler with the client that has bound the port.
    fn join(
        &mut self,
        asker: Asker,
        listener: ClientId,
        to: Address,
        port: u16,
        now: Duration,
        out: &mut dyn Sink,
    ) -> Answer<'_> {
        let local_port = traffic::next_port(&mut self.traffic);
        let from = Address::new(to.network, self.identity.node_id);
        if self.check_policy(Event::Connect, from, port, 0).is_err() {
            // The acceptor's daemon drops the request to connect.
            self.wait_for_end(asker, to, port, local_port, End::TimeOut, now);
            return Ok(None);
        }
        let client = asker.client;
        if !self.has_room(listener, if client == listener { 2 } else { 1 }) {
            return Err(REFUSED.to_owned());
        }
        let (near, far) = (self.streams.next_id(), self.streams.next_id());
        let near_end = (client, local_port, to, port);
        let far_end = (listener, port, from, local_port);
        self.open(near, near_end, Far::Local(far), Duration::ZERO);
        self.open(far, far_end, Far::Local(near), Duration::ZERO);
        out.reply(client, Reply::Dialled(near));
        out.push(
            listener,
            Push::Accept {
                port,
                conn: far,
                from,
                from_port: local_port,
            },
        );
        Ok(None)
    }

    pub(super) fn open(
        &mut self,
        id: u32,
        (owner, local_port, remote, remote_port): Ends,
        far: Far,
        latency: Duration,
    ) {
        let stream = Stream {
            owner,
            local_port,
            remote,
            remote_port,
            far,
            state: State::Established,
            sent: Flow::default(),
            received: Flow::default(),
            latency,
        };
        self.streams.insert(id, stream);
        if let Some(client) = self.clients.get_mut(owner) {
            client.streams.insert(id, ());
        }
    }

    fn dial_peer(
        &mut self,
        asker: Asker,
        to: Address,
        port: u16,
        service: Service,
        now: Duration,
        out: &mut dyn Sink,
    ) -> Answer<'_> {
        let client = asker.client;
        let local_port = traffic::next_port(&mut self.traffic);
        self.touch(to.node);
        let latency = self.peers.latency(to.node);
        match service {
            Service::Hang => {
                self.wait_for_end(asker, to, port, local_port, End::TimeOut, now);
                Ok(None)
            }
            Service::Refuse if latency.is_zero() => Err(REFUSED.to_owned()),
            Service::Refuse => {
                self.wait_for_end(asker, to, port, local_port, End::Refused, now);
                Ok(None)
            }
            service if latency.is_zero() => {
                self.open_to_peer((client, local_port, to, port), service, None, out);
                Ok(None)
            }
            service => {
                self.wait_for_end(asker, to, port, local_port, End::Open(service), now);
                Ok(None)
            }
        }
    }

    fn wait_for_end(
        &mut self,
        asker: Asker,
        to: Address,
        port: u16,
        local_port: u16,
        ends: End,
        now: Duration,
    ) {
        let dials = &mut self.dials;
        dials.made += 1;
        let id = dials.made;
        let later = match ends {
            End::TimeOut => (self.dial_timeout, Later::DialEnds(id)),
            _ => (self.peers.latency(to.node), Later::DialAnswers(id)),
        };
        let dialling = Dialling {
            asker,
            to,
            port,
            local_port,
            ends,
        };
        dials.pending.insert(id, dialling);
        self.schedule.add(now + later.0, later.1);
    }

    /// Opens a stream and answers its dial, which has a tag if it was an earlier request.
    fn open_to_peer(
        &mut self,
        ends: Ends,
        service: Service,
        late: Option<u64>,
        out: &mut dyn Sink,
    ) {
        let id = self.streams.next_id();
        let latency = self.peers.latency(ends.2.node);
        let said = match &service {
            Service::Say(text) => text.clone(),
            _ => Vec::new(),
        };
        let far = Far::Service(ServiceState::new(&service));
        self.open(id, ends, far, latency);
        match late {
            Some(tag) => out.late_reply(ends.0, tag, Reply::Dialled(id)),
            None => out.reply(ends.0, Reply::Dialled(id)),
        }
        if !said.is_empty() {
            self.deliver(id, &said, out);
        }
    }

    /// The peer of a pending dial answers.
    pub(super) fn dial_answers(&mut self, id: u64, out: &mut dyn Sink) {
        let Some(d) = self.dials.pending.remove(id) else {
            return;
        };
        let Asker { client, tag } = d.asker;
        match d.ends {
            End::Open(service) => {
                let ends = (client, d.local_port, d.to, d.port);
                self.open_to_peer(ends, service, Some(tag), out);
            }
            End::Refused => out.late_reply(client, tag, Reply::Error(REFUSED.to_owned())),
            End::TimeOut => {}
        }
    }

    /// A pending dial runs out of time.
    pub(super) fn dial_ends(&mut self, id: u64, out: &mut dyn Sink) {
        if let Some(d) = self.dials.pending.remove(id) {
            let Asker { client, tag } = d.asker;
            out.late_reply(client, tag, Reply::Error("dial timeout".to_owned()));
        }
    }

    /// Ends all dials of a client that are in flight.
    pub(super) fn cancel_dials(&mut self, client: ClientId, out: &mut dyn Sink) {
        self.dials.pending.retain(|d| {
            let stays = d.asker.client != client;
            if !stays {
                let canceled = Reply::Error("context canceled".to_owned());
                out.late_reply(client, d.asker.tag, canceled);
            }
            stays
        });
    }

    pub(super) fn forget_dials(&mut self, client: ClientId) {
        self.dials.pending.retain(|d| d.asker.client != client);
    }
}
