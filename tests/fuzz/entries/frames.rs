//! The frame reader: whatever the pieces that bytes come in, the frames are those that a plain look finds.

use std::io::{self, Read};

use crate::wire::frame::{Ending, FrameReader, MAX_LENGTH, PREFIX};

/// Gives out its bytes in pieces whose sizes go round, with interruptions.
struct Pieces<'a> {
    rest: &'a [u8],
    sizes: &'a [u8],
    turn: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        assert!(!into.is_empty(), "a read of nothing looks like the end");
        let size = self.sizes[self.turn % self.sizes.len()];
        self.turn += 1;
        if size == 0 && self.turn.is_multiple_of(2) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        // Large pieces now and then, so that large frames are reached.
        let size = match size {
            0 => 1,
            200.. => usize::from(size) << 8,
            _ => usize::from(size),
        };
        let (taken, rest) = self
            .rest
            .split_at(size.min(into.len()).min(self.rest.len()));
        into[..taken.len()].copy_from_slice(taken);
        self.rest = rest;
        Ok(taken.len())
    }
}

/// Frames as they stand in `bytes`, and how these end: where, and whether at a length over the limit.
fn expected(bytes: &[u8]) -> (Vec<&[u8]>, usize, bool) {
    let (mut frames, mut at) = (Vec::new(), 0);
    while let Some(prefix) = bytes[at..].first_chunk::<PREFIX>() {
        let length = u32::from_be_bytes(*prefix) as usize;
        if length > MAX_LENGTH {
            return (frames, at, true);
        }
        let Some(body) = bytes.get(at + PREFIX..at + PREFIX + length) else {
            break;
        };
        if length > 0 {
            frames.push(body);
        }
        at += PREFIX + length;
    }
    (frames, at, false)
}

/// The first byte says how many sizes of pieces follow it; behind them is what is read. A frame that is
/// cut off there is continued with zeros where the first byte has its highest bit.
pub(super) fn frames(input: &[u8]) {
    let Some((&count, rest)) = input.split_first() else {
        return;
    };
    let (sizes, bytes) = rest.split_at(usize::from(count % 16).min(rest.len()));
    let mut bytes = bytes.to_vec();
    if count & 0x80 != 0 {
        let (_, end, over) = expected(&bytes);
        if let (Some(prefix), false) = (bytes[end..].first_chunk::<PREFIX>(), over) {
            let length = u32::from_be_bytes(*prefix) as usize;
            // The largest ones and those around the buffer's first size are enough.
            if !(30_000..MAX_LENGTH - 2).contains(&length) {
                bytes.resize(end + PREFIX + length, 0);
            }
        }
    }
    let (frames, end, over) = expected(&bytes);
    let sizes = if sizes.is_empty() { &[255] } else { sizes };
    let turn = 0;
    let mut reader = FrameReader::new(Pieces {
        rest: &bytes,
        sizes,
        turn,
    });
    let mut found = 0;
    let ending = loop {
        match reader.buffered() {
            Ok(Some(frame)) => {
                let body = frames.get(found).expect("no frame beyond those");
                assert_eq!((frame.code, frame.payload), (body[0], &body[1..]));
                found += 1;
            }
            Ok(None) => {
                if let Err(ending) = reader.fill() {
                    break ending;
                }
            }
            Err(ending) => break ending,
        }
    };
    assert_eq!(found, frames.len());
    match ending {
        Ending::TooLong(length) => assert!(over && length as usize > MAX_LENGTH),
        Ending::Clean => assert!(!over && end == bytes.len()),
        Ending::Cut(have) => assert!(!over && have == bytes.len() - end && have > 0),
        Ending::Broken(error) => panic!("{error}"),
    }
}
