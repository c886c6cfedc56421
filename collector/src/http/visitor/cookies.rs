//! `GET /kruimel/cookies`: the cookie declaration, for people as a page and for programs as JSON; with `version=2.1` a
//! former one.

use super::declaration::{Declaration, DeclaredService};
use super::history::{Listed, Shown, recipient};
use super::words::{Words, fill};
use super::{Asked, Frame, answer, html, language_of, no_site, page_address, site_of};
use crate::Collector;
use crate::config::{Kept, Language, Unit};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, Uri, header};
use std::sync::Arc;
use wire::Category;

#[derive(askama::Template)]
#[template(path = "cookies.html")]
struct CookiesPage {
    frame: Frame,
    declaration: Declaration,
    lead: String,
    /// From when to when a former version was in force.
    former: Option<String>,
    /// The page of the version in force.
    in_force: String,
    versions: Vec<Listed>,
    choice_kept: String,
    withdrawal: String,
    measures: bool,
    /// What was stored about visitors, as `table.column`, under a former version: how Kruimel puts it in words is of today.
    stored: Vec<String>,
    privacy: String,
    json: String,
}

/// The declaration for programs.
#[derive(serde::Serialize)]
struct Published<'a> {
    #[serde(flatten)]
    declaration: &'a Declaration,
    /// The name of this version.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    /// Since when another version is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// What is stored about visitors, as `table.column`.
    fields: &'a [String],
    /// This version and those before it, the newest first.
    versions: Vec<Listed>,
}

impl CookiesPage {
    fn new(shown: &Shown<'_>, language: Language, prefix: &str) -> CookiesPage {
        let site = shown.site.as_ref();
        let mut frame = Frame::new(site, language, prefix, "cookies");
        let (words, query) = (frame.words, shown.query());
        for link in &mut frame.languages {
            link.address.push_str(&query);
        }
        for link in &mut frame.links {
            link.current &= shown.until.is_none();
        }
        let declaration = Declaration::of(site, language);
        let version = shown.version();
        let label = version.map_or_else(|| declaration.revision.to_string(), |version| version.label.clone());
        let lead = match shown.since() {
            Some(date) if shown.until.is_none() => {
                let date = words.date(language, date);
                fill(words.cookies_lead_dated, &[("revision", &label), ("date", &date)])
            }
            _ => fill(words.cookies_lead, &[("revision", &label)]),
        };
        let former = version.zip(shown.until).map(|(version, until)| {
            let [date, end] = [version.date, until].map(|date| words.date(language, date));
            fill(words.former, &[("date", &date), ("end", &end)])
        });
        let stored = version.filter(|_| shown.until.is_some()).map(|version| version.snapshot.fields.clone());
        let days = Kept::For(u32::from(site.choice_days), Unit::Days);
        let code = language.code();
        CookiesPage {
            lead,
            former,
            in_force: page_address(site, prefix, "cookies", code),
            versions: shown.list(words, language, prefix),
            choice_kept: fill(words.choice_kept, &[("days", &days.in_language(language))]),
            withdrawal: withdrawal(&declaration, &frame).unwrap_or_default(),
            measures: shown.until.is_none() && declaration.category(Category::Analytics).is_some(),
            stored: stored.unwrap_or_default(),
            privacy: page_address(site, prefix, "privacy", code),
            json: format!("{}&format=json{query}", page_address(site, prefix, "cookies", code)),
            frame,
            declaration,
        }
    }

    /// Who provides a service, where, and who receives data.
    fn recipients(&self, service: &DeclaredService) -> String {
        let country = service.provider_country.as_deref();
        recipient(self.frame.words, &service.provider, country, service.third_party)
    }

    fn caption(&self, service: &DeclaredService) -> String {
        fill(self.frame.words.caption, &[("service", &service.name)])
    }
}

/// What becomes of rows when analytics is switched off; nothing is said by a site that measures nothing.
pub(super) fn withdrawal(declaration: &Declaration, frame: &Frame) -> Option<String> {
    let analytics = &declaration.category(Category::Analytics)?.title;
    Some(match &declaration.withdrawal_justification {
        None => fill(frame.words.erases, &[("analytics", analytics)]),
        Some(why) => fill(frame.words.keeps, &[("analytics", analytics), ("justification", why)]),
    })
}

pub(super) async fn page(
    State(collector): State<Arc<Collector>>,
    address: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    let asked = Asked::of(&address);
    let Some(site) = site_of(&collector.config, &headers, asked.site.as_deref()) else { return no_site() };
    let history = collector.declarations.of(site.id.as_str());
    let Some(shown) = Shown::find(site, history, asked.version.as_deref()) else { return no_version() };
    let language = language_of(&shown.site, &asked, &headers);
    respond(&shown, language, collector.config.listen.prefix.as_str(), asked.json || wants_json(&headers))
}

pub(super) fn respond(shown: &Shown<'_>, language: Language, prefix: &str, json: bool) -> Response<Body> {
    if !json {
        return html(StatusCode::OK, &CookiesPage::new(shown, language, prefix));
    }
    let version = shown.version();
    let published = Published {
        declaration: &Declaration::of(&shown.site, language),
        version: version.map(|version| version.label.as_str()),
        until: shown.until.map(|date| date.to_string()),
        fields: version.map(|version| version.snapshot.fields.as_slice()).unwrap_or_default(),
        versions: shown.list(Words::of(language), language, prefix),
    };
    let text = serde_json::to_string_pretty(&published).expect("texts and numbers are always JSON");
    answer(StatusCode::OK, "application/json", text)
}

fn no_version() -> Response<Body> {
    let text = "The declaration has no such version. The page without a version lists them.\n";
    answer(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", text.into())
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.contains("application/json") && !accepted.contains("text/html")
}
