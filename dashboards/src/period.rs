//! Which days are asked about, and which they are compared with.
//!
//! In: the names that stand in the address or in a query, and what the clock says in the site's time zone. Out: a
//! [`Span`] of local days with the two instants that bound it. No I/O and no clock of its own.
//!
//! Invariant: a span begins where its first local day begins and ends where the day after its last begins, also on the
//! days that have 23 or 25 hours. The one exception is [`Period::Hours24`], which is made of whole hours.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

/// Longest custom period, in days: ten years.
pub const CUSTOM_DAYS_MAX: i32 = 3_660;
/// The lengths that "last so many days" comes in. They leave out today, so that every day in them is whole.
pub const DAY_COUNTS: [u16; 4] = [7, 28, 30, 91];

/// A period by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// The local day until this moment.
    Today,
    /// The local day before.
    Yesterday,
    /// This hour and the 23 before it.
    Hours24,
    /// So many whole days, today left out: one of [`DAY_COUNTS`].
    Days(u16),
    /// From the first of this month until today.
    Month,
    /// The calendar month before this one.
    LastMonth,
    /// From the first of January until today.
    Year,
    /// This month until today, and the eleven before it.
    Months12,
    /// From the first thing measured until today.
    All,
    /// Two days and all between them.
    Custom(Date, Date),
}

/// What a period is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Nothing.
    None,
    /// The period of the same length just before.
    Previous,
    /// The same, moved back so far that Mondays meet Mondays.
    Weekdays,
    /// The same days a year before.
    Year,
}

/// Local days, and the instants that bound them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// First local day.
    pub first: Date,
    /// Last local day.
    pub last: Date,
    /// First instant.
    pub start: Timestamp,
    /// First instant after it.
    pub end: Timestamp,
}

/// A period that cannot be understood; the text is a sentence for the person who asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPeriod(String);

impl Period {
    /// Every named period in the order of the menu.
    pub const NAMED: [Period; 13] = [
        Period::Today,
        Period::Yesterday,
        Period::Hours24,
        Period::Days(7),
        Period::Days(28),
        Period::Days(30),
        Period::Days(91),
        Period::Month,
        Period::LastMonth,
        Period::Year,
        Period::Months12,
        Period::All,
        Period::Custom(Date::ZERO, Date::ZERO),
    ];

    /// Reads a name, and the two days of a custom period.
    pub fn parse(name: &str, from: Option<&str>, to: Option<&str>) -> Result<Period, BadPeriod> {
        if name == "custom" || (name.is_empty() && from.is_some()) {
            return custom(from.unwrap_or_default(), to.unwrap_or_default());
        }
        Period::NAMED.into_iter().find(|period| period.name() == name).ok_or_else(|| {
            let names: Vec<_> = Period::NAMED.iter().map(|period| period.name()).collect();
            BadPeriod(format!("There is no period “{name}”. These are known: {}.", names.join(", ")))
        })
    }

    /// The name in the address and in queries.
    pub fn name(self) -> &'static str {
        match self {
            Period::Today => "today",
            Period::Yesterday => "yesterday",
            Period::Hours24 => "24h",
            Period::Days(7) => "7d",
            Period::Days(30) => "30d",
            Period::Days(91) => "91d",
            Period::Days(_) => "28d",
            Period::Month => "month",
            Period::LastMonth => "last_month",
            Period::Year => "year",
            Period::Months12 => "12mo",
            Period::All => "all",
            Period::Custom(..) => "custom",
        }
    }

    /// The days it covers. `earliest` is the first day with anything measured; only [`Period::All`] asks for it.
    pub fn span(self, now: &Zoned, earliest: Option<Date>) -> Span {
        let (today, zone) = (now.date(), now.time_zone());
        let yesterday = today.saturating_sub(1.day());
        let (first, last) = match self {
            Period::Today => (today, today),
            Period::Yesterday => (yesterday, yesterday),
            Period::Hours24 => return hours24(now),
            Period::Days(count) => (today.saturating_sub(i64::from(count).days()), yesterday),
            Period::Month => (today.first_of_month(), today),
            Period::LastMonth => {
                let last = today.first_of_month().saturating_sub(1.day());
                (last.first_of_month(), last)
            }
            Period::Year => (today.first_of_year(), today),
            Period::Months12 => (today.first_of_month().saturating_sub(11.months()), today),
            Period::All => (earliest.unwrap_or(today).min(today), today),
            Period::Custom(first, last) => (first, last),
        };
        Span::of_days(first, last, zone)
    }

    /// What it is compared with, or nothing.
    pub fn before(self, span: &Span, comparison: Comparison, now: &Zoned) -> Option<Span> {
        let zone = now.time_zone();
        if comparison == Comparison::None || self == Period::All {
            return None;
        }
        if self == Period::Hours24 {
            let hours = match comparison {
                Comparison::Previous => 24,
                Comparison::Weekdays => 24 * 7,
                _ => 24 * 364,
            };
            return Some(span.shifted_by_hours(-hours, zone));
        }
        let back = match (comparison, self) {
            (Comparison::Year, _) | (_, Period::Year | Period::Months12) => 1.year(),
            (Comparison::Previous, Period::LastMonth) => return Some(span.neighbour(-1, zone)),
            (Comparison::Previous, _) => i64::from(span.day_count()).days(),
            _ => (i64::from(span.day_count() + 6) / 7 * 7).days(),
        };
        Some(Span::of_days(span.first.saturating_sub(back), span.last.saturating_sub(back), zone))
    }
}

