//! The span of one request.
//!
//! In: a request. Out: a span with route, method and status. Invariant: whatever a client can write, it is not in the
//! span: names come from closed lists, and a path, a query and every header stay out.

use crate::listen::{Answers, Listener};
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, Response, StatusCode};
use opentelemetry::KeyValue;
use opentelemetry::trace::{Span, SpanKind, Status, Tracer};
use opentelemetry_sdk::trace::{SdkTracer, Span as SdkSpan};
use std::net::SocketAddr;
use std::sync::Arc;

/// The shapes of public paths, below the prefix. The first that fits is the route's name.
const PUBLIC: &[&str] = &["/events", "/consent", "/privacy", "/cookies", "/a/{name}", "/{loader}"];
/// Those of the admin listener.
const ADMIN: &[&str] = &[
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/details",
    "/ledger/{name}",
    "/assets/{name}",
    "/api/v1/query",
    "/api/v1/overview",
    "/api/v1/{name}",
    "/api/{name}",
    "/{page}",
];
/// The methods that are told by name, and what OpenTelemetry's conventions call every other.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE"];
const OTHER_METHOD: &str = "_OTHER";

/// What one listener's requests are told with.
pub(crate) struct Observer {
    tracer: SdkTracer,
    /// What every path begins with, without a slash at its end.
    prefix: Arc<str>,
    shapes: &'static [&'static str],
}

impl Observer {
    pub(super) fn public(tracer: SdkTracer, prefix: &str) -> Observer {
        Observer { tracer, prefix: prefix.trim_end_matches('/').into(), shapes: PUBLIC }
    }

    pub(super) fn admin(tracer: SdkTracer) -> Observer {
        Observer { tracer, prefix: "".into(), shapes: ADMIN }
    }

    /// The name of the route that a path leads to, if it can be one.
    fn route(&self, path: &str) -> Option<String> {
        let rest = path.strip_prefix(&*self.prefix)?;
        let shape = self.shapes.iter().find(|shape| fits(shape, rest))?;
        Some(format!("{}{shape}", self.prefix))
    }

    fn begin(&self, request: &Request) -> SdkSpan {
        let method = known(request.method());
        let route = self.route(request.uri().path());
        let name = route.as_ref().map_or_else(|| method.to_owned(), |route| format!("{method} {route}"));
        let mut span = self.tracer.span_builder(name).with_kind(SpanKind::Server).start(&self.tracer);
        span.set_attribute(KeyValue::new("http.request.method", method));
        if let Some(route) = route {
            span.set_attribute(KeyValue::new("http.route", route));
        }
        span
    }
}

/// What answers a listener's requests, each of which is told where there is something to tell it with. A span ends when
/// its answer is ready, or when its client is gone.
pub(crate) struct Observed<A> {
    answers: Arc<A>,
    observer: Option<Observer>,
}

impl<A: Answers> Observed<A> {
    pub(crate) fn new(answers: A, observer: Option<Observer>) -> Observed<A> {
        Observed { answers: Arc::new(answers), observer }
    }
}

impl<A: Answers> Answers for Observed<A> {
    const TO_THE_END: bool = A::TO_THE_END;
    const LISTENER: Listener = A::LISTENER;

    async fn answer(self: Arc<Self>, request: Request, peer: SocketAddr) -> Response<Body> {
        let answers = Arc::clone(&self.answers);
        let Some(observer) = &self.observer else { return answers.answer(request, peer).await };
        let span = observer.begin(&request);
        let response = answers.answer(request, peer).await;
        end(span, response.status());
        response
    }
}

fn end(mut span: SdkSpan, status: StatusCode) {
    span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
    if status.is_server_error() {
        span.set_status(Status::error(""));
    }
    span.end();
}

fn fits(shape: &str, path: &str) -> bool {
    match shape.split_once('{') {
        None => shape == path,
        Some((start, _)) => {
            path.strip_prefix(start).is_some_and(|name| !name.is_empty() && !name.contains('/'))
        }
    }
}

fn known(method: &Method) -> &'static str {
    METHODS.into_iter().find(|name| *name == method.as_str()).unwrap_or(OTHER_METHOD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_fits_the_shape_of_a_route_and_nothing_of_it_is_told() {
        let first = |shapes: &[&'static str], path| shapes.iter().copied().find(|shape| fits(shape, path));
        for (path, expected) in [
            ("/events", Some("/events")),
            ("/demo.js", Some("/{loader}")),
            ("/a/text.123.json", Some("/a/{name}")),
            ("/a/b/jan@example.org", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(first(PUBLIC, path), expected, "{path}");
        }
        assert_eq!(first(ADMIN, "/"), Some("/"));
        assert_eq!(first(ADMIN, "/api/v1/sites"), Some("/api/v1/{name}"));
        assert_eq!(known(&Method::from_bytes(b"jan.peeters").unwrap()), OTHER_METHOD);
        assert_eq!(known(&Method::POST), "POST");
    }
}
