//! The vertical axis: where the ticks stand and what they say. Zero is always on it. Pure.

use crate::dimension::Metric;
use crate::text;

/// How a value is written on the axis and in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Whole things.
    Count,
    /// A quotient with two decimals.
    Ratio,
    /// A share between 0 and 1.
    Share,
    /// Seconds.
    Duration,
}

/// One line of the grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tick {
    /// From the top, as `69.7%`.
    pub(super) y: String,
    /// What it says.
    pub(super) label: String,
}

/// From zero to a little above the largest value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    unit: Unit,
    step: f64,
    top: f64,
}

impl Unit {
    /// The unit of a metric.
    pub(super) fn of(metric: Metric) -> Unit {
        match metric {
            Metric::Visitors | Metric::Visits | Metric::PageViews => Unit::Count,
            Metric::ViewsPerVisit => Unit::Ratio,
            Metric::BounceRate => Unit::Share,
            Metric::VisitDuration => Unit::Duration,
        }
    }

    /// A value as people write it.
    pub(super) fn write(self, value: f64) -> String {
        match self {
            Unit::Count => text::count(value as u64),
            Unit::Ratio => format!("{value:.2}"),
            Unit::Share => text::percent(value),
            Unit::Duration => text::duration(value),
        }
    }

    fn steps(self) -> &'static [f64] {
        match self {
            Unit::Count => &[1.0],
            Unit::Ratio => &[0.25, 0.5, 1.0],
            Unit::Share => &[0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5],
            Unit::Duration => &[5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0],
        }
    }
}

impl Scale {
    /// A scale for values up to `largest`.
    pub(super) fn new(unit: Unit, largest: f64) -> Scale {
        let largest = largest.max(unit.steps()[0]);
        let mut step = unit.steps().iter().copied().find(|step| largest / step <= 4.0);
        let mut decade = unit.steps()[unit.steps().len() - 1];
        while step.is_none() {
            step =
                [2.0, 5.0, 10.0].into_iter().map(|factor| factor * decade).find(|step| largest / step <= 4.0);
            decade *= 10.0;
        }
        let step = step.unwrap_or(largest);
        Scale { unit, step, top: (largest * 1.09).max(step) }
    }

    /// How far from the top a value stands, in hundredths of the height.
    pub(super) fn y(self, value: f64) -> f64 {
        (1.0 - value / self.top) * 100.0
    }

    /// The ticks from zero upwards.
    pub(super) fn ticks(self) -> Vec<Tick> {
        let count = (self.top / self.step).floor() as u32;
        (0..=count)
            .map(|number| {
                let value = f64::from(number) * self.step;
                Tick { y: percentage(self.y(value)), label: self.label(value) }
            })
            .collect()
    }

    fn label(self, value: f64) -> String {
        match self.unit {
            Unit::Ratio if self.step.fract() == 0.0 => text::count(value as u64),
            Unit::Duration if value == 0.0 => "0".to_owned(),
            Unit::Duration if value % 60.0 == 0.0 && value < 3_600.0 => format!("{}m", (value / 60.0) as u64),
            unit => unit.write(value),
        }
    }
}

/// `69.7%`, for attributes of SVG.
pub(super) fn percentage(value: f64) -> String {
    format!("{}%", (value * 100.0).round() / 100.0 + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(unit: Unit, largest: f64, expected: &[&str]) {
        let labels: Vec<String> =
            Scale::new(unit, largest).ticks().into_iter().map(|tick| tick.label).collect();
        let labels: Vec<String> = labels.iter().map(|label| label.replace('\u{202f}', " ")).collect();
        assert_eq!(labels, expected, "{unit:?} up to {largest}");
    }

    #[test]
    fn ticks_are_round_and_few() {
        check(Unit::Count, 0.0, &["0", "1"]);
        check(Unit::Count, 3.0, &["0", "1", "2", "3"]);
        check(Unit::Count, 7.0, &["0", "2", "4", "6"]);
        check(Unit::Count, 3_020.0, &["0", "1,000", "2,000", "3,000"]);
        check(Unit::Count, 41_286.0, &["0", "20,000", "40,000"]);
        check(Unit::Share, 0.42, &["0 %", "20 %", "40 %"]);
        check(Unit::Share, 1.0, &["0 %", "25 %", "50 %", "75 %", "100 %"]);
        check(Unit::Duration, 134.0, &["0", "1m", "2m"]);
        check(Unit::Ratio, 2.91, &["0", "1", "2", "3"]);
    }

    #[test]
    fn zero_stands_at_the_bottom_and_the_largest_below_the_top() {
        let scale = Scale::new(Unit::Count, 3_020.0);
        assert_eq!(percentage(scale.y(0.0)), "100%");
        assert!(scale.y(3_020.0) > 0.0);
    }
}
