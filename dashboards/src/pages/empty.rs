//! A site without anything yet: the first steps, and what has been heard of it.

use super::frame::Frame;
use super::{html, icon, trouble};
use crate::App;
use crate::questions::{Rejected, rejected_since};
use crate::text;
use crate::view::View;
use askama::Template;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use jiff::SignedDuration;

/// How often the page looks again by itself.
const REFRESH_SECONDS: &str = "5";
/// How far back rejections are shown.
const REJECTIONS_SINCE: SignedDuration = SignedDuration::from_hours(24);

#[derive(Template)]
#[template(path = "empty.html")]
struct EmptyPage {
    frame: Frame,
    site_id: String,
    rejected: Vec<(String, String)>,
}

/// The page, which loads itself again until there is something to show.
pub(super) async fn empty(app: &App, headers: &HeaderMap, view: &View<'_>) -> Response {
    let since = view.now.timestamp() - REJECTIONS_SINCE;
    let rejected = match rejected_since(&app.store, &view.site.id, since).await {
        Ok(rejected) => rejected,
        Err(failure) => return trouble::failed(app, headers, &view.address, failure),
    };
    let line = |row: Rejected| (row.reason.replace('_', " "), text::count(row.times));
    let page = EmptyPage {
        frame: Frame::new(app, headers, &view.address, "First steps"),
        site_id: view.site.id.clone(),
        rejected: rejected.into_iter().map(line).collect(),
    };
    let mut response = html(StatusCode::OK, &page);
    response.headers_mut().insert(header::REFRESH, HeaderValue::from_static(REFRESH_SECONDS));
    response
}
