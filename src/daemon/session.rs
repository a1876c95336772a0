//! One client's session: a thread that reads its frames until they end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::hub::{Admitted, Hub};
use crate::wire::frame::{Ending, FrameReader};

/// Stack of a session's thread, in bytes.
const STACK: usize = 256 * 1024;

/// Bytes of replies that are gathered before they are written though more input is there.
const GATHERED: usize = 256 * 1024;

/// Starts the session of a client that was let in. Without a thread for it the client is closed.
pub fn start(hub: &Arc<Hub>, admitted: Admitted) {
    let client = admitted.client;
    let its_hub = Arc::clone(hub);
    let started = std::thread::Builder::new()
        .name(format!("client {client}"))
        .stack_size(STACK)
        .spawn(move || run(&its_hub, &admitted));
    if let Err(error) = started {
        hub.log
            .warn(&format!("client {client}: no thread for it: {error}"));
        hub.part(client);
        hub.session_ended();
    }
}

fn run(hub: &Arc<Hub>, admitted: &Admitted) {
    let client = admitted.client;
    let result = catch_unwind(AssertUnwindSafe(|| {
        hub.log.frame(|| format!("client {client} has come"));
        let ending = read_frames(hub, admitted);
        hub.log
            .frame(|| format!("client {client} has gone: {}", describe(&ending)));
        if let Ending::TooLong(length) = ending {
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
    hub.part(client);
    admitted.outbox.drain(hub.drain_deadline());
    admitted.outbox.close();
    hub.session_ended();
}

fn read_frames(hub: &Arc<Hub>, admitted: &Admitted) -> Ending {
    let Admitted {
        client,
        stream,
        outbox,
    } = admitted;
    let mut reader = FrameReader::new(&**stream);
    loop {
        match reader.buffered() {
            Ok(Some(frame)) => {
                hub.serve(*client, outbox, frame);
                if outbox.len() > GATHERED {
                    outbox.flush();
                }
            }
            Ok(None) => {
                outbox.flush();
                if let Err(ending) = reader.fill() {
                    return ending;
                }
            }
            Err(ending) => return ending,
        }
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
