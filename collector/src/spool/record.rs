//! One record: what is appended, acknowledged and inserted as a whole.
//!
//! In: a [`Record`] of finished rows. Out: its payload in `postcard`, and back as a [`StoredRecord`] that borrows from
//! the segment's bytes. Invariant: reading back a payload gives what was appended, or nothing.

use crate::row_binary::{Row, Rows};
use postcard::ser_flavors::Flavor;
use postcard::serialize_with_flavor;
use serde::{Deserialize, Serialize, Serializer};
use wire::{BatchId, HexId};

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
    /// The browser had sent the batch before and heard no answer, so that another segment may have it too: the visitor that its
    /// rows name there, if the first try came without a visitor's cookie.
    pub retry: Option<HexId>,
    /// Events: the receipt that allowed them. Elsewhere 0.
    pub consent_id: u64,
    /// Consents: the receipt that this decision kills. Elsewhere, and where it kills none, 0.
    pub withdraws: u64,
    /// The rows, each beginning with eight zero bytes for the segment's id.
    pub rows: Rows,
}

/// A record as it is read back from a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord<'bytes> {
    /// When it was appended, in milliseconds since 1970.
    pub at_ms: u64,
    /// See [`Record::table`].
    pub table: Table,
    batch: Option<u128>,
    /// See [`Record::retry`].
    pub retry: Option<HexId>,
    /// See [`Record::consent_id`].
    pub consent_id: u64,
    /// See [`Record::withdraws`].
    pub withdraws: u64,
    shared: &'bytes [u8],
    /// Of each row what is its own, and where in it the shared columns go.
    rows: Vec<(u32, Piece<'bytes>)>,
}

impl Record {
    /// Rows of a table that no browser's batch brought, that no receipt allowed and that kill none.
    pub fn of(table: Table, rows: Rows) -> Record {
        Record { table, batch: None, retry: None, consent_id: 0, withdraws: 0, rows }
    }
}

impl<'bytes> StoredRecord<'bytes> {
    /// See [`Record::batch`].
    pub fn batch(&self) -> Option<BatchId> {
        self.batch.map(BatchId)
    }

    /// See [`Record::rows`].
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'bytes>> {
        let shared = self.shared;
        self.rows.iter().map(move |(middle, own)| {
            let (head, tail) = own.0.split_at(*middle as usize);
            Row { head, shared, tail }
        })
    }

    /// Reads a payload of any version.
    pub(crate) fn decode(payload: &'bytes [u8]) -> Option<Self> {
        let mut retry = None;
        let (record, rest) = match payload.split_first()? {
            (&RETRY, rest) => {
                let (first_visitor, rest) = rest.split_first_chunk::<8>()?;
                retry = Some(HexId(u64::from_le_bytes(*first_visitor)));
                postcard::take_from_bytes::<Second<'_>>(rest).ok()?
            }
            (&SECOND, rest) => postcard::take_from_bytes::<Second<'_>>(rest).ok()?,
            _ => {
                let (First { head, rows }, rest) = postcard::take_from_bytes::<First<'_>>(payload).ok()?;
                let rows = rows.into_iter().map(|row| (row.0.len() as u32, row)).collect();
                (Second { head, shared: Piece(&[]), rows }, rest)
            }
        };
        let is_whole = |(middle, own): &(u32, Piece<'_>)| *middle as usize <= own.0.len();
        if !rest.is_empty() || !record.rows.iter().all(is_whole) {
            return None;
        }
        let Second { head: Head { at_ms, table, batch, consent_id, withdraws }, shared, rows } = record;
        Some(StoredRecord { at_ms, table, batch, retry, consent_id, withdraws, shared: shared.0, rows })
    }
}

/// Overwrites rows of a payload with zeros, of which its length, its batch and every other row stay as they are. What the
/// rows share goes with the last of them.
pub(crate) fn blank(payload: &mut [u8], rows: &[usize]) {
    let start = payload.as_ptr().addr();
    // An empty piece need not lie in the payload.
    let place = |piece: &[u8]| {
        let from = if piece.is_empty() { 0 } else { piece.as_ptr().addr() - start };
        from..from + piece.len()
    };
    let Some(record) = StoredRecord::decode(payload) else { return };
    let is_gone = |at: &usize, row: &Row<'_>| rows.contains(at) || row.is_blank();
    let all = record.rows().enumerate().all(|(at, row)| is_gone(&at, &row));
    let shared = all.then(|| place(record.shared));
    let own = rows.iter().filter_map(|at| Some(place(record.rows.get(*at)?.1.0)));
    let places: Vec<_> = own.chain(shared).collect();
    places.into_iter().for_each(|place| payload[place].fill(0));
}

