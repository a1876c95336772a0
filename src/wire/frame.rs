//! Frames: a length, a command byte, a payload; read from any reader over one buffer.

use std::io::{self, Read};

use byteorder::{BigEndian, ByteOrder};

/// Bytes of the length prefix.
pub const PREFIX: usize = 4;

/// The greatest length a frame may announce: command byte and payload, 1 MiB. Source: the real
/// daemon takes 1048576 and hangs up at 1048577.
pub const MAX_LENGTH: usize = 1 << 20;

/// First size of the read buffer. It doubles while reads fill it, up to [`MAX_BUFFER`].
const FIRST_BUFFER: usize = 8 * 1024;

/// Largest read buffer: one whole frame and a good part of the next.
const MAX_BUFFER: usize = 2 * MAX_LENGTH;

/// One frame as it stands in the read buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The command byte.
    pub code: u8,
    /// What follows it.
    pub payload: &'a [u8],
}

/// How a connection's input came to its end.
#[derive(Debug)]
pub enum Ending {
    /// The peer closed between two frames.
    Clean,
    /// The peer closed inside a frame, after this many of its bytes (prefix included).
    Cut(usize),
    /// A prefix announced more than [`MAX_LENGTH`] bytes.
    TooLong(u32),
    /// The system refused to read.
    Broken(io::Error),
}

/// Reads frames out of one growing buffer, so that a burst of small frames costs one read.
#[derive(Debug)]
pub struct FrameReader<R> {
    source: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    filled: bool,
}

impl<R: Read> FrameReader<R> {
    /// A reader over `source` with an empty buffer.
    pub fn new(source: R) -> Self {
        FrameReader {
            source,
            buffer: vec![0; FIRST_BUFFER].into_boxed_slice(),
            start: 0,
            end: 0,
            filled: false,
        }
    }

    /// The next frame if the buffer holds all of it; `None` means [`fill`](Self::fill) first.
    /// Frames of length 0 are skipped, as the real daemon does.
    ///
    /// # Errors
    /// [`Ending::TooLong`] at a prefix over the limit, before any of its bytes is awaited.
    pub fn buffered(&mut self) -> Result<Option<Frame<'_>>, Ending> {
        loop {
            let have = &self.buffer[self.start..self.end];
            if have.len() < PREFIX {
                return Ok(None);
            }
            let length = BigEndian::read_u32(have);
            let size = length as usize;
            if size > MAX_LENGTH {
                return Err(Ending::TooLong(length));
            }
            if size == 0 {
                self.start += PREFIX;
                continue;
            }
            if have.len() < PREFIX + size {
                return Ok(None);
            }
            let from = self.start + PREFIX;
            self.start = from + size;
            return Ok(Some(Frame {
                code: self.buffer[from],
                payload: &self.buffer[from + 1..from + size],
            }));
        }
    }

    /// Takes at least one more byte from the source, and the rest of a large frame at once.
    ///
    /// # Errors
    /// The [`Ending`] of the input.
    pub fn fill(&mut self) -> Result<(), Ending> {
        let have = self.end - self.start;
        let wanted = self.wanted();
        self.make_room(wanted);
        if wanted > FIRST_BUFFER && wanted > have {
            let tail = &mut self.buffer[self.end..self.start + wanted];
            let missing = tail.len();
            return match read_fully(&mut self.source, tail) {
                (taken, Ok(())) if taken == missing => {
                    self.end += taken;
                    Ok(())
                }
                (taken, Ok(())) => Err(Ending::Cut(have + taken)),
                (_, Err(error)) => Err(Ending::Broken(error)),
            };
        }
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) if have == 0 => return Err(Ending::Clean),
                Ok(0) => return Err(Ending::Cut(have)),
                Ok(taken) => {
                    self.end += taken;
                    self.filled = self.end == self.buffer.len();
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Ending::Broken(error)),
            }
        }
    }

    /// Bytes that were taken from the source and are of no frame that was given out.
    pub fn unread(&self) -> usize {
        self.end - self.start
    }

    /// How many bytes the frame at the front of the buffer has in all; 0 when its prefix is not
    /// there yet.
    pub fn wanted(&self) -> usize {
        let have = &self.buffer[self.start..self.end];
        if have.len() < PREFIX {
            return 0;
        }
        PREFIX + (BigEndian::read_u32(have) as usize).min(MAX_LENGTH)
    }

    fn make_room(&mut self, wanted: usize) {
        let have = self.end - self.start;
        if have == 0 {
            self.start = 0;
            self.end = 0;
        }
        let mut size = self.buffer.len();
        if self.filled {
            size = (size * 2).min(MAX_BUFFER);
        }
        while size < wanted {
            size *= 2;
        }
        if size > self.buffer.len() {
            let mut larger = vec![0; size].into_boxed_slice();
            larger[..have].copy_from_slice(&self.buffer[self.start..self.end]);
            self.buffer = larger;
            self.start = 0;
            self.end = have;
        } else if self.start > 0 && (self.end == size || self.start + wanted > size) {
            self.buffer.copy_within(self.start..self.end, 0);
            self.start = 0;
            self.end = have;
        }
        self.filled = false;
    }
}

