//! Streams: the table of open and lately closed ones, their data and their ends.

use std::collections::VecDeque;
use std::time::Duration;

use super::schedule::Later;
use super::services::ServiceState;
use super::{ClientId, Node, Sink};
use crate::spread::NumberMap;
use crate::wire::{Address, Push, Reply};

/// Data bytes of one segment, and of one Recv in the faithful profile. Source: recorded.
pub const SEGMENT: usize = 1152;

/// How long an ended stream stays in `conn_list`. Source: recorded.
const LINGER: Duration = Duration::from_secs(10);

/// Most ended streams that are kept for `conn_list`. Our choice: it bounds memory under a load of
/// short streams.
const LINGERING_MAX: usize = 4096;

/// What a stream of ours leads to.
#[derive(Debug)]
pub enum Far {
    /// Another client's (or the same client's) end, by its id.
    Local(u32),
    /// A simulated peer's service.
    Service(ServiceState),
}

/// Where a stream is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Established,
    TimeWait,
    FinWait,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            State::Established => "ESTABLISHED",
            State::TimeWait => "TIME_WAIT",
            State::FinWait => "FIN_WAIT",
        }
    }
}

/// One end of a stream.
#[derive(Debug)]
pub struct Stream {
    pub owner: ClientId,
    pub local_port: u16,
    pub remote: Address,
    pub remote_port: u16,
    pub far: Far,
    pub state: State,
    pub sent: Flow,
    pub received: Flow,
    /// How long the far side takes for everything.
    pub latency: Duration,
}

/// What went one way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flow {
    pub bytes: u64,
    pub segments: u64,
}

impl Flow {
    pub fn add(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        self.segments += bytes.div_ceil(SEGMENT) as u64;
    }
}

/// All streams by their ids.
#[derive(Debug, Default)]
pub struct Streams {
    table: NumberMap<u32, Stream>,
    lingering: VecDeque<(Duration, u32)>,
    last_id: u32,
    open: usize,
}

impl Streams {
    /// The id that the next stream gets.
    pub fn next_id(&mut self) -> u32 {
        self.last_id = self.last_id.wrapping_add(1);
        self.last_id
    }

    pub fn insert(&mut self, id: u32, stream: Stream) {
        self.open += 1;
        self.table.insert(id, stream);
    }

    /// A stream that is open.
    pub fn open(&self, id: u32) -> Option<&Stream> {
        self.table
            .get(&id)
            .filter(|s| s.state == State::Established)
    }

    pub fn open_mut(&mut self, id: u32) -> Option<&mut Stream> {
        self.table
            .get_mut(&id)
            .filter(|s| s.state == State::Established)
    }

    pub fn count_open(&self) -> usize {
        self.open
    }

    /// Open and lately ended streams, in the order of their ids.
    pub fn listed(&mut self, now: Duration) -> Vec<(u32, &Stream)> {
        self.expire(now);
        let mut all: Vec<_> = self.table.iter().map(|(id, s)| (*id, s)).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all
    }

    fn end(&mut self, id: u32, now: Duration) {
        if let Some(stream) = self.open_mut(id) {
            stream.state = State::TimeWait;
            self.open -= 1;
            self.lingering.push_back((now + LINGER, id));
        }
        self.expire(now);
    }

    fn expire(&mut self, now: Duration) {
        while let Some((until, id)) = self.lingering.front() {
            if *until > now && self.lingering.len() <= LINGERING_MAX {
                break;
            }
            self.table.remove(id);
            self.lingering.pop_front();
        }
    }
}

impl Node {
    /// Calls `visit` with every client that data sent on a stream now would go to.
    pub fn takers(&self, conn: u32, mut visit: impl FnMut(ClientId)) {
        let Some(stream) = self.streams.open(conn) else {
            return;
        };
        match &stream.far {
            Far::Local(other) => {
                if let Some(other) = self.streams.open(*other) {
                    visit(other.owner);
                }
            }
            Far::Service(ServiceState::Events(_)) => {
                for other in self.brokers.streams_beside(stream.remote.node, conn) {
                    if let Some(other) = self.streams.open(other) {
                        visit(other.owner);
                    }
                }
            }
            Far::Service(_) => visit(stream.owner),
        }
    }

    /// Bytes of data that wait for a client because its peers take their time.
    pub fn held(&self, client: ClientId) -> usize {
        self.schedule.held(client)
    }

    /// Whatever sends on a stream, whoever owns it, sends. Unknown and ended ones swallow it.
    pub(super) fn send(&mut self, conn: u32, data: &[u8], now: Duration, out: &mut dyn Sink) {
        if data.is_empty() {
            return;
        }
        let Some(stream) = self.streams.open_mut(conn) else {
            return;
        };
        stream.sent.add(data.len());
        self.traffic.sent.add(data.len());
        match &mut stream.far {
            Far::Local(other) => {
                let other = *other;
                self.deliver(other, data, out);
            }
            Far::Service(ServiceState::Echo) => self.answer_with(conn, data, now, out),
            Far::Service(ServiceState::Discard) => {}
            Far::Service(_) => self.serve(conn, data, now, out),
        }
    }

