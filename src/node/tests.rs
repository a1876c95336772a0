//! The node without a socket: conversations over typed requests, answers as lines of text.

mod inbound;
mod joined;
mod lenient;
mod peer_acts;
mod registry;
mod reset;
mod timed;

use std::time::Duration;

use super::*;
use crate::wire::Address;

/// A node with clients, and what it has said since it was last asked.
struct World {
    node: Node,
    now: Duration,
    said: Said,
}

/// What came out, a line each: the client, then what it got.
#[derive(Default)]
struct Said(Vec<String>);

impl Sink for Said {
    fn reply(&mut self, client: ClientId, reply: Reply<'_>) {
        let text = match reply {
            Reply::Bound(port) => format!("bound {port}"),
            Reply::Unbound(port) => format!("unbound {port}"),
            Reply::Dialled(conn) => format!("dialled {conn}"),
            Reply::Closed(conn) => format!("closed {conn}"),
            Reply::Empty(_) => "ok".to_owned(),
            Reply::Error(text) => format!("error {text}"),
            Reply::Json(_, body) => body.to_string(),
            Reply::Policy {
                engine, document, ..
            } => format!("{engine} {document:?}"),
            Reply::Info(info) => {
                let states: Vec<_> = info
                    .conn_list
                    .iter()
                    .map(|c| format!("{} {}", c.id, c.state))
                    .collect();
                let open = info.counters.connections;
                format!("info {open} open {states:?} networks {:?}", info.networks)
            }
            Reply::Health(health) => format!("health {}", health.counters.connections),
        };
        self.0.push(format!("{client} {text}"));
    }

    fn late_reply(&mut self, client: ClientId, tag: u64, reply: Reply<'_>) {
        self.reply(client, reply);
        if tag != 0 {
            // Lines of tagged requests begin with the tag.
            let line = self.0.pop().unwrap_or_default();
            self.0.push(format!("#{tag} {line}"));
        }
    }

    fn push(&mut self, client: ClientId, push: Push<'_>) {
        let text = match push {
            Push::Accept {
                port,
                conn,
                from,
                from_port,
            } => format!("accept {port} {conn} {from} {from_port}"),
            Push::Recv { conn, data } => {
                format!("recv {conn} {}", String::from_utf8_lossy(data))
            }
            Push::CloseOk { conn } => format!("ended {conn}"),
            Push::RecvFrom {
                from,
                from_port,
                to_port,
                data,
            } => format!(
                "datagram {from} {from_port} {to_port} {}",
                String::from_utf8_lossy(data)
            ),
        };
        self.0.push(format!("{client} {text}"));
    }
}

impl World {
    /// A node with three clients.
    fn new(config: &Config) -> World {
        let mut node = Node::new(config, Duration::from_secs(1_800_000_000));
        for client in 1..=3 {
            node.client_came(client);
        }
        World {
            node,
            now: Duration::ZERO,
            said: Said::default(),
        }
    }

    fn lenient() -> World {
        World::new(&Config::default())
    }

    /// A faithful node 1, `alpha`, with the public peer 2, `beta`, and the private one 3, `gamma`.
    fn faithful() -> World {
        World::new(&faithful_config())
    }

    fn say(&mut self, client: ClientId, request: &Request<'_>) -> Vec<String> {
        self.say_tagged(client, 0, request)
    }

    fn say_tagged(&mut self, client: ClientId, tag: u64, request: &Request<'_>) -> Vec<String> {
        self.node
            .handle(client, request, tag, self.now, &mut self.said);
        std::mem::take(&mut self.said.0)
    }

    fn dial(&mut self, client: ClientId, node: u32, port: u16) -> Vec<String> {
        let to = Address::new(0, node);
        self.say(client, &Request::Dial { to, port })
    }

    fn bind(&mut self, client: ClientId, port: u16) -> Vec<String> {
        self.say(client, &Request::Bind { port })
    }

    fn send(&mut self, client: ClientId, conn: u32, data: &str) -> Vec<String> {
        let data = data.as_bytes();
        self.say(client, &Request::Send { conn, data })
    }

    fn close(&mut self, client: ClientId, conn: u32) -> Vec<String> {
        self.say(client, &Request::Close { conn })
    }

    fn info(&mut self) -> String {
        self.say(1, &Request::Info).remove(0)
    }

    fn leave(&mut self, client: ClientId) -> Vec<String> {
        self.node.client_gone(client, self.now, &mut self.said);
        std::mem::take(&mut self.said.0)
    }

    /// A peer acts; whether that had its effect, and what was said then.
    fn peer(&mut self, node_id: u32, act: PeerAct<'_>) -> (bool, Vec<String>) {
        let done = self.node.peer_does(node_id, act, self.now, &mut self.said);
        (done, std::mem::take(&mut self.said.0))
    }

    /// Lets time pass and whatever is due happen.
    fn pass(&mut self, millis: u64) -> Vec<String> {
        self.now += Duration::from_millis(millis);
        self.node.run_due(self.now, &mut self.said);
        std::mem::take(&mut self.said.0)
    }
}

fn faithful_config() -> Config {
    let mut config = Config {
        profile: Profile::Faithful,
        ..Config::default()
    };
    config.node.node_id = 1;
    config.node.hostname = "alpha".to_owned();
    config.node.admin_token = Some("admintok".to_owned());
    let mut beta = PeerConfig::new(2);
    beta.hostname = "beta".to_owned();
    beta.services.insert(13, Service::Say(b"hello\n".to_vec()));
    beta.services.insert(9, Service::Discard);
    beta.services.insert(98, Service::Hang);
    beta.services.insert(99, Service::Refuse);
    let mut gamma = PeerConfig::new(3);
    gamma.hostname = "gamma".to_owned();
    gamma.public = false;
    config.peers = vec![beta, gamma];
    config
}
