//! The words: frames that are wrong, early, late or too large, a few good ones that give them something
//! to be wrong about, and the ways in which a connection ends.

use super::model::{Model, OWN, WITNESS_PORT, WITNESS_STREAM};
use crate::support::Client;

/// What becomes of the connection behind a word. The next word comes on a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    None,
    /// The client ends it, so many bytes into a frame.
    Leaves(usize),
    /// The daemon does.
    HangsUp,
}

pub struct Word {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub ending: Ending,
    /// What PROTOCOL.md says to it.
    pub says: fn(&mut Model),
}

impl Word {
    /// Tells the model of it.
    pub fn tell(&self, model: &mut Model) {
        (self.says)(model);
        if self.ending != Ending::None {
            model.gone();
        }
    }
}

/// A node that exists in the lenient profile only.
const NOBODY: u32 = 4242;

const DATAGRAM_MAX: usize = 65_535;

fn word(name: &'static str, code: u8, payload: &[u8], says: fn(&mut Model)) -> Word {
    bytes(name, Client::frame(code, payload), Ending::None, says)
}

fn bytes(name: &'static str, bytes: Vec<u8>, ending: Ending, says: fn(&mut Model)) -> Word {
    Word {
        name,
        bytes,
        ending,
        says,
    }
}

/// A node on the backbone, a port, data.
fn to(node: u32, port: u16, data: &[u8]) -> Vec<u8> {
    [&[0, 0], &node.to_be_bytes()[..], &port.to_be_bytes(), data].concat()
}

pub fn words() -> Vec<Word> {
    // Streams have their numbers from the order of dials: the runner's first one is number 2.
    const OWN_STREAM: u32 = WITNESS_STREAM + 1;
    let [own_stream, witness_stream] = [OWN_STREAM, WITNESS_STREAM].map(u32::to_be_bytes);
    let over_limit = [
        &(1u32 << 20 | 1).to_be_bytes()[..],
        &Client::frame(0x01, &[0, 82]),
    ]
    .concat();
    let mut token_over_end = vec![0, 7, 0, 9, 0xFF, 0xFF];
    token_over_end.extend(b"token");
    vec![
        bytes("empty frame", vec![0; 4], Ending::None, |_| {}),
        word("unknown command", 0x7E, b"x", |m| {
            m.error("unknown command: 0x7E")
        }),
        word("recv from a client", 0x07, b"\0\0\0\x01x", |m| {
            m.error("unknown command: 0x07")
        }),
        word("bind 0", 0x01, &[0, 0], |m| m.bind(0)),
        word("bind 80", 0x01, &[0, 80], |m| m.bind(80)),
        word(
            "bind the witness's",
            0x01,
            &WITNESS_PORT.to_be_bytes(),
            |m| m.bind(WITNESS_PORT),
        ),
        word("unbind 80", 0x37, &[0, 80], |m| m.unbind(80)),
        word("unbind with more", 0x37, &[0, 80, 0], |m| {
            m.error("unbind: port is required")
        }),
        word("dial self 80", 0x03, &to(OWN, 80, b""), |m| m.dial_own(80)),
        word("dial the witness", 0x03, &to(OWN, WITNESS_PORT, b""), |m| {
            m.dial_own(WITNESS_PORT)
        }),
        word("dial nobody", 0x03, &to(NOBODY, 9, b""), |m| {
            match m.faithful {
                true => m.error("resolve node 4242: registry: node 4242: node not found"),
                false => m.dial_echo(),
            }
        }),
        word("dial that hangs", 0x03, &to(2, 98, b""), Model::dial_hangs),
        word("dial cut", 0x03, &to(2, 7, b"")[..7], |m| {
            m.error("dial: missing address/port")
        }),
        word(
            "send on own",
            0x06,
            &[&own_stream[..], b"o"].concat(),
            |m| m.send(OWN_STREAM, b"o"),
        ),
        word(
            "send on foreign",
            0x06,
            &[&witness_stream[..], b"f"].concat(),
            |m| m.send(WITNESS_STREAM, b"f"),
        ),
        word("send cut", 0x06, &own_stream[..3], |_| {}),
        word("close own", 0x08, &own_stream, |m| m.close(OWN_STREAM)),
        word("close foreign", 0x08, &witness_stream, |m| {
            m.close(WITNESS_STREAM)
        }),
        word("datagram to self", 0x0B, &to(OWN, 9, b"d"), |m| {
            m.datagram(OWN, 9, b"d")
        }),
        word(
            "datagram to nobody",
            0x39,
            &to(NOBODY, 9, b"c"),
            |m| match m.faithful {
                true => m.error("sendto: resolve node 4242: registry: node 4242: node not found"),
                false => {
                    m.datagram(NOBODY, 9, b"c");
                    m.reply(0x3A, &[]);
                }
            },
        ),
        word(
            "datagram too large",
            0x39,
            &to(OWN, 9, &[0; DATAGRAM_MAX + 1]),
            |m| {
                m.error("sendto: marshal: payload too large: 65536 bytes (max 65535)");
            },
        ),
        word("token over the end", 0x29, &token_over_end, |m| {
            m.error("broadcast: truncated token")
        }),
        word("tags cut", 0x19, br#"["ci","#, |m| {
            m.error("set_tags: invalid JSON: unexpected end of JSON input");
        }),
        word("name not UTF-8", 0x13, &[0xFF, 0xFE], |m| {
            m.error(
                "set_hostname: registry: invalid hostname: hostname must be lowercase \
                 alphanumeric with hyphens, start/end with alphanumeric",
            );
        }),
        word("name too long", 0x11, &[b'a'; 300], |m| {
            m.error(&format!(
                "resolve_hostname: registry: hostname \"{}\" not found",
                "a".repeat(300)
            ));
        }),
        word("cancel", 0x2B, b"x", Model::cancel),
        word("info", 0x0D, &[0; 9], Model::info),
        bytes("length over the limit", over_limit, Ending::HangsUp, |_| {}),
        bytes("prefix cut", vec![0, 0, 0], Ending::Leaves(3), |_| {}),
        bytes("leave", Vec::new(), Ending::Leaves(0), |_| {}),
    ]
}
