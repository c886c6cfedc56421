//! `/.well-known/gpc.json`: a site's statement that it honours Global Privacy Control, at the root of its host.
//!
//! In: the `Host` of the request. Out: the statement where the owner switched it on, otherwise 404. The form is that of
//! the W3C's draft, "GPC Support Resource".

use super::answer::json;
use super::{not_found, origin};
use crate::Collector;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use std::sync::Arc;

/// Where browsers look for it.
pub(crate) const PATH: &str = "/.well-known/gpc.json";
/// The day of the draft's meaning that this program honours: the statement is about the signal, and a newer declaration
/// changes nothing of it.
const SUPPORT_SINCE: &str = "2026-11-27";
const CACHE: &str = "public, max-age=86400";

/// Answers with the statement.
pub(crate) async fn support(State(collector): State<Arc<Collector>>, headers: HeaderMap) -> Response<Body> {
    let site = collector.config.site_of_host(origin::named(&headers));
    match site.filter(|site| site.options.gpc_json) {
        Some(_) => {
            let mut answer = json(StatusCode::OK, statement());
            answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHE));
            answer
        }
        None => not_found(),
    }
}

fn statement() -> String {
    serde_json::json!({ "gpc": true, "lastUpdate": SUPPORT_SINCE }).to_string()
}
