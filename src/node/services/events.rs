//! Event stream, port 1002: topics, subscribers and the events between them. Source: recorded.

use std::time::Duration;

use byteorder::{BigEndian, ByteOrder};

use crate::node::Table;

/// Longest topic, in bytes. Source: the real daemon.
const TOPIC_MAX: usize = 1024;

/// Longest payload, in bytes. Source: the real daemon.
const PAYLOAD_MAX: usize = 16 << 20;

/// Events a second that are taken from one stream, and how many at once. Source: the real daemon.
const RATE: (u32, u32) = (100, 200);

/// An event to pass on.
#[derive(Debug)]
pub struct Event {
    pub topic: String,
    /// The whole event, as it came.
    pub bytes: Vec<u8>,
}

/// Reads the events of one stream in any chunking.
#[derive(Debug, Default)]
pub struct EventReader {
    partial: Vec<u8>,
    subscription: Subscription,
    taken: Tokens,
}

/// The first event of a stream subscribes it.
#[derive(Debug, Default)]
enum Subscription {
    #[default]
    None,
    New(String),
    Known,
}

/// How many events may still be taken now.
#[derive(Debug)]
struct Tokens {
    left: Duration,
    at: Duration,
}

impl Default for Tokens {
    fn default() -> Self {
        Tokens {
            left: price() * RATE.1,
            at: Duration::ZERO,
        }
    }
}

/// What one event costs: the time in which one more is earned.
fn price() -> Duration {
    Duration::from_secs(1) / RATE.0
}

