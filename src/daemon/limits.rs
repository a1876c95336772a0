//! The limits that a daemon keeps.

use std::time::Duration;

/// What one client, and all of them, may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Clients at a time; the next one is accepted and closed.
    pub max_clients: usize,
    /// A client of whose data the kernel takes no byte for this long is dropped; more than zero.
    pub write_timeout: Duration,
    /// Bytes that may wait for one client before senders wait and datagrams are dropped; at least 1.
    pub client_budget: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_clients: 1024,
            write_timeout: Duration::from_secs(10),
            client_budget: 1 << 20,
        }
    }
}
