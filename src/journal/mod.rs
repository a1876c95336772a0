//! The journal: what went over the socket, a line of JSON each.

pub mod decode;
