//! Streams: every byte that comes on one must be the one that belongs there, and none may be wanting.

use std::sync::atomic::Ordering::SeqCst;

use super::client::{Client, number};
use super::want::Want;
use super::world::{GENERATIONS, MARK, OWN, peer, port};

/// Bytes before the content of a stream between two clients: who dials, how much goes which way, and of
/// which key.
const HEADER: usize = 16;
const MAGIC: [u8; 2] = [0x50, 0xAC];

/// Bytes of one Send at the most.
const PIECE: usize = (1 << 20) - 5;

#[derive(Debug)]
pub struct Stream {
    pub far: Far,
    /// Bytes that have come, and how many there will be.
    pub got: usize,
    pub size: usize,
    /// The stream is gone only for a reason: this client may close it, if it has not left since.
    pub partner: Option<(usize, u64)>,
}

/// Where the bytes come from.
#[derive(Debug)]
pub enum Far {
    /// They are these first, and then content.
    Bytes(Vec<u8>, usize),
    /// They are the answer to what this client has sent: the header, and the key of its content.
    Answer(Vec<u8>, usize),
    /// A client has dialled, and says in its header what it sends.
    Dialler(Vec<u8>),
}

impl Stream {
    pub fn of(far: Far, size: usize) -> Stream {
        Stream {
            far,
            got: 0,
            size,
            partner: None,
        }
    }
}

/// What a header says: the bytes each way and the key.
fn read_header(header: &[u8]) -> Result<(usize, usize, usize), String> {
    let word = |at: usize| number(&header[at..]) as usize;
    match header[..2] == MAGIC {
        true => Ok((word(4), word(8), word(12))),
        false => Err(format!("a stream begins with {header:02x?}")),
    }
}

/// How much of an answer goes out before all has come that it answers.
fn early(answer: usize) -> usize {
    answer / 2
}

