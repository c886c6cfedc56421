//! Retries of a batch that another segment brings too, at this collector or at another one: the store keeps one.
//!
//! A browser that heard no answer sends its batch again and says so ([`wire::Batch::retry`]). The spool that has the batch
//! knows its id and answers. Another collector's does not, nor one that had more batches to remember than it can: there the
//! batch is taken like a new one, and the two meet in the store.
//!
//! * Before a segment's events go in, its retries are noted in the table `retries`, where every collector reads them.
//! * Once they are in, the notes on any of its batches are read, whoever wrote them, and the page views they name are looked
//!   through: of an event that is there from several segments one stays.
//!
//! So whichever copy comes last, its own look finds both: either the retry's, which comes after the other's insert, or the
//! other's, which comes after the retry's note. No collector waits for another one, and one that was away for days
//! looks when it drains.
//!
//! In: a segment's batches. Out: `events` without what its retries doubled. Invariant: who looks does not matter, nor how
//! often: of several copies that of the lowest segment id stays, and nothing is removed of which no copy stays.

use super::drain::Job;
use super::insert::layout;
use super::{Store, StoreError, in_long_time, in_time};
use crate::row_binary::Row as StoredRow;
use crate::spool::{Spool, StoredRecord, Table};
use clickhouse::Row;
use serde::Deserialize;
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;
use wire::BatchId;
use wire::limits::RETRY_MS_MAX;

/// For how long a note is kept, in days: as long as a segment waits in quarantine, which may be brought back.
const NOTE_DAYS: u16 = 31;
/// How long a first try can be under way and still be taken after its retry was noted. A browser repeats for no longer.
const OVERTAKEN_MAX: Duration = Duration::from_millis(RETRY_MS_MAX as u64);
/// How far the clocks of two collectors may be apart for the two copies of an event to be found, in milliseconds.
const CLOCKS_APART_MS_MAX: i64 = 60 * 60 * 1_000;
/// Most retries that one statement notes, at 100 bytes each; most page views that one asks for, and most events that one
/// removes, at 21 and at 64: within the 256 KiB that a server's default takes.
const NOTES_MAX: usize = 2_000;
const VIEWS_MAX: usize = 10_000;
const DOUBLES_MAX: usize = 3_000;

/// A batch whose browser had sent it before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Retry {
    batch: BatchId,
    view_id: u64,
    /// When its events happened, in milliseconds since 1970.
    first_ms: i64,
    last_ms: i64,
}

/// A note on one, of any collector.
#[derive(Row, Deserialize)]
struct Noted {
    batch: String,
    view_id: u64,
    first_ms: i64,
    last_ms: i64,
}

/// An event that is there from several segments.
#[derive(Row, Deserialize)]
struct Doubled {
    consent_id: u64,
    view_id: u64,
    seq: u32,
    /// In rising order.
    segments: Vec<u64>,
}

impl Retry {
    /// What is to be noted of a record, if its batch is one and something of it is left.
    pub(crate) fn of(record: &StoredRecord<'_>) -> Option<Retry> {
        let batch = record.batch().filter(|_| record.retry && record.table == Table::Events)?;
        let whole: Vec<_> = record.rows().filter(|row| !row.is_blank()).map(StoredRow::whole).collect();
        let number = |row: &[u8], column| {
            let value = layout(Table::Events).field(row, column)?.first_chunk::<8>()?;
            Some(u64::from_le_bytes(*value))
        };
        let times = || whole.iter().filter_map(|row| number(row, "ts").map(u64::cast_signed));
        Some(Retry {
            batch,
            view_id: number(whole.first()?, "view_id")?,
            first_ms: times().min()?,
            last_ms: times().max()?,
        })
    }
}

impl Store {
    /// Notes retries whose events are about to go into the store.
    pub(crate) async fn note_retries(&self, retries: &[Retry]) -> Result<(), StoreError> {
        for retries in retries.chunks(NOTES_MAX) {
            let named = |Retry { batch, view_id, first_ms, last_ms }: &Retry| {
                format!("('{batch}',{view_id},{first_ms},{last_ms})")
            };
            let sql = format!(
                "INSERT INTO retries (batch_id, view_id, first_ts, last_ts, noted, expires) \
                 SELECT toUUID(retry.1), retry.2, fromUnixTimestamp64Milli(retry.3, 'UTC'), \
                 fromUnixTimestamp64Milli(retry.4, 'UTC'), now('UTC'), toDate(now('UTC')) + {NOTE_DAYS} \
                 FROM (SELECT arrayJoin(CAST([{}], 'Array(Tuple(String, UInt64, Int64, Int64))')) AS retry)",
                retries.iter().map(named).collect::<Vec<_>>().join(",")
            );
            in_time(self.client().query_raw(&sql).execute()).await?;
        }
        Ok(())
    }

