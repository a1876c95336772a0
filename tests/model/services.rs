//! What is at the other end of a stream to a simulated peer.

use super::codec::{Cursor, joined};
use super::setting::{BETA, GAMMA, SLOW};
use super::world::{Far, World};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Service {
    Echo,
    Discard,
    Say,
    Refuse,
    Hang,
    /// What is read of a message that is not whole.
    Exchange(Vec<u8>),
    /// The same of an event, and the topic that the stream has subscribed to.
    Events {
        read: Vec<u8>,
        topic: Option<Vec<u8>>,
    },
}

/// What a listed peer was given on a port.
pub fn service_of(node: u32, port: u16) -> Option<Service> {
    match (node, port) {
        (BETA | GAMMA | SLOW, 80) => Some(Service::Echo),
        (BETA, 9) => Some(Service::Discard),
        (BETA | SLOW, 13) => Some(Service::Say),
        (BETA | SLOW, 99) | (BETA, 5001) => Some(Service::Refuse),
        (BETA, 98) => Some(Service::Hang),
        _ => None,
    }
}

/// Longest message and longest payload of an event, in bytes; longest topic.
const MESSAGE_MAX: u32 = 64 << 20;
const EVENT_MAX: u32 = 16 << 20;
const TOPIC_MAX: u16 = 1024;

impl Service {
    pub fn says(&self) -> &'static [u8] {
        if *self == Service::Say {
            b"hello\n"
        } else {
            b""
        }
    }
}

/// What came of one piece of what was read.
enum Part {
    Wanting,
    Broken,
    /// So many bytes, and what they are answered with.
    Whole(usize, Vec<u8>),
}

impl World {
    /// Data for a peer's service.
    pub fn serve(&mut self, id: u32, data: &[u8]) {
        let Far::Service(service) = &mut self.streams.get_mut(&id).unwrap().far else {
            unreachable!("stream {id} leads to a peer");
        };
        match service {
            Service::Echo => self.deliver(id, data),
            Service::Exchange(read) => {
                read.extend_from_slice(data);
                let mut rest = std::mem::take(read);
                loop {
                    match message(&rest) {
                        Part::Wanting => break,
                        Part::Broken => return self.hang_up(id),
                        Part::Whole(length, answer) => {
                            self.deliver(id, &answer);
                            rest.drain(..length);
                        }
                    }
                }
                self.keep(id, rest);
            }
            Service::Events { read, .. } => {
                read.extend_from_slice(data);
                let mut rest = std::mem::take(read);
                loop {
                    match event(&rest) {
                        Part::Wanting => break,
                        Part::Broken => return self.hang_up(id),
                        Part::Whole(length, topic) => {
                            self.publish(id, &topic, &rest[..length]);
                            rest.drain(..length);
                        }
                    }
                }
                self.keep(id, rest);
            }
            _ => {}
        }
    }

    /// Keeps what is not whole yet.
    fn keep(&mut self, id: u32, rest: Vec<u8>) {
        if let Far::Service(Service::Exchange(read) | Service::Events { read, .. }) =
            &mut self.streams.get_mut(&id).unwrap().far
        {
            *read = rest;
        }
    }

    /// The first event of a stream subscribes to its topic; others go to all who have.
    fn publish(&mut self, id: u32, topic: &[u8], event: &[u8]) {
        let node = self.streams[&id].remote.1;
        let far = &mut self.streams.get_mut(&id).unwrap().far;
        if let Far::Service(Service::Events {
            topic: own @ None, ..
        }) = far
        {
            *own = Some(topic.to_vec());
            return;
        }
        let takers = self.streams.iter().filter(|(other, stream)| {
            let Far::Service(Service::Events {
                topic: Some(wanted),
                ..
            }) = &stream.far
            else {
                return false;
            };
            **other != id
                && stream.ended.is_none()
                && stream.remote.1 == node
                && (wanted == topic || wanted == b"*")
        });
        let takers: Vec<u32> = takers.map(|(other, _)| *other).collect();
        if !takers.is_empty() {
            self.outcome = "published".to_owned();
        }
        for taker in takers {
            self.deliver(taker, event);
        }
    }
}

/// A message of the data exchange: type, length, payload.
fn message(bytes: &[u8]) -> Part {
    let mut cursor = Cursor(bytes);
    let (Some(kind), Some(length)) = (cursor.u32(), cursor.u32()) else {
        return Part::Wanting;
    };
    if length > MESSAGE_MAX {
        return Part::Broken;
    }
    let Some(payload) = cursor.take(length as usize) else {
        return Part::Wanting;
    };
    let text = match kind {
        1 => format!("ACK TEXT {length} bytes"),
        2 => format!("ACK BINARY {length} bytes"),
        3 => format!("ACK JSON {length} bytes"),
        4 => {
            let mut file = Cursor(payload);
            let name = file.u16().and_then(|length| file.take(length.into()));
            match name.map(std::str::from_utf8) {
                Some(Ok(name)) if name.len() <= 255 && !name.contains(['/', '\\']) => {
                    format!("ACK FILE {} bytes", file.0.len())
                }
                _ => return Part::Broken,
            }
        }
        // The recording has no colon, and wins.
        kind => format!("ERR UNKNOWN({kind}) save failed: unsupported frame type {kind}"),
    };
    let length = text.len() as u32;
    let answer = joined(&[&1u32.to_be_bytes(), &length.to_be_bytes(), text.as_bytes()]);
    Part::Whole(bytes.len() - cursor.0.len(), answer)
}

/// An event: topic and payload. Whole, its topic.
fn event(bytes: &[u8]) -> Part {
    let mut cursor = Cursor(bytes);
    let Some(length) = cursor.u16() else {
        return Part::Wanting;
    };
    if length > TOPIC_MAX {
        return Part::Broken;
    }
    let Some(topic) = cursor.take(length.into()) else {
        return Part::Wanting;
    };
    if std::str::from_utf8(topic).is_err() {
        return Part::Broken;
    }
    let Some(length) = cursor.u32() else {
        return Part::Wanting;
    };
    if length > EVENT_MAX {
        return Part::Broken;
    }
    match cursor.take(length as usize) {
        None => Part::Wanting,
        Some(_) => Part::Whole(bytes.len() - cursor.0.len(), topic.to_vec()),
    }
}
