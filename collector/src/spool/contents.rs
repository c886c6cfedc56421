//! What a sealed segment holds.

use super::done::StoredBatch;
use super::frame;
use super::record::StoredRecord;
use std::ops::Range;

/// The bytes of a segment.
pub struct Contents {
    pub(super) bytes: Vec<u8>,
    /// Where the records lie; their checksums held when the segment was read.
    pub(super) frames: Vec<Range<usize>>,
    pub(super) batches: Vec<StoredBatch>,
    pub(super) damaged: bool,
}

impl Contents {
    /// The records, in the order they were appended.
    pub fn records(&self) -> Vec<StoredRecord<'_>> {
        let payload = |frame: &Range<usize>| &self.bytes[frame.start + frame::HEAD_BYTES..frame.end];
        self.frames.iter().filter_map(|frame| StoredRecord::decode(payload(frame))).collect()
    }

    /// The same once its records are of no use any more: what [`super::Spool::finish`] needs.
    #[must_use]
    pub(crate) fn without_rows(self) -> Contents {
        Contents { bytes: Vec::new(), frames: Vec::new(), ..self }
    }

    /// The browsers' batches, and when each was appended, in milliseconds since 1970.
    pub fn batches(&self) -> &[StoredBatch] {
        &self.batches
    }

    /// Whether records are missing that the store may hold.
    pub fn damaged(&self) -> bool {
        self.damaged
    }
}
