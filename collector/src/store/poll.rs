//! Hearing which receipts were withdrawn, at whichever collector, through the ledger in the store.
//!
//! In: the ledger. Out: dead receipts in the list that every batch, every row that is drained, every import and every
//! restore is held to. Invariant: while the store answers, the list is never older than [`LIST_AGE_MAX`]: each look
//! begins [`POLL_INTERVAL`] after the one before began, and takes no longer than [`LOOK_TIME_MAX`].
//!
//! A look reads the parts of the table that were written since the one before: a row that comes late is told by when it
//! came, and not by when its visitor decided. Whatever such a look could miss (a store whose clock jumped, a part that was
//! brought back as it was) comes with the whole list, which is read first and every hour.

use super::{Store, StoreError};
use crate::withdrawn::{DEAD_DAYS, Ended, FIRST_MS, Withdrawn};
use clickhouse::Row;
use serde::Deserialize;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// From the beginning of one look to that of the next.
pub const POLL_INTERVAL: Duration = Duration::from_secs(30);
/// Longest wait for the answer. What takes longer counts as a store that does not answer.
const LOOK_TIME_MAX: Duration = Duration::from_secs(25);
/// How old the list may be.
pub const LIST_AGE_MAX: Duration = Duration::from_secs(60);

/// How often the whole list is read.
const WHOLE_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// How far a look reaches back beyond the beginning of the one before. A row that moved from one part to another while that
/// one was read is in its place by then.
const OVERLAP: Duration = Duration::from_secs(120);

const _: () = assert!(POLL_INTERVAL.as_secs() + LOOK_TIME_MAX.as_secs() < LIST_AGE_MAX.as_secs());

#[derive(Row, Deserialize)]
struct Killed {
    withdraws: u64,
    at_ms: u64,
    erased: u8,
}

/// When the looks began that succeeded.
#[derive(Default)]
struct Looks {
    last: Option<Instant>,
    /// The last that read the whole list.
    whole: Option<Instant>,
}

impl Store {
    /// The same store, asked in that interval which receipts were withdrawn.
    #[must_use]
    pub fn polling_every(self, interval: Duration) -> Store {
        Store { poll_interval: interval, ..self }
    }

    /// Asks which receipts were withdrawn, at whichever collector, and whose visitors had the decisions erased too.
    ///
    /// # Errors
    /// What the store says.
    pub async fn poll_withdrawn(&self, withdrawn: &Withdrawn) -> Result<(), StoreError> {
        self.hear(withdrawn, "").await.map(drop)
    }

    /// The same of what came into the store within that time. Returns how many receipts it told of.
    ///
    /// # Errors
    /// What the store says.
    pub async fn poll_newly_withdrawn(
        &self,
        withdrawn: &Withdrawn,
        within: Duration,
    ) -> Result<usize, StoreError> {
        let seconds = within.as_secs();
        let of_new_parts = format!(
            " AND _part IN (SELECT name FROM system.parts WHERE database = currentDatabase() AND table = 'consents' \
             AND modification_time >= now() - INTERVAL {seconds} SECOND)"
        );
        self.hear(withdrawn, &of_new_parts).await
    }

    async fn hear(&self, withdrawn: &Withdrawn, and: &str) -> Result<usize, StoreError> {
        let sql = format!(
            "SELECT withdraws, toUInt64(toUnixTimestamp(min(ts))) * 1000 AS at_ms, max(action = 'erase') AS erased \
             FROM consents WHERE withdraws != 0 \
             AND (ts > now() - INTERVAL {DEAD_DAYS} DAY OR ts < toDateTime({})){and} GROUP BY withdraws",
            FIRST_MS / 1_000
        );
        let told = self.fetch::<Killed>(&sql).await?;
        for killed in &told {
            let erased = killed.erased != 0;
            withdrawn.end(Ended { consent_id: killed.withdraws, at_ms: killed.at_ms, erased });
        }
        Ok(told.len())
    }

    /// One look: at what is new, or at the whole list where that is due or the store does not tell what is new.
    async fn look(&self, withdrawn: &Withdrawn, looks: &mut Looks) -> Result<(), StoreError> {
        let begun = Instant::now();
        if let (Some(last), Some(whole)) = (looks.last, looks.whole)
            && whole.elapsed() < WHOLE_INTERVAL
        {
            match self.poll_newly_withdrawn(withdrawn, last.elapsed() + OVERLAP).await {
                Ok(_) => {
                    looks.last = Some(begun);
                    return Ok(());
                }
                Err(error) => {
                    tracing::debug!(%error, "The store does not tell what is new; it is asked for the whole list.");
                }
            }
        }
        self.poll_withdrawn(withdrawn).await?;
        *looks = Looks { last: Some(begun), whole: Some(begun) };
        Ok(())
    }

    /// Asks again and again until told to stop, beside whatever the drain is busy with.
    pub(crate) async fn keep_polling(&self, withdrawn: &Withdrawn, stop: &CancellationToken) {
        let mut begun = Instant::now();
        let (mut known, mut told) = (begun, false);
        let mut looks = Looks::default();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep_until(begun + self.poll_interval) => {}
            }
            begun = Instant::now();
            match timeout(LOOK_TIME_MAX, self.look(withdrawn, &mut looks)).await {
                Ok(Ok(())) => (known, told) = (begun, false),
                failed if !told && known.elapsed() > LIST_AGE_MAX => {
                    told = true;
                    let error = failed.err().map_or_else(|| "it says no".to_owned(), |late| late.to_string());
                    tracing::warn!(
                        error,
                        age_s = known.elapsed().as_secs(),
                        "The store does not tell which receipts were withdrawn at other collectors; theirs are taken until it does."
                    );
                }
                Ok(Err(error)) => {
                    tracing::debug!(%error, "The store could not be asked which receipts were withdrawn.");
                }
                Err(_) => tracing::debug!("The store did not tell in time which receipts were withdrawn."),
            }
        }
    }
}
