//! Cuts a span into buckets and fills the ones the store said nothing about.
//!
//! In: a [`Span`], an [`Interval`], rows by bucket key. Out: one value per bucket, in order, gaps as nothing at all.
//! Pure. The store makes the same buckets from the same time zone (`queries/visits.sql`, `queries/series.sql`): a key is
//! the local day as days since 1970, or for hours the instant in seconds since 1970, so that the hour that autumn
//! repeats is two buckets.
//!
//! Invariant: no row is lost. A key that is no bucket's own goes to the bucket it lies in.

use crate::period::Span;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// Most points that a chart is drawn with by default or on request.
pub const POINTS_MAX: i64 = 800;

/// The width of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// One hour.
    Hour,
    /// One local day, of 23 to 25 hours.
    Day,
    /// Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

/// One bucket of a span. At the edges of the span a week or a month may be cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// What the store calls it.
    pub key: i64,
    /// First instant.
    pub start: Timestamp,
    /// First instant after it.
    pub end: Timestamp,
    /// First local day.
    pub first: Date,
    /// Last local day.
    pub last: Date,
    /// The local time it begins at.
    pub time: Time,
}

impl Interval {
    /// All, the narrowest first.
    pub const ALL: [Interval; 4] = [Interval::Hour, Interval::Day, Interval::Week, Interval::Month];

    /// The name in the address, in queries and in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Interval::Hour => "hour",
            Interval::Day => "day",
            Interval::Week => "week",
            Interval::Month => "month",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Interval> {
        Interval::ALL.into_iter().find(|interval| interval.name() == name)
    }

    /// The intervals that show something over the span: at least two buckets, and not more than [`POINTS_MAX`].
    pub fn fitting(span: &Span) -> Vec<Interval> {
        let days = i64::from(span.day_count());
        let fits = |interval: &Interval| match interval {
            Interval::Hour => days * 24 <= POINTS_MAX,
            Interval::Day => days > 2 && days <= POINTS_MAX,
            Interval::Week => days >= 14,
            Interval::Month => days > 45,
        };
        Interval::ALL.into_iter().filter(fits).collect()
    }

    /// The interval that is drawn unless another is asked for.
    pub fn default_for(span: &Span) -> Interval {
        match span.day_count() {
            ..=2 => Interval::Hour,
            3..=100 => Interval::Day,
            _ => Interval::Month,
        }
    }
}

/// Every bucket of the span, in order.
pub fn buckets(span: &Span, interval: Interval, zone: &TimeZone) -> Vec<Bucket> {
    if interval == Interval::Hour { hours(span, zone) } else { days(span, interval, zone) }
}

/// Puts each row into its bucket; two rows for one bucket are joined with `join`.
pub fn fill<T>(buckets: &[Bucket], rows: Vec<(i64, T)>, join: impl Fn(T, T) -> T) -> Vec<Option<T>> {
    let mut filled: Vec<Option<T>> = buckets.iter().map(|_| None).collect();
    for (key, value) in rows {
        let place = buckets.partition_point(|bucket| bucket.key <= key).saturating_sub(1);
        if let Some(slot) = filled.get_mut(place) {
            *slot = Some(match slot.take() {
                Some(earlier) => join(earlier, value),
                None => value,
            });
        }
    }
    filled
}

fn hours(span: &Span, zone: &TimeZone) -> Vec<Bucket> {
    let mut found = Vec::new();
    let mut start = span.start;
    while start < span.end && found.len() < POINTS_MAX as usize * 2 {
        let end = (start + SignedDuration::from_hours(1)).min(span.end);
        let local = start.to_zoned(zone.clone());
        let (first, time) = (local.date(), local.time());
        found.push(Bucket { key: start.as_second(), start, end, first, last: first, time });
        start = end;
    }
    found
}

fn days(span: &Span, interval: Interval, zone: &TimeZone) -> Vec<Bucket> {
    let mut found = Vec::new();
    let mut first = span.first;
    while first <= span.last {
        let (beginning, next) = match interval {
            Interval::Week => {
                let monday = first.saturating_sub(i64::from(first.weekday().since(Weekday::Monday)).days());
                (monday, monday.saturating_add(7.days()))
            }
            Interval::Month => (first.first_of_month(), first.last_of_month().saturating_add(1.day())),
            _ => (first, first.saturating_add(1.day())),
        };
        let last = next.saturating_sub(1.day()).min(span.last);
        let Span { start, end, .. } = Span::of_days(first, last, zone);
        found.push(Bucket { key: day_number(beginning), start, end, first, last, time: Time::midnight() });
        if next <= first {
            break;
        }
        first = next;
    }
    found
}

