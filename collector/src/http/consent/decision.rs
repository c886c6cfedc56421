//! What a checked decision leads to: rows for the ledger, cookies for the browser.
//!
//! In: a [`Choice`] and the receipts that it replaces. Out: a [`Decision`]. Invariant: a refusal leaves no id anywhere. A
//! grant is signed. What takes back what stored fields depend on ends the earlier consent. Of several consents at once the
//! newest goes on at most, and the others end.

use super::choice::Choice;
use super::{Outcome, declared};
use crate::Collector;
use crate::config::{KRUIMEL, Site};
use crate::http::cookie::{self, Jar, Lasts};
use crate::keys::random_u64;
use crate::ledger::LedgerRow;
use crate::pipeline::{ADVERTISING, ANALYTICS};
use crate::receipt::{VISITOR_SECONDS_MAX, VisitorCookie, sign, timestamp};
use axum::http::{HeaderMap, HeaderValue};
use wire::{DecisionRequest, HexId, Receipt, Refusal};

/// The categories whose consent stored fields depend on.
const STORED: [&str; 2] = [ANALYTICS, ADVERTISING];

/// What a decision leads to.
#[derive(Clone)]
pub(super) struct Decision {
    /// What the ledger keeps: the decision first, then one row for each further consent that it ends.
    pub(super) rows: Vec<LedgerRow>,
    cookie: ConsentCookie,
    pub(super) lasts: Lasts,
    /// Whether an earlier consent goes on; only then does the visitor keep the id.
    goes_on: bool,
}

/// What the browser keeps.
#[derive(Clone)]
enum ConsentCookie {
    Refusal(Refusal),
    Receipt(Receipt),
}

impl ConsentCookie {
    fn allows(&self, category: &str, service: &str) -> bool {
        match self {
            ConsentCookie::Refusal(_) => false,
            ConsentCookie::Receipt(receipt) => receipt.allows(category, service),
        }
    }

    /// Whether anything that was allowed is not any more.
    fn allows_less_than(&self, earlier: &Receipt) -> bool {
        let ConsentCookie::Receipt(receipt) = self else { return true };
        earlier.categories.iter().any(|category| {
            let services = (earlier.services.get(category), receipt.services.get(category));
            !receipt.categories.contains(category)
                || match services {
                    (_, None) => false,
                    (None, Some(_)) => true,
                    (Some(before), Some(left)) => before.iter().any(|service| !left.contains(service)),
                }
        })
    }

    /// Whether stored fields depended on something that is not granted any more.
    fn takes_back_from(&self, earlier: &Receipt) -> bool {
        STORED.iter().any(|category| earlier.allows(category, KRUIMEL) && !self.allows(category, KRUIMEL))
    }
}

impl Decision {
    /// The receipt that it led to, unless it refuses.
    pub(super) fn receipt(&self) -> Option<&Receipt> {
        match &self.cookie {
            ConsentCookie::Refusal(_) => None,
            ConsentCookie::Receipt(receipt) => Some(receipt),
        }
    }

    /// Whether it grants something, and neither refuses nor ends anything.
    pub(super) fn ends_nothing(&self) -> bool {
        matches!(self.cookie, ConsentCookie::Receipt(_)) && self.rows.iter().all(|row| row.withdraws() == 0)
    }

    /// The consent that goes on with less than one of these receipts of it allowed.
    pub(super) fn narrows(&self, came: &[Receipt]) -> Option<HexId> {
        let goes_on = self.receipt().map(|receipt| receipt.consent_id).filter(|_| self.goes_on)?;
        let mut of_it = came.iter().filter(|receipt| receipt.consent_id == goes_on);
        of_it.any(|receipt| self.cookie.allows_less_than(receipt)).then_some(goes_on)
    }

    /// Whether it refuses and ends no consent: its row says nothing of anybody.
    pub(super) fn is_of_nobody(&self) -> bool {
        self.receipt().is_none() && self.rows.iter().all(|row| row.withdraws() == 0)
    }

    pub(super) fn new(
        site: &Site,
        request: &DecisionRequest,
        choice: Choice,
        earlier: &[Receipt],
        now_ms: i64,
    ) -> Decision {
        let lasts = choice.lasts;
        let mut decision = match choice.is_refusal() {
            true => Decision::refusal(site, request, choice, earlier.first(), now_ms),
            false => Decision::grant(site, request, choice, earlier.first(), now_ms),
        };
        decision.lasts = lasts;
        // The browser keeps one receipt: whatever no cookie names any more could never be withdrawn.
        let by = decision.receipt().map(|receipt| receipt.consent_id);
        for receipt in earlier.iter().skip(1) {
            let row = match by {
                Some(by) => LedgerRow::withdrawal_by(site, request, by, receipt.consent_id, now_ms),
                None => LedgerRow::withdrawal(site, request, receipt.consent_id, now_ms, false),
            };
            decision.rows.push(row.outliving(receipt.expiration_time));
        }
        decision
    }

