//! Removing the copies of events that two segments brought ([`super::retries`]).
//!
//! In: the table `doubles`. Out: `events` without what is written down there. Invariant: no row on its way into the store waits
//! for it, and what a run could not remove the next one does, or another collector: all is in the store. One removal takes all
//! that was found since the one before.

use super::{Store, StoreError, in_long_time, in_time};
use clickhouse::Row;
use serde::Deserialize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// The least time between two removals: each looks at all events of the days that it concerns.
const SPACING: Duration = Duration::from_secs(5);
/// The same as a multiple of what the last one took, and its longest.
const SHARE: u32 = 10;
const SPACING_MAX: Duration = Duration::from_secs(10 * 60);
/// How long it can take from when something is found, as the store says, until it can be read, in seconds.
const UNSEEN_SECONDS_MAX: u32 = 10 * 60;

/// What is to be removed when.
#[derive(Debug)]
pub(super) struct Doubles {
    due: bool,
    not_before: Instant,
    /// When the latest was found of what is removed, in seconds since 1970 by the store's clock.
    through: u32,
}

#[derive(Row, Deserialize)]
struct Found {
    copies: u64,
    last_found: u32,
}

impl Doubles {
    /// Begins with all that is written down: nobody knows how far the last run came.
    pub(super) fn begin() -> Doubles {
        Doubles { due: true, not_before: Instant::now(), through: 0 }
    }

    /// Something may have been found.
    pub(super) fn hear(&mut self) {
        self.due = true;
    }

    /// Lets no pause hold it up: nothing comes after this.
    pub(super) fn hurry(&mut self) {
        (self.due, self.not_before) = (true, Instant::now());
    }

    /// When there is something to do, if ever.
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.due.then_some(self.not_before)
    }
}

impl Store {
    /// Removes what is due. An error leaves it due, after a pause.
    pub(super) async fn remove_doubles(&self, doubles: &mut Doubles) -> Result<(), StoreError> {
        let begun = Instant::now();
        if doubles.due_at().is_none_or(|at| at > begun) {
            return Ok(());
        }
        let removed = self.remove_since(doubles.through.saturating_sub(UNSEEN_SECONDS_MAX)).await;
        doubles.not_before = Instant::now() + (begun.elapsed() * SHARE).clamp(SPACING, SPACING_MAX);
        if let Some(through) = removed? {
            doubles.through = through;
        }
        doubles.due = false;
        Ok(())
    }

    /// Removes what was found from that second on. Gives when the latest was found, if anything was.
    async fn remove_since(&self, since: u32) -> Result<Option<u32>, StoreError> {
        let written = format!("FROM doubles WHERE found >= toDateTime({since}, 'UTC')");
        let sql = format!("SELECT count() AS copies, toUnixTimestamp(max(found)) AS last_found {written}");
        let found = in_time(self.client().query(&sql).fetch_one::<Found>()).await?;
        if found.copies == 0 {
            return Ok(None);
        }
        let copies = format!(
            "site_id IN (SELECT site_id {written}) AND ts >= (SELECT min(first_ts) {written}) \
             AND ts <= (SELECT max(last_ts) {written}) AND (segment_id, consent_id, view_id, seq) IN \
             (SELECT segment_id, consent_id, view_id, seq {written})"
        );
        let counted = self.client().query(&format!("SELECT count() FROM events WHERE {copies}"));
        let rows: u64 = in_time(counted.fetch_one()).await?;
        if rows > 0 {
            // A mutation looks into every part, so one without rows to remove is not worth asking for.
            let delete = self.client().query(&format!("ALTER TABLE events DELETE WHERE {copies}"));
            in_long_time(delete.with_setting("mutations_sync", "2").execute()).await?;
            self.health().doubles.fetch_add(rows, Ordering::Relaxed);
            tracing::info!(rows, "Events that two collectors had taken are there once again.");
        }
        Ok(Some(found.last_found))
    }
}
