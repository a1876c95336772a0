//! JSON as Go's `encoding/json` reads and writes it.
//!
//! Everything here works on bytes with explicit stacks or none: a document may nest as deep as Go allows
//! (10,000 levels) and no thread's stack notices.

mod decode;
mod members;
mod object;
mod read;
mod scan;
mod value;
mod write;

pub use decode::{Decoded, Field, Kind, decode_struct, string_list};
pub(crate) use decode::{Mismatch, find_key};
pub(crate) use members::{Member, clipped, members};
pub(crate) use object::object;
pub use object::set;
pub use read::{Event, Reader, unquote};
pub(crate) use value::number;
pub use value::parse;
pub use write::{compact, from_serde, push_string};
