//! ClickHouse's HTTP interface: how many may connect, how much they may send, and what becomes of it.
//!
//! In: connections. Out: responses; the statements themselves run in [`run`](crate::run).
//!
//! **Invariants.** Over TCP nothing but `/ping` is answered without the password. Everything a client sends has a bound from
//! [`limits`](crate::limits).

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use crate::connection::{Engine, SessionSettings};
use crate::exception::Exception;
use crate::limits::{
    BODY_PAUSE_MAX, BODY_TIME_MAX, CONNECTIONS_MAX, FINISH_TIME_MAX, HEAD_BYTES_MAX, HEAD_TIME_MAX,
    INSERT_BYTES_MAX, KILLED_TIME_MAX, STATEMENT_BYTES_MAX, TCP_CONNECTIONS_MAX, URL_BYTES_MAX,
};
use crate::listeners::{Listeners, Place};
use crate::reply::{Reply, failed, of, plain};
use crate::request::{Request, boundary, fields};
use crate::run::{Job, Piece, start};
use crate::statement::{self, Statement};
use crate::turns::{Turn, Turns, Whose};
use crate::{DATABASE, Password};

/// What every request shares.
#[derive(Debug)]
struct Front {
    engine: Arc<Engine>,
    turns: Turns,
    /// Held by the one question whether the engine is alive.
    question: Arc<Semaphore>,
}

/// Answers until `shutdown`, then lets running requests finish for a bounded time.
pub(crate) async fn serve(engine: &Arc<Engine>, listeners: Listeners, shutdown: impl Future<Output = ()>) {
    let front = Arc::new(Front {
        engine: engine.clone(),
        turns: Turns::new(),
        question: Arc::new(Semaphore::new(1)),
    });
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let tcp_places = Arc::new(Semaphore::new(TCP_CONNECTIONS_MAX));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listeners.accept(&places) => accepted.map(|(stream, place)| {
                connections.spawn(answer_connection(&front, &graceful, stream, None, place));
            }),
            accepted = listeners.accept_tcp(&tcp_places) => accepted.map(|(stream, password, place)| {
                connections.spawn(answer_connection(&front, &graceful, stream, Some(password), place));
            }),
            Some(_) = connections.join_next() => continue,
        };
        if let Err(error) = accepted {
            tracing::warn!(%error, "the engine could not accept a connection");
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }
    drop(listeners);
    if timeout(FINISH_TIME_MAX, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time and are killed");
    }
    // What is still connected is cut off; its statements are killed.
    connections.shutdown().await;
    front.drain().await;
}

/// Pause after a failed accept, so that a lack of file descriptors does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

fn answer_connection<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    front: &Arc<Front>,
    graceful: &GracefulShutdown,
    stream: S,
    password: Option<Password>,
    place: Place,
) -> impl Future<Output = ()> + Send + use<S> {
    let front = front.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (front, password) = (front.clone(), password.clone());
        async move {
            let entered = match &password {
                Some(password) if request.uri().path() != "/ping" => password.opens(request.headers()).await,
                _ => Ok(()),
            };
            Ok::<_, std::convert::Infallible>(match entered {
                Ok(()) => {
                    let whose = Whose::of(request.headers(), password.is_some());
                    front.answer(request, whose).await
                }
                Err(exception) => failed(&exception),
            })
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the engine broke");
        }
        drop(place);
    }
}

