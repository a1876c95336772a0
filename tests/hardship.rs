//! What the machine does to the daemon: limits reached, disks full, streams that nobody reads, processes
//! killed, names taken away. Nothing is lost without a word, nothing is left behind, and it goes on
//! serving.
//!
//! MOCKPILOT_ROUNDS repeats the ends and the races. `make faults` names the file for their figures, too.
#![cfg(target_os = "linux")]

mod support;

#[path = "hardship/confined.rs"]
mod confined;
#[path = "hardship/control_clients.rs"]
mod control_clients;
#[path = "support/daemon.rs"]
mod daemon;
#[path = "hardship/descriptors.rs"]
mod descriptors;
#[path = "hardship/disks.rs"]
mod disks;
#[path = "hardship/figures.rs"]
mod figures;
#[path = "hardship/mounts.rs"]
mod mounts;
#[path = "hardship/names.rs"]
mod names;
#[path = "hardship/pipes.rs"]
mod pipes;
#[path = "hardship/racers.rs"]
mod racers;
#[path = "hardship/signals.rs"]
mod signals;
#[path = "hardship/stalled.rs"]
mod stalled;
#[path = "support/steered.rs"]
mod steered;
#[path = "hardship/threads.rs"]
mod threads;
