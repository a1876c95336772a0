//! Streams that simulated peers open.

use std::time::Duration;

use super::services::ServiceState;
use super::streams::Far;
use super::{ClientId, Node, Sink};
use crate::policy::Event;
use crate::wire::{Address, Push};

/// A dial of a simulated peer.
#[derive(Clone, Copy, Debug)]
pub struct Inbound<'a> {
    /// The port that it dials.
    pub port: u16,
    /// Who dials.
    pub from: Address,
    /// From which port.
    pub from_port: u16,
    /// Whether it sends back what comes; it swallows it otherwise.
    pub echo: bool,
    /// What it says first; empty for nothing.
    pub say: &'a [u8],
    /// Who gets the stream, whether it has bound the port or not; `None` for whoever has.
    pub client: Option<ClientId>,
}

impl Node {
    /// A simulated peer opens a stream: its owner gets the accept at once, and what the peer says
    /// after the peer's latency. Gives the owner; `None` when nobody can take it: no such client or
    /// bound port, no room for one more stream, or a network's policy that denies it.
    pub fn inbound(
        &mut self,
        dial: Inbound<'_>,
        now: Duration,
        out: &mut dyn Sink,
    ) -> Option<ClientId> {
        let Inbound {
            port,
            from,
            from_port,
            ..
        } = dial;
        let owner = dial.client.or_else(|| self.binder(port))?;
        let admitted = self.clients.contains(owner)
            && self.has_room(owner, 1)
            && self.check_policy(Event::Connect, from, port, 0).is_ok();
        if !admitted {
            return None;
        }
        self.meet(from.node);
        let conn = self.streams.next_id();
        let service = if dial.echo {
            ServiceState::Echo
        } else {
            ServiceState::Discard
        };
        let latency = self.peers.latency(from.node);
        let ends = (owner, port, from, from_port);
        self.open(conn, ends, Far::Service(service), latency);
        let accept = Push::Accept {
            port,
            conn,
            from,
            from_port,
        };
        out.push(owner, accept);
        if !dial.say.is_empty() {
            self.answer_with(conn, dial.say, now, out);
        }
        Some(owner)
    }
}
