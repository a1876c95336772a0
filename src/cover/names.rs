//! Texts as numbers.

/// Texts, each once, by the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// All texts, one behind the other.
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
    /// One more than the number of a text, near the place that its hash says; 0 is free. At least half
    /// of a power of two are.
    table: Vec<u32>,
}

impl Names {
    pub(super) fn number(&mut self, text: &[u8]) -> u32 {
        if self.table.len() <= 2 * self.ends.len() {
            self.table = vec![0; (4 * self.ends.len()).next_power_of_two().max(64)];
            for number in 0..self.ends.len() as u32 {
                let (at, _) = self.place(self.text(number));
                self.table[at] = number + 1;
            }
        }
        let (at, known) = self.place(text);
        if known != 0 {
            return known - 1;
        }
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
        self.table[at] = self.ends.len() as u32;
        self.table[at] - 1
    }

    pub(super) fn text(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let start = if number == 0 {
            0
        } else {
            self.ends[number - 1]
        };
        &self.bytes[start..self.ends[number]]
    }

    /// Where a text is in the table, or is to be, and what is there.
    fn place(&self, text: &[u8]) -> (usize, u32) {
        // FNV-1a, whose low bits know all of the text.
        let mut hash = 0xCBF2_9CE4_8422_2325u64;
        for &byte in text {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3);
        }
        let mask = self.table.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let known = self.table[at];
            if known == 0 || self.text(known - 1) == text {
                return (at, known);
            }
            at = (at + 1) & mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_has_the_same_number() {
        let mut names = Names::default();
        for (text, number) in [("a", 0), ("b", 1), ("a", 0), ("", 2), ("b", 1)] {
            assert_eq!(names.number(text.as_bytes()), number);
            assert_eq!(names.text(number), text.as_bytes());
        }
        for round in 0..2 {
            for number in 3..5000u32 {
                let text = format!("name {number}");
                assert_eq!(names.number(text.as_bytes()), number, "{round}");
            }
        }
    }
}
