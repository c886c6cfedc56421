//! `GET /kruimel/consent?<site>`: whether the grant in the cookie is the visitor's own. 204 for a live receipt of this
//! collector's keys, 403 with the reason for whatever else is in its place, 404 for a site that is not there.
//!
//! The loader asks before it opens anything: a browser has no key, and anyone can write a cookie. Nothing is counted, logged
//! or kept.

use crate::Collector;
use crate::config::Site;
use crate::http::answer::refuse;
use crate::http::{cookie, events, not_found, origin};
use crate::pipeline;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Response, StatusCode};
use std::sync::Arc;

/// Answers for the newest cookie that came along, which is the one that the loader reads.
pub(crate) async fn proof(
    State(collector): State<Arc<Collector>>,
    RawQuery(site): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let Some(site) = site.as_deref().and_then(|id| collector.site(id)) else { return not_found() };
    let now_ms = (collector.clock)();
    let consent = cookie::read(&headers, cookie::CONSENT);
    let proven =
        collector.with_tables(|tables| pipeline::live(site, consent.as_deref(), now_ms, tables).map(|_| ()));
    let mut answer = match proven {
        Ok(()) => {
            let mut answer = Response::new(Body::empty());
            *answer.status_mut() = StatusCode::NO_CONTENT;
            answer
        }
        // What is no receipt of this site may be one of the site whose page it is, and any link leads here.
        Err(reason) if !is_asked_by(site, &headers) => refuse(reason),
        Err(reason) => events::refused(&collector, Some(site), &headers, reason, now_ms),
    };
    origin::allow(&headers, &collector.config.sites, &mut answer);
    answer
}

/// Whether the page is of this site, or would be: a browser names no origin where it is the host that is asked.
fn is_asked_by(site: &Site, headers: &HeaderMap) -> bool {
    origin::check(headers, site).is_ok()
        || (origin::host(headers).is_empty() && origin::is_of_site(headers, site))
}
