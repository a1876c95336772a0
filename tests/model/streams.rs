//! Ports and streams: bind, unbind, dial, send, close, cancel.

use std::time::Instant;

use super::codec::{Address, Cursor, address_bytes, joined};
use super::managed::Event;
use super::services::{Service, service_of};
use super::setting::{OWN, SLOW, Wrong};
use super::world::{Dial, Far, Flow, Stream, World, frame};

/// Ports that the daemon itself has.
pub const DAEMON_PORTS: [u16; 4] = [7, 444, 1001, 1002];

/// Data bytes of one Recv in the faithful profile.
const PIECE: usize = 1152;

impl World {
    pub fn bind(&mut self, slot: usize, mut payload: Cursor) {
        let Some(port) = payload.u16() else {
            return self.refuse(slot, "bind: missing port");
        };
        let again = self.lenient() && self.ports.get(&port) == Some(&slot);
        if DAEMON_PORTS.contains(&port) || (self.ports.contains_key(&port) && !again) {
            return self.refuse(slot, &format!("port {port} already bound"));
        }
        self.ports.insert(port, slot);
        self.label(if again { "again" } else { "ok" });
        self.tell(slot, frame(0x02, &[&port.to_be_bytes()]));
    }

    pub fn unbind(&mut self, slot: usize, mut payload: Cursor) {
        let port = match (payload.0.len(), payload.u16()) {
            (2, Some(port)) => port,
            _ => return self.refuse(slot, "unbind: port is required"),
        };
        if self.ports.get(&port) != Some(&slot) {
            return self.refuse(slot, "unbind: port is not owned by this client");
        }
        self.ports.remove(&port);
        self.label("ok");
        self.tell(slot, frame(0x38, &[&port.to_be_bytes()]));
    }

    pub fn dial(&mut self, slot: usize, mut payload: Cursor) {
        let Some((to, port)) = payload.destination() else {
            return self.refuse(slot, "dial: missing address/port");
        };
        let node = to.1;
        if let Err(text) = self.allowed(Event::Dial, to, port) {
            return self.refuse(slot, &text);
        }
        // A private peer that had trust, and has not any more, says nothing through its tunnel.
        if self.hidden(node) && self.trust.refused.contains(&node) && self.tunnels.contains(&node) {
            let local_port = self.source_port();
            return self.hang(slot, to, port, local_port);
        }
        let listed = service_of(node, port);
        let turned_away = matches!(listed, Some(Service::Refuse | Service::Hang));
        if !turned_away
            && let Some(listener) = self.ports.get(&port)
            && (node == OWN || self.lenient())
        {
            return self.join(slot, *listener, to, port);
        }
        if let Err(text) = self.reach(node) {
            return self.refuse(slot, &text);
        }
        let local_port = self.source_port();
        self.touch(node);
        self.late = node == SLOW;
        match listed.or_else(|| self.built_in(port)) {
            None | Some(Service::Refuse) => self.refuse(slot, "connection refused"),
            Some(Service::Hang) => self.hang(slot, to, port, local_port),
            Some(service) => {
                let said = service.says();
                let id = self.open(slot, local_port, to, port, Far::Service(service));
                self.label("peer");
                self.tell(slot, frame(0x04, &[&id.to_be_bytes()]));
                self.deliver(id, said);
            }
        }
    }

    /// What is on a port of every node.
    fn built_in(&self, port: u16) -> Option<Service> {
        match port {
            7 => Some(Service::Echo),
            444 => Some(Service::Discard),
            1001 => Some(Service::Exchange(Vec::new())),
            1002 => Some(Service::Events {
                read: Vec::new(),
                topic: None,
            }),
            _ => self.lenient().then_some(Service::Echo),
        }
    }

    /// A dial that nobody answers.
    fn hang(&mut self, slot: usize, to: Address, port: u16, local_port: u16) {
        if self.setting.patient {
            self.label("hangs");
            self.late = false;
            self.dials.push(Dial {
                slot,
                to,
                port,
                local_port,
            });
        } else {
            self.refuse(slot, "dial timeout");
            self.late = true;
        }
    }

