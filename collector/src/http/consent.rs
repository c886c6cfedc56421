//! `POST /kruimel/consent`: a decision in, the consent cookie out once the ledger's row is on disk.
//!
//! Invariant: a refusal leaves no id anywhere. A grant is signed. A decision that takes back a category which gates
//! stored fields ends the earlier consent: its receipt is dead and its rows are erased.

use super::answer::{is_text_or_json, json, refuse};
use super::{cookie, origin};
use crate::Collector;
use crate::config::Site;
use crate::keys::random_u64;
use crate::ledger::LedgerRow;
use crate::pipeline::{ADVERTISING, ANALYTICS, Rejection};
use crate::receipt::{LiveReceipt, VISITOR_SECONDS_MAX, VisitorCookie, sign, timestamp};
use crate::spool::{Record, Table};
use axum::body::Body;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use std::sync::Arc;
use wire::limits::{CATEGORIES_MAX, LANGUAGE_BYTES_MAX, NAME_BYTES_MAX, SERVICES_MAX};
use wire::{DecisionAction, DecisionRequest, HexId, Receipt, Refusal};

const NECESSARY: &str = "necessary";
const SECONDS_PER_DAY: i64 = 86_400;
/// The categories whose consent stored fields depend on.
const STORED: [&str; 2] = [ANALYTICS, ADVERTISING];

/// What a decision leads to: the cookies to set and the JSON to answer with.
pub struct Outcome {
    /// The consent cookie's text.
    pub receipt: String,
    /// `Set-Cookie` headers.
    pub cookies: Vec<HeaderValue>,
}

/// Takes a decision from the banner.
pub(crate) async fn consent(
    State(collector): State<Arc<Collector>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response<Body> {
    let mut answer = match take(&collector, &headers, body).await {
        Ok(outcome) => {
            let mut answer = json(StatusCode::OK, outcome.receipt);
            for value in outcome.cookies {
                answer.headers_mut().append(header::SET_COOKIE, value);
            }
            answer
        }
        Err((reason, site)) => {
            let host = if reason == Rejection::ForeignOrigin { origin::host(&headers) } else { "" };
            collector.outcomes.rejected(&site, reason, host, 1, (collector.clock)());
            refuse(reason)
        }
    };
    origin::allow(&headers, &collector.config.sites, &mut answer);
    answer
}

async fn take(
    collector: &Collector,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Outcome, (Rejection, String)> {
    let request = read(headers, body).map_err(|reason| (reason, String::new()))?;
    let site = collector.site(&request.site).ok_or((Rejection::UnknownSite, String::new()))?;
    let named = |reason| (reason, site.id.to_string());
    origin::check(headers, site).map_err(named)?;
    decide(collector, headers, site, &request).await.map_err(named)
}

fn read(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<DecisionRequest, Rejection> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !is_text_or_json(kind) {
        return Err(Rejection::UnsupportedMedia);
    }
    let body = body.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Rejection::TooLarge,
        _ => Rejection::NotJson,
    })?;
    serde_json::from_slice(&body).map_err(|_| Rejection::NotJson)
}

/// Records a decision and says what the browser is to keep. The caller has checked that it comes from the site.
///
/// # Errors
/// What is wrong with the decision, or [`Rejection::Unavailable`] when it cannot be kept on disk.
pub async fn decide(
    collector: &Collector,
    headers: &HeaderMap,
    site: &Site,
    request: &DecisionRequest,
) -> Result<Outcome, Rejection> {
    let now_ms = (collector.clock)();
    if request.reset == Some(true) {
        return reset(collector, headers, site, now_ms);
    }
    let granted = granted(site, request)?;
    let request = &known_words(collector, site, request);
    let earlier = earlier(collector, headers, site, request, now_ms);
    let decision = Decision::new(site, request, granted, earlier, now_ms);
    let record = Record {
        table: Table::Consents,
        batch: None,
        consent_id: 0,
        withdraws: decision.row.withdraws(),
        rows: vec![decision.row.encode()],
    };
    collector.spool.append(record).await.map_err(|error| {
        tracing::error!(%error, "A decision could not be kept; the browser keeps it and will send it again.");
        Rejection::Unavailable
    })?;
    if let Some(ended) = decision.ended {
        collector.end_consent(ended, now_ms);
    }
    collector.outcomes.decided(decision.action());
    Ok(decision.outcome(collector, headers, site, now_ms))
}

