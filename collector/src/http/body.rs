//! A request's body that must arrive in time.
//!
//! In: a body, the time it may take, and the seats of those that are waited for. Out: the same body, or an error that
//! [`refusal`] turns into its reason. A body that is there already costs nothing here. Invariant: whoever sends slowly
//! holds no place among the requests that are worked on.

use super::limits::{Waiting, WaitingRoom};
use crate::pipeline::Rejection;
use axum::body::{Body, HttpBody};
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use bytes::Bytes;
use http_body_util::{BodyExt, Collected, LengthLimitError, Limited};
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// A body with a clock.
pub(super) struct Timed {
    body: Body,
    time: Duration,
    room: WaitingRoom,
    /// While it is waited for.
    waiting: Option<(Pin<Box<Sleep>>, Waiting)>,
}

#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{0}")]
struct Late(Rejection);

impl Timed {
    pub(super) fn new(body: Body, time: Duration, room: WaitingRoom) -> Timed {
        Timed { body, time, room, waiting: None }
    }

    /// The whole body.
    ///
    /// # Errors
    /// [`Rejection::TooLarge`], or why the rest did not come.
    pub(super) async fn read(self, bytes_max: usize) -> Result<Bytes, Rejection> {
        let collected = Limited::new(self, bytes_max).collect().await;
        collected.map(Collected::to_bytes).map_err(|error| match error.is::<LengthLimitError>() {
            true => Rejection::TooLarge,
            false => cause(&*error).unwrap_or(Rejection::Aborted),
        })
    }
}

impl HttpBody for Timed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            if this.body.is_end_stream() || frame.is_none() {
                this.waiting = None;
            }
            return Poll::Ready(frame);
        }
        let late = |reason| Poll::Ready(Some(Err(axum::Error::new(Late(reason)))));
        if this.waiting.is_none() {
            let Some(waiting) = this.room.enter() else { return late(Rejection::Overloaded) };
            this.waiting = Some((Box::pin(sleep(this.time)), waiting));
        }
        let is_over = |(sleep, _): &mut (Pin<Box<Sleep>>, Waiting)| sleep.as_mut().poll(context).is_ready();
        if this.waiting.as_mut().is_some_and(is_over) { late(Rejection::SlowBody) } else { Poll::Pending }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

/// Why a body could not be read.
pub(super) fn refusal(error: &BytesRejection) -> Rejection {
    let of_length = match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Rejection::TooLarge,
        _ => Rejection::Aborted,
    };
    cause(error).unwrap_or(of_length)
}

/// The reason that [`Timed`] gave, if it is behind this error.
fn cause(error: &(dyn Error + 'static)) -> Option<Rejection> {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes.find_map(|error| error.downcast_ref().map(|Late(reason)| *reason))
}
