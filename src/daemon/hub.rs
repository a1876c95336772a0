//! Where sessions meet: the node behind its lock, and the outboxes of all clients.

use std::collections::HashMap;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::hold;
use super::limits::Limits;
use super::outbox::Outbox;
use crate::log::Log;
use crate::node::{ClientId, Config, Node, Sink};
use crate::wire::fields::{push_fields, request_fields};
use crate::wire::frame::Frame;
use crate::wire::{Push, Reply, Request, decode, encode_push, encode_reply};

/// How long a sender waits for room before it looks again whether it may go on.
const RECHECK: Duration = Duration::from_millis(50);

/// The state that all clients share.
#[derive(Debug)]
pub struct Hub {
    state: Mutex<State>,
    /// The node has something to do earlier than before, or the daemon ends.
    timer: Condvar,
    /// A client has left.
    left: Condvar,
    started: Instant,
    /// The limits in force.
    pub limits: Limits,
    /// Where the log goes.
    pub log: Log,
}

#[derive(Debug)]
struct State {
    node: Node,
    outboxes: HashMap<ClientId, Arc<Outbox>>,
    sessions: usize,
    last_client: ClientId,
    timer_runs: bool,
    /// A client was refused since the last one was let in.
    full: bool,
    stopping: Option<Instant>,
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
        }
    }

    fn now(&self) -> Duration {
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

    /// A client has left, or is made to leave because the daemon ends.
    pub fn part(&self, client: ClientId) {
        let now = self.now();
        let mut guard = hold(&self.state);
        let state = &mut *guard;
        let mut outlets = Outlets {
            outboxes: &state.outboxes,
            requester: Some(client),
            hub: self,
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
        drop(state);
        self.left.notify_all();
    }

    /// By when a session that ends must have written all it has.
    pub fn drain_deadline(&self) -> Instant {
        let usual = Instant::now() + self.limits.write_timeout;
        hold(&self.state).stopping.unwrap_or(usual)
    }

    /// Serves one frame of a client.
    pub fn serve(self: &Arc<Self>, client: ClientId, outbox: &Arc<Outbox>, frame: Frame<'_>) {
        self.wait_for_own_room(outbox);
        let request = match decode(frame) {
            Ok(request) => request,
            Err(malformed) => {
                self.log.frame(|| {
                    let (name, text) = (malformed.name, &malformed.text);
                    format!("client {client} in {name} malformed: {text}")
                });
                if malformed.answered {
                    outbox.append(|out| encode_reply(out, &Reply::Error(malformed.text)));
                }
                return;
            }
        };
        self.log.frame(|| {
            let fields = serde_json::Value::Object(request_fields(&request));
            format!("client {client} in {} {fields}", request.command().name())
        });
        let Some(mut state) = self.lock_when_taken(outbox, &request) else {
            return;
        };
        let now = self.now();
        let before = state.node.next_due();
        let State { node, outboxes, .. } = &mut *state;
        let mut outlets = Outlets {
            outboxes,
            requester: Some(client),
            hub: self,
        };
        node.handle(client, &request, now, &mut outlets);
        let after = node.next_due();
        if after.is_some() && (before.is_none() || after < before) {
            self.wake_timer(&mut state);
        }
    }

    /// Replies are never dropped, so a client that does not read them is not read from.
    fn wait_for_own_room(&self, outbox: &Arc<Outbox>) {
        while outbox.len() >= self.limits.client_budget && !outbox.is_closed() {
            outbox.flush();
            outbox.push();
            outbox.wait_for_room(RECHECK);
            if hold(&self.state).stopping.is_some() {
                return;
            }
        }
    }

    /// Locks the state once all that would get a request's data have room for it; `None` when
    /// the sender itself is closed meanwhile.
    fn lock_when_taken(
        &self,
        own: &Arc<Outbox>,
        request: &Request<'_>,
    ) -> Option<std::sync::MutexGuard<'_, State>> {
        loop {
            let state = hold(&self.state);
            let Request::Send { conn, data } = request else {
                return Some(state);
            };
            if state.stopping.is_some() {
                return Some(state);
            }
            let mut full = None;
            state.node.takers(*conn, |client| {
                if let Some(outbox) = state.outboxes.get(&client) {
                    let waiting = outbox.len() + state.node.held(client);
                    if waiting > 0 && waiting + data.len() > self.limits.client_budget {
                        full = Some(Arc::clone(outbox));
                    }
                }
            });
            let Some(full) = full else {
                return Some(state);
            };
            drop(state);
            own.flush();
            full.wait_for_room(RECHECK);
            if own.is_closed() {
                return None;
            }
        }
    }

    fn wake_timer(self: &Arc<Self>, state: &mut State) {
        if state.timer_runs {
            self.timer.notify_one();
            return;
        }
        let hub = Arc::clone(self);
        let started = std::thread::Builder::new()
            .name("timer".to_owned())
            .spawn(move || hub.run_timer());
        match started {
            Ok(_) => state.timer_runs = true,
            Err(error) => self.log.error(&format!("timer thread: {error}")),
        }
    }

    fn run_timer(&self) {
        let mut guard = hold(&self.state);
        while guard.stopping.is_none() {
            let now = self.now();
            let state = &mut *guard;
            let mut outlets = Outlets {
                outboxes: &state.outboxes,
                requester: None,
                hub: self,
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
        for outbox in state.outboxes.values() {
            outbox.stop_reading();
        }
        self.timer.notify_all();
        state = self.wait_until_left(state, deadline);
        for outbox in state.outboxes.values() {
            outbox.close();
        }
        drop(self.wait_until_left(state, deadline + grace));
    }

    fn wait_until_left<'s>(
        &self,
        mut state: std::sync::MutexGuard<'s, State>,
        deadline: Instant,
    ) -> std::sync::MutexGuard<'s, State> {
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

/// Turns what the node says into bytes in the outboxes, in the order in which it says it.
struct Outlets<'a> {
    outboxes: &'a HashMap<ClientId, Arc<Outbox>>,
    /// The client that is being served: its session writes for it.
    requester: Option<ClientId>,
    hub: &'a Hub,
}

impl Outlets<'_> {
    fn write(&self, client: ClientId, write: impl FnOnce(&mut Vec<u8>)) {
        let Some(outbox) = self.outboxes.get(&client) else {
            return;
        };
        if self.requester == Some(client) {
            outbox.append(write);
        } else {
            outbox.append_and_push(write);
        }
    }
}

impl Sink for Outlets<'_> {
    fn reply(&mut self, client: ClientId, reply: Reply<'_>) {
        self.hub.log.frame(|| match &reply {
            Reply::Error(text) => format!("client {client} out error: {text}"),
            _ => {
                let mut frame = Vec::new();
                encode_reply(&mut frame, &reply);
                let name = crate::wire::command::outgoing_name(frame[4]);
                format!("client {client} out {name} of {} bytes", frame.len() - 4)
            }
        });
        self.write(client, |out| encode_reply(out, &reply));
    }

    fn push(&mut self, client: ClientId, push: Push<'_>) {
        if let (Push::RecvFrom { data, .. }, Some(outbox)) = (push, self.outboxes.get(&client)) {
            let waiting = outbox.len();
            if waiting > 0 && waiting + data.len() > self.hub.limits.client_budget {
                let bytes = data.len();
                self.hub.log.warn(&format!(
                    "client {client}: datagram of {bytes} bytes dropped, {waiting} bytes wait"
                ));
                return;
            }
        }
        self.hub.log.frame(|| {
            let fields = serde_json::Value::Object(push_fields(&push));
            format!("client {client} push {fields}")
        });
        self.write(client, |out| encode_push(out, &push));
    }
}
