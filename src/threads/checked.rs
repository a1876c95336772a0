//! What the checker has in the system's place. The models under `daemon/races` run on it.

mod clock;
mod signals;
mod socket;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LockResult, PoisonError};
use std::time::Duration;

pub use clock::Instant;
pub(crate) use clock::{Clock, Patient};
pub use shuttle::sync::atomic::{AtomicU64, AtomicUsize};
pub use shuttle::sync::{Mutex, MutexGuard};
pub use signals::{Handle, SignalsInfo};
pub use socket::{UnixListener, UnixStream, as_stream};

/// A condition variable whose time-outs follow the [`Clock`].
#[derive(Debug, Default)]
pub struct Condvar(Arc<shuttle::sync::Condvar>);

/// Whether a wait has timed out.
#[derive(Debug)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

type TimedGuard<'a, T> = LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)>;

impl Condvar {
    pub fn new() -> Condvar {
        Condvar::default()
    }

    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.0.wait(guard)
    }

    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        patience: Duration,
    ) -> TimedGuard<'a, T> {
        let timer = clock::timer(patience, Arc::clone(&self.0));
        let guard = self.0.wait(guard).unwrap_or_else(PoisonError::into_inner);
        Ok((guard, WaitTimeoutResult(timer.is_over())))
    }

    pub fn wait_timeout_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        patience: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> TimedGuard<'a, T> {
        let end = Instant::now() + patience;
        while condition(&mut guard) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok((guard, WaitTimeoutResult(true)));
            }
            guard = self.wait_timeout(guard, left).unwrap().0;
        }
        Ok((guard, WaitTimeoutResult(false)))
    }

    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

pub fn sleep(time: Duration) {
    let (asleep, never) = (Mutex::new(()), Condvar::new());
    let guard = asleep.lock().unwrap_or_else(PoisonError::into_inner);
    drop(never.wait_timeout(guard, time));
}

/// A thread that the [`Clock`] knows of.
#[derive(Debug)]
pub struct JoinHandle<T> {
    thread: shuttle::thread::JoinHandle<T>,
    over: Arc<AtomicBool>,
}

impl<T> JoinHandle<T> {
    pub fn join(self) -> std::thread::Result<T> {
        self.thread.join()
    }

    pub fn is_finished(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub struct Builder(String);

impl Builder {
    pub fn new() -> Builder {
        Builder::default()
    }

    pub fn name(self, name: String) -> Builder {
        Builder(name)
    }

    pub fn stack_size(self, _: usize) -> Builder {
        self
    }

    /// # Errors
    /// When a model has forbidden it.
    pub fn spawn<T: Send + 'static>(
        self,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        let alive = clock::thread(&self.0)?;
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let body = move || {
            let result = body();
            drop(alive);
            told.store(true, Ordering::Relaxed);
            result
        };
        let thread = shuttle::thread::Builder::new().name(self.0).spawn(body)?;
        Ok(JoinHandle { thread, over })
    }
}
