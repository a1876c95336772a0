//! The thread that does what is due: what the node and the scenario have for a time.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::hold;
use super::hub::Hub;
use crate::threads;

/// How long clients wait while much is due (our choice).
const BUSY: Duration = Duration::from_millis(5);

/// How long what is due waits for clients then (our choice).
const PAUSE: Duration = Duration::from_millis(1);

impl Hub {
    /// Sees to it that what is due comes, once `begin` returns. The thread is there from the start on: later
    /// there may be none to be had, and clients would wait for ever.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start_timer(self: &Arc<Self>, begin: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let hub = Arc::clone(self);
        let run = move || {
            begin();
            // A panic has been logged; the others still have to get what is due.
            while catch_unwind(AssertUnwindSafe(|| hub.run_timer())).is_err() {}
        };
        threads::start("timer", threads::ROOMY, Box::new(run)).map(drop)
    }

    fn run_timer(&self) {
        let mut guard = hold(&self.state);
        while !self.is_stopping() {
            let now = self.now();
            let mut busy = Duration::ZERO;
            // In the order of their times, however late it is: what is sent must not depend on that.
            while busy < BUSY
                && let Some(at) = guard.next_due().filter(|at| *at <= now)
            {
                let mut stage = self.stage(&mut guard, at);
                stage.with_node(&mut |node, out| node.run_due(at, out));
                stage.run_agenda();
                busy = self.now().saturating_sub(now);
            }
            let pause = match busy < BUSY {
                true => Duration::ZERO,
                false => PAUSE,
            };
            guard = match guard.next_due() {
                None => self
                    .timer
                    .wait(guard)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    self.timer
                        .wait_timeout(guard, at.saturating_sub(self.now()).max(pause))
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }
}
