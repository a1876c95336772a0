//! Services of simulated peers: data exchange and event stream, as the real daemon has them.

mod events;
mod exchange;

use std::time::Duration;

pub use events::Brokers;
use events::EventReader;
use exchange::Exchange;

use super::config::Service;
use super::streams::Far;
use super::{Node, Sink};

/// What a service keeps for one stream.
#[derive(Debug)]
pub enum ServiceState {
    /// Sends back what comes.
    Echo,
    /// Swallows what comes.
    Discard,
    /// Answers messages with acknowledgements.
    Exchange(Box<Exchange>),
    /// Passes events on to other streams.
    Events(Box<EventReader>),
}

impl ServiceState {
    pub fn new(service: &Service) -> Self {
        match service {
            Service::Echo => ServiceState::Echo,
            Service::DataExchange => ServiceState::Exchange(Box::default()),
            Service::EventStream => ServiceState::Events(Box::default()),
            Service::Discard | Service::Say(_) | Service::Refuse | Service::Hang => {
                ServiceState::Discard
            }
        }
    }
}

impl Node {
    /// Feeds a stream's data to the service at its far end.
    pub(super) fn serve(&mut self, conn: u32, data: &[u8], now: Duration, out: &mut dyn Sink) {
        let nanos = self.clock.unix_nanos(now);
        let Some(stream) = self.streams.open_mut(conn) else {
            return;
        };
        match &mut stream.far {
            Far::Service(ServiceState::Exchange(exchange)) => {
                let mut answers = Vec::new();
                let fine = exchange.feed(data, nanos, &mut answers);
                if !fine {
                    **exchange = Exchange::default();
                }
                for answer in answers {
                    self.answer_with(conn, &answer, now, out);
                }
                if !fine {
                    self.hang_up(conn, now, out);
                }
            }
            Far::Service(ServiceState::Events(reader)) => {
                let node = stream.remote.node;
                let mut events = Vec::new();
                let fine = reader.feed(data, now, &mut events);
                if let Some(topic) = reader.newly_subscribed() {
                    self.brokers.subscribe(node, conn, topic);
                }
                for event in events {
                    for other in self.brokers.subscribers(node, conn, &event.topic) {
                        self.answer_with(other, &event.bytes, now, out);
                    }
                }
                if !fine {
                    self.hang_up(conn, now, out);
                }
            }
            _ => {}
        }
    }
}
