//! What goes into the store at once: the rows of a segment for a table, or as many of them as one insert takes.
//!
//! In: rows, one after the other. Out: the bytes of an insert and its format. Invariant: a row is as it was spooled but for
//! the segment's id, and what it adds to the measure of what the store holds is counted with it.

use super::layout;
use crate::row_binary::{BLOCK_ROWS_MAX, Columns, MalformedRow, Row as StoredRow, SEGMENT_ID_BYTES};
use crate::spool::Table;
use bytes::Bytes;

/// The format of rows one after the other.
pub(super) const ROWS: &str = "RowBinaryWithNamesAndTypes";
/// The format of [`Columns`].
pub(super) const COLUMNS: &str = "Native";

/// Rows that go into the store at once.
#[derive(Debug)]
pub(super) struct Part {
    /// The format, and the rows with names and types of their columns, in pieces. Nothing, if the rows were all of dead
    /// receipts.
    pub(super) body: Option<(&'static str, Vec<Bytes>)>,
    /// Its share of what is expected of the whole.
    pub(super) expected: u64,
}

/// A part while it is gathered.
pub(super) struct Filling<'row> {
    body: Body<'row>,
    expected: u64,
    is_empty: bool,
    /// The bytes of its rows, and their number, had no receipt died.
    bytes: usize,
    rows: usize,
}

/// Rows as they are sent.
enum Body<'row> {
    Rows(Vec<u8>),
    Columns(Columns<'row>),
}

impl<'row> Filling<'row> {
    /// Makes room for so many rows, which take so many bytes.
    pub(super) fn begin(table: Table, rows: usize, bytes: usize) -> Filling<'row> {
        let columns = (table == Table::Events).then(|| Columns::begin(layout(table), rows)).flatten();
        let body = if let Some(columns) = columns {
            Body::Columns(columns)
        } else {
            let mut rows = layout(table).header();
            rows.reserve(bytes);
            Body::Rows(rows)
        };
        Filling { body, expected: 0, is_empty: true, bytes: 0, rows: 0 }
    }

    /// Whether a row of that size is one too many.
    pub(super) fn has_no_room(&self, bytes: usize, bytes_max: usize) -> bool {
        let most = matches!(self.body, Body::Columns(_)).then_some(BLOCK_ROWS_MAX);
        self.rows > 0 && (self.bytes + bytes > bytes_max || Some(self.rows) == most)
    }

    /// Takes up the room of a row, whether it is taken or left out.
    pub(super) fn make_room(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.rows += 1;
    }

    pub(super) fn finish(self) -> Part {
        let body = (!self.is_empty).then(|| match self.body {
            Body::Rows(rows) => (ROWS, vec![rows.into()]),
            Body::Columns(columns) => (COLUMNS, columns.finish()),
        });
        Part { body, expected: self.expected }
    }

    pub(super) fn take(
        &mut self,
        table: Table,
        segment_id: u64,
        row: StoredRow<'row>,
    ) -> Result<(), MalformedRow> {
        match &mut self.body {
            Body::Columns(columns) => columns.take(segment_id, row)?,
            Body::Rows(rows) => {
                let columns = row.head.get(SEGMENT_ID_BYTES..).ok_or(MalformedRow)?;
                for piece in [&segment_id.to_le_bytes(), columns, row.shared, row.tail] {
                    rows.extend_from_slice(piece);
                }
                if table == Table::Links {
                    rows.extend_from_slice(crate::ledger::lacking(&row.whole()));
                }
            }
        }
        // As the store sums them.
        self.expected = self.expected.wrapping_add(weight(table, row)?);
        self.is_empty = false;
        Ok(())
    }
}

/// What a row adds to the measure of [`Store::held`]: one, but for counters, which the store sums, what it counts.
fn weight(table: Table, row: StoredRow<'_>) -> Result<u64, MalformedRow> {
    match table {
        Table::Events | Table::Consents | Table::Decisions | Table::Links => Ok(1),
        Table::Rejections | Table::Displays => {
            let row = row.whole();
            let count = layout(table).field(&row, "count").and_then(|count| count.first_chunk::<8>());
            count.map(|count| u64::from_le_bytes(*count)).ok_or(MalformedRow)
        }
    }
}
