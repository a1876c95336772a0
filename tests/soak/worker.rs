//! What a client does all the time, and how all rest together.

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use serde_json::json;

use super::client::{Client, DEADLINE};
use super::want::Want;
use super::world::{OWN, World};

/// How long one that waits for the others reads before it looks whether all are there.
const LOOK: Duration = Duration::from_millis(20);

type Act<'w> = fn(&mut Client<'w>) -> Result<(), String>;

/// One in so many acts is to leave.
const LEAVES: usize = 100;

pub fn work(world: &World, me: usize) -> Result<(), String> {
    let mut client = Client::new(world, me)?;
    client.bind_port()?;
    // Everything is done at least once.
    let acts = Client::ACTS;
    for nth in 0..acts.len() {
        acts[(me + nth) % acts.len()].1(&mut client)?;
    }
    client.leave_and_return()?;
    client.act_until(world.plan.first())?;
    client.rest(Client::reset)?;
    client.act_until(world.plan.time)?;
    client.rest(Client::conclude)?;
    client.leave()?;
    world.tally.lock().unwrap().add(&client.tally);
    Ok(())
}

impl<'w> Client<'w> {
    /// All that a client does, with how often it does so.
    const ACTS: [(usize, Act<'w>); 13] = [
        (1000, Self::burst),
        (120, Self::echo),
        (160, Self::join),
        (100, Self::speak),
        (60, Self::trust),
        (10, Self::pending),
        (60, Self::prove),
        (20, Self::scripted),
        (6, Self::stalled),
        (20, Self::late),
        (10, Self::visited),
        (10, Self::hang),
        (20, Self::services),
    ];

    fn act_until(&mut self, end: Duration) -> Result<(), String> {
        let total: usize = Self::ACTS.iter().map(|(often, _)| often).sum();
        while self.world.started.elapsed() < end {
            if self.random.one_in(LEAVES) {
                self.leave_and_return()?;
            }
            let mut drawn = self.random.below(total);
            for (often, act) in Self::ACTS {
                if drawn < often {
                    act(self)?;
                    break;
                }
                drawn -= often;
            }
        }
        Ok(())
    }

    /// Waits until all have come so far, and serves the others meanwhile.
    fn meet(&mut self) -> Result<(), String> {
        let times = self.world.gate.arrive(self.me);
        let end = Instant::now() + 2 * DEADLINE;
        loop {
            let missing = self.world.gate.missing(times, Duration::ZERO);
            if missing.is_empty() {
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(format!("waiting for {missing:?}"));
            }
            self.step(LOOK)?;
        }
    }

    /// All rest: every reply, stream and datagram must be there. Then one of them does something.
    fn rest(&mut self, something: Act<'w>) -> Result<(), String> {
        self.settle()?;
        self.meet()?;
        self.wait_until("end of the streams of others", |me| me.streams.is_empty())?;
        self.health();
        self.settle()?;
        self.close_the_books();
        self.meet()?;
        self.begin_to_leave(true);
        self.generation = self.world.clients[self.me].leaving.load(SeqCst);
        self.model = Default::default();
        self.meet()?;
        if self.me == 0 {
            something(self)?;
        }
        self.meet()?;
        self.health();
        self.bind_port()
    }

    fn reset(&mut self) -> Result<(), String> {
        self.talk.done(json!({"verb": "verify"}));
        self.talk.done(json!({"verb": "reset"}));
        Ok(())
    }

    /// What cannot be taken back: the faithful profile refuses much once the node is deregistered.
    fn conclude(&mut self) -> Result<(), String> {
        self.talk.done(json!({"verb": "verify"}));
        if !self.world.lenient {
            let key = format!(
                "{{\"address\":\"*\",\"node_id\":{OWN},\"public_key\":\"*\",\"type\":\"rotate_key_ok\"}}"
            );
            self.ask("rotate_key", 0x25, &[], Want::text(0x26, key));
            let gone = Want::text(0x18, "{\"type\":\"deregister_ok\"}");
            self.ask("deregister", 0x17, &[], gone);
            let refused = format!("rotate_key: registry: registry: node {OWN}: node not found");
            self.ask("rotate_key", 0x25, &[], Want::error(refused));
            self.settle()?;
        }
        self.talk.done(json!({"verb": "reset"}));
        Ok(())
    }
}
