//! `GET /api/v1/overview`: what the page shows, as JSON. It takes the same address as the page.

use super::{Refused, metric, metrics, period};
use crate::App;
use crate::address::Address;
use crate::dimension::Metric;
use crate::overview::Overview;
use crate::pages::resolve;
use crate::questions::{Decisions, Figures};
use crate::series::Bucket;
use crate::view::View;
use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// `GET /api/v1/overview`
pub(crate) async fn overview(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Refused> {
    let address = Address::parse(&query.unwrap_or_default(), &app.sites)?;
    let view = resolve(&app, address).await?;
    let found = Overview::ask(&app.store, &view).await?;
    Ok(Json(answer(&view, &found)))
}

fn answer(view: &View<'_>, found: &Overview) -> Value {
    let panels: Map<String, Value> = found
        .panels
        .iter()
        .map(|(panel, dimension, rows)| {
            let rows =
                json!({ "dimension": dimension.name(), "rows": rows.rows, "total_rows": rows.total_rows });
            (panel.name().to_owned(), rows)
        })
        .collect();
    let begun = view.begun();
    json!({
        "site": view.site.id,
        "period": period(view, &view.span),
        "before": view.before.as_ref().map(|span| period(view, span)),
        "interval": view.interval.name(),
        "filters": view.filter().conditions().map(|(dimension, value)| (dimension.name().to_owned(), value.into())).collect::<Map<String, Value>>(),
        "visitors_now": found.now,
        "sample": found.sample,
        "totals": metrics(&found.totals),
        "totals_before": found.totals_before.as_ref().map(metrics),
        "series": series(&view.buckets[..begun], &found.series, view.address.metric),
        "series_before": series(&view.before_buckets, &found.series_before, view.address.metric),
        "panels": panels,
        "decisions": decided(found.decided()),
        "decisions_before": found.decisions_before.map(decided),
        "decisions_series": view.buckets[..begun].iter().zip(&found.decisions).map(|(bucket, decisions)| {
            let mut row = bucket_json(bucket);
            row.extend(decided_map(*decisions));
            row
        }).collect::<Vec<_>>(),
    })
}

fn series(buckets: &[Bucket], figures: &[Figures], drawn: Metric) -> Vec<Map<String, Value>> {
    let row = |(bucket, figures): (&Bucket, &Figures)| {
        let mut row = bucket_json(bucket);
        let shown = Metric::ALL.into_iter().filter(|metric| !metric.of_visits() || drawn.of_visits());
        row.extend(shown.map(|which| (which.name().to_owned(), metric(figures, which))));
        row
    };
    buckets.iter().zip(figures).map(row).collect()
}

fn bucket_json(bucket: &Bucket) -> Map<String, Value> {
    Map::from_iter([
        ("start".to_owned(), bucket.start.to_string().into()),
        ("from".to_owned(), bucket.first.to_string().into()),
        ("to".to_owned(), bucket.last.to_string().into()),
    ])
}

fn decided(decisions: Decisions) -> Value {
    Value::Object(decided_map(decisions))
}

fn decided_map(decisions: Decisions) -> Map<String, Value> {
    Map::from_iter([
        ("granted".to_owned(), decisions.granted.into()),
        ("refused".to_owned(), decisions.refused.into()),
        ("withdrawn".to_owned(), decisions.withdrawn.into()),
        ("coverage".to_owned(), decisions.coverage().map_or(Value::Null, Value::from)),
    ])
}
