//! Lines and columns as SVG. Axes and points stand at percentages, lines in one stretched `viewBox`, so that a chart is
//! sharp at every width without a script. Pure: values in, attribute texts out.

use super::scale::{Scale, Tick, Unit, percentage};
use crate::series::{Bucket, Interval};
use crate::text;
use jiff::civil::Date;

/// Labels under a chart, at most about so many.
const LABELS_MAX: usize = 8;

/// A label under the chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label {
    /// Its classes.
    pub(super) class: &'static str,
    /// From the left, as `16.67%`.
    pub(super) x: String,
    /// What it says.
    pub(super) text: String,
}

/// A line for the period, perhaps one for the period before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LineChart {
    /// The grid.
    pub(super) ticks: Vec<Tick>,
    /// Under the line.
    pub(super) area: String,
    /// The line, of whole buckets.
    pub(super) line: String,
    /// The step to the bucket that still grows.
    pub(super) dotted: String,
    /// The earlier period.
    pub(super) compare: String,
    /// The point of the bucket that still grows, or of an only bucket.
    pub(super) open: Option<(String, String)>,
    /// Under the chart.
    pub(super) labels: Vec<Label>,
    /// Values of the period and of the earlier one that have no neighbour to be joined with.
    pub(super) dots: Vec<(String, String)>,
    /// The same of the earlier period.
    pub(super) compare_dots: Vec<(String, String)>,
    /// For the script: `x y before` of each bucket that has begun, in hundredths.
    pub(super) points: String,
}

/// Stacked columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ColumnChart {
    /// The grid.
    pub(super) ticks: Vec<Tick>,
    /// The columns.
    pub(super) columns: Vec<Column>,
    /// Under the chart.
    pub(super) labels: Vec<Label>,
}

/// One part of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// `f1` or `f2`.
    pub(super) class: &'static str,
    /// Left edge.
    pub(super) x: String,
    /// Width.
    pub(super) width: String,
    /// Upper edge.
    pub(super) y: String,
    /// Height.
    pub(super) height: String,
    /// Whether the bucket still grows.
    pub(super) growing: bool,
}

/// Draws lines. `values` ends with the last bucket that has begun; `compare` may go on.
pub(super) fn lines(
    unit: Unit,
    count: usize,
    values: &[Option<f64>],
    compare: &[Option<f64>],
    growing: Option<usize>,
) -> LineChart {
    let compare = &compare[..compare.len().min(count)];
    let largest = values.iter().chain(compare).flatten().copied().fold(0.0, f64::max);
    let scale = Scale::new(unit, largest);
    let place = |index: usize| if count < 2 { 50.0 } else { index as f64 * 100.0 / (count - 1) as f64 };
    let points = |values: &[Option<f64>]| -> Vec<Option<(f64, f64)>> {
        let point = |(index, value): (usize, &Option<f64>)| value.map(|value| (place(index), scale.y(value)));
        values.iter().enumerate().map(point).collect()
    };
    let (main, earlier) = (points(values), points(compare));
    let whole = &main[..growing.unwrap_or(main.len()).min(main.len())];
    let dotted =
        growing.filter(|index| *index > 0).and_then(|index| main.get(index - 1..=index)).unwrap_or_default();
    let marked = growing.or((values.len() == 1).then_some(0));
    LineChart {
        ticks: scale.ticks(),
        area: area(&main),
        line: path(whole),
        dotted: if dotted.iter().all(Option::is_some) { path(dotted) } else { String::new() },
        compare: path(&earlier),
        open: marked.and_then(|index| *main.get(index)?).map(|(x, y)| (percentage(x), percentage(y))),
        labels: Vec::new(),
        dots: dots(whole),
        compare_dots: dots(&earlier),
        points: script_points(&main, &earlier, place),
    }
}

/// Draws two stacked parts per bucket, `lower` under `upper`.
pub(super) fn columns(lower: &[u64], upper: &[u64], growing: Option<usize>) -> ColumnChart {
    let sums: Vec<u64> = lower.iter().zip(upper).map(|(low, high)| low + high).collect();
    let scale = Scale::new(Unit::Count, sums.iter().copied().max().unwrap_or(0) as f64);
    let slot = 100.0 / lower.len().max(1) as f64;
    let mut found = Vec::new();
    for (index, low) in lower.iter().enumerate() {
        let (x, width) = (percentage(slot * (index as f64 + 0.18)), percentage(slot * 0.64));
        let parts = [("f1", 0, *low), ("f2", *low, sums[index])];
        for (class, from, to) in parts.into_iter().filter(|(_, from, to)| to > from) {
            let (top, bottom) = (scale.y(to as f64), scale.y(from as f64));
            // A hair of the surface between two parts tells them apart without a second colour.
            let gap = if from > 0 { 0.5_f64.min((bottom - top) / 2.0) } else { 0.0 };
            let (y, height) = (percentage(top), percentage(bottom - top - gap));
            let growing = growing == Some(index);
            found.push(Column { class, x: x.clone(), width: width.clone(), y, height, growing });
        }
    }
    ColumnChart { ticks: scale.ticks(), columns: found, labels: Vec::new() }
}

