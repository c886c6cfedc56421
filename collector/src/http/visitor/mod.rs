//! The visitor's two pages, `/kruimel/privacy` and `/kruimel/cookies`: plain HTML that works without JavaScript.
//!
//! In: the site's declaration and the visitor's own cookies. Out: pages in the visitor's language. Invariant: nothing
//! is stored by looking at them, they load nothing but one stylesheet of this host, and whatever a config or a cookie
//! says is escaped by the templates.

mod cookies;
mod declaration;
mod form;
mod history;
mod privacy;
mod privacy_page;
mod state;
mod words;

use crate::Collector;
use crate::config::{Config, Language, Site};
use crate::http::Assets;
use crate::http::assets::named;
use crate::http::origin;
use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri, header};
use axum::routing::get;
use std::sync::Arc;
use wire::limits::DECISION_BYTES_MAX;
use words::Words;

const STYLE: &str = include_str!("../../../templates/visitor.css");
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The pages' routes, under the public prefix.
pub(crate) fn routes() -> Router<Arc<Collector>> {
    Router::new().route("/cookies", get(cookies::page)).route(
        "/privacy",
        get(privacy::page).post(privacy::choose).layer(DefaultBodyLimit::max(DECISION_BYTES_MAX)),
    )
}

/// Adds the pages' stylesheet to what browsers download.
pub(crate) fn add_style(assets: &mut Assets) {
    assets.add_child("visitor", "css", STYLE.into(), "text/css; charset=utf-8");
}

/// The hash of what the page says in one language, as its form names it.
pub(crate) fn text_hash(site: &Site, language: Language, prefix: &str) -> String {
    declaration::Declaration::of(site, language, prefix).hash()
}

/// The name that [`add_style`] gave it: the content decides.
fn style_name() -> String {
    named("visitor", "css", STYLE.as_bytes())
}

/// The part of an address that the pages look at.
#[derive(Default)]
struct Asked {
    language: Option<String>,
    json: bool,
    /// The version of the declaration.
    version: Option<String>,
}

impl Asked {
    fn of(address: &Uri) -> Asked {
        let mut asked = Asked::default();
        for (name, value) in url::form_urlencoded::parse(address.query().unwrap_or_default().as_bytes()) {
            match name.as_ref() {
                "lang" => asked.language = Some(value.into_owned()),
                "format" => asked.json = value == "json",
                "version" => asked.version = Some(value.into_owned()),
                _ => {}
            }
        }
        asked
    }
}

/// What both pages have around them.
struct Frame {
    language: &'static str,
    words: &'static Words,
    title: &'static str,
    site: String,
    controller: String,
    contact: String,
    privacy_policy: Option<String>,
    style: String,
    links: Vec<Link>,
    languages: Vec<Link>,
}

struct Link {
    address: String,
    text: &'static str,
    language: &'static str,
    current: bool,
}

impl Frame {
    /// The frame of the page `own` (`privacy` or `cookies`).
    fn new(site: &Site, language: Language, prefix: &str, own: &str) -> Frame {
        let words = Words::of(language);
        let code = language.code();
        let page = |path: &str, text| Link {
            address: format!("{prefix}{path}?lang={code}"),
            text,
            language: code,
            current: path == own,
        };
        let other = |other: &Language| Link {
            address: format!("{prefix}{own}?lang={}", other.code()),
            text: other.own_name(),
            language: other.code(),
            current: false,
        };
        Frame {
            language: code,
            words,
            title: if own == "cookies" { words.cookie_declaration } else { words.your_data },
            site: site.name.clone(),
            controller: site.controller.clone(),
            contact: site.contact.clone(),
            privacy_policy: site.privacy_policy.clone(),
            style: format!("{prefix}a/{}", style_name()),
            links: vec![page("privacy", words.your_data), page("cookies", words.cookie_declaration)],
            languages: site.languages_of_pages().iter().filter(|one| **one != language).map(other).collect(),
        }
    }
}

/// The site of a request by its `Host`; the only site, if there is but one.
fn site_of<'c>(config: &'c Config, headers: &HeaderMap) -> Option<&'c Site> {
    config.site_of_host(origin::named(headers)).or(match config.sites.as_slice() {
        [only] => Some(only),
        _ => None,
    })
}

/// The language asked for in the address, or else the browser's.
fn language_of(site: &Site, asked: &Asked, headers: &HeaderMap) -> Language {
    let accepted =
        headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut tags: Vec<(&str, f32)> = accepted
        .split(',')
        .map(|part| {
            let (tag, weight) = part.split_once(";q=").unwrap_or((part, "1"));
            (tag.trim(), weight.trim().parse().unwrap_or(0.0))
        })
        .collect();
    tags.sort_by(|one, other| other.1.total_cmp(&one.1));
    site.language_of_pages(asked.language.as_deref().into_iter().chain(tags.into_iter().map(|(tag, _)| tag)))
}

/// A page, or any other text, with the headers that both pages have.
fn answer(status: StatusCode, content_type: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers: [(HeaderName, &'static str); 5] = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::CACHE_CONTROL, "private, no-store"),
        (header::VARY, "accept, accept-language, cookie"),
        // With no-referrer a browser would send the form with `Origin: null`.
        (header::REFERRER_POLICY, "same-origin"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

const HTML: &str = "text/html; charset=utf-8";

/// A page from its template.
fn html(status: StatusCode, page: &impl askama::Template) -> Response<Body> {
    match page.render() {
        Ok(text) => answer(status, HTML, text),
        Err(error) => {
            tracing::error!(%error, "A visitor's page could not be written.");
            answer(
                StatusCode::INTERNAL_SERVER_ERROR,
                "text/plain; charset=utf-8",
                "The page could not be made.\n".into(),
            )
        }
    }
}

fn no_site() -> Response<Body> {
    let text = "This address belongs to none of the sites that are configured here.\n";
    answer(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", text.into())
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod walk;
