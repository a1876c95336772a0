//! A client's whole conversation with a daemon, as bytes and as the daemon's journal.

use std::time::Instant;

use serde_json::Value;

use super::requests::samples;
use super::steered::{Steered, values};
use super::support::{Client, DEADLINE, Received};

/// What went each way, and what the journal says of it.
#[allow(dead_code)] // Every test file uses a part of it.
pub struct Conversation {
    pub sent: Vec<u8>,
    pub received: Vec<u8>,
    pub entries: Vec<Value>,
}

/// Sends every sample to a fresh daemon with these options, and ends the daemon.
pub fn conversation(options: &[&str]) -> Conversation {
    let mut steered = Steered::start(&[&["--journal", "j"], options].concat());
    let mut client = steered.connect();
    let (mut sent, mut received) = (Vec::new(), Vec::new());
    let mut send = |client: &mut Client, code: u8, payload: &[u8]| {
        let bytes = Client::frame(code, payload);
        client.send_raw(&bytes);
        sent.extend_from_slice(&bytes);
    };
    for sample in samples() {
        send(&mut client, sample.code, &sample.payload);
        // The answer to this one is behind everything that the sample has caused.
        send(&mut client, 0x21, b"");
        let end = Instant::now() + DEADLINE;
        loop {
            let Received::Frame(code, payload) = client.receive(end) else {
                panic!("{}: no answer", sample.name);
            };
            received.extend(Client::frame(code, &payload));
            if code == 0x22 {
                break;
            }
        }
        if sample.name == "health" {
            let payload = client.expect(0x22);
            received.extend(Client::frame(0x22, &payload));
        }
    }
    drop(client);
    steered.entry(|entry| entry["event"] == "disconnect");
    assert!(steered.daemon.terminate().success());
    let text = std::fs::read_to_string(steered.journal()).unwrap();
    let entries = values(&text);
    Conversation {
        sent,
        received,
        entries,
    }
}

impl Conversation {
    /// The frames of some directions.
    pub fn frames(&self, directions: &[&str]) -> Vec<&Value> {
        let wanted = |entry: &&Value| directions.contains(&entry["dir"].as_str().unwrap());
        self.entries.iter().filter(wanted).collect()
    }
}
