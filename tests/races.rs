//! What clients, a control connection and signals do to the built daemon at the same moment, in rounds:
//! few by default, `MOCKPILOT_ROUNDS` says how many. `make races` runs 500 of each.

mod support;

#[path = "races/clients.rs"]
mod clients;
#[path = "races/ends.rs"]
mod ends;
#[path = "races/ports.rs"]
mod ports;
#[path = "races/resets.rs"]
mod resets;
#[path = "races/rounds.rs"]
mod rounds;
#[path = "support/steered.rs"]
mod steered;
#[path = "races/streams.rs"]
mod streams;
