//! Bytes written as hex digits.

use std::io::{self, ErrorKind, Read};

/// Characters that are read at once.
const BLOCK: usize = 16 << 10;

/// Reads the bytes that hex digits stand for; white space may be anywhere between the digits.
pub(super) struct HexDigits {
    source: Box<dyn Read>,
    block: Box<[u8]>,
    /// What of the block is still to be read.
    start: usize,
    end: usize,
    /// Characters before the block.
    before: u64,
    /// The first digit of a byte.
    half: Option<u8>,
}

impl HexDigits {
    pub fn new(source: Box<dyn Read>) -> HexDigits {
        HexDigits {
            source,
            block: vec![0; BLOCK].into_boxed_slice(),
            start: 0,
            end: 0,
            before: 0,
            half: None,
        }
    }
}

impl Read for HexDigits {
    /// # Errors
    /// Names the offset of a character that is neither a digit nor white space, and a digit that is
    /// missing at the end; the bytes before it have been given out.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut given = 0;
        while given < into.len() {
            if self.start == self.end {
                if given > 0 {
                    break;
                }
                self.before += self.end as u64;
                self.start = 0;
                self.end = 0;
                self.end = self.source.read(&mut self.block)?;
                if self.end == 0 {
                    break;
                }
            }
            let character = self.block[self.start];
            let at = self.before + self.start as u64;
            match (char::from(character).to_digit(16), self.half.take()) {
                (None, half) if character.is_ascii_whitespace() => self.half = half,
                (None, _) if given > 0 => break,
                (None, _) => {
                    let shown = character.escape_ascii();
                    return wrong(format!(
                        "the character at offset {at}, {shown}, is no hex digit"
                    ));
                }
                (Some(digit), None) => self.half = Some(digit as u8),
                (Some(digit), Some(first)) => {
                    into[given] = first << 4 | digit as u8;
                    given += 1;
                }
            }
            self.start += 1;
        }
        if given == 0 && !into.is_empty() && self.half.is_some() {
            return wrong("the last byte has one hex digit only".to_owned());
        }
        Ok(given)
    }
}

fn wrong(text: String) -> io::Result<usize> {
    Err(io::Error::new(ErrorKind::InvalidData, text))
}
