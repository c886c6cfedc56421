//! One connection: HTTP/1.1 or HTTP/2, watched by its [`Pulse`].
//!
//! In: a stream with a place. Out: answers of the routes in force at each request. Invariant: it ends by itself, whatever
//! the client does.

use super::pulse::{Pulse, UnderWay, Verdict};
use super::seats::Place;
use super::turned_away::{Reason, TurnedAway};
use super::{Answers, Certificates, Limits, Routes};
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request, Response, Version, header};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::task::TaskTracker;

/// Largest head of a request, in bytes: room for every cookie that browsers keep for a host. Larger ones get 431. A head
/// has at most 100 headers.
const HEADER_BYTES_MAX: usize = 32 * 1024;
/// Most requests at once on one connection of HTTP/2.
const STREAMS_MAX: u32 = 32;
/// How much of a body and of all bodies of a connection of HTTP/2 is on its way before it is read, in bytes.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;
/// Longest wait for a client to take leave.
const LEAVE_TIME_MAX: Duration = Duration::from_secs(5);
/// How often a connection is looked at where seats are scarce; otherwise as often as a head may take.
const LOOK_WHEN_CROWDED: Duration = Duration::from_secs(1);

/// Where TLS is ours nothing else is on this port, and browsers need not try without it.
const ONE_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// What all connections of a listener share.
pub(super) struct Connections<A> {
    builder: auto::Builder<TokioExecutor>,
    routes: Routes<A>,
    limits: Limits,
    certificates: Option<Arc<Certificates>>,
}

impl<A: Answers> Connections<A> {
    pub(super) fn new(
        routes: Routes<A>,
        limits: Limits,
        certificates: Option<Arc<Certificates>>,
    ) -> Connections<A> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        // The pulse keeps the time of heads: hyper's own clock would run while a connection is idle.
        builder
            .http1()
            .header_read_timeout(None)
            .max_buf_size(HEADER_BYTES_MAX)
            // Otherwise hyper reads again while it waits for an answer, to hear of a client that hung up: one more call
            // to the system for each request.
            .half_close(A::TO_THE_END);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(HEADER_BYTES_MAX as u32)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
        Connections { builder, routes, limits, certificates }
    }

    /// Hands a request to the routes in force.
    fn ask(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        pulse: &Arc<Pulse>,
    ) -> impl Future<Output = Result<Response<Answer>, std::convert::Infallible>> + use<A> {
        let under_way = Pulse::begin(pulse, request.version() == Version::HTTP_2);
        let mut request = request.map(Body::new);
        if self.certificates.is_some() {
            // As a proxy would say it; whatever the client wrote there goes.
            request.headers_mut().insert("x-forwarded-proto", HeaderValue::from_static("https"));
        }
        // HTTP/2 names the host here (RFC 9113, section 8.3.1), and what is here counts in HTTP/1.1 too (RFC 9112, section 3.2.2).
        let named = request.uri().authority().and_then(|authority| authority.as_str().rsplit('@').next());
        if let Some(Ok(host)) = named.map(HeaderValue::from_str) {
            request.headers_mut().insert(header::HOST, host);
        }
        let answer = self.routes.load_full().answer(request, peer);
        let is_ours = self.certificates.is_some();
        async move {
            let mut answer = answer.await;
            if is_ours {
                answer.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, ONE_YEAR);
            }
            Ok(answer.map(|body| Answer { body, _under_way: under_way }))
        }
    }
}

/// Has a connection served to its end, over TLS where there is a certificate.
pub(super) fn serve<A: Answers>(
    tasks: &TaskTracker,
    connections: &Arc<Connections<A>>,
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
) {
    // Without it an answer waits for the client's acknowledgement of the one before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "A connection was gone before it was served.");
        return;
    }
    let connections = Arc::clone(connections);
    // Each a task of its own kind: what a handshake takes would be as much again for each connection that has none.
    match connections.certificates.clone() {
        None => tasks.spawn(converse(connections, stream, peer, place)),
        Some(certificates) => tasks.spawn(secure(connections, certificates, stream, peer, place)),
    };
}

