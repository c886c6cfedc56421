//! How a running engine is found to be stuck: it is asked something trivial, again and again, and does not answer.
//!
//! In: the socket, and how long an engine may be silent. Out: [`Questions::silence`] resolves when it was for that long.
//!
//! **Invariants.** Any answer is a sign of life, a refusal too. The question waits for no turn, so that statements which run
//! or wait their turn cannot hide an engine that is well. Time is the monotonic clock's: nobody sets it, and it stands
//! still while the machine sleeps. One long silence proves nothing, because this process may have stood still itself:
//! [`QUESTIONS_UNANSWERED_MAX`] questions in a row do.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::Uri;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::client::{ALIVE, Connector};
use crate::limits::{QUESTION_INTERVAL_MAX, QUESTIONS_UNANSWERED_MAX};

/// Questions to one engine, on one connection as long as it lasts.
#[derive(Debug)]
pub(crate) struct Questions {
    client: Client<Connector, Empty<Bytes>>,
    wait: Duration,
}

impl Questions {
    /// To the engine behind `socket`, which may be silent for `silence_max`.
    pub(crate) fn to(socket: &Path, silence_max: Duration) -> Questions {
        let mut client = Client::builder(TokioExecutor::new());
        let client = client.pool_max_idle_per_host(1).build(Connector::to(socket));
        Questions { client, wait: silence_max / QUESTIONS_UNANSWERED_MAX }
    }

    /// Asks until nothing was answered for the longest silence.
    pub(crate) async fn silence(&self) {
        let mut unanswered = 0;
        while unanswered < QUESTIONS_UNANSWERED_MAX {
            let deadline = Instant::now() + self.wait;
            match timeout_at(deadline, self.client.get(Uri::from_static(ALIVE))).await {
                Ok(Ok(_)) => {
                    if unanswered > 0 {
                        tracing::info!(unanswered, "the engine answers after a silence");
                    }
                    unanswered = 0;
                    sleep(self.wait.min(QUESTION_INTERVAL_MAX)).await;
                }
                outcome => {
                    unanswered += 1;
                    let error = outcome.map(|refused| refused.map(drop));
                    tracing::warn!(unanswered, ?error, "the engine does not answer a trivial question");
                    // A connection that is refused at once is asked for no sooner.
                    sleep_until(deadline).await;
                }
            }
        }
    }
}