/// `read_exact` that tells how far it came when the source ends.
fn read_fully(source: &mut impl Read, into: &mut [u8]) -> (usize, io::Result<()>) {
    let mut taken = 0;
    while taken < into.len() {
        match source.read(&mut into[taken..]) {
            Ok(0) => break,
            Ok(count) => taken += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (taken, Err(error)),
        }
    }
    (taken, Ok(()))
}

/// Appends a frame's prefix and command byte, runs `payload`, and sets the length afterwards.
pub fn append(out: &mut Vec<u8>, code: u8, payload: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, code]);
    payload(out);
    let length = (out.len() - start - PREFIX) as u32;
    BigEndian::write_u32(&mut out[start..start + PREFIX], length);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(code: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        append(&mut out, code, |out| out.extend_from_slice(payload));
        out
    }

    /// Gives out its bytes in pieces of one size.
    struct Pieces(Vec<u8>, usize, usize);

    impl Read for Pieces {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(into.len()).min(self.0.len() - self.2);
            into[..count].copy_from_slice(&self.0[self.2..self.2 + count]);
            self.2 += count;
            Ok(count)
        }
    }

    fn read_all(source: impl Read) -> (Vec<(u8, Vec<u8>)>, Ending) {
        let mut reader = FrameReader::new(source);
        let mut frames = Vec::new();
        loop {
            match reader.buffered() {
                Ok(Some(f)) => frames.push((f.code, f.payload.to_vec())),
                Ok(None) => {
                    if let Err(ending) = reader.fill() {
                        return (frames, ending);
                    }
                }
                Err(ending) => return (frames, ending),
            }
        }
    }

    #[test]
    fn any_chunking_gives_the_same_frames() {
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for (at, size) in [0, 1, 3, 8, 5000, 8190, 8192, 20_000, 1, 300_000, 2]
            .into_iter()
            .enumerate()
        {
            let payload: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
            bytes.extend_from_slice(&[0, 0, 0, 0].repeat(at % 3));
            bytes.extend(frame(at as u8, &payload));
            expected.push((at as u8, payload));
        }
        for piece in [1, 2, 3, 7, 4096, 8192, 8193, 1 << 20, usize::MAX] {
            let (frames, ending) = read_all(Pieces(bytes.clone(), piece, 0));
            assert!(frames == expected, "pieces of {piece}");
            assert!(matches!(ending, Ending::Clean));
        }
    }

    #[test]
    fn a_cut_at_every_byte_is_seen() {
        let whole = frame(0x0D, b"abc");
        for cut in 1..whole.len() {
            let (frames, ending) = read_all(&whole[..cut]);
            assert!(frames.is_empty());
            assert!(
                matches!(ending, Ending::Cut(n) if n == cut),
                "{cut}: {ending:?}"
            );
        }
        let large = frame(0x06, &[7; 100_000]);
        for cut in [4, 5, 8191, 8192, 8193, 99_999] {
            let (_, ending) = read_all(&large[..cut]);
            assert!(
                matches!(ending, Ending::Cut(n) if n == cut),
                "{cut}: {ending:?}"
            );
        }
    }

    #[test]
    fn the_length_limit_is_exact() {
        let largest = frame(0x0D, &vec![0; MAX_LENGTH - 1]);
        let (frames, ending) = read_all(&largest[..]);
        assert_eq!(frames[0].1.len(), MAX_LENGTH - 1);
        assert!(matches!(ending, Ending::Clean));
        let (_, ending) = read_all(&[0, 0x10, 0, 1][..]);
        assert!(matches!(ending, Ending::TooLong(1_048_577)));
        let (_, ending) = read_all(&[0xff; 14][..]);
        assert!(matches!(ending, Ending::TooLong(u32::MAX)));
    }
}
