//! Datagrams: every one reaches every client, in the order of its sender, or the daemon says that it
//! dropped it.

use std::collections::HashMap;
use std::sync::atomic::Ordering::SeqCst;

use super::client::{Client, number};
use super::scenario::ADMIN;
use super::streams::destination;
use super::want::Want;
use super::world::{OWN, network, peer};

/// Bytes before the content: what it is, who sends it, in which generation, its number and size.
const HEADER: usize = 16;
const MAGIC: u8 = 0xDA;

/// The two ways to all clients, by their place in [`Public::spoken`](super::world::Public::spoken).
const TO_ALL: usize = 0;
const BROADCAST: usize = 1;

/// What was heard of every sender: its generation and the number of its next datagram, each way.
#[derive(Default)]
pub struct Heard(HashMap<(usize, usize), (u64, u32)>);

impl Client<'_> {
    pub fn heard(&mut self, payload: &[u8]) -> Result<(), String> {
        let Some((header, data)) = payload.split_first_chunk::<10>() else {
            return Err(format!("a datagram of {} bytes", payload.len()));
        };
        let (node, from) = (
            number(&header[2..]),
            u16::from_be_bytes([header[6], header[7]]),
        );
        if (node, from) == (2, 5000) {
            return self.heard_of_scenario(data);
        }
        if data.len() < HEADER || data[0] != MAGIC {
            return Err(format!(
                "a datagram from node {node}, port {from}: {data:02x?}"
            ));
        }
        let (way, sender) = (usize::from(data[1]), usize::from(data[2]));
        let generation = u64::from(number(&data[4..]));
        let (nth, size) = (number(&data[8..]), number(&data[12..]) as usize);
        let expected = if self.world.lenient {
            from == 0xDEAD
        } else {
            from >= 49_152
        };
        if !expected {
            return Err(format!("a datagram from port {from}"));
        }
        let key = nth as usize * 7919 + sender;
        if data.len() != HEADER + size || &data[HEADER..] != self.world.content(key, 0, size) {
            return Err(format!("wrong bytes in datagram {nth} of client {sender}"));
        }
        let heard = self.heard.0.get(&(sender, way)).copied();
        let next = match heard {
            // What was sent before this client came is none of its business.
            None => nth,
            Some((known, next)) if known == generation => next,
            Some((known, next)) => {
                if generation < known {
                    return Err(format!(
                        "a datagram of client {sender} of generation {generation}"
                    ));
                }
                let last = self
                    .world
                    .farewells
                    .lock()
                    .unwrap()
                    .get(&(sender, known))
                    .copied();
                if let Some(last) = last {
                    self.record.lost += u64::from(last[way].saturating_sub(next));
                }
                0
            }
        };
        if nth < next {
            return Err(format!(
                "datagram {nth} of client {sender}, expected {next}"
            ));
        }
        self.record.lost += u64::from(nth - next);
        self.heard.0.insert((sender, way), (generation, nth + 1));
        self.world.datagrams.fetch_add(1, SeqCst);
        Ok(())
    }

    fn heard_of_scenario(&mut self, data: &[u8]) -> Result<(), String> {
        match data {
            b"tick" => {}
            b"welcome" => self.unasked.welcome += 1,
            b"bound" => self.unasked.bound += 1,
            b"steered" => self.unasked.steered += 1,
            other => return Err(format!("a datagram of the scenario: {other:02x?}")),
        }
        Ok(())
    }

    /// Sends some, confirmed and not.
    pub fn speak(&mut self) -> Result<(), String> {
        for _ in 0..1 + self.random.below(4) {
            let size = match self.random.below(50) {
                0 => self.random.below(60_000),
                _ => self.random.below(512),
            };
            let node = match self.world.lenient {
                true => peer(self.me, 0),
                false => OWN,
            };
            let way = match self.random.below(4) {
                0 if self.world.lenient => BROADCAST,
                _ => TO_ALL,
            };
            let data = self.next_datagram(way, size);
            let to = destination(0, node, 9);
            match self.random.below(2) {
                _ if way == BROADCAST => {
                    let network = network(self.me, 0).to_be_bytes();
                    let token = [&[0, 9, 0, ADMIN.len() as u8], ADMIN.as_bytes()].concat();
                    let parts = [&network[..], &token, &data];
                    self.ask("broadcast", 0x29, &parts, Want::Frame(0x2A, Vec::new()));
                }
                0 => self.tell("send_to", 0x0B, &[&to, &data]),
                _ => {
                    let confirmed = Want::Frame(0x3A, Vec::new());
                    self.ask("send_to_confirm", 0x39, &[&to, &data], confirmed);
                }
            }
        }
        if self.random.one_in(4) {
            // The scenario has this one lost.
            self.tell("send_to", 0x0B, &[&destination(0, OWN, 9999), b"lost"]);
        }
        self.health();
        self.settle()
    }

    fn next_datagram(&mut self, way: usize, size: usize) -> Vec<u8> {
        let nth = self.world.clients[self.me].spoken[way].fetch_add(1, SeqCst);
        let mut data = vec![MAGIC, way as u8, self.me as u8, 0];
        for word in [self.generation as u32, nth, size as u32] {
            data.extend_from_slice(&word.to_be_bytes());
        }
        data.extend_from_slice(self.world.content(nth as usize * 7919 + self.me, 0, size));
        data
    }

    /// When all have been quiet and what they sent has come: what is wanting is lost.
    pub fn close_the_books(&mut self) {
        for ((sender, way), (generation, next)) in &mut self.heard.0 {
            let public = &self.world.clients[*sender];
            let said = public.spoken[*way].load(SeqCst);
            if public.leaving.load(SeqCst) == *generation {
                self.record.lost += u64::from(said - *next);
                *next = said;
            }
        }
    }
}
