//! The last entries, as records in chunks that are shared with whoever reads them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::entry::Entry;

/// Memory that the ring may take, in bytes (our choice): some 10,000 frames of 3 KiB.
const LIMIT: usize = 32 << 20;

/// Memory that is taken, and given up, at once.
const CHUNK: usize = 256 << 10;

/// Entries behind one another.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunk {
    /// The number of its first entry.
    first: u64,
    records: Vec<u8>,
}

impl Chunk {
    #[cfg(test)]
    pub fn size(&self) -> usize {
        self.records.capacity()
    }

    /// Its entries behind number `since`, oldest first.
    pub fn entries(&self, since: u64) -> impl Iterator<Item = Entry<'_>> {
        let mut records = &self.records[..];
        std::iter::from_fn(move || Entry::read(&mut records)).filter(move |entry| entry.seq > since)
    }
}

/// The last entries.
#[derive(Debug, Default)]
pub(super) struct Ring {
    full: VecDeque<Arc<Chunk>>,
    open: Chunk,
    /// Bytes of the full chunks.
    held: usize,
}

impl Ring {
    /// Keeps an entry with no more than `kept` bytes of its payload, in place of the oldest ones where
    /// there is no room.
    pub fn push(&mut self, entry: &Entry<'_>, kept: usize) {
        let size = entry.size(kept);
        if self.open.records.len() + size > self.open.records.capacity() {
            self.renew(size);
            self.open.first = entry.seq;
        }
        entry.record(kept, &mut self.open.records);
    }

    /// Opens a chunk with room for `size` bytes. In a ring that is full the oldest one is taken for it,
    /// unless somebody reads that: nothing is allocated then.
    fn renew(&mut self, size: usize) {
        let mut next = None;
        while self.held + self.open.records.capacity() + size.max(CHUNK) > LIMIT
            && let Some(mut oldest) = self.full.pop_front()
        {
            self.held -= oldest.records.capacity();
            if oldest.records.capacity() == CHUNK && Arc::get_mut(&mut oldest).is_some() {
                next = Some(oldest);
            }
        }
        let mut next = next.unwrap_or_default();
        if let Some(chunk) = Arc::get_mut(&mut next) {
            chunk.records.clear();
            chunk.records.reserve_exact(size.max(CHUNK));
            std::mem::swap(chunk, &mut self.open);
        }
        if !next.records.is_empty() {
            self.held += next.records.capacity();
            self.full.push_back(next);
        }
    }

    /// The chunks with the entries behind number `since`, and perhaps some before it.
    pub fn behind(&self, since: u64) -> Vec<Arc<Chunk>> {
        let from = self.full.partition_point(|chunk| chunk.first <= since);
        let full = self.full.range(from.saturating_sub(1)..);
        let mut chunks: Vec<_> = full.cloned().collect();
        chunks.push(Arc::new(self.open.clone()));
        chunks
    }
}