impl Front {
    async fn answer(&self, request: hyper::Request<Incoming>, whose: Whose) -> Response<Reply> {
        match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, "/ping") => plain(StatusCode::OK, Bytes::from_static(b"Ok.\n")),
            (&Method::GET, "/alive") => self.alive().await,
            (&Method::GET | &Method::POST, "/") => {
                let outcome = self.run(request, whose).await;
                outcome.unwrap_or_else(|exception| failed(&exception))
            }
            (_, "/") => plain(StatusCode::METHOD_NOT_ALLOWED, Bytes::from_static(b"GET or POST\n")),
            _ => plain(StatusCode::NOT_FOUND, Bytes::from_static(b"There is no such path\n")),
        }
    }

    /// Answers when the engine did the least it can do: open a session. It waits for no turn, and a refusal is an answer
    /// too. Only one such call is under way: behind one that is stuck the next waits until its client gives up.
    async fn alive(&self) -> Response<Reply> {
        let Ok(place) = self.question.clone().acquire_owned().await else {
            return plain(StatusCode::SERVICE_UNAVAILABLE, Bytes::new());
        };
        let engine = self.engine.clone();
        let session = SessionSettings { database: DATABASE.to_owned(), settings: Vec::new() };
        crate::blocking(move || {
            let _place = place;
            drop(engine.session(&session));
        })
        .await;
        plain(StatusCode::OK, Bytes::from_static(b"Ok.\n"))
    }

    async fn run(
        &self,
        request: hyper::Request<Incoming>,
        whose: Whose,
    ) -> Result<Response<Reply>, Exception> {
        let (head, body) = request.into_parts();
        let query_string = head.uri.query().unwrap_or_default();
        if query_string.len() > URL_BYTES_MAX {
            return Err(Exception::too_large(format_args!("The URL is longer than {URL_BYTES_MAX} bytes")));
        }
        let mut wanted = Request::read(&head.method, query_string)?;
        let form = head.headers.get(CONTENT_TYPE).and_then(|value| boundary(value.to_str().ok()?));
        let turn = self.turns.take(whose).await?;

        if let Some(boundary) = form {
            for (name, value) in fields(&collect(body).await?, boundary)? {
                wanted.take(&name, value)?;
            }
            let text = wanted.query.take().unwrap_or_default().into_bytes();
            return self.run_text(wanted, text, turn).await;
        }
        let Some(query) = wanted.query.take() else {
            let text = collect(body).await?;
            return self.run_text(wanted, text.to_vec(), turn).await;
        };
        let statement = statement::read(query.as_bytes(), !body.is_end_stream())?;
        if let Statement::Insert { data_at, .. } = &statement {
            let first = Bytes::copy_from_slice(&query.as_bytes()[*data_at..]);
            return self.insert(Job { request: wanted, statement, turn }, first, Some(body)).await;
        }
        let rest = collect(body).await?;
        let mut text = query.into_bytes();
        if !rest.is_empty() {
            text.push(b'\n');
            text.extend_from_slice(&rest);
        }
        self.run_text(wanted, text, turn).await
    }

    /// Runs a text that holds everything, data included.
    async fn run_text(
        &self,
        request: Request,
        text: Vec<u8>,
        turn: Turn,
    ) -> Result<Response<Reply>, Exception> {
        let statement = statement::read(&text, false)?;
        let data_at = if let Statement::Insert { data_at, .. } = &statement { Some(*data_at) } else { None };
        let job = Job { request, statement, turn };
        match data_at {
            Some(at) => self.insert(job, Bytes::from(text).slice(at..), None).await,
            None => Ok(of(start(&self.engine, job)?.0).await),
        }
    }

    /// Feeds an INSERT. If the engine has given up, the rest of the body is read all the same: a client that is cut off
    /// while it sends sees a broken pipe and not the reason.
    async fn insert(
        &self,
        job: Job,
        first: Bytes,
        body: Option<Incoming>,
    ) -> Result<Response<Reply>, Exception> {
        let (running, pieces) = start(&self.engine, job)?;
        let mut pieces = Some(pieces);
        feed(&mut pieces, first).await;
        if let Some(body) = body {
            let mut body = Limited::new(body, INSERT_BYTES_MAX);
            let end = Instant::now() + BODY_TIME_MAX;
            while let Some(data) = next_data(&mut body, end).await? {
                feed(&mut pieces, data).await;
            }
        }
        if let Some(pieces) = pieces {
            // If the engine is gone, its reason is the first event.
            pieces.send(Piece::End).await.unwrap_or_default();
        }
        Ok(of(running).await)
    }

    /// Waits until no statement runs, killing what does not end.
    async fn drain(&self) {
        let ended = self.turns.all_ended(DRAIN_PAUSE, async || {
            let engine = self.engine.clone();
            if let Err(exception) = crate::blocking(move || engine.kill("")).await {
                tracing::warn!(error = exception.text, "running statements could not be killed");
            }
        });
        if timeout(KILLED_TIME_MAX, ended).await.is_err() {
            tracing::warn!("some statements did not end although they were killed");
        }
        self.turns.close();
    }
}

/// Pause between two tries to kill what still runs at the end.
const DRAIN_PAUSE: Duration = Duration::from_millis(200);

async fn feed(pieces: &mut Option<Sender<Piece>>, data: Bytes) {
    let Some(sender) = pieces else { return };
    if !data.is_empty() && sender.send(Piece::Data(data)).await.is_err() {
        *pieces = None;
    }
}

/// The next piece of a body that is all there by `end`.
async fn next_data<B>(body: &mut Limited<B>, end: Instant) -> Result<Option<Bytes>, Exception>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Unpin,
{
    loop {
        let frame = timeout_at(end.min(Instant::now() + BODY_PAUSE_MAX), body.frame())
            .await
            .map_err(|_| Exception::bad_request("the rest of the body did not come"))?;
        match frame {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Some(Err(error)) if error.is::<LengthLimitError>() => {
                return Err(Exception::too_large(format_args!(
                    "The data is larger than {INSERT_BYTES_MAX} bytes"
                )));
            }
            Some(Err(error)) => {
                return Err(Exception::bad_request(format_args!("the body broke off: {error}")));
            }
        }
    }
}

async fn collect(body: Incoming) -> Result<Bytes, Exception> {
    let collected = timeout(BODY_PAUSE_MAX, Limited::new(body, STATEMENT_BYTES_MAX).collect())
        .await
        .map_err(|_| Exception::bad_request("the rest of the body did not come"))?;
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Exception::too_large(format_args!(
            "The statement is larger than {STATEMENT_BYTES_MAX} bytes"
        ))),
        Err(error) => Err(Exception::bad_request(format_args!("the body broke off: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::channel::Channel;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_dribbles_is_cut_off_in_the_end() {
        let (mut sender, body) = Channel::<Bytes>::new(1);
        let dribble = tokio::spawn(async move {
            while sender.send_data(Bytes::from_static(b"1")).await.is_ok() {
                tokio::time::sleep(BODY_PAUSE_MAX - Duration::from_secs(1)).await;
            }
        });
        let (mut body, begun) = (Limited::new(body, INSERT_BYTES_MAX), Instant::now());
        let mut pieces = 0;
        let reason = loop {
            match next_data(&mut body, begun + BODY_TIME_MAX).await {
                Ok(piece) => pieces += usize::from(piece.is_some()),
                Err(exception) => break exception,
            }
        };
        assert!(reason.text.contains("did not come") && pieces > 1, "{pieces}: {}", reason.text);
        assert_eq!(begun.elapsed(), BODY_TIME_MAX);
        dribble.abort();
    }
}
