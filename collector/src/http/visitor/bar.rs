//! The plain bar of pages on which the banner cannot run: two buttons of a form that is sent here.
//!
//! In: a form of a page of the site, without a token, because that page is not ours. Out: a decision and the way back.
//! Invariants: it is taken only from a page of the site itself, as the browser vouches with `Origin` and
//! `Sec-Fetch-Site` (or with the latter alone, where the page hides its origin). Where that leaves open whether a neighbour
//! of the site sent it, it may refuse and not allow. The way back is a path of that same host, whatever the form says.

use super::form::Fields;
use crate::config::Site;
use crate::http::origin::{self, Hidden};
use crate::pipeline::Rejection;
use axum::http::{HeaderMap, header};
use wire::{DecisionAction, DecisionRequest, Surface};

/// Longest way back, in bytes: the longest address that browsers and servers agree on.
const BACK_BYTES_MAX: usize = 2_048;

/// Whether a form is the bar's.
pub(super) fn is_bar(fields: &Fields) -> bool {
    fields.first("form") == "bar"
}

/// Checks that the bar stands on a page of the site.
///
/// # Errors
/// [`Rejection::ForeignOrigin`].
pub(super) fn check_origin(headers: &HeaderMap, site: &Site) -> Result<(), Rejection> {
    let cross_site = headers.get("sec-fetch-site").is_some_and(|value| value == "cross-site");
    match cross_site {
        true => Err(Rejection::ForeignOrigin),
        false if origin::hidden(headers, site).is_some() => Ok(()),
        false => origin::check(headers, site),
    }
}

/// Whether it would allow something and may be a neighbour's: only a form with a token does that.
pub(super) fn needs_token(fields: &Fields, headers: &HeaderMap, site: &Site) -> bool {
    fields.first("choice") == "accept" && origin::hidden(headers, site) == Some(Hidden::OfNeighbour)
}

/// The decision that the bar's buttons stand for: all or nothing.
///
/// # Errors
/// [`Rejection::ContradictoryDecision`] for a form without one of the two buttons, [`Rejection::StaleForm`] for one
/// without a revision.
pub(super) fn decision(fields: &Fields, site: &Site) -> Result<DecisionRequest, Rejection> {
    let (action, categories) = match fields.first("choice") {
        "accept" => (DecisionAction::Accept, site.category_names().map(str::to_owned).collect()),
        "refuse" => (DecisionAction::Refuse, Vec::new()),
        _ => return Err(Rejection::ContradictoryDecision),
    };
    Ok(DecisionRequest {
        v: wire::VERSION,
        site: site.id.to_string(),
        action,
        categories,
        services: Default::default(),
        revision: fields.revision()?,
        text: fields.first("text").to_owned(),
        language: fields.first("language").to_owned(),
        surface: Surface::Notice,
        earlier: None,
        reset: None,
        session: false,
        of_age: false,
        until_day: None,
    })
}

/// Where the visitor came from: a path of the page's own host. `None` for anything that could lead elsewhere.
pub(super) fn way_back(fields: &Fields, headers: &HeaderMap, site: &Site) -> Option<String> {
    let back = fields.first("back");
    let bytes = back.as_bytes();
    let leads_here = bytes.first() == Some(&b'/')
        && bytes.get(1) != Some(&b'/')
        && bytes.len() <= BACK_BYTES_MAX
        && bytes.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'\\');
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (host, origin) = (text(header::HOST), text(header::ORIGIN));
    // The page hides its origin and is not on this host: nobody knows where it is.
    if origin == "null" && !origin::is_of_site(headers, site) {
        return None;
    }
    // A collector on a host of its own sends the visitor back to the page's, which was checked to be the site's.
    let elsewhere = origin.split_once("://").filter(|(_, page)| *page != host).map_or("", |_| origin);
    leads_here.then(|| format!("{elsewhere}{back}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Host};
    use axum::http::HeaderValue;

    fn headers(origin: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("www.kaaidam.example"));
        headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        headers
    }

    fn back(path: &str, origin: &'static str) -> Option<String> {
        let body = url::form_urlencoded::Serializer::new(String::new()).append_pair("back", path).finish();
        let local = |port| ([127, 0, 0, 1], port).into();
        let mut site = Config::demo("data".into(), local(0), local(1)).sites.remove(0);
        site.hosts = vec![Host::parse("www.kaaidam.example").unwrap()];
        way_back(&Fields::parse(body.as_bytes()).unwrap(), &headers(origin), &site)
    }

    #[test]
    fn the_way_back_is_a_path_of_the_same_host() {
        let own = "https://www.kaaidam.example";
        for path in ["/", "/news/ferry?page=2#top", "/a//b", "/@elsewhere.example", "/%0d%0a"] {
            assert_eq!(back(path, own).as_deref(), Some(path));
        }
        let long = format!("/{}", "a".repeat(BACK_BYTES_MAX));
        for path in [
            "",
            "//elsewhere.example",
            "/\\elsewhere.example",
            "\\/elsewhere.example",
            "https://elsewhere.example/",
            "javascript:alert(1)",
            "news",
            "/\t/elsewhere.example",
            "/a\r\nset-cookie: a=b",
            " /",
            "/é",
            &long,
        ] {
            assert_eq!(back(path, own), None, "{path:?}");
        }
    }

    #[test]
    fn a_collector_on_a_host_of_its_own_leads_back_to_the_page() {
        let shop = "https://shop.kaaidam.example";
        assert_eq!(back("/cart", shop).as_deref(), Some("https://shop.kaaidam.example/cart"));
        assert_eq!(back("//elsewhere.example", shop), None);
        assert_eq!(back("/cart", "null").as_deref(), Some("/cart"));
    }
}
