//! A scenario's pushes: who gets them, when, and what becomes of those that nobody can take.

use std::sync::Arc;
use std::time::Duration;

use super::agenda::Due;
use super::play::Parked;
use super::stage::Stage;
use crate::journal::{Direction, Event};
use crate::node::{self, ClientId, Inbound, LENIENT_CHUNK};
use crate::scenario::{Conn, PeerAct, Push, PushKind, To};
use crate::wire::frame;
use crate::wire::{self, encode_push};

/// How long pushes wait for room before they are tried again (our choice).
const RETRY: Duration = Duration::from_millis(5);

/// Rounds of a series that are later than this are left out; others are caught up with (our choice).
const CATCH_UP: Duration = Duration::from_secs(1);

/// Most pushes that wait for room, and most bytes of data in them; further ones are dropped (our
/// choice).
const PARKED_MAX: (usize, usize) = (10_000, 64 << 20);

impl Stage<'_> {
    /// Sends a push now or when its time has come; gives how many clients get it, as far as that is
    /// known.
    pub(super) fn push_or_wait(&mut self, push: &Push, requester: Option<ClientId>) -> usize {
        if push.after.is_zero() {
            return self.perform(push, requester);
        }
        let at = self.now + push.after;
        let due = Due::Push {
            push: Arc::new(push.clone()),
            requester,
        };
        self.state.play.agenda.add(at, due);
        self.reach(push, requester)
    }

    /// How many clients a push would reach now.
    fn reach(&self, push: &Push, requester: Option<ClientId>) -> usize {
        match &push.kind {
            PushKind::Peer { .. } => 1,
            PushKind::Recv { conn, .. } | PushKind::Close { conn } => {
                self.streams(push, *conn, requester).len()
            }
            _ => self.takers(push, requester).len(),
        }
    }

    /// Sends a push; gives how many clients got it.
    pub(super) fn perform(&mut self, push: &Push, requester: Option<ClientId>) -> usize {
        let takers = self.takers(push, requester);
        let sent = match &push.kind {
            PushKind::RecvFrom {
                from,
                from_port,
                to_port,
                data,
            } => {
                let push_it = wire::Push::RecvFrom {
                    from: *from,
                    from_port: *from_port,
                    to_port: *to_port,
                    data,
                };
                self.send_all(push, takers, &mut |out| encode_push(out, &push_it))
            }
            PushKind::Raw { command, data } => {
                let mut write = |out: &mut Vec<u8>| {
                    frame::append(out, *command, |out| out.extend_from_slice(data))
                };
                self.send_all(push, takers, &mut write)
            }
            PushKind::Accept {
                port,
                from,
                from_port,
                echo,
                say,
            } => {
                let mut opened = 0;
                for client in takers {
                    let inbound = Inbound {
                        port: *port,
                        from: *from,
                        from_port: *from_port,
                        echo: *echo,
                        say,
                        client: Some(client),
                    };
                    opened += self.open_stream(client, inbound, push);
                }
                positive(opened)
            }
            PushKind::Recv { conn, .. } | PushKind::Close { conn } => {
                let streams = self.streams(push, *conn, requester).into_iter();
                let sent = streams.map(|(client, conn)| self.push_on_stream(client, conn, push));
                positive(sent.sum())
            }
            PushKind::Peer { node_id, does } => {
                let act = match does {
                    PeerAct::Handshake(text) => node::PeerAct::Handshake(text),
                    PeerAct::Approve => node::PeerAct::Approve,
                    PeerAct::Reject => node::PeerAct::Reject,
                    PeerAct::Revoke => node::PeerAct::Revoke,
                    PeerAct::Invite(network) => node::PeerAct::Invite(*network),
                    PeerAct::Leave(network) => node::PeerAct::Leave(*network),
                };
                let (mut done, now) = (false, self.now);
                self.with_node(&mut |node, out| done = node.peer_does(*node_id, act, now, out));
                positive(usize::from(done))
            }
        };
        if sent.is_none() {
            self.note_dropped(push, requester, Some("nobody can take it"));
        }
        sent.unwrap_or(0)
    }

    /// Opens a stream to a client; what the peer says first waits for room. Gives how many clients get
    /// one.
    fn open_stream(&mut self, client: ClientId, mut inbound: Inbound<'_>, push: &Push) -> usize {
        let waits = self.must_wait(client, push);
        if waits {
            inbound.say = &[];
        }
        let (mut owner, now) = (None, self.now);
        self.with_node(&mut |node, out| owner = node.inbound(inbound, now, out));
        if let (true, Some(conn)) = (waits, self.state.node.last_stream(owner))
            && owner.is_some()
            && self.park(client, conn, push) == 0
        {
            self.note_dropped(push, owner, Some("too many wait"));
        }
        usize::from(owner.is_some())
    }

    /// The clients that get a push which is not about one stream.
    fn takers(&self, push: &Push, requester: Option<ClientId>) -> Vec<ClientId> {
        let port = match &push.kind {
            PushKind::RecvFrom { to_port, .. } => Some(*to_port),
            PushKind::Accept { port, .. } => Some(*port),
            _ => None,
        };
        let by_default = match (&push.kind, requester) {
            (PushKind::Accept { .. }, _) => To::Binder,
            (_, Some(_)) => To::Requester,
            (_, None) => To::All,
        };
        let one = match push.to.unwrap_or(by_default) {
            To::All => {
                let all = self.state.node.client_ids().into_iter();
                return all.filter(|client| self.takes(*client)).collect();
            }
            To::Binder => port.and_then(|port| self.state.node.binder(port)),
            To::Requester => requester,
            To::Client(client) => Some(client),
        };
        let here = one.filter(|client| self.takes(*client));
        here.into_iter().collect()
    }

    /// The clients that get a push about a stream, and its id for each of them.
    fn streams(
        &self,
        push: &Push,
        conn: Conn,
        requester: Option<ClientId>,
    ) -> Vec<(ClientId, u32)> {
        let node = &self.state.node;
        let named = match push.to {
            Some(To::All) => node.client_ids().into_iter().map(Some).collect(),
            Some(To::Client(client)) => vec![Some(client)],
            Some(To::Requester) => vec![requester],
            Some(To::Binder) | None => vec![None],
        };
        let stream = |named: Option<ClientId>| {
            let conn = match conn {
                Conn::Id(conn) => conn,
                Conn::Last => node.last_stream(named.or(requester))?,
            };
            let client = named.or(node.owner(conn))?;
            let here = self.takes(client);
            (here && node.owner(conn).is_some()).then_some((client, conn))
        };
        named.into_iter().filter_map(stream).collect()
    }

    /// Sends what happens on a stream to its owner, or, where another client is named, the bare frame
    /// to that one.
    fn push_on_stream(&mut self, client: ClientId, conn: u32, push: &Push) -> usize {
        if self.state.node.owner(conn) != Some(client) {
            return self.push_bare(client, conn, push);
        }
        if self.must_wait(client, push) {
            return self.park(client, conn, push);
        }
        self.act_on_stream(conn, push)
    }

    fn push_bare(&mut self, client: ClientId, conn: u32, push: &Push) -> usize {
        let ends = matches!(push.kind, PushKind::Close { .. });
        if !ends && !self.has_room(client, data_of(push).len()) {
            return 0;
        }
        let mut send = |bare: wire::Push<'_>| {
            let mut frame = Vec::new();
            encode_push(&mut frame, &bare);
            self.append(client, frame, Direction::Push, None);
        };
        match &push.kind {
            PushKind::Recv { data, .. } => {
                for data in data.chunks(LENIENT_CHUNK) {
                    send(wire::Push::Recv { conn, data });
                }
            }
            _ => send(wire::Push::CloseOk { conn }),
        }
        1
    }

    /// Does what a push says on a stream; gives how many clients get something of it.
    fn act_on_stream(&mut self, conn: u32, push: &Push) -> usize {
        let (mut owner, now) = (None, self.now);
        self.with_node(&mut |node, out| {
            owner = match &push.kind {
                PushKind::Close { .. } => node.peer_close(conn, now, out),
                _ => node.peer_data(conn, data_of(push), out),
            }
        });
        usize::from(owner.is_some())
    }

    /// Whether what a push says on a stream has no room yet, or waits behind what has none.
    fn must_wait(&mut self, client: ClientId, push: &Push) -> bool {
        let bytes = data_of(push).len();
        let ends = matches!(push.kind, PushKind::Close { .. });
        let behind = self.state.play.parked.iter().any(|p| p.client == client);
        (ends && behind) || (bytes > 0 && (behind || !self.has_room(client, bytes)))
    }

    fn park(&mut self, client: ClientId, conn: u32, push: &Push) -> usize {
        let parked = &mut self.state.play.parked;
        let bytes: usize = parked.iter().map(|one| data_of(&one.push).len()).sum();
        let (most, most_bytes) = PARKED_MAX;
        if parked.len() >= most || bytes + data_of(push).len() > most_bytes {
            return 0;
        }
        parked.push_back(Parked {
            client,
            push: Arc::new(push.clone()),
            conn,
        });
        self.try_again_soon();
        1
    }

    fn try_again_soon(&mut self) {
        let play = &mut self.state.play;
        if !std::mem::replace(&mut play.retries, true) {
            play.agenda.add(self.now + RETRY, Due::Parked);
        }
    }

    /// Sends what had to wait and has room now, each client's in its order.
    pub(super) fn retry_parked(&mut self) {
        let mut full: Vec<ClientId> = Vec::new();
        let parked = std::mem::take(&mut self.state.play.parked);
        let mut still = std::collections::VecDeque::new();
        for one in parked {
            let bytes = data_of(&one.push).len();
            if full.contains(&one.client) {
                still.push_back(one);
            } else if !self.has_room(one.client, bytes) {
                full.push(one.client);
                still.push_back(one);
            } else if self.state.node.owner(one.conn).is_some() {
                self.act_on_stream(one.conn, &one.push);
            } else {
                self.note_dropped(&one.push, Some(one.client), Some("its stream is gone"));
            }
        }
        self.state.play.retries = false;
        if !still.is_empty() {
            self.try_again_soon();
        }
        self.state.play.parked = still;
    }

    fn has_room(&mut self, client: ClientId, bytes: usize) -> bool {
        let mut waiting = self.state.node.held(client);
        match &self.own {
            Some((own, queue)) if *own == client => waiting += queue.len(),
            _ => {
                if let Some(outbox) = self.state.outboxes.get(client) {
                    waiting += outbox.len();
                }
            }
        }
        waiting == 0 || waiting + bytes <= self.hub.limits.client_budget
    }

    /// Sends one frame to clients; those that have no room for its data do not get it. Gives how many
    /// do, or `None` when there is nobody to send it to.
    fn send_all(
        &mut self,
        push: &Push,
        clients: Vec<ClientId>,
        write: &mut dyn FnMut(&mut Vec<u8>),
    ) -> Option<usize> {
        let mut frame = Vec::new();
        write(&mut frame);
        let mut sent = 0;
        for &client in &clients {
            if self.has_room(client, data_of(push).len()) {
                self.append(client, frame.clone(), Direction::Push, None);
                sent += 1;
            } else {
                let mut first = false;
                self.queue(client, &mut |queue| first = queue.first_drop());
                // One warning a burst, as for other datagrams.
                let why = first.then(|| format!("client {client} has no room for it"));
                self.note_dropped(push, Some(client), why.as_deref());
            }
        }
        (!clients.is_empty()).then_some(sent)
    }

    /// One round of an entry of the timeline.
    pub(super) fn round(
        &mut self,
        at: Duration,
        series: usize,
        done: u64,
        requester: Option<ClientId>,
    ) {
        if requester.is_some_and(|client| !self.state.outboxes.contains(client)) {
            return;
        }
        let scenario = Arc::clone(&self.state.play.scenario);
        let Some(entry) = scenario.timeline.get(series) else {
            return;
        };
        for push in &entry.push {
            self.push_or_wait(push, requester);
        }
        let done = done + 1;
        let more = entry.count.is_none_or(|count| done < count);
        if let (Some(every), true) = (entry.every, more) {
            let next = (at + every).max(self.hub.now().saturating_sub(CATCH_UP));
            let due = Due::Round {
                series,
                done,
                requester,
            };
            self.state.play.agenda.add(next, due);
        }
    }

    fn note_dropped(&mut self, push: &Push, requester: Option<ClientId>, why: Option<&str>) {
        let what = push.kind.name();
        if let Some(why) = why {
            let place = push.place.as_ref();
            let place = place.map_or(String::new(), |place| format!("{place}: "));
            self.hub
                .log
                .warn(&format!("{place}push {what} is dropped: {why}"));
        }
        if let Some(journal) = &self.hub.hooks.journal {
            journal.event(requester, &Event::Dropped { what }, None);
        }
    }
}

fn data_of(push: &Push) -> &[u8] {
    match &push.kind {
        PushKind::RecvFrom { data, .. }
        | PushKind::Recv { data, .. }
        | PushKind::Raw { data, .. }
        | PushKind::Accept { say: data, .. } => data,
        PushKind::Close { .. } | PushKind::Peer { .. } => &[],
    }
}

fn positive(count: usize) -> Option<usize> {
    (count > 0).then_some(count)
}