impl Client<'_> {
    pub fn send_on(&mut self, conn: u32, data: &[u8]) {
        self.tell("send", 0x06, &[&conn.to_be_bytes(), data]);
    }

    /// Sends content in pieces of random sizes.
    fn send_content(&mut self, conn: u32, key: usize, from: usize, to: usize) {
        let world = self.world;
        let mut at = from;
        while at < to {
            let most = if to - from > 1 << 17 { PIECE } else { 4096 };
            let piece = 1 + self.random.below(most.min(to - at));
            self.send_on(conn, world.content(key, at, piece));
            at += piece;
        }
    }

    /// Somebody has dialled: one of the other clients, or a peer that the scenario sends.
    pub fn accepted(&mut self, payload: &[u8]) -> Result<(), String> {
        let Ok(payload) = <[u8; 14]>::try_from(payload) else {
            return Err(format!("an accept of {} bytes", payload.len()));
        };
        let to = u16::from_be_bytes([payload[0], payload[1]]);
        let network = u16::from_be_bytes([payload[6], payload[7]]);
        let node = number(&payload[8..]);
        let conn = number(&payload[2..]);
        let stream = if to == 21_000 && node == 2 {
            Stream::of(Far::Bytes(b"hello from afar".to_vec(), 0), 15)
        } else if to == port(self.me) && node == OWN && network & MARK != 0 {
            let dialler = usize::from(network >> 11) & 15;
            let generation = u64::from(network) % GENERATIONS;
            let mut stream = Stream::of(Far::Dialler(Vec::new()), HEADER);
            stream.partner = Some((dialler, generation));
            stream
        } else {
            return Err(format!(
                "an accept of port {to} from node {node} in network {network}"
            ));
        };
        match self.streams.insert(conn, stream) {
            None => Ok(()),
            Some(_) => Err(format!("stream {conn} is accepted twice")),
        }
    }

    pub fn received(&mut self, payload: &[u8]) -> Result<(), String> {
        let Some((conn, data)) = payload.split_first_chunk::<4>() else {
            return Err(format!("data of {} bytes", payload.len()));
        };
        let conn = u32::from_be_bytes(*conn);
        let world = self.world;
        let Some(stream) = self.streams.get_mut(&conn) else {
            return Err(format!(
                "{} bytes on stream {conn}, which is unknown",
                data.len()
            ));
        };
        let limit = if world.lenient { PIECE } else { 1152 };
        if data.is_empty() || data.len() > limit {
            return Err(format!("{} bytes at once on stream {conn}", data.len()));
        }
        if let (Far::Answer(header, key), 0) = (&mut stream.far, stream.got)
            && data.starts_with(header)
        {
            // Nobody had bound the port: what came was a lenient peer's echo.
            let (partner, returned) = stream.partner.unwrap_or_default();
            if !world.lenient || !world.has_left_since(partner, returned) {
                return Err(format!("an echo from client {partner}, which was there"));
            }
            let (out, ..) = read_header(header)?;
            stream.size = header.len() + out;
            stream.far = Far::Bytes(std::mem::take(header), key.wrapping_sub(1));
        }
        let mut rest = data;
        if let Far::Dialler(header) = &mut stream.far
            && header.len() < HEADER
        {
            let (part, behind) = rest.split_at((HEADER - header.len()).min(rest.len()));
            header.extend_from_slice(part);
            rest = behind;
            stream.got += part.len();
            if header.len() == HEADER {
                stream.size = HEADER + read_header(header)?.0;
            }
        }
        let from = stream.got;
        stream.got += rest.len();
        if stream.got > stream.size {
            return Err(format!(
                "{} bytes of {} on stream {conn}",
                stream.got, stream.size
            ));
        }
        let (head, key): (&[u8], usize) = match &stream.far {
            Far::Bytes(head, key) => (head, *key),
            Far::Answer(_, key) => (b"", *key),
            Far::Dialler(header) if rest.is_empty() && header.len() < HEADER => return Ok(()),
            Far::Dialler(header) => (header, read_header(header)?.2),
        };
        let of_head = head.len().saturating_sub(from).min(rest.len());
        let (first, second) = rest.split_at(of_head);
        let at = (from + of_head) - head.len();
        if first != &head[from.min(head.len())..][..of_head]
            || second != world.content(key, at, second.len())
        {
            let (size, far) = (stream.size, &stream.far);
            return Err(format!(
                "wrong bytes at {from} of {size} on stream {conn} of {far:?}"
            ));
        }
        self.answer(conn, data.len());
        Ok(())
    }

    /// Answers a dialler: one half as soon as it is known what to answer, the rest when all has come.
    fn answer(&mut self, conn: u32, came: usize) {
        let Some(Stream {
            far: Far::Dialler(header),
            got,
            size,
            ..
        }) = self.streams.get(&conn)
        else {
            return;
        };
        let (got, size) = (*got, *size);
        if self.leaves {
            return;
        }
        let Ok((_, back, key)) = read_header(header) else {
            return;
        };
        if got >= HEADER && got - came < HEADER {
            self.send_content(conn, key + 1, 0, early(back));
        }
        if got == size {
            self.send_content(conn, key + 1, early(back), back);
        }
    }

    /// A stream's end, unasked.
    pub fn stream_ended(&mut self, payload: &[u8]) -> Result<(), String> {
        let conn = number(payload);
        let Some(stream) = self.streams.remove(&conn) else {
            return Err(format!("the end of stream {conn}, which is unknown"));
        };
        if stream.got == stream.size {
            return Ok(());
        }
        let explained = stream
            .partner
            .is_some_and(|(partner, generation)| match stream.far {
                Far::Dialler(_) => {
                    let now = self.world.clients[partner].leaving.load(SeqCst);
                    now % GENERATIONS != generation
                }
                _ => self.world.has_left_since(partner, generation),
            });
        if !explained {
            let (got, size) = (stream.got, stream.size);
            return Err(format!(
                "stream {conn} ended after {got} of {size} bytes, and nobody left: {stream:?}"
            ));
        }
        self.world.note("streams cut by a client that left", 1);
        Ok(())
    }

    /// Dials a peer's service; the stream's id.
    pub fn dial_peer(&mut self, node: u32, to: u16, stream: Stream) -> Result<u32, String> {
        let late = node == peer(self.me, 1);
        let ask = if late { Client::ask_late } else { Client::ask };
        let payload = destination(0, node, to);
        ask(
            self,
            "dial",
            0x03,
            &[&payload],
            Want::Dialled(Box::new(stream)),
        );
        self.settle()?;
        self.dialled
            .pop()
            .ok_or_else(|| "no stream was dialled".to_owned())
    }

    /// Closes a stream on which all has come, and waits for both answers.
    pub fn close(&mut self, conn: u32) -> Result<(), String> {
        self.ask("close", 0x08, &[&conn.to_be_bytes()], Want::Closed(conn));
        self.settle()?;
        self.wait_until("end of a stream", |me| !me.streams.contains_key(&conn))
    }

    /// What is sent to an echo comes back.
    pub fn echo(&mut self) -> Result<(), String> {
        let size = match self.random.below(100) {
            0 => (1 << 20) - self.random.below(10),
            1..5 => self.random.below(1 << 17),
            _ => 1 + self.random.below(4096),
        };
        let key = self.random.below(1 << 20);
        let (node, to) = match self.random.below(4) {
            0 => (peer(self.me, 1), 7),
            1 => (peer(self.me, 0), 80),
            _ => (peer(self.me, 0), 7),
        };
        let conn = self.dial_peer(node, to, Stream::of(Far::Bytes(Vec::new(), key), size))?;
        self.send_content(conn, key, 0, size);
        self.wait_for_all(conn)?;
        self.world.note("bytes echoed", size as u64);
        self.close(conn)
    }

    pub fn wait_for_all(&mut self, conn: u32) -> Result<(), String> {
        self.wait_until("rest of a stream", |me| {
            me.streams
                .get(&conn)
                .is_none_or(|stream| stream.got == stream.size)
        })
    }

    /// Dials another client, and data goes both ways.
    pub fn join(&mut self) -> Result<(), String> {
        let Some(conn) = self.dial_client()? else {
            self.world.note("dials of a client that had left", 1);
            return Ok(());
        };
        self.wait_for_all(conn)?;
        if self.streams.contains_key(&conn) {
            return self.close(conn);
        }
        Ok(())
    }

    /// Dials another client and sends all it has to say; nothing when the other has left.
    pub fn dial_client(&mut self) -> Result<Option<u32>, String> {
        let other = self.random.below(super::plan::CLIENTS - 1);
        let size = match self.random.below(40) {
            0 => 1 << 18,
            1..4 => 1 << 15,
            _ => 2048,
        };
        let (out, back) = (self.random.below(size), 1 + self.random.below(size));
        let key = self.random.below((1 << 20) - 1);
        let mut header = [&MAGIC[..], &[0, self.me as u8]].concat();
        for word in [out, back, key] {
            header.extend_from_slice(&(word as u32).to_be_bytes());
        }
        let returned = self.world.clients[other].returned.load(SeqCst);
        let mut stream = Stream::of(Far::Answer(header.clone(), key + 1), back);
        stream.partner = Some((other, returned));
        let network = MARK | (self.me as u16) << 11 | (self.generation % GENERATIONS) as u16;
        let payload = destination(network, OWN, port(other));
        let mut want = vec![Want::Dialled(Box::new(stream))];
        want.push(Want::error("connection refused"));
        self.ask("dial", 0x03, &[&payload], Want::Either(want));
        self.settle()?;
        let Some(conn) = self.dialled.pop() else {
            let explained = !self.world.lenient && self.world.has_left_since(other, returned);
            return match explained {
                true => Ok(None),
                false => Err(format!("client {other} was there and refused a dial")),
            };
        };
        self.send_on(conn, &header);
        self.send_content(conn, key, 0, out);
        self.world
            .note("bytes between clients", (out + back) as u64);
        Ok(Some(conn))
    }
}

/// Where a dial or a datagram goes.
pub fn destination(network: u16, node: u32, port: u16) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..2].copy_from_slice(&network.to_be_bytes());
    bytes[2..6].copy_from_slice(&node.to_be_bytes());
    bytes[6..].copy_from_slice(&port.to_be_bytes());
    bytes
}
