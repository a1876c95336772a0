//! Where sessions meet: the node behind its lock, and the outboxes of all clients.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::limits::Limits;
use super::outbox::Outbox;
use super::play::{Play, Visit};
use super::stage::Stage;
use super::{Hooks, Setup, hold};
use crate::journal::{Event, Reason};
use crate::log::Log;
use crate::node::{ClientId, Node, Table};
use crate::scenario::Arrival;
use crate::threads::{Condvar, Instant, Mutex, MutexGuard, UnixStream};
use crate::wire::Encoder;

/// How long a session that ends writes at the most (our choice).
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// How long a session waits for room, or for a time, before it looks again whether it may go on.
pub(super) const RECHECK: Duration = Duration::from_millis(50);

/// The state that all clients share.
#[derive(Debug)]
pub struct Hub {
    pub(super) state: Mutex<State>,
    /// The node has something to do earlier than before, or the daemon ends.
    pub(super) timer: Condvar,
    /// The last session has ended.
    left: Condvar,
    /// Sessions that wait for the lock to part.
    pub(super) parting: AtomicUsize,
    /// None waits for that any more.
    calm: Condvar,
    /// By when sessions have to finish, once the daemon ends: known without the lock, which a crowd may
    /// keep from who ends it.
    pub(super) stopping: OnceLock<Instant>,
    started: Instant,
    pub(super) setup: Setup,
    /// The limits in force.
    pub limits: Limits,
    /// Where the log goes.
    pub log: Log,
    /// Who else wants to know what happens.
    pub hooks: Hooks,
}

/// What is behind the hub's lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) node: Node,
    pub(super) outboxes: Table<ClientId, Arc<Outbox>>,
    /// Those of clients that have parted and still have something to be written to them.
    leaving: Table<ClientId, Arc<Outbox>>,
    pub(super) encoder: Encoder,
    pub(super) play: Play,
    sessions: usize,
    last_client: ClientId,
    /// A client was refused since the last one was let in.
    full: bool,
    /// The end has been entered into the journal.
    stopped: bool,
}

impl State {
    /// The outboxes of all clients that something may still be written to.
    pub(super) fn open(&self) -> impl Iterator<Item = (ClientId, &Arc<Outbox>)> {
        self.outboxes.iter().chain(self.leaving.iter())
    }

    fn is_open(&self, client: ClientId) -> bool {
        self.outboxes.contains(client) || self.leaving.contains(client)
    }

    /// When there is next something to do that no client asks for.
    pub(super) fn next_due(&self) -> Option<Duration> {
        match (self.node.next_due(), self.play.agenda.next()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }
}

/// A client that has been let in.
#[derive(Debug)]
pub struct Admitted {
    /// Its number.
    pub client: ClientId,
    /// Its stream.
    pub stream: Arc<UnixStream>,
    /// What goes to it.
    pub outbox: Arc<Outbox>,
    /// How it is turned away, if it is: nothing is served to it then, unless a reset lets it in.
    pub turned_away: Option<Arrival>,
}

impl Hub {
    /// A hub around a fresh node.
    pub fn new(setup: Setup, limits: Limits, log: Log, hooks: Hooks) -> Hub {
        let scenario = Arc::clone(&setup.scenario);
        let state = State {
            node: Node::new(&setup.config, time_of_day()),
            play: Play::new(scenario, setup.config.seed, Duration::ZERO),
            outboxes: Table::new(),
            leaving: Table::new(),
            encoder: Encoder::default(),
            sessions: 0,
            last_client: 0,
            full: false,
            stopped: false,
        };
        Hub {
            state: Mutex::new(state),
            timer: Condvar::new(),
            left: Condvar::new(),
            parting: AtomicUsize::new(0),
            calm: Condvar::new(),
            stopping: OnceLock::new(),
            started: Instant::now(),
            setup,
            limits,
            log,
            hooks,
        }
    }

    /// Locks what all clients share.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        hold(&self.state)
    }

