//! The answer to one request: its status, its headers, and a body that is whole or still arriving.
//!
//! In: a [`Running`] statement. Out: a response as ClickHouse gives it.
//!
//! **Invariant.** A result that is not complete never ends like one that is: after rows were sent, an error is an exception
//! block followed by a broken connection, so that a client that misses the one notices the other.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use hyper::{Response, StatusCode};

use crate::exception::{Exception, random_letters};
use crate::library::Summary;
use crate::run::{Event, Running};

/// Waits for the first event of a statement and makes the response of it.
pub(crate) async fn of(mut running: Running) -> Response<Reply> {
    match running.next().await {
        Event::Whole(bytes, summary) => whole(bytes, &summary),
        Event::Done(summary) => whole(Bytes::new(), &summary),
        Event::Failed(exception) => failed(&exception),
        Event::Chunk(first) => match random_letters() {
            Ok(tag) => stream(first, running, tag),
            Err(exception) => failed(&exception),
        },
    }
}

/// The response of a request that failed before anything was sent.
pub(crate) fn failed(exception: &Exception) -> Response<Reply> {
    let body = format!("{}\n", exception.text.trim_end());
    let mut response = plain(exception.status(), Bytes::from(body));
    response.headers_mut().insert("x-clickhouse-exception-code", exception.code.into());
    response
}

/// A response with a plain body.
pub(crate) fn plain(status: StatusCode, body: Bytes) -> Response<Reply> {
    let mut response = Response::new(Reply::Whole(Some(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert("content-type", hyper::header::HeaderValue::from_static("text/plain; charset=UTF-8"));
    response
}

fn whole(bytes: Bytes, summary: &Summary) -> Response<Reply> {
    let mut response = Response::new(Reply::Whole(Some(bytes)));
    let Summary { result_rows, result_bytes, read_rows, read_bytes, written_rows, written_bytes, elapsed_ns } =
        summary;
    let text = format!(
        "{{\"read_rows\":\"{read_rows}\",\"read_bytes\":\"{read_bytes}\",\"written_rows\":\"{written_rows}\",\
         \"written_bytes\":\"{written_bytes}\",\"total_rows_to_read\":\"0\",\"result_rows\":\"{result_rows}\",\
         \"result_bytes\":\"{result_bytes}\",\"elapsed_ns\":\"{elapsed_ns}\"}}"
    );
    if let Ok(value) = text.parse() {
        response.headers_mut().insert("x-clickhouse-summary", value);
    }
    response
}

fn stream(first: Bytes, running: Running, tag: String) -> Response<Reply> {
    let value = tag.parse();
    let stream = Stream { first: Some(first), running, tag, state: State::Flowing };
    let mut response = Response::new(Reply::Stream(Box::new(stream)));
    if let Ok(value) = value {
        response.headers_mut().insert("x-clickhouse-exception-tag", value);
    }
    response
}

/// A response's body.
#[derive(Debug)]
pub(crate) enum Reply {
    /// All of it.
    Whole(Option<Bytes>),
    /// As it comes.
    Stream(Box<Stream>),
}

/// A result that is arriving.
#[derive(Debug)]
pub(crate) struct Stream {
    first: Option<Bytes>,
    running: Running,
    tag: String,
    state: State,
}

#[derive(Debug)]
enum State {
    /// More may come.
    Flowing,
    /// The statement failed; what was sent before is being flushed.
    Failed(Exception),
    /// The exception block was sent; it is being flushed.
    Told,
    /// Nothing is left but to break the connection.
    Breaking,
    /// The result was complete, or the connection is broken.
    Ended,
}

impl Stream {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Flowing => {
                self.state = State::Flowing;
                match ready!(self.running.poll_next(context)) {
                    Event::Chunk(bytes) | Event::Whole(bytes, _) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                    Event::Done(_) => {
                        self.state = State::Ended;
                        Poll::Ready(None)
                    }
                    Event::Failed(exception) => self.flush_then(State::Failed(exception), context),
                }
            }
            State::Failed(exception) => {
                self.state = State::Told;
                Poll::Ready(Some(Ok(Frame::data(exception.block(&self.tag)))))
            }
            State::Told => self.flush_then(State::Breaking, context),
            State::Breaking => Poll::Ready(Some(Err(Broken))),
            State::Ended => Poll::Ready(None),
        }
    }

    /// Lets the server write out what it holds, which it does whenever a body has nothing to give.
    fn flush_then(
        &mut self,
        state: State,
        context: &Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.state = state;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The result could not be completed, and the client was told so.
#[derive(Debug, thiserror::Error)]
#[error("the result is incomplete")]
pub(crate) struct Broken;

impl Body for Reply {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut *self {
            Reply::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Reply::Stream(stream) => stream.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Reply::Whole(None))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Reply::Whole(bytes) => {
                hyper::body::SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64)
            }
            Reply::Stream(_) => hyper::body::SizeHint::default(),
        }
    }
}
