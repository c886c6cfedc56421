//! Retries of a batch that another segment brings too, of this collector or another one: the store keeps one.
//!
//! A browser that heard no answer sends its batch again and says so ([`wire::Batch::retry`]). The spool that has the batch
//! knows its id and answers. Another collector's does not, nor one that had more batches to remember than it can: there the
//! batch is taken like a new one, and the two meet in the store.
//!
//! * Before a segment's events go in, its retries are noted in the table `retries`, where every collector reads them.
//! * Once they are in, the notes on any of its batches are read, whoever wrote them, and the page views that they name are
//!   looked up: of an event that is there from several segments all copies but one are written down in `doubles`.
//! * What is written down there is removed, beside the drain ([`super::doubles`]).
//!
//! So whichever copy comes last, its own look finds both: either the retry's, which comes after the other's insert, or the
//! other's, which comes after the retry's note. No collector waits for another one, and one that was away for weeks
//! looks when it drains.
//!
//! In: a segment's batches. Out: `doubles`. Invariant: who looks does not matter, nor how often. Nothing of the lowest
//! segment id that a look sees is written down, so of all the copies one stays.

use super::job::Job;
use super::{Store, StoreError, in_time, list};
use crate::pipeline::EVENTS;
use crate::row_binary::Row as StoredRow;
use crate::spool::{StoredRecord, Table};
use clickhouse::Row;
use serde::Deserialize;
use std::collections::BTreeSet;
use wire::limits::AGE_MS_MAX;
use wire::{BatchId, HexId};

/// For how long a note is kept, and what is written down, in days: a segment that comes into the store later than that after a
/// retry of its batch is not held to it.
const NOTE_DAYS: u16 = 31;
/// How far apart the two copies of an event may seem to have happened, in milliseconds: a machine that slept between the two
/// tries may not have counted its sleep, and the clocks of two collectors may be an hour apart.
const APART_MS_MAX: i64 = AGE_MS_MAX as i64 + 60 * 60 * 1_000;
/// Most copies of one event that a look sees. A browser does not try more often within its ten minutes.
const COPIES_MAX: usize = 16;
/// Most retries that one statement notes, at 190 bytes each; most batches whose notes one asks for, at 39, and most notes that
/// one looks up, at 106: within the 256 KiB that a server's default takes.
const NOTES_MAX: usize = 1_000;
const BATCHES_MAX: usize = 5_000;
const LOOKED_UP_MAX: usize = 2_000;
/// Longest time that the store spends on one such look, in seconds.
const LOOK_SECONDS_MAX: &str = "15";

/// A batch whose browser had sent it before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Retry {
    batch: BatchId,
    site_id: String,
    consent_id: u64,
    /// The visitor as its rows say, and as the first try's may.
    visitors: [u64; 2],
    view_id: u64,
    /// When its events happened, in milliseconds since 1970.
    first_ms: i64,
    last_ms: i64,
    /// The day, counted from 1970, on which they expire.
    expires: u16,
}

/// A note on one, of any collector.
#[derive(Row, Deserialize)]
struct Noted {
    site_id: String,
    visitor_id: u64,
    first_visitor_id: u64,
    view_id: u64,
    first_ms: i64,
    last_ms: i64,
}

impl Retry {
    /// What is to be noted of a record, if its batch is one and something of it is left.
    pub(crate) fn of(record: &StoredRecord<'_>) -> Option<Retry> {
        let HexId(first_visitor) = record.retry.filter(|_| record.table == Table::Events)?;
        let whole: Vec<_> = record.rows().filter(|row| !row.is_blank()).map(StoredRow::whole).collect();
        let number =
            |row: &[u8], column| Some(u64::from_le_bytes(*EVENTS.field(row, column)?.first_chunk::<8>()?));
        let times = || whole.iter().filter_map(|row| number(row, "ts").map(u64::cast_signed));
        let row = whole.first()?;
        Some(Retry {
            batch: record.batch()?,
            site_id: str::from_utf8(EVENTS.field(row, "site_id")?).ok()?.to_owned(),
            consent_id: record.consent_id,
            visitors: [number(row, "visitor_id")?, first_visitor],
            view_id: number(row, "view_id")?,
            first_ms: times().min()?,
            last_ms: times().max()?,
            expires: u16::from_le_bytes(*EVENTS.field(row, "expires")?.first_chunk::<2>()?),
        })
    }

    /// The values of [`Store::note_retries`]' statement.
    fn values(&self) -> (String, &str, u64, [u64; 2], u64, [i64; 2], u16) {
        let Retry { batch, site_id, consent_id, visitors, view_id, first_ms, last_ms, expires } = self;
        (batch.to_string(), site_id, *consent_id, *visitors, *view_id, [*first_ms, *last_ms], *expires)
    }
}

