//! `GET /kruimel/cookies`: the cookie declaration, for people as a page and for programs as JSON.

use super::declaration::{Declaration, DeclaredService};
use super::words::fill;
use super::{Asked, Frame, answer, html, language_of, no_site, site_of};
use crate::Collector;
use crate::config::{Language, Site};
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
    choice_kept: String,
    withdrawal: String,
    measures: bool,
    privacy: String,
    json: String,
}

impl CookiesPage {
    fn new(site: &Site, language: Language, prefix: &str) -> CookiesPage {
        let frame = Frame::new(site, language, prefix, "cookies");
        let declaration = Declaration::of(site, language, prefix);
        let revision = declaration.revision.to_string();
        let lead = match site.revision_since {
            Some(date) => {
                let date = frame.words.date(language, date);
                fill(frame.words.cookies_lead_dated, &[("revision", &revision), ("date", &date)])
            }
            None => fill(frame.words.cookies_lead, &[("revision", &revision)]),
        };
        let code = language.code();
        CookiesPage {
            lead,
            choice_kept: fill(frame.words.choice_kept, &[("days", &site.choice_days.to_string())]),
            withdrawal: withdrawal(&declaration, &frame).unwrap_or_default(),
            measures: declaration.category(Category::Analytics).is_some(),
            privacy: format!("{prefix}privacy?lang={code}"),
            json: format!("{prefix}cookies?lang={code}&format=json"),
            frame,
            declaration,
        }
    }

    /// Who provides a service, where, and who receives data.
    fn recipients(&self, service: &DeclaredService) -> String {
        let provider = match &service.provider_country {
            Some(country) => format!("{} ({country})", service.provider),
            None => service.provider.clone(),
        };
        let text =
            if service.third_party { self.frame.words.recipient } else { self.frame.words.no_recipients };
        fill(text, &[("provider", &provider)])
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
    let Some(site) = site_of(&collector.config, &headers) else { return no_site() };
    let asked = Asked::of(&address);
    let language = language_of(site, &asked, &headers);
    respond(site, language, collector.config.listen.prefix.as_str(), asked.json || wants_json(&headers))
}

pub(super) fn respond(site: &Site, language: Language, prefix: &str, json: bool) -> Response<Body> {
    if json {
        answer(StatusCode::OK, "application/json", Declaration::of(site, language, prefix).json())
    } else {
        html(StatusCode::OK, &CookiesPage::new(site, language, prefix))
    }
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.contains("application/json") && !accepted.contains("text/html")
}
