//! The receipts that come along with a decision.
//!
//! In: cookies, and, where the page had to overwrite them before the collector could be reached, the receipt that it sends
//! along. Out: those that this collector signed for this site, the newest first. Invariant: a receipt that is dead still
//! tells which decision it came with, and allows nothing.

use crate::Collector;
use crate::config::Site;
use crate::http::cookie;
use crate::receipt::LiveReceipt;
use axum::http::HeaderMap;
use std::cmp::Reverse;
use wire::{DecisionRequest, Receipt};

/// Most receipts that one decision can replace: that of the host, that of its domain, and one that is sent along.
const RECEIPTS_MAX: usize = 3;

/// The receipts that came along, dead or alive.
pub(super) struct Earlier {
    found: Vec<Receipt>,
    sent_along: Option<Receipt>,
}

impl Earlier {
    pub(super) fn of(
        collector: &Collector,
        headers: &HeaderMap,
        site: &Site,
        request: &DecisionRequest,
        now_ms: i64,
    ) -> Earlier {
        let mut earlier = Earlier::in_cookies(collector, headers, site, now_ms);
        let sent_along = request.earlier.as_deref().and_then(cookie::decode);
        earlier.sent_along = sent_along.and_then(|text| signed(collector, &text, site, now_ms));
        earlier.add(earlier.sent_along.iter().cloned().collect());
        earlier
    }

    /// Those in cookies alone.
    pub(super) fn in_cookies(
        collector: &Collector,
        headers: &HeaderMap,
        site: &Site,
        now_ms: i64,
    ) -> Earlier {
        let cookies = cookie::read_all(headers, cookie::CONSENT);
        let receipts: Vec<Receipt> =
            cookies.filter_map(|text| signed(collector, &text, site, now_ms)).collect();
        let mut earlier = Earlier { found: Vec::new(), sent_along: None };
        // Whoever has a name below the same domain can put any number of cookies before ours, which come last.
        earlier.add(receipts.into_iter().rev().take(RECEIPTS_MAX - 1).collect());
        earlier
    }

    /// Adds what decisions led to whose answers did not arrive.
    pub(super) fn add(&mut self, further: Vec<Receipt>) {
        self.found.extend(further);
        self.found.sort_by_key(|one| Reverse((one.last_consent_timestamp.clone(), one.expiration_time)));
    }

    /// Every one that came along.
    pub(super) fn all(&self) -> &[Receipt] {
        &self.found
    }

    /// Those that are alive: what the decision replaces, one of each consent.
    pub(super) fn alive(&self, collector: &Collector) -> Vec<Receipt> {
        let mut alive: Vec<Receipt> = Vec::new();
        for receipt in &self.found {
            let known = alive.iter().any(|one| one.consent_id == receipt.consent_id);
            if !known && !collector.withdrawn.is_dead(receipt.consent_id.0) {
                alive.push(receipt.clone());
            }
        }
        alive
    }

    /// Whether a refusal takes back what was taken back already: a browser that left the page before the answer came tells
    /// it again. Then it gets its cookies, and the ledger has its row.
    pub(super) fn is_withdrawn(&self, collector: &Collector) -> bool {
        self.sent_along.as_ref().is_some_and(|receipt| collector.withdrawn.is_dead(receipt.consent_id.0))
    }
}

/// The receipt of that text, if it is alive.
pub(super) fn live(collector: &Collector, text: &str, site: &Site, now_ms: i64) -> Option<Receipt> {
    signed(collector, text, site, now_ms).filter(|one| !collector.withdrawn.is_dead(one.consent_id.0))
}

/// The receipt of that text, if this collector signed it for this site.
fn signed(collector: &Collector, text: &str, site: &Site, now_ms: i64) -> Option<Receipt> {
    let live = LiveReceipt::check(text, site.id.as_str(), now_ms, &collector.keys).ok()?;
    Some(live.receipt())
}
