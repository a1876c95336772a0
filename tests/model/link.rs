//! Sockets: a client's frames, and the control socket's lines.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::{Value, json};

use super::codec::{Frame, append, split};
use crate::support::DEADLINE;

const HEALTH: u8 = 0x21;
const HEALTH_OK: u8 = 0x22;

const END: &str = "the end of the connection";

/// One client's connection.
pub struct Link {
    stream: UnixStream,
    waiting: Vec<u8>,
    read: Vec<u8>,
    taken: usize,
    writes: usize,
}

impl Link {
    pub fn connect(path: &Path) -> Result<Link, String> {
        let stream = UnixStream::connect(path).map_err(|error| format!("connect: {error}"))?;
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        Ok(Link {
            stream,
            waiting: Vec::new(),
            read: Vec::new(),
            taken: 0,
            writes: 0,
        })
    }

    /// Adds a frame to the next write.
    pub fn add(&mut self, code: u8, payload: &[u8]) {
        append(&mut self.waiting, code, payload);
    }

    /// Adds the request whose answer shows that all before it was served.
    pub fn add_barrier(&mut self) {
        self.add(HEALTH, &[]);
    }

    /// Adds a frame of length 0.
    pub fn add_empty(&mut self) {
        self.waiting.extend([0; 4]);
    }

    /// Writes what was added; now and then in pieces, which end where they will.
    pub fn write(&mut self) -> Result<(), String> {
        self.writes += 1;
        let piece = match self.writes % 8 {
            0 => self.waiting.len().div_ceil(3),
            _ => self.waiting.len(),
        };
        let mut pieces = self.waiting.chunks(piece.max(1));
        let written = pieces.try_for_each(|piece| self.stream.write_all(piece));
        self.waiting.clear();
        written.map_err(|error| format!("write: {error}"))
    }

    /// Writes the beginning of a frame.
    pub fn write_cut(&mut self) -> Result<(), String> {
        self.waiting.extend([0, 0, 0, 9, 0x03, 0]);
        self.write()
    }

    /// Writes the length of a frame that is a byte too long, which ends the connection.
    pub fn write_over(&mut self) -> Result<(), String> {
        self.waiting.extend([0, 0x10, 0, 1]);
        self.write()?;
        self.end()
    }

    /// Ends the own side, and then the daemon ends the other.
    pub fn end_own_side(&mut self) -> Result<(), String> {
        let ended = self.stream.shutdown(Shutdown::Write);
        ended.map_err(|error| format!("shutdown: {error}"))?;
        self.end()
    }

    /// Waits for the end of the connection, before which nothing comes.
    fn end(&mut self) -> Result<(), String> {
        match self.frame() {
            Err(text) if text == END => Ok(()),
            got => Err(format!("expected {END}, got {got:?}")),
        }
    }

    pub fn frame(&mut self) -> Result<Frame, String> {
        loop {
            if let Some((code, payload, length)) = split(&self.read[self.taken..]) {
                let frame = (code, payload.to_vec());
                self.taken += length;
                return Ok(frame);
            }
            self.read.drain(..self.taken);
            self.taken = 0;
            let mut piece = [0; 16 * 1024];
            match self.stream.read(&mut piece) {
                Ok(0) => return Err(END.to_owned()),
                Ok(count) => self.read.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(format!("nothing: {error}")),
            }
        }
    }

    /// All frames up to the barrier's answer, which is the so-manieth answer to health, and its body.
    pub fn up_to_barrier(&mut self, nth: usize) -> Result<(Vec<Frame>, Vec<u8>), String> {
        let (mut frames, mut seen) = (Vec::new(), 0);
        loop {
            let (code, payload) = self.frame()?;
            seen += usize::from(code == HEALTH_OK);
            if seen == nth {
                return Ok((frames, payload));
            }
            frames.push((code, payload));
        }
    }
}

/// The connection to the control socket.
pub struct Control(BufReader<UnixStream>);

impl Control {
    pub fn connect(path: &Path) -> Control {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Control(BufReader::new(stream))
    }

    pub fn ask(&mut self, verb: &str, keys: &[(&str, Value)]) -> Result<Value, String> {
        let mut request = json!({"verb": verb});
        for (key, value) in keys {
            request[key] = value.clone();
        }
        let line = format!("{request}\n");
        self.0
            .get_mut()
            .write_all(line.as_bytes())
            .map_err(|error| format!("{verb}: {error}"))?;
        let mut line = String::new();
        self.0
            .read_line(&mut line)
            .map_err(|error| format!("{verb}: {error}"))?;
        let answer: Value =
            serde_json::from_str(&line).map_err(|error| format!("{verb}: {error}: {line:?}"))?;
        if answer["ok"] != true {
            return Err(format!("{verb}: {line}"));
        }
        Ok(answer)
    }
}
