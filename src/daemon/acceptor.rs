//! The accept loop: it outlives a full descriptor table and ends when another thread says so.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::os::unix::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::endpoint::Endpoint;
use super::hold;
use crate::clause::clause;
use crate::threads::{self, Condvar, Instant, Mutex, UnixListener, UnixStream};

/// Stack of a thread that only connects, in bytes.
const STACK: usize = 64 * 1024;

/// How long to leave the system alone where trying again at once would fail again.
const PAUSE: Duration = Duration::from_millis(50);

/// Troubles of one kind that are less than this apart are one burst, and get one warning.
const BURST_GAP: Duration = Duration::from_secs(1);

const EMFILE: i32 = 24;
const ENFILE: i32 = 23;
const EBADF: i32 = 9;
const EINVAL: i32 = 22;
const ENOTSOCK: i32 = if cfg!(target_os = "linux") { 88 } else { 38 };

/// Accepts clients until it is stopped.
#[derive(Debug)]
pub struct Acceptor {
    listener: Arc<UnixListener>,
    waker: Waker,
    /// A client that was accepted before us.
    early: Mutex<Option<UnixStream>>,
    /// Given up to accept and close a client that there is no descriptor for.
    spare: Mutex<Option<File>>,
    stopping: Mutex<bool>,
    stopped: Condvar,
}

/// What ends a blocked accept.
#[derive(Debug)]
enum Waker {
    /// The listening socket once more, as the type that can be shut down; made beforehand, since a
    /// stop may come when no descriptor is left.
    Shutdown(UnixStream),
    /// A shutdown would hit every process that listens on the socket, so the daemon becomes its own
    /// last client. Where that fails, the name being gone, the thread stays blocked until the process
    /// ends. A time-out on the socket instead would be every listener's, and take a client away from
    /// them in each of its rounds.
    Connect(SocketAddr),
}

impl Acceptor {
    /// An acceptor for the endpoint's listener. One of our own is shut down by [`Acceptor::stop`], so
    /// that later connects are refused; an inherited one goes on listening for the others that have it.
    ///
    /// # Errors
    ///
    /// When the socket cannot be duplicated: the process is out of descriptors.
    pub fn of(endpoint: &Endpoint) -> io::Result<Acceptor> {
        let listener = Arc::clone(endpoint.listener());
        let Some(inherited) = endpoint.inherited() else {
            return Acceptor::new(listener);
        };
        let waker = Waker::Connect(inherited.address.clone());
        let early = hold(&inherited.early).take();
        Ok(Acceptor::waking(listener, waker, early))
    }

    pub(super) fn new(listener: Arc<UnixListener>) -> io::Result<Acceptor> {
        let copy = threads::as_stream(listener.try_clone()?);
        Ok(Acceptor::waking(listener, Waker::Shutdown(copy), None))
    }

    fn waking(listener: Arc<UnixListener>, waker: Waker, early: Option<UnixStream>) -> Acceptor {
        Acceptor {
            listener,
            waker,
            early: Mutex::new(early),
            spare: Mutex::new(take_spare()),
            stopping: Mutex::new(false),
            stopped: Condvar::new(),
        }
    }

    /// Hands each client to `serve` until [`Acceptor::stop`] is called. A client for which there is no
    /// descriptor is accepted and closed, and one that `serve` has no thread for is closed by it; `warn`
    /// gets one line for each burst of trouble.
    ///
    /// # Errors
    ///
    /// When the listener is unfit to accept from: closed, or not listening.
    pub fn run(
        &self,
        mut warn: impl FnMut(&str),
        mut serve: impl FnMut(UnixStream) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut out_of_descriptors = Burst::default();
        let mut out_of_threads = Burst::default();
        let mut other_trouble = Burst::default();
        let mut early = hold(&self.early).take();
        while !*hold(&self.stopping) {
            let accepted = match early.take() {
                Some(client) => Ok(Accepted::Client(client)),
                None => self.accept(),
            };
            match accepted {
                // Whoever was let in while the stop came in gets an end-of-file.
                Ok(_) if *hold(&self.stopping) => {}
                Ok(Accepted::Client(client)) => {
                    if serve(client).is_err() && out_of_threads.begins() {
                        warn("out of threads: new clients are closed at once");
                    }
                }
                Ok(Accepted::Refused) => {
                    if out_of_descriptors.begins() {
                        warn("out of descriptors: new clients are closed at once");
                    }
                }
                Ok(Accepted::Nobody) => {
                    if out_of_descriptors.begins() {
                        warn("out of descriptors: new clients have to wait");
                    }
                    self.pause();
                }
                Err(_) if *hold(&self.stopping) => {}
                Err(error) => match verdict(&error) {
                    Verdict::Again => {}
                    Verdict::Later => {
                        if other_trouble.begins() {
                            warn(&format!("cannot accept a client: {}", clause(&error)));
                        }
                        self.pause();
                    }
                    Verdict::Never => return Err(error),
                },
            }
        }
        Ok(())
    }

