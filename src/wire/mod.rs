//! The wire: frames, the command table, typed requests and replies. Knows bytes, and neither
//! sockets nor state.

pub mod address;
mod body;
pub mod command;
pub mod decode;
pub mod encode;
pub mod field;
pub mod fields;
pub mod frame;
pub mod kind;
pub mod outgoing;
mod partial;
pub mod reply;
pub mod request;

pub use address::Address;
pub use command::Command;
pub use decode::{Decoded, Malformed, decode, malformed};
pub use encode::{Encoder, encode_push, encode_reply};
pub use reply::{Push, Reply};
pub use request::Request;
