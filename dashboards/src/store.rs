//! Asks ClickHouse, within limits, and says in one word why an answer did not come.
//!
//! In: fixed SQL with bound parameters. Out: typed rows, or a [`Failure`].
//!
//! Invariant: every question is read-only, has a time and a memory limit, and waits its turn: however many people look,
//! at most [`QUESTIONS_AT_ONCE`] run, so that the intake keeps its share of the engine.

use clickhouse::query::Query;
use clickhouse::{Client, RowOwned, RowRead};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Questions that run at the same time.
pub const QUESTIONS_AT_ONCE: usize = 2;
/// Questions that may wait for their turn; beyond it a person is asked to come back.
pub const QUESTIONS_WAITING_MAX: usize = 200;
/// Longest run of one question, enforced by the engine.
pub const QUESTION_SECONDS_MAX: u64 = 10;
/// Longest wait for one answer, its turn included, should the engine not keep its own limit.
pub const ANSWER_SECONDS_MAX: u64 = 30;
/// Most memory of one question.
pub const QUESTION_MEMORY_BYTES_MAX: u64 = 1_500_000_000;
/// Most rows of one answer.
pub const ANSWER_ROWS_MAX: u64 = 100_000;

/// ClickHouse's error codes that mean "too much to compute": TIMEOUT_EXCEEDED, TOO_SLOW, TOO_MANY_ROWS_OR_BYTES,
/// MEMORY_LIMIT_EXCEEDED.
const TOO_MUCH: [u32; 4] = [159, 160, 396, 241];

/// Why there is no answer. The cause is logged where it arises; a person gets a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The engine or server cannot be reached.
    #[error("The engine does not answer.")]
    Away,
    /// The question was stopped at a limit.
    #[error(
        "This question took longer than {QUESTION_SECONDS_MAX} seconds or more memory than it may have, and was stopped."
    )]
    TooMuch,
    /// Too many questions wait already.
    #[error("Too many questions wait already.")]
    Busy,
    /// The engine answered with an error: our mistake, or a schema that does not fit.
    #[error("The engine could not answer this question.")]
    Fault,
}

/// The one way to ClickHouse.
#[derive(Clone)]
pub struct Store {
    client: Client,
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Store {
    /// A store that asks through this client.
    pub fn new(client: Client) -> Store {
        let limits = [
            ("readonly", "1".to_owned()),
            ("max_execution_time", QUESTION_SECONDS_MAX.to_string()),
            ("max_memory_usage", QUESTION_MEMORY_BYTES_MAX.to_string()),
            ("max_result_rows", ANSWER_ROWS_MAX.to_string()),
        ];
        let client =
            limits.into_iter().fold(client, |client, (name, value)| client.with_setting(name, value));
        Store {
            client,
            turns: Arc::new(Semaphore::new(QUESTIONS_AT_ONCE)),
            places: Arc::new(Semaphore::new(QUESTIONS_AT_ONCE + QUESTIONS_WAITING_MAX)),
        }
    }

    /// Begins a question; the caller binds its parameters.
    pub fn question(&self, sql: &str) -> Query {
        self.client.query_raw(sql)
    }

    /// Every row of the answer.
    pub async fn rows<T: RowOwned + RowRead>(&self, query: Query) -> Result<Vec<T>, Failure> {
        let _place = self.places.try_acquire().map_err(|_| Failure::Busy)?;
        let answer = async {
            let _turn = self.turns.acquire().await.map_err(|_| Failure::Busy)?;
            query.fetch_all::<T>().await.map_err(|error| failure(&error))
        };
        tokio::time::timeout(Duration::from_secs(ANSWER_SECONDS_MAX), answer).await.unwrap_or_else(|_| {
            tracing::warn!(seconds = ANSWER_SECONDS_MAX, "A question was given up because no answer came");
            Err(Failure::Away)
        })
    }

    /// The one row of an answer that always has one.
    pub async fn row<T: RowOwned + RowRead>(&self, query: Query) -> Result<T, Failure> {
        self.rows(query).await?.pop().ok_or_else(|| {
            tracing::error!("A question that always has an answer had none");
            Failure::Fault
        })
    }
}

fn failure(error: &clickhouse::error::Error) -> Failure {
    use clickhouse::error::Error;
    match error {
        Error::Network(_) | Error::TimedOut => {
            tracing::warn!(%error, "The engine does not answer");
            Failure::Away
        }
        Error::BadResponse(text) if code(text).is_some_and(|code| TOO_MUCH.contains(&code)) => {
            tracing::warn!(code = code(text), "A question was stopped at its limit");
            Failure::TooMuch
        }
        _ => {
            tracing::error!(%error, "A question failed");
            Failure::Fault
        }
    }
}

/// Reads the number out of `Code: 159. DB::Exception: …`.
fn code(text: &str) -> Option<u32> {
    let digits = text.split_once("Code: ")?.1;
    digits.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clickhouse::error::Error;

    #[test]
    fn each_error_is_told_apart() {
        let bad = |text: &str| failure(&Error::BadResponse(text.to_owned()));
        assert_eq!(bad("Code: 159. DB::Exception: Timeout exceeded: elapsed 10 s"), Failure::TooMuch);
        assert_eq!(bad("Code: 241. DB::Exception: Memory limit exceeded"), Failure::TooMuch);
        assert_eq!(bad("Code: 60. DB::Exception: Unknown table"), Failure::Fault);
        assert_eq!(bad("<html>"), Failure::Fault);
        assert_eq!(failure(&Error::TimedOut), Failure::Away);
    }
}
