//! `GET` and `POST /kruimel/privacy`: what this browser chose, what is stored, and a plain form to choose otherwise.
//!
//! Invariant: a choice is taken only with a token that the page got for this very consent, and from a page of the site (the plain [`bar`] has no token and
//! is held to its origin more strictly); whatever goes wrong, the visitor sees the page again with a sentence that says
//! what, and with what was entered still there.

use super::bar;
use super::declaration::Declaration;
use super::form::{Fields, Form};
use super::privacy_page::{Input, PrivacyPage};
use super::state::{self, State};
use super::words::{Words, fill};
use super::{Asked, answer, html, language_of, no_site, page_address, site_of};
use crate::Collector;
use crate::config::{Language, Site};
use crate::http::answer::refuse;
use crate::http::body::refusal;
use crate::http::limits::Sender;
use crate::http::{consent, cookie, origin};
use crate::pipeline::Rejection;
use crate::receipt::{check_token, receipt_id, sign_token};
use crate::store::ShownRow;
use axum::body::Body;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use bytes::Bytes;
use std::sync::Arc;

/// What a token of this form is signed for; with the consent that the page was shown for.
const PURPOSE: &str = "privacy";
/// How long a form may stay open, in seconds.
const TOKEN_SECONDS: i64 = 12 * 3_600;

/// One look at the page, or one form sent to it.
pub(super) struct Request<'r> {
    pub(super) collector: &'r Collector,
    pub(super) site: &'r Site,
    pub(super) headers: &'r HeaderMap,
    language: Language,
}

/// Shows the page.
pub(super) async fn page(
    Shared(collector): Shared<Arc<Collector>>,
    Extension(sender): Extension<Sender>,
    address: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    let asked = Asked::of(&address);
    let Some(site) = site_of(&collector.config, &headers, asked.site.as_deref()) else { return no_site() };
    let language = language_of(site, &asked, &headers);
    let request = Request { collector: &collector, site, headers: &headers, language };
    match request.records(sender).await {
        Err(reason) if asked.json => refuse(reason),
        // The form is there also for whoever is told to come again.
        Err(reason) => to_retry(reason, request.show(status(reason), None, None, &[])),
        Ok(records) if asked.json => request.export(records.as_deref()),
        Ok(records) => request.show(StatusCode::OK, None, None, &records.unwrap_or_default()),
    }
}

/// Takes a choice and shows the page again, which says what now holds; from the plain bar it goes back to where that was.
pub(super) async fn choose(
    Shared(collector): Shared<Arc<Collector>>,
    Extension(sender): Extension<Sender>,
    address: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response<Body> {
    let mut asked = Asked::of(&address);
    let fields = body.map_err(|error| refusal(&error)).and_then(|body| Fields::parse(&body));
    let bar = fields.as_ref().ok().filter(|fields| bar::is_bar(fields));
    asked.site = bar.map(|bar| bar.first("site").to_owned()).or(asked.site);
    let Some(site) = site_of(&collector.config, &headers, asked.site.as_deref()) else { return no_site() };
    asked.language = bar.map(|bar| bar.first("language").to_owned()).or(asked.language);
    let language = language_of(site, &asked, &headers);
    let request = Request { collector: &collector, site, headers: &headers, language };
    match (&fields, bar) {
        (_, Some(bar)) => request.take_bar(sender, bar).await,
        (Ok(fields), None) => request.take_form(sender, fields).await,
        (Err(reason), None) => request.refuse(*reason, None),
    }
}

impl Request<'_> {
    async fn take_form(&self, sender: Sender, fields: &Fields) -> Response<Body> {
        let form = Form::of(fields);
        match self.decide_form(sender, fields, &form).await {
            Ok(outcome) => redirect(&self.page_address(), outcome.cookies),
            Err(reason) => {
                // Nothing is ticked on behalf of another page, or for a declaration that was not shown.
                let shown = fields.revision() == Ok(self.site.revision);
                self.refuse(reason, (shown && reason != Rejection::ForeignOrigin).then_some(&form))
            }
        }
    }

    async fn decide_form(
        &self,
        sender: Sender,
        fields: &Fields,
        form: &Form,
    ) -> Result<consent::Outcome, Rejection> {
        let Request { collector, site, headers, language } = *self;
        origin::check_form(headers, site)?;
        let now_ms = (collector.clock)();
        if !check_token(fields.first("token"), &purpose(headers), site.id.as_str(), now_ms, &collector.keys) {
            return Err(Rejection::StaleForm);
        }
        if form.erases() {
            self.erase(now_ms).await?;
        }
        let declaration = Declaration::of(site, language);
        let decision = form.decision(site, &declaration, language, fields.revision()?)?;
        consent::decide(collector, sender, headers, site, &decision).await
    }

    async fn take_bar(&self, sender: Sender, bar: &Fields) -> Response<Body> {
        match self.decide_bar(sender, bar).await {
            Ok(outcome) => {
                let back = bar::way_back(bar, self.headers, self.site).unwrap_or_else(|| self.page_address());
                redirect(&back, outcome.cookies)
            }
            // The bar has no box for it, and no token; the page has.
            Err(NotTaken::HereOnly(reason)) => {
                self.count(reason);
                redirect(&format!("{}#change", self.page_address()), Vec::new())
            }
            Err(NotTaken::AtAll(reason)) => self.refuse(reason, None),
        }
    }

    async fn decide_bar(&self, sender: Sender, bar: &Fields) -> Result<consent::Outcome, NotTaken> {
        let Request { collector, site, headers, .. } = *self;
        bar::check_origin(headers, site)?;
        if bar::needs_token(bar, headers, site) {
            return Err(NotTaken::HereOnly(Rejection::StaleForm));
        }
        let decision = bar::decision(bar, site)?;
        Ok(consent::decide(collector, sender, headers, site, &decision).await?)
    }

    fn page_address(&self) -> String {
        let prefix = self.collector.config.listen.prefix.as_str();
        page_address(self.site, prefix, "privacy", self.language.code())
    }

    fn count(&self, reason: Rejection) {
        let Request { collector, site, headers, .. } = *self;
        let host = if reason == Rejection::ForeignOrigin { origin::host(headers) } else { "" };
        collector.outcomes.decision_rejected(site.id.as_str(), reason, host, (collector.clock)());
    }

    /// The page again, with a sentence that says why the choice was not taken.
    fn refuse(&self, reason: Rejection, entered: Option<&Form>) -> Response<Body> {
        let Request { site, language, .. } = *self;
        self.count(reason);
        let age = site.options.age_limit.unwrap_or_default().to_string();
        let message = fill(sentence(Words::of(language), reason), &[("age", &age)]);
        to_retry(reason, self.show(status(reason), Some(message), entered, &[]))
    }

    /// What this browser's cookies say.
    pub(super) fn state(&self, now_ms: i64) -> State {
        let Request { collector, site, headers, .. } = *self;
        let choice = cookie::read(headers, cookie::CONSENT);
        let visitor = cookie::read(headers, cookie::VISITOR);
        let (choice, visitor) = (choice.as_deref(), visitor.as_deref());
        state::read(choice, visitor, site, now_ms, &collector.keys, &collector.withdrawn)
    }

    fn show(
        &self,
        status: StatusCode,
        message: Option<String>,
        entered: Option<&Form>,
        records: &[ShownRow],
    ) -> Response<Body> {
        let Request { collector, site, headers, language } = *self;
        let now_ms = (collector.clock)();
        let state = self.state(now_ms);
        let expires_s = now_ms.div_euclid(1_000) + TOKEN_SECONDS;
        let page = PrivacyPage::new(Input {
            site,
            language,
            prefix: collector.config.listen.prefix.as_str(),
            state: &state,
            signal: signal(site, headers),
            token: sign_token(&purpose(headers), site.id.as_str(), now_ms, expires_s, &collector.keys),
            text: collector.texts.page(site.id.as_str(), language),
            message,
            entered,
            records,
        });
        html(status, &page)
    }
}