    fn refusal(
        site: &Site,
        request: &DecisionRequest,
        choice: Choice,
        earlier: Option<&Receipt>,
        now_ms: i64,
    ) -> Decision {
        let kept = Refusal {
            categories: choice.categories,
            services: Default::default(),
            revision: request.revision,
            day: timestamp(now_ms).chars().take(10).collect(),
            session: choice.lasts == Lasts::Session,
            until: choice.until,
        };
        let row = match earlier {
            Some(receipt) => LedgerRow::withdrawal(site, request, receipt.consent_id, now_ms, false)
                .outliving(receipt.expiration_time),
            None => LedgerRow::refusal(site, request.revision, &request.text, now_ms, false),
        };
        Decision {
            rows: vec![row],
            cookie: ConsentCookie::Refusal(kept),
            lasts: choice.lasts,
            goes_on: false,
        }
    }

    fn grant(
        site: &Site,
        request: &DecisionRequest,
        choice: Choice,
        earlier: Option<&Receipt>,
        now_ms: i64,
    ) -> Decision {
        let now = timestamp(now_ms);
        let end_ms = now_ms + choice.receipt_seconds(site) * 1_000;
        let mut receipt = Receipt {
            categories: choice.categories,
            services: choice.services,
            revision: request.revision,
            consent_id: HexId(random_u64()),
            consent_timestamp: now.clone(),
            last_consent_timestamp: now,
            language_code: request.language.clone(),
            expiration_time: u64::try_from(end_ms).unwrap_or(0),
            session: choice.lasts == Lasts::Session,
            site: site.id.to_string(),
            key: String::new(),
        };
        let kept = ConsentCookie::Receipt(receipt.clone());
        let (going_on, ended) = match earlier {
            Some(earlier) if kept.takes_back_from(earlier) => (None, Some(earlier)),
            other => (other, None),
        };
        if let Some(earlier) = going_on {
            receipt.consent_id = earlier.consent_id;
            receipt.consent_timestamp.clone_from(&earlier.consent_timestamp);
        }
        let withdraws = ended.map(|earlier| earlier.consent_id);
        let row = LedgerRow::grant(site, request, receipt.consent_id, withdraws, now_ms, false)
            .outliving(ended.map_or(0, |earlier| earlier.expiration_time));
        let goes_on = going_on.is_some();
        Decision { rows: vec![row], cookie: ConsentCookie::Receipt(receipt), lasts: choice.lasts, goes_on }
    }

    pub(super) fn outcome(
        self,
        collector: &Collector,
        headers: &HeaderMap,
        site: &Site,
        now_ms: i64,
    ) -> Outcome {
        let jar = Jar::of(headers, Some(site));
        let removals = declared::removals(headers, site, &jar, |category, service| {
            self.cookie.allows(category, service)
        });
        let measured = self.cookie.allows(ANALYTICS, KRUIMEL);
        let text = match self.cookie {
            ConsentCookie::Refusal(refusal) => {
                serde_json::to_string(&refusal).expect("texts and numbers are always JSON")
            }
            ConsentCookie::Receipt(receipt) => sign(receipt, now_ms, &collector.keys),
        };
        let mut cookies = jar.set(cookie::CONSENT, &text, self.lasts);
        if measured {
            let site_id = site.id.as_str();
            let known = cookie::read(headers, cookie::VISITOR)
                .and_then(|text| VisitorCookie::check(&text, site_id, now_ms, &collector.keys));
            if known.is_none() || !self.goes_on {
                cookies.extend(fresh_visitor(collector, site, self.lasts, jar, now_ms));
            }
        } else {
            cookies.extend([cookie::VISITOR, cookie::VISIT].into_iter().flat_map(|name| jar.expire(name)));
        }
        cookies.extend(removals);
        Outcome { receipt: text, cookies }
    }
}

/// A cookie with a new visitor id that lives no longer than the receipt.
pub(super) fn fresh_visitor(
    collector: &Collector,
    site: &Site,
    lasts: Lasts,
    jar: Jar<'_>,
    now_ms: i64,
) -> Vec<HeaderValue> {
    let fresh = VisitorCookie { id: HexId(random_u64()), created_s: now_ms.div_euclid(1_000) };
    let value = fresh.sign(site.id.as_str(), now_ms, &collector.keys);
    let lasts = match lasts {
        Lasts::Seconds(seconds) => Lasts::Seconds(seconds.min(VISITOR_SECONDS_MAX)),
        Lasts::Session => Lasts::Session,
    };
    jar.set(cookie::VISITOR, &value, lasts)
}
