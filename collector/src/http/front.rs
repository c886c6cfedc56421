//! What every request of a browser passes first, and every answer last.
//!
//! In: a request. Out: the routes' answer with an id of its own and the headers that all answers have; or a refusal at
//! once where enough is under way. The id is made here at random: it names the request in this answer and in the log, so that
//! a visitor's complaint can be joined with what was logged, and says nothing about the visitor.

use super::answer::refuse;
use super::body::Timed;
use super::limits::{Sender, peer_of};
use super::origin;
use crate::Collector;
use crate::keys::random_u64;
use crate::pipeline::Rejection;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, header};
use axum::middleware::Next;
use std::fmt;
use std::sync::Arc;

/// The name of the header that carries the id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What holds for an answer where nothing stricter is said, as it is for pages: nobody frames it. It is data or plain text,
/// which `nosniff` keeps from being anything else.
const CONTENT_SECURITY_POLICY: &str = "object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

tokio::task_local! {
    static CURRENT: RequestId;
}

/// The id of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(u64);

impl RequestId {
    /// The id of the request that this task works on; zero where it works on none.
    pub(crate) fn current() -> RequestId {
        CURRENT.try_with(|id| *id).unwrap_or(RequestId(0))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:016x}", self.0)
    }
}

/// The layer around the public routes.
pub(super) async fn pass(
    State(collector): State<Arc<Collector>>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    let id = RequestId(random_u64());
    let listen = &collector.config.listen;
    let sends = request.method() == Method::POST;
    let under_way = collector.limits.begin(listen.requests_max);
    let mut response = match (&under_way, sends) {
        (Some(_), true) => {
            let sender = Sender::of(peer_of(request.extensions()), request.headers(), listen);
            request.extensions_mut().insert(sender);
            let room = collector.limits.waiting_room(sender);
            let request = request.map(|body| Body::new(Timed::new(body, listen.limits.body_time, room)));
            CURRENT.scope(id, next.run(request)).await
        }
        (Some(_), false) => next.run(request).await,
        (None, true) => refuse_early(&collector, request.headers(), "", Rejection::Overloaded),
        (None, false) => refuse(Rejection::Overloaded),
    };
    drop(under_way);
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    for (name, value) in [
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    let id = HeaderValue::from_str(&id.to_string()).expect("hexadecimal digits are a header");
    headers.insert(REQUEST_ID, id);
    response
}

/// Refuses something that a browser sent before it is read, and counts it.
pub(super) fn refuse_early(
    collector: &Collector,
    headers: &HeaderMap,
    site: &str,
    reason: Rejection,
) -> Response<Body> {
    collector.outcomes.rejected(site, reason, "", 1, (collector.clock)());
    let mut answer = refuse(reason);
    origin::allow(headers, &collector.config.sites, &mut answer);
    answer
}
