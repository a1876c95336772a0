//! Sessions fed any bytes by three clients, while a fourth looks whether it is still served.

mod world;

use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use crate::wire::command::ERROR;
use crate::wire::frame::{FrameReader, MAX_LENGTH, PREFIX};
use crate::wire::{Request, decode};
pub(crate) use world::{World, frames, peopled, read_all};

/// The most bytes of an input that count: what is answered to so many fits into any buffer.
const MOST: usize = 4096;

/// Clients beside the witness.
const CLIENTS: usize = 3;

const HEALTH: &[u8] = &[0, 0, 0, 1, 0x21];

/// One of the clients, and what it has sent.
struct Client {
    stream: UnixStream,
    sent: Vec<u8>,
}

/// What must come for what was sent.
#[derive(Default)]
struct Due {
    /// The codes of the replies that come whatever else does, in order.
    codes: Vec<u8>,
    /// Whether replies may come beside them, later than what is asked after them, or not at all.
    others: bool,
    /// The ports that were to be bound.
    ports: Vec<u16>,
}

/// The first byte has the settings. Then come pieces: a byte for client and manner, one or two for the
/// length, and the bytes.
pub(crate) fn session(input: &[u8]) {
    let Some((&settings, mut rest)) = input[..input.len().min(MOST)].split_first() else {
        return;
    };
    let world = World::new(peopled(), settings);
    let mut witness = world.connect();
    let mut clients = [(); CLIENTS].map(|()| Client {
        stream: world.connect(),
        sent: Vec::new(),
    });
    let mut ports = Vec::new();
    while let Some((&manner, behind)) = rest.split_first() {
        let wide = usize::from(manner & 0x10 != 0);
        let length = behind
            .iter()
            .take(1 + wide)
            .fold(0, |all, &byte| all << 8 | usize::from(byte));
        let behind = &behind[(1 + wide).min(behind.len())..];
        let (body, behind) = behind.split_at(length.min(behind.len()));
        rest = behind;
        if manner & 3 == 3 {
            let client = &mut clients[usize::from(manner >> 2) % CLIENTS];
            ports.extend(due(&client.sent).ports);
            client.stream = world.connect();
            client.sent.clear();
        } else {
            clients[usize::from(manner & 3)].send(manner, body);
        }
    }
    witness.write_all(HEALTH).unwrap();
    for client in &clients {
        // One that sent a frame over the limit is closed already.
        let _ = client.stream.shutdown(Shutdown::Write);
    }
    let received = read_all(&clients.each_ref().map(|client| &client.stream));
    for (client, received) in clients.iter().zip(received) {
        let due = due(&client.sent);
        due.check(&received.expect("an end"));
        ports.extend(due.ports);
    }
    drop(clients);
    world.wait_until_alone();
    nothing_remains(&world);
    for port in ports.iter().take(8).chain(&[40_000]) {
        witness
            .write_all(&[0, 0, 0, 3, 0x01, (port >> 8) as u8, *port as u8])
            .unwrap();
    }
    witness.write_all(&[0, 0, 0, 1, 0xEE]).unwrap();
    witness.shutdown(Shutdown::Write).unwrap();
    let received = read_all(&[&witness]).remove(0).expect("an end");
    check_witness(&received, &ports);
    drop(witness);
    world.stop();
}

impl Client {
    /// Sends a piece as a frame, or as it is, at once or in two parts.
    fn send(&mut self, manner: u8, body: &[u8]) {
        let mut bytes = Vec::new();
        if manner & 4 == 0 {
            bytes.extend_from_slice(&(body.len() as u32).to_be_bytes());
        }
        bytes.extend_from_slice(body);
        self.sent.extend_from_slice(&bytes);
        let half = if manner & 8 == 0 { 0 } else { bytes.len() / 2 };
        for part in [&bytes[..half], &bytes[half..]] {
            if self.stream.write_all(part).is_err() {
                // The daemon has closed it, for something sent before.
                return;
            }
        }
    }
}

fn due(sent: &[u8]) -> Due {
    let mut due = Due::default();
    let mut reader = FrameReader::new(sent);
    loop {
        match reader.buffered() {
            Ok(Some(frame)) => match decode(frame) {
                Ok(
                    Request::Dial { .. } | Request::HandshakeWait { .. } | Request::Close { .. },
                ) => {
                    due.others = true;
                }
                Ok(request) => {
                    if let Request::Bind { port } = request {
                        due.ports.push(port);
                    }
                    due.codes.extend(request.command().row().reply);
                    // What is sent to a stream that is gone may be told.
                    due.others |= request.command().row().reply.is_none();
                }
                Err(malformed) => due.codes.extend(malformed.answered.then_some(ERROR)),
            },
            Ok(None) => match reader.fill() {
                Ok(()) => {}
                Err(_) => return due,
            },
            Err(_) => return due,
        }
    }
}

impl Due {
    fn check(&self, received: &[u8]) {
        let unasked = [0x05, 0x07, 0x09, 0x0C];
        let codes: Vec<u8> = frames(received).iter().map(|frame| frame.0).collect();
        let replies = codes.into_iter().filter(|code| !unasked.contains(code));
        let replies: Vec<u8> = replies.collect();
        let fits = |due: &u8, got: u8| got == *due || got == ERROR;
        if !self.others {
            assert_eq!(
                replies.len(),
                self.codes.len(),
                "{replies:x?} for {:x?}",
                self.codes
            );
        }
        let mut got = replies.iter();
        for due in &self.codes {
            assert!(
                got.any(|got| fits(due, *got)),
                "{replies:x?} for {:x?}",
                self.codes
            );
        }
    }
}

/// Of clients that are gone there is no port and no stream.
fn nothing_remains(world: &World) {
    let clients = world.steering().clients();
    assert_eq!(clients.len(), 1, "{clients:?}");
    let state = world.steering().state();
    // Those that have ended are still listed for a while.
    for stream in state["streams"].as_array().expect("a list") {
        assert_ne!(stream["state"], "ESTABLISHED", "{stream}");
    }
    assert_eq!(state["dials"], serde_json::json!([]));
    let ports = state["ports"].as_array().map_or(0, Vec::len);
    assert_eq!(ports, 0, "{}", state["ports"]);
    for entry in world.steering().journal(0) {
        serde_json::from_str::<serde_json::Value>(&entry).expect("an entry is JSON");
    }
}

/// The witness gets its own answers and nothing else but datagrams.
fn check_witness(received: &[u8], ports: &[u16]) {
    let mut got = frames(received)
        .into_iter()
        .filter(|(code, _)| *code != 0x0C);
    let (code, health) = got.next().expect("health");
    assert_eq!(code, 0x22);
    let health: serde_json::Value = serde_json::from_slice(health).expect("JSON");
    assert_eq!(health["status"], "ok");
    let mut bound = vec![7, 444, 1001, 1002];
    for port in ports.iter().take(8).chain(&[40_000]) {
        let (code, body) = got.next().expect("an answer to bind");
        match code {
            0x02 => assert_eq!(body, port.to_be_bytes()),
            // In the faithful profile also what it has itself.
            _ => assert!(bound.contains(port), "{port}: {}", body.escape_ascii()),
        }
        bound.push(*port);
    }
    let (code, text) = got.next().expect("an answer to what nobody knows");
    assert_eq!((code, text), (ERROR, &b"\0\x01unknown command: 0xEE"[..]));
    assert_eq!(got.next(), None);
    assert!(received.len() < MAX_LENGTH + PREFIX);
}
