//! Maps whose keys are numbers: every request looks something up, so it has to be quick.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Values by numbers that nobody chooses so that they collide: ours, or few, or hashes already.
pub(crate) type NumberMap<K, V> = HashMap<K, V, BuildHasherDefault<Spread>>;

/// Spreads a number over all bits.
#[derive(Debug, Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64((*byte).into());
        }
    }

    fn write_u16(&mut self, key: u16) {
        self.write_u64(key.into());
    }

    fn write_u32(&mut self, key: u32) {
        self.write_u64(key.into());
    }

    fn write_u64(&mut self, key: u64) {
        // Both halves: numbers that are floats have all that tells them apart at their upper end.
        let wide = u128::from(self.0 ^ key) * 0x9E37_79B9_7F4A_7C15;
        self.0 = wide as u64 ^ (wide >> 64) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::Hash;

    use super::*;

    #[test]
    fn numbers_behind_one_another_meet_seldom() {
        fn hashed(key: impl Hash) -> u64 {
            let mut spread = Spread::default();
            key.hash(&mut spread);
            spread.finish()
        }
        let kinds: [&dyn Fn(u64) -> u64; 5] = [
            &|n| hashed(n as u16),
            &|n| hashed(n as u32),
            &|n| hashed(n),
            &|n| hashed((n as f64).to_bits()),
            &|n| hashed((n as u32, 80_u16)),
        ];
        for hashed in kinds {
            // What a map uses of a hash: the place, and seven bits to tell its neighbours apart.
            let places: HashSet<u64> = (0..4096).map(|n| hashed(n) % 4096).collect();
            let tags: HashSet<u64> = (0..4096).map(|n| hashed(n) >> 57).collect();
            assert!(
                places.len() > 2000 && tags.len() > 100,
                "{places:?} {tags:?}"
            );
        }
    }
}
