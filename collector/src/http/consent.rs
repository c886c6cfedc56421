//! `POST /kruimel/consent`: a decision in, the consent cookie out once the ledger's row is on disk.
//!
//! Invariant: what is answered is in the ledger, once for one act. A receipt that a decision ended is dead and its rows are
//! erased. A signal of the browser's (Global Privacy Control) writes nothing by itself, and nothing of it is kept with a
//! decision.

mod choice;
mod decision;
mod declared;
mod earlier;
mod proof;
mod repeat;

pub(crate) use proof::proof;
pub use repeat::Repeats;

use super::answer::{is_text_or_json, json, refuse};
use super::body::refusal;
use super::cookie::{self, Jar, Lasts};
use super::front::RequestId;
use super::limits::Sender;
use super::{origin, unkept};
use crate::Collector;
use crate::config::{KRUIMEL, Site};
use crate::ledger::{LedgerRow, Seen};
use crate::pipeline::{ANALYTICS, Rejection};
use crate::spool::{AppendError, Intake};
use axum::body::Body;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use choice::Choice;
use decision::{Decision, fresh_visitor};
use earlier::{Earlier, live};
use std::sync::Arc;
use wire::{DecisionRequest, Receipt, Surface};

/// How a refusal is counted that came in a flood, or while the spool is full: honoured, without a row.
const REFUSAL_NOT_KEPT: &str = "refuse_not_kept";

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
/// grants too much (or for the same consent changed again and again), or [`Rejection::Unavailable`] when it cannot be kept on disk: a grant
/// already when events no longer can.
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
    let mut came = Earlier::of(collector, headers, site, request, now_ms);
    let turn = collector.repeats.turn(came.all().last()).await;
    came.add(collector.repeats.led_to(came.all(), now_ms));
    let earlier = came.alive(collector);
    let request = &known_words(collector, site, request, &choice);
    if let Some(known) = collector.repeats.find(came.all(), &earlier, request, now_ms) {
        return Ok(known.outcome(collector, headers, site, now_ms));
    }
    choice.check_age(site, request.of_age, &earlier)?;
    // A choice that the visitor made here counts more than one made in another tool.
    if request.surface == Surface::Import && !earlier.is_empty() {
        return Err(Rejection::ContradictoryDecision);
    }
    let repeated = choice.is_refusal() && earlier.is_empty() && came.is_withdrawn(collector);
    let decision = Decision::new(site, request, choice, &earlier, now_ms);
    if repeated {
        return Ok(decision.outcome(collector, headers, site, now_ms));
    }
    let is_full = collector.spool.intake() == Intake::Full;
    match decision.narrows(came.all()) {
        Some(consent) => sender.narrowing(collector, site, consent, is_full)?,
        // What the spool keeps room for is not for grants.
        None if decision.ends_nothing() && is_full => return Err(Rejection::Unavailable),
        None if decision.ends_nothing() => sender.grant(collector, site)?,
        None => {}
    }
    if decision.is_of_nobody() && (is_full || !sender.keeps_refusal(collector, site)) {
        collector.outcomes.decided(REFUSAL_NOT_KEPT);
        return Ok(decision.outcome(collector, headers, site, now_ms));
    }
    let seen = seen(collector, headers, site, &request.text);
    let rows: Vec<LedgerRow> =
        decision.rows.iter().map(|row| row.clone().having_seen(seen.clone())).collect();
    let (ledger, repeats) = (collector.ledger.clone(), Arc::clone(&collector.repeats));
    let (told, kept, outcomes) = (request.clone(), decision.clone(), Arc::clone(&collector.outcomes));
    // Of its own, so that a browser that hangs up leaves neither a part of it nor a decision that is not recognised or counted.
    let recorded = tokio::spawn(async move {
        for row in rows {
            ledger.append(row).await?;
        }
        repeats.remember(&earlier, &told, &kept, now_ms);
        outcomes.decided(kept.rows[0].action());
        drop(turn);
        Ok(())
    });
    recorded.await.unwrap_or(Err(AppendError::Broken)).map_err(|error| unavailable(error, now_ms))?;
    Ok(decision.outcome(collector, headers, site, now_ms))
}

fn unavailable(error: AppendError, now_ms: i64) -> Rejection {
    unkept::decision(error, RequestId::current(), now_ms);
    Rejection::Unavailable
}

/// Ends the consents of these receipts, and of those that they led to unheard, and has every row of theirs erased from the
/// ledger, once the wish for each is on disk: the store's upkeep does it, and goes on to the consents that these replaced.
/// A receipt that is dead tells as well whose rows they are: a form that was sent again ends what the first time did not.
pub(crate) async fn erase(
    collector: &Collector,
    site: &Site,
    receipts: &[Receipt],
    now_ms: i64,
) -> Result<(), Rejection> {
    let unheard = collector.repeats.led_to(receipts, now_ms);
    for id in receipts.iter().chain(&unheard).map(|receipt| receipt.consent_id) {
        if !collector.withdrawn.is_erased(id.0) {
            let row = LedgerRow::erasure(site.id.as_str(), id, now_ms);
            collector.ledger.append(row).await.map_err(|error| unavailable(error, now_ms))?;
        }
    }
    Ok(())
}

/// The receipts in the browser's cookies that this collector signed for this site, dead or alive, the newest first.
pub(crate) fn receipts(collector: &Collector, headers: &HeaderMap, site: &Site, now_ms: i64) -> Vec<Receipt> {
    Earlier::in_cookies(collector, headers, site, now_ms).all().to_vec()
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

#[cfg(test)]
mod tests;