/// Labels under the buckets. Columns are labelled at their middle, points where they stand.
pub(super) fn labels(
    buckets: &[Bucket],
    interval: Interval,
    today: Date,
    growing: Option<usize>,
    middle: bool,
) -> Vec<Label> {
    let count = buckets.len();
    let step = (count.saturating_sub(1)).div_ceil(LABELS_MAX - 1).max(1);
    let single_day = buckets.first().map(|bucket| bucket.first) == buckets.last().map(|bucket| bucket.last);
    let mut places: Vec<usize> = (0..count).step_by(step).collect();
    let last = count.saturating_sub(1);
    if places.last() != Some(&last) {
        if places.len() > 1 && last - places[places.len() - 1] < step.div_ceil(2) {
            places.pop();
        }
        places.push(last);
    }
    let centre = places.get(places.len() / 2).copied();
    // The outermost labels keep to the edges, so that they stay inside the panel.
    let x = |place: usize| match (middle, count) {
        (_, 1) => 50.0,
        (true, _) if place == 0 || place == last => {
            if place == 0 {
                0.0
            } else {
                100.0
            }
        }
        (true, _) => (place as f64 + 0.5) * 100.0 / count as f64,
        (false, _) => place as f64 * 100.0 / (count - 1) as f64,
    };
    let label = |place: usize| {
        let bucket = &buckets[place];
        let is_today = growing == Some(place) && interval == Interval::Day && bucket.first == today;
        let class = match place {
            _ if count == 1 => "x keep",
            0 => "x a keep",
            _ if place == last && is_today => "x z keep",
            _ if place == last => "x e keep",
            _ if Some(place) == centre => "x keep",
            _ => "x",
        };
        let text = if is_today { "Today".to_owned() } else { axis_label(bucket, interval, single_day) };
        Label { class, x: percentage(x(place)), text }
    };
    places.into_iter().filter(|place| *place < count).map(label).collect()
}

/// What a bucket is called in tables, on hover cards and in CSV.
pub(super) fn bucket_name(bucket: &Bucket, interval: Interval) -> String {
    match interval {
        Interval::Hour => format!("{} {}", text::weekday(bucket.first), text::time(bucket.time)),
        Interval::Day => text::weekday(bucket.first),
        Interval::Week => text::days(bucket.first, bucket.last, bucket.last.year()),
        Interval::Month => text::month(bucket.first),
    }
}

fn axis_label(bucket: &Bucket, interval: Interval, single_day: bool) -> String {
    match interval {
        Interval::Hour if single_day => text::time(bucket.time),
        Interval::Hour => text::weekday(bucket.first),
        Interval::Day => text::weekday(bucket.first),
        Interval::Week => text::short_day(bucket.first),
        Interval::Month => text::month(bucket.first),
    }
}

/// A path through the points, in thousandths; where a bucket has no value the line is lifted.
fn path(points: &[Option<(f64, f64)>]) -> String {
    let mut text = String::new();
    let mut drawing = false;
    for point in points {
        let Some((x, y)) = point else {
            drawing = false;
            continue;
        };
        text.push_str(&format!("{}{} {}", if drawing { "L" } else { "M" }, thousandths(*x), thousandths(*y)));
        drawing = true;
    }
    text
}

fn dots(points: &[Option<(f64, f64)>]) -> Vec<(String, String)> {
    let alone = points.split(Option::is_none).filter(|run| run.len() == 1);
    alone.flatten().flatten().map(|(x, y)| (percentage(*x), percentage(*y))).collect()
}

fn area(points: &[Option<(f64, f64)>]) -> String {
    let mut text = String::new();
    for run in points.split(Option::is_none).filter(|run| run.len() > 1) {
        let (first, last) = (run[0].unwrap_or_default().0, run[run.len() - 1].unwrap_or_default().0);
        text.push_str(&path(run));
        text.push_str(&format!("L{} 1000L{} 1000Z", thousandths(last), thousandths(first)));
    }
    text
}

fn script_points(
    main: &[Option<(f64, f64)>],
    earlier: &[Option<(f64, f64)>],
    place: impl Fn(usize) -> f64,
) -> String {
    let hundredths = |value: f64| ((value * 100.0).round() / 100.0).to_string();
    let y = |point: Option<(f64, f64)>| point.map_or_else(|| "-".to_owned(), |(_, y)| hundredths(y));
    let point = |(index, value): (usize, &Option<(f64, f64)>)| {
        format!("{} {} {}", hundredths(place(index)), y(*value), y(earlier.get(index).copied().flatten()))
    };
    main.iter().enumerate().map(point).collect::<Vec<_>>().join(";")
}

fn thousandths(hundredths: f64) -> f64 {
    (hundredths * 1_000.0).round() / 100.0
}

#[cfg(test)]
#[path = "chart_tests.rs"]
mod tests;
