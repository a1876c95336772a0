//! Bytes, as PROTOCOL.md has them: the model's own reading and writing, apart from mockpilot's.

use serde_json::Value;

/// A frame: command byte and payload.
pub type Frame = (u8, Vec<u8>);

/// An address and what comes with it on the wire: network, node.
pub type Address = (u16, u32);

/// Appends a frame with its length.
pub fn append(out: &mut Vec<u8>, code: u8, payload: &[u8]) {
    out.extend((payload.len() as u32 + 1).to_be_bytes());
    out.push(code);
    out.extend_from_slice(payload);
}

/// The first frame of `bytes` and how many bytes it takes; `None` while it is not whole.
pub fn split(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let length = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    assert!(length > 0, "a frame of length 0");
    let body = bytes.get(4..4 + length)?;
    Some((body[0], &body[1..], 4 + length))
}

/// What is left to read of a payload.
#[derive(Clone, Copy)]
pub struct Cursor<'a>(pub &'a [u8]);

impl<'a> Cursor<'a> {
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn u8(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    pub fn u16(&mut self) -> Option<u16> {
        let bytes = self.take(2)?;
        Some(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub fn u32(&mut self) -> Option<u32> {
        let bytes = self.take(4)?;
        Some(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// Network, node and port.
    pub fn destination(&mut self) -> Option<(Address, u16)> {
        let to = (self.u16()?, self.u32()?);
        Some((to, self.u16()?))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.0).into_owned()
    }
}

/// Bytes one after the other.
pub fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

pub fn address_bytes((network, node): Address) -> Vec<u8> {
    joined(&[&network.to_be_bytes(), &node.to_be_bytes()])
}

pub fn address_text((network, node): Address) -> String {
    let (high, low) = (node >> 16, node & 0xFFFF);
    format!("{network}:{network:04X}.{high:04X}.{low:04X}")
}

/// JSON as the daemon writes it: compact, keys sorted, `<`, `>` and `&` escaped.
pub fn json(value: &Value) -> String {
    value
        .to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

/// An error's payload.
pub fn error(text: &str) -> Vec<u8> {
    joined(&[&[0, 1], text.as_bytes()])
}

/// A frame for a person to read.
pub fn readable(code: u8, payload: &[u8]) -> String {
    let start = &payload[..payload.len().min(4000)];
    let hex = || {
        let shown = &start[..start.len().min(48)];
        shown
            .iter()
            .fold(String::new(), |text, b| text + &format!("{b:02x}"))
    };
    let body = match code {
        0x0A if start.len() >= 2 => String::from_utf8_lossy(&start[2..]).into_owned(),
        0x05 | 0x07 | 0x09 | 0x0C => hex(),
        _ if start.first() == Some(&b'{') => String::from_utf8_lossy(start).into_owned(),
        _ => hex(),
    };
    format!("{code:02X} {body} ({} bytes)", payload.len())
}
