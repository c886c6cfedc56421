//! The visitor's two pages, `/kruimel/privacy` and `/kruimel/cookies`: plain HTML that works without JavaScript.
//!
//! In: the site's declaration and the visitor's own cookies. Out: pages in the visitor's language. Invariant: nothing
//! is stored by looking at them, they load nothing but one stylesheet of this host, and whatever a config or a cookie
//! says is escaped by the templates.

mod bar;
mod cookies;
mod declaration;
mod form;
mod history;
mod own_records;
mod privacy;
mod privacy_page;
mod state;
mod switches;
mod words;

use crate::Collector;
use crate::config::{Config, Language, Site};
use crate::http::Assets;
use crate::http::assets::named;
use crate::http::origin;
use crate::http::texts::{options, words_of_banner};
use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri, header};
use axum::routing::get;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use words::Words;

/// Most other languages that stand in the head as links; more are folded away.
const LANGUAGES_IN_SIGHT: usize = 4;
const STYLE: &str = include_str!("../../../templates/visitor.css");
/// What [`privacy`] is written with.
const TEMPLATES: [&str; 2] =
    [include_str!("../../../templates/visitor.html"), include_str!("../../../templates/privacy.html")];
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The pages' routes, under the public prefix.
pub(crate) fn routes() -> Router<Arc<Collector>> {
    Router::new().route("/cookies", get(cookies::page)).route(
        "/privacy",
        get(privacy::page).post(privacy::choose).layer(DefaultBodyLimit::max(form::FORM_BYTES_MAX)),
    )
}

/// Adds the pages' stylesheet of every site to what browsers download; sites without a theme share one.
pub(crate) fn add_styles(assets: &mut Assets, sites: &[Site]) {
    for site in sites {
        assets.add_child("visitor", "css", style(site).into(), "text/css; charset=utf-8");
    }
}

/// What the page says and offers in one language and how it looks, as JSON, with the hash that its forms name. `declared`: of
/// [`super::shown::declared`].
pub(crate) fn shown(site: &Site, language: Language, declared: &str) -> (String, Value) {
    let declaration = declaration::Declaration::of(site, language);
    let mut shown = serde_json::to_value(&declaration).expect("texts and numbers are always JSON");
    shown["text"] = json!(words_of_banner(site, language));
    shown["words"] = json!(Words::of(language));
    shown["options"] = options(site);
    shown["style"] = style_name(site).into();
    (super::shown::hash(declared, &shown, &build()), shown)
}

/// What draws the page: the version of this build, and the hash of what its words are put into.
pub(super) fn build() -> Value {
    static HASH: LazyLock<String> = LazyLock::new(|| crate::ledger::hex(&Sha256::digest(TEMPLATES.concat())));
    json!({"version": env!("CARGO_PKG_VERSION"), "templates": *HASH})
}

/// The pages' style with the site's theme. Browsers that do not know `light-dark()` get the light value.
fn style(site: &Site) -> String {
    let theme = &site.options.theme;
    let light: String =
        theme.properties().map(|(name, value)| format!("{name}:{};", light_of(value))).collect();
    let both: String = theme
        .properties()
        .filter(|(_, value)| light_of(value) != *value)
        .map(|(name, value)| format!("{name}:{value};"))
        .collect();
    let rule = |properties: String, before: &str, after: &str| {
        if properties.is_empty() { String::new() } else { format!("\n{before}:root{{{properties}}}{after}") }
    };
    let known = "@supports (color:light-dark(red,red)){";
    format!("{STYLE}{}{}", rule(light, "", ""), rule(both, known, "}"))
}

fn light_of(value: &str) -> &str {
    value.strip_prefix("light-dark(").and_then(|pair| pair.split(',').next()).unwrap_or(value)
}

/// The name that [`add_styles`] gave it: the content decides.
fn style_name(site: &Site) -> String {
    named("visitor", "css", style(site).as_bytes())
}

/// The part of an address that the pages look at.
#[derive(Default)]
struct Asked {
    language: Option<String>,
    json: bool,
    /// The version of the declaration.
    version: Option<String>,
    /// The id of the site.
    site: Option<String>,
}

