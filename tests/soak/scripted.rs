//! Requests whose answers the scenario changes, delays, spoils or withholds, and what comes unasked.

use super::client::Client;
use super::scenario::marked;
use super::streams::{Far, Stream, destination};
use super::want::Want;
use super::world::{announced_port, peer, visited_port};

impl Client<'_> {
    /// One request for every rule, with others between them.
    pub fn scripted(&mut self) -> Result<(), String> {
        let plain = |url: &str| Want::text(0x1C, format!("{{\"webhook\":\"{url}\"}}"));
        let odd = self.unasked.odd + 1;
        for what in [
            "patched", "scripted", "refused", "bytes", "mute", "twice", "slowly", "once", "odd",
        ] {
            let url = marked(what);
            let want = match what {
                "patched" => {
                    Want::text(0x1C, format!("{{\"patched\":true,\"webhook\":\"{url}\"}}"))
                }
                "scripted" => Want::text(0x1C, "{\"by\":\"the soak\"}"),
                "refused" => Want::error("soak: refused"),
                "bytes" => Want::Frame(0x1C, vec![0, 0xFF, 0x0A]),
                "once" if !std::mem::replace(&mut self.model.asked_once, true) => {
                    Want::text(0x1C, "{\"first\":true}")
                }
                "mute" => {
                    self.tell("set_webhook", 0x1B, &[url.as_bytes()]);
                    continue;
                }
                _ => plain(&url),
            };
            self.ask("set_webhook", 0x1B, &[url.as_bytes()], want);
            if what == "twice" {
                self.expect_again(plain(&url));
            }
            if self.random.one_in(2) {
                self.health();
            }
        }
        self.settle()?;
        self.wait_until("odd frame", |me| me.unasked.odd == odd)
    }

    /// A stall keeps the daemon from reading: what is asked behind it waits.
    pub fn stalled(&mut self) -> Result<(), String> {
        let url = marked("stalled");
        let want = Want::text(0x1C, format!("{{\"webhook\":\"{url}\"}}"));
        self.ask("set_webhook", 0x1B, &[url.as_bytes()], want);
        self.health();
        self.settle()
    }

    /// Answers that are late do not hold up others.
    pub fn late(&mut self) -> Result<(), String> {
        for nth in 0..1 + self.random.below(4) {
            // Ill-formed names, so that no profile makes up a node.
            let name = format!("slow-{nth}-");
            let text = format!("resolve_hostname: registry: hostname \"{name}\" not found");
            self.ask_late(
                "resolve_hostname",
                0x11,
                &[name.as_bytes()],
                Want::error(text),
            );
            self.health();
        }
        self.settle()
    }

    /// A peer calls when a port is bound, and the timeline sends three datagrams.
    pub fn visited(&mut self) -> Result<(), String> {
        let port = visited_port(self.me).to_be_bytes();
        let bound = self.unasked.bound + 3;
        let others: Vec<u32> = self.streams.keys().copied().collect();
        self.ask("bind", 0x01, &[&port], Want::Frame(0x02, port.to_vec()));
        let announced = announced_port(self.me).to_be_bytes();
        self.ask(
            "bind",
            0x01,
            &[&announced],
            Want::Frame(0x02, announced.to_vec()),
        );
        self.settle()?;
        let visitor = |me: &Client| {
            let mut visits = me.streams.iter().filter(|(conn, stream)| {
                !others.contains(conn)
                    && matches!(&stream.far, Far::Bytes(head, _) if head.len() == 15)
            });
            visits
                .next()
                .map(|(conn, stream)| (*conn, stream.got == stream.size))
        };
        self.wait_until("visitor", |me| visitor(me).is_some_and(|(_, all)| all))?;
        let Some((conn, _)) = visitor(self) else {
            return Err("the visitor has gone".to_owned());
        };
        // It echoes what it is told.
        let size = 1 + self.random.below(1000);
        if let Some(stream) = self.streams.get_mut(&conn) {
            stream.size += size;
            stream.far = Far::Bytes(b"hello from afar".to_vec(), 77);
        }
        let content = self.world.content(77, 0, size);
        self.send_on(conn, content);
        self.wait_for_all(conn)?;
        self.close(conn)?;
        self.wait_until("datagrams of the timeline", |me| me.unasked.bound == bound)?;
        for port in [port, announced] {
            self.ask("unbind", 0x37, &[&port], Want::Frame(0x38, port.to_vec()));
        }
        self.settle()
    }

    /// A dial that hangs is cancelled, or runs out of time.
    pub fn hang(&mut self) -> Result<(), String> {
        let to = destination(0, peer(self.me, 0), 98);
        let cancelled = self.random.one_in(2);
        let text = if cancelled {
            "context canceled"
        } else {
            "dial timeout"
        };
        for _ in 0..1 + self.random.below(3) {
            self.ask_late("dial", 0x03, &[&to], Want::error(text));
        }
        self.health();
        if cancelled {
            self.tell("cancel", 0x2B, &[]);
        }
        self.settle()
    }

    /// The peers' other services: a greeting, messages that are acknowledged, events.
    pub fn services(&mut self) -> Result<(), String> {
        let node = peer(self.me, 0);
        let greeting = Stream::of(Far::Bytes(b"hello\n".to_vec(), 0), 6);
        let conn = self.dial_peer(node, 13, greeting)?;
        self.wait_for_all(conn)?;
        self.close(conn)?;
        let size = self.random.below(3000);
        let text = format!("ACK TEXT {size} bytes");
        let word = |number: usize| (number as u32).to_be_bytes();
        let answer = [&word(1)[..], &word(text.len()), text.as_bytes()].concat();
        let all = answer.len();
        let conn = self.dial_peer(node, 1001, Stream::of(Far::Bytes(answer, 0), all))?;
        let message = [&word(1)[..], &word(size), self.world.content(5, 0, size)].concat();
        let (first, second) = message.split_at(self.random.below(message.len()));
        self.send_on(conn, first);
        self.send_on(conn, second);
        self.wait_for_all(conn)?;
        self.close(conn)?;
        let event = |payload: &[u8]| [b"\0\x04soak", &word(payload.len())[..], payload].concat();
        let told = event(b"something happens");
        let size = told.len();
        let hearer = self.dial_peer(node, 1002, Stream::of(Far::Bytes(told.clone(), 0), size))?;
        let teller = self.dial_peer(node, 1002, Stream::of(Far::Bytes(Vec::new(), 0), 0))?;
        for conn in [hearer, teller] {
            self.send_on(conn, &event(b""));
        }
        self.send_on(teller, &told);
        self.wait_for_all(hearer)?;
        self.close(hearer)?;
        self.close(teller)
    }
}
