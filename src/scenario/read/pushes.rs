//! Pushes, and the timeline of those that come by themselves.

use std::sync::Arc;
use std::time::Duration;

use super::keys;
use super::reader::{Reader, some_of};
use super::text::{Content, Id};
use super::values::MAX_DATA;
use crate::scenario::{Conn, PeerAct, Push, PushKind, Series, To, Trigger};
use crate::wire::Address;
use crate::wire::frame::MAX_LENGTH;

/// Who dials where an accept does not say.
const DIALLER: (Address, u16) = (Address::new(0, 1), 49152);

const KINDS: [&str; 6] = ["recv_from", "accept", "recv", "close", "raw", "peer"];

impl Reader {
    /// A list of pushes.
    pub fn pushes(&mut self, list: Id) -> Vec<Push> {
        let mut pushes = Vec::new();
        for item in self.list(list, "a list of pushes") {
            pushes.extend(self.push(item));
        }
        pushes
    }

    pub fn push(&mut self, id: Id) -> Option<Push> {
        if !self.object(id, keys::PUSH) {
            return None;
        }
        self.only_one(id, &KINDS);
        let after = self.of(id, "after", Reader::duration);
        let to = self.of(id, "to", Reader::to);
        let Some(body) = KINDS.iter().find_map(|kind| self.get(id, kind)) else {
            if !self.has_unknown(id, keys::PUSH) {
                self.wrong_fmt(
                    id,
                    format_args!("no push, expected {}", some_of(&KINDS, "or")),
                );
            }
            return None;
        };
        let name = self.tree.key(body).to_owned();
        if to == Some(To::Binder)
            && !matches!(&*name, "recv_from" | "accept")
            && let Some(to) = self.get(id, "to")
        {
            self.wrong_fmt(to, format_args!(
                "{name} has no port that anybody binds, expected \"binder\" for recv_from and accept only"
            ));
        }
        let kind = match &*name {
            "recv_from" => self.recv_from(body)?,
            "accept" => self.accept(body)?,
            "recv" => self.recv(body)?,
            "close" => self.close(body)?,
            "raw" => self.raw(body)?,
            _ => self.peer_act(body)?,
        };
        Some(Push {
            place: self.place(id),
            after: after.unwrap_or_default(),
            to,
            kind,
        })
    }

    fn to(&mut self, id: Id) -> Option<To> {
        if matches!(self.content(id), Content::Number(_)) {
            return self
                .whole(id, "a client's number", 1, u64::MAX)
                .map(To::Client);
        }
        let what = "\"binder\", \"all\", \"requester\" or a client's number";
        Some(match self.word(id, keys::TO, what)? {
            "binder" => To::Binder,
            "all" => To::All,
            _ => To::Requester,
        })
    }

    /// Data behind so many bytes of payload.
    fn data_behind(&mut self, id: Id, header: usize) -> Option<Arc<[u8]>> {
        // The command byte counts as well.
        self.data(id, MAX_LENGTH - 1 - header).map(Arc::from)
    }

    fn recv_from(&mut self, id: Id) -> Option<PushKind> {
        if !self.object(id, keys::RECV_FROM) {
            return None;
        }
        let what = "an address and port such as \"1:0001.0002.0003:80\"";
        let from = self.need(id, "from", what).and_then(|id| self.from(id));
        let to_port = self
            .need(id, "to_port", "a port")
            .and_then(|id| self.port(id));
        let data = self
            .need(id, "data", "a string or other data")
            .and_then(|id| self.data_behind(id, 10));
        let (from, from_port) = from?;
        Some(PushKind::RecvFrom {
            from,
            from_port,
            to_port: to_port?,
            data: data?,
        })
    }

    fn accept(&mut self, id: Id) -> Option<PushKind> {
        if !self.object(id, keys::ACCEPT) {
            return None;
        }
        let port = self
            .need(id, "port", "the bound port")
            .and_then(|id| self.port(id));
        let from = match self.get(id, "from") {
            Some(id) => self.from(id),
            None => Some(DIALLER),
        };
        let service = self
            .get(id, "service")
            .map(|id| self.choice(id, keys::ACCEPTED));
        let say = self.get(id, "say").map(|id| self.data(id, MAX_DATA));
        let (from, from_port) = from?;
        Some(PushKind::Accept {
            port: port?,
            from,
            from_port,
            echo: service.unwrap_or(Some("discard"))? == "echo",
            say: say.unwrap_or_else(|| Some(Vec::new()))?.into(),
        })
    }

    fn conn(&mut self, object: Id) -> Option<Conn> {
        let what = "\"last\" or a stream's id";
        let id = self.need(object, "conn", what)?;
        if matches!(self.content(id), Content::Number(_)) {
            let number = self.whole(id, "a stream's id", 1, u32::MAX.into())?;
            return Some(Conn::Id(number as u32));
        }
        self.word(id, &["last"], what).map(|_| Conn::Last)
    }

