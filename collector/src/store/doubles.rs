//! Removing the copies of events that two segments brought ([`super::retries`]).
//!
//! In: the table `doubles`. Out: `events` without what is written down there. Invariant: no row on its way into the store waits
//! for it, a withdrawal for one statement of it at most, and what a run could not remove the next one does, or another
//! collector within the hour: all is in the store.
//!
//! A statement names hashes of the copies and not their ids: the store keeps the text of statements for a while.

use super::{Store, StoreError, in_long_time, in_time, list};
use clickhouse::Row;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// The least time between two removals: each looks at all events of the days that it concerns.
const SPACING: Duration = Duration::from_secs(5);
/// The same as a multiple of what the last one took, and its longest.
const SHARE: u32 = 10;
const SPACING_MAX: Duration = Duration::from_secs(10 * 60);
/// Most copies that one statement removes: each takes 21 bytes, and its segment as many.
const COPIES_MAX: usize = 3_000;
/// How far back is looked again for what other collectors found and could not remove, in seconds.
const AGAIN_SECONDS: u32 = 2 * 24 * 60 * 60;
/// How long it can take from when something is found, as the store says, until it can be read, in seconds.
const UNSEEN_SECONDS_MAX: u32 = 10 * 60;
/// A copy, as statements name it.
const KEY: &str = "cityHash64(segment_id, consent_id, view_id, seq)";

/// What is to be removed when.
#[derive(Debug)]
pub(super) struct Doubles {
    due: bool,
    not_before: Instant,
    /// Where to go on: when the last copy that was looked at was found, in seconds since 1970 by the store's clock, and its key.
    after: (u32, u64),
}

#[derive(Row, Deserialize)]
struct Copied {
    segment_id: u64,
    key: u64,
    first_ms: i64,
    last_ms: i64,
    found_s: u32,
}

impl Doubles {
    /// Begins with all that is written down: nobody knows how far the last run came.
    pub(super) fn begin() -> Doubles {
        Doubles { due: true, not_before: Instant::now(), after: (0, 0) }
    }

    /// Something may have been found.
    pub(super) fn hear(&mut self) {
        self.go_back(UNSEEN_SECONDS_MAX);
    }

    /// Others may have found something.
    pub(super) fn look_again(&mut self) {
        self.go_back(AGAIN_SECONDS);
    }

    /// Lets no pause hold it up: nothing comes after this.
    pub(super) fn hurry(&mut self) {
        self.hear();
        self.not_before = Instant::now();
    }

    /// When there is something to do, if ever.
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.due.then_some(self.not_before)
    }

    fn go_back(&mut self, seconds: u32) {
        (self.due, self.after) = (true, (self.after.0.saturating_sub(seconds), 0));
    }
}

impl Store {
    /// Removes what is due, of many copies some. An error leaves them due, after a pause.
    pub(super) async fn remove_doubles(&self, doubles: &mut Doubles) -> Result<(), StoreError> {
        let begun = Instant::now();
        if doubles.due_at().is_none_or(|at| at > begun) {
            return Ok(());
        }
        let removed = self.remove_after(doubles.after).await;
        let pause = (begun.elapsed() * SHARE).clamp(SPACING, SPACING_MAX);
        let (last, rows) = removed.inspect_err(|_| doubles.not_before = Instant::now() + pause)?;
        match last {
            Some(last) => doubles.after = last,
            None => doubles.due = false,
        }
        // Where nothing was left to remove the next ones are looked at without a pause.
        if rows > 0 {
            doubles.not_before = Instant::now() + pause;
        }
        Ok(())
    }

    /// Removes some of what was found after that one. Gives the last of them, if there were any, and how many rows were there.
    async fn remove_after(
        &self,
        (found_s, key): (u32, u64),
    ) -> Result<(Option<(u32, u64)>, u64), StoreError> {
        let sql = format!(
            "SELECT segment_id, {KEY} AS key, toUnixTimestamp64Milli(first_ts) AS first_ms, \
             toUnixTimestamp64Milli(last_ts) AS last_ms, toUnixTimestamp(found) AS found_s FROM doubles \
             WHERE found >= toDateTime({found_s}, 'UTC') AND (found_s, key) > ({found_s}, {key}) \
             ORDER BY found_s, key LIMIT {COPIES_MAX}"
        );
        let copies = self.fetch::<Copied>(&sql).await?;
        let Some(last) = copies.last().map(|last| (last.found_s, last.key)) else { return Ok((None, 0)) };
        let condition = condition(&copies);
        let counted = self.client().query_raw(&format!("SELECT count() FROM events WHERE {condition}"));
        let rows: u64 = in_time(counted.fetch_one()).await?;
        if rows > 0 {
            // A mutation looks into every part, so one without rows to remove is not worth asking for.
            let delete = self.client().query_raw(&format!("ALTER TABLE events DELETE WHERE {condition}"));
            in_long_time(delete.with_setting("mutations_sync", "2").execute()).await?;
            self.health().doubles.fetch_add(rows, Ordering::Relaxed);
            tracing::info!(rows, "Events that two segments had brought are there once again.");
        }
        Ok((Some(last), rows))
    }
}

/// Which rows of `events` these are.
fn condition(copies: &[Copied]) -> String {
    let first_ms = copies.iter().map(|copy| copy.first_ms).min().unwrap_or(0);
    let last_ms = copies.iter().map(|copy| copy.last_ms).max().unwrap_or(0);
    format!(
        "ts BETWEEN fromUnixTimestamp64Milli({first_ms}, 'UTC') AND fromUnixTimestamp64Milli({last_ms}, 'UTC') \
         AND segment_id IN ({}) AND {KEY} IN ({})",
        list(copies.iter().map(|copy| copy.segment_id).collect::<BTreeSet<_>>().iter()),
        list(copies.iter().map(|copy| copy.key))
    )
}
