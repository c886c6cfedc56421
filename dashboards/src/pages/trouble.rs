//! Pages for what goes wrong: what happened, what is safe, what to do, one link.

use super::frame::Frame;
use super::{html, icon};
use crate::App;
use crate::address::{Address, BadAddress};
use crate::period::Period;
use crate::store::{Failure, QUESTION_SECONDS_MAX};
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use std::sync::Arc;

/// How often the page tries again while the engine is away.
const RETRY_SECONDS: &str = "5";

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage {
    frame: Frame,
    happened: String,
    safe: String,
    link: (String, &'static str),
}

/// An address that cannot be understood.
pub(super) fn misunderstood(app: &App, headers: &HeaderMap, error: &BadAddress) -> Response {
    let address = app.first_address();
    let link = (address.link("/"), "Show the last 28 days");
    let safe = "Nothing was asked of the store.".to_owned();
    page(app, headers, &address, StatusCode::BAD_REQUEST, (error.to_string(), safe, link))
}

/// A path that is not ours.
pub(crate) async fn not_found(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let address = app.first_address();
    let link = (address.link("/"), "Go to the overview");
    let happened = "There is no such page.".to_owned();
    page(&app, &headers, &address, StatusCode::NOT_FOUND, (happened, String::new(), link))
}

/// An answer that did not come.
pub(super) fn failed(app: &App, headers: &HeaderMap, address: &Address, failure: Failure) -> Response {
    let again = (address.link("/"), "Try again");
    let kept = "Visits are still taken in: they wait on the disk of the collector, and none is lost.";
    let (status, happened, safe, link) = match failure {
        Failure::Away => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The engine does not answer.",
            format!(
                "It is being started again. {kept} This page tries again by itself every {RETRY_SECONDS} seconds."
            ),
            again,
        ),
        Failure::Busy => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Too many people are asking at once.",
            format!("{kept} This page tries again by itself every {RETRY_SECONDS} seconds."),
            again,
        ),
        Failure::TooMuch => (
            StatusCode::SERVICE_UNAVAILABLE,
            "This question was stopped, so that others keep being answered.",
            format!(
                "It took longer than {QUESTION_SECONDS_MAX} seconds, or more memory than one question may have. {kept}"
            ),
            (address.with(shorter).link("/"), "Ask for the last 7 days"),
        ),
        Failure::Fault => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "The engine could not answer this question.",
            format!("That is a fault of ours; the log of the server names it. {kept}"),
            again,
        ),
    };
    let mut response = page(app, headers, address, status, (happened.to_owned(), safe, link));
    if matches!(failure, Failure::Away | Failure::Busy) {
        for name in [header::REFRESH, header::RETRY_AFTER] {
            response.headers_mut().insert(name, HeaderValue::from_static(RETRY_SECONDS));
        }
    }
    response
}

fn shorter(address: &mut Address) {
    (address.period, address.interval) = (Period::Days(7), None);
}

fn page(
    app: &App,
    headers: &HeaderMap,
    address: &Address,
    status: StatusCode,
    (happened, safe, link): (String, String, (String, &'static str)),
) -> Response {
    let frame = Frame::new(app, headers, address, "Trouble");
    html(status, &TroublePage { frame, happened, safe, link })
}
