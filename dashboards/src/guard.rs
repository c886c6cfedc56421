//! Who may speak to the admin listener, and what every answer of it says.
//!
//! In: the names the listener answers to. Out: the same router behind three checks: the `Host` header is one of the
//! names (so that a page elsewhere cannot reach it by a name it points here), the request does not come from another
//! site (`Sec-Fetch-Site`, and `Origin` where that is missing), and every answer carries the same strict headers.
//!
//! A link from elsewhere may still be followed: a top-level navigation with `GET` reaches the pages, never the API. Such
//! a page cannot be framed, read or scripted by the one that linked to it.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Nothing but our own files, and nobody may frame us.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// Puts the checks and headers around every route of `router`. A name with a port, such as `127.0.0.1:7701`, must match
/// whole; a name without one matches whatever the port.
pub fn guarded(router: Router, names: Vec<String>) -> Router {
    let names: Vec<String> = names.into_iter().map(|name| name.to_ascii_lowercase()).collect();
    router.layer(from_fn_with_state(Arc::new(names), guard))
}

async fn guard(State(names): State<Arc<Vec<String>>>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&names, &request) {
        None => next.run(request).await,
        Some((status, sentence)) => (status, format!("{sentence}\n")).into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn refusal(names: &[String], request: &Request) -> Option<(StatusCode, String)> {
    let headers = request.headers();
    let host = text(headers, &header::HOST).or_else(|| request.uri().authority().map(|name| name.as_str()));
    if !host.is_some_and(|host| is_ours(names, host)) {
        let known = names.join(", ");
        return Some((
            StatusCode::MISDIRECTED_REQUEST,
            format!("This address is not one of the dashboards' own. They answer to: {known}."),
        ));
    }
    let from = text(headers, &HeaderName::from_static("sec-fetch-site"));
    let allowed = match from {
        Some("same-origin" | "none") => true,
        Some(_) => is_followed_link(request),
        None => text(headers, &header::ORIGIN).is_none_or(|origin| is_our_origin(names, origin)),
    };
    (!allowed).then(|| {
        (
            StatusCode::FORBIDDEN,
            "The dashboards answer only to their own pages, and this came from another site.".to_owned(),
        )
    })
}

fn is_followed_link(request: &Request) -> bool {
    let says = |name, value| text(request.headers(), &HeaderName::from_static(name)) == Some(value);
    request.method() == Method::GET
        && says("sec-fetch-mode", "navigate")
        && says("sec-fetch-dest", "document")
        && !request.uri().path().starts_with("/api/")
}

fn is_our_origin(names: &[String], origin: &str) -> bool {
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    host.is_some_and(|host| is_ours(names, host))
}

fn is_ours(names: &[String], host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let bare = match host.rsplit_once(':') {
        Some((bare, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => bare,
        _ => host.as_str(),
    };
    names.iter().any(|name| *name == host || name == bare)
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt;

    async fn check(method: &str, path: &str, headers: &[(&str, &str)], expected: StatusCode) -> Response {
        let router = Router::new().route("/", get(|| async { "page" }).post(|| async { "posted" }));
        let router = router.route("/api/v1/query", get(|| async { "numbers" }));
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let names = vec!["127.0.0.1:7701".to_owned(), "LOCALHOST".to_owned()];
        let response = guarded(router, names).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), expected, "{method} {path} {headers:?}");
        response
    }

    const OURS: (&str, &str) = ("host", "127.0.0.1:7701");

    #[tokio::test]
    async fn only_our_own_names_are_answered_to() {
        for (host, expected) in [
            ("127.0.0.1:7701", StatusCode::OK),
            ("localhost", StatusCode::OK),
            ("LocalHost:9000", StatusCode::OK),
            ("127.0.0.1", StatusCode::MISDIRECTED_REQUEST),
            ("127.0.0.1:7702", StatusCode::MISDIRECTED_REQUEST),
            ("rebound.example:7701", StatusCode::MISDIRECTED_REQUEST),
            ("localhost.evil.example", StatusCode::MISDIRECTED_REQUEST),
            ("", StatusCode::MISDIRECTED_REQUEST),
        ] {
            check("GET", "/", &[("host", host)], expected).await;
        }
        check("GET", "/", &[], StatusCode::MISDIRECTED_REQUEST).await;
    }

    #[tokio::test]
    async fn another_site_is_refused() {
        let site = |from| ("sec-fetch-site", from);
        check("GET", "/", &[OURS, site("same-origin")], StatusCode::OK).await;
        check("GET", "/", &[OURS, site("none")], StatusCode::OK).await;
        check("GET", "/", &[OURS, site("cross-site")], StatusCode::FORBIDDEN).await;
        check("GET", "/", &[OURS, site("same-site")], StatusCode::FORBIDDEN).await;
        check("POST", "/", &[OURS, ("origin", "http://127.0.0.1:7701")], StatusCode::OK).await;
        check("POST", "/", &[OURS, ("origin", "http://evil.example")], StatusCode::FORBIDDEN).await;
        check("POST", "/", &[OURS, ("origin", "null")], StatusCode::FORBIDDEN).await;
    }

    #[tokio::test]
    async fn a_link_from_elsewhere_may_be_followed_to_a_page_only() {
        let link = [
            OURS,
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        check("GET", "/", &link, StatusCode::OK).await;
        check("POST", "/", &link, StatusCode::FORBIDDEN).await;
        check("GET", "/api/v1/query", &link, StatusCode::FORBIDDEN).await;
        let frame = [link[0], link[1], link[2], ("sec-fetch-dest", "iframe")];
        check("GET", "/", &frame, StatusCode::FORBIDDEN).await;
    }

    #[tokio::test]
    async fn every_answer_carries_the_headers_a_refusal_too() {
        for host in ["localhost", "evil.example"] {
            let response = check(
                "GET",
                "/",
                &[("host", host)],
                if host == "localhost" { StatusCode::OK } else { StatusCode::MISDIRECTED_REQUEST },
            )
            .await;
            let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
            assert!(header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
            assert_eq!(header("x-content-type-options"), Some("nosniff"));
            assert_eq!(header("referrer-policy"), Some("no-referrer"));
            assert_eq!(header("cache-control"), Some("no-store"));
        }
    }
}
