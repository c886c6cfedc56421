//! `GET /`: the one page that answers most questions.

use super::chart::{self, ColumnChart, LineChart, bucket_name};
use super::empty::empty;
use super::frame::Frame;
use super::panel::{PanelView, Tab, share};
use super::scale::{Unit, percentage};
use super::stats::{Stat, signed, stats};
use super::tools::{self, Tools};
use super::{first_day_of, html, icon, resolve, trouble};
use crate::App;
use crate::address::Address;
use crate::overview::Overview;
use crate::period::Period;
use crate::series::Interval;
use crate::text;
use crate::view::View;
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    tools: Tools,
    heading: String,
    now: u64,
    today: String,
    sample: bool,
    way_on: Option<(String, String, &'static str)>,
    stats: Vec<Stat>,
    coverage: Option<Coverage>,
    metric: &'static str,
    intervals: Vec<Tab>,
    next_interval: String,
    chart: LineChart,
    chart_summary: String,
    chart_rows: Vec<ChartRow>,
    bucket: &'static str,
    series_csv: String,
    panels: Vec<PanelView>,
    decisions: DecisionsView,
}

struct Coverage {
    share: String,
    width: String,
    title: String,
}

struct ChartRow {
    name: String,
    value: String,
    before_name: String,
    before: String,
    change: String,
    open: Option<String>,
}

struct DecisionsView {
    rows: Vec<DecisionRow>,
    chart: ColumnChart,
    summary: String,
    csv: String,
}

struct DecisionRow {
    class: &'static str,
    name: &'static str,
    count: String,
    share: String,
    before: Option<String>,
}

/// `GET /`
pub(crate) async fn overview(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let address = match Address::parse(&query.unwrap_or_default(), &app.sites) {
        Ok(address) => address,
        Err(error) => return trouble::misunderstood(&app, &headers, &error),
    };
    let answer = async {
        let view = resolve(&app, address.clone()).await?;
        let found = Overview::ask(&app.store, &view).await?;
        let nothing =
            view.filter().is_empty() && found.totals.page_views == 0 && found.decided().answers() == 0;
        let first = if nothing { Some(first_day_of(&app, &view.address).await?) } else { None };
        Ok((view, found, first))
    };
    match answer.await {
        Err(failure) => trouble::failed(&app, &headers, &address, failure),
        Ok((view, _, Some(first))) if !first.events && !first.decisions => empty(&app, &headers, &view).await,
        Ok((view, found, first)) => {
            let way_on = first.and_then(|first| tools::way_on(&view, first));
            html(StatusCode::OK, &page(&app, &headers, &view, &found, way_on))
        }
    }
}

