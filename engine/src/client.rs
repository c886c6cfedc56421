//! A `clickhouse` client that speaks over a Unix socket.
//!
//! In: the socket's path. Out: the client that collector and dashboards use, the same type they use for a server.
//!
//! **Invariant.** The client asks for no compression: bytes that never leave the machine are not worth the work, and the
//! front does not offer it.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixStream;

use crate::DATABASE;

/// Time an idle connection is kept.
const IDLE_TIME_MAX: Duration = Duration::from_secs(10);

/// A client of the engine behind `socket`, with Kruimel's database as its own.
pub fn client(socket: &Path) -> clickhouse::Client {
    let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE_TIME_MAX)
        .build(Connector::to(socket));
    clickhouse::Client::with_http_client(http)
        .with_url("http://engine.localhost")
        .with_database(DATABASE)
        .with_compression(clickhouse::Compression::None)
}

/// Where the front tells whether the engine is alive.
pub(crate) const ALIVE: &str = "http://engine.localhost/alive";

/// Connects to the socket, whatever the address says.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    socket: Arc<Path>,
}

impl Connector {
    pub(crate) fn to(socket: &Path) -> Connector {
        Connector { socket: socket.into() }
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let socket: PathBuf = self.socket.to_path_buf();
        Box::pin(async move { Ok(Stream(TokioIo::new(UnixStream::connect(socket).await?))) })
    }
}

/// A connection over the socket.
#[derive(Debug)]
pub(crate) struct Stream(TokioIo<UnixStream>);

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    // Without these two the HTTP client would copy what is sent, and keep room for the largest body it ever sent.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
