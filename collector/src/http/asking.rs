//! Who may have the store asked over HTTP, and how many at once: a page is as quick to ask for as the store is slow to answer.
//!
//! In: the sender of a request. Out: a seat that lasts until the answer is there, or a refusal at once. Invariants: all of
//! these together take fewer turns than the engine has for them, so that no kind keeps another from it; nothing is asked
//! for whoever takes something back.

use super::limits::Sender;
use super::seats::{Seat, Seats};
use crate::Collector;
use crate::config::Site;
use crate::pipeline::Rejection;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Semaphore;

/// Visitors' pages that have the store asked at once; of one network half as many.
pub(super) const PAGES_AT_ONCE: usize = 4;
/// Operators for whom the ledger is counted at once.
const COUNTS_AT_ONCE: usize = 1;
/// Probes for which the store is asked at once; more wait.
const PROBES_AT_ONCE: usize = 2;

/// The seats of those who have the store asked.
pub(super) struct Asking {
    pages: Arc<Seats>,
    /// Looks for which the store was not asked.
    put_off: AtomicU64,
    pub(super) counts: Semaphore,
    pub(super) probes: Semaphore,
}

impl Asking {
    pub(super) fn new() -> Asking {
        Asking {
            pages: Seats::new(PAGES_AT_ONCE),
            put_off: AtomicU64::new(0),
            counts: Semaphore::new(COUNTS_AT_ONCE),
            probes: Semaphore::new(PROBES_AT_ONCE),
        }
    }

    /// How many looks were put off.
    pub(super) fn put_off(&self) -> u64 {
        self.put_off.load(Ordering::Relaxed)
    }
}

/// A seat for a page that has the store asked on a visitor's behalf.
///
/// # Errors
/// [`Rejection::TooManyRequests`], [`Rejection::Overloaded`].
pub(super) fn page(collector: &Collector, sender: Sender, site: &Site) -> Result<Seat, Rejection> {
    let asking = &collector.limits.asking;
    let seat =
        sender.page(collector, site).and_then(|()| sender.seat(&asking.pages).ok_or(Rejection::Overloaded));
    if seat.is_err() {
        asking.put_off.fetch_add(1, Ordering::Relaxed);
    }
    seat
}
