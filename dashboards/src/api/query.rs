//! `POST /api/v1/query`: metrics of a period, in one row or split by one dimension or by time.

use super::{Refused, metric, period};
use crate::App;
use crate::address::{Address, known_site};
use crate::dimension::{Dimension, Metric};
use crate::pages::resolve;
use crate::period::Period;
use crate::questions::{Decisions, Figures, ROWS_MAX, breakdown, decisions, series, totals};
use crate::series::{Bucket, Interval};
use crate::store::Failure;
use crate::view::View;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Largest body of a query.
pub const QUERY_BYTES_MAX: usize = 64 * 1024;
/// Rows of an answer unless another limit is asked for.
const ROWS_DEFAULT: u32 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    site: String,
    period: Days,
    metrics: Vec<String>,
    #[serde(default)]
    dimensions: Vec<String>,
    #[serde(default)]
    filters: Vec<Condition>,
    interval: Option<String>,
    limit: Option<u32>,
    #[serde(default)]
    offset: u32,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Days {
    Named(String),
    Custom { from: String, to: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    dimension: String,
    value: String,
}

#[derive(Clone, Copy)]
enum Wanted {
    Visit(Metric),
    Decision(fn(Decisions) -> Value),
}

#[derive(Clone, Copy, PartialEq)]
enum Split {
    Whole,
    Time,
    By(Dimension),
}

/// `POST /api/v1/query`
pub(crate) async fn query(State(app): State<Arc<App>>, body: Bytes) -> Result<Json<Value>, Refused> {
    let request: Request =
        serde_json::from_slice(&body).map_err(|error| Refused::misunderstood(error.to_string()))?;
    let address = address(&app, &request)?;
    let split = split(&request.dimensions)?;
    let wanted = request.metrics.iter().map(|name| wanted(name, split)).collect::<Result<Vec<_>, _>>()?;
    if wanted.is_empty() {
        return Err(Refused::misunderstood("A query needs at least one metric."));
    }
    let limit = request.limit.unwrap_or(ROWS_DEFAULT).min(ROWS_MAX);
    let view = resolve(&app, address).await?;
    let (rows, total_rows) = match split {
        Split::Whole => (vec![whole(&app, &view, &wanted).await?], 1),
        Split::Time => {
            let rows = by_time(&app, &view, &wanted).await?;
            let count = rows.len() as u64;
            (rows, count)
        }
        Split::By(dimension) => {
            let found = breakdown(&app.store, view.scope(), dimension, limit, request.offset).await?;
            let row = |row: &crate::questions::BreakdownRow| json!({ "dimensions": [row.name], "metrics": values(&wanted, &row.figures, Decisions::default()) });
            (found.rows.iter().map(row).collect(), found.total_rows)
        }
    };
    Ok(Json(json!({
        "site": view.site.id,
        "period": period(&view, &view.span),
        "interval": (split == Split::Time).then(|| view.interval.name()),
        "metrics": request.metrics,
        "dimensions": request.dimensions,
        "rows": rows,
        "total_rows": total_rows,
    })))
}

fn address(app: &App, request: &Request) -> Result<Address, Refused> {
    let site = known_site(&request.site, &app.sites)?;
    let mut address = Address::of(&site);
    address.period = match &request.period {
        Days::Named(name) => Period::parse(name, None, None),
        Days::Custom { from, to } => Period::parse("custom", Some(from), Some(to)),
    }
    .map_err(|error| Refused::misunderstood(error.to_string()))?;
    for Condition { dimension, value } in &request.filters {
        let known = Dimension::parse(dimension).ok_or_else(|| unknown("dimension", dimension))?;
        if !address.filter.set(known, value) {
            return Err(Refused::misunderstood(format!(
                "The value for “{dimension}” is longer than any stored one."
            )));
        }
    }
    if let Some(name) = &request.interval {
        address.interval = Some(Interval::parse(name).ok_or_else(|| unknown("interval", name))?);
    }
    Ok(address)
}

fn split(dimensions: &[String]) -> Result<Split, Refused> {
    match dimensions {
        [] => Ok(Split::Whole),
        [time] if time == "time" => Ok(Split::Time),
        [name] => Dimension::parse(name).map(Split::By).ok_or_else(|| unknown("dimension", name)),
        _ => Err(Refused::misunderstood("A query can be split by one dimension at most.")),
    }
}

fn wanted(name: &str, split: Split) -> Result<Wanted, Refused> {
    if let Some(metric) = Metric::parse(name) {
        let unknown_of_pages = split == Split::By(Dimension::Page) && metric.of_visits();
        let sentence = format!("“{name}” belongs to visits, not to pages. Split by entry_page instead.");
        return if unknown_of_pages {
            Err(Refused::misunderstood(sentence))
        } else {
            Ok(Wanted::Visit(metric))
        };
    }
    if matches!(split, Split::By(_)) {
        let sentence = format!(
            "“{name}” cannot be split by a property of visits: a refusal keeps nothing about the person."
        );
        return decision(name)
            .map_or_else(|| Err(unknown("metric", name)), |_| Err(Refused::misunderstood(sentence)));
    }
    decision(name).map(Wanted::Decision).ok_or_else(|| unknown("metric", name))
}

fn decision(name: &str) -> Option<fn(Decisions) -> Value> {
    match name {
        "decisions" => Some(|decisions| decisions.answers().into()),
        "granted" => Some(|decisions| decisions.granted.into()),
        "refused" => Some(|decisions| decisions.refused.into()),
        "withdrawn" => Some(|decisions| decisions.withdrawn.into()),
        "coverage" => Some(|decisions| decisions.coverage().map_or(Value::Null, Value::from)),
        _ => None,
    }
}

fn unknown(what: &str, name: &str) -> Refused {
    Refused::misunderstood(format!("There is no {what} “{name}”."))
}

async fn whole(app: &App, view: &View<'_>, wanted: &[Wanted]) -> Result<Value, Failure> {
    let (figures, _) = totals(&app.store, view.scope()).await?;
    let decided = if needs_decisions(wanted) {
        let (found, _) = decisions(&app.store, view.scope(), view.interval, &view.buckets).await?;
        found.into_iter().fold(Decisions::default(), Decisions::plus)
    } else {
        Decisions::default()
    };
    Ok(json!({ "dimensions": [], "metrics": values(wanted, &figures, decided) }))
}

async fn by_time(app: &App, view: &View<'_>, wanted: &[Wanted]) -> Result<Vec<Value>, Failure> {
    let of_visits = wanted.iter().any(|wanted| matches!(wanted, Wanted::Visit(metric) if metric.of_visits()));
    let figures = series(&app.store, view.scope(), view.interval, &view.buckets, of_visits).await?;
    let decided = if needs_decisions(wanted) {
        decisions(&app.store, view.scope(), view.interval, &view.buckets).await?.0
    } else {
        vec![Decisions::default(); view.buckets.len()]
    };
    let row = |((bucket, figures), decided): ((&Bucket, &Figures), &Decisions)| {
        let name = match view.interval {
            Interval::Hour => bucket.start.to_string(),
            _ => bucket.first.to_string(),
        };
        json!({ "dimensions": [name], "metrics": values(wanted, figures, *decided) })
    };
    Ok(view.buckets.iter().zip(&figures).zip(&decided).map(row).collect())
}

fn needs_decisions(wanted: &[Wanted]) -> bool {
    wanted.iter().any(|wanted| matches!(wanted, Wanted::Decision(_)))
}

fn values(wanted: &[Wanted], figures: &Figures, decided: Decisions) -> Vec<Value> {
    let value = |wanted: &Wanted| match wanted {
        Wanted::Visit(which) => metric(figures, *which),
        Wanted::Decision(read) => read(decided),
    };
    wanted.iter().map(value).collect()
}
