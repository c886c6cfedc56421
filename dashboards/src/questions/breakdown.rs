//! A period split by one dimension, the largest rows first.

use super::{Figures, Scope, over_events, over_visits};
use crate::dimension::Dimension;
use crate::series::Interval;
use crate::store::{Failure, Store};
use clickhouse::Row;
use serde::{Deserialize, Serialize};

/// Most rows of one answer.
pub const ROWS_MAX: u32 = 1_000;

/// Rows, and how many there are in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Breakdown {
    /// The rows asked for.
    pub rows: Vec<BreakdownRow>,
    /// How many rows there are without a limit. Zero if the offset lies beyond the end.
    pub total_rows: u64,
}

/// One value of the dimension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BreakdownRow {
    /// The value as stored, perhaps empty.
    pub name: String,
    /// What was counted. Of pages, bounces and durations are not known and zero.
    #[serde(flatten)]
    pub figures: Figures,
    /// Pages only: time visible and focused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engaged_ms: Option<u64>,
}

#[derive(Row, Deserialize)]
struct VisitsRow {
    name: String,
    visitors: u64,
    visits: u64,
    page_views: u64,
    bounces: u64,
    duration_ms: u64,
    rows: u64,
}

#[derive(Row, Deserialize)]
struct PagesRow {
    name: String,
    visitors: u64,
    visits: u64,
    page_views: u64,
    engaged_ms: u64,
    rows: u64,
}

/// At most `limit` (and at most [`ROWS_MAX`]) rows from `offset` on.
pub async fn breakdown(
    store: &Store,
    scope: Scope<'_>,
    dimension: Dimension,
    limit: u32,
    offset: u32,
) -> Result<Breakdown, Failure> {
    let (limit, day) = (limit.min(ROWS_MAX), Interval::Day);
    if dimension == Dimension::Page {
        let query = over_events(store, scope, day, include_str!("../queries/pages.sql"));
        let rows: Vec<PagesRow> = store.rows(query.param("limit", limit).param("offset", offset)).await?;
        let total_rows = rows.first().map_or(0, |row| row.rows);
        return Ok(Breakdown { rows: rows.into_iter().map(page).collect(), total_rows });
    }
    let query = over_visits(store, scope, day, include_str!("../queries/breakdown.sql"))
        .param("dimension", dimension.name())
        .param("limit", limit)
        .param("offset", offset);
    let rows: Vec<VisitsRow> = store.rows(query).await?;
    let total_rows = rows.first().map_or(0, |row| row.rows);
    Ok(Breakdown { rows: rows.into_iter().map(value).collect(), total_rows })
}

fn page(row: PagesRow) -> BreakdownRow {
    let PagesRow { name, visitors, visits, page_views, engaged_ms, rows: _ } = row;
    let figures = Figures { visitors, visits, page_views, ..Figures::default() };
    BreakdownRow { name, figures, engaged_ms: Some(engaged_ms) }
}

fn value(row: VisitsRow) -> BreakdownRow {
    let VisitsRow { name, visitors, visits, page_views, bounces, duration_ms, rows: _ } = row;
    let figures = Figures { visitors, visits, page_views, bounces, duration_ms };
    BreakdownRow { name, figures, engaged_ms: None }
}
