//! One entry: as the record that waits in memory, and as a line.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

use byteorder::{ByteOrder, LittleEndian};
use serde_json::{Map, Value};

use super::{Direction, Options};
use crate::node::ClientId;
use crate::wire::fields::{View, request_fields};
use crate::wire::frame::Frame;
use crate::wire::kind::Kind;
use crate::wire::outgoing::sent_fields;
use crate::wire::{Malformed, command, decode};

/// A frame, or an event where there is no direction. The texts are borrowed from a record.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry<'a> {
    pub seq: u64,
    pub micros: u64,
    /// 0 for an event that concerns no client.
    pub client: ClientId,
    pub direction: Option<Direction>,
    pub code: u8,
    /// Bytes that the payload had; those in `payload` may be fewer.
    pub length: usize,
    /// Of an event, its members.
    pub payload: &'a [u8],
    /// What is wrong with a malformed frame, where that was kept.
    pub malformed: &'a [u8],
    /// The rule that was applied; empty for none.
    pub rule: &'a [u8],
}

/// Bytes before the texts of a record: their lengths and what has a fixed length.
const HEADER: usize = 42;

impl<'a> Entry<'a> {
    /// Bytes of its record with no more than `kept` bytes of its payload.
    pub fn size(&self, kept: usize) -> usize {
        HEADER + self.payload.len().min(kept) + self.malformed.len() + self.rule.len()
    }

    /// Appends the entry's record with no more than `kept` bytes of its payload.
    pub fn record(&self, kept: usize, out: &mut Vec<u8>) {
        let payload = &self.payload[..self.payload.len().min(kept)];
        let mut header = [0; HEADER];
        LittleEndian::write_u64(&mut header[0..], self.seq);
        LittleEndian::write_u64(&mut header[8..], self.micros);
        LittleEndian::write_u64(&mut header[16..], self.client);
        LittleEndian::write_u32(&mut header[24..], self.length as u32);
        LittleEndian::write_u32(&mut header[28..], payload.len() as u32);
        LittleEndian::write_u32(&mut header[32..], self.malformed.len() as u32);
        LittleEndian::write_u32(&mut header[36..], self.rule.len() as u32);
        header[40] = self.direction.map_or(0, |direction| direction as u8);
        header[41] = self.code;
        out.extend_from_slice(&header);
        out.extend_from_slice(payload);
        if !self.malformed.is_empty() || !self.rule.is_empty() {
            out.extend_from_slice(self.malformed);
            out.extend_from_slice(self.rule);
        }
    }

    /// The first entry of `records`, which it is taken from.
    pub fn read(records: &mut &'a [u8]) -> Option<Entry<'a>> {
        let (header, mut rest) = records.split_at_checked(HEADER)?;
        let mut text = |at: usize| {
            let length = LittleEndian::read_u32(&header[at..]) as usize;
            let (text, behind) = rest.split_at_checked(length)?;
            rest = behind;
            Some(text)
        };
        let (payload, malformed, rule) = (text(28)?, text(32)?, text(36)?);
        *records = rest;
        Some(Entry {
            seq: LittleEndian::read_u64(header),
            micros: LittleEndian::read_u64(&header[8..]),
            client: LittleEndian::read_u64(&header[16..]),
            direction: Direction::of(header[40]),
            code: header[41],
            length: LittleEndian::read_u32(&header[24..]) as usize,
            payload,
            malformed,
            rule,
        })
    }

    /// The frame, as far as it is kept.
    pub fn frame(&self) -> Frame<'a> {
        Frame {
            code: self.code,
            payload: self.payload,
        }
    }

    /// The entry as an object, without a line's end.
    pub fn line(self, options: Options) -> Line<'a> {
        Line {
            entry: self,
            options,
        }
    }

    fn request(&self, view: View) -> (Cow<'static, str>, Map<String, Value>) {
        let frame = self.frame();
        let decoded = decode(frame);
        let name = Kind::of(&decoded).name();
        let fields = if !self.malformed.is_empty() {
            let text = String::from_utf8_lossy(self.malformed).into_owned();
            let malformed = Malformed {
                name,
                text,
                answered: false,
            };
            request_fields(frame, &Err(malformed), view)
        } else if decoded.is_err() && view.cut > 0 {
            // It was a request, of which too little is left.
            Map::new()
        } else {
            request_fields(frame, &decoded, view)
        };
        (name.into(), fields)
    }
}

/// An entry as it is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    entry: Entry<'a>,
    options: Options,
}

impl Display for Line<'_> {
    fn fmt(&self, line: &mut Formatter<'_>) -> fmt::Result {
        let entry = &self.entry;
        write!(line, "{{\"seq\":{},\"t_us\":{}", entry.seq, entry.micros)?;
        if entry.client != 0 || entry.direction.is_some() {
            write!(line, ",\"client\":{}", entry.client)?;
        }
        match entry.direction {
            None => {
                let members = String::from_utf8_lossy(entry.payload);
                write!(line, ",\"dir\":\"event\",{members}")?;
            }
            Some(direction) => {
                let view = View {
                    raw: self.options.raw,
                    secrets: self.options.secrets,
                    cut: entry.length - entry.payload.len(),
                };
                let (name, fields) = match direction {
                    Direction::In => entry.request(view),
                    Direction::Out | Direction::Push => (
                        command::outgoing_name(entry.code),
                        sent_fields(entry.code, entry.payload, view),
                    ),
                };
                write!(
                    line,
                    ",\"dir\":\"{}\",\"cmd\":\"{name}\",\"code\":{},\"len\":{},\"fields\":{}",
                    direction.name(),
                    entry.code,
                    entry.length + 1,
                    Value::Object(fields),
                )?;
            }
        }
        if !entry.rule.is_empty() {
            let rule = Value::from(String::from_utf8_lossy(entry.rule));
            write!(line, ",\"rule\":{rule}")?;
        }
        line.write_str("}")
    }
}
