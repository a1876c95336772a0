//! Sockets in memory under the checker: a stream that takes no more than it has room for, and a
//! listener that a shutdown wakes.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{Condvar, Mutex, MutexGuard};

/// Bytes that wait in one direction of a stream, at most.
const ROOM: usize = 1 << 16;

/// One direction of a stream.
#[derive(Debug, Default)]
struct Way {
    bytes: VecDeque<u8>,
    room: usize,
    /// Nothing more is written, or read, at its ends.
    unwritten: bool,
    unread: bool,
}

#[derive(Debug, Default)]
struct Pair {
    ways: Mutex<[Way; 2]>,
    changed: Condvar,
}

impl Pair {
    fn hold(&self) -> MutexGuard<'_, [Way; 2]> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One end, which writes the way of its number.
#[derive(Debug)]
struct End {
    pair: Arc<Pair>,
    number: usize,
    write_timeout: Mutex<Option<Duration>>,
}

impl End {
    fn new(pair: &Arc<Pair>, number: usize) -> UnixStream {
        let pair = Arc::clone(pair);
        let write_timeout = Mutex::default();
        UnixStream(Inner::Stream(End {
            pair,
            number,
            write_timeout,
        }))
    }

    fn shutdown(&self, how: Shutdown) {
        let mut ways = self.pair.hold();
        if how != Shutdown::Read {
            ways[self.number].unwritten = true;
        }
        if how != Shutdown::Write {
            ways[1 - self.number].unread = true;
        }
        drop(ways);
        self.pair.changed.notify_all();
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.shutdown(Shutdown::Both);
        }
    }
}

#[derive(Debug)]
enum Inner {
    Stream(End),
    Listening(Arc<Backlog>),
}

#[derive(Debug)]
pub struct UnixStream(Inner);

impl UnixStream {
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        Ok(UnixStream::pair_with_room(ROOM))
    }

    /// A pair that takes so many bytes in each direction before it blocks.
    pub(crate) fn pair_with_room(room: usize) -> (UnixStream, UnixStream) {
        let pair: Arc<Pair> = Arc::default();
        for way in pair.hold().iter_mut() {
            way.room = room;
        }
        (End::new(&pair, 0), End::new(&pair, 1))
    }

    /// # Errors
    /// Always: nothing has a name here.
    pub fn connect(_: impl AsRef<Path>) -> io::Result<UnixStream> {
        Err(ErrorKind::Unsupported.into())
    }

    /// # Errors
    /// Always: nothing has a name here.
    pub fn connect_addr(_: &SocketAddr) -> io::Result<UnixStream> {
        Err(ErrorKind::Unsupported.into())
    }

    pub fn set_nonblocking(&self, _: bool) -> io::Result<()> {
        Ok(())
    }

    pub fn set_write_timeout(&self, patience: Option<Duration>) -> io::Result<()> {
        if let Inner::Stream(end) = &self.0 {
            let mut own = end
                .write_timeout
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *own = patience;
        }
        Ok(())
    }

    pub fn set_read_timeout(&self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match &self.0 {
            Inner::Stream(end) => end.shutdown(how),
            Inner::Listening(backlog) => {
                let mut state = backlog.hold();
                state.1 = true;
                state.0.clear();
                drop(state);
                backlog.changed.notify_all();
            }
        }
        Ok(())
    }

    fn end(&self) -> io::Result<&End> {
        match &self.0 {
            Inner::Stream(end) => Ok(end),
            Inner::Listening(_) => Err(ErrorKind::InvalidInput.into()),
        }
    }
}

impl Write for &UnixStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = self.end()?;
        let patience = *end
            .write_timeout
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut ways = end.pair.hold();
        loop {
            let way = &mut ways[end.number];
            if way.unwritten || way.unread {
                return Err(ErrorKind::BrokenPipe.into());
            }
            let taken = bytes.len().min(way.room - way.bytes.len());
            if taken > 0 || bytes.is_empty() {
                way.bytes.extend(&bytes[..taken]);
                drop(ways);
                if taken > 0 {
                    end.pair.changed.notify_all();
                }
                return Ok(taken);
            }
            let Some(patience) = patience else {
                ways = end.pair.changed.wait(ways).unwrap();
                continue;
            };
            let (woken, over) = end.pair.changed.wait_timeout(ways, patience).unwrap();
            if over.timed_out() {
                return Err(ErrorKind::WouldBlock.into());
            }
            ways = woken;
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for &UnixStream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let end = self.end()?;
        let mut ways = end.pair.hold();
        loop {
            let way = &mut ways[1 - end.number];
            let count = way.bytes.len().min(into.len());
            if count > 0 || way.unwritten || way.unread {
                for (at, byte) in into.iter_mut().zip(way.bytes.drain(..count)) {
                    *at = byte;
                }
                drop(ways);
                if count > 0 {
                    end.pair.changed.notify_all();
                }
                return Ok(count);
            }
            ways = end.pair.changed.wait(ways).unwrap();
        }
    }
}

impl Read for UnixStream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        (&*self).read(into)
    }
}

impl Write for UnixStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Clients that nobody has accepted, and whether the listener was shut down.
#[derive(Debug, Default)]
struct Backlog {
    state: Mutex<(VecDeque<UnixStream>, bool)>,
    changed: Condvar,
}

impl Backlog {
    fn hold(&self) -> MutexGuard<'_, (VecDeque<UnixStream>, bool)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub struct UnixListener(Arc<Backlog>);

impl UnixListener {
    /// A listener without a name.
    pub(crate) fn nameless() -> UnixListener {
        UnixListener(Arc::default())
    }

    /// Connects; `None` when it is refused.
    pub(crate) fn client(&self) -> Option<UnixStream> {
        let (near, far) = UnixStream::pair_with_room(ROOM);
        let mut state = self.0.hold();
        if state.1 {
            return None;
        }
        state.0.push_back(near);
        drop(state);
        self.0.changed.notify_all();
        Some(far)
    }

    /// # Errors
    /// Always: nothing has a name here.
    pub fn bind(_: impl AsRef<Path>) -> io::Result<UnixListener> {
        Err(ErrorKind::Unsupported.into())
    }

    /// # Errors
    /// When it was shut down.
    pub fn accept(&self) -> io::Result<(UnixStream, ())> {
        let mut state = self.0.hold();
        loop {
            if state.1 {
                // EINVAL, as the system says of one that does not listen any more.
                return Err(io::Error::from_raw_os_error(22));
            }
            if let Some(client) = state.0.pop_front() {
                return Ok((client, ()));
            }
            state = self.0.changed.wait(state).unwrap();
        }
    }

    pub fn try_clone(&self) -> io::Result<UnixListener> {
        Ok(UnixListener(Arc::clone(&self.0)))
    }

    pub fn set_nonblocking(&self, _: bool) -> io::Result<()> {
        Ok(())
    }

    /// # Errors
    /// Always: nothing has a name here.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Err(ErrorKind::Unsupported.into())
    }
}

impl From<OwnedFd> for UnixListener {
    fn from(_: OwnedFd) -> UnixListener {
        UnixListener::nameless()
    }
}

impl AsFd for UnixListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        unreachable!("no descriptor is behind a checked listener")
    }
}

pub fn as_stream(listener: UnixListener) -> UnixStream {
    UnixStream(Inner::Listening(listener.0))
}
