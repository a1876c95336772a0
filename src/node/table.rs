//! A map in a sorted vector.
//!
//! Most of the node's maps hold a handful of entries. One small map for all of them costs a
//! fraction of the code that the library's trees do, and finds as fast. Where entries come and go
//! by the thousand, their keys count up, so that a new one goes to the end.

/// Values by their keys, in the order of the keys. `Table<K, ()>` is a set.
#[derive(Clone, Debug)]
pub struct Table<K, V> {
    entries: Vec<(K, V)>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Table {
            entries: Vec::new(),
        }
    }
}

impl<K: Copy + Ord, V> Table<K, V> {
    /// An empty table.
    pub fn new() -> Self {
        Table::default()
    }

    /// The place of a key, or the one where it belongs.
    fn place(&self, key: K) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&key, |entry| entry.0)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether a key is there.
    pub fn contains(&self, key: K) -> bool {
        self.place(key).is_ok()
    }

    /// The value of a key.
    pub fn get(&self, key: K) -> Option<&V> {
        let at = self.place(key).ok()?;
        Some(&self.entries[at].1)
    }

    /// The value of a key, to change it.
    pub fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let at = self.place(key).ok()?;
        Some(&mut self.entries[at].1)
    }

    /// The value of a key, made where there is none.
    pub fn get_or_make(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let at = match self.place(key) {
            Ok(at) => at,
            Err(at) => {
                self.entries.insert(at, (key, make()));
                at
            }
        };
        &mut self.entries[at].1
    }

    /// Gives a key a value, in place of the one that it may have; true when it had none.
    pub fn insert(&mut self, key: K, value: V) -> bool {
        match self.place(key) {
            Ok(at) => {
                self.entries[at].1 = value;
                false
            }
            Err(at) => {
                self.entries.insert(at, (key, value));
                true
            }
        }
    }

    /// Takes out a key; its value, if it was there.
    pub fn remove(&mut self, key: K) -> Option<V> {
        let at = self.place(key).ok()?;
        Some(self.entries.remove(at).1)
    }

    /// Takes out every entry that `keep` does not want.
    pub fn retain(&mut self, mut keep: impl FnMut(&V) -> bool) {
        self.entries.retain(|(_, value)| keep(value));
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.entries.iter().map(|(key, value)| (*key, value))
    }

    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = K> {
        self.entries.iter().map(|(key, _)| *key)
    }

    /// The greatest key.
    pub fn last_key(&self) -> Option<K> {
        self.entries.last().map(|entry| entry.0)
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.iter().map(|(_, value)| value)
    }

    /// All values, to change them.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.iter_mut().map(|(_, value)| value)
    }
}

impl<K: Copy + Ord, V> Extend<(K, V)> for Table<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_in_the_order_of_their_keys() {
        let mut table = Table::new();
        table.extend([(3, 'c'), (1, 'a'), (2, 'b')]);
        assert!(!table.insert(3, 'd'));
        assert_eq!(table.keys().collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(table.values().collect::<String>(), "abd");
        assert_eq!(table.iter().last(), Some((3, &'d')));
        assert_eq!((table.len(), table.is_empty()), (3, false));
        assert_eq!(table.last_key(), Some(3));
    }

    #[test]
    fn values_are_found_changed_and_taken() {
        let mut table = Table::new();
        assert!(table.insert(5, 50));
        assert!(table.contains(5) && !table.contains(4));
        *table.get_or_make(4, || 40) += 1;
        *table.get_or_make(4, || 0) += 1;
        if let Some(value) = table.get_mut(5) {
            *value += 1;
        }
        table.values_mut().for_each(|value| *value += 100);
        assert_eq!((table.get(4), table.get(5)), (Some(&142), Some(&151)));
        assert_eq!(table.get_mut(6), None);
        assert_eq!((table.remove(4), table.remove(4)), (Some(142), None));
    }

    #[test]
    fn what_is_not_wanted_goes() {
        let mut table: Table<u8, u8> = Table::default();
        table.extend((0..10).map(|key| (key, key)));
        table.retain(|value| value % 4 == 1);
        assert_eq!(table.keys().collect::<Vec<_>>(), [1, 5, 9]);
    }
}
