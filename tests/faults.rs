//! Faults, from outside: the bytes and the `errno` that a C client sees.

mod support;

#[path = "faults/arrivals.rs"]
mod arrivals;
#[path = "faults/ends.rs"]
mod ends;
#[path = "faults/replies.rs"]
mod replies;
#[path = "support/ruled.rs"]
mod ruled;
#[path = "faults/silent.rs"]
mod silent;
#[path = "faults/slow.rs"]
mod slow;
#[path = "faults/stall.rs"]
mod stall;
