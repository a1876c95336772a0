//! signal-hook's pipe under the checker: signals that wait, and the end of waiting.

use std::io;
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError};

use super::{Condvar, Mutex};

/// A signal as it was received.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    pub si_signo: i32,
    pub si_code: i32,
}

#[derive(Debug, Default)]
struct Pipe {
    state: Mutex<(Vec<Info>, bool)>,
    changed: Condvar,
}

#[derive(Debug)]
pub struct SignalsInfo<T>(Arc<Pipe>, PhantomData<T>);

#[derive(Clone, Debug)]
pub struct Handle(Arc<Pipe>);

impl<T> SignalsInfo<T> {
    pub fn new(_: &[i32]) -> io::Result<SignalsInfo<T>> {
        Ok(SignalsInfo(Arc::default(), PhantomData))
    }

    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.0))
    }

    /// Signals that have come, or none once it was closed.
    pub fn wait(&mut self) -> impl Iterator<Item = Info> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.0.is_empty() && !state.1 {
            state = self
                .0
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::take(&mut state.0).into_iter()
    }
}

impl Handle {
    pub fn close(&self) {
        self.0
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .1 = true;
        self.0.changed.notify_all();
    }

    /// Sends a signal.
    pub(crate) fn deliver(&self, si_signo: i32) {
        let info = Info {
            si_signo,
            si_code: 0,
        };
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0.push(info);
        drop(state);
        self.0.changed.notify_all();
    }
}