    /// Data of a peer's service for a stream, at once or after the peer's latency.
    pub(super) fn answer_with(
        &mut self,
        conn: u32,
        data: &[u8],
        now: Duration,
        out: &mut dyn Sink,
    ) {
        let Some(stream) = self.streams.open(conn) else {
            return;
        };
        if stream.latency.is_zero() {
            self.deliver(conn, data, out);
        } else {
            let owner = stream.owner;
            let later = Later::Data {
                conn,
                owner,
                data: data.to_vec(),
            };
            self.schedule.hold(owner, data.len());
            self.schedule.add(now + stream.latency, later);
        }
    }

    /// A peer's service ends a stream, at once or after the peer's latency.
    pub(super) fn hang_up(&mut self, conn: u32, now: Duration, out: &mut dyn Sink) {
        let Some(stream) = self.streams.open(conn) else {
            return;
        };
        if stream.latency.is_zero() {
            self.peer_close(conn, now, out);
        } else {
            let at = now + stream.latency;
            self.schedule.add(at, Later::Close { conn });
        }
    }

    /// Data arrives on an open stream as if its far end had sent it. Gives its owner; `None` when
    /// nobody gets anything.
    pub fn peer_data(&mut self, conn: u32, data: &[u8], out: &mut dyn Sink) -> Option<ClientId> {
        let stream = self.streams.open(conn).filter(|_| !data.is_empty())?;
        let (owner, far) = (stream.owner, &stream.far);
        if let Far::Local(other) = *far
            && let Some(other) = self.streams.open_mut(other)
        {
            other.sent.add(data.len());
            self.traffic.sent.add(data.len());
        }
        self.deliver(conn, data, out);
        Some(owner)
    }

    /// Ends an open stream: its owner is told, and so is the owner of the far end, where that is a
    /// client's. Gives the owner; `None` when no such stream is open.
    pub fn peer_close(&mut self, conn: u32, now: Duration, out: &mut dyn Sink) -> Option<ClientId> {
        let owner = self.owner(conn)?;
        let far = self.end(conn, now);
        out.push(owner, Push::CloseOk { conn });
        if let Some((owner, conn)) = far {
            out.push(owner, Push::CloseOk { conn });
        }
        Some(owner)
    }

    /// Hands data to the owner of a stream, in the profile's chunks.
    pub(super) fn deliver(&mut self, conn: u32, data: &[u8], out: &mut dyn Sink) {
        let lenient = self.lenient();
        let Some(stream) = self.streams.open_mut(conn) else {
            return;
        };
        stream.received.add(data.len());
        self.traffic.received.add(data.len());
        let chunk = if lenient { LENIENT_CHUNK } else { SEGMENT };
        for data in data.chunks(chunk) {
            out.push(stream.owner, Push::Recv { conn, data });
        }
    }

    /// Answers a close, and ends the stream if it was open: its owner is told, whoever closes.
    pub(super) fn close(&mut self, client: ClientId, conn: u32, now: Duration, out: &mut dyn Sink) {
        out.reply(client, Reply::Closed(conn));
        if self.peer_close(conn, now, out).is_none()
            && let Some(ended) = self.streams.table.get_mut(&conn)
        {
            ended.state = State::FinWait;
        }
    }

    /// Ends both ends of a stream; gives the far one's owner and id where it is a client's.
    fn end(&mut self, conn: u32, now: Duration) -> Option<(ClientId, u32)> {
        let stream = self.streams.open(conn)?;
        let (owner, node) = (stream.owner, stream.remote.node);
        let other = match &stream.far {
            Far::Local(other) => self.streams.open(*other).map(|s| (s.owner, *other)),
            Far::Service(_) => None,
        };
        self.streams.end(conn, now);
        self.disown(owner, conn);
        self.brokers.leave(node, conn);
        if let Some((owner, id)) = other {
            self.streams.end(id, now);
            self.disown(owner, id);
        }
        other
    }

    fn disown(&mut self, owner: ClientId, conn: u32) {
        if let Some(client) = self.clients.get_mut(owner) {
            client.streams.remove(conn);
        }
    }

    /// Ends all streams of a client and tells the owners of their far ends. Gives the ids of the
    /// client's own ends.
    pub(super) fn end_streams(
        &mut self,
        client: ClientId,
        now: Duration,
        out: &mut dyn Sink,
    ) -> Vec<u32> {
        let Some(owner) = self.clients.get_mut(client) else {
            return Vec::new();
        };
        let own: Vec<u32> = std::mem::take(&mut owner.streams).keys().collect();
        for conn in &own {
            if let Some((owner, conn)) = self.end(*conn, now)
                && owner != client
            {
                out.push(owner, Push::CloseOk { conn });
            }
        }
        own
    }
}

/// A lenient Recv holds whatever the sender's frame held; only what a service puts together
/// itself can be longer than a frame.
pub const LENIENT_CHUNK: usize = crate::wire::frame::MAX_LENGTH - 5;
