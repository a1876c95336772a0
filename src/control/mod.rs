//! The control socket, over which tests steer a running daemon, and `ctl`, which talks to it.
//!
//! A request is a line of JSON with a `verb`; it gets a line of JSON with `ok` in answer.
//! [`verbs`] has the verbs and what they do, [`connection`] a client's requests in their order,
//! and [`server`] all clients.

mod answer;
mod connection;
pub(crate) mod ctl;
#[cfg(any(all(test, not(shuttle)), fuzzing))]
#[path = "../../tests/fuzz/entries/control.rs"]
pub(crate) mod fuzzing;
mod request;
mod server;
pub(crate) mod verbs;

pub(crate) use request::request;
pub(crate) use server::Server;