    /// Makes [`Acceptor::run`] return, at once where it waits for a client. Repeatable, from any thread.
    pub fn stop(&self) {
        if std::mem::replace(&mut *hold(&self.stopping), true) {
            return;
        }
        self.stopped.notify_all();
        match &self.waker {
            Waker::Shutdown(listener) => {
                let _ = listener.shutdown(Shutdown::Both);
            }
            Waker::Connect(address) => {
                let address = address.clone();
                // In a thread: connect waits for room in a full backlog.
                let connect = move || drop(UnixStream::connect_addr(&address));
                let _ = threads::start("wake", STACK, Box::new(connect));
            }
        }
    }

    fn accept(&self) -> io::Result<Accepted> {
        let accepted = match self.listener.accept() {
            // Somebody who has the socket too made it so.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.listener.set_nonblocking(false)?;
                self.listener.accept()
            }
            accepted => accepted,
        };
        let mut spare = hold(&self.spare);
        match accepted {
            Ok((client, _)) => {
                if spare.is_none() {
                    *spare = take_spare();
                }
                return Ok(Accepted::Client(client));
            }
            Err(error) if !is_exhaustion(&error) => return Err(error),
            Err(_) => {}
        }
        if spare.take().is_none() {
            *spare = take_spare();
            // With a spare again the next round is the one that can do something.
            return Ok(Accepted::Nobody);
        }
        // The system fails before it looks for a client, so this may wait for one for long. If there
        // is room by then the client is served after all.
        let accepted = self.listener.accept();
        *spare = take_spare();
        match accepted {
            Ok((client, _)) if spare.is_some() => Ok(Accepted::Client(client)),
            Ok((client, _)) => {
                drop(client);
                *spare = take_spare();
                Ok(Accepted::Refused)
            }
            Err(error) if is_exhaustion(&error) => Ok(Accepted::Nobody),
            Err(error) => Err(error),
        }
    }

    /// Waits a little, or until the stop.
    fn pause(&self) {
        let stopping = hold(&self.stopping);
        let _ = self
            .stopped
            .wait_timeout_while(stopping, PAUSE, |stopping| !*stopping);
    }
}

/// What one accept came to.
enum Accepted {
    Client(UnixStream),
    /// A client came and was closed for want of a descriptor.
    Refused,
    /// Not even that could be done.
    Nobody,
}

/// When to call accept again after a failure.
#[derive(Debug, PartialEq)]
enum Verdict {
    Again,
    Later,
    Never,
}

fn verdict(error: &io::Error) -> Verdict {
    match (error.kind(), error.raw_os_error()) {
        (ErrorKind::Interrupted | ErrorKind::ConnectionAborted, _) => Verdict::Again,
        (ErrorKind::Unsupported, _) | (_, Some(EBADF | EINVAL | ENOTSOCK)) => Verdict::Never,
        _ => Verdict::Later,
    }
}

fn is_exhaustion(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
}

/// A descriptor on the one thing that even an empty chroot has.
fn take_spare() -> Option<File> {
    File::open("/").ok()
}

/// Tells the first trouble of a burst from the others.
#[derive(Default)]
struct Burst {
    last: Option<Instant>,
}

impl Burst {
    fn begins(&mut self) -> bool {
        self.begins_at(Instant::now())
    }

    fn begins_at(&mut self, now: Instant) -> bool {
        let last = self.last.replace(now);
        last.is_none_or(|last| now.duration_since(last) > BURST_GAP)
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests;