/// The request with nothing in it that the site did not say itself: what a browser makes up is not kept.
fn known_words(collector: &Collector, site: &Site, request: &DecisionRequest) -> DecisionRequest {
    let pages = site.languages_of_pages();
    let spoken = |code: &str| site.languages.iter().chain(&pages).any(|language| language.code() == code);
    let declared = |category: &str, id: &String| {
        site.services.iter().any(|service| service.category.as_str() == category && service.id.as_str() == id)
    };
    let services = request.services.iter().map(|(category, ids)| {
        let ids = ids.iter().filter(|id| declared(category, id)).cloned().collect();
        (category.clone(), ids)
    });
    DecisionRequest {
        services: services.collect(),
        revision: request.revision.min(site.revision),
        text: collector.texts.known(site.id.as_str(), &request.text).to_owned(),
        language: if spoken(&request.language) { request.language.clone() } else { String::new() },
        ..request.clone()
    }
}

/// The granted categories in the site's order, `necessary` first; checked against the site and the action.
fn granted(site: &Site, request: &DecisionRequest) -> Result<Vec<String>, Rejection> {
    if request.v != wire::VERSION {
        return Err(Rejection::UnsupportedVersion);
    }
    let long = |text: &String| text.len() > NAME_BYTES_MAX;
    let services = request.services.values().map(Vec::len).max().unwrap_or(0);
    if request.categories.len() > CATEGORIES_MAX
        || request.services.len() > CATEGORIES_MAX
        || services > SERVICES_MAX
        || request.services.values().flatten().any(long)
        || request.language.len() > LANGUAGE_BYTES_MAX
        || request.text.len() > NAME_BYTES_MAX
    {
        return Err(Rejection::TooLarge);
    }
    if request
        .categories
        .iter()
        .chain(request.services.keys())
        .any(|asked| !site.category_names().any(|name| name == asked))
    {
        return Err(Rejection::UnknownCategory);
    }
    let asked = |name: &str| name == NECESSARY || request.categories.iter().any(|one| one == name);
    let granted: Vec<String> = site.category_names().filter(|name| asked(name)).map(str::to_owned).collect();
    let (none, all) = (granted.len() <= 1, granted.len() == site.categories.len());
    let consistent = match request.action {
        DecisionAction::Accept => all,
        DecisionAction::Refuse | DecisionAction::Withdraw => none,
        DecisionAction::Save => true,
    };
    if !consistent {
        return Err(Rejection::ContradictoryDecision);
    }
    // What was not shown cannot be granted; a refusal holds whatever was shown.
    if !none && request.revision != site.revision {
        return Err(Rejection::OutdatedReceipt);
    }
    Ok(granted)
}

/// The live receipt that this decision replaces: the cookie's, or, where the page had to overwrite that before the
/// collector could be reached, the one that it sends along.
fn earlier(
    collector: &Collector,
    headers: &HeaderMap,
    site: &Site,
    request: &DecisionRequest,
    now_ms: i64,
) -> Option<Receipt> {
    let in_cookie = cookie::read(headers, cookie::CONSENT);
    let sent_along = request.earlier.as_deref().and_then(cookie::decode);
    [in_cookie, sent_along].into_iter().flatten().find_map(|text| live(collector, &text, site, now_ms))
}

fn live(collector: &Collector, text: &str, site: &Site, now_ms: i64) -> Option<Receipt> {
    let live = LiveReceipt::check(text, site.id.as_str(), now_ms, &collector.keys).ok()?;
    let receipt = live.receipt().clone();
    (!collector.withdrawn.is_dead(receipt.consent_id.0)).then_some(receipt)
}

/// A new visitor id under the consent that is there; nothing is decided, so the ledger gets no row.
fn reset(collector: &Collector, headers: &HeaderMap, site: &Site, now_ms: i64) -> Result<Outcome, Rejection> {
    let text = cookie::read(headers, cookie::CONSENT).ok_or(Rejection::NoReceipt)?;
    let receipt = live(collector, &text, site, now_ms).ok_or(Rejection::NoReceipt)?;
    let measured = receipt.categories.iter().any(|one| one == ANALYTICS);
    let left_ms = i64::try_from(receipt.expiration_time).unwrap_or(i64::MAX).saturating_sub(now_ms);
    let secure = cookie::is_secure(headers);
    let visitor = if measured {
        fresh_visitor(collector, site, left_ms / 1_000, secure, now_ms)
    } else {
        cookie::expire(cookie::VISITOR, secure)
    };
    let cookies = vec![visitor, cookie::expire(cookie::VISIT, secure)];
    Ok(Outcome { receipt: text.into_owned(), cookies })
}

