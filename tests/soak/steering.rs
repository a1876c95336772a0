//! Who steers a daemon while its clients are at it.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::SLICE;
use super::plan::CLIENTS;
use super::steered::Talk;
use super::world::World;

/// How long a request is awaited: a [`Talk`] waits longer, and gets the daemon's own word.
pub const AWAITED: &str = "8s";

/// How often all meet while they rest.
pub const MEETINGS: usize = 4;

pub struct Steering<'w> {
    world: &'w World,
    talk: Talk,
    /// The last entry of the journal that is known.
    seq: u64,
    rounds: u64,
}

impl<'w> Steering<'w> {
    pub fn new(world: &'w World) -> Steering<'w> {
        Steering {
            world,
            talk: Talk::new(&world.control),
            seq: 0,
            rounds: 0,
        }
    }

    pub fn run(&mut self) -> Result<(), String> {
        for end in [self.world.plan.first(), self.world.plan.time] {
            self.talk
                .done(json!({"verb": "expect", "expect": {"on": ["dial", "health"]}}));
            while self.world.started.elapsed() < end {
                self.round()?;
            }
            for _ in 0..MEETINGS {
                meet(self.world, CLIENTS)?;
            }
        }
        self.world.note("rounds of steering", self.rounds);
        Ok(())
    }

    fn round(&mut self) -> Result<(), String> {
        self.world.failure.check()?;
        self.rounds += 1;
        self.see_requests()?;
        self.change_rules()?;
        self.look_around()?;
        self.make_mistakes()?;
        pace(&mut self.talk, self.seq)
    }

    /// A request that is awaited is in the journal.
    fn see_requests(&mut self) -> Result<(), String> {
        let wanted =
            json!({"verb": "await", "on": "health", "since": self.seq, "timeout": AWAITED});
        let seen = self.talk.done(wanted)["seq"].as_u64().unwrap_or(0);
        let since = if self.rounds.is_multiple_of(64) {
            0
        } else {
            seen - 1
        };
        let answer = self.talk.done(json!({"verb": "journal", "since": since}));
        let entries = answer["entries"].as_array().ok_or("no entries")?;
        let numbers: Vec<u64> = entries.iter().filter_map(|e| e["seq"].as_u64()).collect();
        let follows = numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        let (first, last) = (numbers.first().copied(), numbers.last().copied());
        if numbers.len() != entries.len() || numbers.len() > 10_000 || !follows {
            return Err(format!(
                "the journal behind {since} has {first:?} to {last:?}, not all"
            ));
        }
        if first.is_none_or(|first| {
            first <= since || (since > 0 && numbers.len() < 10_000 && first != seen)
        }) {
            return Err(format!("the journal behind {since} begins with {first:?}"));
        }
        self.seq = last.unwrap_or(seen).max(seen);
        Ok(())
    }

    /// Rules come and go; a scoped one goes with its connection.
    fn change_rules(&mut self) -> Result<(), String> {
        let rule =
            json!({"on": "set_webhook", "when": {"url": "http://steered.test/"}, "error": "no"});
        let named = |name: &str| {
            let mut rule = rule.clone();
            rule["name"] = name.into();
            json!({"verb": "rule_add", "rule": rule})
        };
        self.talk.done(named("steered"));
        let twice = self.talk.ask(named("steered"));
        expect_refusal(&twice, "steered")?;
        self.talk
            .done(json!({"verb": "rule_remove", "name": "steered"}));
        let mut other = Talk::new(&self.world.control);
        let mut scoped = named("scoped");
        scoped["scoped"] = true.into();
        other.done(scoped);
        let names = |talk: &mut Talk| -> Vec<Value> {
            let answer = talk.done(json!({"verb": "rules"}));
            let rows = answer["rules"].as_array().cloned().unwrap_or_default();
            rows.into_iter().map(|row| row["name"].clone()).collect()
        };
        if !names(&mut self.talk).contains(&"scoped".into()) {
            return Err("a scoped rule is not listed".to_owned());
        }
        drop(other);
        let end = std::time::Instant::now() + super::client::DEADLINE;
        while names(&mut self.talk).contains(&"scoped".into()) {
            if std::time::Instant::now() >= end {
                return Err("a scoped rule stays behind its connection".to_owned());
            }
        }
        Ok(())
    }

    fn look_around(&mut self) -> Result<(), String> {
        let ping = self.talk.done(json!({"verb": "ping"}));
        if !ping["pid"].is_u64() {
            return Err(format!("ping: {ping}"));
        }
        let clients = self.talk.done(json!({"verb": "clients"}));
        let rows = clients["clients"].as_array().map_or(0, Vec::len);
        if rows > 2 * CLIENTS {
            return Err(format!("{rows} clients are listed"));
        }
        let push = json!({"recv_from": {"from": "0:0000.0000.0002:5000", "to_port": 9,
                                        "data": "steered"}});
        self.talk.done(json!({"verb": "push", "push": push}));
        let verified = self.talk.ask(json!({"verb": "verify"}));
        let failures = verified["failures"].as_array().map(Vec::len);
        if failures.map(|count| count == 0) != verified["ok"].as_bool() {
            return Err(format!("verify: {verified}"));
        }
        if self.rounds.is_multiple_of(16) {
            self.talk.done(json!({"verb": "state"}));
        }
        Ok(())
    }

    fn make_mistakes(&mut self) -> Result<(), String> {
        expect_refusal(&self.talk.ask_text("{\"verb\":"), "")?;
        expect_refusal(&self.talk.ask(json!({"verb": "dance"})), "dance")?;
        let nobody = json!({"verb": "drop", "client": u32::MAX});
        expect_refusal(&self.talk.ask(nobody), "there is no client")?;
        let none = json!({"verb": "rule_remove", "name": "none"});
        expect_refusal(&self.talk.ask(none), "none")
    }
}

fn expect_refusal(answer: &Value, text: &str) -> Result<(), String> {
    let error = answer["error"].as_str().unwrap_or_default();
    match answer["ok"] == false && error.contains(text) && !error.is_empty() {
        true => Ok(()),
        false => Err(format!("expected a refusal with {text:?}, got {answer}")),
    }
}

/// Waits a while for what never comes, over the control socket.
pub fn pace(talk: &mut Talk, since: u64) -> Result<(), String> {
    let never = json!({
        "verb": "await", "on": "set_webhook", "when": {"url": "http://never.test/"},
        "timeout": "50ms", "since": since,
    });
    expect_refusal(&talk.ask(never), "")
}

/// Waits for the others.
pub fn meet(world: &World, who: usize) -> Result<(), String> {
    let times = world.gate.arrive(who);
    while !world.gate.missing(times, SLICE).is_empty() {
        world.failure.check()?;
    }
    Ok(())
}

/// Whether there is time for something before the end of a part.
pub fn has_time(world: &World, end: Duration, needed: Duration) -> bool {
    world.started.elapsed() + needed < end
}