    /// Two clients, or one with itself.
    fn join(&mut self, slot: usize, listener: usize, to: Address, port: u16) {
        let local_port = self.source_port();
        let from = (to.0, OWN);
        if self.allowed(Event::Connect, from, port).is_err() {
            return self.hang(slot, to, port, local_port);
        }
        let near = self.open(slot, local_port, to, port, Far::Stream(0));
        let far = self.open(listener, port, from, local_port, Far::Stream(near));
        self.streams.get_mut(&near).unwrap().far = Far::Stream(far);
        self.label(if slot == listener {
            "joined to itself"
        } else {
            "joined"
        });
        self.tell(slot, frame(0x04, &[&near.to_be_bytes()]));
        let from = address_bytes(from);
        let accept = [
            &port.to_be_bytes()[..],
            &far.to_be_bytes(),
            &from,
            &local_port.to_be_bytes(),
        ];
        self.tell(listener, frame(0x05, &accept));
    }

    pub fn open(
        &mut self,
        owner: usize,
        local_port: u16,
        remote: Address,
        port: u16,
        far: Far,
    ) -> u32 {
        self.last_stream += 1;
        let stream = Stream {
            owner,
            local_port,
            remote,
            remote_port: port,
            far,
            ended: None,
            sent: Flow::default(),
            received: Flow::default(),
        };
        self.streams.insert(self.last_stream, stream);
        self.last_stream
    }

    pub fn send(&mut self, mut payload: Cursor) {
        let id = payload.u32();
        let data = payload.0;
        let Some(id) = id.filter(|id| self.is_open(*id)) else {
            return self.label("no such stream");
        };
        if data.is_empty() {
            return self.label("nothing to send");
        }
        let stream = self.streams.get_mut(&id).unwrap();
        stream.sent.add(data.len());
        self.sent.add(data.len());
        let slow = stream.remote.1 == SLOW;
        match stream.far {
            Far::Stream(other) => {
                self.label("to a client");
                self.deliver(other, data);
            }
            Far::Service(_) => {
                self.label("to a peer");
                self.late = slow;
                self.serve(id, data);
            }
        }
    }

    /// Data arrives on a stream.
    pub fn deliver(&mut self, id: u32, data: &[u8]) {
        if data.is_empty() || !self.is_open(id) {
            return;
        }
        let stream = self.streams.get_mut(&id).unwrap();
        stream.received.add(data.len());
        self.received.add(data.len());
        let owner = stream.owner;
        let piece = if self.lenient() { usize::MAX } else { PIECE };
        for part in data.chunks(piece) {
            self.tell(owner, (0x07, joined(&[&id.to_be_bytes(), part])));
        }
    }

    pub fn close(&mut self, slot: usize, mut payload: Cursor) {
        let Some(id) = payload.u32() else {
            return self.refuse(slot, "close: missing conn_id");
        };
        self.tell(slot, frame(0x09, &[&id.to_be_bytes()]));
        if !self.is_open(id) {
            return self.label("not open");
        }
        let own = self.streams[&id].owner == slot;
        self.label(if own { "own" } else { "somebody else's" });
        self.hang_up(id);
        if own && self.is_wrong(Wrong::CloseOnce) {
            self.out.remove(0);
        }
    }

    /// A stream ends: the owners of both ends are told.
    pub fn hang_up(&mut self, id: u32) {
        let far = self.end(id);
        for id in [Some(id), far].into_iter().flatten() {
            let owner = self.streams[&id].owner;
            self.tell(owner, frame(0x09, &[&id.to_be_bytes()]));
        }
    }

    /// Ends a stream with both its ends; gives the far one, where that is a client's and was open.
    pub fn end(&mut self, id: u32) -> Option<u32> {
        let now = Instant::now();
        let stream = self.streams.get_mut(&id).filter(|s| s.ended.is_none())?;
        stream.ended = Some(now);
        let Far::Stream(far) = stream.far else {
            return None;
        };
        self.streams.get_mut(&far).unwrap().ended = Some(now);
        Some(far)
    }

    /// All dials of a client that hang are given up.
    pub fn cancel(&mut self, slot: usize) {
        let mine = self.dials.iter().filter(|dial| dial.slot == slot).count();
        self.dials.retain(|dial| dial.slot != slot);
        for _ in 0..mine {
            self.refuse(slot, "context canceled");
        }
        self.label("nothing to cancel");
    }
}
