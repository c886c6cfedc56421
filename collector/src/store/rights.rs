//! Erasing what a withdrawn receipt allowed.
//!
//! In: the ids of dead receipts. Out: `events`, and the tables beside it, without a row of theirs. Invariant: every receipt is erased once more after
//! [`SECOND_PASS`]: an insert that was under way when it died is over by then, and other collectors hear of it within a
//! minute ([`super::poll`]). What comes later still, of a store that took longer, goes with the hourly look at all of them.
//! After a restart every receipt that is listed is erased once more, because nobody knows how far the last run came.

use super::{Store, StoreError};
use crate::withdrawn::Withdrawn;
use std::time::Duration;
use tokio::time::Instant;

/// When a withdrawn receipt is erased once more, for what other collectors inserted before they heard of it.
pub const SECOND_PASS: Duration = Duration::from_secs(5 * 60);
/// The least time between two erasures: each looks for its receipts in every row, and rewrites every part that holds one of
/// theirs.
const SPACING: Duration = Duration::from_secs(5);
/// The same as a multiple of what the last one took: where there are many rows and somebody withdraws every few seconds,
/// more are erased together, and the store has its time for everything else.
const SHARE: u32 = 10;
/// The longest pause between two erasures: far within the law's day, after which what is withdrawn has to be gone.
const SPACING_MAX: Duration = Duration::from_secs(10 * 60);
/// The tables that hold rows of a receipt's events: themselves, and what says which were sent or are there twice.
const TABLES: [&str; 3] = ["events", "retries", "doubles"];
/// Most receipts that one statement names, at 21 bytes each: within the 256 KiB that a server's default takes.
pub(super) const IDS_MAX: usize = 10_000;

/// What is to be erased when.
#[derive(Debug)]
pub(crate) struct Erasure {
    first: Vec<u64>,
    second: Vec<u64>,
    not_before: Instant,
    later: Vec<(Instant, Vec<u64>)>,
}

impl Erasure {
    /// Begins with what is to be erased already.
    pub(crate) fn of(first: Vec<u64>) -> Self {
        Erasure { first, second: Vec::new(), not_before: Instant::now(), later: Vec::new() }
    }

    /// Takes the receipts that were killed since the last time.
    pub(crate) fn hear(&mut self, withdrawn: &Withdrawn) {
        self.first.extend(withdrawn.take_unerased());
    }

    /// Takes every receipt that is dead once more: its rows may have come back.
    pub(crate) fn repeat(&mut self, withdrawn: &Withdrawn) {
        self.first = withdrawn.all();
    }

    /// When there is something to do, if ever.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        let waits = !self.first.is_empty() || !self.second.is_empty();
        let later = self.later.iter().map(|(at, _)| *at).min();
        waits.then_some(self.not_before).into_iter().chain(later.map(|at| at.max(self.not_before))).min()
    }

    /// Lets no pause hold up what is to be erased: nothing comes after this.
    pub(crate) fn hurry(&mut self) {
        self.not_before = Instant::now();
    }

    /// What is to be erased now. It stays due until it is [`Erasure::done`].
    fn due(&mut self, now: Instant) -> Vec<u64> {
        if now < self.not_before {
            return Vec::new();
        }
        self.later.retain_mut(|(at, ids)| {
            let waits = *at > now;
            if !waits {
                self.second.append(ids);
            }
            waits
        });
        self.first.iter().chain(&self.second).copied().collect()
    }

    /// What was due is erased, which took so long.
    fn done(&mut self, now: Instant, took: Duration) {
        self.not_before = now + (took * SHARE).clamp(SPACING, SPACING_MAX);
        self.second.clear();
        if !self.first.is_empty() {
            self.later.push((now + SECOND_PASS, std::mem::take(&mut self.first)));
        }
    }
}