fn page(
    app: &App,
    headers: &HeaderMap,
    view: &View<'_>,
    found: &Overview,
    way_on: Option<(String, String, &'static str)>,
) -> OverviewPage {
    let (address, metric) = (&view.address, view.address.metric);
    let panel = |(panel, dimension, rows)| PanelView::new(view, panel, dimension, rows, &found.totals);
    let interval = |interval: Interval| Tab {
        label: match interval {
            Interval::Hour => "Hours",
            Interval::Day => "Days",
            Interval::Week => "Weeks",
            Interval::Month => "Months",
        },
        href: address.with(|address| address.interval = Some(interval)).link("/"),
        current: interval == view.interval,
    };
    let intervals: Vec<Tab> = Interval::fitting(&view.span).into_iter().map(interval).collect();
    let current =
        intervals.iter().position(|tab| tab.current).map_or(0, |place| (place + 1) % intervals.len());
    let (chart, chart_summary) = main_chart(view, found);
    OverviewPage {
        frame: Frame::new(app, headers, address, "Overview"),
        tools: Tools::new(view, "/"),
        heading: format!("Overview of {}, {}", view.site.name, tools::days(&view.span, &view.now)),
        now: found.now,
        today: address.with(|address| (address.period, address.interval) = (Period::Today, None)).link("/"),
        sample: found.sample,
        way_on,
        stats: stats(view, found),
        coverage: coverage(found),
        metric: metric.label(),
        next_interval: intervals.get(current).map_or_else(String::new, |tab| tab.href.clone()),
        intervals,
        chart,
        chart_summary,
        chart_rows: chart_rows(view, found),
        bucket: bucket_word(view.interval),
        series_csv: address.link("/api/v1/series.csv"),
        panels: found
            .panels
            .iter()
            .map(|(which, dimension, rows)| panel((*which, *dimension, rows)))
            .collect(),
        decisions: decisions(view, found),
    }
}

fn coverage(found: &Overview) -> Option<Coverage> {
    let decided = found.decided();
    decided.coverage().map(|part| Coverage {
        share: text::percent(part),
        width: percentage(part * 100.0),
        title: format!("{} of {} decisions", text::count(decided.granted), text::count(decided.answers())),
    })
}

fn main_chart(view: &View<'_>, found: &Overview) -> (LineChart, String) {
    let (metric, unit) = (view.address.metric, Unit::of(view.address.metric));
    let begun = view.begun();
    let values: Vec<Option<f64>> =
        found.series[..begun].iter().map(|figures| figures.metric(metric)).collect();
    let before: Vec<Option<f64>> = found.series_before.iter().map(|figures| figures.metric(metric)).collect();
    let mut drawn = chart::lines(unit, view.buckets.len(), &values, &before, view.growing());
    let growing = view.growing();
    drawn.labels = chart::labels(&view.buckets, view.interval, view.now.date(), growing, false);
    let known =
        || values.iter().zip(&view.buckets).filter_map(|(value, bucket)| value.map(|value| (value, bucket)));
    let lowest = known().map(|(value, _)| value).fold(f64::INFINITY, f64::min);
    let highest = known().max_by(|left, right| left.0.total_cmp(&right.0));
    let summary = highest.map_or_else(
        || "Line chart without a value.".to_owned(),
        |(value, bucket)| {
            format!(
                "Line chart: {} between {} and {} per {}, highest on {}. Every value is in the table below.",
                metric.label().to_lowercase(),
                unit.write(lowest),
                unit.write(value),
                bucket_word(view.interval).to_lowercase(),
                text::long_day(bucket.first),
            )
        },
    );
    (drawn, summary)
}

fn chart_rows(view: &View<'_>, found: &Overview) -> Vec<ChartRow> {
    let (metric, unit, growing) = (view.address.metric, Unit::of(view.address.metric), view.growing());
    let write = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| unit.write(value));
    let row = |index: usize| {
        let bucket = &view.buckets[index];
        let value = found.series[index].metric(metric);
        let before = found.series_before.get(index).and_then(|figures| figures.metric(metric));
        let until = format!("{} (until {})", bucket_name(bucket, view.interval), text::time(view.now.time()));
        let days = Period::Custom(bucket.first, bucket.last);
        let whole_days = view.interval != Interval::Hour && view.buckets.len() > 1;
        ChartRow {
            name: if growing == Some(index) { until } else { bucket_name(bucket, view.interval) },
            value: write(value),
            before_name: view
                .before_buckets
                .get(index)
                .map(|bucket| bucket_name(bucket, view.interval))
                .unwrap_or_default(),
            before: write(before),
            change: if growing == Some(index) { "–".to_owned() } else { signed(metric, value, before) },
            open: whole_days.then(|| {
                view.address.with(|address| (address.period, address.interval) = (days, None)).link("/")
            }),
        }
    };
    (0..view.begun()).map(row).collect()
}

fn decisions(view: &View<'_>, found: &Overview) -> DecisionsView {
    let (decided, before) = (found.decided(), found.decisions_before);
    let row = |class, name, count: u64, share: String, before: Option<u64>| DecisionRow {
        class,
        name,
        count: text::count(count),
        share,
        before: before.map(text::count),
    };
    let answers = decided.answers();
    let rows = vec![
        row(
            "k1",
            "Granted analytics",
            decided.granted,
            share(decided.granted, answers),
            before.map(|before| before.granted),
        ),
        row(
            "k2",
            "Refused analytics",
            decided.refused,
            share(decided.refused, answers),
            before.map(|before| before.refused),
        ),
        row(
            "none",
            "Withdrew a grant",
            decided.withdrawn,
            String::new(),
            before.map(|before| before.withdrawn),
        ),
    ];
    let begun = &found.decisions[..];
    let granted: Vec<u64> = begun.iter().map(|decisions| decisions.granted).collect();
    let refused: Vec<u64> = begun.iter().map(|decisions| decisions.refused).collect();
    let mut chart = chart::columns(&granted, &refused, view.growing());
    chart.labels = chart::labels(&view.buckets, view.interval, view.now.date(), view.growing(), true);
    let summary = format!(
        "Stacked columns per {}: {} decisions granted analytics, {} refused it.",
        bucket_word(view.interval).to_lowercase(),
        text::count(decided.granted),
        text::count(decided.refused)
    );
    DecisionsView { rows, chart, summary, csv: view.address.link("/api/v1/decisions.csv") }
}

fn bucket_word(interval: Interval) -> &'static str {
    match interval {
        Interval::Hour => "Hour",
        Interval::Day => "Day",
        Interval::Week => "Week",
        Interval::Month => "Month",
    }
}
