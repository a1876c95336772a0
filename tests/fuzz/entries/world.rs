//! A daemon without a listener: its clients come in pairs of sockets. Each input has one of its own.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::daemon::hub::Hub;
use crate::daemon::{Hooks, Limits, Setup, Steering, hold, session};
use crate::journal::{self, Journal};
use crate::log::{Log, Verbosity};
use crate::node::Profile;
use crate::scenario::Scenario;
use crate::scenario::read::{Source, load};
use crate::wire::frame::{FrameReader, PREFIX};

/// How long anything may take on a machine with other things to do.
const PATIENCE: Duration = Duration::from_secs(10);

/// A budget that is soon used up.
const SMALL: usize = 600;

/// What a panic of a session would be told to.
#[derive(Clone, Default)]
struct Errors(Arc<Mutex<Vec<u8>>>);

impl Write for Errors {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        hold(&self.0).extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) struct World {
    hub: Arc<Hub>,
    log: Log,
    errors: Errors,
}

/// What is in the world that the inputs act in: peers and networks of every kind.
pub(crate) fn peopled() -> Scenario {
    let text = include_str!("world.json").to_owned();
    load(&[Source::Text(text)]).expect("a good scenario")
}

impl World {
    /// Settings: 1 faithful, 2 a small budget, 4 no journal.
    pub(crate) fn new(scenario: Scenario, settings: u8) -> World {
        let profile = (settings & 1 != 0).then_some(Profile::Faithful);
        let errors = Errors::default();
        let log = Log::to(errors.clone(), Verbosity::Quiet);
        let mut limits = Limits::default();
        if settings & 2 != 0 {
            limits.client_budget = SMALL;
        }
        let journal = Journal::new(journal::Options::default(), Instant::now(), None, &log);
        let journal = (settings & 4 == 0).then(|| Arc::new(journal.unwrap()));
        let hooks = Hooks {
            last_client: None,
            journal,
        };
        let setup = Setup::new(scenario, profile, None);
        let hub = Arc::new(Hub::new(setup, limits, log.clone(), hooks));
        hub.start_timer(|| {}).unwrap();
        World { hub, log, errors }
    }

    pub(crate) fn connect(&self) -> UnixStream {
        let (near, far) = UnixStream::pair().unwrap();
        far.set_read_timeout(Some(PATIENCE)).unwrap();
        let client = self.hub.admit(near).expect("room for a client");
        session::start(&self.hub, client).unwrap();
        far
    }

    pub(crate) fn steering(&self) -> Steering {
        Steering::new(Arc::clone(&self.hub))
    }

    pub(crate) fn log(&self) -> Log {
        self.log.clone()
    }

    /// Waits until every client but the first has left.
    pub(crate) fn wait_until_alone(&self) {
        let clients = self.steering().clients();
        let numbers = clients.iter().filter_map(|row| row["client"].as_u64());
        let others: Vec<u64> = numbers.filter(|number| *number > 1).collect();
        self.hub
            .wait_until_parted(&others, Instant::now() + PATIENCE);
    }

    /// Ends as at SIGTERM. No thread stays, and none has panicked.
    pub(crate) fn stop(self) {
        let started = Instant::now();
        self.hub.stop(started + PATIENCE / 2, PATIENCE / 2);
        while Arc::strong_count(&self.hub) > 1 {
            assert!(started.elapsed() < PATIENCE, "a thread of the daemon stays");
            thread::yield_now();
        }
        self.log.flush(PATIENCE);
        let errors = hold(&self.errors.0);
        assert!(errors.is_empty(), "{}", errors.escape_ascii());
    }
}

/// What comes from each stream until its end; `None` when that does not come in time.
pub(crate) fn read_all(streams: &[&UnixStream]) -> Vec<Option<Vec<u8>>> {
    let read = |mut stream: &UnixStream| {
        let mut received = Vec::new();
        match stream.read_to_end(&mut received) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            // What a client closed by the daemon had sent and was not read resets its stream.
            _ => Some(received),
        }
    };
    // At once: who sends to a stream waits for room there.
    thread::scope(|scope| {
        let (first, others) = streams.split_first().expect("a stream");
        let others: Vec<_> = others
            .iter()
            .map(|stream| scope.spawn(move || read(stream)))
            .collect();
        let mut received = vec![read(first)];
        received.extend(others.into_iter().map(|thread| thread.join().unwrap()));
        received
    })
}

/// The frames of what the daemon sent, all of them whole.
pub(crate) fn frames(received: &[u8]) -> Vec<(u8, &[u8])> {
    let mut reader = FrameReader::new(received);
    let (mut found, mut at) = (Vec::new(), 0);
    loop {
        match reader.buffered() {
            Ok(Some(frame)) => {
                let length = frame.payload.len() + 1;
                let body = &received[at + PREFIX..at + PREFIX + length];
                found.push((body[0], &body[1..]));
                at += PREFIX + length;
            }
            Ok(None) => {
                if reader.fill().is_err() {
                    assert_eq!(at, received.len(), "a frame that is cut off");
                    return found;
                }
            }
            Err(ending) => panic!("{ending:?}"),
        }
    }
}
