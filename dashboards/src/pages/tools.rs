//! The row of choices above the numbers: chips of the filter, the period, the comparison. All are links.

use crate::address::Address;
use crate::period::{Comparison, Period, Span};
use crate::questions::FirstDay;
use crate::text;
use crate::view::View;
use jiff::Zoned;

/// The values of `templates/tools.html`.
pub(super) struct Tools {
    pub(super) chips: Vec<Chip>,
    pub(super) clear: String,
    pub(super) period: String,
    pub(super) period_name: &'static str,
    pub(super) periods: Vec<Item>,
    pub(super) previous: String,
    pub(super) next: Option<String>,
    pub(super) comparison: Option<String>,
    pub(super) comparisons: Vec<Item>,
    /// Leads to the opposite of the present comparison, for the key X.
    pub(super) toggle_comparison: String,
    pub(super) custom: Custom,
}

/// One condition of the filter.
pub(super) struct Chip {
    pub(super) subject: &'static str,
    pub(super) value: String,
    pub(super) remove: String,
}

/// One line of a menu.
pub(super) struct Item {
    pub(super) label: &'static str,
    pub(super) key: &'static str,
    pub(super) href: String,
    pub(super) current: bool,
    /// A rule stands before it.
    pub(super) ruled: bool,
}

/// The form of a custom period.
pub(super) struct Custom {
    pub(super) action: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) hidden: Vec<(String, String)>,
}

impl Tools {
    /// The choices of `view`, leading to `path`.
    pub(super) fn new(view: &View<'_>, path: &str) -> Tools {
        let (address, now) = (&view.address, &view.now);
        let to = |change: &dyn Fn(&mut Address)| address.with(change).link(path);
        let neighbour = |direction| {
            let span = view.span.neighbour(direction, now.time_zone());
            (to(&|address| address.period = named_or_custom(&span, now)), span)
        };
        let (previous, _) = neighbour(-1);
        let (next, next_span) = neighbour(1);
        let other =
            if address.comparison == Comparison::None { Comparison::Previous } else { Comparison::None };
        Tools {
            chips: chips(address, path),
            clear: to(&|address| address.filter = Default::default()),
            period: days(&view.span, now),
            period_name: period_label(address.period),
            periods: periods(address, path),
            previous,
            next: (next_span.start <= now.timestamp()).then_some(next),
            comparison: view.before.as_ref().map(|before| days(before, now)),
            comparisons: comparisons(address, path),
            toggle_comparison: to(&|address| address.comparison = other),
            custom: custom(view, path),
        }
    }
}

/// The days of a span, with the year where it is not this one.
pub(super) fn days(span: &Span, now: &Zoned) -> String {
    text::days(span.first, span.last, now.year())
}

/// The sentence that leads on from a period without anything: to today where it is left out, else to all time.
pub(super) fn way_on(view: &View<'_>, first: FirstDay) -> Option<(String, String, &'static str)> {
    let day = first.day?;
    let to = |period| view.address.with(|address| address.period = period).link("/");
    let today = view.now.date();
    if day == today && view.span.last < today {
        let sentence = format!("The first day is today, and {} leaves it out.", days(&view.span, &view.now));
        return Some((sentence, to(Period::Today), "Show today"));
    }
    let sentence = format!("The first day with anything is {}.", text::days(day, day, view.now.year()));
    (view.address.period != Period::All).then(|| (sentence, to(Period::All), "Show all time"))
}

fn chips(address: &Address, path: &str) -> Vec<Chip> {
    let chip = |(dimension, value): (crate::dimension::Dimension, &str)| Chip {
        subject: dimension.heading(),
        value: dimension.label(value),
        remove: address.with(|address| address.filter.clear(dimension)).link(path),
    };
    address.filter.conditions().map(chip).collect()
}

fn period_label(period: Period) -> &'static str {
    match period {
        Period::Today => "Today",
        Period::Yesterday => "Yesterday",
        Period::Hours24 => "Last 24 hours",
        Period::Days(7) => "Last 7 days",
        Period::Days(30) => "Last 30 days",
        Period::Days(91) => "Last 91 days",
        Period::Days(_) => "Last 28 days",
        Period::Month => "Month to date",
        Period::LastMonth => "Last month",
        Period::Year => "Year to date",
        Period::Months12 => "Last 12 months",
        Period::All => "All time",
        Period::Custom(..) => "Custom",
    }
}

fn period_key(period: Period) -> &'static str {
    match period {
        Period::Today => "D",
        Period::Yesterday => "E",
        Period::Hours24 => "H",
        Period::Days(7) => "W",
        Period::Days(30) => "T",
        Period::Days(91) => "N",
        Period::Days(_) => "F",
        Period::Month => "M",
        Period::LastMonth => "P",
        Period::Year => "Y",
        Period::Months12 => "L",
        Period::All => "A",
        Period::Custom(..) => "C",
    }
}

fn periods(address: &Address, path: &str) -> Vec<Item> {
    let named = Period::NAMED.into_iter().filter(|period| !matches!(period, Period::Custom(..)));
    let item = |period| Item {
        label: period_label(period),
        key: period_key(period),
        href: address.with(|address| (address.period, address.interval) = (period, None)).link(path),
        current: address.period == period,
        ruled: matches!(period, Period::Days(7) | Period::Month),
    };
    named.map(item).collect()
}

fn comparisons(address: &Address, path: &str) -> Vec<Item> {
    let item = |comparison| Item {
        label: match comparison {
            Comparison::None => "No comparison",
            Comparison::Previous => "Previous period",
            Comparison::Weekdays => "Previous, weekdays matched",
            Comparison::Year => "Year before",
        },
        key: if comparison == Comparison::None { "X" } else { "" },
        href: address.with(|address| address.comparison = comparison).link(path),
        current: address.comparison == comparison,
        ruled: false,
    };
    Comparison::ALL.into_iter().map(item).collect()
}

fn custom(view: &View<'_>, path: &str) -> Custom {
    let own = ["period", "from", "to", "interval", "n"];
    let hidden = view.address.pairs().into_iter().filter(|(name, _)| !own.contains(&name.as_str())).collect();
    Custom {
        action: path.to_owned(),
        from: view.span.first.to_string(),
        to: view.span.last.to_string(),
        hidden,
    }
}

/// Stepping to today or yesterday keeps their names in the address, so that the link stays right tomorrow.
fn named_or_custom(span: &Span, now: &Zoned) -> Period {
    [Period::Today, Period::Yesterday, Period::LastMonth]
        .into_iter()
        .find(|period| period.span(now, None) == *span)
        .unwrap_or(Period::Custom(span.first, span.last))
}
