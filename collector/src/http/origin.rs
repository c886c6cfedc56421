//! Who may ask: pages on a site's own hosts. The browser's `Origin` header is checked, and answered for subdomains.
//!
//! Hosts are compared, not ports: a host is one owner's. Of schemes, `http` is refused where this very request came over
//! TLS, as the listener or the proxy says in `X-Forwarded-Proto`: a page that somebody could change on its way does not
//! speak for one that nobody could. A client that writes that header itself can only have itself refused.

use crate::Collector;
use crate::config::{Site, is_within};
use crate::pipeline::Rejection;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use std::sync::Arc;
use wire::limits::HOST_BYTES_MAX;

/// The header in which a proxy, or our own listener, says how it was reached.
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The host of the `Origin` header; empty without one.
pub(crate) fn host(headers: &HeaderMap) -> &str {
    let origin = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let rest = origin.split_once(':').and_then(|(_, rest)| rest.strip_prefix("//")).unwrap_or_default();
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
    check_host(host(headers), headers, site)
}

/// The same where [`host`] was asked already.
pub(crate) fn check_host(host: &str, headers: &HeaderMap, site: &Site) -> Result<(), Rejection> {
    let is_ours = host.len() <= HOST_BYTES_MAX && answers(site, host) && !is_downgraded(headers);
    if is_ours { Ok(()) } else { Err(Rejection::ForeignOrigin) }
}

/// Whether a page without TLS asks over TLS.
fn is_downgraded(headers: &HeaderMap) -> bool {
    let is_plain =
        headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"http://"));
    // The last one is the nearest proxy's.
    let proxied = || headers.get_all(FORWARDED_PROTO).iter().next_back();
    is_plain && proxied().is_some_and(|scheme| scheme.as_bytes().ends_with(b"https"))
}

/// Checks that a form with a token comes from a page of the site or, where Kruimel has a host of its own beside the site's,
/// of that very host: no pages but Kruimel's are there.
///
/// # Errors
/// [`Rejection::ForeignOrigin`].
pub(crate) fn check_form(headers: &HeaderMap, site: &Site) -> Result<(), Rejection> {
    let is_ours = is_beside(headers, site) && host(headers).eq_ignore_ascii_case(named(headers));
    if is_ours && !is_downgraded(headers) { Ok(()) } else { check(headers, site) }
}

/// What the browser says of a page that hides its origin (one with `Referrer-Policy: no-referrer`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hidden {
    /// It is on the very host that was asked, which is the site's.
    OfSite,
    /// It is on that host or a neighbour of it, and that host is Kruimel's own beside the site's. Whose neighbour, nobody
    /// knows: a forum under the same domain looks like a page of the site.
    OfNeighbour,
}

/// What the browser vouches for; none where the page names its origin, or may be anybody's.
pub(crate) fn hidden(headers: &HeaderMap, site: &Site) -> Option<Hidden> {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|found| found == value);
    let fetched = |from| is(header::ORIGIN.as_str(), "null") && is("sec-fetch-site", from);
    let near = fetched("same-origin") || (fetched("same-site") && is_beside(headers, site));
    match fetched("same-origin") && is_of_site(headers, site) {
        true => Some(Hidden::OfSite),
        false => near.then_some(Hidden::OfNeighbour),
    }
}

/// Whether the host that was asked is Kruimel's own, under the domain above it in which the site has a host too.
fn is_beside(headers: &HeaderMap, site: &Site) -> bool {
    let above = named(headers).split_once('.').map(|(_, above)| above).filter(|above| above.contains('.'));
    let has_site = |above| site.hosts.iter().any(|host| is_within(host.as_str(), above));
    !is_of_site(headers, site) && above.is_some_and(has_site)
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
    allow_if(sites.iter().any(|site| answers(site, host)), headers, answer);
}

/// The same where it is known whether the page is on a host of a site.
pub(crate) fn allow_if(is_of_site: bool, headers: &HeaderMap, answer: &mut Response<Body>) {
    let Some(origin) = headers.get(header::ORIGIN) else { return };
    if is_of_site && !is_downgraded(headers) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn check(origin: &'static str, proto: &'static str, expected: bool) {
        let local = |port| ([127, 0, 0, 1], port).into();
        let config = Config::demo("data".into(), local(0), local(1));
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        if !proto.is_empty() {
            headers.append(FORWARDED_PROTO, HeaderValue::from_static(proto));
        }
        let mut answer = Response::new(Body::empty());
        allow(&headers, &config.sites, &mut answer);
        let allowed = answer.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        let checked = super::check(&headers, &config.sites[0]).is_ok();
        assert_eq!((checked, allowed), (expected, expected), "{origin} {proto}");
    }

    #[test]
    fn a_page_without_tls_does_not_speak_for_a_site_with_tls() {
        check("https://localhost", "https", true);
        check("http://localhost", "https", false);
        check("http://localhost", "http, https", false);
        check("http://localhost", "http", true);
        check("http://localhost:8080", "", true);
        check("https://evil.example", "https", false);
        check("null", "https", false);
    }
}
