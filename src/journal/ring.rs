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

    /// Opens a chunk with room for `size` bytes.
    fn renew(&mut self, size: usize) {
        let done = std::mem::take(&mut self.open);
        if !done.records.is_empty() {
            self.held += done.records.capacity();
            self.full.push_back(Arc::new(done));
        }
        while self.held + size.max(CHUNK) > LIMIT
            && let Some(oldest) = self.full.pop_front()
        {
            self.held -= oldest.records.capacity();
            if let Some(mut free) = Arc::into_inner(oldest)
                && free.records.capacity() == CHUNK
            {
                free.records.clear();
                self.open = free;
            }
        }
        self.open.records.reserve_exact(size.max(CHUNK));
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
