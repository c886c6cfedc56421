//! Answers in JSON: what was taken, or the reason why not in a word for programs and a sentence for people.

use crate::pipeline::Rejection;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;

/// Headers that an answer to a page of another host has.
const HEADERS: usize = 12;

#[derive(Serialize)]
struct Refused<'a> {
    reason: &'a str,
    message: String,
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    // Room for those of every answer, so that none of them makes it grow.
    response.headers_mut().reserve(HEADERS);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The answer to something that is not taken.
pub(crate) fn refuse(reason: Rejection) -> Response<Body> {
    let body = Refused { reason: reason.label(), message: reason.to_string() };
    let status = StatusCode::from_u16(reason.status()).expect("every reason has a status, as a test proves");
    let mut response = json(status, serde_json::to_string(&body).expect("two texts are always JSON"));
    if let Some(seconds) = reason.retry_after_s() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Whether a content type may carry JSON here: beacons with a string body are `text/plain`.
pub(crate) fn is_text_or_json(content_type: &str) -> bool {
    let name = content_type.split(';').next().unwrap_or_default().trim();
    name.eq_ignore_ascii_case("application/json") || name.eq_ignore_ascii_case("text/plain")
}
