//! Who may ask: pages on a site's own hosts. The browser's `Origin` header is checked, and answered for subdomains.

use crate::Collector;
use crate::config::{Site, is_within};
use crate::pipeline::Rejection;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use std::sync::Arc;
use wire::limits::HOST_BYTES_MAX;

/// The host of the `Origin` header; empty without one.
pub(crate) fn host(headers: &HeaderMap) -> &str {
    let origin = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let rest = origin.split_once("://").map_or("", |(_, rest)| rest);
    match rest.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => rest.split(':').next().unwrap_or_default(),
    }
}

/// The host of the `Host` header, without port; empty without one.
pub(crate) fn named(headers: &HeaderMap) -> &str {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let bare = if host.starts_with('[') { host.split_inclusive(']').next() } else { host.split(':').next() };
    bare.unwrap_or_default()
}

/// Checks that the request comes from a page of the site. A browser sends `Origin` with every POST.
///
/// # Errors
/// [`Rejection::ForeignOrigin`].
pub(crate) fn check(headers: &HeaderMap, site: &Site) -> Result<(), Rejection> {
    let host = host(headers);
    if host.len() <= HOST_BYTES_MAX && answers(site, host) { Ok(()) } else { Err(Rejection::ForeignOrigin) }
}

/// Whether the browser sends a page's form without the page's origin (a page with `Referrer-Policy: no-referrer`) and
/// vouches that the page is of the site: of the very host that the form is sent to or, where Kruimel has a host of its own
/// beside the site's, of a neighbour of that host.
pub(crate) fn is_vouched_for(headers: &HeaderMap, site: &Site) -> bool {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|found| found == value);
    let beside = || {
        let above =
            named(headers).split_once('.').map(|(_, above)| above).filter(|above| above.contains('.'));
        above.is_some_and(|above| site.hosts.iter().any(|host| is_within(host.as_str(), above)))
    };
    is(header::ORIGIN.as_str(), "null")
        && (is("sec-fetch-site", "same-origin")
            || (is("sec-fetch-site", "same-site") && !is_of_site(headers, site) && beside()))
}

/// Whether the host that was asked is one of the site's.
pub(crate) fn is_of_site(headers: &HeaderMap, site: &Site) -> bool {
    answers(site, named(headers))
}

fn answers(site: &Site, host: &str) -> bool {
    site.has_host(host) || site.is_test_host(host)
}

/// Lets a page of the site on another host read the answer.
pub(crate) fn allow(headers: &HeaderMap, sites: &[Site], answer: &mut Response<Body>) {
    let host = host(headers);
    let Some(origin) = headers.get(header::ORIGIN) else { return };
    if sites.iter().any(|site| answers(site, host)) {
        let out = answer.headers_mut();
        out.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        out.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        out.insert(header::VARY, HeaderValue::from_static("origin"));
    }
}

/// Answers the question that a browser asks before a cross-origin POST.
pub(crate) async fn preflight(State(collector): State<Arc<Collector>>, headers: HeaderMap) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    allow(&headers, &collector.config.sites, &mut answer);
    let out = answer.headers_mut();
    out.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    out.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    out.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    answer
}