/// Serves a connection over TLS.
async fn secure<A: Answers>(
    connections: Arc<Connections<A>>,
    certificates: Arc<Certificates>,
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
) {
    let until = Instant::now() + connections.limits.connection.header_time;
    // Browsers open connections that they may not need, and balancers look whether somebody listens.
    let mut first = [0];
    tokio::select! {
        biased;
        peeked = timeout_at(until, stream.peek(&mut first)) => if !matches!(peeked, Ok(Ok(1..))) { return },
        () = place.hears(|notice| notice.stopping) => return,
    }
    let shaken = tokio::select! {
        shaken = timeout_at(until, certificates.acceptor().accept(stream)) => shaken,
        () = place.hears(|notice| notice.cut) => return,
    };
    // What a client did wrong is its own affair.
    match shaken {
        Ok(Ok(stream)) => converse(connections, stream, peer, place).await,
        _ => TurnedAway::of(A::LISTENER).count(Reason::Handshake),
    }
}

async fn converse<A: Answers, S>(
    connections: Arc<Connections<A>>,
    stream: S,
    peer: SocketAddr,
    mut place: Place,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let pulse = Arc::new(Pulse::new());
    let stream = TokioIo::new(Watched { stream, pulse: Arc::clone(&pulse) });
    let asked = Arc::clone(&pulse);
    let service =
        hyper::service::service_fn(|request: Request<Incoming>| connections.ask(request, peer, &asked));
    let mut connection = pin!(connections.builder.serve_connection(stream, service));
    let mut wake = pin!(sleep_until(Instant::now() + connections.limits.connection.header_time));
    let mut leaving = false;
    loop {
        tokio::select! {
            biased;
            // What a client did wrong is its own affair, and an error would name what it sent: it is counted.
            ended = connection.as_mut() => {
                let reason = ended.err().and_then(|error| of_head(error.downcast_ref()?));
                return reason.into_iter().for_each(|reason| TurnedAway::of(A::LISTENER).count(reason));
            }
            _ = place.notice.changed() => {}
            () = wake.as_mut() => {}
        }
        let notice = *place.notice.borrow_and_update();
        let (now, verdict) = (Instant::now(), pulse.verdict(&connections.limits, notice.crowded));
        let (end, is_cut) = match verdict {
            Verdict::Close(end) => (end, leaving),
            Verdict::Cut(end) => (end, true),
        };
        if end <= now && matches!(verdict, Verdict::Cut(_)) {
            let reason = pulse.too_slow_for();
            reason.into_iter().for_each(|reason| TurnedAway::of(A::LISTENER).count(reason));
        }
        if notice.cut || (end <= now && is_cut) {
            return;
        }
        if !leaving && (notice.stopping || end <= now) {
            leaving = true;
            connection.as_mut().graceful_shutdown();
        }
        // What a connection does in between does not wake this loop: it looks again soon.
        let look =
            now + if notice.crowded { LOOK_WHEN_CROWDED } else { connections.limits.connection.header_time };
        wake.as_mut().reset(if end <= now { now + LEAVE_TIME_MAX } else { end.min(look) });
    }
}

/// What was wrong with a head that was refused.
fn of_head(error: &hyper::Error) -> Option<Reason> {
    match error {
        error if error.is_parse_too_large() => Some(Reason::LargeHead),
        error if error.is_parse() => Some(Reason::Malformed),
        _ => None,
    }
}

/// The bytes of a connection, whose arrival the pulse feels.
struct Watched<S> {
    stream: S,
    pulse: Arc<Pulse>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        if buffer.filled().len() > before {
            self.pulse.received();
        }
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// An answer's body; the request is under way as long as it is there.
struct Answer {
    body: Body,
    _under_way: UnderWay,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
