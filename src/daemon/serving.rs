//! A client's frames served, in turns with the other clients'.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use super::hub::{Hub, RECHECK};
use super::outbox::Outbox;
use super::turn::Turn;
use crate::node::ClientId;
use crate::wire::fields::{View, request_fields};
use crate::wire::frame::{Ending, Frame, FrameReader, PREFIX};
use crate::wire::{Decoded, Request, decode};

/// Bytes of frames that are served before others get a turn.
const TURN: usize = 64 * 1024;

/// Largest payload that is decoded while others wait.
const QUICK: usize = 4 * 1024;

/// How long to wait at least for what is held back for a time that has come (our choice).
const SOON: Duration = Duration::from_millis(1);

/// How much of a reader's frames was served.
#[derive(Clone, Copy, Debug)]
pub enum Served {
    /// All that it holds whole.
    All,
    /// Those up to one behind which nothing is read from its client for now, or at all.
    UntilHalt,
}

impl Hub {
    /// Serves the frames of a client that its reader holds whole. Replies are gathered in the outbox;
    /// the caller flushes it.
    ///
    /// # Errors
    /// The [`Ending`] of the input, when what the reader holds cannot be a frame.
    pub fn serve<R: Read>(
        self: &Arc<Self>,
        client: ClientId,
        outbox: &Arc<Outbox>,
        reader: &mut FrameReader<R>,
    ) -> Result<Served, Ending> {
        let mut turn: Option<Turn<'_>> = None;
        let mut in_this_turn = 0;
        while let Some(frame) = reader.buffered()? {
            if turn.as_ref().is_some_and(Turn::is_cut_off) {
                return Err(Ending::Clean);
            }
            in_this_turn += frame.payload.len() + PREFIX + 1;
            if in_this_turn > TURN || turn.as_ref().is_some_and(Turn::is_full) {
                turn = None;
                in_this_turn = 0;
                outbox.flush();
            }
            if frame.payload.len() > QUICK {
                // It may take a while to decode: nobody else waits for it.
                turn = None;
            }
            let decoded = decode(frame);
            self.log_received(client, frame, &decoded);
            if let Ok(request) = &decoded {
                self.give_way(&mut turn, client, outbox, request);
            }
            let held = self.take_turn(&mut turn, outbox);
            let held = held.ok_or(Ending::Clean)?;
            held.receive(client, frame, &decoded);
            if held.is_halted() {
                return Ok(Served::UntilHalt);
            }
        }
        match turn {
            Some(held) if held.is_free() => Ok(Served::All),
            Some(_) => Ok(Served::UntilHalt),
            None if self.wait_for_own_room(outbox) => Ok(Served::All),
            None => Err(Ending::Clean),
        }
    }

    /// The turn that lasts, or a new one once the client may be served; `None` when the daemon ends
    /// before that.
    fn take_turn<'t, 'h>(
        self: &'h Arc<Self>,
        turn: &'t mut Option<Turn<'h>>,
        outbox: &'h Arc<Outbox>,
    ) -> Option<&'t mut Turn<'h>> {
        while turn.is_none() {
            let begun = Turn::begin(self, outbox);
            if begun.is_free() {
                *turn = Some(begun);
            } else {
                drop(begun);
                if !self.wait_for_own_room(outbox) {
                    return None;
                }
            }
        }
        turn.as_mut()
    }

    fn log_received(&self, client: ClientId, frame: Frame<'_>, decoded: &Decoded<'_>) {
        self.log.frame(|| match decoded {
            Ok(request) => {
                let fields = request_fields(frame, decoded, View::default());
                let fields = serde_json::Value::Object(fields);
                format!("client {client} in {} {fields}", request.command().name())
            }
            Err(malformed) => {
                let (name, text) = (malformed.name, &malformed.text);
                format!("client {client} in {name} malformed: {text}")
            }
        });
    }

    /// Waits, and lets others go on meanwhile, until all that would get a request's data have
    /// room for it or the daemon ends.
    fn give_way<'h>(
        self: &'h Arc<Self>,
        turn: &mut Option<Turn<'h>>,
        client: ClientId,
        own: &'h Arc<Outbox>,
        request: &Request<'_>,
    ) {
        let Request::Send { conn, data } = request else {
            return;
        };
        loop {
            let Some(held) = self.take_turn(turn, own) else {
                return;
            };
            let Some((full, due)) = held.full_taker(client, own, *conn, data.len()) else {
                return;
            };
            *turn = None;
            own.flush();
            match due {
                None => full.wait_for_room(RECHECK),
                Some(due) => full.wait_for_more(due.clamp(SOON, RECHECK)),
            }
            if own.queue().is_cut_off() {
                return;
            }
            if own.peer_has_closed() {
                // What it has sent still goes out, but its ports are anybody's.
                self.state().node.free_ports(client);
            }
        }
    }

    /// Replies are never dropped, so a client that does not read them is not read from, nor is one that
    /// is stalled. False when the daemon ends meanwhile: what it has asked since cannot be answered
    /// any more.
    fn wait_for_own_room(&self, outbox: &Arc<Outbox>) -> bool {
        outbox.sit_out_stall(RECHECK);
        while outbox.is_overloaded(self.limits.client_budget) {
            if self.is_stopping() {
                return false;
            }
            outbox.flush();
            outbox.push();
            outbox.wait_for_relief(RECHECK);
            if outbox.peer_has_closed() {
                // Nobody waits for its answers; what it has sent is still served.
                outbox.close();
            }
        }
        true
    }
}
