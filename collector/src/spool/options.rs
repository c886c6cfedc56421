//! How large a spool may get.
//!
//! In: the config. Out: the room that a record of a table has. Invariant: decisions have room where events have none.

use super::record::Table;
use std::time::Duration;

/// Largest size that a segment may be set to, and of its rows once each is whole, so that the store takes them in one insert.
/// A segment passes it by at most one group of records.
pub const SEGMENT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Of the largest size of the spool, one part in this many is kept for decisions: refusing or withdrawing must stay
/// possible when events no longer fit.
const RESERVE_DIVISOR: u64 = 16;

/// How large the spool and its segments may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolOptions {
    /// Most bytes on disk, quarantine included. A sixteenth of it is kept for decisions.
    pub bytes_max: u64,
    /// A segment is sealed when it has this length, at most [`SEGMENT_BYTES_MAX`].
    pub segment_bytes: u64,
    /// A segment is sealed at this age, as soon as nothing older waits.
    pub segment_age: Duration,
}

impl SpoolOptions {
    /// Whether a table's records may take what is kept for decisions.
    pub(super) fn is_kept_for(table: Table) -> bool {
        matches!(table, Table::Consents | Table::Decisions | Table::Links)
    }

    /// The bytes that the spool may take on disk with a record of that table.
    pub(super) fn room(&self, table: Table) -> u64 {
        let kept = if SpoolOptions::is_kept_for(table) { 0 } else { self.bytes_max / RESERVE_DIVISOR };
        self.bytes_max - kept
    }
}

impl Default for SpoolOptions {
    fn default() -> Self {
        SpoolOptions {
            bytes_max: 1024 * 1024 * 1024,
            segment_bytes: 4 * 1024 * 1024,
            segment_age: Duration::from_secs(1),
        }
    }
}
