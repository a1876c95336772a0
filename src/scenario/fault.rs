//! Ways to spoil an answer or a client's arrival.

use std::time::Duration;

/// What becomes of a reply instead of being sent as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is answered; of a request without a reply the data is lost.
    NoReply,
    /// The client is closed instead.
    Close,
    /// The first bytes of the frame, its prefix included, and then a close.
    Truncate(usize),
    /// The frame in pieces of so many bytes (more than 0), one every so often.
    Slow(usize, Duration),
    /// This length prefix over the true body.
    Length(u32),
    /// This reply byte over the true payload.
    Command(u8),
    /// The reply twice.
    Duplicate,
    /// As many random bytes as the frame has, in its place.
    Garbage,
    /// The reply, and then nothing is read from the client for so long.
    Stall(Duration),
    /// Only for a client's arrival.
    Arrival(Arrival),
}

/// How an arriving client is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// One byte is read, and the rest left unread at the close: the client sees ECONNRESET.
    Reset,
    /// Closed at once.
    Refuse,
}

impl Fault {
    /// The fault's name in scenarios and in the journal.
    pub fn name(&self) -> &'static str {
        match self {
            Fault::NoReply => "no_reply",
            Fault::Close => "close",
            Fault::Truncate(_) => "truncate",
            Fault::Slow(..) => "slow",
            Fault::Length(_) => "length",
            Fault::Command(_) => "command",
            Fault::Duplicate => "duplicate",
            Fault::Garbage => "garbage",
            Fault::Stall(_) => "stall",
            Fault::Arrival(Arrival::Reset) => "reset",
            Fault::Arrival(Arrival::Refuse) => "refuse",
        }
    }
}
