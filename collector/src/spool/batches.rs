//! The ids of the batches that are on disk, for as long as a browser may repeat one.
//!
//! In: ids, each when it became durable. Out: whether an id is known. Invariant: an id is known for
//! [`wire::limits::BATCH_MEMORY_MS`] at least and a minute more at most.
//!
//! Ids are kept in one set per minute, so that forgetting drops a whole set and nothing is stored twice: sixteen
//! look-ups instead of one cost less than a second copy of a million ids.

use std::collections::{BTreeMap, HashSet};
use wire::BatchId;
use wire::limits::BATCH_MEMORY_MS;

const GENERATION_MS: u64 = 60_000;

/// See the module. Times are readings of one clock that never goes back, in milliseconds.
#[derive(Debug, Default)]
pub(crate) struct BatchMemory {
    generations: BTreeMap<u64, HashSet<BatchId>>,
}

impl BatchMemory {
    /// Remembers an id that became durable at `at_ms`.
    pub(crate) fn remember(&mut self, id: BatchId, at_ms: u64) {
        self.generations.entry(at_ms / GENERATION_MS).or_default().insert(id);
    }

    pub(crate) fn knows(&self, id: BatchId) -> bool {
        self.generations.values().any(|ids| ids.contains(&id))
    }

    /// Drops what no browser repeats any more.
    pub(crate) fn forget(&mut self, now_ms: u64) {
        while let Some(oldest) = self.generations.first_entry()
            && (oldest.key() + 1) * GENERATION_MS + BATCH_MEMORY_MS <= now_ms
        {
            oldest.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_known_for_fifteen_minutes_and_forgotten_within_the_next() {
        for at_ms in [0, 1, 59_999, 60_000, 7_777_777] {
            let mut memory = BatchMemory::default();
            memory.remember(BatchId(1), at_ms);
            memory.forget(at_ms + BATCH_MEMORY_MS);
            assert!(memory.knows(BatchId(1)), "remembered at {at_ms}");
            memory.forget(at_ms + BATCH_MEMORY_MS + GENERATION_MS);
            assert!(!memory.knows(BatchId(1)), "remembered at {at_ms}");
        }
    }

    #[test]
    fn forgetting_spares_the_younger_ids() {
        let mut memory = BatchMemory::default();
        memory.remember(BatchId(1), 0);
        memory.remember(BatchId(2), 100_000);
        memory.forget(BATCH_MEMORY_MS + GENERATION_MS);
        assert!(!memory.knows(BatchId(1)));
        assert!(memory.knows(BatchId(2)));
    }
}
