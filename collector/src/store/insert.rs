//! One insert: the rows of one segment for one table, and the question how many of them the store holds.
//!
//! In: a segment's records. Out: an [`Insert`] with the rows, each carrying the segment's id: of events as columns,
//! because there are many of them, of the other tables row by row. Invariant: rows that a dead receipt allowed are left
//! out, and counted neither as expected nor as held; rows that were erased where they waited are zeros and left out in the
//! same way. A row of the ledger that keeps no time finer than the hour carries no segment's id: events beside it would tell
//! the second. What the store holds of the ledger is told by the places in the chains.
//!
//! What is too large for one insert goes in in parts, one after the other, each with a token of its own. The same records
//! make the same parts whenever they are gathered, also when a receipt has died in between: a part loses rows then, and
//! takes none over from the next.

mod part;
mod places;

use super::{Store, StoreError};
pub(crate) use crate::row_binary::MalformedRow;
use crate::row_binary::{Columns, Layout, Row as StoredRow};
use crate::spool::{StoredRecord, Table};
use bytes::Bytes;
use clickhouse::Row;
use part::{COLUMNS, Filling, Part, ROWS};
use places::Places;
use serde::Deserialize;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// Longest wait for the store to take a piece of an insert, and then for its answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(120);

/// Most bytes of rows in one insert; half of what the embedded engine takes. A segment is larger only if it was written
/// under other limits than today's.
pub const INSERT_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Longest text in a row, in bytes: as long as a record.
const TEXT_BYTES_MAX: &str = "1048576";
/// Longest time that the store spends on an insert, in seconds.
const STORE_TIME_MAX_S: &str = "100";

/// The columns of a table's rows.
pub fn layout(table: Table) -> &'static Layout {
    match table {
        Table::Events => &crate::pipeline::EVENTS,
        Table::Consents => &crate::ledger::CONSENTS,
        Table::Rejections => &crate::metrics::REJECTIONS,
        Table::Decisions => &crate::ledger::DECISIONS,
        Table::Links => &crate::ledger::LINKS,
        Table::Displays => &crate::metrics::DISPLAYS,
    }
}

/// The rows of a record that go into a table. A decision's record holds its row and its link in turn.
fn rows_for<'r>(record: &'r StoredRecord<'_>, table: Table) -> Box<dyn Iterator<Item = StoredRow<'r>> + 'r> {
    match (record.table, table) {
        (Table::Decisions, Table::Decisions) => Box::new(record.rows().step_by(2)),
        (Table::Decisions, Table::Links) => Box::new(record.rows().skip(1).step_by(2)),
        (of, table) if of == table => Box::new(record.rows()),
        _ => Box::new(std::iter::empty()),
    }
}

/// Whether a record has rows that go into a table.
fn concerns(of: Table, table: Table) -> bool {
    of == table || (of, table) == (Table::Decisions, Table::Links)
}

/// The rows of one segment for one table.
#[derive(Debug)]
pub(crate) struct Insert {
    pub(crate) table: Table,
    segment_id: u64,
    /// In the order of the segment.
    parts: Vec<Part>,
    /// What [`Store::held`] answers once they are in the store.
    pub(crate) expected: u64,
    /// Dead receipts that allowed rows of this segment.
    erased: HashSet<u64>,
    /// Of the ledger's rows, the places that they take.
    places: Places,
}

#[derive(Row, Deserialize)]
struct Held {
    consent_id: u64,
    rows: u64,
}

