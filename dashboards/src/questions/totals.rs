//! The totals of a period.

use super::{Figures, Scope, over_visits};
use crate::series::Interval;
use crate::store::{Failure, Store};
use clickhouse::Row;
use serde::Deserialize;

#[derive(Row, Deserialize)]
struct TotalsRow {
    visitors: u64,
    visits: u64,
    page_views: u64,
    bounces: u64,
    duration_ms: u64,
    sample: u8,
}

/// The figures of the period, and whether sample rows are among them.
pub async fn totals(store: &Store, scope: Scope<'_>) -> Result<(Figures, bool), Failure> {
    let query = over_visits(store, scope, Interval::Day, include_str!("../queries/totals.sql"));
    let row: TotalsRow = store.row(query).await?;
    let TotalsRow { visitors, visits, page_views, bounces, duration_ms, sample } = row;
    Ok((Figures { visitors, visits, page_views, bounces, duration_ms }, sample != 0))
}
