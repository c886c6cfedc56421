//! One act is one row: a decision that a browser tells twice is recognised.
//!
//! In: a decision and the receipts that came with it. Out: the answer of the first time, if the same decision came with the
//! same receipt within [`REPEAT_TIME`]. A page that is left before the answer came tells its decision again from the next
//! one. A second press after the answer comes with the receipt of that answer, and is an act of its own.
//!
//! Invariant: what is remembered is in the ledger. Decisions on one consent take turns, so that the second waits for the
//! first. It is known to this collector, until it ends: told to another one, or after a restart, it is a further row. A
//! decision that came with no receipt has nothing that it could be recognised by.

use super::decision::Decision;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;
use wire::{DecisionRequest, Receipt};

/// How long a decision is known.
pub(super) const REPEAT_TIME: Duration = Duration::from_secs(10 * 60);
/// Most receipts with which decisions are known; those beyond are not recognised.
const KNOWN_MAX: usize = 4_096;
/// Turns that decisions on different consents need not share.
const TURNS: usize = 256;

/// The decisions of late, by the receipts that they came with.
pub struct Repeats {
    known: Mutex<HashMap<Key, Known>>,
    turns: Vec<Arc<tokio::sync::Mutex<()>>>,
}

/// A consent, and the end of the receipt, which no two receipts of it share.
type Key = (u64, u64);

struct Known {
    request: DecisionRequest,
    decision: Decision,
    at_ms: i64,
}

impl Default for Repeats {
    fn default() -> Self {
        Repeats { known: Mutex::default(), turns: (0..TURNS).map(|_| Arc::default()).collect() }
    }
}

impl Repeats {
    /// Waits until no other decision on the consent of this receipt is under way.
    pub(super) async fn turn(&self, receipt: Option<&Receipt>) -> Option<OwnedMutexGuard<()>> {
        let place = receipt?.consent_id.0 % TURNS as u64;
        Some(Arc::clone(self.turns.get(place as usize)?).lock_owned().await)
    }

    /// The receipts that decisions led to which came with one of these: their answers may not have arrived.
    pub(super) fn led_to(&self, receipts: &[Receipt], now_ms: i64) -> Vec<Receipt> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = receipts.iter().filter_map(|receipt| known.get(&key(receipt)));
        found
            .filter(|one| is_of_late(one, now_ms))
            .filter_map(|one| one.decision.receipt().cloned())
            .collect()
    }

    /// What the same decision led to when it came with one of these receipts, unless another decision followed: whatever
    /// is `alive` is then the receipt that it came with, or the one that it led to.
    pub(super) fn find(
        &self,
        receipts: &[Receipt],
        alive: &[Receipt],
        request: &DecisionRequest,
        now_ms: i64,
    ) -> Option<Decision> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |receipt: &Receipt| {
            let one = known.get(&key(receipt)).filter(|one| is_of_late(one, now_ms))?;
            let of_it = [Some(key(receipt)), one.decision.receipt().map(key)];
            let is_last = alive.iter().all(|other| of_it.contains(&Some(key(other))));
            (is_last && one.request == plain(request)).then(|| one.decision.clone())
        };
        receipts.iter().find_map(same)
    }

    /// Remembers a decision that is in the ledger.
    pub(super) fn remember(
        &self,
        receipts: &[Receipt],
        request: &DecisionRequest,
        decision: &Decision,
        now_ms: i64,
    ) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() + receipts.len() > KNOWN_MAX {
            known.retain(|_, one| is_of_late(one, now_ms));
        }
        for receipt in receipts.iter().take(KNOWN_MAX.saturating_sub(known.len())) {
            let one = Known { request: plain(request), decision: decision.clone(), at_ms: now_ms };
            known.insert(key(receipt), one);
        }
    }
}

fn key(receipt: &Receipt) -> Key {
    (receipt.consent_id.0, receipt.expiration_time)
}

/// A decision that waited for its turn read its clock before the one that had the turn, or after it.
fn is_of_late(known: &Known, now_ms: i64) -> bool {
    now_ms.abs_diff(known.at_ms) < REPEAT_TIME.as_millis() as u64
}

/// The decision without the way in which its receipt came.
fn plain(request: &DecisionRequest) -> DecisionRequest {
    DecisionRequest { earlier: None, ..request.clone() }
}

#[cfg(test)]
mod tests {
    use super::super::choice::Choice;
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_decision_is_known_to_one_that_came_a_moment_before_it_and_waited_for_its_turn() {
        let local = |port| ([127, 0, 0, 1], port).into();
        let site = Config::demo("data".into(), local(0), local(1)).sites.remove(0);
        let request: DecisionRequest = serde_json::from_value(serde_json::json!({
            "v": 1, "site": "demo", "action": "save", "categories": ["analytics"], "revision": 1, "text": "",
            "language": "en", "surface": "notice",
        }))
        .unwrap();
        let at_ms = 1_000_000_000;
        let decide = |earlier: &[Receipt]| {
            Decision::new(&site, &request, Choice::check(&site, &request, at_ms).unwrap(), earlier, at_ms)
        };
        let came_with = [decide(&[]).receipt().unwrap().clone()];
        let decision = decide(&came_with);
        let repeats = Repeats::default();
        repeats.remember(&came_with, &request, &decision, at_ms);
        let repeat_ms = REPEAT_TIME.as_millis() as i64;
        for (age_ms, is_known) in
            [(0, true), (-1, true), (repeat_ms - 1, true), (repeat_ms, false), (-repeat_ms, false)]
        {
            let found = repeats.find(&came_with, &came_with, &request, at_ms + age_ms);
            assert_eq!(found.is_some(), is_known, "{age_ms}");
        }
    }
}