/// The first byte of a payload of the second version. One of the first version begins with a time in milliseconds,
/// which would have been in the year 1970.
const SECOND: u8 = 2;
/// The first byte of a payload of the third version, if its batch is a [`Record::retry`], whose eight bytes follow. All else is as
/// in the second.
const RETRY: u8 = 3;

#[derive(Serialize, Deserialize)]
struct Head {
    at_ms: u64,
    table: Table,
    batch: Option<u128>,
    consent_id: u64,
    withdraws: u64,
}

/// A payload of the first version of the spool's format: every row whole.
#[derive(Serialize, Deserialize)]
struct First<'bytes> {
    head: Head,
    #[serde(borrow)]
    rows: Vec<Piece<'bytes>>,
}

/// A payload of the second and third version, after its first byte.
#[derive(Serialize, Deserialize)]
struct Second<'bytes> {
    head: Head,
    #[serde(borrow)]
    shared: Piece<'bytes>,
    #[serde(borrow)]
    rows: Vec<(u32, Piece<'bytes>)>,
}

/// The payload of a record that is appended at `at_ms`.
pub(crate) fn encode(record: &Record, at_ms: u64) -> Result<Vec<u8>, postcard::Error> {
    let Record { table, batch, retry, consent_id, withdraws, rows } = record;
    let (table, consent_id, withdraws) = (*table, *consent_id, *withdraws);
    let head = Head { at_ms, table, batch: batch.map(|id| id.0), consent_id, withdraws };
    let mut payload =
        Vec::with_capacity(HEAD_BYTES_MAX + rows.held_size() + rows.len() * ROW_LENGTHS_BYTES_MAX);
    match retry {
        Some(HexId(first_visitor)) => {
            payload.push(RETRY);
            payload.extend_from_slice(&first_visitor.to_le_bytes());
        }
        None => payload.push(SECOND),
    }
    let stored = Written { head, shared: Piece(rows.shared()), rows: Own(rows) };
    serialize_with_flavor(&stored, Payload(payload))
}

/// A payload of the first version.
#[cfg(test)]
pub(crate) fn encode_first(at_ms: u64, batch: BatchId, rows: &[&[u8]]) -> Vec<u8> {
    let head = Head { at_ms, table: Table::Events, batch: Some(batch.0), consent_id: 5, withdraws: 0 };
    let first = First { head, rows: rows.iter().map(|row| Piece(row)).collect() };
    serialize_with_flavor(&first, Payload(Vec::new())).expect("a small record")
}

/// [`Second`] as it is written, without a list of its rows.
#[derive(Serialize)]
struct Written<'a> {
    head: Head,
    shared: Piece<'a>,
    rows: Own<'a>,
}

struct Own<'a>(&'a Rows);

impl Serialize for Own<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.own().map(|(middle, own)| (middle as u32, Piece(own))))
    }
}

/// Most bytes that `postcard` writes for the two lengths of a row.
const ROW_LENGTHS_BYTES_MAX: usize = 10;
/// Most bytes of a record besides its rows: its version, six numbers of at most 10 bytes, one of 19, two lengths.
const HEAD_BYTES_MAX: usize = 100;

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
struct Piece<'bytes>(#[serde(borrow)] &'bytes [u8]);

