//! Step 4: the row as it is stored. Final before it is spooled; `PRIVACY.md` lists every field.
//!
//! Invariant: an [`EventRow`] is made from an [`EnrichedEvent`] and from nothing else. These do not compile:
//!
//! ```compile_fail,E0277
//! let row: kruimel_collector::pipeline::EventRow = serde_json::from_str("{}").unwrap();
//! ```
//! ```compile_fail,E0599
//! let row = kruimel_collector::pipeline::EventRow::default();
//! ```
//! ```compile_fail,E0308
//! use kruimel_collector::pipeline::{ConsentedEvent, EventRow};
//! fn skip_enrichment(event: &ConsentedEvent<'_>, site: &kruimel_collector::config::Site) {
//!     EventRow::new(event, site, 0, false);
//! }
//! ```
//! ```compile_fail,E0451
//! use kruimel_collector::pipeline::{ConsentedEvent, EnrichedEvent, Surroundings};
//! fn forge<'a>(consented: ConsentedEvent<'a>, around: &'a Surroundings<'a>) -> EnrichedEvent<'a> {
//!     EnrichedEvent { consented, around }
//! }
//! ```

use super::{EnrichedEvent, Surroundings};
use crate::config::Site;
use crate::row_binary::{Encoder, Layout, Rows};
use std::net::Ipv6Addr;
use time::{Date, Month};

/// Names and types of the columns of `events` in the order in which [`EventRow::encode`] writes them.
pub const EVENTS: Layout = Layout {
    table: "events",
    columns: &[
        ("segment_id", "UInt64"),
        ("site_id", "LowCardinality(String)"),
        ("ts", "DateTime64(3, 'UTC')"),
        ("kind", "LowCardinality(String)"),
        ("visitor_id", "UInt64"),
        ("visit_id", "UInt64"),
        ("view_id", "UInt64"),
        ("seq", "UInt32"),
        ("host", "LowCardinality(String)"),
        ("path", "String"),
        ("title", "String"),
        ("source", "LowCardinality(String)"),
        ("channel", "LowCardinality(String)"),
        ("referrer_host", "LowCardinality(String)"),
        ("referrer_path", "String"),
        ("utm_source", "LowCardinality(String)"),
        ("utm_medium", "LowCardinality(String)"),
        ("utm_campaign", "LowCardinality(String)"),
        ("utm_term", "LowCardinality(String)"),
        ("utm_content", "LowCardinality(String)"),
        ("country", "LowCardinality(String)"),
        ("region", "LowCardinality(String)"),
        ("city", "LowCardinality(String)"),
        ("place_from", "LowCardinality(String)"),
        ("browser", "LowCardinality(String)"),
        ("browser_version", "LowCardinality(String)"),
        ("os", "LowCardinality(String)"),
        ("device", "LowCardinality(String)"),
        ("language", "LowCardinality(String)"),
        ("viewport_width", "UInt16"),
        ("visible_ms", "UInt32"),
        ("engaged_ms", "UInt32"),
        ("ip_truncated", "IPv6"),
        ("consent_id", "UInt64"),
        ("sample", "UInt8"),
        ("expires", "Date"),
        ("ip_expires", "Date"),
    ],
};

const MS_PER_DAY: i64 = 86_400_000;
/// Julian day of 1 January 1970.
const EPOCH_JULIAN_DAY: i32 = 2_440_588;

/// One row of `events`.
pub struct EventRow<'a> {
    event: &'a EnrichedEvent<'a>,
    site_id: &'a str,
    ts_ms: i64,
    sample: bool,
    expires_day: u16,
    ip_expires_day: u16,
}

impl<'a> EventRow<'a> {
    /// Makes the row: the time is the collector's clock less the event's age, the end is the site's retention.
    pub fn new(event: &'a EnrichedEvent<'a>, site: &'a Site, now_ms: i64, sample: bool) -> Self {
        let ts_ms = now_ms - i64::from(event.consented.raw().event.age_ms);
        let expires_day = day_after_months(ts_ms, site.retention_months);
        let ip_expires_day = day_after_days(ts_ms, site.ip_retention_days);
        EventRow { event, site_id: site.id.as_str(), ts_ms, sample, expires_day, ip_expires_day }
    }

