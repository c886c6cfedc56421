//! What stays known of a sealed segment once its rows were looked at.

use super::done::StoredBatch;

/// What [`super::Spool::finish`] needs of a segment. Only [`super::Spool::read`] makes it.
pub struct Contents {
    pub(super) batches: Vec<StoredBatch>,
    pub(super) damaged: bool,
}

impl Contents {
    /// The browsers' batches, and when each was appended, in milliseconds since 1970.
    pub fn batches(&self) -> &[StoredBatch] {
        &self.batches
    }

    /// Whether records are missing that the store may hold.
    pub fn damaged(&self) -> bool {
        self.damaged
    }
}
