//! Floods wait a moment: whoever waits for an answer before sending again sends less, and what that would cost is there for
//! visitors.
//!
//! In: a refusal of whatever was asked or sent, or a batch that one network sends in a rush. Out: how long it waits, of
//! refusals where there are too many. Invariants: the work of what is refused is over before it waits, that of a batch begins
//! after it, so that it is answered by what holds then; only so many wait at once. A refusal that finds no room is told
//! at once, and a batch worked on; of the places for batches half is the most for one network.

use super::rate::Rates;
use crate::keys::random_u64;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Refusals that are told at once, each second; ten seconds' worth in one go.
const TOLD_AT_ONCE_PER_SECOND: u32 = 100;
/// How long any other refusal waits, at least and at most, in microseconds: at random, so that those of a flood do not come
/// back together.
const FLOOD_US: (u64, u64) = (250_000, 750_000);
/// How long a batch of a rush waits at most, in the same way; until its turn at the rate, where that comes first. No page waits
/// for it: the tracker sends beside it.
const RUSH_US: (u64, u64) = (2_000_000, 3_000_000);
/// Most refusals that wait at once: some kilobytes each, beside what their connections take anyway.
const HELD_MAX: usize = 8_192;

/// What waits, and what waited.
#[derive(Default)]
pub(super) struct Held {
    waiting: AtomicUsize,
    refusals: AtomicU64,
    rushes: AtomicU64,
}

/// The place of one that waits, until it is dropped.
struct Place<'a>(&'a AtomicUsize);

impl Held {
    /// Waits with a refusal, where it is one of a flood and there is room.
    pub(super) async fn refusal(&self, rates: &Rates) {
        if rates.take("refusals told at once", TOLD_AT_ONCE_PER_SECOND).is_within() {
            return;
        }
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _place = Place(&self.waiting);
        if waiting < HELD_MAX {
            self.refusals.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(moment(FLOOD_US)).await;
        }
    }

    /// How long a batch of a rush waits whose turn at the rate comes then.
    pub(super) fn rush(turn: Duration) -> Duration {
        turn.min(moment(RUSH_US))
    }

    /// Counts a batch of a rush that waited.
    pub(super) fn count_rush(&self) {
        self.rushes.fetch_add(1, Ordering::Relaxed);
    }

    /// How many refusals, and batches of rushes, waited since the start.
    pub(super) fn waited(&self) -> [(&'static str, u64); 2] {
        [("flood", &self.refusals), ("rush", &self.rushes)]
            .map(|(reason, count)| (reason, count.load(Ordering::Relaxed)))
    }
}

fn moment((least, most): (u64, u64)) -> Duration {
    Duration::from_micros(least + random_u64() % (most - least))
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::Pin;
    use std::task::{Context, Waker};

    fn waits(refusal: &mut Pin<Box<impl Future<Output = ()>>>) -> bool {
        refusal.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_flood_so_many_wait_a_moment_and_all_others_are_told_at_once() {
        let (held, rates) = (Held::default(), Rates::new());
        let at_once = 10 * TOLD_AT_ONCE_PER_SECOND as usize;
        let mut flood: Vec<_> =
            (0..at_once + HELD_MAX + 1_000).map(|_| Box::pin(held.refusal(&rates))).collect();
        let mut later = flood.split_off(at_once);
        assert!(!flood.iter_mut().any(waits), "these are no flood yet");
        let mut waiting: Vec<_> = later.iter_mut().filter_map(|one| waits(one).then_some(one)).collect();
        assert_eq!(waiting.len(), HELD_MAX);
        tokio::time::advance(Duration::from_micros(FLOOD_US.0 - 1_000)).await;
        assert!(waiting.iter_mut().all(|one| waits(one)));
        tokio::time::advance(Duration::from_micros(FLOOD_US.1 - FLOOD_US.0 + 2_000)).await;
        let moment_over = tokio::time::Instant::now();
        for refusal in waiting {
            refusal.await;
        }
        assert_eq!(moment_over.elapsed(), Duration::ZERO, "some waited for longer");
        assert_eq!(held.waiting.load(Ordering::Relaxed), 0);
        assert_eq!(held.waited(), [("flood", HELD_MAX as u64), ("rush", 0)]);
    }
}
