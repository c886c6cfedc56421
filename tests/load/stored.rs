//! What the store holds: filled beforehand with rows of the past, and counted at the end.
//!
//! Invariant: rows that were put there beforehand are marked as samples, so that the count at the end leaves them out.

use clickhouse::{Client, Row};
use serde::Deserialize;
use std::time::{Duration, Instant};

/// Rows in one statement.
const CHUNK: u64 = 1_000_000;

/// Rows whose differences are counted in one go: of all at once, after hours of load, the store could not remember them.
const PART_ROWS: u64 = 10_000_000;

/// Longest wait for merges to end.
const SETTLE_TIME_MAX: Duration = Duration::from_secs(600);
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Looks in a row at which no merge is under way.
const IDLE_LOOKS: u32 = 10;

/// What the store holds of events that were sent.
#[derive(Row, Deserialize)]
pub(crate) struct Found {
    pub(crate) rows: u64,
    pub(crate) distinct: u64,
}

/// Fills the store with so many rows of the past year, as page views of a site come. Returns how many rows it holds.
pub(crate) async fn fill(store: &Client, rows: u64) -> u64 {
    let mut filled = 0;
    while filled < rows {
        let count = CHUNK.min(rows - filled);
        store.query(&statement(filled, count)).execute().await.unwrap();
        filled += count;
        eprintln!("{filled} rows of the past");
    }
    if rows > 0 {
        settle(store).await;
    }
    rows
}

/// Waits until the store has merged what was put in at once: in life it came over a year, and its merging is no cost of
/// the events that are measured.
async fn settle(store: &Client) {
    let begun = Instant::now();
    let mut idle = 0;
    while idle < IDLE_LOOKS && begun.elapsed() < SETTLE_TIME_MAX {
        tokio::time::sleep(LOOK_INTERVAL).await;
        let merges: u64 = store.query("SELECT count() FROM system.merges").fetch_one().await.unwrap();
        idle = if merges == 0 { idle + 1 } else { 0 };
    }
    eprintln!("merged after {} s", begun.elapsed().as_secs());
}

fn statement(from: u64, count: u64) -> String {
    format!(
        "INSERT INTO events SELECT 'example' AS site_id, now64(3, 'UTC') - INTERVAL (cityHash64(number, 1) % 31536000) SECOND AS ts,
         if(number % 3 = 0, 'view', 'engagement') AS kind, cityHash64(number % 200000, 2) AS visitor_id,
         cityHash64(intDiv(number, 9), 3) AS visit_id, cityHash64(intDiv(number, 3), 4) AS view_id, toUInt32(number % 3 + 1) AS seq,
         'www.example.org' AS host, concat('/section-', toString(number % 16), '/page-', toString(cityHash64(number, 5) % 400)) AS path,
         concat('About page ', toString(cityHash64(number, 5) % 400)) AS title, ['', 'Google', 'Facebook'][number % 3 + 1] AS source,
         ['Direct', 'Search', 'Social'][number % 3 + 1] AS channel, '' AS referrer_host, '' AS referrer_path, '' AS utm_source,
         '' AS utm_medium, '' AS utm_campaign, '' AS utm_term, '' AS utm_content, ['BE', 'NL', 'FR'][number % 3 + 1] AS country,
         '' AS region, '' AS city, 'time_zone' AS place_from, ['Chrome', 'Safari', 'Firefox'][number % 3 + 1] AS browser,
         toString(136 + number % 7) AS browser_version, ['Windows', 'iOS', 'Linux'][number % 3 + 1] AS os,
         ['desktop', 'phone', 'desktop'][number % 3 + 1] AS device, 'nl-BE' AS language, 1280 AS viewport_width,
         toUInt32(number % 900) AS visible_ms, toUInt32(number % 800) AS engaged_ms, toIPv6('2001:db8::') AS ip_truncated,
         cityHash64(number % 200000, 6) AS consent_id, 1 AS segment_id, 1 AS sample, toDate(now()) + 700 AS expires,
         toDate(now()) + 30 AS ip_expires FROM numbers({from}, {count})"
    )
}

/// Rows of events that were sent, and how many different events they are.
pub(crate) async fn count(store: &Client) -> Found {
    let parts = rows(store).await.unwrap() / PART_ROWS + 1;
    let mut all = Found { rows: 0, distinct: 0 };
    for part in 0..parts {
        let sql = format!(
            "SELECT count() AS rows, uniqExact(view_id, seq) AS distinct FROM events WHERE sample = 0 AND view_id % {parts} = {part}"
        );
        let found: Found = store.query(&sql).fetch_one().await.unwrap();
        all = Found { rows: all.rows + found.rows, distinct: all.distinct + found.distinct };
    }
    all
}

/// Rows, whatever they are. The store knows the number without reading one.
pub(crate) async fn rows(store: &Client) -> clickhouse::error::Result<u64> {
    store.query("SELECT count() FROM events").fetch_one().await
}
