//! The daemon: a published socket, a thread per client, one node behind them.

pub mod acceptor;
pub mod ending;
pub mod endpoint;
mod hub;
pub mod last_client;
pub mod lifeline;
pub mod limits;
mod outbox;
pub mod readiness;
mod session;
pub mod signals;
pub mod steering;
pub mod tail;
mod turn;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::clause::clause;
use crate::log::Log;
use crate::node::Config;
use crate::threads;
use acceptor::Acceptor;
use endpoint::Endpoint;
use hub::Hub;
pub use limits::Limits;
pub use steering::Steering;

/// How long sessions have to finish when the daemon ends.
const STOP: Duration = Duration::from_millis(80);

/// How long they have to notice that they were cut off after that.
const STOP_GRACE: Duration = Duration::from_millis(20);

/// Who, beside the clients, wants to know what happens; nobody by default.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    /// Ends the daemon with its last client.
    pub last_client: Option<last_client::LastClient>,
    /// Keeps the last frames.
    pub tail: Option<Arc<tail::Tail>>,
}

/// A daemon that serves clients until it is stopped.
#[derive(Debug)]
pub struct Daemon {
    hub: Arc<Hub>,
    endpoint: Endpoint,
    acceptor: Arc<Acceptor>,
    accepting: Option<JoinHandle<()>>,
}

impl Daemon {
    /// Starts to serve the clients of a published socket.
    ///
    /// # Errors
    /// When the system has no descriptor or no thread left for it.
    pub fn start(
        endpoint: Endpoint,
        config: &Config,
        limits: Limits,
        log: Log,
    ) -> io::Result<Daemon> {
        Daemon::start_watched(endpoint, config, limits, log, Hooks::default())
    }

    /// Like [`Daemon::start`], with others that watch.
    ///
    /// # Errors
    /// As for [`Daemon::start`].
    pub fn start_watched(
        endpoint: Endpoint,
        config: &Config,
        limits: Limits,
        log: Log,
        hooks: Hooks,
    ) -> io::Result<Daemon> {
        let mut hub = Hub::new(config, limits, log);
        hub.hooks = hooks;
        let hub = Arc::new(hub);
        let acceptor = Arc::new(Acceptor::of(&endpoint)?);
        let accepting = {
            let (hub, acceptor) = (Arc::clone(&hub), Arc::clone(&acceptor));
            let accept = move || accept(&hub, &acceptor);
            threads::start("accept", threads::ROOMY, Box::new(accept))?
        };
        Ok(Daemon {
            hub,
            endpoint,
            acceptor,
            accepting: Some(accepting),
        })
    }

    /// Where clients connect.
    pub fn socket(&self) -> &Path {
        self.endpoint.path()
    }

    /// What tests do to the daemon while it runs.
    pub fn steering(&self) -> Steering {
        Steering::new(Arc::clone(&self.hub))
    }

    /// The whole node: identity, trust, networks, ports, streams; without tokens.
    pub fn state(&self) -> serde_json::Value {
        self.hub.node_state()
    }

    /// Takes the socket away, lets every session finish and closes every client. Returns within
    /// 100 ms. May be called again.
    pub fn stop(&mut self) {
        let deadline = Instant::now() + STOP;
        self.endpoint.withdraw();
        self.acceptor.stop();
        self.hub.stop(deadline, STOP_GRACE);
        if let Some(accepting) = self.accepting.take() {
            // A listener that others have too may not let it go.
            let inherited = self.endpoint.inherited().is_some();
            while inherited && !accepting.is_finished() && Instant::now() < deadline + STOP_GRACE {
                std::thread::sleep(Duration::from_millis(1));
            }
            // It ends by itself, or has panicked and said so.
            if !inherited || accepting.is_finished() {
                let _ = accepting.join();
            }
        }
    }
}

fn accept(hub: &Arc<Hub>, acceptor: &Acceptor) {
    let result = acceptor.run(
        |trouble| hub.log.warn(trouble),
        |stream| {
            if let Some(admitted) = hub.admit(stream) {
                session::start(hub, admitted);
            }
        },
    );
    if let Err(error) = result {
        hub.log.error(&format!("accept: {}", clause(&error)));
    }
}

/// Locks, also after a panic of another thread: one session's panic ends that session alone.
pub(crate) fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