impl Asked {
    fn of(address: &Uri) -> Asked {
        let mut asked = Asked::default();
        for (name, value) in url::form_urlencoded::parse(address.query().unwrap_or_default().as_bytes()) {
            match name.as_ref() {
                "lang" => asked.language = Some(value.into_owned()),
                "format" => asked.json = value == "json",
                "version" => asked.version = Some(value.into_owned()),
                "site" => asked.site = Some(value.into_owned()),
                _ => {}
            }
        }
        asked
    }
}

/// What both pages have around them.
struct Frame {
    language: &'static str,
    direction: &'static str,
    words: &'static Words,
    /// The banner's words, which the pages share: for the same thing the same word.
    said: BTreeMap<&'static str, String>,
    title: String,
    site: String,
    controller: String,
    contact: String,
    privacy_policy: Option<String>,
    style: String,
    links: Vec<Link>,
    languages: Vec<Link>,
    /// The language of the page by its own name, where the others are folded away.
    folded: Option<&'static str>,
}

struct Link {
    address: String,
    text: String,
    language: &'static str,
    current: bool,
}

impl Frame {
    /// The frame of the page `own` (`privacy` or `cookies`).
    fn new(site: &Site, language: Language, prefix: &str, own: &str) -> Frame {
        let words = Words::of(language);
        let said = words_of_banner(site, language);
        let code = language.code();
        let titles = [("privacy", words.your_data.to_owned()), ("cookies", said["policy"].clone())];
        let address = |path: &str, code: &str| page_address(site, prefix, path, code);
        let link = |(path, text): &(&str, String)| Link {
            address: address(path, code),
            text: text.clone(),
            language: code,
            current: *path == own,
        };
        let other = |other: &Language| Link {
            address: address(own, other.code()),
            text: other.own_name().to_owned(),
            language: other.code(),
            current: false,
        };
        let languages: Vec<Link> = site.languages.iter().filter(|one| **one != language).map(other).collect();
        let links: Vec<Link> = titles.iter().map(link).collect();
        let title = links.iter().find(|link| link.current).map(|link| link.text.clone());
        Frame {
            language: code,
            direction: language.direction(),
            words,
            said,
            title: title.unwrap_or_default(),
            site: site.name.clone(),
            controller: site.controller.clone(),
            contact: site.contact.clone(),
            privacy_policy: site.privacy_policy.clone(),
            style: format!("{prefix}a/{}", style_name(site)),
            links,
            folded: (languages.len() > LANGUAGES_IN_SIGHT).then(|| language.own_name()),
            languages,
        }
    }

    /// A word of the banner.
    fn said(&self, key: &str) -> &str {
        self.said.get(key).map_or("", String::as_str)
    }

    /// A text of any script, kept apart from the direction of the page's.
    fn isolated(&self, text: &str) -> String {
        match self.direction {
            "rtl" => format!("\u{2068}{text}\u{2069}"),
            _ => text.to_owned(),
        }
    }

    /// Several names as one phrase: "a, b and c".
    fn list(&self, names: &[String]) -> String {
        match names {
            [] => String::new(),
            [one] => one.clone(),
            [most @ .., last] => {
                let comma = if self.language == Language::Ar.code() { "، " } else { ", " };
                self.said("and").replacen("{0}", &most.join(comma), 1).replacen("{}", last, 1)
            }
        }
    }
}

/// The address of a page in one language.
fn page_address(site: &Site, prefix: &str, path: &str, language: &str) -> String {
    let named = site.query();
    let and = if named.is_empty() { "" } else { "&" };
    format!("{prefix}{path}?lang={language}{and}{named}")
}

/// The site of a request by its `Host`; the only site, if there is but one. On a host that is none of the sites', such as
/// the collector's own, the site that was asked for by its id.
fn site_of<'c>(config: &'c Config, headers: &HeaderMap, asked: Option<&str>) -> Option<&'c Site> {
    config.site_of_host(origin::named(headers)).or(match config.sites.as_slice() {
        [only] => Some(only),
        _ => asked.and_then(|id| config.site(id)),
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
    site.language_of(asked.language.as_deref().into_iter().chain(tags.into_iter().map(|(tag, _)| tag)))
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
