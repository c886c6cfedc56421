//! The same numbers for programs: JSON and CSV, described by `openapi.json` beside this file.
//!
//! In: `POST /api/v1/query` with a body of its own, or an address like a page's. Out: JSON or CSV; what cannot be
//! answered gets a status, a reason that programs compare, and a sentence that people read.

mod csv;
mod overview;
mod query;

pub(crate) use csv::{breakdown_csv, decisions_csv, series_csv};
pub(crate) use overview::overview;
pub use query::QUERY_BYTES_MAX;
pub(crate) use query::query;

use crate::App;
use crate::address::BadAddress;
use crate::dimension::Metric;
use crate::period::Span;
use crate::questions::Figures;
use crate::store::Failure;
use crate::view::View;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The description of every route under `/api/`.
pub const OPENAPI: &str = include_str!("openapi.json");

/// Why a request gets no numbers.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    reason: &'static str,
    message: String,
}

/// The days an answer is about.
#[derive(Debug, Serialize)]
struct PeriodJson {
    name: &'static str,
    from: String,
    to: String,
    start: String,
    end: String,
    time_zone: String,
}

impl Refused {
    fn misunderstood(message: impl Into<String>) -> Refused {
        Refused { status: StatusCode::BAD_REQUEST, reason: "not_understood", message: message.into() }
    }
}

impl From<BadAddress> for Refused {
    fn from(error: BadAddress) -> Refused {
        Refused::misunderstood(error.0)
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Refused {
        let (status, reason) = match failure {
            Failure::Away => (StatusCode::SERVICE_UNAVAILABLE, "engine_away"),
            Failure::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Failure::TooMuch => (StatusCode::SERVICE_UNAVAILABLE, "too_much"),
            Failure::Fault => (StatusCode::INTERNAL_SERVER_ERROR, "fault"),
        };
        Refused { status, reason, message: failure.to_string() }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = Json(json!({ "reason": self.reason, "message": self.message }));
        let mut response = (self.status, body).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
        }
        response
    }
}

/// `GET /api/openapi.json`
pub(crate) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

/// `GET /api/v1/sites`
pub(crate) async fn sites(State(app): State<Arc<App>>) -> Json<Value> {
    let site = |site: &crate::Site| json!({ "id": site.id, "name": site.name, "time_zone": site.zone().iana_name().unwrap_or("UTC") });
    Json(json!({ "sites": app.sites.iter().map(site).collect::<Vec<_>>() }))
}

fn period(view: &View<'_>, span: &Span) -> PeriodJson {
    PeriodJson {
        name: view.address.period.name(),
        from: span.first.to_string(),
        to: span.last.to_string(),
        start: span.start.to_string(),
        end: span.end.to_string(),
        time_zone: view.zone_name().to_owned(),
    }
}

/// A metric as JSON: whole numbers for counts, `null` where there was nothing to divide by.
fn metric(figures: &Figures, metric: Metric) -> Value {
    match metric {
        Metric::Visitors => figures.visitors.into(),
        Metric::Visits => figures.visits.into(),
        Metric::PageViews => figures.page_views.into(),
        _ => figures.metric(metric).map_or(Value::Null, Value::from),
    }
}

fn metrics(figures: &Figures) -> Map<String, Value> {
    Metric::ALL.into_iter().map(|which| (which.name().to_owned(), metric(figures, which))).collect()
}
