//! Hearing which receipts were withdrawn, at whichever collector, through the ledger in the store.
//!
//! In: the ledger. Out: dead receipts in the list that every batch, every row that is drained, every import and every
//! restore is held to. Invariant: while the store answers, the list is never older than [`LIST_AGE_MAX`]: each look
//! begins [`POLL_INTERVAL`] after the one before began, and takes no longer than [`LOOK_TIME_MAX`].

use super::{Store, StoreError};
use crate::withdrawn::{DEAD_DAYS, FIRST_MS, Withdrawn};
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

const _: () = assert!(POLL_INTERVAL.as_secs() + LOOK_TIME_MAX.as_secs() < LIST_AGE_MAX.as_secs());

#[derive(Row, Deserialize)]
struct Killed {
    withdraws: u64,
    at_ms: u64,
    erased: u8,
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
        let sql = format!(
            "SELECT withdraws, toUInt64(toUnixTimestamp(min(ts))) * 1000 AS at_ms, max(action = 'erase') AS erased \
             FROM consents WHERE withdraws != 0 \
             AND (ts > now() - INTERVAL {DEAD_DAYS} DAY OR ts < toDateTime({})) GROUP BY withdraws",
            FIRST_MS / 1_000
        );
        for killed in self.fetch::<Killed>(&sql).await? {
            match killed.erased {
                0 => withdrawn.kill(killed.withdraws, killed.at_ms),
                _ => withdrawn.erase(killed.withdraws, killed.at_ms),
            }
        }
        Ok(())
    }

    /// Asks again and again until told to stop, beside whatever the drain is busy with.
    pub(crate) async fn keep_polling(&self, withdrawn: &Withdrawn, stop: &CancellationToken) {
        let mut begun = Instant::now();
        let (mut known, mut told) = (begun, false);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep_until(begun + self.poll_interval) => {}
            }
            begun = Instant::now();
            match timeout(LOOK_TIME_MAX, self.poll_withdrawn(withdrawn)).await {
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
