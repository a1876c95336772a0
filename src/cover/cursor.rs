//! Reading of bytes in order, with the place of what is wrong.

/// The offset of what is wrong in a file, and what it is.
pub(super) type Damage = (usize, &'static str);

/// A file and how far it has been read. The first damage stays; from then on there are only zeros, so
/// that it is enough to look for damage before something is made of what was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    data: &'a [u8],
    pub(super) at: usize,
    damage: Option<Damage>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(data: &'a [u8]) -> Cursor<'a> {
        Cursor {
            data,
            at: 0,
            damage: None,
        }
    }

    /// What starts at `offset` and has `length` bytes, with its offsets those of the file.
    pub(super) fn part(self, offset: u64, length: u64) -> Cursor<'a> {
        let mut part = self;
        match offset.checked_add(length) {
            Some(end) if end <= self.data.len() as u64 => {
                part.data = &self.data[..end as usize];
                part.at = offset as usize;
            }
            _ => part.fail(self.at, "a place outside the file"),
        }
        part
    }

    /// Notes damage at an offset, unless there has been some before.
    pub(super) fn fail(&mut self, at: usize, what: &'static str) {
        self.damage.get_or_insert((at, what));
    }

    /// Notes damage unless `sound`.
    pub(super) fn check(&mut self, sound: bool, at: usize, what: &'static str) {
        if !sound {
            self.fail(at, what);
        }
    }

    /// # Errors
    ///
    /// The first damage so far.
    pub(super) fn sound(&self) -> Result<(), Damage> {
        self.damage.map_or(Ok(()), Err)
    }

    pub(super) fn left(&self) -> usize {
        self.data.len() - self.at
    }

    /// The next bytes; none if there has been damage.
    pub(super) fn bytes(&mut self, length: usize) -> &'a [u8] {
        if length > self.left() {
            self.fail(self.data.len(), "cut off");
        }
        if self.damage.is_some() {
            return &[];
        }
        let taken = &self.data[self.at..self.at + length];
        self.at += length;
        taken
    }

    /// A little-endian number of `size` bytes, 8 at most.
    pub(super) fn number(&mut self, size: usize) -> u64 {
        let mut value = 0;
        for &byte in self.bytes(size).iter().rev() {
            value = value << 8 | u64::from(byte);
        }
        value
    }

    /// An unsigned LEB128 number of at most 32 bits.
    pub(super) fn uleb(&mut self) -> u32 {
        let start = self.at;
        let mut value = 0u64;
        for shift in 0..5 {
            let byte = self.number(1);
            value |= (byte & 0x7F) << (7 * shift);
            if byte < 0x80 && value <= u64::from(u32::MAX) {
                return value as u32;
            }
        }
        self.fail(start, "a number too large");
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let mut cursor = Cursor::new(&[1, 2, 0, 0, 0xE5, 0x8E, 0x26, 0x7F]);
        assert_eq!(cursor.number(4), 513);
        assert_eq!(cursor.uleb(), 624_485);
        assert_eq!(cursor.uleb(), 127);
        assert_eq!(cursor.sound(), Ok(()));
        cursor.uleb();
        cursor.fail(0, "later");
        assert_eq!(cursor.sound(), Err((8, "cut off")));
        for bytes in [&[0xFF, 0xFF, 0xFF, 0xFF, 0x10][..], &[0x80; 9]] {
            let mut cursor = Cursor::new(bytes);
            cursor.uleb();
            assert_eq!(cursor.sound(), Err((0, "a number too large")));
        }
        let most = [0xFF, 0xFF, 0xFF, 0xFF, 0x0F];
        assert_eq!(Cursor::new(&most).uleb(), u32::MAX);
    }

    #[test]
    fn parts_stay_inside() {
        let cursor = Cursor::new(&[0; 8]);
        assert_eq!(cursor.part(8, 0).left(), 0);
        for (offset, length) in [(9, 0), (0, 9), (u64::MAX, 1), (1, u64::MAX)] {
            assert!(cursor.part(offset, length).sound().is_err());
        }
    }
}