impl Insert {
    /// Gathers the rows of a table in parts of at most `bytes_max`, but of one row at least. `erased` tells whether a
    /// record's rows are to be left out.
    pub(crate) fn gather<'row>(
        table: Table,
        segment_id: u64,
        records: &'row [StoredRecord<'row>],
        bytes_max: usize,
        erased: impl Fn(&StoredRecord<'_>) -> bool,
    ) -> Result<Insert, MalformedRow> {
        let concerned: Vec<&StoredRecord<'_>> =
            records.iter().filter(|record| concerns(record.table, table)).collect();
        let sizes = concerned.iter().flat_map(|record| rows_for(record, table)).map(StoredRow::size);
        let mut left = sizes.fold((0, 0), |(rows, bytes), size| (rows + 1, bytes + size));
        let begin = |(rows, bytes): (usize, usize)| Filling::begin(table, rows, bytes.min(bytes_max));
        let (mut parts, mut part) = (Vec::new(), begin(left));
        let (mut dead, mut places) = (HashSet::new(), Places::default());
        for record in concerned {
            // What was erased where it waited is left out like what is left out here, whatever is known of its receipt.
            let blank = record.rows().len() > 0 && record.rows().all(StoredRow::is_blank);
            let is_erased = record.table == table && (blank || erased(record));
            if is_erased {
                dead.insert(record.consent_id);
            }
            for row in rows_for(record, table) {
                if part.has_no_room(row.size(), bytes_max) {
                    parts.push(std::mem::replace(&mut part, begin(left)).finish());
                }
                part.make_room(row.size());
                left = (left.0 - 1, left.1 - row.size());
                if !is_erased && !row.is_blank() {
                    let named = if places.take(table, row)? { segment_id } else { 0 };
                    part.take(table, named, row)?;
                }
            }
        }
        parts.push(part.finish());
        let expected = parts.iter().fold(0, |sum: u64, part| sum.wrapping_add(part.expected));
        Ok(Insert { table, segment_id, parts, expected, erased: dead, places })
    }

    /// How many parts the store holds, if what it holds is exactly the first ones.
    pub(crate) fn parts_held(&self, held: u64) -> Option<usize> {
        let mut sum = 0;
        let reached = self.parts.iter().position(|part| {
            sum += part.expected;
            sum >= held
        });
        reached.filter(|_| sum == held && held > 0).map(|last| last + 1)
    }

    /// The token of the first try: the same whenever, and by whomever, this segment is inserted.
    pub(crate) fn stable_token(&self) -> String {
        // Two layouts write `consents`: rows with a place in a chain, and those without one.
        let name = if self.table == Table::Decisions { "decisions" } else { layout(self.table).table };
        format!("{:016x}-{name}", self.segment_id)
    }

    /// Which rows of the table these are: all that fulfil one of the conditions.
    pub(crate) fn conditions(&self) -> Vec<String> {
        let of_segment = |more: &str| vec![format!("segment_id = {}{more}", self.segment_id)];
        match self.table {
            Table::Decisions => self.places.conditions("chain_seq"),
            Table::Links => self.places.conditions("seq"),
            Table::Consents => of_segment(" AND chain = 0"),
            Table::Events | Table::Rejections | Table::Displays => of_segment(""),
        }
    }

    /// A token for rows that must go in although the store remembers the stable one.
    pub(crate) fn further_token(&self) -> Result<String, StoreError> {
        let random = getrandom::u64().map_err(|error| StoreError::Disk(std::io::Error::other(error)))?;
        Ok(format!("{}-{random:016x}", self.stable_token()))
    }
}

