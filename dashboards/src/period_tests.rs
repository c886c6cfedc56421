use super::{Comparison, Period, Span};
use jiff::Zoned;
use jiff::civil::date;

fn at(text: &str) -> Zoned {
    text.parse().unwrap()
}

fn check(period: &str, now: &str, expected: (&str, &str, &str, &str)) {
    let span = Period::parse(period, None, None).unwrap().span(&at(now), Some(date(2025, 2, 3)));
    let found = (span.first.to_string(), span.last.to_string(), span.start.to_string(), span.end.to_string());
    let expected =
        (expected.0.to_owned(), expected.1.to_owned(), expected.2.to_owned(), expected.3.to_owned());
    assert_eq!(found, expected, "{period} at {now}");
}

const WINTER: &str = "2026-11-25T14:20:31.5+01:00[Europe/Brussels]";

#[test]
fn every_named_period_covers_the_days_it_says() {
    let end = "2026-11-25T23:00:00Z";
    for (period, expected) in [
        ("today", ("2026-11-25", "2026-11-25", "2026-11-24T23:00:00Z", end)),
        ("yesterday", ("2026-11-24", "2026-11-24", "2026-11-23T23:00:00Z", "2026-11-24T23:00:00Z")),
        ("24h", ("2026-11-24", "2026-11-25", "2026-11-24T14:00:00Z", "2026-11-25T14:00:00Z")),
        ("7d", ("2026-11-18", "2026-11-24", "2026-11-17T23:00:00Z", "2026-11-24T23:00:00Z")),
        ("28d", ("2026-10-28", "2026-11-24", "2026-10-27T23:00:00Z", "2026-11-24T23:00:00Z")),
        ("30d", ("2026-10-26", "2026-11-24", "2026-10-25T23:00:00Z", "2026-11-24T23:00:00Z")),
        ("91d", ("2026-08-26", "2026-11-24", "2026-08-25T22:00:00Z", "2026-11-24T23:00:00Z")),
        ("month", ("2026-11-01", "2026-11-25", "2026-10-31T23:00:00Z", end)),
        ("last_month", ("2026-10-01", "2026-10-31", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z")),
        ("year", ("2026-01-01", "2026-11-25", "2025-12-31T23:00:00Z", end)),
        ("12mo", ("2025-12-01", "2026-11-25", "2025-11-30T23:00:00Z", end)),
        ("all", ("2025-02-03", "2026-11-25", "2025-02-02T23:00:00Z", end)),
    ] {
        check(period, WINTER, expected);
    }
}

#[test]
fn days_follow_the_time_zone_and_its_changes() {
    // The same instant is another day elsewhere.
    check(
        "today",
        "2026-11-26T03:20:31+14:00[Pacific/Kiritimati]",
        ("2026-11-26", "2026-11-26", "2026-11-25T10:00:00Z", "2026-11-26T10:00:00Z"),
    );
    // 25 hours in autumn, 23 in spring.
    check(
        "today",
        "2026-10-25T12:00:00+01:00[Europe/Brussels]",
        ("2026-10-25", "2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
    );
    check(
        "today",
        "2026-03-29T12:00:00+02:00[Europe/Brussels]",
        ("2026-03-29", "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
    );
    // Midnight is skipped: the day begins at one o'clock.
    check(
        "today",
        "2026-03-29T12:00:00+03:00[Asia/Beirut]",
        ("2026-03-29", "2026-03-29", "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"),
    );
    // Half an hour off the hour.
    check(
        "24h",
        "2026-11-25T14:20:00+05:30[Asia/Kolkata]",
        ("2026-11-24", "2026-11-25", "2026-11-24T09:30:00Z", "2026-11-25T09:30:00Z"),
    );
}

#[test]
fn month_ends_stay_month_ends() {
    check(
        "last_month",
        "2028-03-31T09:00:00+02:00[Europe/Brussels]",
        ("2028-02-01", "2028-02-29", "2028-01-31T23:00:00Z", "2028-02-29T23:00:00Z"),
    );
    check(
        "12mo",
        "2026-01-31T09:00:00+01:00[Europe/Brussels]",
        ("2025-02-01", "2026-01-31", "2025-01-31T23:00:00Z", "2026-01-31T23:00:00Z"),
    );
}

fn days(span: &Span) -> String {
    format!("{} to {}", span.first, span.last)
}

fn check_before(period: &str, comparison: Comparison, expected: &str) {
    let (now, period) = (at(WINTER), Period::parse(period, None, None).unwrap());
    let span = period.span(&now, None);
    let before = period.before(&span, comparison, &now).map(|before| days(&before)).unwrap_or_default();
    assert_eq!(before, expected, "{period:?} {comparison:?}");
}

#[test]
fn a_period_is_compared_with_the_one_before_it() {
    for (period, expected) in [
        ("today", "2026-11-24 to 2026-11-24"),
        ("24h", "2026-11-23 to 2026-11-24"),
        ("28d", "2026-09-30 to 2026-10-27"),
        ("month", "2026-10-07 to 2026-10-31"),
        ("last_month", "2026-09-01 to 2026-09-30"),
        ("year", "2025-01-01 to 2025-11-25"),
        ("12mo", "2024-12-01 to 2025-11-25"),
        ("all", ""),
    ] {
        check_before(period, Comparison::Previous, expected);
    }
    check_before("month", Comparison::Weekdays, "2026-10-04 to 2026-10-28");
    check_before("28d", Comparison::Weekdays, "2026-09-30 to 2026-10-27");
    check_before("28d", Comparison::Year, "2025-10-28 to 2025-11-24");
    check_before("28d", Comparison::None, "");
}

#[test]
fn a_day_that_is_half_over_is_compared_with_half_a_day() {
    let now = at(WINTER);
    let today = Period::Today.span(&now, None);
    let yesterday = Period::Yesterday.span(&now, None);
    assert_eq!(yesterday.cut_like(&today, &now).end.to_string(), "2026-11-24T13:20:31.5Z");
    // What is over is compared whole.
    let earlier = Span::of_days(date(2026, 11, 23), date(2026, 11, 23), now.time_zone());
    assert_eq!(earlier.cut_like(&yesterday, &now), earlier);
    // The same time of day, though the clocks changed between the two.
    let now = at("2026-10-26T08:00:00+01:00[Europe/Brussels]");
    let (today, before) = (Period::Today.span(&now, None), Period::Yesterday.span(&now, None));
    assert_eq!(before.cut_like(&today, &now).end.to_string(), "2026-10-25T07:00:00Z");
}

#[test]
fn the_arrows_lead_to_the_neighbours() {
    let now = at(WINTER);
    let zone = now.time_zone();
    let october = Period::LastMonth.span(&now, None);
    assert_eq!(days(&october.neighbour(-1, zone)), "2026-09-01 to 2026-09-30");
    assert_eq!(days(&october.neighbour(1, zone)), "2026-11-01 to 2026-11-30");
    let week = Period::Days(7).span(&now, None);
    assert_eq!(days(&week.neighbour(-1, zone)), "2026-11-11 to 2026-11-17");
    assert_eq!(days(&week.neighbour(1, zone)), "2026-11-25 to 2026-12-01");
}

#[test]
fn what_is_not_a_period_is_refused_in_a_sentence() {
    for (name, from, to, sentence) in [
        ("fortnight", None, None, "There is no period “fortnight”."),
        ("custom", None, None, "needs “from” as a day"),
        ("custom", Some("2026-02-30"), Some("2026-03-01"), "needs “from” as a day"),
        ("custom", Some("2026-03-02"), Some("2026-03-01"), "after its end"),
        ("custom", Some("2000-01-01"), Some("2026-03-01"), "at most 3660 days"),
        ("custom", Some("0001-01-01"), Some("0001-01-02"), "needs “from” as a day"),
    ] {
        let error = Period::parse(name, from, to).unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
    }
    let custom = Period::parse("custom", Some("2026-03-01"), Some("2026-03-02"));
    assert_eq!(custom, Ok(Period::Custom(date(2026, 3, 1), date(2026, 3, 2))));
}
