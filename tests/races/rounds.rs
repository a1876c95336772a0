//! Rounds of a race: who starts when, and what they leave for the figures.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::steered::Steered;
use crate::support::{Chance, Client, asked, poll};

/// The daemon's own node and port 80, as a dial asks for them.
pub const OWN_80: [u8; 8] = [0, 0, 0x12, 0x34, 0x56, 0x78, 0, 80];
pub const PORT_80: [u8; 2] = [0, 80];

/// A frame: command and payload.
pub type Frame = (u8, Vec<u8>);

/// Threads for rounds that wait more than they work.
const LANES: u64 = 8;

/// Plays so many rounds, or as many as the environment says, and prints what that took.
pub fn play(name: &str, few: u64, mut round: impl FnMut(u64, &mut Chance)) {
    timed(name, few, |rounds, seed| {
        let mut chance = Chance(seed);
        (0..rounds).for_each(|number| round(number, &mut chance));
    });
}

/// The same, several rounds at a time: they share nothing.
pub fn play_side_by_side(name: &str, few: u64, round: impl Fn(&mut Chance) + Sync) {
    timed(name, few, |rounds, seed| {
        std::thread::scope(|scope| {
            for lane in 0..LANES {
                let round = &round;
                scope.spawn(move || {
                    let mut chance = Chance(seed + lane);
                    (lane..rounds)
                        .step_by(LANES as usize)
                        .for_each(|_| round(&mut chance));
                });
            }
        });
    });
}

fn timed(name: &str, few: u64, all: impl FnOnce(u64, u64)) {
    let rounds = asked("MOCKPILOT_ROUNDS").unwrap_or(few);
    let seed = asked("MOCKPILOT_SEED").unwrap_or(1);
    println!("races: {name}: {rounds} rounds, seed {seed}");
    let started = Instant::now();
    all(rounds, seed);
    let took = started.elapsed().as_secs_f64();
    println!("races: {name}: {rounds} rounds, seed {seed}, all good in {took:.1} s");
}

/// Runs both at the same moment, the one or the other a little later.
pub fn at_once<A: Send, B: Send>(
    chance: &mut Chance,
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> (A, B) {
    let (start, late) = (Barrier::new(2), chance.below(2) == 0);
    let while_away = chance.below(3000);
    let idle = |mine: bool| {
        start.wait();
        (0..if mine { while_away } else { 0 }).for_each(|_| std::hint::spin_loop());
    };
    std::thread::scope(|scope| {
        let one = scope.spawn(|| {
            idle(late);
            one()
        });
        idle(!late);
        let other = other();
        (one.join().expect("the one goes well"), other)
    })
}

/// The payloads of the frames of a kind.
pub fn of(frames: &[Frame], code: u8) -> Vec<&[u8]> {
    let of = frames.iter().filter(|(of, _)| *of == code);
    of.map(|(_, payload)| payload.as_slice()).collect()
}

/// The number of a stream.
pub fn number(id: &[u8]) -> u32 {
    u32::from_be_bytes(id.try_into().expect("an id of four bytes"))
}

/// Dials the listener's port 80; gives the ids at both ends.
pub fn join(dialler: &mut Client, listener: &mut Client) -> (Vec<u8>, Vec<u8>) {
    let near = dialler.call_ok(0x03, &OWN_80);
    let accept = listener.expect(0x05);
    (near, accept[2..6].to_vec())
}

/// No stream is open, for the node and for each of its clients.
pub fn no_stream_is_open(steered: &Steered) {
    let state = steered.done(json!({"verb": "state"}))["state"].clone();
    let streams = state["streams"].as_array().unwrap();
    let open = streams.iter().filter(|one| one["state"] == "ESTABLISHED");
    assert_eq!(open.count(), 0, "{streams:#?}");
    for row in clients(steered) {
        assert_eq!(row["streams"], json!([]), "{row}");
    }
}

pub fn clients(steered: &Steered) -> Vec<Value> {
    let answer = steered.done(json!({"verb": "clients"}));
    answer["clients"].as_array().unwrap().clone()
}

/// Waits until so many clients are there.
pub fn wait_for_clients(steered: &Steered, count: usize) {
    let there = poll(|| (clients(steered).len() == count).then_some(()));
    assert!(there.is_some(), "{:?}", clients(steered));
}

/// Whether so many rounds are asked for that a busy machine does not spoil most of them.
pub fn are_many() -> bool {
    asked("MOCKPILOT_ROUNDS").is_some_and(|rounds| rounds >= 20)
}

/// Prints the middle and the longest of some times, and gives the middle.
pub fn told(what: &str, mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let (Some(last), Some(middle)) = (times.last(), times.get(times.len() / 2)) else {
        return Duration::ZERO;
    };
    println!("races: {what}: median {middle:.1?}, longest {last:.1?}");
    *middle
}
