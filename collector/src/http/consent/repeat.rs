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
/// Most receipts with which decisions are known; beyond them the oldest are not recognised any more.
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
        for receipt in receipts {
            if known.len() >= KNOWN_MAX && !known.contains_key(&key(receipt)) {
                make_room(&mut known, now_ms);
            }
            let one = Known { request: plain(request), decision: decision.clone(), at_ms: now_ms };
            known.insert(key(receipt), one);
        }
    }
}

/// Forgets what is over, or else the oldest.
fn make_room(known: &mut HashMap<Key, Known>, now_ms: i64) {
    let before = known.len();
    known.retain(|_, one| is_of_late(one, now_ms));
    if known.len() == before {
        let oldest = known.iter().min_by_key(|(_, one)| one.at_ms).map(|(key, _)| *key);
        oldest.and_then(|key| known.remove(&key));
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
    use wire::HexId;

    const NOW_MS: i64 = 1_790_000_000_000;

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

    #[test]
    fn however_many_decide_the_latest_are_known() {
        let local = |port| ([127, 0, 0, 1], port).into();
        let site = Config::demo("data".into(), local(0), local(1)).sites.remove(0);
        let request: DecisionRequest = serde_json::from_value(serde_json::json!({
            "v": 1, "site": "demo", "action": "save", "categories": ["analytics"], "revision": 1,
            "text": "", "language": "en", "surface": "notice",
        }))
        .unwrap();
        let choice = Choice::check(&site, &request, NOW_MS).unwrap();
        let decision = Decision::new(&site, &request, choice, &[], NOW_MS);
        let with = |number: usize| {
            let receipt = decision.receipt().unwrap().clone();
            [Receipt { consent_id: HexId(number as u64 + 1), ..receipt }]
        };
        let repeats = Repeats::default();
        let told = |number, after_ms| {
            let came = with(number);
            repeats.find(&came, &came, &request, NOW_MS + after_ms).is_some()
        };
        for number in 0..=KNOWN_MAX {
            repeats.remember(&with(number), &request, &decision, NOW_MS - (number == 0) as i64);
        }
        assert!(told(KNOWN_MAX, 1_000), "a stranger who changes a consent again and again hides nobody's");
        assert!(told(1, 1_000) && !told(0, 1_000), "the oldest made room");
        // One consent that is changed again and again takes one place.
        let all = repeats.known.lock().unwrap().len();
        for _ in 0..2 * KNOWN_MAX {
            repeats.remember(&with(7), &request, &decision, NOW_MS + 1);
        }
        assert!(told(1, 1_000) && told(7, 1_000));
        assert_eq!((repeats.known.lock().unwrap().len(), all), (KNOWN_MAX, KNOWN_MAX));
    }
}
