//! The control socket's server: a thread for each of its clients.

use std::io;
use std::net::Shutdown;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use super::connection::Connection;
use super::verbs::{TABLE, Verb};
use crate::clause::clause;
use crate::daemon::acceptor::Acceptor;
use crate::daemon::ending::Ender;
use crate::daemon::endpoint::Endpoint;
use crate::daemon::{Daemon, Steering, hold};
use crate::log::Log;
use crate::threads::{self, Instant, JoinHandle, Mutex, UnixStream};

/// Stack of a thread that accepts or serves clients, in bytes.
const STACK: usize = 256 * 1024;

/// A control socket that is served until it is stopped.
#[derive(Debug)]
pub(crate) struct Server {
    shared: Arc<Shared>,
    endpoint: Endpoint,
    acceptor: Arc<Acceptor>,
    accepting: Option<JoinHandle<()>>,
}

/// What the clients share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) steering: Steering,
    pub(super) ender: Ender,
    pub(super) started: Instant,
    /// The scoped rules that are there, with the numbers of their connections. It is held while
    /// rules come and go, so that no connection takes away a rule that is not its own.
    pub(super) scoped: Mutex<Vec<(u64, String)>>,
    log: Log,
    clients: Mutex<Clients>,
}

#[derive(Debug, Default)]
struct Clients {
    open: Vec<(u64, Arc<UnixStream>)>,
    last: u64,
    stopped: bool,
}

impl Server {
    /// Starts to serve the clients of a published socket, once the daemon is opened; to be stopped or
    /// dropped behind that.
    ///
    /// # Errors
    /// When the system has no descriptor or no thread left for it.
    pub(crate) fn start(
        endpoint: Endpoint,
        daemon: &Daemon,
        ender: Ender,
        log: Log,
    ) -> io::Result<Server> {
        let shared = Shared::new(daemon.steering(), ender, log);
        let acceptor = Arc::new(Acceptor::of(&endpoint)?);
        let accepting = {
            let (shared, acceptor) = (Arc::clone(&shared), Arc::clone(&acceptor));
            let gate = daemon.gate();
            let accept = move || {
                gate.wait();
                accept(&shared, &acceptor);
            };
            threads::start("control", STACK, Box::new(accept))?
        };
        Ok(Server {
            shared,
            endpoint,
            acceptor,
            accepting: Some(accepting),
        })
    }

    /// Where clients connect.
    pub(crate) fn path(&self) -> &Path {
        self.endpoint.path()
    }

    /// Takes the socket away and closes every client; what one of them is about may end a little
    /// later. May be called again.
    pub(crate) fn stop(&mut self) {
        self.endpoint.withdraw();
        self.acceptor.stop();
        self.shared.stop();
        if let Some(accepting) = self.accepting.take() {
            // It ends by itself, or has panicked and said so.
            let _ = accepting.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn accept(shared: &Arc<Shared>, acceptor: &Acceptor) {
    let result = acceptor.run(
        |trouble| shared.log.warn(&format!("control: {trouble}")),
        |stream| admit(shared, stream, TABLE),
    );
    if let Err(error) = result {
        let why = clause(&error);
        shared.log.error(&format!("control: accept: {why}"));
    }
}

/// Starts to serve a client, unless the server is stopped.
///
/// # Errors
/// When there is no thread to be had for it: it is closed then.
pub(super) fn admit(
    shared: &Arc<Shared>,
    stream: UnixStream,
    verbs: &'static [Verb],
) -> io::Result<()> {
    let stream = Arc::new(stream);
    let Some(number) = shared.enter(&stream) else {
        return Ok(());
    };
    let mut connection = Connection {
        shared: Arc::clone(shared),
        stream,
        number,
        verbs,
        ends: false,
    };
    let run = move || {
        let served = catch_unwind(AssertUnwindSafe(|| connection.serve()));
        if served.is_err() {
            let text = format!("control client {number}: its connection panicked");
            connection.shared.log.error(&text);
        }
        connection.end_scope();
        connection.shared.leave(number);
    };
    let started = threads::start(&format!("control {number}"), STACK, Box::new(run));
    if started.is_err() {
        shared.leave(number);
    }
    started.map(drop)
}

impl Shared {
    pub(super) fn new(steering: Steering, ender: Ender, log: Log) -> Arc<Shared> {
        Arc::new(Shared {
            steering,
            ender,
            started: Instant::now(),
            scoped: Mutex::default(),
            log,
            clients: Mutex::default(),
        })
    }

    /// Gives a client its number; `None` when the server is stopped.
    fn enter(&self, stream: &Arc<UnixStream>) -> Option<u64> {
        let mut clients = hold(&self.clients);
        if clients.stopped {
            return None;
        }
        clients.last += 1;
        let number = clients.last;
        clients.open.push((number, Arc::clone(stream)));
        Some(number)
    }

    /// Closes a client.
    fn leave(&self, number: u64) {
        let mut clients = hold(&self.clients);
        let at = clients.open.iter().position(|(other, _)| *other == number);
        if let Some(at) = at {
            let (_, stream) = clients.open.swap_remove(at);
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub(super) fn stop(&self) {
        let mut clients = hold(&self.clients);
        clients.stopped = true;
        for (_, stream) in &clients.open {
            // The client may have gone by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        hold(&self.clients).stopped
    }
}
