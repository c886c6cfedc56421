//! The task that empties the spool into the store.
//!
//! In: sealed segments. Out: none that waits. Invariant: nothing is inserted before the tables are those of this build and
//! it was asked once which receipts are dead; then it depends on nothing but the store. Segments go in one by one, the oldest
//! first; one that has failed for [`STUCK_TIME`], for whatever reason, is overtaken by those behind it. When rows of the same
//! table go in with these, it is not the store that is unwell ([`super::blame`]).

use super::backoff::{Backoff, PAUSE_MIN};
use super::blame::may_lie_in_rows;
use super::job::Job;
use super::{Common, StoreError, blocking};
use crate::spool::Sealed;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How often the ids of drained batches are looked through for expired ones, and dead receipts are put on disk.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(60);

/// How long the oldest segment is tried before others overtake it: longer than an engine that ended takes to come back, or one
/// that merges to have memory again.
pub(super) const STUCK_TIME: Duration = Duration::from_secs(5 * 60);
/// Least number of tries in that time.
const TRIES_MIN: u32 = 30;

/// The least age of an open segment that is sealed to be tried: so that these are no smaller than usual.
const OPEN_AGE: Duration = Duration::from_secs(1);
/// The same behind so many that do not go in: a store that takes nothing would be told so with ever more small ones.
const OPEN_AGE_BEHIND_MANY: Duration = Duration::from_secs(60);
const MANY: usize = 256;

/// For how long those behind a stuck segment go in between two tries of it; where a try took longer, for as long as that.
const OVERTAKING_TIME: Duration = Duration::from_secs(10);
/// Most of them that are tried in vain between two tries of the oldest.
const VAIN_MAX: usize = 16;

/// The task's state.
pub(super) struct Draining<'a> {
    common: &'a Common<'a>,
    /// What is known of the segments whose last try failed, in the order of these tries: the oldest, and where it is stuck of
    /// those behind it. Of each of these that is a kilobyte.
    jobs: Vec<Job>,
    /// Whether those behind a stuck oldest are tried before it, and not after it.
    begins_behind: bool,
    migrated: bool,
    cleaned_at: Instant,
}

impl<'a> Draining<'a> {
    pub(super) fn begin(common: &'a Common<'a>) -> Self {
        Draining {
            common,
            jobs: Vec::new(),
            begins_behind: false,
            migrated: false,
            cleaned_at: Instant::now(),
        }
    }

    /// Works until told to stop and then until nothing waits. Whether nothing does: after a failure by then, what is left
    /// waits for the next start.
    pub(super) async fn go_on(&mut self, stop: &CancellationToken) -> bool {
        let (spool, health) = (self.common.spool, &self.common.store.health);
        let pause_max = (self.common.store.stuck_time / TRIES_MIN).max(PAUSE_MIN);
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
                        () = sleep(backoff.pause().min(pause_max)) => {}
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
        let Some(oldest) = spool.oldest_now() else { return Ok(()) };
        let is_stuck = |job: &Job| job.is_of(&oldest) && job.is_stuck(store.stuck_time);
        if self.jobs.iter().any(is_stuck) {
            return self.step_stuck(oldest).await;
        }
        let job = self.job_of(oldest);
        self.try_once(job).await.map(drop)
    }

    /// Tries the oldest, which is stuck, and those behind it, each first in turns: whichever ends the engine, the other comes to
    /// an engine that is there.
    async fn step_stuck(&mut self, oldest: Arc<Sealed>) -> Result<(), StoreError> {
        let store = self.common.store;
        store.answers().await?;
        let begins_behind = self.begins_behind;
        self.begins_behind = !begins_behind;
        if begins_behind {
            self.overtake(&oldest, Instant::now() + OVERTAKING_TIME).await;
            store.answers().await?;
        }
        let (job, began) = (self.job_of(Arc::clone(&oldest)), Instant::now());
        let tried = self.try_once(job).await;
        if tried.is_err() && !begins_behind && store.answers().await.is_ok() {
            self.overtake(&oldest, Instant::now() + OVERTAKING_TIME.max(began.elapsed())).await;
        }
        tried.map(drop)
    }

