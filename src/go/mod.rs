//! Go's library rules, as far as a client can see them.
//!
//! The real daemon is a Go program, and parts of its replies are written by Go's own library: the texts of the
//! JSON decoder and of the URL parser, quoted strings, time stamps, the order and escaping of JSON objects.
//! These modules follow the same rules without any of the daemon's state, so each can be tested against tables
//! of what Go prints.

pub mod base64;
pub mod json;
pub mod quote;
pub mod sha256;
pub mod time;
pub mod url;