fn day_number(day: Date) -> i64 {
    Date::constant(1970, 1, 1).until(day).map_or(0, |span| i64::from(span.get_days()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn check(first: Date, last: Date, interval: Interval, zone: &str, expected: &[(&str, &str)]) {
        let zone = TimeZone::get(zone).unwrap();
        let found: Vec<(String, String)> = buckets(&Span::of_days(first, last, &zone), interval, &zone)
            .iter()
            .map(|bucket| (format!("{} {}", bucket.first, bucket.time), bucket.start.to_string()))
            .collect();
        let found: Vec<(&str, &str)> =
            found.iter().map(|(local, utc)| (local.as_str(), utc.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_hour_that_autumn_repeats_is_two_buckets() {
        let zone = TimeZone::get("Europe/Brussels").unwrap();
        let day = |month, day| Span::of_days(date(2026, month, day), date(2026, month, day), &zone);
        let autumn = buckets(&day(10, 25), Interval::Hour, &zone);
        assert_eq!(autumn.len(), 25);
        assert_eq!((autumn[2].time, autumn[3].time), (autumn[3].time, autumn[2].time));
        assert_ne!(autumn[2].key, autumn[3].key);
        assert_eq!(buckets(&day(3, 29), Interval::Hour, &zone).len(), 23);
    }

    #[test]
    fn weeks_begin_on_monday_and_are_cut_by_the_span() {
        check(
            date(2026, 11, 1),
            date(2026, 11, 10),
            Interval::Week,
            "Europe/Brussels",
            &[
                ("2026-11-01 00:00:00", "2026-10-31T23:00:00Z"),
                ("2026-11-02 00:00:00", "2026-11-01T23:00:00Z"),
                ("2026-11-09 00:00:00", "2026-11-08T23:00:00Z"),
            ],
        );
    }

    #[test]
    fn months_begin_on_the_first_and_days_where_the_zone_says() {
        check(
            date(2026, 9, 30),
            date(2026, 11, 2),
            Interval::Month,
            "America/New_York",
            &[
                ("2026-09-30 00:00:00", "2026-09-30T04:00:00Z"),
                ("2026-10-01 00:00:00", "2026-10-01T04:00:00Z"),
                ("2026-11-01 00:00:00", "2026-11-01T04:00:00Z"),
            ],
        );
        check(
            date(2026, 10, 24),
            date(2026, 10, 26),
            Interval::Day,
            "Europe/Brussels",
            &[
                ("2026-10-24 00:00:00", "2026-10-23T22:00:00Z"),
                ("2026-10-25 00:00:00", "2026-10-24T22:00:00Z"),
                ("2026-10-26 00:00:00", "2026-10-25T23:00:00Z"),
            ],
        );
    }

    #[test]
    fn gaps_stay_empty_and_no_row_is_lost() {
        let zone = TimeZone::UTC;
        let week = buckets(&Span::of_days(date(1970, 1, 1), date(1970, 1, 4), &zone), Interval::Day, &zone);
        let keys: Vec<i64> = week.iter().map(|bucket| bucket.key).collect();
        assert_eq!(keys, [0, 1, 2, 3]);
        let filled = fill(&week, vec![(1, 10), (3, 5), (9, 7)], |left, right| left + right);
        assert_eq!(filled, [None, Some(10), None, Some(12)]);
        assert_eq!(fill(&[], vec![(1, 10)], |left, _| left), []);
    }

    #[test]
    fn only_intervals_that_show_something_are_offered() {
        let zone = TimeZone::UTC;
        let of = |days: i64| {
            let first = date(2026, 1, 1);
            Span::of_days(first, first.saturating_add((days - 1).days()), &zone)
        };
        assert_eq!(Interval::fitting(&of(1)), [Interval::Hour]);
        assert_eq!(Interval::fitting(&of(7)), [Interval::Hour, Interval::Day]);
        assert_eq!(Interval::fitting(&of(28)), [Interval::Hour, Interval::Day, Interval::Week]);
        assert_eq!(Interval::fitting(&of(91)), [Interval::Day, Interval::Week, Interval::Month]);
        assert_eq!(Interval::fitting(&of(3_000)), [Interval::Week, Interval::Month]);
        assert_eq!(Interval::default_for(&of(1)), Interval::Hour);
        assert_eq!(Interval::default_for(&of(28)), Interval::Day);
        assert_eq!(Interval::default_for(&of(365)), Interval::Month);
    }
}