impl Store {
    /// Notes retries whose events are about to go into the store.
    pub(super) async fn note_retries(&self, retries: &[Retry]) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO retries (batch_id, site_id, consent_id, visitor_id, first_visitor_id, view_id, first_ts, last_ts, \
             noted, expires) SELECT toUUID(one.1), one.2, one.3, one.4.1, one.4.2, one.5, \
             fromUnixTimestamp64Milli(one.6.1, 'UTC'), fromUnixTimestamp64Milli(one.6.2, 'UTC'), now('UTC'), \
             least(toDate(now('UTC')) + {NOTE_DAYS}, toDate(one.7)) FROM (SELECT arrayJoin(CAST(?, \
             'Array(Tuple(String, String, UInt64, Tuple(UInt64, UInt64), UInt64, Tuple(Int64, Int64), UInt16))')) AS one)"
        );
        for retries in retries.chunks(NOTES_MAX) {
            let values: Vec<_> = retries.iter().map(Retry::values).collect();
            in_time(self.client().query(&sql).bind(values).execute()).await?;
        }
        Ok(())
    }

    /// Writes down what a segment, whose events are in the store, and another one brought both. Whether it may have been
    /// something.
    pub(super) async fn find_doubles(&self, job: &Job) -> Result<bool, StoreError> {
        let noted = self.notes_on(&job.batches).await?;
        for noted in noted.chunks(LOOKED_UP_MAX) {
            let visitors = noted.iter().flat_map(|one| [one.visitor_id, one.first_visitor_id]);
            let sites: BTreeSet<&str> = noted.iter().map(|one| one.site_id.as_str()).collect();
            let first_ms = noted.iter().map(|one| one.first_ms).min().unwrap_or(0) - APART_MS_MAX;
            let last_ms = noted.iter().map(|one| one.last_ms).max().unwrap_or(0) + APART_MS_MAX;
            // The first conditions are what `events` is sorted by, so that little of it is read.
            let sql = format!(
                "INSERT INTO doubles (segment_id, site_id, consent_id, view_id, seq, first_ts, last_ts, found, expires) \
                 SELECT arrayJoin(arraySlice(copies, 2)), site_id, consent_id, view_id, seq, first, last, now('UTC'), \
                 least(toDate(now('UTC')) + {NOTE_DAYS}, gone) FROM (SELECT site_id, consent_id, view_id, seq, \
                 min(ts) AS first, max(ts) AS last, max(expires) AS gone, \
                 arraySort(groupUniqArray({COPIES_MAX})(segment_id)) AS copies FROM events WHERE site_id IN ? AND ts BETWEEN fromUnixTimestamp64Milli({first_ms}, 'UTC') \
                 AND fromUnixTimestamp64Milli({last_ms}, 'UTC') AND visitor_id IN ({}) AND view_id IN ({}) \
                 GROUP BY site_id, consent_id, view_id, seq \
                 HAVING length(copies) > 1 AND countIf(segment_id = {}) > 0)",
                list(visitors),
                list(noted.iter().map(|one| one.view_id)),
                job.segment.id()
            );
            let sites: Vec<&str> = sites.into_iter().collect();
            let query = self.client().query(&sql).with_setting("max_execution_time", LOOK_SECONDS_MAX);
            in_time(query.bind(sites).execute()).await?;
        }
        Ok(!noted.is_empty())
    }

    /// What anybody noted on these batches.
    async fn notes_on(&self, batches: &[(BatchId, u64)]) -> Result<Vec<Noted>, StoreError> {
        let mut noted = Vec::new();
        // Most often there is no note at all.
        if batches.is_empty() || self.fetch::<u8>("SELECT 1 FROM retries LIMIT 1").await?.is_empty() {
            return Ok(noted);
        }
        for batches in batches.chunks(BATCHES_MAX) {
            let sql = format!(
                "SELECT any(site_id) AS site_id, visitor_id, first_visitor_id, view_id, \
                 min(toUnixTimestamp64Milli(first_ts)) AS first_ms, max(toUnixTimestamp64Milli(last_ts)) AS last_ms \
                 FROM retries WHERE batch_id IN ({}) GROUP BY batch_id, visitor_id, first_visitor_id, view_id",
                list(batches.iter().map(|(batch, _)| format!("'{batch}'")))
            );
            noted.extend(self.fetch::<Noted>(&sql).await?);
        }
        noted.sort_unstable_by_key(|one| one.first_ms);
        Ok(noted)
    }
}
