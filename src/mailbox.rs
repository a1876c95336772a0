//! Where a thread waits for what others have for it. The library's channels do the same and more, in
//! 15 KiB of code.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::daemon::hold;
use crate::threads::{Condvar, Instant, Mutex};

/// Values in the order in which they were put. Clones are the same mailbox.
#[derive(Debug)]
pub(crate) struct Mailbox<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    values: Mutex<VecDeque<T>>,
    put: Condvar,
}

impl<T> Mailbox<T> {
    /// An empty mailbox.
    pub(crate) fn new() -> Mailbox<T> {
        Mailbox(Arc::new(Shared {
            values: Mutex::new(VecDeque::new()),
            put: Condvar::new(),
        }))
    }

    /// Adds a value.
    pub(crate) fn put(&self, value: T) {
        hold(&self.0.values).push_back(value);
        self.0.put.notify_one();
    }

    /// Takes the first value; waits for one at most for `patience`.
    pub(crate) fn take(&self, patience: Duration) -> Option<T> {
        let deadline = Instant::now() + patience;
        let mut values = hold(&self.0.values);
        loop {
            if let Some(value) = values.pop_front() {
                return Some(value);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let waited = self.0.put.wait_timeout(values, left);
            values = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl<T> Clone for Mailbox<T> {
    fn clone(&self) -> Self {
        Mailbox(Arc::clone(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn values_come_in_their_order_or_not_in_time() {
        let mailbox = Mailbox::new();
        let other = mailbox.clone();
        let putting = thread::spawn(move || (1..=3).for_each(|value| other.put(value)));
        let taken = [1, 2, 3].map(|_| mailbox.take(Duration::from_secs(10)));
        assert_eq!(taken, [Some(1), Some(2), Some(3)]);
        putting.join().unwrap();
        assert_eq!(mailbox.take(Duration::from_millis(1)), None);
    }
}
