//! The task that empties the spool into the store.
//!
//! In: sealed segments. Out: none that waits. Invariant: nothing is inserted before the tables are those of this build and
//! it was asked once which receipts are dead; then it depends on nothing but the store. Segments go in one by one, the oldest
//! first; one of which the store has not taken a table's rows for [`STUCK_TIME`], whatever it says, is overtaken by some of those
//! behind it, and when rows of that table go in with these and its own still do not, it is not the store that is unwell
//! ([`super::drain`]).

use super::backoff::Backoff;
use super::job::Job;
use super::{Common, StoreError, blocking};
use crate::spool::{Sealed, Table};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How often the ids of drained batches are looked through for expired ones, and dead receipts are put on disk.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(60);

/// How long the oldest segment is tried before others overtake it: longer than an engine that ended takes to come back, or one
/// that merges to have memory again.
pub(super) const STUCK_TIME: Duration = Duration::from_secs(5 * 60);
/// Of so many segments behind it the first is tried that was not yet: there may be more that the store does not take.
const BEHIND_MAX: usize = 64;

/// The task's state.
pub(super) struct Draining<'a> {
    common: &'a Common<'a>,
    /// What is known of the segments whose last try failed: the oldest, and where it is stuck of those behind it, at most
    /// [`BEHIND_MAX`].
    jobs: Vec<Job>,
    /// How many of those behind the oldest were tried and did not go in.
    passed: usize,
    migrated: bool,
    cleaned_at: Instant,
}

impl<'a> Draining<'a> {
    pub(super) fn begin(common: &'a Common<'a>) -> Self {
        Draining { common, jobs: Vec::new(), passed: 0, migrated: false, cleaned_at: Instant::now() }
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
        let mut job = self.job_of(segment);
        match job.stuck_with(store.stuck_time) {
            None => self.passed = 0,
            Some(table) if store.note_places(&mut job).await.is_ok() && self.overtake(table).await => {
                job.overtaken += 1;
            }
            Some(_) => {}
        }
        self.try_once(job).await.map(drop)
    }

    /// What is known of a segment.
    fn job_of(&mut self, segment: Arc<Sealed>) -> Job {
        match self.jobs.iter().position(|job| job.is_of(&segment)) {
            Some(place) => self.jobs.swap_remove(place),
            None => Job::new(segment),
        }
    }

    /// Tries a segment behind the oldest, if the store answers; whether it went in with rows of that table.
    async fn overtake(&mut self, table: Table) -> bool {
        let Common { store, spool, .. } = self.common;
        if !store.takes_layout(table).await {
            return false;
        }
        // Of decisions that others of their chain pass a note tells that nobody removed them.
        for passed in &mut self.jobs {
            if store.note_places(passed).await.is_err() {
                return false;
            }
        }
        if spool.behind_oldest(0, BEHIND_MAX).is_none() {
            // While one waits the open segment is sealed only when it is full.
            spool.seal().await;
        }
        let Some(behind) = spool.behind_oldest(self.passed, BEHIND_MAX) else { return false };
        let job = self.job_of(behind);
        match self.try_once(job).await {
            Ok(done) => done.brought.contains(&table),
            Err(_) => {
                self.passed = self.passed.wrapping_add(1);
                false
            }
        }
    }

    /// Tries a segment. One that is done is given back.
    async fn try_once(&mut self, mut job: Job) -> Result<Job, StoreError> {
        let Common { store, spool, withdrawn, .. } = self.common;
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
            Err(error) => {
                self.jobs.push(job);
                return Err(error);
            }
        }
        Ok(job)
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