    /// Those behind the oldest go in, until it is time for the oldest again, or the store seems to be unwell.
    async fn overtake(&mut self, oldest: &Sealed, until: Instant) {
        let store = self.common.store;
        let mut vain = Vec::new();
        while Instant::now() < until
            && vain.len() < VAIN_MAX
            && let Some(behind) = self.behind().await
            && !vain.contains(&behind.id())
        {
            if self.note_passed(oldest).await.is_err() {
                return;
            }
            vain.push(behind.id());
            let job = self.job_of(behind);
            match self.try_once(job).await {
                Ok(done) => {
                    vain.pop();
                    self.jobs.iter_mut().for_each(|job| job.was_overtaken_by(&done, store.stuck_time));
                }
                Err(error) => {
                    store.health.failed_behind();
                    tracing::debug!(%error, "A segment behind one that is stuck does not go in either.");
                    if !may_lie_in_rows(&error) || store.answers().await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Of decisions that others of their chain pass a note tells that nobody removed them.
    async fn note_passed(&mut self, oldest: &Sealed) -> Result<(), StoreError> {
        for passed in &mut self.jobs {
            self.common.store.note_places(passed).await?;
            if !passed.is_of(oldest) {
                passed.lighten();
            }
        }
        Ok(())
    }

    /// The first behind the oldest that was not tried yet, or else the one whose try was the longest ago. One that could not be
    /// read yet is tried again before those behind it, until one has been unread for as long as makes it stuck: nobody can
    /// note its decisions.
    async fn behind(&self) -> Option<Arc<Sealed>> {
        let Common { store, spool, .. } = self.common;
        let unread_for_long = self.jobs.iter().any(|job| !job.was_read && job.is_stuck(store.stuck_time));
        let is_passed = |job: &&Job| job.was_read || unread_for_long;
        let passed: HashSet<u64> = self.jobs.iter().filter(is_passed).map(|job| job.segment.id()).collect();
        let is_next = |segment: &&Arc<Sealed>| !passed.contains(&segment.id());
        // One more than were tried, of which the oldest is one.
        let max = self.jobs.len() + 1;
        let mut behind = spool.behind_oldest(max);
        if let Some(segment) = behind.iter().find(is_next) {
            return Some(Arc::clone(segment));
        }
        if behind.len() < max {
            // While one waits the open segment is sealed only when it is full.
            spool.seal_rested(if max < MANY { OPEN_AGE } else { OPEN_AGE_BEHIND_MANY }).await;
            behind = spool.behind_oldest(max);
        }
        let of = |job: &Job| behind.iter().find(|segment| job.is_of(segment));
        behind.iter().find(is_next).or_else(|| self.jobs.iter().find_map(of)).cloned()
    }

    /// What is known of a segment.
    fn job_of(&mut self, segment: Arc<Sealed>) -> Job {
        match self.jobs.iter().position(|job| job.is_of(&segment)) {
            Some(place) => self.jobs.remove(place),
            None => Job::new(segment),
        }
    }

    /// Tries a segment. One that is done is given back.
    async fn try_once(&mut self, mut job: Job) -> Result<Job, StoreError> {
        let Common { store, spool, withdrawn, .. } = self.common;
        let drained = store.drain(spool, withdrawn, &self.common.kept_sites.load_full(), &mut job).await;
        // Decisions may be in whatever becomes of the rows beside them.
        if job.brings_late_decisions() || (drained.is_ok() && job.may_end_consents()) {
            self.common.ended_a_consent.notify_one();
        }
        if let Err(error) = drained {
            self.jobs.push(job);
            return Err(error);
        }
        store.health.drained();
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
