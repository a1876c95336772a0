//! Where sessions meet: the node behind its lock, and the outboxes of all clients.

use std::collections::HashMap;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::limits::Limits;
use super::outbox::Outbox;
use super::tail::Direction;
use super::turn::{Outlets, Turn};
use super::{Hooks, hold};
use crate::clause::clause;
use crate::log::Log;
use crate::node::{ClientId, Config, Node};
use crate::threads;
use crate::wire::fields::request_fields;
use crate::wire::frame::{Ending, FrameReader, PREFIX};
use crate::wire::{Encoder, Request, decode};

/// Bytes of replies that are gathered before they are written though more input is there.
const GATHERED: usize = 256 * 1024;

/// Bytes of frames that are served before others get a turn.
const TURN: usize = 64 * 1024;

/// Largest payload that is decoded while others wait.
const QUICK: usize = 4 * 1024;

/// How long a sender waits for room before it looks again whether it may go on.
const RECHECK: Duration = Duration::from_millis(50);

/// The state that all clients share.
#[derive(Debug)]
pub struct Hub {
    state: Mutex<State>,
    /// The node has something to do earlier than before, or the daemon ends.
    timer: Condvar,
    /// The last session has ended.
    left: Condvar,
    started: Instant,
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
    pub(super) outboxes: HashMap<ClientId, Arc<Outbox>>,
    pub(super) encoder: Encoder,
    pub(super) stopping: Option<Instant>,
    sessions: usize,
    last_client: ClientId,
    timer_runs: bool,
    /// A client was refused since the last one was let in.
    full: bool,
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
}

impl Hub {
    /// A hub around a fresh node.
    pub fn new(config: &Config, limits: Limits, log: Log) -> Hub {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let state = State {
            node: Node::new(config, unix),
            outboxes: HashMap::new(),
            encoder: Encoder::default(),
            sessions: 0,
            last_client: 0,
            timer_runs: false,
            full: false,
            stopping: None,
        };
        Hub {
            state: Mutex::new(state),
            timer: Condvar::new(),
            left: Condvar::new(),
            started: Instant::now(),
            limits,
            log,
            hooks: Hooks::default(),
        }
    }

