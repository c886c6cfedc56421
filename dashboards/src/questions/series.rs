//! The figures of each bucket of a period.

use super::{Figures, Scope, over_events, over_visits};
use crate::series::{Bucket, Interval, fill};
use crate::store::{Failure, Store};
use clickhouse::Row;
use serde::Deserialize;

#[derive(Clone, Copy, Row, Deserialize)]
struct CountsRow {
    bucket: i64,
    visitors: u64,
    visits: u64,
    page_views: u64,
}

#[derive(Clone, Copy, Row, Deserialize)]
struct VisitsRow {
    bucket: i64,
    bounces: u64,
    duration_ms: u64,
}

/// One set of figures per bucket. Bounces and durations cost a second question and stay zero unless `of_visits`.
pub async fn series(
    store: &Store,
    scope: Scope<'_>,
    interval: Interval,
    buckets: &[Bucket],
    of_visits: bool,
) -> Result<Vec<Figures>, Failure> {
    let counts = over_events(store, scope, interval, include_str!("../queries/series.sql"));
    let mut rows: Vec<(i64, Figures)> =
        store.rows::<CountsRow>(counts).await?.into_iter().map(counted).collect();
    if of_visits {
        let visits = over_visits(store, scope, interval, include_str!("../queries/series_of_visits.sql"));
        rows.extend(store.rows::<VisitsRow>(visits).await?.into_iter().map(judged));
    }
    Ok(fill(buckets, rows, join).into_iter().map(Option::unwrap_or_default).collect())
}

fn counted(row: CountsRow) -> (i64, Figures) {
    let CountsRow { bucket, visitors, visits, page_views } = row;
    (bucket, Figures { visitors, visits, page_views, ..Figures::default() })
}

fn judged(row: VisitsRow) -> (i64, Figures) {
    let VisitsRow { bucket, bounces, duration_ms } = row;
    (bucket, Figures { bounces, duration_ms, ..Figures::default() })
}

fn join(left: Figures, right: Figures) -> Figures {
    Figures {
        visitors: left.visitors + right.visitors,
        visits: left.visits + right.visits,
        page_views: left.page_views + right.page_views,
        bounces: left.bounces + right.bounces,
        duration_ms: left.duration_ms + right.duration_ms,
    }
}
