//! `GET /definitions`: what each number means, and the keys.

use super::frame::Frame;
use super::stats::meaning;
use super::{html, icon, trouble};
use crate::App;
use crate::address::Address;
use crate::dimension::Metric;
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "definitions.html")]
struct DefinitionsPage {
    frame: Frame,
    metrics: Vec<(&'static str, &'static str)>,
    keys: &'static [(&'static str, &'static str)],
}

/// The keys of the pages; `assets/dashboard.js` follows the links that carry them.
const KEYS: [(&str, &str); 19] = [
    ("D", "Today"),
    ("E", "Yesterday"),
    ("H", "Last 24 hours"),
    ("W", "Last 7 days"),
    ("F", "Last 28 days"),
    ("T", "Last 30 days"),
    ("N", "Last 91 days"),
    ("M", "Month to date"),
    ("P", "Last month"),
    ("Y", "Year to date"),
    ("L", "Last 12 months"),
    ("A", "All time"),
    ("C", "Custom period"),
    ("← →", "Previous and next period; on the graph, the bucket before and after"),
    ("X", "Comparison on and off"),
    ("I", "Next interval"),
    ("Enter", "On the graph: open the day, week or month"),
    ("Esc", "Clear the filters"),
    ("?", "This page"),
];

/// `GET /definitions`
pub(crate) async fn definitions(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    match Address::parse(&query.unwrap_or_default(), &app.sites) {
        Err(error) => trouble::misunderstood(&app, &headers, &error),
        Ok(address) => {
            let frame = Frame::new(&app, &headers, &address, "Definitions");
            let metrics = Metric::ALL.map(|metric| (metric.label(), meaning(metric))).into();
            html(StatusCode::OK, &DefinitionsPage { frame, metrics, keys: &KEYS })
        }
    }
}
