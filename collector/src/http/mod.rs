//! The two listeners' routes: what browsers reach, and what operators reach. Every route and layer stands on this screen.
//!
//! In: HTTP. Out: work for `pipeline`, `ledger` and `spool`. Invariant: nothing here logs an address, a cookie, a user
//! agent or a path.

mod answer;
mod asking;
mod asset;
mod assets;
mod body;
pub(crate) mod client_ip;
pub mod consent;
mod cookie;
mod events;
mod finished;
mod front;
mod gpc;
mod health;
mod held;
mod ledger;
pub(crate) mod limits;
mod origin;
mod rate;
mod seats;
mod shown;
mod texts;
mod unkept;
mod visitor;

pub use asset::Asset;
pub use assets::{Assets, LOADER_BYTES_MAX};
pub use consent::Repeats;
pub use front::Public;
pub use health::Further;
pub use limits::Limits;
pub use seats::{Seat, Seats};
pub use shown::artefacts;
pub use texts::Texts;

use crate::Collector;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Extension, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::routing::{get, post};
use std::sync::Arc;
use wire::limits::DECISION_BYTES_MAX;

/// What browsers reach: all of it under the configured prefix, but for one file whose place the standard fixes. A batch
/// (`POST /events`) needs no route: see [`Public`].
pub fn public(collector: &Arc<Collector>) -> Public {
    let routes = Router::new()
        // A batch never comes here; what else comes is told that one may be posted.
        .route("/events", post(async || not_found()).options(origin::preflight))
        .route(
            "/consent",
            get(consent::proof)
                .post(consent::consent)
                .layer(DefaultBodyLimit::max(DECISION_BYTES_MAX))
                .options(origin::preflight),
        )
        .merge(visitor::routes())
        .route("/a/{name}", get(child))
        .route("/{loader}", get(loader))
        .with_state(Arc::clone(collector));
    let prefix = collector.config.listen.prefix.as_str().trim_end_matches('/').to_owned();
    let routes = if prefix.is_empty() { routes } else { Router::new().nest(&prefix, routes) };
    let routes = routes.route(gpc::PATH, get(gpc::support).with_state(Arc::clone(collector)));
    Public::new(collector, &prefix, routes)
}

/// What operators reach: health and metrics, with what is measured elsewhere. The dashboards are put beside it by the
/// binary.
pub fn admin(collector: &Arc<Collector>, further: Further) -> Router {
    let counts = Router::new().route("/ledger/counts.json", get(ledger::counts));
    health(collector, further).merge(counts.with_state(Arc::clone(collector)))
}

/// What balancers and monitoring ask: how the collector is, and counters. Nothing of it is about a visitor or a site.
pub fn health(collector: &Arc<Collector>, further: Further) -> Router {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics).layer(Extension(further)))
        .with_state(Arc::clone(collector))
}

async fn loader(
    State(collector): State<Arc<Collector>>,
    Path(file): Path<String>,
    request: HeaderMap,
) -> Response<Body> {
    let asset = file.strip_suffix(".js").and_then(|site| collector.assets.loader(site));
    asset.map_or_else(not_found, |asset| asset.answer(&request))
}

async fn child(
    State(collector): State<Arc<Collector>>,
    Path(name): Path<String>,
    RawQuery(tags): RawQuery,
    request: HeaderMap,
) -> Response<Body> {
    let assets = &collector.assets;
    if let Some((site, revision, language)) = assets.display(&name, tags.as_deref().unwrap_or_default()) {
        collector.displays.served(site, revision, language, (collector.clock)());
    }
    let found = assets.child(&name).or_else(|| assets.texts(&name, tags.as_deref().unwrap_or_default()));
    found.map_or_else(not_found, |asset| asset.answer(&request))
}

fn not_found() -> Response<Body> {
    let mut response = Response::new(Body::from("There is nothing here.\n"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
