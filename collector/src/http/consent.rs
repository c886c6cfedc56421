//! `POST /kruimel/consent`: a decision in, the consent cookie out once the ledger's row is on disk.
//!
//! Invariant: a refusal leaves no id anywhere. A grant is signed. A decision that takes back what stored fields depend on
//! ends the earlier consent: its receipt is dead and its rows are erased. Of several consents at once the newest goes on
//! at most, and the others end. A signal of the browser's (Global Privacy Control)
//! writes nothing by itself, and nothing of it is kept with a decision.

mod choice;
mod declared;
mod proof;

pub(crate) use proof::proof;

use super::answer::{is_text_or_json, json, refuse};
use super::body::refusal;
use super::cookie::{self, Jar, Lasts};
use super::front::RequestId;
use super::limits::Sender;
use super::origin;
use crate::Collector;
use crate::config::{KRUIMEL, Site};
use crate::keys::random_u64;
use crate::ledger::{LedgerRow, Seen};
use crate::pipeline::{ADVERTISING, ANALYTICS, Rejection};
use crate::receipt::{LiveReceipt, VISITOR_SECONDS_MAX, VisitorCookie, sign, timestamp};
use axum::body::Body;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use choice::Choice;
use std::cmp::Reverse;
use std::sync::Arc;
use wire::{DecisionRequest, HexId, Receipt, Refusal, Surface};

/// The categories whose consent stored fields depend on.
const STORED: [&str; 2] = [ANALYTICS, ADVERTISING];
/// How a refusal is counted that came in a flood: honoured, without a row.
const REFUSAL_NOT_KEPT: &str = "refuse_not_kept";
/// Most receipts that one decision can replace: that of the host, that of its domain, and one that is sent along.
const RECEIPTS_MAX: usize = 3;

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
    Extension(sender): Extension<Sender>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response<Body> {
    let mut answer = match take(&collector, sender, &headers, body).await {
        Ok(outcome) => {
            let mut answer = json(StatusCode::OK, outcome.receipt);
            for value in outcome.cookies {
                answer.headers_mut().append(header::SET_COOKIE, value);
            }
            answer
        }
        Err((reason, site)) => {
            let host = if reason == Rejection::ForeignOrigin { origin::host(&headers) } else { "" };
            collector.outcomes.decision_rejected(&site, reason, host, (collector.clock)());
            refuse(reason)
        }
    };
    origin::allow(&headers, &collector.config.sites, &mut answer);
    answer
}