impl Store {
    /// What an import or a restore ends with, beside a running collector or without one: hears of every withdrawal, and
    /// erases what came back of each, events and the ledger's rows. What is imported is held to
    /// [`Withdrawn::is_dead`] before, row by row.
    ///
    /// # Errors
    /// What the store says; nothing may be opened to analysts then.
    pub async fn erase_what_came_back(
        &self,
        withdrawn: &Withdrawn,
        kept_sites: &[String],
    ) -> Result<(), StoreError> {
        self.poll_withdrawn(withdrawn).await?;
        self.erase(&withdrawn.all(), kept_sites).await?;
        self.erase_from_restored_ledger(withdrawn).await
    }

    /// Erases what is due.
    pub(crate) async fn erase_due(
        &self,
        erasure: &mut Erasure,
        kept_sites: &[String],
    ) -> Result<(), StoreError> {
        let begun = Instant::now();
        let due = erasure.due(begun);
        if !due.is_empty() {
            self.erase(&due, kept_sites).await?;
            erasure.done(Instant::now(), begun.elapsed());
        }
        Ok(())
    }

    /// Erases every event that the receipts allowed, and every note on one, except on sites that keep them. Returns when they are gone.
    pub async fn erase(&self, consent_ids: &[u64], kept_sites: &[String]) -> Result<(), StoreError> {
        for ids in consent_ids.chunks(IDS_MAX) {
            let list = super::list(ids.iter());
            for table in TABLES {
                self.erase_from(table, ids.len(), &list, kept_sites).await?;
            }
        }
        Ok(())
    }

    async fn erase_from(
        &self,
        table: &str,
        receipts: usize,
        list: &str,
        kept_sites: &[String],
    ) -> Result<(), StoreError> {
        let spared = if kept_sites.is_empty() { "" } else { " AND site_id NOT IN ?" };
        let condition = format!("consent_id IN ({list}){spared}");
        let bind = |query: clickhouse::query::Query| match kept_sites {
            [] => query,
            sites => query.bind(sites),
        };
        let count = bind(self.client().query(&format!("SELECT count() FROM {table} WHERE {condition}")));
        let rows: u64 = super::in_time(count.fetch_one()).await?;
        if rows > 0 {
            // A mutation looks into every part, so one without rows to erase is not worth asking for.
            let delete = bind(self.client().query(&format!("ALTER TABLE {table} DELETE WHERE {condition}")));
            super::in_long_time(delete.with_setting("mutations_sync", "2").execute()).await?;
            tracing::info!(receipts, table, rows, "Rows of withdrawn receipts were erased.");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_erased_soon_and_once_more_and_then_no_more() {
        let mut erasure = Erasure::of(vec![1]);
        let start = erasure.not_before;
        assert_eq!(erasure.due_at(), Some(start));
        assert_eq!(erasure.due(start), [1]);
        assert_eq!(erasure.due(start), [1], "until it is done it stays due");
        erasure.done(start, Duration::ZERO);
        assert_eq!(erasure.due_at(), Some(start + SECOND_PASS));
        assert!(erasure.due(start + SPACING).is_empty());
        assert_eq!(erasure.due(start + SECOND_PASS), [1]);
        erasure.done(start + SECOND_PASS, Duration::ZERO);
        assert_eq!(erasure.due_at(), None);
    }

    #[test]
    fn many_withdrawals_are_erased_together() {
        let mut erasure = Erasure::of(vec![1]);
        let start = erasure.not_before;
        erasure.done(start, Duration::ZERO);
        erasure.first.extend([2, 3]);
        assert!(erasure.due(start).is_empty());
        assert_eq!(erasure.due_at(), Some(start + SPACING));
        assert_eq!(erasure.due(start + SPACING), [2, 3]);
    }

    #[test]
    fn the_longer_an_erasure_takes_the_more_wait_for_the_next_one() {
        for (took_s, pause_s) in [(0, 5), (1, 10), (30, 5 * 60), (100 * 60, 10 * 60)] {
            let mut erasure = Erasure::of(vec![1]);
            let start = erasure.not_before;
            erasure.done(start, Duration::from_secs(took_s));
            erasure.first.push(2);
            assert_eq!(erasure.due_at(), Some(start + Duration::from_secs(pause_s)), "{took_s}");
            erasure.hurry();
            assert_eq!(erasure.due(Instant::now()), [2], "at the end nothing waits");
        }
    }
}
