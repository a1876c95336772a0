//! A stand-in for the Pilot Protocol daemon on its local Unix socket.
//!
//! Tests of whatever talks to that socket start it in place of the real `pilot-daemon`: as a
//! process (the `mockpilot` binary) or inside a Rust test ([`MockDaemon`]). It answers as
//! pilot-daemon 1.18.0 does and keeps state that all of its clients share. Nothing of it ever
//! opens a network connection.
//!
//! Data flows one way: bytes → frame → typed request → scenario rule → node → reply and pushes →
//! outbox → bytes. [`wire`] knows bytes and no sockets, [`node`] knows requests and no bytes,
//! [`scenario`] knows what is to happen to them and no sockets, [`journal`] what came and went; [`daemon`]
//! joins them.

mod clause;
mod cli;
mod control;
mod cover;
pub mod daemon;
mod exec;
#[cfg(any(all(test, not(shuttle)), fuzzing))]
#[path = "../tests/fuzz/entries/mod.rs"]
#[doc(hidden)]
pub mod fuzzing;
mod go;
pub mod journal;
mod last_words;
pub mod log;
mod mailbox;
mod mock;
mod nearest;
pub mod node;
mod policy;
mod private;
pub mod program;
pub mod scenario;
mod serve;
mod spread;
#[allow(unsafe_code)]
#[doc(hidden)]
pub mod sys;
mod threads;
pub mod wire;

pub use mock::{Builder, MockDaemon};

#[cfg(test)]
mod testing;
