//! How the way into the store is: what an operator's tools are told of the drain and of the engine.
//!
//! In: what the drain and the engine's keeper report. Out: counters, and sentences without a word of the data.

use super::StoreError;
use crate::metrics::Histogram;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// See the module.
#[derive(Debug, Default)]
pub struct Health {
    /// How long inserts take.
    pub inserts: Histogram,
    /// Events that another segment had brought too and that were removed again.
    pub(super) doubles: AtomicU64,
    segments: AtomicU64,
    failures: AtomicU64,
    trouble: Mutex<Option<Trouble>>,
    erasing: Mutex<Option<Trouble>>,
    engine_is_away: Mutex<Option<EngineRestart>>,
    engine_restarts: [AtomicU64; EngineRestart::ALL.len()],
}

/// Why the engine is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineRestart {
    /// Its process ended unasked.
    Ended,
    /// Its process ran and answered nothing for as long as the config allows.
    Stuck,
    /// It could not be started.
    Failed,
}

impl EngineRestart {
    /// Every reason.
    pub const ALL: [EngineRestart; 3] = [EngineRestart::Ended, EngineRestart::Stuck, EngineRestart::Failed];

    /// Its label in the metrics.
    pub const fn name(self) -> &'static str {
        match self {
            EngineRestart::Ended => "ended",
            EngineRestart::Stuck => "stuck",
            EngineRestart::Failed => "failed",
        }
    }
}

/// Why the drain, or an erasure, does not get on, and since when.
#[derive(Clone, Debug)]
struct Trouble {
    since: Instant,
    why: String,
}

impl Health {
    /// Something of the drain failed.
    pub(crate) fn failed(&self, error: &StoreError) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        Trouble::set(&mut locked(&self.trouble), why(error));
    }

    /// A segment behind one that is stuck did not go in either.
    pub(crate) fn failed_behind(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// A step of the drain succeeded.
    pub(crate) fn succeeded(&self) {
        *locked(&self.trouble) = None;
    }

    /// What was withdrawn is to be erased from the store.
    pub(crate) fn erasing_began(&self) {
        let mut erasing = locked(&self.erasing);
        if erasing.is_none() {
            Trouble::set(&mut erasing, "it waits for the store".to_owned());
        }
    }

    /// It could not be erased.
    pub(crate) fn erasing_failed(&self, error: &StoreError) {
        Trouble::set(&mut locked(&self.erasing), why(error));
    }

    /// What was due is erased: nothing is left, but for what waits its turn (a pause of minutes at most).
    pub(crate) fn erased(&self) {
        *locked(&self.erasing) = None;
    }

    /// A segment left the spool.
    pub(crate) fn drained(&self) {
        self.segments.fetch_add(1, Ordering::Relaxed);
    }

    /// The engine is being started again.
    pub fn engine_restarts(&self, reason: EngineRestart) {
        *locked(&self.engine_is_away) = Some(reason);
        self.engine_restarts[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The engine answers.
    pub fn engine_answers(&self) {
        *locked(&self.engine_is_away) = None;
    }

    /// Why the engine of this process is being started again, while it is.
    pub fn engine_is_away(&self) -> Option<EngineRestart> {
        *locked(&self.engine_is_away)
    }

    /// How often the engine was started again.
    pub fn engine_restarted(&self, reason: EngineRestart) -> u64 {
        self.engine_restarts[reason as usize].load(Ordering::Relaxed)
    }

    /// Segments that left the spool, for the store or for quarantine.
    pub fn segments(&self) -> u64 {
        self.segments.load(Ordering::Relaxed)
    }

    /// Tries of the drain that failed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Events of batches that were sent twice, which two segments brought and one of which was removed.
    pub fn doubles_removed(&self) -> u64 {
        self.doubles.load(Ordering::Relaxed)
    }

    /// For how long the drain has not got on, and why.
    pub fn stuck(&self) -> Option<(Duration, String)> {
        locked(&self.trouble).as_ref().map(Trouble::told)
    }

    /// For how long erasing from the store has not got on, and why.
    pub fn erasure_behind(&self) -> Option<(Duration, String)> {
        locked(&self.erasing).as_ref().map(Trouble::told)
    }
}

impl Trouble {
    fn set(trouble: &mut Option<Trouble>, why: String) {
        let since = trouble.as_ref().map_or_else(Instant::now, |before| before.since);
        *trouble = Some(Trouble { since, why });
    }

    fn told(&self) -> (Duration, String) {
        (self.since.elapsed(), self.why.clone())
    }
}

/// The store's own words may quote a row.
fn why(error: &StoreError) -> String {
    match error {
        StoreError::Client(_) => "the store is away or refuses".to_owned(),
        StoreError::Disk(_) => "the data folder cannot be read or written".to_owned(),
        other => other.to_string(),
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
