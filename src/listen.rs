//! The two sockets, opened before anything is served, so that a port in use is one sentence and no half-started server.

use anyhow::{Context, Result};
use axum::Router;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Binds a socket.
pub(crate) async fn bind(address: SocketAddr, what: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("the {what} listener cannot use {address}; another program may have it. Set listen.{what} to another address")
    })
}

/// Serves until told to stop, then lets the requests under way finish.
pub(crate) async fn serve(listener: TcpListener, routes: Router, stop: CancellationToken) -> Result<()> {
    axum::serve(listener, routes.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .context("a listener failed")
}
