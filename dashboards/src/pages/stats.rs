//! The strip of totals: number, change, the number before. Pure.

use super::scale::Unit;
use crate::dimension::Metric;
use crate::overview::Overview;
use crate::text;
use crate::view::View;

/// One total.
pub(super) struct Stat {
    pub(super) label: &'static str,
    pub(super) meaning: &'static str,
    pub(super) value: String,
    pub(super) change: Option<Change>,
    pub(super) before: Option<String>,
    pub(super) href: String,
    pub(super) current: bool,
}

/// How a total changed. The arrow says the direction, the colour whether it is good news.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) up: bool,
    pub(super) good: bool,
    pub(super) text: String,
}

/// Every total of the overview.
pub(super) fn stats(view: &View<'_>, overview: &Overview) -> Vec<Stat> {
    let stat = |metric: Metric| {
        let unit = Unit::of(metric);
        let value = overview.totals.metric(metric);
        let before = overview.totals_before.and_then(|figures| figures.metric(metric));
        Stat {
            label: metric.label(),
            meaning: meaning(metric),
            value: value.map_or_else(|| "–".to_owned(), |value| unit.write(value)),
            change: value.zip(before).and_then(|(value, before)| change(metric, value, before)),
            before: before.map(|before| unit.write(before)),
            href: view.address.with(|address| address.metric = metric).link("/"),
            current: view.address.metric == metric,
        }
    };
    Metric::ALL.into_iter().map(stat).collect()
}

/// What a metric means, in a sentence.
pub(super) fn meaning(metric: Metric) -> &'static str {
    match metric {
        Metric::Visitors => "Different visitors who granted analytics and viewed a page.",
        Metric::Visits => "Visits with a page view in the period. A visit ends after 30 idle minutes.",
        Metric::PageViews => "Pages that were opened.",
        Metric::ViewsPerVisit => "Page views divided by visits.",
        Metric::BounceRate => "Share of visits with one page view and no interaction.",
        Metric::VisitDuration => "Mean time from the first event of a visit to its last.",
    }
}

/// The change from `before` to `value`; nothing where there is none or nothing to divide by.
pub(super) fn change(metric: Metric, value: f64, before: f64) -> Option<Change> {
    let difference = value - before;
    let text = match Unit::of(metric) {
        Unit::Share => text::points(difference),
        _ if before == 0.0 => return None,
        _ => text::change(difference / before),
    };
    let up = difference > 0.0;
    (difference != 0.0).then(|| Change { up, good: up == metric.rises_well(), text })
}

/// The same for a table, with its sign.
pub(super) fn signed(metric: Metric, value: Option<f64>, before: Option<f64>) -> String {
    let found = value.zip(before).and_then(|(value, before)| change(metric, value, before));
    found.map_or_else(
        || "–".to_owned(),
        |change| format!("{}{}", if change.up { "+" } else { "−" }, change.text),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(metric: Metric, value: f64, before: f64, expected: Option<(bool, bool, &str)>) {
        let found = change(metric, value, before);
        let found = found.map(|change| (change.up, change.good, change.text.replace('\u{202f}', " ")));
        assert_eq!(found.as_ref().map(|(up, good, text)| (*up, *good, text.as_str())), expected);
    }

    #[test]
    fn a_falling_bounce_rate_is_good_news_and_counted_in_points() {
        check(Metric::Visitors, 108.2, 100.0, Some((true, true, "8.2 %")));
        check(Metric::Visitors, 50.0, 100.0, Some((false, false, "50.0 %")));
        check(Metric::BounceRate, 0.38, 0.40, Some((false, true, "2.0 pt")));
        check(Metric::Visits, 5.0, 0.0, None);
        check(Metric::Visits, 5.0, 5.0, None);
        assert_eq!(signed(Metric::Visits, Some(5.0), None), "–");
    }
}
