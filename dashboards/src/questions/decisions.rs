//! What visitors decided, per bucket. Filters do not reach here: a refusal says nothing about the person.

use super::{Scope, bind};
use crate::series::{Bucket, Interval, fill};
use crate::store::{Failure, Store};
use clickhouse::Row;
use serde::{Deserialize, Serialize};

/// Decisions by their outcome. Each decision is in exactly one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Decisions {
    /// They grant analytics.
    pub granted: u64,
    /// They grant no analytics, and there was nothing to take back.
    pub refused: u64,
    /// They take a grant of analytics back.
    pub withdrawn: u64,
}

impl Decisions {
    /// Answers to the question: granted and refused. A withdrawal is a second word of someone who is counted already.
    pub fn answers(self) -> u64 {
        self.granted + self.refused
    }

    /// Share of the answers that grant analytics: how much of the visits can be seen at all.
    pub fn coverage(self) -> Option<f64> {
        (self.answers() > 0).then(|| self.granted as f64 / self.answers() as f64)
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Decisions) -> Decisions {
        Decisions {
            granted: self.granted + other.granted,
            refused: self.refused + other.refused,
            withdrawn: self.withdrawn + other.withdrawn,
        }
    }
}

#[derive(Row, Deserialize)]
struct DecisionsRow {
    bucket: i64,
    granted: u64,
    refused: u64,
    withdrawn: u64,
    sample: u8,
}

/// The decisions of each bucket, and whether sample rows are among them.
pub async fn decisions(
    store: &Store,
    scope: Scope<'_>,
    interval: Interval,
    buckets: &[Bucket],
) -> Result<(Vec<Decisions>, bool), Failure> {
    let query = bind(store.question(include_str!("../queries/decisions.sql")), scope, interval);
    let rows: Vec<DecisionsRow> = store.rows(query).await?;
    let sample = rows.iter().any(|row| row.sample != 0);
    let rows = rows.into_iter().map(|row| {
        let DecisionsRow { bucket, granted, refused, withdrawn, sample: _ } = row;
        (bucket, Decisions { granted, refused, withdrawn })
    });
    let filled = fill(buckets, rows.collect(), Decisions::plus);
    Ok((filled.into_iter().map(Option::unwrap_or_default).collect(), sample))
}
