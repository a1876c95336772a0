//! Models of what threads do to each other, run by a checker in very many orders:
//! `RUSTFLAGS="--cfg shuttle" cargo test --lib races`. The code is the daemon's own; the sockets and the
//! time are the checker's.

mod ends;
mod explore;
mod frames;
mod outbox;
mod pace;
mod sessions;
mod shutdown;
mod talk;
