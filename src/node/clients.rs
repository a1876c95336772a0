//! Who is connected, and what is whose.

use super::{ClientId, Node};

impl Node {
    /// All clients, in the order of their arrival.
    pub fn client_ids(&self) -> Vec<ClientId> {
        self.clients.keys().collect()
    }

    /// The client that has bound a port.
    pub fn binder(&self, port: u16) -> Option<ClientId> {
        self.ports.get(&port).copied()
    }

    /// The ports that a client has bound, ascending.
    pub fn ports_of(&self, client: ClientId) -> Vec<u16> {
        let own = self.ports.iter().filter(|(_, owner)| **owner == client);
        let mut ports: Vec<u16> = own.map(|(port, _)| *port).collect();
        ports.sort_unstable();
        ports
    }

    /// The client whose open stream this is.
    pub fn owner(&self, conn: u32) -> Option<ClientId> {
        self.streams.open(conn).map(|stream| stream.owner)
    }

    /// The open streams of a client, ascending.
    pub fn streams_of(&self, client: ClientId) -> Vec<u32> {
        let client = self.clients.get(client);
        client.map_or(Vec::new(), |client| client.streams.keys().collect())
    }

    /// Of the streams that are open, the one that a client has opened or accepted last; `None` for
    /// any client's.
    pub fn last_stream(&self, client: Option<ClientId>) -> Option<u32> {
        match client {
            Some(client) => self.clients.get(client)?.streams.last_key(),
            None => self
                .clients
                .values()
                .filter_map(|client| client.streams.last_key())
                .max(),
        }
    }
}
