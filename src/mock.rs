//! The daemon inside a Rust test.

use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::clause::clause;
use crate::daemon::endpoint::Endpoint;
use crate::daemon::{Daemon, Hooks, Limits, Setup};
use crate::go::json;
use crate::journal::{self, Journal};
use crate::log::Log;
use crate::node::{Config, Profile};
use crate::private;
use crate::scenario::Scenario;
use crate::scenario::read::{self, Source, load};
use crate::threads::Instant;

/// A daemon that runs in this process until it is stopped or dropped.
///
/// When it is dropped it verifies its scenario's expectations, and panics with the report when they
/// are not met, unless the thread panics already.
///
/// # Examples
/// ```
/// use std::os::unix::net::UnixStream;
///
/// let daemon = mockpilot::MockDaemon::builder().start()?;
/// let client = UnixStream::connect(daemon.socket())?;
/// # drop(client);
/// daemon.stop();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct MockDaemon {
    daemon: Daemon,
    directory: Option<PathBuf>,
}

impl MockDaemon {
    /// Starts to describe a daemon; every setting has a default.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where clients connect. By default a socket in a private directory that goes with the
    /// daemon.
    pub fn socket(&self) -> &Path {
        self.daemon.socket()
    }

    /// The whole node as it stands: `hostname`, `tags`, `trust`, `networks`, `ports`, `streams` and
    /// more. Tokens are not in it.
    ///
    /// # Examples
    /// ```
    /// let daemon = mockpilot::MockDaemon::builder().start()?;
    /// assert_eq!(daemon.state()["hostname"], "mock-daemon");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn state(&self) -> serde_json::Value {
        self.daemon.state()
    }

    /// Sends what a scenario can push: one push object or a list of them, as JSON. Gives how many
    /// clients got it; 0 means that nobody could take it.
    ///
    /// # Errors
    /// Every mistake in the text.
    ///
    /// # Examples
    /// ```
    /// let daemon = mockpilot::MockDaemon::builder().start()?;
    /// let sent = daemon.push(r#"{"recv_from": {
    ///     "from": "0:0000.0000.0002:5000", "to_port": 80, "data": "hello"}}"#);
    /// assert_eq!(sent, Ok(0)); // no client is connected
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn push(&self, push: impl Display) -> Result<usize, String> {
        let pushes = read::pushes(&push.to_string())?;
        Ok(self.daemon.steering().push(&pushes))
    }

    /// Waits until a client has asked for this: a JSON object with `on` and `when`, as in a
    /// scenario. What was asked since the start counts. Gives the number of the request's entry in
    /// the journal.
    ///
    /// # Errors
    /// Every mistake in the text; or, when nothing came in time, the request that came nearest and
    /// how it differs.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let daemon = mockpilot::MockDaemon::builder().start()?;
    /// let missed = daemon.await_request(r#"{"on": "dial", "when": {"port": 80}}"#, Duration::ZERO);
    /// assert_eq!(
    ///     missed.unwrap_err(),
    ///     "dial with port 80: expected 1, got 0; nothing else came"
    /// );
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn await_request(&self, wanted: impl Display, timeout: Duration) -> Result<u64, String> {
        self.await_requests(wanted, 1, timeout)
    }

    /// Waits until clients have asked for this so many times, as [`MockDaemon::await_request`] does
    /// for one.
    ///
    /// # Errors
    /// As for [`MockDaemon::await_request`].
    pub fn await_requests(
        &self,
        wanted: impl Display,
        count: u64,
        timeout: Duration,
    ) -> Result<u64, String> {
        let wanted = read::wanted(&wanted.to_string())?;
        let steering = self.daemon.steering();
        steering
            .await_request(&wanted, count, None, timeout, &|| false)
            .map_err(|missed| match missed.nearest {
                Some(nearest) => format!("{}; nearest was {nearest}", missed.text),
                None => format!("{}; nothing else came", missed.text),
            })
    }

    /// The last entries of the journal, oldest first, at most 10,000; tokens read `<redacted>`.
    ///
    /// # Examples
    /// ```
    /// use std::io::{Read, Write};
    /// use std::os::unix::net::UnixStream;
    ///
    /// let daemon = mockpilot::MockDaemon::builder().start()?;
    /// let mut client = UnixStream::connect(daemon.socket())?;
    /// client.write_all(&[0, 0, 0, 3, 0x01, 0, 80])?; // bind port 80
    /// client.read_exact(&mut [0; 7])?;
    /// let bind = daemon.journal().into_iter().find(|entry| entry["cmd"] == "bind");
    /// assert_eq!(bind.unwrap()["fields"]["port"], 80);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn journal(&self) -> Vec<Value> {
        let entries = self.daemon.steering().journal(0);
        let parsed = entries.iter().map(|entry| json::parse(entry.as_bytes()));
        parsed.filter_map(Result::ok).collect()
    }

    /// Whether the scenario's expectations are met so far.
    ///
    /// # Errors
    /// A line for each that is not: where it stands, what was expected, what came, and the request
    /// that came nearest.
    pub fn verify(&self) -> Result<(), String> {
        let failures = self.daemon.steering().verify();
        match failures.is_empty() {
            true => Ok(()),
            false => Err(failures.join("\n")),
        }
    }

    /// Ends the daemon: the socket is gone and every client closed when this returns.
    ///
    /// # Panics
    /// With the report when the scenario's expectations are not met.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for MockDaemon {
    fn drop(&mut self) {
        self.daemon.stop();
        if let Some(directory) = &self.directory {
            // What a test left in there stays, and with it the directory.
            let _ = fs::remove_dir(directory);
        }
        if let (Err(report), false) = (self.verify(), std::thread::panicking()) {
            panic!("{report}");
        }
    }
}

