//! One client's session: a thread that reads its frames until they end.

use std::cell::Cell;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::hub::{Admitted, Hub, RECHECK};
use super::serving::Served;
use crate::clause::clause;
use crate::journal::{Event, Reason};
use crate::scenario::Arrival;
use crate::threads::{self, UnixStream};
use crate::wire::frame::{Ending, FrameReader};

/// Stack of a session's thread, in bytes.
const STACK: usize = 256 * 1024;

/// Starts the session of a client that was let in.
///
/// # Errors
/// When there is no thread to be had for it: the client is closed then.
pub fn start(hub: &Arc<Hub>, admitted: Admitted) -> io::Result<()> {
    let client = admitted.client;
    let outbox = Arc::clone(&admitted.outbox);
    let its_hub = Arc::clone(hub);
    let run = move || run(&its_hub, &admitted);
    let started = threads::start(&format!("client {client}"), STACK, Box::new(run));
    if started.is_err() {
        hub.part(client, Reason::Drop);
        hub.written(client);
        // Its push thread may be there already.
        outbox.close();
        hub.session_ended();
    }
    started.map(drop)
}

fn run(hub: &Arc<Hub>, admitted: &Admitted) {
    let client = admitted.client;
    let spoke = Cell::new(false);
    let over = Cell::new(Reason::Eof);
    hub.log.frame(|| format!("client {client} has come"));
    let turned_away = admitted
        .turned_away
        .filter(|_| admitted.outbox.is_turned_away(RECHECK));
    let result = catch_unwind(AssertUnwindSafe(|| {
        let ending = match turned_away {
            Some(arrival) => turn_away(&admitted.stream, arrival),
            None => read_frames(hub, admitted, &spoke),
        };
        hub.log
            .frame(|| format!("client {client} has gone: {}", describe(&ending)));
        if admitted.outbox.ending() == Some(Reason::Timeout) {
            let patience = hub.limits.write_timeout;
            hub.log.warn(&format!(
                "client {client}: took no byte for {patience:?}, dropped"
            ));
        }
        if let Some(error) = admitted.outbox.no_thread() {
            let why = clause(&error);
            hub.log.warn(&format!(
                "client {client}: no thread for its pushes, dropped: {why}"
            ));
        }
        over.set(reason(&ending));
        if let Ending::TooLong(length) = ending {
            if let Some(journal) = &hub.hooks.journal {
                journal.event(Some(client), &Event::OverLimit { length }, None);
            }
            hub.log.warn(&format!(
                "client {client}: frame of {length} bytes is over the limit, closed"
            ));
        }
    }));
    if let Err(panic) = result {
        let what = panic
            .downcast_ref::<&str>()
            .map(|s| (*s).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        hub.log
            .error(&format!("client {client}: session panicked: {what}"));
    }
    hub.sit_out_slow(&admitted.outbox);
    let given = admitted.outbox.ending();
    if hub.part(client, given.unwrap_or(over.get())) {
        admitted.outbox.drain(hub.drain_deadline());
        hub.written(client);
    }
    if turned_away == Some(Arrival::Reset) {
        admitted.outbox.abandon();
    } else {
        admitted.outbox.close();
    }
    if matches!(given, Some(Reason::Fault | Reason::Drop)) && turned_away.is_none() {
        admitted.outbox.read_the_rest();
    }
    if let (true, Some(last_client)) = (spoke.get(), &hub.hooks.last_client) {
        last_client.left();
    }
    hub.session_ended();
}

fn read_frames(hub: &Arc<Hub>, admitted: &Admitted, spoke: &Cell<bool>) -> Ending {
    let Admitted {
        client,
        stream,
        outbox,
        ..
    } = admitted;
    let mut reader = FrameReader::new(&**stream);
    if let Err(ending) = reader.fill() {
        return ending;
    }
    spoke.set(true);
    if let Some(last_client) = &hub.hooks.last_client {
        last_client.came();
    }
    loop {
        let served = hub.serve(*client, outbox, &mut reader);
        outbox.flush();
        let more = match served {
            Ok(Served::All) => reader.fill(),
            Ok(Served::UntilHalt) if outbox.ending().is_some() => Err(Ending::Clean),
            Ok(Served::UntilHalt) => Ok(()),
            Err(ending) => Err(ending),
        };
        if let Err(ending) = more {
            return ending;
        }
    }
}

/// Turns a client away, of which nothing else is read.
fn turn_away(mut stream: &UnixStream, arrival: Arrival) -> Ending {
    if arrival == Arrival::Reset {
        // What is left unread behind this byte makes the close a reset.
        let _ = stream.read(&mut [0]);
    }
    Ending::Clean
}

fn reason(ending: &Ending) -> Reason {
    match ending {
        Ending::Clean | Ending::Broken(_) => Reason::Eof,
        Ending::Cut(_) => Reason::CutFrame,
        Ending::TooLong(_) => Reason::OverLimit,
    }
}

fn describe(ending: &Ending) -> String {
    match ending {
        Ending::Clean => "end of file".to_owned(),
        Ending::Cut(bytes) => format!("end of file after {bytes} bytes of a frame"),
        Ending::TooLong(length) => format!("a frame of {length} bytes"),
        Ending::Broken(error) => error.to_string(),
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;
    use crate::daemon::{Hooks, Limits, Setup};
    use crate::log::Log;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixDatagram;
    use std::time::Duration;

    /// A session whose stream keeps the bounds of writes: what it writes at once arrives as one.
    fn session() -> UnixDatagram {
        let (near, far) = UnixDatagram::pair().unwrap();
        far.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let (setup, hooks) = (Setup::default(), Hooks::default());
        let hub = Arc::new(Hub::new(setup, Limits::default(), Log::none(), hooks));
        let stream = UnixStream::from(OwnedFd::from(near));
        start(&hub, hub.admit(stream).expect("room for a client")).unwrap();
        far
    }

    fn ask(far: &UnixDatagram, request: &[u8]) -> Vec<u8> {
        far.send(request).unwrap();
        let mut reply = vec![0; 1 << 17];
        let length = far.recv(&mut reply).unwrap();
        reply.truncate(length);
        reply
    }

    fn frames(mut bytes: &[u8]) -> Vec<u8> {
        let mut codes = Vec::new();
        while !bytes.is_empty() {
            let length = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
            codes.push(bytes[4]);
            bytes = &bytes[4 + length..];
        }
        codes
    }

    #[test]
    fn a_read_and_a_write_serve_a_request_and_a_burst_alike() {
        let far = session();
        let health = [0, 0, 0, 1, 0x21];
        assert_eq!(frames(&ask(&far, &health)), [0x22]);
        assert_eq!(frames(&ask(&far, &[0, 0, 0, 1, 0x0D])), [0x0E]);
        assert_eq!(frames(&ask(&far, &health.repeat(64))), [0x22; 64]);
        let dial = [0, 0, 0, 9, 0x03, 0, 0, 0, 0, 0, 5, 0, 7];
        assert_eq!(ask(&far, &dial), [0, 0, 0, 5, 0x04, 0, 0, 0, 1]);
        let echo = [0, 0, 0, 6, 0x06, 0, 0, 0, 1, b'x'];
        assert_eq!(ask(&far, &echo), [0, 0, 0, 6, 0x07, 0, 0, 0, 1, b'x']);
        let close = [0, 0, 0, 5, 0x08, 0, 0, 0, 1];
        assert_eq!(frames(&ask(&far, &close)), [0x09, 0x09]);
    }
}
