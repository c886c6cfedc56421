//! Whether the disk that the spool shares with others, most often with the store, has room for events.
//!
//! In: what the file system says of itself, once a second while something is written. Out: whether events are taken. Invariant:
//! what is left when they are not is for decisions, as the last part of [`super::SpoolOptions::bytes_max`] is, as far as the
//! store leaves it: what waits goes on into it.

use super::backlog::Shared;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// What is kept of a disk for decisions, in bytes, and at most which part of it.
const RESERVE_BYTES: u64 = 64 * 1024 * 1024;
const RESERVE_DIVISOR: u64 = 32;
/// How often the disk is asked.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Space {
    looked_at: Option<Instant>,
    is_scarce: bool,
}

impl Space {
    /// When the disk is asked again by itself: while it has no room for events.
    pub(super) fn wait(&self) -> Option<Duration> {
        let since = self.looked_at.filter(|_| self.is_scarce)?.elapsed();
        Some(LOOK_INTERVAL.saturating_sub(since))
    }

    /// Whether events have to wait. Asks the disk where the last answer is old.
    pub(super) fn is_scarce(&mut self, shared: &Shared) -> bool {
        if self.looked_at.is_some_and(|at| at.elapsed() < LOOK_INTERVAL) {
            return self.is_scarce;
        }
        self.looked_at = Some(Instant::now());
        // One that does not say is found full when it is.
        let (free, whole) = shared.disk.room(&shared.folder).unwrap_or((u64::MAX, u64::MAX));
        let kept = RESERVE_BYTES.min(whole / RESERVE_DIVISOR);
        // Once it is scarce, half as much again: what the store merges comes and goes.
        let needed = if self.is_scarce { kept + kept / 2 } else { kept };
        let is_scarce = free < needed;
        if is_scarce != self.is_scarce {
            shared.scarce.store(is_scarce, Ordering::Relaxed);
            match is_scarce {
                true => tracing::error!(
                    free,
                    kept,
                    "The disk is nearly full; what is left is kept for decisions, and events are told to come back."
                ),
                false => tracing::info!(free, "The disk has room for events again."),
            }
        }
        self.is_scarce = is_scarce;
        is_scarce
    }
}