async fn take(
    collector: &Collector,
    sender: Sender,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Outcome, (Rejection, String)> {
    let request = read(headers, body).map_err(|reason| (reason, String::new()))?;
    let site = collector.site(&request.site).ok_or((Rejection::UnknownSite, String::new()))?;
    let named = |reason| (reason, site.id.to_string());
    origin::check(headers, site).map_err(named)?;
    decide(collector, sender, headers, site, &request).await.map_err(named)
}

fn read(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<DecisionRequest, Rejection> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !is_text_or_json(kind) {
        return Err(Rejection::UnsupportedMedia);
    }
    let body = body.map_err(|error| refusal(&error))?;
    serde_json::from_slice(&body).map_err(|_| Rejection::NotJson)
}

/// Records a decision and says what the browser is to keep. The caller has checked that it comes from the site.
///
/// # Errors
/// What is wrong with the decision, [`Rejection::TooManyRequests`] for a grant that takes nothing back where its network
/// grants too much, or [`Rejection::Unavailable`] when it cannot be kept on disk.
pub(crate) async fn decide(
    collector: &Collector,
    sender: Sender,
    headers: &HeaderMap,
    site: &Site,
    request: &DecisionRequest,
) -> Result<Outcome, Rejection> {
    let now_ms = (collector.clock)();
    if request.reset == Some(true) {
        return reset(collector, headers, site, now_ms);
    }
    let choice = Choice::check(site, request, now_ms)?;
    let earlier = earlier(collector, headers, site, request, now_ms);
    choice.check_age(site, request.of_age, &earlier)?;
    // A choice that the visitor made here counts more than one made in another tool.
    if request.surface == Surface::Import && !earlier.is_empty() {
        return Err(Rejection::ContradictoryDecision);
    }
    let repeated =
        choice.is_refusal() && earlier.is_empty() && is_withdrawn(collector, site, request, now_ms);
    let request = &known_words(collector, site, request, &choice);
    let decision = Decision::new(site, request, choice, &earlier, now_ms);
    if repeated {
        return Ok(decision.outcome(collector, headers, site, now_ms));
    }
    if decision.takes_nothing_back() {
        sender.grant(collector, site)?;
    }
    if decision.is_of_nobody() && !sender.keeps_refusal(collector, site) {
        collector.outcomes.decided(REFUSAL_NOT_KEPT);
        return Ok(decision.outcome(collector, headers, site, now_ms));
    }
    let seen = seen(collector, headers, site, &request.text);
    for row in &decision.rows {
        append(collector, row.clone().having_seen(seen.clone())).await?;
    }
    collector.outcomes.decided(decision.rows[0].action());
    Ok(decision.outcome(collector, headers, site, now_ms))
}

async fn append(collector: &Collector, row: LedgerRow) -> Result<(), Rejection> {
    collector.ledger.append(row).await.map_err(|error| {
        tracing::error!(%error, request = %RequestId::current(), "A decision could not be kept; the browser keeps it and will send it again.");
        Rejection::Unavailable
    })
}

/// Ends these consents and has every row of theirs erased from the ledger. What is left says that they are dead.
pub(crate) async fn erase(
    collector: &Collector,
    site: &Site,
    consents: &[HexId],
    now_ms: i64,
) -> Result<(), Rejection> {
    for id in consents {
        append(collector, LedgerRow::erasure(site, *id, now_ms)).await?;
    }
    Ok(())
}

/// What the visitor saw, by the text that the decision names, and on which host of the site.
fn seen(collector: &Collector, headers: &HeaderMap, site: &Site, text: &str) -> Seen {
    let artefact = collector.artefacts.load().seen(site.id.as_str(), text);
    let (banner_hash, declaration_hash) =
        artefact.map(|seen| (seen.hash, seen.declaration_hash)).unwrap_or_default();
    let domain = [origin::host(headers), origin::named(headers)].into_iter().find(|host| site.has_host(host));
    Seen { banner_hash, declaration_hash, domain: domain.unwrap_or_default().to_ascii_lowercase() }
}

/// The request with nothing in it that the site did not say itself: what a browser makes up is not kept.
fn known_words(
    collector: &Collector,
    site: &Site,
    request: &DecisionRequest,
    choice: &Choice,
) -> DecisionRequest {
    let spoken = |code: &str| site.languages.iter().any(|language| language.code() == code);
    // Nothing was shown where a refusal is taken over.
    let shown = if request.surface == Surface::Import { "" } else { request.text.as_str() };
    DecisionRequest {
        categories: choice.categories.clone(),
        services: choice.services.clone(),
        revision: request.revision.min(site.revision),
        text: collector.texts.known(site.id.as_str(), shown).to_owned(),
        language: if spoken(&request.language) { request.language.clone() } else { String::new() },
        ..request.clone()
    }
}

/// The live receipts that this decision replaces, the newest first: those of the cookies, and, where the page had to
/// overwrite them before the collector could be reached, the one that it sends along.
fn earlier(
    collector: &Collector,
    headers: &HeaderMap,
    site: &Site,
    request: &DecisionRequest,
    now_ms: i64,
) -> Vec<Receipt> {
    let sent_along = request.earlier.as_deref().and_then(cookie::decode);
    let mut found: Vec<Receipt> = Vec::new();
    for text in cookie::read_all(headers, cookie::CONSENT).take(RECEIPTS_MAX - 1).chain(sent_along) {
        let receipt = live(collector, &text, site, now_ms);
        found.extend(receipt.filter(|one| !found.iter().any(|other| other.consent_id == one.consent_id)));
    }
    let newest = |one: &Receipt| Reverse((one.last_consent_timestamp.clone(), one.expiration_time));
    found.sort_by_key(newest);
    found
}

/// Whether a refusal takes back what was taken back already: a browser that left the page before the answer came tells it
/// again. Then it gets its cookies, and the ledger has its row.
fn is_withdrawn(collector: &Collector, site: &Site, request: &DecisionRequest, now_ms: i64) -> bool {
    let sent_along = request.earlier.as_deref().and_then(cookie::decode);
    let check = |text: &str| LiveReceipt::check(text, site.id.as_str(), now_ms, &collector.keys).ok();
    let receipt = sent_along.and_then(|text| check(&text));
    receipt.is_some_and(|live| collector.withdrawn.is_dead(live.receipt().consent_id.0))
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
    let left_ms = i64::try_from(receipt.expiration_time).unwrap_or(i64::MAX).saturating_sub(now_ms);
    let lasts = if receipt.session { Lasts::Session } else { Lasts::Seconds(left_ms / 1_000) };
    let jar = Jar::of(headers, Some(site));
    let mut cookies = if receipt.allows(ANALYTICS, KRUIMEL) {
        fresh_visitor(collector, site, lasts, jar, now_ms)
    } else {
        jar.expire(cookie::VISITOR)
    };
    cookies.extend(jar.expire(cookie::VISIT));
    Ok(Outcome { receipt: text.into_owned(), cookies })
}

/// A cookie with a new visitor id that lives no longer than the receipt.
fn fresh_visitor(
    collector: &Collector,
    site: &Site,
    lasts: Lasts,
    jar: Jar<'_>,
    now_ms: i64,
) -> Vec<HeaderValue> {
    let fresh = VisitorCookie { id: HexId(random_u64()), created_s: now_ms.div_euclid(1_000) };
    let value = fresh.sign(site.id.as_str(), &collector.keys);
    let lasts = match lasts {
        Lasts::Seconds(seconds) => Lasts::Seconds(seconds.min(VISITOR_SECONDS_MAX)),
        Lasts::Session => Lasts::Session,
    };
    jar.set(cookie::VISITOR, &value, lasts)
}

struct Decision {
    /// What the ledger keeps: the decision first, then one row for each further consent that it ends.
    rows: Vec<LedgerRow>,
    kept: Kept,
    lasts: Lasts,
    /// Whether an earlier consent goes on; only then does the visitor keep the id.
    goes_on: bool,
}

enum Kept {
    Refusal(Refusal),
    Receipt(Receipt),
}

impl Kept {
    fn allows(&self, category: &str, service: &str) -> bool {
        match self {
            Kept::Refusal(_) => false,
            Kept::Receipt(receipt) => receipt.allows(category, service),
        }
    }

    /// Whether stored fields depended on something that is not granted any more.
    fn takes_back_from(&self, earlier: &Receipt) -> bool {
        STORED.iter().any(|category| earlier.allows(category, KRUIMEL) && !self.allows(category, KRUIMEL))
    }
}

impl Decision {
    /// Whether it grants something, and neither refuses nor ends anything.
    fn takes_nothing_back(&self) -> bool {
        matches!(self.kept, Kept::Receipt(_)) && self.rows.iter().all(|row| row.withdraws() == 0)
    }

    /// Whether it refuses and ends no consent: its row says nothing of anybody.
    fn is_of_nobody(&self) -> bool {
        matches!(self.kept, Kept::Refusal(_)) && self.rows.iter().all(|row| row.withdraws() == 0)
    }

    fn new(
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
        for receipt in earlier.iter().skip(1) {
            decision.rows.push(LedgerRow::withdrawal(site, request, receipt.consent_id, now_ms, false));
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
            Some(receipt) => LedgerRow::withdrawal(site, request, receipt.consent_id, now_ms, false),
            None => LedgerRow::refusal(site, request.revision, &request.text, now_ms, false),
        };
        Decision { rows: vec![row], kept: Kept::Refusal(kept), lasts: choice.lasts, goes_on: false }
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
        let kept = Kept::Receipt(receipt.clone());
        let (going_on, ended) = match earlier {
            Some(earlier) if kept.takes_back_from(earlier) => (None, Some(earlier.consent_id)),
            other => (other, None),
        };
        if let Some(earlier) = going_on {
            receipt.consent_id = earlier.consent_id;
            receipt.consent_timestamp.clone_from(&earlier.consent_timestamp);
        }
        let row = LedgerRow::grant(site, request, receipt.consent_id, ended, now_ms, false);
        let goes_on = going_on.is_some();
        Decision { rows: vec![row], kept: Kept::Receipt(receipt), lasts: choice.lasts, goes_on }
    }

    fn outcome(self, collector: &Collector, headers: &HeaderMap, site: &Site, now_ms: i64) -> Outcome {
        let jar = Jar::of(headers, Some(site));
        let removals =
            declared::removals(headers, site, &jar, |category, service| self.kept.allows(category, service));
        let measured = self.kept.allows(ANALYTICS, KRUIMEL);
        let text = match self.kept {
            Kept::Refusal(refusal) => {
                serde_json::to_string(&refusal).expect("texts and numbers are always JSON")
            }
            Kept::Receipt(receipt) => sign(receipt, &collector.keys),
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
