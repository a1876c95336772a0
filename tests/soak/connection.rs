//! A socket of a client that never stops reading while it writes.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long a write waits for room before what has come is read.
const FULL: Duration = Duration::from_millis(2);

pub struct Connection {
    stream: UnixStream,
    out: Vec<u8>,
    written: usize,
    patience: Duration,
    /// Bytes that have come and are no whole frame yet.
    pub input: Vec<u8>,
    pub ended: bool,
}

impl Connection {
    pub fn open(path: &Path) -> Result<Connection, String> {
        let failed = |error| format!("connect {}: {error}", path.display());
        let stream = UnixStream::connect(path).map_err(failed)?;
        stream.set_write_timeout(Some(FULL)).map_err(failed)?;
        Ok(Connection {
            stream,
            out: Vec::new(),
            written: 0,
            patience: Duration::ZERO,
            input: Vec::new(),
            ended: false,
        })
    }

    /// Adds a frame to what is to be written.
    pub fn add(&mut self, code: u8, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        self.out
            .extend_from_slice(&(length as u32 + 1).to_be_bytes());
        self.out.push(code);
        for part in parts {
            self.out.extend_from_slice(part);
        }
    }

    pub fn add_raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub fn has_written(&self) -> bool {
        self.out.is_empty()
    }

    /// Writes what waits as far as there is room, and reads what comes within `patience`.
    pub fn exchange(&mut self, patience: Duration) -> Result<(), String> {
        let blocked = self.write()?;
        self.read(if blocked { FULL } else { patience })
    }

    /// True when something is left to write.
    pub fn write(&mut self) -> Result<bool, String> {
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => return Ok(true),
                    ErrorKind::Interrupted => {}
                    _ => return Err(format!("write: {error}")),
                },
            }
        }
        self.out.clear();
        self.out.shrink_to(1 << 16);
        self.written = 0;
        Ok(false)
    }

    fn read(&mut self, patience: Duration) -> Result<(), String> {
        if patience != self.patience {
            let set = self.stream.set_read_timeout(Some(patience));
            set.map_err(|error| format!("set a time-out: {error}"))?;
            self.patience = patience;
        }
        let mut piece = [0; 64 * 1024];
        match self.stream.read(&mut piece) {
            Ok(0) => self.ended = true,
            Ok(count) => self.input.extend_from_slice(&piece[..count]),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                ErrorKind::ConnectionReset => self.ended = true,
                _ => return Err(format!("read: {error}")),
            },
        }
        Ok(())
    }

    pub fn shutdown_write(&self) -> Result<(), String> {
        let ended = self.stream.shutdown(Shutdown::Write);
        ended.map_err(|error| format!("shutdown: {error}"))
    }
}
