//! Whether there is anything at all: the first day, who is here now, and what was not taken.

use crate::store::{Failure, Store};
use clickhouse::Row;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;

/// A visitor is "here now" for so many minutes after an event.
const NOW_MINUTES: u8 = 5;

/// The first things a site has in the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FirstDay {
    /// Whether there is an event.
    pub events: bool,
    /// Whether there is a decision.
    pub decisions: bool,
    /// The first local day with either.
    pub day: Option<Date>,
}

/// How often something was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct Rejected {
    /// The reason, as the collector names it.
    pub reason: String,
    /// How often.
    pub times: u64,
}

#[derive(Row, Deserialize)]
struct FirstDayRow {
    events: u64,
    decisions: u64,
    event_day: i64,
    decision_day: i64,
}

#[derive(Row, Deserialize)]
struct NowRow {
    visitors: u64,
}

/// The first day of a site.
pub async fn first_day(store: &Store, site: &str, zone: &str) -> Result<FirstDay, Failure> {
    let query =
        store.question(include_str!("../queries/first_day.sql")).param("site", site).param("zone", zone);
    let row: FirstDayRow = store.row(query).await?;
    let (events, decisions) = (row.events > 0, row.decisions > 0);
    let days = [(events, row.event_day), (decisions, row.decision_day)];
    let first = days.iter().filter(|(there, _)| *there).map(|(_, day)| *day).min();
    let day = first.and_then(|day| Date::constant(1970, 1, 1).checked_add(day.days()).ok());
    Ok(FirstDay { events, decisions, day })
}

/// Visitors of the last five minutes.
pub async fn visitors_now(store: &Store, site: &str, now: Timestamp) -> Result<u64, Failure> {
    let query = store
        .question(include_str!("../queries/now.sql"))
        .param("site", site)
        .param("now", now.as_millisecond())
        .param("minutes", NOW_MINUTES);
    Ok(store.row::<NowRow>(query).await?.visitors)
}

/// What was not taken since then, the most frequent reason first.
pub async fn rejected_since(store: &Store, site: &str, start: Timestamp) -> Result<Vec<Rejected>, Failure> {
    let query = store
        .question(include_str!("../queries/rejections.sql"))
        .param("site", site)
        .param("start", start.as_millisecond());
    store.rows(query).await
}
