//! The daemon: a published socket, a thread per client, one node behind them.

pub mod acceptor;
mod agenda;
mod answer;
mod behind;
mod delivery;
pub mod ending;
pub mod endpoint;
#[cfg(any(all(test, not(shuttle)), fuzzing))]
#[path = "../../tests/fuzz/entries/session.rs"]
pub(crate) mod fuzzing;
mod hindsight;
mod hub;
pub mod last_client;
pub mod lifeline;
pub mod limits;
mod outbox;
mod outlets;
mod play;
mod pushing;
mod queue;
#[cfg(all(test, shuttle))]
mod races;
pub mod readiness;
mod serving;
mod session;
pub mod signals;
mod stage;
pub mod steering;
mod timer;
mod turn;

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use crate::clause::clause;
use crate::journal::Journal;
use crate::log::Log;
use crate::node::{Config, Profile};
use crate::scenario::Scenario;
use crate::threads::{self, Instant, JoinHandle, Mutex, MutexGuard};
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
    /// Keeps what comes and goes.
    pub journal: Option<Arc<Journal>>,
}

/// What a daemon starts with.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// The simulated world, with the profile and the seed that count.
    pub config: Config,
    /// Rules, timeline and expectations.
    pub scenario: Arc<Scenario>,
}

impl Setup {
    /// A scenario's setup; a profile and a seed that are given win over its own.
    pub fn new(scenario: Scenario, profile: Option<Profile>, seed: Option<u64>) -> Setup {
        let mut config = scenario.config.clone();
        if let Some(profile) = profile.or(scenario.profile) {
            config.profile = profile;
        }
        if let Some(seed) = seed.or(scenario.seed) {
            config.seed = seed;
        }
        Setup {
            config,
            scenario: Arc::new(scenario),
        }
    }
}

impl From<Config> for Setup {
    fn from(config: Config) -> Setup {
        let scenario = Arc::default();
        Setup { config, scenario }
    }
}

/// A daemon that serves clients until it is stopped.
#[derive(Debug)]
pub struct Daemon {
    hub: Arc<Hub>,
    endpoint: Endpoint,
    acceptor: Arc<Acceptor>,
    accepting: Option<JoinHandle<()>>,
    gate: Gate,
}

/// What keeps everybody waiting until the daemon is opened.
pub(crate) type Gate = Arc<OnceLock<()>>;

impl Daemon {
    /// Starts to serve the clients of a published socket, once [`Daemon::open`] is called.
    ///
    /// # Errors
    /// When the system has no descriptor or no thread left for it.
    pub fn start(
        endpoint: Endpoint,
        setup: Setup,
        limits: Limits,
        log: Log,
        hooks: Hooks,
    ) -> io::Result<Daemon> {
        let hub = Arc::new(Hub::new(setup, limits, log, hooks));
        let acceptor = Arc::new(Acceptor::of(&endpoint)?);
        let gate = Gate::default();
        let shut = Arc::clone(&gate);
        hub.start_timer(move || {
            shut.wait();
        })?;
        let accepting = {
            let (hub, acceptor) = (Arc::clone(&hub), Arc::clone(&acceptor));
            let shut = Arc::clone(&gate);
            let accept = move || {
                shut.wait();
                accept(&hub, &acceptor);
            };
            threads::start("accept", threads::ROOMY, Box::new(accept))
        };
        let accepting = accepting.inspect_err(|_| {
            hub.stop(Instant::now(), Duration::ZERO);
            // The timer's thread ends behind it.
            let _ = gate.set(());
        })?;
        Ok(Daemon {
            hub,
            endpoint,
            acceptor,
            accepting: Some(accepting),
            gate,
        })
    }

    /// Lets clients in, and lets come what is due.
    pub fn open(&self) {
        let _ = self.gate.set(());
    }

    /// For who is to wait until then.
    pub(crate) fn gate(&self) -> Gate {
        Arc::clone(&self.gate)
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
        self.steering().state()
    }

    /// Takes the socket away, lets every session finish and closes every client. Returns within 100 ms,
    /// unless a journal's file keeps them waiting. May be called again.
    pub fn stop(&mut self) {
        let deadline = Instant::now() + STOP;
        if let Some(journal) = &self.hub.hooks.journal {
            journal.hurry();
        }
        self.endpoint.withdraw();
        self.acceptor.stop();
        self.open();
        self.hub.stop(deadline, STOP_GRACE);
        if let Some(accepting) = self.accepting.take() {
            // A listener that others have too may not let it go.
            let inherited = self.endpoint.inherited().is_some();
            while inherited && !accepting.is_finished() && Instant::now() < deadline + STOP_GRACE {
                threads::sleep(Duration::from_millis(1));
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
        |stream| match hub.admit(stream) {
            Some(admitted) => session::start(hub, admitted),
            None => Ok(()),
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
