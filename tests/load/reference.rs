//! What Kruimel is compared with: an axum handler that parses the same body with serde into the same types, and does
//! nothing else. It checks nothing, keeps nothing and looks nothing up.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use bytes::Bytes;
use std::io::Write;
use wire::Batch;

/// Serves on a free port, whose address is printed.
pub(crate) fn serve() {
    // The runtime that `kruimel serve` has.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        std::io::stdout().flush().unwrap();
        axum::serve(listener, Router::new().route("/kruimel/events", post(parse))).await.unwrap();
    });
}

async fn parse(body: Bytes) -> StatusCode {
    match serde_json::from_slice::<Batch<'_>>(&body) {
        Ok(batch) => {
            std::hint::black_box(&batch);
            StatusCode::ACCEPTED
        }
        Err(_) => StatusCode::BAD_REQUEST,
    }
}