/// Makes an insert for each table of any records: it has their rows, or says that some are none of the table's. (Of counters it
/// expects what they count.)
pub(crate) fn gather_any(records: &[StoredRecord<'_>]) {
    for table in Table::ALL {
        let Ok(insert) = Insert::gather(table, 1, records, INSERT_BYTES_MAX, |_| false) else { continue };
        let rows: usize = records.iter().map(|record| rows_for(record, table).count()).sum();
        let are_counters = matches!(table, Table::Rejections | Table::Displays);
        assert!(are_counters || insert.expected <= rows as u64, "no row comes from nowhere");
    }
}

impl Store {
    /// Inserts the rows, without those of the first `held` parts. After an error nobody knows what of them is in the store.
    pub(crate) async fn insert(&self, insert: &Insert, held: usize, token: &str) -> Result<(), StoreError> {
        for (place, part) in insert.parts.iter().enumerate().skip(held) {
            let Some((format, body)) = &part.body else { continue };
            let own = if place == 0 { token.to_owned() } else { format!("{token}-{place}") };
            let begun = Instant::now();
            let sent = self.send(layout(insert.table).table, format, &own, body).await;
            self.health().inserts.observe(begun.elapsed());
            sent?;
        }
        Ok(())
    }

    /// Inserts no row at all, and so asks whether the store would take rows of that layout.
    pub(crate) async fn takes_layout(&self, table: Table) -> bool {
        let layout = layout(table);
        let takes_rows = self.send(layout.table, ROWS, "", &[layout.header().into()]).await.is_ok();
        let Some(none) = (table == Table::Events).then(|| Columns::begin(layout, 0)).flatten() else {
            return takes_rows;
        };
        // Of a block without rows the store takes no other order of the columns than it was told.
        let names: Vec<&str> = layout.columns.iter().map(|(name, _)| *name).collect();
        let into = format!("{} ({})", layout.table, names.join(", "));
        takes_rows && self.send(&into, COLUMNS, "", &none.finish()).await.is_ok()
    }

    async fn send(&self, into: &str, format: &str, token: &str, pieces: &[Bytes]) -> Result<(), StoreError> {
        let sql = format!("INSERT INTO {into} FORMAT {format}");
        let mut insert = self
            .client()
            .insert_formatted_with(sql)
            .with_timeouts(Some(ANSWER_TIME_MAX), Some(ANSWER_TIME_MAX))
            .with_setting("insert_deduplication_token", token)
            .with_setting("async_insert", "0")
            // The embedded engine's profile says these two as well; a server of the owner's may not.
            .with_setting("insert_deduplicate", "1")
            .with_setting("input_format_skip_unknown_fields", "0")
            // What is no length is told so, and the store makes no room for it.
            .with_setting("format_binary_max_string_size", TEXT_BYTES_MAX)
            // The store gives up before this side does, so that what is asked for again is not still under way.
            .with_setting("max_execution_time", STORE_TIME_MAX_S);
        let mut unsent = None;
        for piece in pieces {
            if let Err(error) = insert.send(piece.clone()).await {
                unsent = Some(error);
                break;
            }
        }
        // Where it takes no more, its answer says why, if there is one; and what was not sent is let go.
        let answered = insert.end().await;
        answered.and(unsent.map_or(Ok(()), Err)).map_err(StoreError::from)
    }

    /// How much of these rows the store holds: rows, or the sum of counters.
    pub(crate) async fn held(&self, insert: &Insert) -> Result<u64, StoreError> {
        let id = insert.segment_id;
        let one =
            |sql: String| async move { super::in_time(self.client().query(&sql).fetch_one::<u64>()).await };
        let mut held = 0;
        match insert.table {
            // What a visitor had erased since was held, unless it is there again.
            Table::Decisions => {
                for (rows, links) in insert.conditions().iter().zip(insert.places.conditions("seq")) {
                    let sql = format!(
                        "SELECT count() + ifNull((SELECT uniqExact(commitment) FROM ledger_chain WHERE ({links}) \
                         AND commitment IN (SELECT commitment FROM ledger_erased) \
                         AND (chain, seq) NOT IN (SELECT chain, chain_seq FROM consents WHERE {rows})), 0) \
                         FROM consents WHERE {rows}"
                    );
                    held += one(sql).await?;
                }
                Ok(held)
            }
            Table::Consents | Table::Links => {
                let table = layout(insert.table).table;
                for condition in insert.conditions() {
                    held += one(format!("SELECT count() FROM {table} WHERE {condition}")).await?;
                }
                Ok(held)
            }
            Table::Rejections | Table::Displays => {
                let table = layout(insert.table).table;
                Ok(one(format!("SELECT sum(count) FROM {table} WHERE segment_id = {id}")).await?)
            }
            Table::Events => {
                // What was removed as the copy of an event that is there was held, unless it is there again.
                let event = "consent_id, view_id, seq";
                let sql = format!(
                    "SELECT consent_id, count() AS rows FROM (SELECT consent_id FROM events WHERE segment_id = {id} \
                     UNION ALL SELECT consent_id FROM (SELECT DISTINCT {event} FROM doubles WHERE segment_id = {id} \
                     AND ({event}) NOT IN (SELECT {event} FROM events WHERE segment_id = {id}))) GROUP BY consent_id"
                );
                let held = self.fetch::<Held>(&sql).await?;
                Ok(held
                    .iter()
                    .filter(|held| !insert.erased.contains(&held.consent_id))
                    .map(|held| held.rows)
                    .sum())
            }
        }
    }

    /// Removes what the store holds of these rows.
    pub(crate) async fn remove(&self, insert: &Insert) -> Result<(), StoreError> {
        for condition in insert.conditions() {
            let sql = format!("ALTER TABLE {} DELETE WHERE {condition}", layout(insert.table).table);
            let delete = self.client().query(&sql).with_setting("mutations_sync", "2");
            super::in_long_time(delete.execute()).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::EVENTS;
    use crate::row_binary::{SEGMENT_ID_BYTES, width_of};

    /// A row whose columns hold zeros and empty texts, but for the first, which tells that it was not erased.
    fn row() -> Vec<u8> {
        let (_, widths) = EVENTS.columns.split_first().unwrap();
        let columns = widths.iter().map(|(_, kind)| width_of(kind).unwrap_or(1));
        let mut row = vec![0; SEGMENT_ID_BYTES + columns.sum::<usize>()];
        row.splice(SEGMENT_ID_BYTES..=SEGMENT_ID_BYTES, *b"\x01a");
        row
    }

    fn gather(bytes_max: usize, dead: Option<u64>) -> Insert {
        let payloads: Vec<Vec<u8>> =
            (0..10).map(|number| crate::spool::sample_event(number % 2, &row())).collect();
        let records: Vec<_> = payloads.iter().map(|payload| StoredRecord::decode(payload).unwrap()).collect();
        let erased = |record: &StoredRecord<'_>| Some(record.consent_id) == dead;
        Insert::gather(Table::Events, 1, &records, bytes_max, erased).unwrap()
    }

    fn sizes(insert: &Insert) -> Vec<u64> {
        insert.parts.iter().map(|part| part.expected).collect()
    }

    #[test]
    fn what_fits_is_one_part_and_what_does_not_is_cut_between_rows() {
        let size = row().len();
        for (bytes_max, expected) in [
            (usize::MAX, vec![10]),
            (10 * size, vec![10]),
            (10 * size - 1, vec![9, 1]),
            (3 * size + 1, vec![3, 3, 3, 1]),
            (1, vec![1; 10]),
        ] {
            let insert = gather(bytes_max, None);
            assert_eq!((sizes(&insert), insert.expected), (expected, 10), "{bytes_max}");
            for part in &insert.parts {
                let (format, body) = part.body.as_ref().unwrap();
                let head = [EVENTS.columns.len() as u8, part.expected as u8];
                assert_eq!((*format, &body[0][..2]), ("Native", &head[..]), "columns, and rows of each");
            }
        }
    }

    #[test]
    fn rows_that_were_erased_where_they_waited_are_left_out_though_nothing_is_known_of_their_receipt() {
        let payloads: Vec<Vec<u8>> = (0..10)
            .map(|number| {
                let row = if number % 2 == 0 { row() } else { vec![0; row().len()] };
                crate::spool::sample_event(number % 2, &row)
            })
            .collect();
        let records: Vec<_> = payloads.iter().map(|payload| StoredRecord::decode(payload).unwrap()).collect();
        let insert = Insert::gather(Table::Events, 1, &records, 3 * row().len(), |_| false).unwrap();
        assert_eq!((sizes(&insert), insert.expected), (vec![2, 1, 2, 0], 5));
        assert!(insert.erased.contains(&1), "what the store holds of it is not counted");
    }

    #[test]
    fn a_dead_receipt_takes_rows_out_of_the_parts_and_moves_none_to_another() {
        let insert = gather(3 * row().len(), Some(1));
        assert_eq!((sizes(&insert), insert.expected), (vec![2, 1, 2, 0], 5));
        assert!(insert.parts[3].body.is_none());
        let held: Vec<_> = (0..=6).map(|held| insert.parts_held(held)).collect();
        assert_eq!(held, [None, None, Some(1), Some(2), None, Some(3), None]);
    }
}
