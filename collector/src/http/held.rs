//! What is refused in a flood, and what one network sends in a rush, is answered a moment later: whoever waits for the
//! answer before sending again sends less, and what that would cost is there for visitors.
//!
//! In: a refusal of whatever was asked or sent, or an answer to a rush. Out: a moment's wait, of refusals where there are too
//! many. Invariants: the work of the request is over before it; only so many wait at once, and whoever finds no room is
//! told at once, so that a flood over many connections holds no more of them than that.

use super::rate::Rates;
use crate::keys::random_u64;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Refusals that are told at once, each second; ten seconds' worth in one go.
const TOLD_AT_ONCE_PER_SECOND: u32 = 1_000;
/// How long any other refusal waits, at least and at most, in microseconds: at random, so that those of a flood do not come
/// back together.
pub(super) const FLOOD_US: (u64, u64) = (100_000, 300_000);
/// How long the answer to one of a rush waits, in the same way. No visitor waits for it: the tracker sends beside the page.
pub(super) const RUSH_US: (u64, u64) = (250_000, 750_000);
/// Most that wait at once.
const HELD_MAX: usize = 512;

/// The answers that wait.
#[derive(Default)]
pub(super) struct Held(AtomicUsize);

/// The place of one that waits, until it is dropped.
struct Place<'a>(&'a AtomicUsize);

impl Held {
    /// Counts one more refusal; whether it is one of a flood.
    pub(super) fn is_flood(&self, rates: &Rates) -> bool {
        !rates.take("refusals told at once", TOLD_AT_ONCE_PER_SECOND).is_within()
    }

    /// Waits a moment, at least and at most so many microseconds, where there is room.
    pub(super) async fn wait(&self, (least, most): (u64, u64)) {
        let waiting = self.0.fetch_add(1, Ordering::Relaxed);
        let _place = Place(&self.0);
        if waiting < HELD_MAX {
            tokio::time::sleep(Duration::from_micros(least + random_u64() % (most - least))).await;
        }
    }
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
        let is_flood: Vec<bool> = (0..5 * at_once).map(|_| held.is_flood(&rates)).collect();
        assert!(!is_flood[..at_once].contains(&true), "these are no flood yet");
        let mut later: Vec<_> =
            is_flood.into_iter().filter(|flood| *flood).map(|_| Box::pin(held.wait(FLOOD_US))).collect();
        assert!(later.len() > HELD_MAX);
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
        assert_eq!(held.0.load(Ordering::Relaxed), 0);
    }
}
