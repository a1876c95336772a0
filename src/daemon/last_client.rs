//! Ends the daemon with its last client.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::ending::{Cause, Ender};
use crate::threads::{self, AtomicU64, AtomicUsize};

/// How long the daemon waits for a client whose first bytes are on their way when the last one that it
/// has read from leaves (our choice): each has a thread of its own, and they take turns.
const GRACE: Duration = Duration::from_millis(50);

/// Counts the clients that have sent a byte; a connection that never does is none.
#[derive(Clone, Debug)]
pub struct LastClient(Arc<Count>);

#[derive(Debug)]
struct Count {
    present: AtomicUsize,
    /// Clients that ever came.
    came: AtomicU64,
    ender: Ender,
}

impl LastClient {
    /// A count that ends the daemon when it has come back to zero.
    pub fn new(ender: Ender) -> LastClient {
        LastClient(Arc::new(Count {
            present: AtomicUsize::new(0),
            came: AtomicU64::new(0),
            ender,
        }))
    }

    /// A client has sent its first byte.
    pub fn came(&self) {
        self.0.present.fetch_add(1, Ordering::SeqCst);
        self.0.came.fetch_add(1, Ordering::SeqCst);
    }

    /// A client that had sent a byte has left.
    pub fn left(&self) {
        if self.0.present.fetch_sub(1, Ordering::SeqCst) > 1 {
            return;
        }
        let came = self.0.came.load(Ordering::SeqCst);
        let count = Arc::clone(&self.0);
        let settle = move || {
            threads::sleep(GRACE);
            // One that came while this one left may have been counted among those before it.
            let nobody = count.present.load(Ordering::SeqCst) == 0;
            if nobody && count.came.load(Ordering::SeqCst) == came {
                count.ender.end(Cause::LastClient);
            }
        };
        let settling = threads::start("last client", 64 * 1024, Box::new(settle));
        if settling.is_err() {
            self.0.ender.end(Cause::LastClient);
        }
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;
    use signal_hook::iterator::Signals;

    #[test]
    fn the_last_to_leave_ends_it() {
        let ender = Ender::new(Signals::new(&[] as &[i32]).unwrap().handle());
        let last = LastClient::new(ender.clone());
        last.came();
        last.came();
        last.left();
        assert_eq!(ender.cause(), None);
        last.left();
        while ender.cause().is_none() {
            std::thread::yield_now();
        }
        assert_eq!(ender.cause(), Some(Cause::LastClient));
    }
}