impl Tokens {
    fn take(&mut self, now: Duration) -> bool {
        self.left = (self.left + now.saturating_sub(self.at)).min(price() * RATE.1);
        self.at = now;
        match self.left.checked_sub(price()) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

impl EventReader {
    /// Takes data and adds the whole events that are to be passed on; false when the service
    /// hangs up.
    pub fn feed(&mut self, data: &[u8], now: Duration, events: &mut Vec<Event>) -> bool {
        self.partial.extend_from_slice(data);
        let mut start = 0;
        let fine = loop {
            match parse(&self.partial[start..]) {
                Parsed::Whole(topic, size) => {
                    let event = (topic, self.partial[start..start + size].to_vec());
                    start += size;
                    self.take(event, now, events);
                }
                Parsed::Half => break true,
                Parsed::Bad => break false,
            }
        };
        self.partial.drain(..start);
        if !fine {
            self.partial = Vec::new();
        }
        fine
    }

    fn take(&mut self, (topic, bytes): (String, Vec<u8>), now: Duration, events: &mut Vec<Event>) {
        if matches!(self.subscription, Subscription::None) {
            self.subscription = Subscription::New(topic);
        } else if self.taken.take(now) {
            events.push(Event { topic, bytes });
        }
    }

    /// The topic of a subscription that just came.
    pub fn newly_subscribed(&mut self) -> Option<String> {
        match std::mem::replace(&mut self.subscription, Subscription::Known) {
            Subscription::New(topic) => Some(topic),
            Subscription::Known => None,
            Subscription::None => {
                self.subscription = Subscription::None;
                None
            }
        }
    }
}

enum Parsed {
    /// A topic, and the size of the whole event.
    Whole(String, usize),
    Half,
    Bad,
}

fn parse(data: &[u8]) -> Parsed {
    if data.len() < 2 {
        return Parsed::Half;
    }
    let topic_length = usize::from(BigEndian::read_u16(data));
    if topic_length > TOPIC_MAX {
        return Parsed::Bad;
    }
    let Some(topic) = data.get(2..2 + topic_length) else {
        return Parsed::Half;
    };
    let Ok(topic) = std::str::from_utf8(topic) else {
        return Parsed::Bad;
    };
    let head = 2 + topic_length + 4;
    let Some(length) = data.get(2 + topic_length..head) else {
        return Parsed::Half;
    };
    let length = BigEndian::read_u32(length) as usize;
    if length > PAYLOAD_MAX {
        return Parsed::Bad;
    }
    if data.len() < head + length {
        return Parsed::Half;
    }
    Parsed::Whole(topic.to_owned(), head + length)
}

/// Who has subscribed to what, at each node.
#[derive(Debug, Default)]
pub struct Brokers {
    topics: Table<u32, Table<u32, String>>,
}

impl Brokers {
    pub fn subscribe(&mut self, node: u32, conn: u32, topic: String) {
        let streams = self.topics.get_or_make(node, Table::new);
        streams.insert(conn, topic);
    }

    pub fn leave(&mut self, node: u32, conn: u32) {
        if let Some(streams) = self.topics.get_mut(node) {
            streams.remove(conn);
            if streams.is_empty() {
                self.topics.remove(node);
            }
        }
    }

    /// All subscribed streams of a node but one.
    pub fn streams_beside(&self, node: u32, conn: u32) -> impl Iterator<Item = u32> {
        self.topics
            .get(node)
            .into_iter()
            .flat_map(|streams| streams.keys())
            .filter(move |other| *other != conn)
    }

    /// The streams that an event of `conn` goes to.
    pub fn subscribers(&self, node: u32, conn: u32, topic: &str) -> Vec<u32> {
        let Some(streams) = self.topics.get(node) else {
            return Vec::new();
        };
        streams
            .iter()
            .filter(|(other, wanted)| *other != conn && (*wanted == topic || *wanted == "*"))
            .map(|(other, _)| other)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(topic: &str, payload: &[u8]) -> Vec<u8> {
        let mut out = (topic.len() as u16).to_be_bytes().to_vec();
        out.extend_from_slice(topic.as_bytes());
        out.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        out.extend_from_slice(payload);
        out
    }

    #[test]
    fn the_first_event_subscribes_and_later_ones_pass() {
        let all = [event("t", b"ignored"), event("u", b""), event("t", b"x")].concat();
        for piece in [1, 3, usize::MAX] {
            let mut reader = EventReader::default();
            let (mut events, mut topics) = (Vec::new(), Vec::new());
            for part in all.chunks(piece) {
                assert!(reader.feed(part, Duration::ZERO, &mut events));
                topics.extend(reader.newly_subscribed());
            }
            assert_eq!(topics, ["t"]);
            let bytes: Vec<_> = events.iter().map(|e| e.bytes.clone()).collect();
            assert_eq!(bytes, [event("u", b""), event("t", b"x")]);
        }
    }

    #[test]
    fn what_the_service_hangs_up_on() {
        for bad in [
            (TOPIC_MAX as u16 + 1).to_be_bytes().to_vec(),
            vec![0, 1, 0xff],
            [&[0, 1, b't'][..], &(PAYLOAD_MAX as u32 + 1).to_be_bytes()].concat(),
        ] {
            let mut reader = EventReader::default();
            assert!(!reader.feed(&bad, Duration::ZERO, &mut Vec::new()));
        }
        let mut reader = EventReader::default();
        let longest = event(&"t".repeat(TOPIC_MAX), b"");
        assert!(reader.feed(&longest, Duration::ZERO, &mut Vec::new()));
    }

    #[test]
    fn the_rate_is_limited_a_stream() {
        let mut reader = EventReader::default();
        let mut events = Vec::new();
        let burst = event("t", b"x").repeat(301);
        assert!(reader.feed(&burst, Duration::ZERO, &mut events));
        assert_eq!(events.len(), 200);
        assert!(reader.feed(
            &event("t", b"x").repeat(300),
            Duration::from_secs(1),
            &mut events
        ));
        assert_eq!(events.len(), 300);
    }

    #[test]
    fn a_publisher_gets_nothing_of_its_own() {
        let mut brokers = Brokers::default();
        brokers.subscribe(9, 1, "t".to_owned());
        brokers.subscribe(9, 2, "*".to_owned());
        brokers.subscribe(9, 3, "u".to_owned());
        brokers.subscribe(8, 4, "t".to_owned());
        assert_eq!(brokers.subscribers(9, 1, "t"), [2]);
        assert_eq!(brokers.subscribers(9, 3, "t"), [1, 2]);
        brokers.leave(9, 2);
        assert_eq!(brokers.subscribers(9, 3, "t"), [1]);
        assert_eq!(brokers.streams_beside(9, 1).collect::<Vec<_>>(), [3]);
    }
}