/// Settings of a [`MockDaemon`].
#[derive(Debug, Default)]
pub struct Builder {
    config: Option<Config>,
    scenarios: Vec<Source>,
    profile: Option<Profile>,
    seed: Option<u64>,
    limits: Limits,
    socket: Option<PathBuf>,
    log: Option<Log>,
}

impl Builder {
    /// The whole simulated world at once: node, peers, networks.
    ///
    /// # Examples
    /// ```
    /// use mockpilot::node::{Config, PeerConfig, Profile, Service};
    ///
    /// let mut beta = PeerConfig::new(2);
    /// beta.hostname = "beta".to_owned();
    /// beta.services.insert(13, Service::Say(b"hello\n".to_vec()));
    /// let config = Config {
    ///     profile: Profile::Faithful,
    ///     peers: vec![beta],
    ///     ..Config::default()
    /// };
    /// let daemon = mockpilot::MockDaemon::builder().config(config).start()?;
    /// assert_eq!(daemon.state()["profile"], "faithful");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(config);
        self
    }

    /// A scenario as JSON text: the simulated world, rules, a timeline and expectations. May be
    /// called again: objects are merged key by key, lists appended.
    ///
    /// # Examples
    /// ```
    /// use std::os::unix::net::UnixStream;
    /// use std::io::{Read, Write};
    ///
    /// let daemon = mockpilot::MockDaemon::builder()
    ///     .scenario(r#"{"rules": [{"on": "info", "error": "not today"}],
    ///                   "expect": [{"on": "info", "times": 1}]}"#)
    ///     .start()?;
    /// let mut client = UnixStream::connect(daemon.socket())?;
    /// client.write_all(&[0, 0, 0, 1, 0x0D])?;
    /// let mut reply = [0; 16];
    /// client.read_exact(&mut reply)?;
    /// assert_eq!(&reply[7..], b"not today");
    /// daemon.stop(); // panics if info was not asked for once
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn scenario(mut self, text: impl Display) -> Self {
        self.scenarios.push(Source::Text(text.to_string()));
        self
    }

    /// A scenario's file, as [`Builder::scenario`] takes its text.
    pub fn scenario_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.scenarios.push(Source::File(path.into()));
        self
    }

    /// How strict the node is; wins over a scenario's.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// The seed of every random choice; wins over a scenario's.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Where to listen, in place of a private directory.
    pub fn socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.socket = Some(path.into());
        self
    }

    /// Limits other than the default ones.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Where the log goes; by default nowhere.
    pub fn log(mut self, log: Log) -> Self {
        self.log = Some(log);
        self
    }

    /// Starts the daemon. A connect succeeds once this returns.
    ///
    /// # Errors
    /// When the socket cannot be made: its path is taken, too long or not writable, or the system
    /// is out of descriptors or threads. `InvalidInput` when a scenario has mistakes, with all of
    /// them, a line each, or is given beside a [`config`](Builder::config), and when a limit is zero
    /// under which no client could be served.
    pub fn start(self) -> io::Result<MockDaemon> {
        let setup = self.setup()?;
        let (directory, path) = match self.socket {
            Some(path) => (None, path),
            None => {
                let directory = private_directory()?;
                let path = directory.join("pilot.sock");
                (Some(directory), path)
            }
        };
        let log = self.log.unwrap_or_else(Log::none);
        let options = journal::Options::default();
        let started = Journal::new(options, Instant::now(), None, &log).and_then(|journal| {
            let hooks = Hooks {
                last_client: None,
                journal: Some(Arc::new(journal)),
            };
            let endpoint = Endpoint::publish(&path);
            let endpoint = endpoint.map_err(|error| io::Error::other(error.to_string()))?;
            Daemon::start(endpoint, setup, self.limits, log, hooks)
        });
        match started {
            Ok(daemon) => {
                daemon.open();
                Ok(MockDaemon { daemon, directory })
            }
            Err(error) => {
                if let Some(directory) = directory {
                    let _ = fs::remove_dir(directory);
                }
                Err(error)
            }
        }
    }

    fn setup(&self) -> io::Result<Setup> {
        let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidInput, text);
        let zero = match self.limits {
            Limits {
                client_budget: 0, ..
            } => Some("client_budget"),
            Limits {
                write_timeout: Duration::ZERO,
                ..
            } => Some("write_timeout"),
            _ => None,
        };
        if let Some(name) = zero {
            return Err(invalid(format!("limits: {name}: must be more than zero")));
        }
        let scenario = match &self.config {
            Some(_) if !self.scenarios.is_empty() => {
                return Err(invalid(
                    "a config and a scenario exclude each other".to_owned(),
                ));
            }
            Some(config) => Scenario {
                profile: Some(config.profile),
                seed: Some(config.seed),
                config: config.clone(),
                ..Scenario::default()
            },
            None => load(&self.scenarios).map_err(|mistakes| invalid(mistakes.join("\n")))?,
        };
        Ok(Setup::new(scenario, self.profile, self.seed))
    }
}

/// A fresh directory of mode 0700.
fn private_directory() -> io::Result<PathBuf> {
    let path = private::fresh();
    let named = |error: io::Error| {
        let why = format!("{}: {}", path.display(), clause(&error));
        io::Error::new(error.kind(), why)
    };
    private::make(&path).map_err(named)?;
    Ok(path)
}
