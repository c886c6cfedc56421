//! The ids of the batches that are on disk, for as long as a browser may repeat one, and of so many as there is room for.
//!
//! In: ids, each when it became durable. Out: whether an id is known, and how many had to be forgotten early. Invariant:
//! an id is known for [`wire::limits::BATCH_MEMORY_MS`] at least and, while batches come, two minutes more at most; but
//! never are more than [`IDS_MAX`] known: beyond it the oldest are forgotten early. The memory is exact: what was not
//! remembered is never known.
//!
//! Ids lie in chunks in the order in which they came, 16 bytes each, and are forgotten chunk by chunk. An index finds the
//! place of an id by its keyed hash (whoever makes up ids cannot make them collide). It is many small tables, because a
//! large one would keep the writer waiting whenever it grew. At the limit the chunks take 24 MB and the index 12 MB.
//! That is reached at 1,660 batches every second for fifteen minutes. At 30,000 a second, the most that two cores were
//! measured to take, the last fifty seconds are known. A retry that comes later is found in the store (`store/retries.rs`).

use hashbrown::HashTable;
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use wire::BatchId;
use wire::limits::BATCH_MEMORY_MS;

/// Most ids that are known at once.
pub(crate) const IDS_MAX: usize = 1_500_000;
/// Most ids in a chunk. A place is the number of a chunk and an id's place in it.
const CHUNK_IDS_MAX: usize = 1 << CHUNK_BITS;
const CHUNK_BITS: u32 = 12;
/// Most chunks: far more than [`IDS_MAX`] and fifteen minutes need, and few enough for their numbers to differ.
const CHUNKS_MAX: usize = 4096;
/// A chunk takes the ids of one such time at most.
const CHUNK_MS: u64 = 60_000;
/// Ids of one table of the index at the limit: three fifths of 2,048 places, so that no table needs twice as many for long.
const TABLE_IDS: usize = 1_250;
/// Most chunks that are forgotten at once for their age: a millisecond or two of the writer's time.
const FORGET_CHUNKS_MAX: usize = 4;

/// See the module. Times are readings of one clock, in milliseconds.
#[derive(Debug)]
pub(crate) struct BatchMemory {
    chunks: VecDeque<Chunk>,
    /// The number of the oldest chunk. Numbers wrap around.
    first: u32,
    index: Vec<HashTable<u32>>,
    keys: RandomState,
    len: usize,
    ids_max: usize,
    forgotten_early: u64,
    run: u64,
}

#[derive(Debug)]
struct Chunk {
    ids: Vec<BatchId>,
    newest_ms: u64,
    /// See [`BatchMemory::begin_run`].
    run: u64,
}

impl Chunk {
    fn is_due(&self, now_ms: u64) -> bool {
        self.newest_ms + BATCH_MEMORY_MS < now_ms
    }
}

impl Default for BatchMemory {
    fn default() -> Self {
        BatchMemory::with_room_for(IDS_MAX)
    }
}

impl BatchMemory {
    fn with_room_for(ids_max: usize) -> Self {
        BatchMemory {
            chunks: VecDeque::new(),
            first: 0,
            index: vec![HashTable::new(); ids_max.div_ceil(TABLE_IDS)],
            keys: RandomState::new(),
            len: 0,
            ids_max,
            forgotten_early: 0,
            run: 0,
        }
    }

    /// Remembers an id that became durable at `at_ms`. They come in the order of their times; one that does not is
    /// known for longer.
    pub(crate) fn remember(&mut self, id: BatchId, at_ms: u64) {
        while self.len >= self.ids_max || self.chunks.len() >= CHUNKS_MAX {
            let early = self.chunks.front().is_some_and(|oldest| !oldest.is_due(at_ms));
            let forgotten = self.forget_oldest();
            self.forgotten_early += if early { forgotten } else { 0 };
        }
        let place = self.put(id, at_ms);
        let hash = self.keys.hash_one(id);
        let table = table_of(hash, self.index.len());
        let (chunks, first, keys) = (&self.chunks, self.first, &self.keys);
        self.index[table].insert_unique(hash, place, |place| keys.hash_one(id_at(chunks, first, *place)));
        self.len += 1;
    }

