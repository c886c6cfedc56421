//! The task that empties the spool into the store.
//!
//! In: sealed segments. Out: none that waits. Invariant: nothing is inserted before the tables are those of this build and
//! it was asked once which receipts are dead; then it depends on nothing but the store. Segments go in one by one, the oldest
//! first; one whose inserts have failed for [`STUCK_TIME`], for whatever reason, is tried in turns with those behind it. When
//! rows of the same table go in with these, it is not the store that is unwell ([`super::drain`]).

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
/// Of so many segments behind it one is tried: there may be more that the store does not take.
const BEHIND_MAX: usize = 64;

/// What a step got on with.
enum Step {
    /// The oldest segment, or there is none.
    OfOldest,
    /// Another, behind one that is stuck.
    Overtook,
}

/// The task's state.
pub(super) struct Draining<'a> {
    common: &'a Common<'a>,
    /// What is known of the segments whose last try failed: the oldest, and where it is stuck of those behind it, at most
    /// [`BEHIND_MAX`].
    jobs: Vec<Job>,
    /// Whether the oldest was tried last.
    tried_oldest: bool,
    /// How often one was tried again that is behind the oldest and did not go in.
    tried_again: usize,
    migrated: bool,
    cleaned_at: Instant,
}

impl<'a> Draining<'a> {
    pub(super) fn begin(common: &'a Common<'a>) -> Self {
        Draining {
            common,
            jobs: Vec::new(),
            tried_oldest: false,
            tried_again: 0,
            migrated: false,
            cleaned_at: Instant::now(),
        }
    }

    /// Works until told to stop and then until nothing waits. Whether nothing does: after a failure by then, what is left
    /// waits for the next start.
    pub(super) async fn go_on(&mut self, stop: &CancellationToken) -> bool {
        let (spool, health) = (self.common.spool, &self.common.store.health);
        let mut backoff = Backoff::default();
        let mut well = true;
        loop {
            match self.step().await {
                // The oldest waits still.
                Ok(Step::Overtook) => backoff.reset(),
                Ok(Step::OfOldest) => {
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
    async fn step(&mut self) -> Result<Step, StoreError> {
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
        let Some(oldest) = spool.oldest_now() else { return Ok(Step::OfOldest) };
        if self.is_overtaken_now(&oldest).await
            && let Some(behind) = self.behind().await
        {
            self.overtake(&oldest, behind).await?;
            return Ok(Step::Overtook);
        }
        self.tried_oldest = true;
        let job = self.job_of(oldest);
        self.try_once(job).await.map(|_| Step::OfOldest)
    }

    /// Whether it is the turn of one behind the oldest: this is stuck, and the store answers.
    async fn is_overtaken_now(&mut self, oldest: &Sealed) -> bool {
        let store = self.common.store;
        let is_stuck = |job: &Job| job.is_of(oldest) && job.is_stuck(store.stuck_time);
        std::mem::take(&mut self.tried_oldest)
            && self.jobs.iter().any(is_stuck)
            && store.takes_layout(Table::Events).await
    }

    /// The first behind the oldest that was not tried yet, or else each of the others in turn.
    async fn behind(&mut self) -> Option<Arc<Sealed>> {
        let spool = self.common.spool;
        let untried = |behind: &[Arc<Sealed>]| {
            behind.iter().find(|segment| !self.jobs.iter().any(|job| job.is_of(segment))).cloned()
        };
        if let Some(segment) = untried(&spool.behind_oldest(BEHIND_MAX)) {
            return Some(segment);
        }
        // While one waits the open segment is sealed only when it is full.
        spool.seal().await;
        let behind = spool.behind_oldest(BEHIND_MAX);
        untried(&behind).or_else(|| {
            self.tried_again = self.tried_again.wrapping_add(1);
            behind.get(self.tried_again.checked_rem(behind.len())?).cloned()
        })
    }

    /// Tries a segment behind the oldest.
    async fn overtake(&mut self, oldest: &Sealed, behind: Arc<Sealed>) -> Result<(), StoreError> {
        // Of decisions that others of their chain pass a note tells that nobody removed them.
        for passed in &mut self.jobs {
            self.common.store.note_places(passed).await?;
        }
        let job = self.job_of(behind);
        let done = self.try_once(job).await?;
        if let Some(job) = self.jobs.iter_mut().find(|job| job.is_of(oldest)) {
            job.was_overtaken_by(&done);
        }
        Ok(())
    }

    /// What is known of a segment.
    fn job_of(&mut self, segment: Arc<Sealed>) -> Job {
        match self.jobs.iter().position(|job| job.is_of(&segment)) {
            Some(place) => self.jobs.swap_remove(place),
            None => Job::new(segment),
        }
    }

    /// Tries a segment. One that is done is given back.
    async fn try_once(&mut self, mut job: Job) -> Result<Job, StoreError> {
        let Common { store, spool, withdrawn, .. } = self.common;
        let drained = store.drain(spool, withdrawn, &self.common.kept_sites.load_full(), &mut job).await;
        if let Err(error) = drained {
            self.jobs.push(job);
            return Err(error);
        }
        store.health.drained();
        if job.may_end_consents() {
            self.common.ended_a_consent.notify_one();
        }
        if job.may_have_doubles() {
            self.common.found_doubles.notify_one();
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