    /// Locks what all clients share.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        hold(&self.state)
    }

    /// Time since the start.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Lets a client in; `None` when there are too many, or it has gone already, or the daemon
    /// ends: its stream is closed then.
    pub fn admit(&self, stream: UnixStream) -> Option<Admitted> {
        let stream = Arc::new(stream);
        let outbox = Outbox::new(Arc::clone(&stream), self.limits.write_timeout).ok()?;
        let outbox = Arc::new(outbox);
        let mut state = hold(&self.state);
        if state.stopping.is_some() {
            return None;
        }
        if state.outboxes.len() >= self.limits.max_clients {
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
        Some(Admitted {
            client,
            stream,
            outbox,
        })
    }

    /// All state of the node.
    pub fn node_state(&self) -> serde_json::Value {
        let now = self.now();
        self.state().node.state(now)
    }

    /// A client has left, or is made to leave because the daemon ends.
    pub fn part(&self, client: ClientId) {
        let now = self.now();
        let mut guard = hold(&self.state);
        let state = &mut *guard;
        let own = state.outboxes.get(&client).cloned();
        let mut queue = own.as_ref().map(|outbox| outbox.queue());
        let mut outlets = Outlets {
            hub: self,
            outboxes: &state.outboxes,
            encoder: &mut state.encoder,
            own: queue.as_deref_mut().map(|queue| (client, queue)),
        };
        if state.stopping.is_some() {
            state.node.client_stopped(client, now, &mut outlets);
        }
        state.node.client_gone(client, now, &mut outlets);
        state.outboxes.remove(&client);
    }

    /// The session of a client has done its last write.
    pub fn session_ended(&self) {
        let mut state = hold(&self.state);
        state.sessions = state.sessions.saturating_sub(1);
        let was_last = state.sessions == 0;
        drop(state);
        if was_last {
            self.left.notify_all();
        }
    }

    /// By when a session that ends must have written all it has.
    pub fn drain_deadline(&self) -> Instant {
        let usual = Instant::now() + self.limits.write_timeout;
        hold(&self.state).stopping.unwrap_or(usual)
    }

    /// Serves all frames of a client that its reader holds whole. Replies are gathered in the
    /// outbox; the caller flushes it.
    ///
    /// # Errors
    /// The [`Ending`] of the input, when what the reader holds cannot be a frame.
    pub fn serve<R: Read>(
        self: &Arc<Self>,
        client: ClientId,
        outbox: &Arc<Outbox>,
        reader: &mut FrameReader<R>,
    ) -> Result<(), Ending> {
        if !self.wait_for_own_room(outbox) {
            return Err(Ending::Clean);
        }
        let mut turn: Option<Turn<'_>> = None;
        let mut in_this_turn = 0;
        while let Some(frame) = reader.buffered()? {
            if turn.as_ref().is_some_and(Turn::is_cut_off) {
                return Err(Ending::Clean);
            }
            in_this_turn += frame.payload.len() + PREFIX + 1;
            let gathered = turn.as_ref().map_or(0, Turn::gathered);
            if in_this_turn > TURN || gathered > GATHERED {
                turn = None;
                in_this_turn = 0;
                outbox.flush();
                if !self.wait_for_own_room(outbox) {
                    return Err(Ending::Clean);
                }
            }
            if let Some(tail) = &self.hooks.tail {
                tail.record(client, Direction::In, frame.code, frame.payload);
            }
            if frame.payload.len() > QUICK {
                // It may take a while to decode: nobody else waits for it.
                turn = None;
            }
            match decode(frame) {
                Ok(request) => {
                    self.log.frame(|| {
                        let fields = serde_json::Value::Object(request_fields(&request));
                        format!("client {client} in {} {fields}", request.command().name())
                    });
                    self.give_way(&mut turn, client, outbox, &request);
                    let turn = turn.get_or_insert_with(|| Turn::begin(self, outbox));
                    turn.handle(client, &request);
                }
                Err(malformed) => {
                    self.log.frame(|| {
                        let (name, text) = (malformed.name, &malformed.text);
                        format!("client {client} in {name} malformed: {text}")
                    });
                    if malformed.answered {
                        let turn = turn.get_or_insert_with(|| Turn::begin(self, outbox));
                        turn.refuse(client, malformed.text);
                    }
                }
            }
        }
        Ok(())
    }

    /// Waits, and lets others go on meanwhile, until all that would get a request's data have
    /// room for it or the daemon ends.
    fn give_way<'h>(
        self: &'h Arc<Self>,
        turn: &mut Option<Turn<'h>>,
        client: ClientId,
        own: &'h Arc<Outbox>,
        request: &Request<'_>,
    ) {
        let Request::Send { conn, data } = request else {
            return;
        };
        loop {
            let held = turn.get_or_insert_with(|| Turn::begin(self, own));
            let Some(full) = held.full_taker(client, own, *conn, data.len()) else {
                return;
            };
            *turn = None;
            own.flush();
            full.wait_for_room(RECHECK);
            if own.peer_has_closed() {
                // What it has sent still goes out, but its ports are anybody's.
                self.state().node.free_ports(client);
            }
        }
    }

    /// Replies are never dropped, so a client that does not read them is not read from. False when
    /// the daemon ends meanwhile: what it has asked since cannot be answered any more.
    fn wait_for_own_room(&self, outbox: &Arc<Outbox>) -> bool {
        while outbox.len() >= self.limits.client_budget && !outbox.is_closed() {
            if hold(&self.state).stopping.is_some() {
                return false;
            }
            outbox.flush();
            outbox.push();
            outbox.wait_for_room(RECHECK);
        }
        true
    }

    /// The node has something to do earlier than before.
    pub(super) fn wake_timer(self: &Arc<Self>, state: &mut State) {
        if state.timer_runs {
            self.timer.notify_one();
            return;
        }
        let hub = Arc::clone(self);
        let run = move || hub.run_timer();
        let started = threads::start("timer", threads::ROOMY, Box::new(run));
        match started {
            Ok(_) => state.timer_runs = true,
            Err(error) => self.log.error(&format!("timer thread: {}", clause(&error))),
        }
    }

    fn run_timer(&self) {
        let mut guard = hold(&self.state);
        while guard.stopping.is_none() {
            let now = self.now();
            let state = &mut *guard;
            let mut outlets = Outlets {
                hub: self,
                outboxes: &state.outboxes,
                encoder: &mut state.encoder,
                own: None,
            };
            state.node.run_due(now, &mut outlets);
            guard = match state.node.next_due() {
                None => self
                    .timer
                    .wait(guard)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    self.timer
                        .wait_timeout(guard, at.saturating_sub(now))
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }

    /// Ends every session: each finishes what it has read, tells its client of its streams and
    /// closes. Returns when all have, or at the second deadline.
    pub fn stop(&self, deadline: Instant, grace: Duration) {
        let mut state = hold(&self.state);
        state.stopping = Some(deadline);
        let outboxes: Vec<_> = state.outboxes.values().cloned().collect();
        drop(state);
        // Each wakes its session, which wants the lock.
        for outbox in outboxes {
            outbox.stop_reading();
        }
        self.timer.notify_all();
        let mut state = hold(&self.state);
        state = self.wait_until_left(state, deadline);
        let stalled: Vec<_> = state.outboxes.values().cloned().collect();
        drop(state);
        for outbox in stalled {
            outbox.close();
        }
        drop(self.wait_until_left(hold(&self.state), deadline + grace));
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