    pub(crate) fn knows(&self, id: BatchId) -> bool {
        let hash = self.keys.hash_one(id);
        let is_it = |place: &u32| id_at(&self.chunks, self.first, *place) == id;
        self.index[table_of(hash, self.index.len())].find(hash, is_it).is_some()
    }

    /// Drops what no browser repeats any more; much of it in several calls.
    pub(crate) fn forget(&mut self, now_ms: u64) {
        if self.chunks.iter().all(|chunk| chunk.is_due(now_ms)) {
            self.chunks.clear();
            self.index.iter_mut().for_each(|table| *table = HashTable::new());
            self.len = 0;
            return;
        }
        for _ in 0..FORGET_CHUNKS_MAX {
            match self.chunks.front() {
                Some(oldest) if oldest.is_due(now_ms) => drop(self.forget_oldest()),
                _ => break,
            }
        }
    }

    /// How many ids were forgotten early since this was asked last.
    pub(crate) fn take_forgotten_early(&mut self) -> u64 {
        std::mem::take(&mut self.forgotten_early)
    }

    /// The ids that follow are of an earlier run of the collector, the one that began with that segment: their times are
    /// stamps of its clock.
    pub(crate) fn begin_run(&mut self, sequence: u64) {
        self.run = sequence;
    }

    /// Ends the reading of earlier runs' ids: `reading` gives the clock's reading at a stamp of the run that began with a
    /// segment, or nothing where it was too long ago.
    pub(crate) fn settle(&mut self, reading: impl Fn(u64, u64) -> Option<u64>) {
        for chunk in &mut self.chunks {
            chunk.newest_ms = reading(chunk.run, chunk.newest_ms).unwrap_or(0);
        }
        while self.chunks.front().is_some_and(|oldest| oldest.newest_ms == 0) {
            self.forget_oldest();
        }
    }

    fn put(&mut self, id: BatchId, at_ms: u64) -> u32 {
        let fits = |chunk: &Chunk| {
            chunk.ids.len() < CHUNK_IDS_MAX
                && chunk.run == self.run
                && at_ms / CHUNK_MS <= chunk.newest_ms / CHUNK_MS
        };
        if !self.chunks.back().is_some_and(fits) {
            self.chunks.push_back(Chunk { ids: Vec::new(), newest_ms: at_ms, run: self.run });
        }
        let last = self.chunks.len() - 1;
        let chunk = &mut self.chunks[last];
        chunk.ids.push(id);
        chunk.newest_ms = chunk.newest_ms.max(at_ms);
        place(self.first.wrapping_add(last as u32), chunk.ids.len() - 1)
    }

    /// Gives the number of ids.
    fn forget_oldest(&mut self) -> u64 {
        let Some(oldest) = self.chunks.pop_front() else { return 0 };
        let number = self.first;
        self.first = self.first.wrapping_add(1);
        let (chunks, first, keys) = (&self.chunks, self.first, &self.keys);
        for (offset, id) in oldest.ids.iter().enumerate() {
            let hash = keys.hash_one(id);
            let table = table_of(hash, self.index.len());
            let table = &mut self.index[table];
            if let Ok(found) = table.find_entry(hash, |found| *found == place(number, offset)) {
                found.remove();
            }
        }
        // Fewer ids need less; and a table that lost many took more because it does not use their places again at once.
        for table in self.index.iter_mut().filter(|table| 5 * table.len() < 2 * table.capacity()) {
            let room = table.len() + table.len() / 4;
            table.shrink_to(room, |place| keys.hash_one(id_at(chunks, first, *place)));
        }
        self.len -= oldest.ids.len();
        oldest.ids.len() as u64
    }
}

fn table_of(hash: u64, tables: usize) -> usize {
    // Bits that a table itself does not look at.
    let middle = u64::from((hash >> 24) as u32);
    ((middle * tables as u64) >> 32) as usize
}

fn place(chunk: u32, offset: usize) -> u32 {
    (chunk << CHUNK_BITS) | offset as u32
}

