//! What the control socket pushes, and whether somebody can take it.

use serde_json::{Value, json};

use super::codec::{address_bytes, address_text};
use super::managed::Event;
use super::services::Service;
use super::step::{Push, fill};
use super::world::{Far, World, frame};

/// The source port of everything that peers send by a push.
const FROM_PORT: u16 = 5000;

/// What a peer sends by a push.
fn said(length: usize) -> Vec<u8> {
    fill(length, b'A')
}

impl World {
    /// A push as the control socket takes it.
    pub fn push_request(&self, push: &Push) -> Value {
        let from = |node: u32| format!("{}:{FROM_PORT}", address_text((0, node)));
        let hex = |length: usize| {
            let digits = said(length)
                .iter()
                .fold(String::new(), |text, b| text + &format!("{b:02x}"));
            json!({ "hex": digits })
        };
        match push {
            Push::Datagram(node, port, length) => {
                json!({"recv_from": {"from": from(*node), "to_port": port, "data": hex(*length)}})
            }
            Push::Accept(node, port, echo, says) => {
                let mut accept = json!({"port": port, "from": from(*node), "say": hex(*says)});
                if *echo {
                    accept["service"] = "echo".into();
                }
                json!({ "accept": accept })
            }
            Push::Recv(stream, length) => {
                json!({"recv": {"conn": self.named(*stream), "data": hex(*length)}})
            }
            Push::Close(stream) => json!({"close": {"conn": self.named(*stream)}}),
        }
    }

    /// What a push makes of the world; gives how many clients get it.
    pub fn push(&mut self, push: &Push) -> usize {
        let sent = match push {
            Push::Datagram(node, port, length) => {
                let data = said(*length);
                let (from, source) = (address_bytes((0, *node)), FROM_PORT.to_be_bytes());
                let here: Vec<usize> = (0..self.here.len())
                    .filter(|slot| self.here[*slot].is_some())
                    .collect();
                for slot in &here {
                    let port = port.to_be_bytes();
                    self.tell(*slot, frame(0x0C, &[&from, &source, &port, &data]));
                }
                here.len()
            }
            Push::Accept(node, port, echo, says) => {
                usize::from(self.inbound(*node, *port, *echo, *says))
            }
            Push::Recv(stream, length) => {
                let id = self.named(*stream);
                let taken = self.is_open(id) && *length > 0;
                if taken {
                    self.far_end_sends(id, &said(*length));
                }
                usize::from(taken)
            }
            Push::Close(stream) => {
                let id = self.named(*stream);
                let open = self.is_open(id);
                if open {
                    self.hang_up(id);
                }
                usize::from(open)
            }
        };
        self.label(if sent > 0 { "taken" } else { "no such taker" });
        sent
    }

    /// A peer dials a port here.
    fn inbound(&mut self, node: u32, port: u16, echo: bool, says: usize) -> bool {
        let Some(owner) = self.ports.get(&port).copied() else {
            return false;
        };
        let from = (0, node);
        if self.allowed(Event::Connect, from, port).is_err() {
            return false;
        }
        self.meet(node);
        let service = if echo {
            Service::Echo
        } else {
            Service::Discard
        };
        let id = self.open(owner, port, from, FROM_PORT, Far::Service(service));
        let (conn, source) = (id.to_be_bytes(), FROM_PORT.to_be_bytes());
        let accept = [
            &port.to_be_bytes()[..],
            &conn,
            &address_bytes(from),
            &source,
        ];
        self.tell(owner, frame(0x05, &accept));
        self.deliver(id, &said(says));
        true
    }

    /// Data arrives as if the far end had sent it, which it did where that is a client's.
    fn far_end_sends(&mut self, id: u32, data: &[u8]) {
        if let Far::Stream(far) = self.streams[&id].far {
            self.streams.get_mut(&far).unwrap().sent.add(data.len());
            self.sent.add(data.len());
        }
        self.deliver(id, data);
    }
}
