//! `GET /ledger/counts.json` on the admin listener: decisions per revision and language, and displays beside them.

use crate::Collector;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
pub(crate) struct Asked {
    /// The site; absent for all.
    site: Option<String>,
}

/// The counts of one site or of all.
pub(crate) async fn counts(State(collector): State<Arc<Collector>>, Query(asked): Query<Asked>) -> Response {
    let Ok(_seat) = collector.limits.asking.counts.try_acquire() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "The ledger is being counted already; try again later.\n")
            .into_response();
    };
    match collector.store.ledger_counts(asked.site.as_deref()).await {
        Ok(counts) => Json(counts).into_response(),
        Err(error) => {
            tracing::warn!(%error, "The counts of the ledger could not be read.");
            (StatusCode::SERVICE_UNAVAILABLE, "The store does not answer; try again later.\n").into_response()
        }
    }
}
