//! Reading of bytes in order, with the place of what is wrong.

/// The offset of what is wrong in a file, and what it is.
pub(super) type Damage = (usize, &'static str);

/// A file and how far it has been read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    data: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(data: &'a [u8]) -> Cursor<'a> {
        Cursor { data, at: 0 }
    }

    /// What starts at `offset` and has `length` bytes, with its offsets those of the file.
    pub(super) fn part(self, offset: u64, length: u64) -> Result<Cursor<'a>, Damage> {
        let end = offset.checked_add(length);
        match (usize::try_from(offset), end.map(usize::try_from)) {
            (Ok(at), Some(Ok(end))) if end <= self.data.len() => Ok(Cursor {
                data: &self.data[..end],
                at,
            }),
            _ => Err(self.damage("a place outside the file")),
        }
    }

    pub(super) fn damage(&self, what: &'static str) -> Damage {
        (self.at, what)
    }

    pub(super) fn left(&self) -> usize {
        self.data.len() - self.at
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], Damage> {
        if length > self.left() {
            return Err((self.data.len(), "cut off"));
        }
        let taken = &self.data[self.at..self.at + length];
        self.at += length;
        Ok(taken)
    }

    /// A little-endian number of `size` bytes, 8 at most.
    pub(super) fn number(&mut self, size: usize) -> Result<u64, Damage> {
        let bytes = self.bytes(size)?.iter().rev();
        Ok(bytes.fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    /// An unsigned LEB128 number of at most 32 bits.
    pub(super) fn uleb(&mut self) -> Result<u32, Damage> {
        let start = self.at;
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = self.number(1)?;
            value |= (byte & 0x7F) << shift;
            if byte < 0x80 {
                return u32::try_from(value).map_err(|_| (start, "a number too large"));
            }
        }
        Err((start, "a number too large"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let mut cursor = Cursor::new(&[1, 2, 0, 0, 0xE5, 0x8E, 0x26, 0x7F]);
        assert_eq!(cursor.number(4), Ok(513));
        assert_eq!(cursor.uleb(), Ok(624_485));
        assert_eq!(cursor.uleb(), Ok(127));
        assert_eq!(cursor.uleb(), Err((8, "cut off")));
        for bytes in [&[0xFF, 0xFF, 0xFF, 0xFF, 0x10][..], &[0x80; 9]] {
            assert_eq!(Cursor::new(bytes).uleb(), Err((0, "a number too large")));
        }
        let most = [0xFF, 0xFF, 0xFF, 0xFF, 0x0F];
        assert_eq!(Cursor::new(&most).uleb(), Ok(u32::MAX));
    }

    #[test]
    fn parts_stay_inside() {
        let cursor = Cursor::new(&[0; 8]);
        assert_eq!(cursor.part(8, 0).unwrap().left(), 0);
        for (offset, length) in [(9, 0), (0, 9), (u64::MAX, 1), (1, u64::MAX)] {
            assert!(cursor.part(offset, length).is_err());
        }
    }
}
