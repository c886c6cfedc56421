//! One record: what is appended, acknowledged and inserted as a whole.
//!
//! In: a [`Record`] of finished rows. Out: its payload in `postcard`, and back as a [`StoredRecord`] that borrows from
//! the segment's bytes. Invariant: reading back a payload gives what was appended, or nothing.

use postcard::ser_flavors::Flavor;
use postcard::serialize_with_flavor;
use serde::{Deserialize, Serialize, Serializer};
use wire::BatchId;

/// The table that the rows of a record belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Table {
    /// `events`
    Events,
    /// `consents`
    Consents,
    /// `rejections`
    Rejections,
    /// `consents` with their links: rows of [`crate::ledger::DECISIONS`] and [`crate::ledger::LINKS`] in turn
    Decisions,
    /// `ledger_chain`: no record is of it, its rows come with those of [`Table::Decisions`]
    Links,
    /// `displays`
    Displays,
}

impl Table {
    /// Every table, in the order that a segment's rows are inserted: a decision is in the store before what it allows.
    pub const ALL: [Table; 6] =
        [Table::Links, Table::Decisions, Table::Consents, Table::Events, Table::Rejections, Table::Displays];
}

/// What one request leaves behind: rows of one table, final, in [`crate::row_binary`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The table of all the rows.
    pub table: Table,
    /// The id of the browser's batch, by which a repeated one is recognised.
    pub batch: Option<BatchId>,
    /// Events: the receipt that allowed them. Elsewhere 0.
    pub consent_id: u64,
    /// Consents: the receipt that this decision kills. Elsewhere, and where it kills none, 0.
    pub withdraws: u64,
    /// The rows, each beginning with eight zero bytes for the segment's id.
    pub rows: Vec<Vec<u8>>,
}

/// A record as it is read back from a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRecord<'bytes> {
    /// When it was appended, in milliseconds since 1970.
    pub at_ms: u64,
    /// See [`Record::table`].
    pub table: Table,
    batch: Option<u128>,
    /// See [`Record::consent_id`].
    pub consent_id: u64,
    /// See [`Record::withdraws`].
    pub withdraws: u64,
    #[serde(borrow)]
    rows: Vec<Row<'bytes>>,
}

impl<'bytes> StoredRecord<'bytes> {
    /// See [`Record::batch`].
    pub fn batch(&self) -> Option<BatchId> {
        self.batch.map(BatchId)
    }

    /// See [`Record::rows`].
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &'bytes [u8]> {
        self.rows.iter().map(|row| row.0)
    }

    pub(crate) fn decode(payload: &'bytes [u8]) -> Option<Self> {
        match postcard::take_from_bytes(payload) {
            Ok((record, [])) => Some(record),
            _ => None,
        }
    }
}

/// The payload of a record that is appended at `at_ms`.
pub(crate) fn encode(record: &Record, at_ms: u64) -> Result<Vec<u8>, postcard::Error> {
    let stored = StoredRecord {
        at_ms,
        table: record.table,
        batch: record.batch.map(|id| id.0),
        consent_id: record.consent_id,
        withdraws: record.withdraws,
        rows: record.rows.iter().map(|row| Row(row)).collect(),
    };
    let rows: usize = record.rows.iter().map(|row| row.len() + LENGTH_BYTES_MAX).sum();
    serialize_with_flavor(&stored, Payload(Vec::with_capacity(HEAD_BYTES_MAX + rows)))
}

/// Most bytes that `postcard` writes for a length.
const LENGTH_BYTES_MAX: usize = 5;
/// Most bytes of a record besides its rows: five numbers of at most 10 bytes, one of 19, the number of rows.
const HEAD_BYTES_MAX: usize = 80;

/// Takes a payload in pieces as long as they come. (The flavour that `postcard` has for a `Vec` takes byte after byte.)
struct Payload(Vec<u8>);

impl Flavor for Payload {
    type Output = Vec<u8>;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

/// Bytes that serde writes and reads in one piece and not as a sequence of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
struct Row<'bytes>(#[serde(borrow)] &'bytes [u8]);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_as_appended_and_nothing_longer_or_shorter_does() {
        let record = Record {
            table: Table::Consents,
            batch: Some(BatchId(u128::MAX - 7)),
            consent_id: 0,
            withdraws: 0xfeed,
            rows: vec![vec![0; 9], vec![], vec![0xff; 300]],
        };
        let mut payload = encode(&record, 1_700_000_000_000).unwrap();
        let stored = StoredRecord::decode(&payload).unwrap();
        assert_eq!(
            (stored.at_ms, stored.table, stored.withdraws),
            (1_700_000_000_000, Table::Consents, 0xfeed)
        );
        assert_eq!(stored.batch(), record.batch);
        assert_eq!(stored.rows().collect::<Vec<_>>(), record.rows);

        assert_eq!(StoredRecord::decode(&payload[..payload.len() - 1]), None);
        payload.push(0);
        assert_eq!(StoredRecord::decode(&payload), None);
    }
}