    /// Writes the row in the layout [`EVENTS`], around the columns that its batch shares; the segment's id is a placeholder
    /// until the segment is drained.
    pub fn encode(&self, rows: &mut Rows) {
        let consented = &self.event.consented;
        let (batch, event) = (consented.raw().batch, consented.raw().event);
        let address = self.event.around.address.map_or(Ipv6Addr::UNSPECIFIED, super::TruncatedIp::to_ipv6);
        rows.push(
            |out| {
                out.string(self.site_id);
                out.date_time_ms(self.ts_ms);
                out.string(event.kind.name());
                out.uint64(consented.visitor_id().0);
                out.uint64(batch.client.visit.0);
                out.uint64(batch.page.view.0);
                out.uint32(event.seq);
            },
            |out| {
                out.uint32(event.visible_ms.unwrap_or(0));
                out.uint32(event.engaged_ms.unwrap_or(0));
                out.ipv6(address);
                out.uint64(consented.consent_id().0);
                out.uint8(u8::from(self.sample));
                out.date(self.expires_day);
                out.date(self.ip_expires_day);
            },
        );
    }
}

/// The columns that all rows of a batch share, encoded once: `host` to `viewport_width`.
pub(super) fn columns_of(around: &Surroundings<'_>, host: &str) -> Vec<u8> {
    let mut out = Encoder::part();
    for text in [
        host,
        around.path.as_str(),
        around.title.as_str(),
        &around.source.name,
        around.source.channel,
        &around.source.host,
        &around.source.path,
        around.campaign.source.as_str(),
        around.campaign.medium.as_str(),
        around.campaign.name.as_str(),
        around.campaign.term.as_str(),
        around.campaign.content.as_str(),
        &around.place.country,
        &around.place.region,
        &around.place.city,
        around.place.from.name(),
        &around.device.browser,
        &around.device.browser_version,
        around.device.os,
        around.device.kind,
        around.language,
    ] {
        out.string(text);
    }
    out.uint16(around.viewport_width);
    out.finish()
}

/// The day, counted from 1970, on which something of `ts_ms` that is kept for some days expires.
fn day_after_days(ts_ms: i64, days: u16) -> u16 {
    u16::try_from(ts_ms.max(0) / MS_PER_DAY + i64::from(days)).unwrap_or(u16::MAX)
}

/// The day, counted from 1970, on which something of `ts_ms` that is kept for some months expires: the same day of a
/// later month, or that month's last day.
pub(crate) fn day_after_months(ts_ms: i64, months: u16) -> u16 {
    let day = i32::try_from(ts_ms.max(0) / MS_PER_DAY).ok().and_then(|day| day.checked_add(EPOCH_JULIAN_DAY));
    let Some(Ok(start)) = day.map(Date::from_julian_day) else { return u16::MAX };
    let month_count = start.year() * 12 + i32::from(u8::from(start.month())) - 1 + i32::from(months);
    let month = Month::try_from((month_count.rem_euclid(12) + 1) as u8)
        .expect("a remainder of twelve, plus one, is a month");
    let year = month_count.div_euclid(12);
    let day = start.day().min(month.length(year));
    let end = Date::from_calendar_date(year, month, day).unwrap_or(Date::MAX);
    u16::try_from(end.to_julian_day() - EPOCH_JULIAN_DAY).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(day: u16, months: u16, expected: u16) {
        assert_eq!(day_after_months(i64::from(day) * 86_400_000 + 5, months), expected);
    }

    #[test]
    fn a_month_later_is_the_same_day_or_the_last() {
        check(0, 1, 31);
        check(30, 1, 58);
        check(0, 12, 365);
        check(20_000, 25, 20_761);
        check(0, u16::MAX, u16::MAX);
    }
}