/// Why the answer of a bar is not taken.
enum NotTaken {
    /// The page's form can take it.
    HereOnly(Rejection),
    AtAll(Rejection),
}

impl From<Rejection> for NotTaken {
    fn from(reason: Rejection) -> NotTaken {
        match reason {
            Rejection::AgeNotStated => NotTaken::HereOnly(reason),
            reason => NotTaken::AtAll(reason),
        }
    }
}

/// What the token of this browser's form is signed for. A token that somebody else was given, for the consent of theirs or
/// for none, ends or changes no consent.
fn purpose(headers: &HeaderMap) -> String {
    let id = cookie::read(headers, cookie::CONSENT).and_then(|text| receipt_id(&text));
    id.map_or_else(|| PURPOSE.to_owned(), |id| format!("{PURPOSE} {id}"))
}

/// The signal that the browser sends and the site honours, by the name of the banner's text about it.
fn signal(site: &Site, headers: &HeaderMap) -> Option<&'static str> {
    let sends = |name: &str| headers.get(name).is_some_and(|value| value == "1");
    match (sends("sec-gpc"), site.options.do_not_track && sends("dnt")) {
        (true, _) => Some("gpc"),
        (false, true) => Some("dnt"),
        (false, false) => None,
    }
}

fn status(reason: Rejection) -> StatusCode {
    StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::BAD_REQUEST)
}

/// The answer with the time after which trying again can help.
fn to_retry(reason: Rejection, mut answer: Response<Body>) -> Response<Body> {
    if let Some(seconds) = reason.retry_after_s() {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

fn sentence(words: &Words, reason: Rejection) -> &'static str {
    match reason {
        Rejection::ForeignOrigin => words.foreign,
        Rejection::Unavailable | Rejection::Overloaded | Rejection::TooManyRequests => words.unavailable,
        Rejection::AgeNotStated => words.age_needed,
        Rejection::StaleForm | Rejection::OutdatedReceipt => words.stale,
        _ => words.unread,
    }
}

/// The browser's way to a page that it asks for anew, so that nothing is sent twice.
fn redirect(there: &str, cookies: Vec<HeaderValue>) -> Response<Body> {
    let mut response = answer(StatusCode::SEE_OTHER, super::HTML, String::new());
    let there =
        HeaderValue::from_str(there).expect("the prefix, the code and a checked path are plain ASCII");
    response.headers_mut().insert(header::LOCATION, there);
    for value in cookies {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}