    fn recv(&mut self, id: Id) -> Option<PushKind> {
        if !self.object(id, keys::RECV) {
            return None;
        }
        let conn = self.conn(id);
        let data = self
            .need(id, "data", "a string or other data")
            .and_then(|id| self.data(id, MAX_DATA));
        Some(PushKind::Recv {
            conn: conn?,
            data: data?.into(),
        })
    }

    fn close(&mut self, id: Id) -> Option<PushKind> {
        if !self.object(id, keys::CLOSE) {
            return None;
        }
        Some(PushKind::Close {
            conn: self.conn(id)?,
        })
    }

    fn raw(&mut self, id: Id) -> Option<PushKind> {
        if !self.object(id, keys::RAW) {
            return None;
        }
        let command = self.need(id, "command", "the frame's command byte");
        let command = command.and_then(|id| self.whole(id, "a byte", 0, u8::MAX.into()));
        let data = self.get(id, "data").map(|id| self.data_behind(id, 0));
        Some(PushKind::Raw {
            command: command? as u8,
            data: data.unwrap_or_else(|| Some(Arc::default()))?,
        })
    }

    fn peer_act(&mut self, id: Id) -> Option<PushKind> {
        if !self.object(id, keys::ACT) {
            return None;
        }
        let node_id = self.need(id, "node_id", "the peer's node id");
        let node_id = node_id.and_then(|id| self.node_id(id));
        let does = self.need(id, "does", "what the peer does");
        let does = does.and_then(|id| self.choice(id, keys::ACTS))?;
        for (key, acts) in [
            ("justification", "handshake"),
            ("network_id", "invite or leave"),
        ] {
            if let Some(member) = self.get(id, key)
                && !acts.split(" or ").any(|act| act == does)
            {
                self.wrong_fmt(
                    member,
                    format_args!("{does} has none, expected it for {acts} only"),
                );
            }
        }
        let act = match does {
            "handshake" => {
                let text = self.get(id, "justification").map(|id| self.text(id));
                PeerAct::Handshake(text.unwrap_or_else(|| Some(String::new()))?)
            }
            "approve" => PeerAct::Approve,
            "reject" => PeerAct::Reject,
            "revoke" => PeerAct::Revoke,
            _ => {
                let network = self.need(id, "network_id", "a network id")?;
                let network = self.network_id(network)?;
                match does {
                    "invite" => PeerAct::Invite(network),
                    _ => PeerAct::Leave(network),
                }
            }
        };
        Some(PushKind::Peer {
            node_id: node_id?,
            does: act,
        })
    }

    /// An entry of the timeline.
    pub fn series(&mut self, id: Id) -> Option<Series> {
        if !self.object(id, keys::SERIES) {
            return None;
        }
        self.only_one(id, &["at", "on"]);
        let push = match self.need(id, "push", "a list of pushes") {
            Some(list) => {
                if matches!(self.content(list), Content::List(items) if items.is_empty()) {
                    self.wrong(list, "an empty list, expected a push in it");
                }
                self.pushes(list)
            }
            None => Vec::new(),
        };
        let every = self.of(id, "every", Reader::some_time);
        let count = self.get(id, "count");
        if let (Some(count), None) = (count, self.get(id, "every")) {
            self.wrong(count, "without \"every\", expected both or none");
        }
        let count = count.and_then(|id| self.whole(id, "a number", 1, u64::MAX));
        let trigger = match self.get(id, "at") {
            Some(at) => self.starts_at(id, at)?,
            None if self.get(id, "on").is_none() => {
                self.wrong(id, "nothing sets it off, expected \"at\" or \"on\"");
                return None;
            }
            None => {
                let on = self.on(id);
                let when = self.when(id, on.as_ref());
                let after = self.get(id, "after").map(|id| self.duration(id));
                Trigger::On {
                    on: on?.kinds,
                    when,
                    after: after.unwrap_or(Some(Duration::ZERO))?,
                }
            }
        };
        Some(Series {
            place: self.place(id),
            trigger,
            every,
            count,
            push,
        })
    }

    fn starts_at(&mut self, id: Id, at: Id) -> Option<Trigger> {
        if self.get(id, "on").is_none() {
            for key in ["when", "after"] {
                if let Some(member) = self.get(id, key) {
                    self.wrong(member, "beside \"at\", expected it beside \"on\" only");
                }
            }
        }
        let pushes = match self.get(id, "push").map(|list| self.content(list)) {
            Some(Content::List(pushes)) => pushes.clone(),
            _ => Vec::new(),
        };
        for push in pushes {
            if let Some(to) = self.get(push, "to")
                && matches!(self.content(to), Content::Text(text) if &**text == "requester")
            {
                self.wrong(
                    to,
                    "beside \"at\" nobody requests, expected \"requester\" beside \"on\" only",
                );
            }
        }
        self.duration(at).map(Trigger::At)
    }
}
