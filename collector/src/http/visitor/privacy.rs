//! `GET` and `POST /kruimel/privacy`: what this browser chose, what is stored, and a plain form to choose otherwise.
//!
//! Invariant: a choice is taken only with a token of ours and from a page of the site; whatever goes wrong, the visitor
//! sees the page again with a sentence that says what.

use super::declaration::Declaration;
use super::form::Form;
use super::privacy_page::{Input, PrivacyPage};
use super::state;
use super::words::Words;
use super::{Asked, answer, html, language_of, no_site, site_of};
use crate::Collector;
use crate::config::Site;
use crate::http::{consent, cookie, origin};
use crate::pipeline::Rejection;
use crate::receipt::{check_token, sign_token};
use axum::body::Body;
use axum::extract::State as Shared;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use bytes::Bytes;
use std::sync::Arc;

/// What a token of this form is signed for.
const PURPOSE: &str = "privacy";
/// How long a form may stay open, in seconds.
const TOKEN_SECONDS: i64 = 12 * 3_600;

/// Shows the page.
pub(super) async fn page(
    Shared(collector): Shared<Arc<Collector>>,
    address: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    let Some(site) = site_of(&collector.config, &headers) else { return no_site() };
    let asked = Asked::of(&address);
    show(&collector, site, &asked, &headers, StatusCode::OK, None)
}

/// Takes a choice and shows the page again, which says what now holds.
pub(super) async fn choose(
    Shared(collector): Shared<Arc<Collector>>,
    address: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response<Body> {
    let Some(site) = site_of(&collector.config, &headers) else { return no_site() };
    let asked = Asked::of(&address);
    match decide(&collector, site, &asked, &headers, body).await {
        Ok(outcome) => {
            let language = language_of(site, &asked, &headers).code();
            let there = format!("{}privacy?lang={language}", collector.config.listen.prefix);
            let mut response = answer(StatusCode::SEE_OTHER, super::HTML, String::new());
            let there = HeaderValue::from_str(&there).expect("the prefix and the code are plain ASCII");
            response.headers_mut().insert(header::LOCATION, there);
            for value in outcome.cookies {
                response.headers_mut().append(header::SET_COOKIE, value);
            }
            response
        }
        Err(reason) => {
            let host = if reason == Rejection::ForeignOrigin { origin::host(&headers) } else { "" };
            collector.outcomes.rejected(site.id.as_str(), reason, host, 1, (collector.clock)());
            let status = StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::BAD_REQUEST);
            show(&collector, site, &asked, &headers, status, Some(reason))
        }
    }
}

async fn decide(
    collector: &Collector,
    site: &Site,
    asked: &Asked,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<consent::Outcome, Rejection> {
    origin::check(headers, site)?;
    let form = Form::parse(&body.map_err(|_| Rejection::TooLarge)?);
    if !check_token(&form.token, PURPOSE, site.id.as_str(), (collector.clock)(), &collector.keys) {
        return Err(Rejection::StaleForm);
    }
    let language = language_of(site, asked, headers);
    let declaration = Declaration::of(site, language, collector.config.listen.prefix.as_str());
    let request = form.decision(&declaration, language)?;
    consent::decide(collector, headers, site, &request).await
}

fn show(
    collector: &Collector,
    site: &Site,
    asked: &Asked,
    headers: &HeaderMap,
    status: StatusCode,
    reason: Option<Rejection>,
) -> Response<Body> {
    let now_ms = (collector.clock)();
    let language = language_of(site, asked, headers);
    let words = Words::of(language);
    let choice = cookie::read(headers, cookie::CONSENT);
    let visitor = cookie::read(headers, cookie::VISITOR);
    let state = state::read(
        choice.as_deref(),
        visitor.as_deref(),
        site,
        now_ms,
        &collector.keys,
        &collector.withdrawn,
    );
    let expires_s = now_ms.div_euclid(1_000) + TOKEN_SECONDS;
    let page = PrivacyPage::new(Input {
        site,
        language,
        prefix: collector.config.listen.prefix.as_str(),
        state: &state,
        signal: headers.get("sec-gpc").is_some_and(|value| value == "1"),
        token: sign_token(PURPOSE, site.id.as_str(), expires_s, &collector.keys),
        message: reason.map(|reason| match reason {
            Rejection::ForeignOrigin => words.foreign,
            Rejection::Unavailable => words.unavailable,
            _ => words.stale,
        }),
    });
    html(status, &page)
}