    /// Whether one of a segment's batches was sent twice as far as anybody noted.
    pub(crate) async fn has_retries(&self, spool: &Spool, job: &Job) -> Result<bool, StoreError> {
        Ok(!self.retries_of(spool, job).await?.is_empty())
    }

    /// Removes events of a segment, or of others, that are there twice because a batch of it was sent twice.
    pub(crate) async fn remove_doubles(&self, spool: &Spool, job: &Job) -> Result<(), StoreError> {
        let mut noted = self.retries_of(spool, job).await?;
        noted.sort_unstable_by_key(|retry| retry.first_ms);
        for noted in noted.chunks(VIEWS_MAX) {
            let views = noted.iter().map(|retry| retry.view_id.to_string()).collect::<Vec<_>>().join(",");
            let first_ms = noted.iter().map(|retry| retry.first_ms).min().unwrap_or(0) - CLOCKS_APART_MS_MAX;
            let last_ms = noted.iter().map(|retry| retry.last_ms).max().unwrap_or(0) + CLOCKS_APART_MS_MAX;
            let of_time = format!(
                "ts BETWEEN fromUnixTimestamp64Milli({first_ms}, 'UTC') AND fromUnixTimestamp64Milli({last_ms}, 'UTC')"
            );
            let sql = format!(
                "SELECT consent_id, view_id, seq, arraySort(groupUniqArray(segment_id)) AS segments FROM events \
                 WHERE {of_time} AND view_id IN ({views}) \
                 GROUP BY site_id, consent_id, view_id, seq HAVING length(segments) > 1"
            );
            self.remove_all_but_one(&of_time, &self.fetch::<Doubled>(&sql).await?).await?;
        }
        Ok(())
    }

    async fn remove_all_but_one(&self, of_time: &str, doubled: &[Doubled]) -> Result<(), StoreError> {
        let copies = |one: &Doubled| {
            let Doubled { consent_id, view_id, seq, segments } = one;
            let named = |segment| format!("({segment},{consent_id},{view_id},{seq})");
            segments.iter().skip(1).map(named).collect::<Vec<_>>()
        };
        let copies: Vec<String> = doubled.iter().flat_map(copies).collect();
        for copies in copies.chunks(DOUBLES_MAX) {
            let sql = format!(
                "ALTER TABLE events DELETE WHERE {of_time} AND (segment_id, consent_id, view_id, seq) IN ({})",
                copies.join(",")
            );
            let delete = self.client().query_raw(&sql).with_setting("mutations_sync", "2");
            in_long_time(delete.execute()).await?;
            self.health().doubles.fetch_add(copies.len() as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    /// What anybody noted of a segment's batches.
    async fn retries_of(&self, spool: &Spool, job: &Job) -> Result<Vec<Noted>, StoreError> {
        // An earlier run's segment is as old as its clock said, which may have been wrong.
        let since = spool.age(&job.segment).map_or_else(String::new, |age| {
            format!(" WHERE noted >= now('UTC') - INTERVAL {} SECOND", (age + OVERTAKEN_MAX).as_secs() + 1)
        });
        let sql = format!(
            "SELECT toString(batch_id) AS batch, view_id, toUnixTimestamp64Milli(first_ts) AS first_ms, \
             toUnixTimestamp64Milli(last_ts) AS last_ms FROM retries{since}"
        );
        let read = async {
            let (mut cursor, mut found) = (self.client().query_raw(&sql).fetch::<Noted>()?, Vec::new());
            // Most often there is no note at all, and nothing to compare it with is needed.
            let mut own: Option<HashSet<BatchId>> = None;
            while let Some(noted) = cursor.next().await? {
                let own = own.get_or_insert_with(|| job.batches.iter().map(|(batch, _)| *batch).collect());
                let is_own = noted.batch.parse().is_ok_and(|batch: BatchId| own.contains(&batch));
                found.extend(is_own.then_some(noted));
            }
            Ok(found)
        };
        Ok(in_time(read).await?)
    }
}
