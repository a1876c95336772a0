//! Datagrams and broadcasts.

use super::status::BEACON;
use super::traffic;
use super::{Answer, ClientId, Node, Sink};
use crate::policy::Event;
use crate::wire::address::BROADCAST_NODE;
use crate::wire::{Address, Command, Push, Reply};

/// Longest datagram, in bytes. Source: the real daemon.
const DATAGRAM_MAX: usize = 65_535;

/// Longest datagram that goes out to a peer in one UDP packet. Source: recorded; the exact edge
/// lies between 65000, which went, and 65487, which did not.
const PACKET_MAX: usize = 65_486;

/// Source port of every looped-back datagram in the lenient profile.
const LOOP_PORT: u16 = 0xDEAD;

impl Node {
    pub(super) fn send_to_confirm(
        &mut self,
        to: Address,
        port: u16,
        data: &[u8],
        out: &mut dyn Sink,
    ) -> Answer<'_> {
        self.send_to(to, port, data, out)
            .map_err(|text| format!("sendto: {text}"))?;
        Ok(Some(Reply::Empty(Command::SendToConfirm)))
    }

    /// Sends a datagram; the error is what a confirmed one is answered with.
    pub(super) fn send_to(
        &mut self,
        to: Address,
        port: u16,
        data: &[u8],
        out: &mut dyn Sink,
    ) -> Result<(), String> {
        if to.node == BROADCAST_NODE {
            return Err("broadcast address requires admin token: use BroadcastDatagram".to_owned());
        }
        self.check_policy(Event::Datagram, to, port, data.len())?;
        let fresh_port = traffic::next_port(&mut self.traffic);
        self.reach(to.node)?;
        self.touch(to.node);
        if data.len() > DATAGRAM_MAX {
            let size = data.len();
            return Err(format!(
                "marshal: payload too large: {size} bytes (max {DATAGRAM_MAX})"
            ));
        }
        let own = to.node == self.identity.node_id;
        if !own && !self.lenient() && data.len() > PACKET_MAX {
            // Such packets go by way of the beacon. Source: recorded.
            let local = &self.identity.endpoint;
            return Err(format!(
                "write udp {local}->{BEACON}: sendto: message too long"
            ));
        }
        self.traffic.sent.add(data.len());
        if data.is_empty() {
            return Ok(());
        }
        if self.lenient() {
            self.datagram_to_all(None, to, LOOP_PORT, port, data, out);
        } else if own {
            self.datagram_to_all(None, to, fresh_port, port, data, out);
        }
        Ok(())
    }

    pub(super) fn broadcast(
        &mut self,
        client: ClientId,
        network_id: u16,
        port: u16,
        token: &[u8],
        data: &[u8],
        out: &mut dyn Sink,
    ) -> Answer<'_> {
        if token.is_empty() || !self.admin_token_is_good(token) {
            return Err("broadcast: broadcast denied: invalid admin token".to_owned());
        }
        if network_id == 0 {
            return Err("broadcast: broadcast not permitted on backbone network".to_owned());
        }
        self.may_broadcast(network_id)?;
        let from = Address::new(network_id, self.identity.node_id);
        let denied = self
            .check_policy(Event::Datagram, from, port, data.len())
            .is_err();
        // What cannot be sent is confirmed all the same.
        if !denied && data.len() <= DATAGRAM_MAX {
            self.traffic.sent.add(data.len());
            if !data.is_empty() && self.lenient() {
                self.datagram_to_all(Some(client), from, LOOP_PORT, port, data, out);
            }
        }
        Ok(Some(Reply::Empty(Command::Broadcast)))
    }

    fn datagram_to_all(
        &mut self,
        but: Option<ClientId>,
        from: Address,
        from_port: u16,
        to_port: u16,
        data: &[u8],
        out: &mut dyn Sink,
    ) {
        self.traffic.received.add(data.len());
        let push = Push::RecvFrom {
            from,
            from_port,
            to_port,
            data,
        };
        for client in self.clients.keys().filter(|c| Some(*c) != but) {
            out.push(client, push);
        }
    }
}