impl Serialize for Piece<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row_binary::Encoder;

    fn wholes<'a>(rows: impl Iterator<Item = Row<'a>>) -> Vec<Vec<u8>> {
        rows.map(|row| row.whole().into_owned()).collect()
    }

    #[test]
    fn what_rows_share_is_written_once_and_read_back_in_each() {
        let mut rows = Rows::around(vec![7; 500], 20);
        for number in 0..20_u64 {
            let head = |out: &mut Encoder| {
                out.uint64(number);
            };
            rows.push(head, |out| {
                out.uint16(number as u16);
            });
        }
        let record = Record { consent_id: 1, ..Record::of(Table::Events, rows) };
        let payload = encode(&record, 1_700_000_000_000).unwrap();
        assert!(payload.len() < 1_100, "{} bytes", payload.len());
        let stored = StoredRecord::decode(&payload).unwrap();
        assert_eq!(wholes(stored.rows()), wholes(record.rows.iter()));
        let last = wholes(stored.rows()).pop().unwrap();
        assert_eq!((last.len(), last[8], last[16], last[516]), (518, 19, 7, 19));
    }

    #[test]
    fn a_record_of_the_first_version_is_read_forever() {
        let payload = encode_first(1_700_000_000_000, BatchId(9), &[&[1; 30], &[2; 9]]);
        let stored = StoredRecord::decode(&payload).unwrap();
        assert_eq!(
            (stored.at_ms, stored.batch(), stored.consent_id),
            (1_700_000_000_000, Some(BatchId(9)), 5)
        );
        assert_eq!(wholes(stored.rows()), [vec![1; 30], vec![2; 9]]);
    }

    #[test]
    fn rows_are_blanked_in_payloads_of_each_version_and_everything_else_stays() {
        let (at_ms, batch) = (1_700_000_000_000, BatchId(9));
        let first = encode_first(at_ms, batch, &[&[1; 30], &[2; 9]]);
        let mut rows = Rows::around(vec![7; 50], 3);
        for number in 1..=2 {
            rows.push(
                |_| (),
                |out| {
                    out.uint64(number);
                },
            );
        }
        let record = Record { batch: Some(batch), consent_id: 5, ..Record::of(Table::Events, rows) };
        for whole in [first, encode(&record, at_ms).unwrap()] {
            let of = |payload: &[u8]| {
                let stored = StoredRecord::decode(payload).unwrap();
                assert_eq!((stored.at_ms, stored.batch(), stored.consent_id), (at_ms, Some(batch), 5));
                wholes(stored.rows())
            };
            let mut one = whole.clone();
            blank(&mut one, &[1]);
            let mut both = one.clone();
            blank(&mut both, &[0]);
            assert_eq!([one.len(), both.len()], [whole.len(); 2]);
            let sizes = |rows: &[Vec<u8>]| rows.iter().map(Vec::len).collect::<Vec<_>>();
            assert_eq!([sizes(&of(&one)), sizes(&of(&both))], [sizes(&of(&whole)), sizes(&of(&whole))]);
            assert_eq!(of(&one)[0], of(&whole)[0], "the other row stays");
            assert!(of(&both).concat().iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn a_row_whose_shared_columns_would_go_beyond_it_is_none() {
        let head = Head { at_ms: 1, table: Table::Events, batch: None, consent_id: 5, withdraws: 0 };
        let second = Second { head, shared: Piece(&[3]), rows: vec![(10, Piece(&[1; 9]))] };
        let payload = serialize_with_flavor(&second, Payload(vec![SECOND])).unwrap();
        assert_eq!(StoredRecord::decode(&payload), None);
    }

    #[test]
    fn a_record_reads_back_as_appended_and_nothing_longer_or_shorter_does() {
        let rows = vec![vec![0; 9], vec![], vec![0xff; 300]].into();
        let batch = Some(BatchId(u128::MAX - 7));
        let record = Record { batch, withdraws: 0xfeed, ..Record::of(Table::Consents, rows) };
        let mut payload = encode(&record, 1_700_000_000_000).unwrap();
        let stored = StoredRecord::decode(&payload).unwrap();
        assert_eq!(
            (stored.at_ms, stored.table, stored.withdraws),
            (1_700_000_000_000, Table::Consents, 0xfeed)
        );
        assert_eq!((stored.batch(), stored.retry), (record.batch, None));
        let again =
            encode(&Record { retry: Some(HexId(u64::MAX)), ..record.clone() }, 1_700_000_000_000).unwrap();
        assert_eq!(
            StoredRecord::decode(&again),
            Some(StoredRecord { retry: Some(HexId(u64::MAX)), ..stored.clone() })
        );
        assert_eq!(wholes(stored.rows()), wholes(record.rows.iter()));

        assert_eq!(StoredRecord::decode(&payload[..payload.len() - 1]), None);
        payload.push(0);
        assert_eq!(StoredRecord::decode(&payload), None);
    }
}
