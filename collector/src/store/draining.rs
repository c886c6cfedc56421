//! The task that empties the spool into the store.
//!
//! In: sealed segments. Out: none that waits. Invariant: nothing is inserted before the tables are those of this build and
//! it was asked once which receipts are dead; then it depends on nothing but the store.

use super::backoff::Backoff;
use super::job::Job;
use super::{Common, StoreError, blocking};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How often the ids of drained batches are looked through for expired ones, and dead receipts are put on disk.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(60);

/// The task's state.
pub(super) struct Draining<'a> {
    common: &'a Common<'a>,
    job: Option<Job>,
    migrated: bool,
    cleaned_at: Instant,
}

impl<'a> Draining<'a> {
    pub(super) fn begin(common: &'a Common<'a>) -> Self {
        Draining { common, job: None, migrated: false, cleaned_at: Instant::now() }
    }

    /// Works until told to stop and then until nothing waits. Whether nothing does: after a failure by then, what is left
    /// waits for the next start.
    pub(super) async fn go_on(&mut self, stop: &CancellationToken) -> bool {
        let (spool, health) = (self.common.spool, &self.common.store.health);
        let mut backoff = Backoff::default();
        let mut well = true;
        loop {
            match self.step().await {
                Ok(()) => {
                    if !well {
                        tracing::info!("The drain gets on again.");
                    }
                    well = true;
                    health.succeeded();
                    backoff.reset();
                    if spool.oldest_now().is_some() {
                        continue;
                    }
                    if stop.is_cancelled() {
                        spool.seal().await;
                        if spool.oldest_now().is_none() {
                            return true;
                        }
                        continue;
                    }
                    tokio::select! {
                        _ = spool.oldest() => {}
                        () = sleep(HOUSEKEEPING_INTERVAL) => {}
                        () = stop.cancelled() => {}
                    }
                }
                Err(error) => {
                    health.failed(&error);
                    if stop.is_cancelled() {
                        tracing::warn!(%error, "The store could not take everything before the end.");
                        return false;
                    }
                    if well {
                        tracing::warn!(%error, "The store does not take what there is; it is tried again.");
                    }
                    well = false;
                    tokio::select! {
                        () = sleep(backoff.pause()) => {}
                        () = stop.cancelled() => {}
                    }
                }
            }
        }
    }

    /// Whatever is due, and one segment.
    async fn step(&mut self) -> Result<(), StoreError> {
        if self.cleaned_at.elapsed() >= HOUSEKEEPING_INTERVAL {
            self.clean().await;
        }
        let Common { store, spool, withdrawn, .. } = self.common;
        if !self.migrated {
            store.migrate().await?;
            self.migrated = true;
        }
        let is_ready = *self.common.is_ready.borrow();
        if !is_ready {
            // Before the first row is inserted; from then on `keep_polling` asks.
            store.poll_withdrawn(withdrawn).await?;
            self.common.is_ready.send_replace(true);
        }
        let _waiting = self.common.waiting.lock().await;
        let Some(segment) = spool.oldest_now() else { return Ok(()) };
        let mut job = match self.job.take() {
            Some(job) if job.is_of(&segment) => job,
            _ => Job::new(segment),
        };
        let drained = store.drain(spool, withdrawn, &self.common.kept_sites.load_full(), &mut job).await;
        match drained {
            Ok(()) => {
                store.health.drained();
                if job.may_end_consents() {
                    self.common.ended_a_consent.notify_one();
                }
                if job.may_have_doubles() {
                    self.common.found_doubles.notify_one();
                }
            }
            Err(_) => self.job = Some(job),
        }
        drained
    }

    /// What was withdrawn while the store is away outlives a restart also where the decision came from another collector.
    /// A disk that has no room for it must not keep rows from the store, which make room.
    async fn clean(&mut self) {
        let (spool, withdrawn) = (self.common.spool.clone(), self.common.withdrawn.clone());
        let saved = blocking(move || {
            spool.forget_expired();
            withdrawn.save()
        });
        if let Err(error) = saved.await {
            tracing::error!(%error, "The list of withdrawn receipts could not be written; it is tried again.");
        }
        self.cleaned_at = Instant::now();
    }
}
