//! The sockets: opened before anything is served, so that a port in use is one sentence and no half-started server;
//! then every connection to them, each bounded in time, in bytes and in number.
//!
//! In: a socket, its limits and the routes in force. Out: answers. Invariants: what is not accepted is told so at once and
//! never queued; no connection can be held open for nothing; a failed `accept` never ends the loop; a stop closes idle
//! connections, lets requests under way finish for a bounded time, and then cuts.

mod connection;
mod expiry;
mod files;
mod pulse;
mod seats;
mod tls;
mod turned_away;

pub(crate) use files::{connections_max, raise_limit};
pub(crate) use tls::{Certificates, Pair};
pub(crate) use turned_away::{Listener, render as render_turned_away};

use anyhow::{Context, Result};
use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use collector::config::ConnectionLimits;
use collector::http::Public;
use connection::Connections;
use seats::Hall;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;
use turned_away::{Reason, TurnedAway};

/// Most connections that wait to be accepted; the system may allow fewer (`net.core.somaxconn`). One that comes beyond is
/// not heard, and its client tries again after a second: of the 128 that tokio has wait by itself, where a thousand were opened at
/// once beside visitors some of theirs waited for that.
const UNACCEPTED_MAX: u32 = 4_096;
/// How long a stop waits for requests under way.
const FINISH_ON_STOP_MAX: Duration = Duration::from_secs(10);
/// Pause after a failed `accept` that is not one connection's fault: the machine is short of something.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Most connections that are told at one time that there is no room; the others are closed without a word.
const TURNED_AWAY_MAX: usize = 256;
/// Longest time for telling one.
const TURN_AWAY_TIME_MAX: Duration = Duration::from_secs(1);
/// What one that finds no room is told.
const NO_ROOM: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// The routes in force; they can be replaced while connections go on.
pub(crate) type Routes<A> = Arc<ArcSwap<A>>;

/// What answers the requests of a listener.
pub(crate) trait Answers: Send + Sync + 'static {
    /// Whether a request is answered to its end though its client hung up.
    const TO_THE_END: bool;
    /// Where these are asked.
    const LISTENER: Listener;

    fn answer(
        self: Arc<Self>,
        request: Request,
        peer: SocketAddr,
    ) -> impl Future<Output = Response<Body>> + Send + 'static;
}

impl Answers for Public {
    const TO_THE_END: bool = true;
    const LISTENER: Listener = Listener::Public;

    fn answer(
        self: Arc<Self>,
        request: Request,
        peer: SocketAddr,
    ) -> impl Future<Output = Response<Body>> + Send + 'static {
        // Two kilobytes, which a connection has only while it is asked for something.
        Box::pin(async move { Public::answer(&self, request, peer).await })
    }
}

impl Answers for Router {
    const TO_THE_END: bool = false;
    const LISTENER: Listener = Listener::Admin;

    async fn answer(self: Arc<Self>, request: Request, _: SocketAddr) -> Response<Body> {
        match Router::clone(&self).call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// One listener's limits.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) connections_max: usize,
    pub(crate) connection: ConnectionLimits,
    /// Longest time from a request's head to the end of its answer.
    pub(crate) request_time: Duration,
}

/// Whether an address is a proxy's, so that its connections are many people's.
pub(crate) type IsProxy = Arc<dyn Fn(SocketAddr) -> bool + Send + Sync>;

/// Binds a socket.
pub(crate) fn bind(address: SocketAddr, what: &str) -> Result<TcpListener> {
    listen(address).with_context(|| {
        format!("the {what} listener cannot use {address}; another program may have it. Set listen.{what} to another address")
    })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As `TcpListener::bind` does: connections of a run that has ended do not keep the address.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(UNACCEPTED_MAX)
}

/// Serves until told to stop, then lets the requests under way finish. Returns whether all of them did.
pub(crate) async fn serve<A: Answers>(
    socket: TcpListener,
    routes: Routes<A>,
    limits: Limits,
    certificates: Option<Arc<Certificates>>,
    is_proxy: IsProxy,
    stop: CancellationToken,
) -> bool {
    let hall = Hall::new(limits.connections_max);
    let connections = Arc::new(Connections::new(routes, limits, certificates));
    let tasks = TaskTracker::new();
    let turned_away = Arc::new(Semaphore::new(TURNED_AWAY_MAX));
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => match hall.take((!is_proxy(peer)).then_some(peer.ip())) {
                Some(place) => connection::serve(&tasks, &connections, stream, peer, place),
                None => {
                    TurnedAway::of(A::LISTENER).count(Reason::NoRoom);
                    turn_away(stream, &turned_away, &tasks);
                }
            },
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "No connection can be accepted at the moment; those that are open go on.");
                tokio::select! {
                    () = sleep(ACCEPT_PAUSE) => {}
                    () = stop.cancelled() => break,
                }
            }
        }
    }
    drop(socket);
    hall.stop();
    tasks.close();
    if timeout(FINISH_ON_STOP_MAX, tasks.wait()).await.is_ok() {
        return true;
    }
    hall.cut();
    tasks.wait().await;
    false
}

/// The client is gone again before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Tells a client at once that there is no room. Over TLS these bytes are no handshake, which ends it as quickly.
fn turn_away(mut stream: TcpStream, turned_away: &Arc<Semaphore>, tasks: &TaskTracker) {
    let Ok(permit) = Arc::clone(turned_away).try_acquire_owned() else { return };
    tasks.spawn(async move {
        let told = timeout(TURN_AWAY_TIME_MAX, async {
            stream.write_all(NO_ROOM).await?;
            stream.shutdown().await?;
            // A close with unread bytes would take the answer back.
            let mut rest = [0; 1_024];
            while stream.read(&mut rest).await? > 0 {}
            io::Result::Ok(())
        });
        // Whoever left in between needs no answer.
        drop(told.await);
        drop(permit);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Resource, getrlimit};

    /// More than those that tokio has wait by itself.
    const AT_ONCE: u64 = 1_500;

    #[tokio::test]
    async fn whoever_comes_while_many_others_do_is_heard_before_they_are_accepted() {
        raise_limit();
        let allowed = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX) - 100;
        let at_once = AT_ONCE.min(allowed.trim().parse().unwrap()).min(files);
        let socket = bind(SocketAddr::from(([127, 0, 0, 1], 0)), "public").unwrap();
        let address = socket.local_addr().unwrap();
        let mut all = Vec::new();
        for number in 0..at_once {
            let opened = timeout(Duration::from_secs(60), TcpStream::connect(address)).await;
            all.push(opened.unwrap_or_else(|_| panic!("{number} wait, and another is not heard")).unwrap());
        }
    }
}
