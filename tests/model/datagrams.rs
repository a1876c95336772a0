//! Datagrams and broadcasts.

use super::codec::{Address, Cursor, address_bytes};
use super::managed::Event;
use super::setting::{EVERYBODY, OWN, Wrong};
use super::world::{Refusal, World, frame};

/// Longest datagram, and the longest that a UDP packet to a peer takes, in bytes.
const DATAGRAM_MAX: usize = 65_535;
const PACKET_MAX: usize = 65_486;

/// The source port of what loops back in the lenient profile.
const LOOPED: u16 = 0xDEAD;

impl World {
    pub fn datagram(&mut self, slot: usize, mut payload: Cursor, confirmed: bool) {
        let sent = match payload.destination() {
            Some((to, port)) => self.send_to(slot, to, port, payload.0),
            None => Err("missing header".to_owned()),
        };
        match (sent, confirmed) {
            (Ok(()), true) => self.tell(slot, (0x3A, Vec::new())),
            (Err(text), true) => self.refuse(slot, &format!("sendto: {text}")),
            (Err(_), false) => self.label("refused in silence"),
            (Ok(()), false) => {}
        }
    }

    fn send_to(&mut self, slot: usize, to: Address, port: u16, data: &[u8]) -> Result<(), Refusal> {
        let node = to.1;
        if node == EVERYBODY {
            return Err("broadcast address requires admin token: use BroadcastDatagram".to_owned());
        }
        self.allowed(Event::Datagram, to, port)?;
        let source_port = self.source_port();
        self.reach(node)?;
        self.touch(node);
        let size = data.len();
        if size > DATAGRAM_MAX {
            return Err(format!(
                "marshal: payload too large: {size} bytes (max {DATAGRAM_MAX})"
            ));
        }
        if node != OWN && !self.lenient() && size > PACKET_MAX {
            let there = "127.0.0.1:4042->127.0.0.1:9001";
            return Err(format!("write udp {there}: sendto: message too long"));
        }
        self.sent.add(size);
        if size == 0 {
            self.label("nothing to deliver");
        } else if self.lenient() {
            self.label("looped back");
            let but = self.is_wrong(Wrong::NoLoop).then_some(slot);
            self.datagram_all(but, to, LOOPED, port, data);
        } else if node == OWN {
            self.label("to all clients");
            self.datagram_all(None, to, source_port, port, data);
        }
        self.label("to a peer");
        Ok(())
    }

    pub fn broadcast(&mut self, slot: usize, mut payload: Cursor) {
        let (Some(network), Some(port), Some(length)) =
            (payload.u16(), payload.u16(), payload.u16())
        else {
            return self.refuse(slot, "broadcast: missing header");
        };
        let Some(token) = payload.take(length.into()) else {
            return self.refuse(slot, "broadcast: truncated token");
        };
        let data = payload.0;
        if token.is_empty() || !self.token_is_good(token) {
            return self.refuse(slot, "broadcast: broadcast denied: invalid admin token");
        }
        if network == 0 {
            return self.refuse(
                slot,
                "broadcast: broadcast not permitted on backbone network",
            );
        }
        if let Err(text) = self.network_known(network) {
            return self.refuse(
                slot,
                &format!("broadcast: list nodes for broadcast: registry: {text}"),
            );
        }
        if !self.lenient() && !self.networks.has(network, OWN) {
            let text = format!("node {OWN} is not a member of network {network}");
            return self.refuse(slot, &format!("broadcast: broadcast denied: {text}"));
        }
        let from = (network, OWN);
        if data.len() <= DATAGRAM_MAX && self.allowed(Event::Datagram, from, port).is_ok() {
            self.sent.add(data.len());
            if self.lenient() && !data.is_empty() {
                self.label("to all others");
                self.datagram_all(Some(slot), from, LOOPED, port, data);
            }
        }
        self.label("delivered to nobody here");
        self.tell(slot, (0x2A, Vec::new()));
    }

    fn datagram_all(
        &mut self,
        but: Option<usize>,
        from: Address,
        from_port: u16,
        port: u16,
        data: &[u8],
    ) {
        self.received.add(data.len());
        let from = address_bytes(from);
        let push = [
            &from[..],
            &from_port.to_be_bytes(),
            &port.to_be_bytes(),
            data,
        ];
        for slot in 0..self.here.len() {
            if self.here[slot].is_some() && Some(slot) != but {
                self.tell(slot, frame(0x0C, &push));
            }
        }
    }
}
