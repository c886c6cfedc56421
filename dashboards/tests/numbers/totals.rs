//! Every number against the count in plain Rust.

use crate::count::{Counted, by, day, decisions as count_decisions, figures as count, pages, visits};
use crate::data::moment;
use crate::stand::{SITES, Stand};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

/// Periods as the address names them, with their bounds in Brussels written out by hand.
pub(crate) const PERIODS: [(&str, &str, &str); 11] = [
    ("period=today", "2026-11-21T23:00:00Z", "2026-11-22T23:00:00Z"),
    ("period=yesterday", "2026-11-20T23:00:00Z", "2026-11-21T23:00:00Z"),
    ("period=24h", "2026-11-21T14:00:00Z", "2026-11-22T14:00:00Z"),
    ("period=7d", "2026-11-14T23:00:00Z", "2026-11-21T23:00:00Z"),
    ("period=28d", "2026-10-24T22:00:00Z", "2026-11-21T23:00:00Z"),
    ("period=month", "2026-10-31T23:00:00Z", "2026-11-22T23:00:00Z"),
    ("period=last_month", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"),
    ("period=year", "2025-12-31T23:00:00Z", "2026-11-22T23:00:00Z"),
    ("period=all", "2026-03-17T23:00:00Z", "2026-11-22T23:00:00Z"),
    ("from=2026-10-25&to=2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
    ("from=2026-03-29&to=2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
];

fn bounds(start: &str, end: &str) -> Range<i64> {
    moment(start)..moment(end)
}

fn assert_figures(found: &Value, counted: Counted, what: &str) {
    let Counted { visitors, visits, page_views, bounces, duration_ms } = counted;
    assert!(page_views > 0, "{what}: nothing to compare");
    let per_visit = |sum: f64| sum / visits as f64;
    for (name, expected) in [
        ("visitors", visitors as f64),
        ("visits", visits as f64),
        ("page_views", page_views as f64),
        ("views_per_visit", per_visit(page_views as f64)),
        ("bounce_rate", per_visit(bounces as f64)),
        ("visit_duration", per_visit(duration_ms as f64 / 1_000.0)),
    ] {
        let found = found[name].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-9, "{what}: {name} is {found}, counted {expected}");
    }
}

pub(crate) async fn figures(stand: &Stand) {
    for (period, start, end) in PERIODS {
        let found = stand.json(&format!("/api/v1/overview?site=news&{period}")).await;
        assert_eq!(found["period"]["start"], start, "{period}");
        assert_eq!(found["period"]["end"], end, "{period}");
        let period_ms = bounds(start, end);
        let counted = count(&visits(&stand.events, "news", &period_ms), &period_ms);
        assert_figures(&found["totals"], counted, period);
        let queried = stand
            .query(&json!({ "site": "news", "period": named(period), "metrics": ["visitors", "visits", "page_views"] }))
            .await;
        let expected = json!([counted.visitors, counted.visits, counted.page_views]);
        assert_eq!(queried["rows"][0]["metrics"], expected, "{period}");
    }
    // A running period is compared with as much of the one before.
    let found = stand.json("/api/v1/overview?site=news&period=month").await;
    let before = bounds("2026-10-09T22:00:00Z", "2026-10-31T13:20:31Z");
    assert_eq!(found["before"]["start"], "2026-10-09T22:00:00Z");
    assert_figures(
        &found["totals_before"],
        count(&visits(&stand.events, "news", &before), &before),
        "before",
    );
}

fn named(period: &str) -> Value {
    let pairs: BTreeMap<&str, &str> = period.split('&').filter_map(|pair| pair.split_once('=')).collect();
    pairs
        .get("period")
        .map_or_else(|| json!({ "from": pairs["from"], "to": pairs["to"] }), |name| json!(name))
}

pub(crate) async fn buckets(stand: &Stand) {
    let zone = "Europe/Brussels";
    for (from, to, interval) in [
        ("2026-10-19", "2026-11-21", "day"),
        ("2026-03-20", "2026-04-05", "day"),
        ("2026-10-19", "2026-11-21", "week"),
        ("2026-03-01", "2026-11-22", "month"),
        ("2026-10-24", "2026-10-26", "hour"),
        ("2026-03-28", "2026-03-30", "hour"),
    ] {
        let path = format!(
            "/api/v1/overview?site=news&from={from}&to={to}&interval={interval}&metric=bounce_rate&compare=none"
        );
        let found = stand.json(&path).await;
        assert_eq!(found["interval"], interval);
        let series = found["series"].as_array().unwrap();
        let starts: Vec<i64> = series.iter().map(|row| moment(row["start"].as_str().unwrap())).collect();
        let end = moment(found["period"]["end"].as_str().unwrap());
        let mut filled = 0;
        for (index, row) in series.iter().enumerate() {
            let bucket = starts[index]..starts.get(index + 1).copied().unwrap_or(end);
            if interval == "day" {
                assert_eq!(row["from"], day(bucket.start, zone).to_string());
                assert_ne!(day(bucket.start, zone), day(bucket.start - 1, zone));
            }
            let counted = count(&visits(&stand.events, "news", &bucket), &bucket);
            if counted.visits > 0 {
                filled += 1;
                assert_figures(row, counted, &format!("{interval} {}", row["start"]));
            } else {
                assert_eq!((&row["visitors"], &row["bounce_rate"]), (&json!(0), &Value::Null));
            }
        }
        assert!(filled > 2, "{interval} from {from}: {filled} buckets with anything");
        if interval == "hour" {
            assert_eq!(series.len(), if from == "2026-10-24" { 73 } else { 71 });
        }
    }
}

pub(crate) async fn rows(stand: &Stand) {
    let (start, end) = ("2026-10-24T22:00:00Z", "2026-11-21T23:00:00Z");
    let period = bounds(start, end);
    let visits = visits(&stand.events, "news", &period);
    let metrics = json!(["visitors", "visits", "page_views", "bounce_rate", "visit_duration"]);
    for dimension in [
        "entry_page",
        "exit_page",
        "source",
        "channel",
        "referrer",
        "campaign",
        "country",
        "region",
        "city",
        "browser",
        "os",
        "device",
        "language",
    ] {
        let body = json!({ "site": "news", "period": "28d", "dimensions": [dimension], "metrics": metrics });
        let found = stand.query(&body).await;
        let expected = by(&visits, dimension, &period);
        assert_eq!(found["total_rows"], expected.len(), "{dimension}");
        let found: BTreeMap<String, Vec<f64>> = named_rows(&found);
        for (name, counted) in expected {
            let per_visit = |sum: f64| sum / counted.visits as f64;
            let expected = [
                counted.visitors as f64,
                counted.visits as f64,
                counted.page_views as f64,
                per_visit(counted.bounces as f64),
                per_visit(counted.duration_ms as f64 / 1_000.0),
            ];
            let close =
                found[&name].iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-9);
            assert!(close, "{dimension} {name}: {:?}, counted {expected:?}", found[&name]);
        }
    }
    let overview = stand.json("/api/v1/overview?site=news").await;
    let expected = pages(stand.events.iter().filter(|event| event.site_id == "news"), &period);
    assert_eq!(overview["panels"]["pages"]["total_rows"], expected.len());
    for row in overview["panels"]["pages"]["rows"].as_array().unwrap() {
        let number = |name: &str| row[name].as_u64().unwrap();
        let found = (number("visitors"), number("visits"), number("page_views"), number("engaged_ms"));
        assert_eq!(found, expected[row["name"].as_str().unwrap()], "{}", row["name"]);
    }
}

fn named_rows(found: &Value) -> BTreeMap<String, Vec<f64>> {
    let row = |row: &Value| {
        let metrics =
            row["metrics"].as_array().unwrap().iter().map(|metric| metric.as_f64().unwrap()).collect();
        (row["dimensions"][0].as_str().unwrap().to_owned(), metrics)
    };
    found["rows"].as_array().unwrap().iter().map(row).collect()
}

pub(crate) async fn filters(stand: &Stand) {
    let period = bounds("2026-10-24T22:00:00Z", "2026-11-21T23:00:00Z");
    let mut chosen = visits(&stand.events, "news", &period);
    chosen.retain(|visit| {
        visit.first().source == "Google"
            && visit.views().any(|view| view.path == "/news" && period.contains(&view.ts))
    });
    let found = stand.json("/api/v1/overview?site=news&is_source=Google&is_page=/news&interval=week").await;
    assert_figures(&found["totals"], count(&chosen, &period), "filtered");
    let expected = pages(chosen.iter().flat_map(|visit| visit.events.iter().copied()), &period);
    for row in found["panels"]["pages"]["rows"].as_array().unwrap() {
        assert_eq!(row["page_views"], expected[row["name"].as_str().unwrap()].2);
    }
    let views: u64 =
        found["series"].as_array().unwrap().iter().map(|row| row["page_views"].as_u64().unwrap()).sum();
    assert_eq!(views, count(&chosen, &period).page_views);
    // A filter on an empty value is a filter too.
    let found = stand.json("/api/v1/overview?site=news&is_source=").await;
    let mut direct = visits(&stand.events, "news", &period);
    direct.retain(|visit| visit.first().source.is_empty());
    assert_figures(&found["totals"], count(&direct, &period), "direct");
}

pub(crate) async fn decisions(stand: &Stand) {
    for (period, start, end) in PERIODS {
        let found = stand.json(&format!("/api/v1/overview?site=news&{period}")).await;
        let (granted, refused, withdrawn) = count_decisions(&stand.consents, "news", &bounds(start, end));
        let decided = &found["decisions"];
        assert_eq!(
            (&decided["granted"], &decided["refused"]),
            (&json!(granted), &json!(refused)),
            "{period}"
        );
        assert_eq!(decided["withdrawn"], withdrawn, "{period}");
        if granted + refused > 0 {
            let coverage = granted as f64 / (granted + refused) as f64;
            assert!((decided["coverage"].as_f64().unwrap() - coverage).abs() < 1e-9);
        }
        let sum = |name: &str| -> u64 {
            let rows = found["decisions_series"].as_array().unwrap();
            rows.iter().map(|row| row[name].as_u64().unwrap()).sum()
        };
        assert_eq!(
            (sum("granted"), sum("refused"), sum("withdrawn")),
            (granted, refused, withdrawn),
            "{period}"
        );
    }
}

pub(crate) async fn midnight(stand: &Stand) {
    let split = |visit: &&crate::count::Visit<'_>| {
        let days: HashSet<_> = visit.views().map(|view| day(view.ts, "Europe/Brussels")).collect();
        days.len() > 1 && visit.views().count() == 2
    };
    let all = visits(&stand.events, "news", &(0..i64::MAX));
    let over: Vec<_> = all.iter().filter(split).collect();
    assert!(over.len() > 3, "{} visits of two views go over midnight", over.len());
    for visit in over {
        for end in [visit.first(), visit.last()] {
            let day = day(end.ts, "Europe/Brussels");
            let path = format!("/api/v1/overview?site=news&from={day}&to={day}");
            let found = stand.json(&path).await;
            let start = moment(found["period"]["start"].as_str().unwrap());
            let period = start..moment(found["period"]["end"].as_str().unwrap());
            assert_figures(&found["totals"], count(&visits(&stand.events, "news", &period), &period), &path);
        }
    }
}

pub(crate) async fn sites(stand: &Stand) {
    let all = 0..i64::MAX;
    for (site, _) in &SITES[..2] {
        let found = stand.json(&format!("/api/v1/overview?site={site}&period=all")).await;
        assert_figures(&found["totals"], count(&visits(&stand.events, site, &all), &all), site);
        let (granted, refused, withdrawn) = count_decisions(&stand.consents, site, &all);
        let expected = json!([granted, refused, withdrawn]);
        let body = json!({ "site": site, "period": "all", "metrics": ["granted", "refused", "withdrawn"] });
        assert_eq!(stand.query(&body).await["rows"][0]["metrics"], expected, "{site}");
    }
    // The same days begin elsewhere in another time zone.
    let found = stand.json("/api/v1/overview?site=shop&period=yesterday").await;
    assert_eq!(found["period"]["start"], "2026-11-21T05:00:00Z");
    let found = stand.json("/api/v1/overview?site=waiting&period=all").await;
    assert_eq!(found["totals"]["page_views"], 0);
}