impl Comparison {
    /// All, in the order of the menu.
    pub const ALL: [Comparison; 4] =
        [Comparison::None, Comparison::Previous, Comparison::Weekdays, Comparison::Year];

    /// The name in the address and in queries.
    pub fn name(self) -> &'static str {
        match self {
            Comparison::None => "none",
            Comparison::Previous => "previous",
            Comparison::Weekdays => "weekdays",
            Comparison::Year => "year",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Result<Comparison, BadPeriod> {
        Comparison::ALL.into_iter().find(|comparison| comparison.name() == name).ok_or_else(|| {
            BadPeriod(format!(
                "There is no comparison “{name}”. These are known: none, previous, weekdays, year."
            ))
        })
    }
}

impl Span {
    /// The local days from `first` to `last`, both included.
    pub fn of_days(first: Date, last: Date, zone: &TimeZone) -> Span {
        Span {
            first,
            last,
            start: day_start(first, zone),
            end: day_start(last.saturating_add(1.day()), zone),
        }
    }

    /// How many local days it has.
    pub fn day_count(&self) -> i32 {
        self.first.until(self.last).map_or(0, |span| span.get_days()) + 1
    }

    /// Whether the moment lies in it, so that its last bucket is still growing.
    pub fn contains(&self, moment: Timestamp) -> bool {
        self.start <= moment && moment < self.end
    }

    /// The span before (`-1`) or after (`1`) of the same kind: whole calendar months beside whole calendar months,
    /// otherwise as many days.
    pub fn neighbour(&self, direction: i32, zone: &TimeZone) -> Span {
        let whole_months = self.first.day() == 1 && self.last == self.last.last_of_month();
        if whole_months {
            let months = i64::from(self.last.year() - self.first.year()) * 12
                + i64::from(self.last.month() - self.first.month())
                + 1;
            let first = self.first.saturating_add((months * i64::from(direction)).months());
            let last = first.saturating_add((months - 1).months()).last_of_month();
            return Span::of_days(first, last, zone);
        }
        let days = (i64::from(self.day_count()) * i64::from(direction)).days();
        Span::of_days(self.first.saturating_add(days), self.last.saturating_add(days), zone)
    }

    /// The part of `self` that had passed when `whole` stood where it stands at `now`: a day that is half over is
    /// compared with half a day.
    pub fn cut_like(&self, whole: &Span, now: &Zoned) -> Span {
        if !whole.contains(now.timestamp()) {
            return self.clone();
        }
        let days = whole.first.until(now.date()).map_or(0, |span| span.get_days());
        let day = self.first.saturating_add(i64::from(days).days());
        let moment = day
            .to_datetime(now.time())
            .to_zoned(now.time_zone().clone())
            .map_or(self.end, |moment| moment.timestamp());
        Span { end: moment.clamp(self.start, self.end), ..self.clone() }
    }

    fn shifted_by_hours(&self, hours: i64, zone: &TimeZone) -> Span {
        let by = SignedDuration::from_hours(hours);
        Span::of_instants(self.start + by, self.end + by, zone)
    }

    fn of_instants(start: Timestamp, end: Timestamp, zone: &TimeZone) -> Span {
        let last = end - SignedDuration::from_secs(1);
        Span {
            first: start.to_zoned(zone.clone()).date(),
            last: last.to_zoned(zone.clone()).date(),
            start,
            end,
        }
    }
}

fn custom(from: &str, to: &str) -> Result<Period, BadPeriod> {
    let day = |text: &str, which: &str| {
        let day: Option<Date> = text.parse().ok().filter(|day: &Date| (1970..=2200).contains(&day.year()));
        day.ok_or_else(|| {
            BadPeriod(format!("A custom period needs “{which}” as a day such as 2026-11-25, not “{text}”."))
        })
    };
    let (first, last) = (day(from, "from")?, day(to, "to")?);
    let days = first.until(last).map_or(0, |span| span.get_days());
    if first > last {
        return Err(BadPeriod(format!("The period begins on {first}, after its end on {last}.")));
    }
    if days >= CUSTOM_DAYS_MAX {
        return Err(BadPeriod(format!("A custom period has at most {CUSTOM_DAYS_MAX} days.")));
    }
    Ok(Period::Custom(first, last))
}

fn hours24(now: &Zoned) -> Span {
    let hour = SignedDuration::from_hours(1);
    let past = now.timestamp() - SignedDuration::from_secs(seconds_into_hour(now));
    let end = Timestamp::from_second(past.as_second()).unwrap_or(past) + hour;
    Span::of_instants(end - hour * 24, end, now.time_zone())
}

fn seconds_into_hour(now: &Zoned) -> i64 {
    i64::from(now.minute()) * 60 + i64::from(now.second())
}

fn day_start(day: Date, zone: &TimeZone) -> Timestamp {
    // Where a time zone skips midnight, the day begins at the first instant after the gap; that is what this gives.
    day.to_zoned(zone.clone()).map_or_else(
        |_| if day.year() > 1970 { Timestamp::MAX } else { Timestamp::MIN },
        |start| start.timestamp(),
    )
}

#[cfg(test)]
#[path = "period_tests.rs"]
mod tests;
