//! What could not be kept, in the log under the id of its request: the answer has the same one.
//!
//! In: why. Out: a line, at most one a second, with how many were not told since the line before: every request of a broken
//! spool ends here. A full spool is no fault; its batches are counted, and told only to who asks for more (`debug`).

use super::front::RequestId;
use crate::spool::AppendError;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Least time between two lines, in milliseconds.
const PAUSE_MS: u64 = 1_000;

static BATCHES: Seldom = Seldom::new();
static DECISIONS: Seldom = Seldom::new();

/// Tells of a batch.
pub(super) fn batch(error: AppendError, request: RequestId, now_ms: i64) {
    if error == AppendError::Full {
        tracing::debug!(%error, %request, "A batch could not be kept; its browser was told to come again.");
    } else if let Some(untold) = BATCHES.turn(now_ms) {
        tracing::error!(%error, %request, untold, "A batch could not be kept; its browser was told to come again.");
    }
}

/// Tells of a decision.
pub(super) fn decision(error: AppendError, request: RequestId, now_ms: i64) {
    if let Some(untold) = DECISIONS.turn(now_ms) {
        tracing::error!(
            %error,
            %request,
            untold,
            "A decision could not be kept; the browser keeps it and will send it again."
        );
    }
}

/// Something that is told seldom.
struct Seldom {
    told_ms: AtomicI64,
    untold: AtomicU64,
}

impl Seldom {
    const fn new() -> Seldom {
        Seldom { told_ms: AtomicI64::new(0), untold: AtomicU64::new(0) }
    }

    /// How many were not told since the last, if this one is.
    fn turn(&self, now_ms: i64) -> Option<u64> {
        let told_ms = self.told_ms.load(Ordering::Relaxed);
        // A clock that was set back silences nothing.
        let is_time = now_ms.abs_diff(told_ms) >= PAUSE_MS
            && self.told_ms.compare_exchange(told_ms, now_ms, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if is_time {
            return Some(self.untold.swap(0, Ordering::Relaxed));
        }
        self.untold.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_a_second_is_told_and_the_others_are_counted() {
        let seldom = Seldom::new();
        let told: Vec<_> =
            [5_000, 5_001, 5_999, 6_000, 6_100, 1_000].iter().map(|now_ms| seldom.turn(*now_ms)).collect();
        assert_eq!(told, [Some(0), None, None, Some(2), None, Some(1)]);
    }
}
