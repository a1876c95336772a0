//! Clients of both profiles mix everything for as long as one has time: every reply, byte and datagram is
//! accounted for, by the clients and by the journal, and the daemons' memory, threads and descriptors
//! are what they were.
//!
//! `cargo test` runs it for a second and a half, in which no client stalls; `make soak` for half an hour,
//! or for `MOCKPILOT_SECONDS`.
#![cfg(target_os = "linux")] // It looks into /proc.

#[path = "support/steered.rs"]
mod steered;
mod support;

#[path = "soak/client.rs"]
mod client;
#[path = "frames/commands.rs"]
mod commands;
#[path = "soak/connection.rs"]
mod connection;
#[path = "soak/curve.rs"]
mod curve;
#[path = "soak/datagrams.rs"]
mod datagrams;
#[path = "soak/figures.rs"]
mod figures;
#[path = "soak/journal.rs"]
mod journal;
#[path = "soak/kinds.rs"]
mod kinds;
#[path = "soak/leaving.rs"]
mod leaving;
#[path = "soak/malformed.rs"]
mod malformed;
#[path = "soak/plain.rs"]
mod plain;
#[path = "soak/plan.rs"]
mod plan;
#[path = "soak/process.rs"]
mod process;
#[path = "soak/run.rs"]
mod run;
#[path = "soak/scenario.rs"]
mod scenario;
#[path = "soak/scripted.rs"]
mod scripted;
#[path = "soak/staller.rs"]
mod staller;
#[path = "soak/steering.rs"]
mod steering;
#[path = "soak/streams.rs"]
mod streams;
#[path = "soak/trust.rs"]
mod trust;
#[path = "soak/want.rs"]
mod want;
#[path = "soak/worker.rs"]
mod worker;
#[path = "soak/world.rs"]
mod world;

use std::time::Instant;

#[test]
fn everything_is_accounted_for_and_nothing_is_left_behind() {
    let plan = plan::Plan::from_environment();
    println!("soak: {:?} with seed {}", plan.time, plan.seed);
    let started = Instant::now();
    let (sides, mut verdict) = run::run(plan);
    let served: u64 = sides
        .iter()
        .map(|side| {
            let tally = side.world.tally.lock().unwrap();
            tally.sent.total() - tally.cut.total()
        })
        .sum();
    if verdict.is_ok() && served < plan.least {
        verdict = Err(format!("{served} requests, {} are wanted", plan.least));
    }
    let told = figures::told(plan, started.elapsed(), &sides, &verdict);
    if plan.long {
        println!("{}", told.split("\nVmRSS").next().unwrap_or_default());
        let file = support::figures("soak.txt");
        std::fs::write(&file, told).unwrap();
        println!("figures: {}", file.display());
    }
    let seed = plan.seed;
    if let Err(clause) = verdict {
        panic!("soak with MOCKPILOT_SEED={seed}: {clause}");
    }
}
