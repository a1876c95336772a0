//! The daemon inside a Rust test.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::daemon::endpoint::Endpoint;
use crate::daemon::{Daemon, Hooks, Limits};
use crate::log::Log;
use crate::node::{Config, Profile};

/// A daemon that runs in this process until it is stopped or dropped.
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

    /// Ends the daemon: the socket is gone and every client closed when this returns.
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
    }
}

/// Settings of a [`MockDaemon`].
#[derive(Debug, Default)]
pub struct Builder {
    config: Config,
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
        self.config = config;
        self
    }

    /// How strict the node is.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.config.profile = profile;
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
    /// is out of descriptors or threads.
    pub fn start(self) -> io::Result<MockDaemon> {
        let (directory, path) = match self.socket {
            Some(path) => (None, path),
            None => {
                let directory = private_directory()?;
                let path = directory.join("pilot.sock");
                (Some(directory), path)
            }
        };
        let log = self.log.unwrap_or_else(Log::none);
        let started = Endpoint::publish(&path)
            .map_err(|error| io::Error::other(error.to_string()))
            .and_then(|endpoint| {
                Daemon::start(
                    endpoint,
                    self.config.clone().into(),
                    self.limits,
                    log,
                    Hooks::default(),
                )
            });
        match started {
            Ok(daemon) => Ok(MockDaemon { daemon, directory }),
            Err(error) => {
                if let Some(directory) = directory {
                    let _ = fs::remove_dir(directory);
                }
                Err(error)
            }
        }
    }
}

/// A fresh directory of mode 0700 among the temporary files.
fn private_directory() -> io::Result<PathBuf> {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let base = std::env::temp_dir();
    loop {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = base.join(format!("mockpilot-{}-{number}", std::process::id()));
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}
