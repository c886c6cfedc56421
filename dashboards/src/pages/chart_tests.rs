use super::*;
use crate::period::Span;
use crate::series::buckets;
use jiff::civil::date;
use jiff::tz::TimeZone;

#[test]
fn the_growing_bucket_is_dotted_to_an_open_point() {
    let chart = lines(Unit::Count, 3, &[Some(0.0), Some(4.0), Some(2.0)], &[], Some(2));
    assert_eq!(chart.line, "M0 1000L500 82.57");
    assert_eq!(chart.dotted, "M500 82.57L1000 541.28");
    assert_eq!(chart.open, Some(("100%".to_owned(), "54.13%".to_owned())));
    assert_eq!(chart.points, "0 100 -;50 8.26 -;100 54.13 -");
}

#[test]
fn what_has_not_begun_is_not_drawn_but_the_comparison_goes_on() {
    let chart = lines(Unit::Count, 3, &[Some(1.0)], &[Some(1.0), Some(1.0), Some(1.0), Some(9.0)], Some(0));
    assert_eq!(chart.line, "");
    assert_eq!(chart.dotted, "");
    assert_eq!(chart.open.map(|(x, _)| x), Some("0%".to_owned()));
    assert_eq!(chart.compare.matches(['M', 'L']).count(), 3);
}

#[test]
fn a_bucket_without_a_value_lifts_the_line() {
    let chart = lines(Unit::Share, 4, &[Some(1.0), Some(1.0), None, Some(1.0)], &[], None);
    assert_eq!(chart.line, "M0 82.57L333.33 82.57M1000 82.57");
    assert_eq!(chart.dots, [("100%".to_owned(), "8.26%".to_owned())]);
    assert_eq!(chart.area.matches('Z').count(), 1);
}

#[test]
fn columns_stand_on_zero_and_on_each_other() {
    let chart = columns(&[3, 0], &[1, 0], Some(0));
    let found: Vec<_> = chart.columns.iter().map(|column| (column.class, column.y.as_str())).collect();
    assert_eq!(found, [("f1", "31.19%"), ("f2", "8.26%")]);
    assert!(chart.columns.iter().all(|column| column.growing));
}

#[test]
fn labels_are_few_and_the_last_day_is_today() {
    let zone = TimeZone::UTC;
    let span = Span::of_days(date(2026, 11, 1), date(2026, 11, 25), &zone);
    let days = buckets(&span, Interval::Day, &zone);
    let texts = |found: Vec<Label>| found.into_iter().map(|label| label.text).collect::<Vec<_>>().join(", ");
    let found = labels(&days, Interval::Day, date(2026, 11, 25), Some(24), false);
    let expected = "Sun 1 Nov, Thu 5 Nov, Mon 9 Nov, Fri 13 Nov, Tue 17 Nov, Sat 21 Nov, Today";
    assert_eq!(texts(found), expected);
    let one = &days[..1];
    assert_eq!(texts(labels(one, Interval::Day, date(2026, 12, 1), None, false)), "Sun 1 Nov");
    assert_eq!(texts(labels(&[], Interval::Day, date(2026, 12, 1), None, false)), "");
}
