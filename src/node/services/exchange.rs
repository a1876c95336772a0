//! Data exchange, port 1001: messages of any size, each acknowledged. Source: recorded.

use crate::go::json::{self, object};
use byteorder::{BigEndian, ByteOrder};

/// Longest message, in bytes. Source: the real daemon.
const MESSAGE_MAX: usize = 64 << 20;

/// Longest file name, in bytes. Source: the real daemon.
const NAME_MAX: usize = 255;

/// Bytes of a message's type and length.
const HEADER: usize = 8;

/// Bytes of a trace's inner type and time.
const TRACE_HEADER: usize = 12;

/// Bytes of a message that its acknowledgement can depend on: of a traced file, all up to the end
/// of its name.
const HEAD_MAX: usize = TRACE_HEADER + 2 + NAME_MAX;

const TEXT: u32 = 1;
const JSON: u32 = 3;
const FILE: u32 = 4;
const TRACE: u32 = 5;

/// Reads messages in any chunking. Keeps a message's head and counts the rest.
#[derive(Debug, Default)]
pub struct Exchange {
    header: Vec<u8>,
    head: Vec<u8>,
    taken: usize,
}

impl Exchange {
    /// Takes data and adds the acknowledgements of whole messages; false when the service hangs up.
    pub fn feed(&mut self, mut data: &[u8], now_ns: u64, answers: &mut Vec<Vec<u8>>) -> bool {
        while !data.is_empty() {
            let missing = HEADER - self.header.len();
            let (part, rest) = data.split_at(missing.min(data.len()));
            self.header.extend_from_slice(part);
            data = rest;
            if self.header.len() < HEADER {
                return true;
            }
            let kind = BigEndian::read_u32(&self.header);
            let length = BigEndian::read_u32(&self.header[4..]) as usize;
            if length > MESSAGE_MAX {
                return false;
            }
            let (part, rest) = data.split_at((length - self.taken).min(data.len()));
            self.taken += part.len();
            let kept = part.len().min(HEAD_MAX - self.head.len());
            self.head.extend_from_slice(&part[..kept]);
            data = rest;
            if self.taken < length {
                return true;
            }
            let Some(answer) = acknowledge(kind, &self.head, length, now_ns) else {
                return false;
            };
            answers.push(answer);
            *self = Exchange::default();
        }
        true
    }
}

/// The acknowledgement of a message; `None` when the service hangs up on it.
fn acknowledge(kind: u32, head: &[u8], length: usize, now_ns: u64) -> Option<Vec<u8>> {
    if kind != TRACE {
        return Some(message(TEXT, ack_text(kind, head, length)?.as_bytes()));
    }
    if length < TRACE_HEADER {
        return None;
    }
    let inner_kind = BigEndian::read_u32(head);
    let inner = ack_text(inner_kind, &head[TRACE_HEADER..], length - TRACE_HEADER)?;
    let body = object! {
        "ack_sent_at_ns": now_ns, "inbox_written_at_ns": now_ns, "inner_ack": inner,
        "received_at_ns": now_ns, "sent_at_ns": BigEndian::read_u64(&head[4..]),
    };
    Some(message(JSON, json::from_serde(&body).as_bytes()))
}

fn ack_text(kind: u32, head: &[u8], length: usize) -> Option<String> {
    let name = match kind {
        TEXT => "TEXT",
        2 => "BINARY",
        JSON => "JSON",
        FILE => return Some(format!("ACK FILE {} bytes", file_size(head, length)?)),
        7 => "FILESTREAM",
        8 => "GOVERNED",
        9 => "GOVERNED_FILESTREAM",
        // Source: recorded; without the colon that one reading of it has.
        _ => {
            return Some(format!(
                "ERR UNKNOWN({kind}) save failed: unsupported frame type {kind}"
            ));
        }
    };
    Some(format!("ACK {name} {length} bytes"))
}

/// Bytes of a file's content; `None` for a name that the service does not take.
fn file_size(head: &[u8], length: usize) -> Option<usize> {
    let named = usize::from(BigEndian::read_u16(head.get(..2)?));
    if named > NAME_MAX {
        return None;
    }
    let name = std::str::from_utf8(head.get(2..2 + named)?).ok()?;
    let plain = !name.contains(['/', '\\']);
    plain.then(|| length - 2 - named)
}

fn message(kind: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER + payload.len());
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&(payload.len() as u32).to_be_bytes());
    out.extend_from_slice(payload);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(data: &[u8], piece: usize) -> (Vec<String>, bool) {
        let mut exchange = Exchange::default();
        let mut answers = Vec::new();
        let fine = data
            .chunks(piece)
            .all(|part| exchange.feed(part, 7, &mut answers));
        let texts = answers
            .iter()
            .map(|a| {
                assert_eq!(BigEndian::read_u32(&a[4..]) as usize, a.len() - 8);
                format!("{} {}", a[3], String::from_utf8_lossy(&a[8..]))
            })
            .collect();
        (texts, fine)
    }

    fn file(name: &[u8], content: &[u8]) -> Vec<u8> {
        let name_length = (name.len() as u16).to_be_bytes();
        message(FILE, &[&name_length[..], name, content].concat())
    }

    #[test]
    fn acknowledgements_in_any_chunking() {
        let trace = [&1u32.to_be_bytes()[..], &123u64.to_be_bytes(), b"traced"].concat();
        let all = [
            message(TEXT, b"hello"),
            message(2, &[0, 1, 2]),
            message(JSON, b"{"),
            file(b"f.txt", b"body"),
            file(b"", b"body"),
            message(TEXT, b""),
            message(TEXT, &[b'x'; 10_000]),
            message(TRACE, &trace),
            message(99, b"q"),
        ]
        .concat();
        let expected = [
            "1 ACK TEXT 5 bytes",
            "1 ACK BINARY 3 bytes",
            "1 ACK JSON 1 bytes",
            "1 ACK FILE 4 bytes",
            "1 ACK FILE 4 bytes",
            "1 ACK TEXT 0 bytes",
            "1 ACK TEXT 10000 bytes",
            "3 {\"ack_sent_at_ns\":7,\"inbox_written_at_ns\":7,\"inner_ack\":\"ACK TEXT 6 bytes\",\
             \"received_at_ns\":7,\"sent_at_ns\":123}",
            "1 ERR UNKNOWN(99) save failed: unsupported frame type 99",
        ];
        for piece in [1, 7, 8, 9, 4096, usize::MAX] {
            let (texts, fine) = feed(&all, piece);
            assert_eq!(texts, expected, "pieces of {piece}");
            assert!(fine);
        }
    }

    #[test]
    fn what_the_service_hangs_up_on() {
        for bad in [
            file(b"../etc", b"x"),
            file(b"a\\b", b"x"),
            file(&[0xff], b"x"),
            file(&[b'n'; 256], b"x"),
            message(FILE, &[0]),
            message(FILE, &[0, 9, b'x']),
            message(TRACE, &[0; 11]),
            [
                &1u32.to_be_bytes()[..],
                &(MESSAGE_MAX as u32 + 1).to_be_bytes(),
            ]
            .concat(),
        ] {
            assert_eq!(feed(&bad, usize::MAX), (vec![], false));
        }
        let longest = file(&[b'n'; 255], b"xy");
        assert_eq!(feed(&longest, 3).0, ["1 ACK FILE 2 bytes"]);
    }
}