    /// The same for a turn: once the daemon is to end, those go first that have no more to ask.
    pub(super) fn turn_state(&self) -> MutexGuard<'_, State> {
        let mut state = self.session_state();
        while self.is_stopping() && self.parting.load(Ordering::SeqCst) > 0 {
            let waited = self.calm.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    /// The same for a session: once the daemon is to end, who ends it goes first, whatever the crowd.
    fn session_state(&self) -> MutexGuard<'_, State> {
        let mut state = hold(&self.state);
        while self.is_stopping() && !state.stopped {
            let waited = self.left.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    /// Time since the start.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// The moment so long after the start.
    pub(super) fn instant(&self, at: Duration) -> Instant {
        self.started + at
    }

    /// Whether the daemon ends.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.get().is_some()
    }

    /// Lets a client in; `None` when there are too many, or it has gone already, or the daemon
    /// ends: its stream is closed then.
    pub fn admit(self: &Arc<Self>, stream: UnixStream) -> Option<Admitted> {
        let stream = Arc::new(stream);
        let outbox = Outbox::new(Arc::clone(&stream), self.limits.write_timeout).ok()?;
        let outbox = Arc::new(outbox);
        let mut state = hold(&self.state);
        if self.is_stopping() {
            return None;
        }
        if state.outboxes.len() + state.leaving.len() >= self.limits.max_clients {
            if !std::mem::replace(&mut state.full, true) {
                let limit = self.limits.max_clients;
                self.log.warn(&format!(
                    "{limit} clients are connected, further ones are closed at once"
                ));
            }
            return None;
        }
        state.full = false;
        state.last_client += 1;
        state.sessions += 1;
        let client = state.last_client;
        state.outboxes.insert(client, Arc::clone(&outbox));
        state.node.client_came(client);
        let now = self.now();
        let visit = Visit {
            since: now,
            requests: 0,
        };
        state.play.visits.insert(client, visit);
        let due = state.next_due();
        let turned_away = self.stage(&mut state, now).arrive(client);
        if state.next_due() != due {
            self.timer.notify_one();
        }
        Some(Admitted {
            client,
            stream,
            outbox,
            turned_away,
        })
    }

    /// A step that no client's own session takes.
    pub(super) fn stage<'a>(&'a self, state: &'a mut State, now: Duration) -> Stage<'a> {
        Stage {
            hub: self,
            state,
            own: None,
            now,
        }
    }

    /// A client has left, or is made to leave because the daemon ends. Gives whether there is still
    /// something to be [`written`](Self::written) to it.
    pub fn part(&self, client: ClientId, reason: Reason) -> bool {
        let now = self.now();
        self.parting.fetch_add(1, Ordering::SeqCst);
        let mut guard = self.session_state();
        let last = self.parting.fetch_sub(1, Ordering::SeqCst) == 1;
        let own = guard.outboxes.get(client).cloned();
        let mut queue = own.as_ref().map(|outbox| outbox.queue());
        let stopping = self.is_stopping();
        if stopping && last {
            self.calm.notify_all();
        }
        let mut stage = Stage {
            hub: self,
            state: &mut guard,
            own: queue.as_deref_mut().map(|queue| (client, queue)),
            now,
        };
        if stopping {
            stage.with_node(&mut |node, out| node.client_stopped(client, now, out));
        }
        if let Some(journal) = &self.hooks.journal {
            let reason = match reason {
                Reason::Eof | Reason::CutFrame if stopping => Reason::Stop,
                reason => reason,
            };
            journal.event(Some(client), &Event::Disconnect(reason), None);
        }
        stage.with_node(&mut |node, out| node.client_gone(client, now, out));
        guard.play.client_gone(client);
        let waits = queue.is_some_and(|queue| queue.len() > 0);
        let outbox = guard.outboxes.remove(client);
        if let Some(outbox) = outbox.filter(|_| waits) {
            guard.leaving.insert(client, outbox);
        }
        waits
    }

    /// Nothing more is written to a client that has parted. To be called before it learns of its end:
    /// there is room for another then.
    pub fn written(&self, client: ClientId) {
        hold(&self.state).leaving.remove(client);
    }

    /// The session of a client is over.
    pub fn session_ended(&self) {
        let mut state = hold(&self.state);
        state.sessions = state.sessions.saturating_sub(1);
        drop(state);
        self.left.notify_all();
    }

    /// By when a session that ends must have written all it has.
    pub fn drain_deadline(&self) -> Instant {
        // A limit may be longer than there is time.
        let usual = self.limits.write_timeout.min(LONGEST);
        let stopping = self.stopping.get().copied();
        stopping.unwrap_or_else(|| Instant::now() + usual)
    }

    /// Waits until slow frames have gone out, unless nobody reads them or the daemon ends.
    pub fn sit_out_slow(&self, outbox: &Outbox) {
        while outbox.is_slow() && !outbox.peer_has_closed() && !self.is_stopping() {
            outbox.wait_for_room(RECHECK);
        }
    }

    /// Ends every session: each finishes what it has read, tells its client of its streams and
    /// closes. Returns when all have, or at the second deadline.
    pub fn stop(&self, deadline: Instant, grace: Duration) {
        // Before the lock: whoever has it sees that, and lets it go.
        let _ = self.stopping.set(deadline);
        let mut state = hold(&self.state);
        let first = !std::mem::replace(&mut state.stopped, true);
        if let (Some(journal), true) = (&self.hooks.journal, first) {
            journal.event(None, &Event::Stop, None);
        }
        let outboxes: Vec<_> = state.outboxes.values().cloned().collect();
        drop(state);
        self.left.notify_all();
        // Each wakes its session, which wants the lock.
        for outbox in outboxes {
            outbox.stop();
        }
        self.timer.notify_all();
        let mut state = hold(&self.state);
        state = self.wait_until_left(state, deadline);
        let stalled: Vec<_> = state.open().map(|(_, outbox)| Arc::clone(outbox)).collect();
        drop(state);
        for outbox in stalled {
            outbox.close();
        }
        drop(self.wait_until_left(hold(&self.state), deadline + grace));
    }

    /// Waits until none of these clients is there any more.
    pub(super) fn wait_until_parted(&self, clients: &[ClientId], deadline: Instant) {
        let mut state = hold(&self.state);
        while clients.iter().any(|client| state.is_open(*client)) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.left.wait_timeout(state, left.min(RECHECK));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn wait_until_left<'s>(
        &self,
        mut state: MutexGuard<'s, State>,
        deadline: Instant,
    ) -> MutexGuard<'s, State> {
        while state.sessions > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self
                .left
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state
    }
}

/// Time since 1970.
pub(super) fn time_of_day() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
