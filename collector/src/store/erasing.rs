//! The task that erases what was withdrawn: in the store, in segments that wait for it, and in the quarantine.
//!
//! In: dead receipts, and consents of which the decisions are erased. Out: nothing of theirs, wherever it lies. Invariant:
//! an erasure that the store does not finish stops no other task. A row that was on its way into the store meanwhile is
//! erased by the second pass ([`super::SECOND_PASS`]), or by the next look at everything ([`LOOK_AGAIN_INTERVAL`]).

use super::backoff::Backoff;
use super::doubles::Doubles;
use super::ledger::Erased;
use super::rights::Erasure;
use super::{Common, StoreError};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// How often the store is looked through for what was withdrawn long ago, in case something brought it back: an import,
/// or a backup that was restored beside this collector.
const LOOK_AGAIN_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// How often what waits on disk is looked through for what was withdrawn, and the quarantine for what is old too: with
/// the age of what is looked through (`WAITING_AGE`) well within the law's day.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// The task's state.
pub(super) struct Erasing<'a> {
    pub(super) common: &'a Common<'a>,
    erasure: Erasure,
    /// Copies of events, which are removed in the same way and beside the same tasks.
    doubles: Doubles,
    /// Whether rows of the ledger may be there that a visitor had erased.
    ledger_due: bool,
    /// Links whose rows were erased in the quarantine or while they waited, until the store knows why these are missing.
    pub(super) bare_links: Vec<(String, u16)>,
    looked_at: Instant,
    swept_at: Option<Instant>,
}

impl<'a> Erasing<'a> {
    pub(super) fn begin(common: &'a Common<'a>) -> Self {
        Erasing {
            common,
            erasure: Erasure::of(common.withdrawn.take_unerased()),
            doubles: Doubles::begin(),
            ledger_due: true,
            bare_links: Vec::new(),
            looked_at: Instant::now(),
            swept_at: None,
        }
    }

    /// Works until told to stop, and leaves what it is at then: the next start begins anew.
    pub(super) async fn go_on(&mut self, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        loop {
            // The store need not be there for it.
            if self.swept_at.is_none_or(|at| at.elapsed() >= SWEEP_INTERVAL) {
                self.sweep().await;
                self.swept_at = Some(Instant::now());
            }
            self.common.store.health.erasing_began();
            let done = tokio::select! {
                done = self.step_when_ready() => done,
                () = stop.cancelled() => return,
            };
            let pause = match done {
                Ok(()) => {
                    backoff.reset();
                    None
                }
                Err(error) => {
                    self.common.store.health.erasing_failed(&error);
                    tracing::debug!(%error, "The store could not be rid of what was withdrawn; it is tried again.");
                    Some(backoff.pause())
                }
            };
            tokio::select! {
                () = self.wait(pause) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Everything that is due, after the drain took what there was.
    pub(super) async fn once_more(&mut self) {
        self.ledger_due = true;
        self.erasure.hurry();
        self.doubles.hurry();
        if let Err(error) = self.step().await {
            tracing::warn!(%error, "What was withdrawn is erased from the store after the next start.");
        }
    }

    async fn step_when_ready(&mut self) -> Result<(), StoreError> {
        let mut is_ready = self.common.is_ready.subscribe();
        let sweep = self.swept_at.map_or_else(Instant::now, |at| at + SWEEP_INTERVAL);
        tokio::select! {
            // The sender is in what the tasks share.
            Ok(()) = async { is_ready.wait_for(|ready| *ready).await.map(drop) } => self.step().await,
            () = sleep_until(sweep) => Ok(()),
        }
    }

    async fn step(&mut self) -> Result<(), StoreError> {
        let Common { store, withdrawn, ledger, .. } = self.common;
        if self.looked_at.elapsed() >= LOOK_AGAIN_INTERVAL {
            withdrawn.forget_expired();
            self.erasure.repeat(withdrawn);
            self.doubles.look_again();
            self.ledger_due = true;
            self.looked_at = Instant::now();
        }
        self.erasure.hear(withdrawn);
        store.erase_due(&mut self.erasure, &self.common.kept_sites.load_full()).await?;
        store.note_erased(&self.bare_links).await?;
        self.bare_links.clear();
        if std::mem::take(&mut self.ledger_due) {
            match store.erase_from_ledger(withdrawn, ledger).await {
                // Where the disk has no room it is looked at again with the next withdrawal, and every hour.
                Ok(Erased::All | Erased::NoRoom) => {}
                Ok(Erased::Some) => self.ledger_due = true,
                Err(error) => {
                    self.ledger_due = true;
                    return Err(error);
                }
            }
        }
        store.health.erased();
        if let Err(error) = store.remove_doubles(&mut self.doubles).await {
            tracing::warn!(%error, "Events that are there twice could not be removed; it is tried again.");
        }
        Ok(())
    }

    /// Until something is due; after a failure at least for that pause.
    async fn wait(&mut self, pause: Option<Duration>) {
        if let Some(pause) = pause {
            return sleep(pause).await;
        }
        if self.ledger_due {
            return;
        }
        let next = self.swept_at.unwrap_or(self.looked_at).min(self.looked_at) + SWEEP_INTERVAL;
        let due = self.erasure.due_at().into_iter().chain(self.doubles.due_at()).fold(next, Instant::min);
        tokio::select! {
            () = self.common.withdrawn.killed() => {}
            () = self.common.ended_a_consent.notified() => self.ledger_due = true,
            () = self.common.found_doubles.notified() => self.doubles.hear(),
            () = sleep_until(due) => {}
        }
    }
}
