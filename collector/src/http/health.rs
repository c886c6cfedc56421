//! What an operator's tools ask: is the process alive, can it take events, what did it do.

use crate::Collector;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use std::fmt::Write;
use std::sync::Arc;

/// Alive.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready to keep events, and what is not well. The store being away does not make the intake unready.
pub(crate) async fn readyz(State(collector): State<Arc<Collector>>) -> impl IntoResponse {
    let depth = collector.spool.depth();
    let full = depth.bytes >= collector.config.spool.bytes_max;
    let store = collector.store.is_reachable().await;
    let text = format!(
        "spool: {}\nstore: {}\n",
        if full { "full" } else { "ok" },
        if store { "ok" } else { "away; events are kept on disk until it is back" }
    );
    (if full { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }, text)
}

/// Prometheus' text format.
pub(crate) async fn metrics(State(collector): State<Arc<Collector>>) -> impl IntoResponse {
    let mut text = collector.outcomes.render();
    let depth = collector.spool.depth();
    for (name, help, value) in [
        ("kruimel_spool_segments", "Segments not yet in the store.", depth.segments),
        ("kruimel_spool_bytes", "Bytes of the spool on disk.", depth.bytes),
    ] {
        write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n")
            .expect("a String takes what is written to it");
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}