/// A cookie with a new visitor id that lives no longer than the receipt.
fn fresh_visitor(collector: &Collector, site: &Site, seconds: i64, secure: bool, now_ms: i64) -> HeaderValue {
    let fresh = VisitorCookie { id: HexId(random_u64()), created_s: now_ms.div_euclid(1_000) };
    let value = fresh.sign(site.id.as_str(), &collector.keys);
    cookie::write(cookie::VISITOR, &value, seconds.min(VISITOR_SECONDS_MAX), false, secure)
}

struct Decision {
    row: LedgerRow,
    kept: Kept,
    /// The earlier consent that this decision ends.
    ended: Option<HexId>,
    /// Whether an earlier consent goes on; only then does the visitor keep the id.
    goes_on: bool,
}

enum Kept {
    Refusal(Refusal),
    Receipt(Receipt),
}

impl Decision {
    fn new(
        site: &Site,
        request: &DecisionRequest,
        granted: Vec<String>,
        earlier: Option<Receipt>,
        now_ms: i64,
    ) -> Self {
        let now = timestamp(now_ms);
        if granted.len() <= 1 {
            let day = now.chars().take(10).collect();
            let kept = Refusal {
                categories: granted,
                services: Default::default(),
                revision: request.revision,
                day,
                session: false,
                until: None,
            };
            let ended = earlier.map(|receipt| receipt.consent_id);
            let row = match ended {
                Some(id) => LedgerRow::withdrawal(site, request, id, now_ms, false),
                None => LedgerRow::refusal(site, request.revision, &request.text, now_ms, false),
            };
            return Decision { row, kept: Kept::Refusal(kept), ended, goes_on: false };
        }
        let lost = |receipt: &Receipt| {
            receipt.categories.iter().any(|one| STORED.contains(&one.as_str()) && !granted.contains(one))
        };
        let (going_on, ended) = match earlier {
            Some(receipt) if lost(&receipt) => (None, Some(receipt.consent_id)),
            other => (other, None),
        };
        let goes_on = going_on.is_some();
        let consent_id = going_on.as_ref().map_or_else(|| HexId(random_u64()), |receipt| receipt.consent_id);
        let row = LedgerRow::grant(site, request, consent_id, &granted, ended, now_ms, false);
        let end_ms = now_ms + i64::from(site.choice_days) * SECONDS_PER_DAY * 1_000;
        let receipt = Receipt {
            categories: granted,
            services: request.services.clone(),
            revision: request.revision,
            consent_id,
            consent_timestamp: going_on.map_or_else(|| now.clone(), |receipt| receipt.consent_timestamp),
            last_consent_timestamp: now,
            language_code: request.language.clone(),
            expiration_time: u64::try_from(end_ms).unwrap_or(0),
            site: site.id.to_string(),
            key: String::new(),
        };
        Decision { row, kept: Kept::Receipt(receipt), ended, goes_on }
    }

    fn action(&self) -> &'static str {
        self.row.action()
    }

    fn outcome(self, collector: &Collector, headers: &HeaderMap, site: &Site, now_ms: i64) -> Outcome {
        let secure = cookie::is_secure(headers);
        let seconds = i64::from(site.choice_days) * SECONDS_PER_DAY;
        let (text, measured) = match self.kept {
            Kept::Refusal(refusal) => {
                (serde_json::to_string(&refusal).expect("texts and numbers are always JSON"), false)
            }
            Kept::Receipt(receipt) => {
                let measured = receipt.categories.iter().any(|one| one == ANALYTICS);
                (sign(receipt, &collector.keys), measured)
            }
        };
        let mut cookies = vec![cookie::write(cookie::CONSENT, &text, seconds, true, secure)];
        if measured {
            let site_id = site.id.as_str();
            let known = cookie::read(headers, cookie::VISITOR)
                .and_then(|text| VisitorCookie::check(&text, site_id, now_ms, &collector.keys));
            if known.is_none() || !self.goes_on {
                cookies.push(fresh_visitor(collector, site, seconds, secure, now_ms));
            }
        } else {
            cookies.extend([cookie::VISITOR, cookie::VISIT].map(|name| cookie::expire(name, secure)));
        }
        Outcome { receipt: text, cookies }
    }
}
