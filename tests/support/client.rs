//! A client that knows frames and nothing else.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use super::DEADLINE;

const HEALTH: u8 = 0x21;
const HEALTH_OK: u8 = 0x22;
const ERROR: u8 = 0x0A;

/// One end of a connection to the daemon.
pub struct Client {
    stream: UnixStream,
    buffer: Vec<u8>,
}

/// What became of an attempt to read one frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// A frame: command byte and payload.
    Frame(u8, Vec<u8>),
    /// The daemon has closed the connection between two frames.
    Eof,
    /// The daemon has closed it after these bytes of a frame.
    Cut(Vec<u8>),
    /// The daemon has reset it.
    Reset,
    /// Nothing more came in time.
    Timeout,
}

impl Client {
    pub fn connect(path: &Path) -> Client {
        let stream = UnixStream::connect(path)
            .unwrap_or_else(|error| panic!("connect {}: {error}", path.display()));
        Client::over(stream)
    }

    pub fn over(stream: UnixStream) -> Client {
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        Client {
            stream,
            buffer: Vec::new(),
        }
    }

    /// The bytes of one frame.
    pub fn frame(code: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = (payload.len() as u32 + 1).to_be_bytes().to_vec();
        bytes.push(code);
        bytes.extend_from_slice(payload);
        bytes
    }

    pub fn send(&mut self, code: u8, payload: &[u8]) {
        self.send_raw(&Client::frame(code, payload));
    }

    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.stream
            .write_all(bytes)
            .unwrap_or_else(|error| panic!("write of {} bytes: {error}", bytes.len()));
    }

    /// The next frame, end, or silence until `end`.
    pub fn receive(&mut self, end: Instant) -> Received {
        loop {
            if let Some((code, payload)) = self.take_frame() {
                return Received::Frame(code, payload);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Received::Timeout;
            }
            self.stream.set_read_timeout(Some(left)).unwrap();
            let mut piece = [0; 64 * 1024];
            match self.stream.read(&mut piece) {
                Ok(0) if self.buffer.is_empty() => return Received::Eof,
                Ok(0) => return Received::Cut(std::mem::take(&mut self.buffer)),
                Ok(count) => self.buffer.extend_from_slice(&piece[..count]),
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut => {}
                    ErrorKind::ConnectionReset => return Received::Reset,
                    _ => panic!("read: {error}"),
                },
            }
        }
    }

    fn take_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let (code, payload, rest) = first_frame(&self.buffer)?;
        let (frame, left) = ((code, payload.to_vec()), rest.len());
        self.buffer.drain(..self.buffer.len() - left);
        Some(frame)
    }

    /// The next frame.
    pub fn recv(&mut self) -> (u8, Vec<u8>) {
        match self.receive(Instant::now() + DEADLINE) {
            Received::Frame(code, payload) => (code, payload),
            other => panic!("expected a frame, got {other:?}"),
        }
    }

    /// The next frame if one comes within `patience`. To prove silence use [`quiet`](Client::quiet).
    pub fn try_recv(&mut self, patience: Duration) -> Option<(u8, Vec<u8>)> {
        match self.receive(Instant::now() + patience) {
            Received::Frame(code, payload) => Some((code, payload)),
            Received::Timeout => None,
            other => panic!("expected a frame or silence, got {other:?}"),
        }
    }

    /// Nothing more comes, and the connection ends between two frames.
    pub fn recv_eof(&mut self) {
        let received = self.receive(Instant::now() + DEADLINE);
        assert_eq!(received, Received::Eof);
    }

    /// The payload of the next frame, which must have this command byte.
    pub fn expect(&mut self, code: u8) -> Vec<u8> {
        let (got, payload) = self.recv();
        assert_eq!(
            got,
            code,
            "expected a frame {code:#04x}, got {got:#04x}: {}",
            readable(got, &payload)
        );
        payload
    }

    /// Sends a request and gives the next frame.
    pub fn call(&mut self, code: u8, payload: &[u8]) -> (u8, Vec<u8>) {
        self.send(code, payload);
        self.recv()
    }

    /// Sends a request; the reply must have the request's own reply byte. Its payload.
    pub fn call_ok(&mut self, code: u8, payload: &[u8]) -> Vec<u8> {
        self.send(code, payload);
        self.expect(code + 1)
    }

    /// Sends a request whose reply is JSON.
    pub fn call_json(&mut self, code: u8, payload: &[u8]) -> serde_json::Value {
        let payload = self.call_ok(code, payload);
        serde_json::from_slice(&payload)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&payload)))
    }

    /// Sends a request whose reply must be an error. Its text.
    pub fn error_text(&mut self, code: u8, payload: &[u8]) -> String {
        self.send(code, payload);
        error_of(&self.expect(ERROR))
    }

    /// A barrier: asks for Health and gives everything that came before its reply. What has not come
    /// by then was not caused by any earlier request of this client, so silence needs no waiting.
    pub fn quiet(&mut self) -> Vec<(u8, Vec<u8>)> {
        self.send(HEALTH, &[]);
        let mut before = Vec::new();
        loop {
            match self.recv() {
                (HEALTH_OK, _) => return before,
                frame => before.push(frame),
            }
        }
    }

    /// Ends the writing side only.
    pub fn shutdown_write(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    pub fn stream(&self) -> &UnixStream {
        &self.stream
    }
}

/// The first frame of `bytes`, once it is whole: its command byte, its payload, and what is behind it.
pub fn first_frame(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (prefix, rest) = bytes.split_first_chunk()?;
    let length = u32::from_be_bytes(*prefix) as usize;
    assert!(
        (1..=1 << 20).contains(&length),
        "a frame of length {length}: {:02x?}",
        &bytes[..bytes.len().min(32)]
    );
    let (frame, behind) = rest.split_at_checked(length)?;
    Some((frame[0], &frame[1..], behind))
}

/// The text of an error frame's payload.
pub fn error_of(payload: &[u8]) -> String {
    assert_eq!(payload.get(..2), Some(&[0, 1][..]), "an error of code 1");
    String::from_utf8(payload[2..].to_vec()).expect("the text is UTF-8")
}

fn readable(code: u8, payload: &[u8]) -> String {
    let text = if code == ERROR && payload.len() >= 2 {
        &payload[2..]
    } else {
        payload
    };
    String::from_utf8_lossy(&text[..text.len().min(200)]).into_owned()
}
