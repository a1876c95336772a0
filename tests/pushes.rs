//! Pushes, from outside: whom they reach and when, and what becomes of those that nobody takes.

mod staged;
mod support;

#[path = "pushes/backlog.rs"]
mod backlog;
#[path = "pushes/kinds.rs"]
mod kinds;
#[path = "pushes/reach.rs"]
mod reach;
