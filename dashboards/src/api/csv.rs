//! The tables of the page as CSV (RFC 4180): a heading, then a row each, lines ended by CR LF.
//!
//! Invariant: a cell that a spreadsheet would run as a formula begins with an apostrophe. Names of sources and campaigns
//! come from visitors' links.

use super::Refused;
use crate::App;
use crate::address::Address;
use crate::dimension::Dimension;
use crate::pages::resolve;
use crate::questions::{Decisions, Figures, ROWS_MAX, breakdown, decisions, series};
use crate::series::{Bucket, Interval};
use crate::view::View;
use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::fmt::Write;
use std::sync::Arc;

/// `GET /api/v1/series.csv`: every figure of each bucket that has begun.
pub(crate) async fn series_csv(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let view = view(&app, query).await?;
    let found = series(&app.store, view.scope(), view.interval, &view.buckets, true).await?;
    let mut table =
        Table::new(&["from", "to", "visitors", "visits", "page_views", "bounces", "duration_seconds"]);
    for (bucket, figures) in view.buckets.iter().zip(&found).take(view.begun()) {
        let (from, to) = bounds(&view, bucket);
        table.row(&[&from, &to], &numbers(figures));
    }
    Ok(table.answer(&view, "series"))
}

/// `GET /api/v1/breakdown.csv`: the rows of the dimension named by `by`, at most [`ROWS_MAX`].
pub(crate) async fn breakdown_csv(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let view = view(&app, query).await?;
    let by = view.address.by;
    let found = breakdown(&app.store, view.scope(), by, ROWS_MAX, 0).await?;
    let last: &[&str] = match by {
        Dimension::Page => &["engaged_seconds"],
        _ => &["bounces", "duration_seconds"],
    };
    let mut table = Table::new(&[&[by.name(), "visitors", "visits", "page_views"], last].concat());
    for row in &found.rows {
        let all = numbers(&row.figures);
        match row.engaged_ms {
            Some(engaged_ms) => table.row(&[&row.name], &[&all[..3], &[engaged_ms / 1_000]].concat()),
            None => table.row(&[&row.name], &all),
        }
    }
    Ok(table.answer(&view, by.name()))
}

/// `GET /api/v1/decisions.csv`: the decisions of each bucket that has begun.
pub(crate) async fn decisions_csv(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let view = view(&app, query).await?;
    let (found, _) = decisions(&app.store, view.scope(), view.interval, &view.buckets).await?;
    let mut table = Table::new(&["from", "to", "granted", "refused", "withdrawn"]);
    for (bucket, decided) in view.buckets.iter().zip(&found).take(view.begun()) {
        let (from, to) = bounds(&view, bucket);
        let Decisions { granted, refused, withdrawn } = *decided;
        table.row(&[&from, &to], &[granted, refused, withdrawn]);
    }
    Ok(table.answer(&view, "decisions"))
}

async fn view(app: &App, query: Option<String>) -> Result<View<'_>, Refused> {
    let address = Address::parse(&query.unwrap_or_default(), &app.sites)?;
    Ok(resolve(app, address).await?)
}

fn numbers(figures: &Figures) -> [u64; 5] {
    let Figures { visitors, visits, page_views, bounces, duration_ms } = *figures;
    [visitors, visits, page_views, bounces, duration_ms / 1_000]
}

fn bounds(view: &View<'_>, bucket: &Bucket) -> (String, String) {
    match view.interval {
        Interval::Hour => (bucket.start.to_string(), bucket.end.to_string()),
        _ => (bucket.first.to_string(), bucket.last.to_string()),
    }
}

struct Table(String);

impl Table {
    fn new(heading: &[&str]) -> Table {
        Table(format!("{}\r\n", heading.join(",")))
    }

    fn row(&mut self, names: &[&str], numbers: &[u64]) {
        let mut cells: Vec<String> = names.iter().map(|name| cell(name)).collect();
        cells.extend(numbers.iter().map(u64::to_string));
        self.0.push_str(&cells.join(","));
        self.0.push_str("\r\n");
    }

    fn answer(self, view: &View<'_>, what: &str) -> Response {
        let mut name = String::new();
        for letter in view.site.id.chars() {
            name.push(if letter.is_ascii_alphanumeric() { letter } else { '-' });
        }
        // Writing to a String cannot fail.
        write!(name, "-{what}-{}-{}.csv", view.span.first, view.span.last).unwrap_or_default();
        let headers = [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
            (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        ];
        (headers, self.0).into_response()
    }
}

fn cell(text: &str) -> String {
    let runs = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if runs { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_neither_broken_nor_run() {
        for (text, expected) in [
            ("Google", "Google"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=1+1", "'=1+1"),
            ("", ""),
        ] {
            assert_eq!(cell(text), expected);
        }
    }
}
