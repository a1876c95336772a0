//! A hub and clients that talk to it in the protocol's frames.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use crate::daemon::hub::Hub;
use crate::daemon::limits::Limits;
use crate::daemon::steering::Steering;
use crate::daemon::{Hooks, Setup, session};
use crate::log::Log;
use crate::scenario::{Push, PushKind, To};
use crate::threads::{Instant, UnixStream};

pub const HEALTH: u8 = 0x21;
pub const HEALTH_OK: u8 = 0x22;
pub const SEND: u8 = 0x06;
pub const RECV: u8 = 0x07;
pub const CLOSE: u8 = 0x08;
pub const CLOSE_OK: u8 = 0x09;
pub const PORT: u8 = 80;

/// What a stop has, and its grace.
pub const STOP: [Duration; 2] = [Duration::from_millis(80), Duration::from_millis(20)];

/// Limits under which no client is dropped, however early a time-out comes.
pub fn patient() -> Limits {
    Limits {
        write_timeout: Duration::from_secs(1000),
        ..Limits::default()
    }
}

pub fn hub(limits: Limits, hooks: Hooks) -> Arc<Hub> {
    let hub = Arc::new(Hub::new(Setup::default(), limits, Log::none(), hooks));
    hub.start_timer(|| {}).unwrap();
    hub
}

pub fn stop(hub: &Hub) {
    hub.stop(Instant::now() + STOP[0], STOP[1]);
}

/// Pushes a frame 77 with a number to all clients.
pub fn push(hub: &Arc<Hub>, number: u8) -> usize {
    let kind = PushKind::Raw {
        command: 0x77,
        data: Arc::from([number]),
    };
    let push = Push {
        place: None,
        after: Duration::ZERO,
        to: Some(To::All),
        kind,
    };
    Steering::new(Arc::clone(hub)).push(&[push])
}

/// A client's end.
pub struct Client {
    pub stream: UnixStream,
    bytes: Vec<u8>,
}

pub type Frame = (u8, Vec<u8>);

impl Client {
    /// A client whose stream takes so many bytes.
    pub fn join(hub: &Arc<Hub>, room: usize) -> Client {
        let (near, far) = UnixStream::pair_with_room(room);
        if let Some(admitted) = hub.admit(near) {
            session::start(hub, admitted).unwrap();
        }
        Client::over(far)
    }

    pub fn over(stream: UnixStream) -> Client {
        let bytes = Vec::new();
        Client { stream, bytes }
    }

    pub fn send(&self, code: u8, payload: &[u8]) {
        let mut frame = (payload.len() as u32 + 1).to_be_bytes().to_vec();
        frame.push(code);
        frame.extend_from_slice(payload);
        // The daemon may end meanwhile.
        let _ = (&self.stream).write_all(&frame);
    }

    /// The next frame; `None` at the end, which must be between two frames unless it is cut off.
    pub fn receive(&mut self) -> Option<Frame> {
        loop {
            if let Some((prefix, rest)) = self.bytes.split_first_chunk::<4>() {
                let length = u32::from_be_bytes(*prefix) as usize;
                assert!((1..100_000).contains(&length), "a frame of {length} bytes");
                if let Some(body) = rest.get(..length) {
                    let frame = (body[0], body[1..].to_vec());
                    self.bytes.drain(..4 + length);
                    return Some(frame);
                }
            }
            let mut piece = [0; 256];
            match (&self.stream).read(&mut piece).unwrap() {
                0 => return None,
                count => self.bytes.extend_from_slice(&piece[..count]),
            }
        }
    }

    pub fn expect(&mut self, code: u8) -> Vec<u8> {
        let (got, payload) = self.receive().expect("a frame");
        assert_eq!(got, code, "{payload:02x?}");
        payload
    }

    pub fn call(&mut self, code: u8, payload: &[u8]) -> Vec<u8> {
        self.send(code, payload);
        self.expect(code + 1)
    }

    /// Everything that comes before the reply to a last request.
    pub fn quiet(&mut self) -> Vec<Frame> {
        self.send(HEALTH, &[]);
        let frames = std::iter::from_fn(|| self.receive());
        frames.take_while(|(code, _)| *code != HEALTH_OK).collect()
    }

    /// Everything up to the end, and how many bytes of a frame were cut off by it.
    pub fn rest(&mut self) -> (Vec<Frame>, usize) {
        let frames = std::iter::from_fn(|| self.receive()).collect();
        (frames, self.bytes.len())
    }
}

/// Two clients joined by a stream, and its ids: the first has dialled, the second accepted.
pub fn joined(hub: &Arc<Hub>, rooms: [usize; 2]) -> [(Client, Vec<u8>); 2] {
    let [mut dialler, mut listener] = rooms.map(|room| Client::join(hub, room));
    listener.call(0x01, &[0, PORT]);
    let near = dialler.call(0x03, &[0, 0, 0x12, 0x34, 0x56, 0x78, 0, PORT]);
    let far = listener.expect(0x05)[2..6].to_vec();
    [(dialler, near), (listener, far)]
}

/// The payloads of the frames of a kind.
pub fn of(frames: &[Frame], code: u8) -> Vec<&[u8]> {
    let of = frames.iter().filter(|(of, _)| *of == code);
    of.map(|(_, payload)| payload.as_slice()).collect()
}

/// How many streams are open.
pub fn open_streams(hub: &Arc<Hub>) -> usize {
    let state = Steering::new(Arc::clone(hub)).state();
    let listed = state["streams"].as_array().expect("a list of streams");
    listed
        .iter()
        .filter(|one| one["state"] == "ESTABLISHED")
        .count()
}