fn id_at(chunks: &VecDeque<Chunk>, first: u32, place: u32) -> BatchId {
    let number = (place >> CHUNK_BITS).wrapping_sub(first) & (u32::MAX >> CHUNK_BITS);
    chunks[number as usize].ids[place as usize % CHUNK_IDS_MAX]
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
            memory.forget(at_ms + BATCH_MEMORY_MS + CHUNK_MS);
            assert!(!memory.knows(BatchId(1)), "remembered at {at_ms}");
        }
    }

    #[test]
    fn forgetting_spares_the_younger_ids() {
        let mut memory = BatchMemory::default();
        memory.remember(BatchId(1), 0);
        memory.remember(BatchId(2), 100_000);
        memory.forget(BATCH_MEMORY_MS + CHUNK_MS);
        assert!(!memory.knows(BatchId(1)));
        assert!(memory.knows(BatchId(2)));
    }

    /// Ids as browsers make them: any, and no two alike.
    fn id(number: u64) -> BatchId {
        BatchId(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    }

    /// What the memory takes of the heap, but for the tables' own heads.
    fn bytes(memory: &BatchMemory) -> usize {
        let ids: usize = memory.chunks.iter().map(|chunk| chunk.ids.capacity() * 16).sum();
        ids + memory.index.iter().map(HashTable::allocation_size).sum::<usize>()
    }

    #[test]
    fn beyond_the_limit_the_oldest_are_forgotten_and_counted_and_the_memory_does_not_grow() {
        const ROOM: u64 = 50_000;
        let mut memory = BatchMemory::with_room_for(ROOM as usize);
        for number in 0..6 * ROOM {
            memory.remember(id(number), number / 100);
        }
        let oldest = (0..6 * ROOM).find(|number| memory.knows(id(*number))).unwrap();
        assert!((oldest..6 * ROOM).all(|number| memory.knows(id(number))));
        assert_eq!(memory.len as u64, 6 * ROOM - oldest);
        assert!(memory.len as u64 > ROOM - CHUNK_IDS_MAX as u64 && memory.len as u64 <= ROOM);
        assert_eq!(memory.take_forgotten_early(), oldest);
        assert_eq!(memory.take_forgotten_early(), 0);
        let each = bytes(&memory) as u64 / ROOM;
        assert!(each <= 24, "{each} bytes an id");

        memory.forget(BATCH_MEMORY_MS + 100_000_000);
        assert_eq!((bytes(&memory), memory.len), (0, 0));
        assert_eq!(memory.take_forgotten_early(), 0, "these had their time");
    }

    #[test]
    fn memory_is_given_back_as_ids_get_old() {
        let mut memory = BatchMemory::with_room_for(100_000);
        (0..50_000).for_each(|number| memory.remember(id(number), 1));
        let full = bytes(&memory);
        memory.remember(id(50_000), 2 + BATCH_MEMORY_MS);
        (0..50_000 / CHUNK_IDS_MAX).for_each(|_| memory.forget(2 + BATCH_MEMORY_MS));
        assert!(memory.knows(id(50_000)) && !memory.knows(id(49_999)));
        assert!(bytes(&memory) < full / 8, "{} of {full}", bytes(&memory));
    }

    #[test]
    fn an_earlier_runs_ids_are_as_old_as_the_clock_says() {
        let mut memory = BatchMemory::default();
        for (number, stamp_ms) in [(1, 0), (2, 5_000_000), (3, 4_000_000), (4, 6_000_000)] {
            memory.remember(id(number), stamp_ms);
        }
        memory.settle(|_, stamp_ms| stamp_ms.checked_sub(4_500_000));
        assert_eq!([1, 2, 3, 4].map(|number| memory.knows(id(number))), [false, true, true, true]);
        memory.forget(500_001 + BATCH_MEMORY_MS);
        assert_eq!([2, 3, 4].map(|number| memory.knows(id(number))), [false, false, true]);
    }

    #[test]
    fn each_runs_stamps_are_read_by_the_clock_that_it_had() {
        let mut memory = BatchMemory::default();
        memory.begin_run(3);
        memory.remember(id(1), 5_000_000);
        // The clock was set back by more than an hour, and these are newer all the same.
        memory.begin_run(8);
        memory.remember(id(2), 1_000_000);
        memory.settle(|run, stamp_ms| Some(if run == 3 { stamp_ms - 4_990_000 } else { stamp_ms }));
        memory.forget(20_000 + BATCH_MEMORY_MS);
        assert_eq!([1, 2].map(|number| memory.knows(id(number))), [false, true]);
    }
}
