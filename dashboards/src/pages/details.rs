//! `GET /details`: every row of one dimension, with every figure.

use super::frame::Frame;
use super::panel::{filtered, share, time_on_page};
use super::tools::{self, Tools};
use super::{html, icon, resolve, trouble};
use crate::App;
use crate::address::{Address, Panel};
use crate::dimension::{Dimension, Metric};
use crate::pages::panel::Tab;
use crate::pages::scale::Unit;
use crate::questions::{Breakdown, BreakdownRow, Figures, breakdown, totals};
use crate::text;
use crate::view::View;
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use std::sync::Arc;

/// Rows of one page.
const PAGE_ROWS: u32 = 100;

#[derive(Template)]
#[template(path = "details.html")]
struct DetailsPage {
    frame: Frame,
    tools: Tools,
    heading: String,
    title: &'static str,
    back: String,
    tabs: Vec<Tab>,
    column: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<Row>,
    shown: String,
    earlier: Option<String>,
    later: Option<String>,
    csv: String,
}

struct Row {
    name: String,
    filter: String,
    cells: Vec<String>,
}

/// `GET /details`
pub(crate) async fn details(
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
        let offset = (address.page - 1) * PAGE_ROWS;
        let (rows, (totals, _)) = tokio::try_join!(
            breakdown(&app.store, view.scope(), address.by, PAGE_ROWS, offset),
            totals(&app.store, view.scope()),
        )?;
        Ok((view, rows, totals))
    };
    match answer.await {
        Err(failure) => trouble::failed(&app, &headers, &address, failure),
        Ok((view, rows, totals)) => html(StatusCode::OK, &page(&app, &headers, &view, &rows, &totals)),
    }
}

fn page(app: &App, headers: &HeaderMap, view: &View<'_>, found: &Breakdown, totals: &Figures) -> DetailsPage {
    let (address, by) = (&view.address, view.address.by);
    let panel = Panel::ALL.into_iter().find(|panel| panel.tabs().iter().any(|(tab, _)| *tab == by));
    let panel = panel.unwrap_or(Panel::Pages);
    let tab = |(other, label): &(Dimension, &'static str)| Tab {
        label,
        href: address.with(|address| address.by = *other).link("/details"),
        current: *other == by,
    };
    let turn = |page: u32| Address { page, ..address.clone() }.link("/details");
    let first = (address.page - 1) * PAGE_ROWS;
    let last = first + found.rows.len() as u32;
    let days = tools::days(&view.span, &view.now);
    let row = |row: &BreakdownRow| Row {
        name: by.label(&row.name),
        filter: filtered(address, by, &row.name),
        cells: cells(by, row, totals),
    };
    DetailsPage {
        frame: Frame::new(app, headers, address, panel.heading()),
        tools: Tools::new(view, "/details"),
        heading: format!(
            "{} by {}, {}, {days}",
            panel.heading(),
            by.heading().to_lowercase(),
            view.site.name
        ),
        title: panel.heading(),
        back: Address { page: 1, by: Address::of(&address.site).by, ..address.clone() }.link("/"),
        tabs: panel.tabs().iter().map(tab).collect(),
        column: by.heading(),
        columns: columns(by),
        rows: found.rows.iter().map(row).collect(),
        shown: match found.rows.len() {
            0 => "Nothing here".to_owned(),
            _ => format!("{} – {last} of {}", first + 1, text::count(found.total_rows)),
        },
        earlier: (address.page > 1).then(|| turn(address.page - 1)),
        later: (u64::from(last) < found.total_rows).then(|| turn(address.page + 1)),
        csv: address.link("/api/v1/breakdown.csv"),
    }
}

fn columns(by: Dimension) -> Vec<&'static str> {
    match by {
        Dimension::Page => vec!["Visitors", "Share", "Visits", "Page views", "Time"],
        _ => vec!["Visitors", "Share", "Visits", "Page views", "Bounce rate", "Visit duration"],
    }
}

fn cells(by: Dimension, row: &BreakdownRow, totals: &Figures) -> Vec<String> {
    let figures = &row.figures;
    let mut cells = vec![
        text::count(figures.visitors),
        share(figures.visitors, totals.visitors),
        text::count(figures.visits),
        text::count(figures.page_views),
    ];
    match (by, row.engaged_ms) {
        (Dimension::Page, engaged_ms) => {
            cells.push(time_on_page(engaged_ms.unwrap_or(0), figures.page_views));
        }
        _ => cells.extend([Metric::BounceRate, Metric::VisitDuration].map(|metric| {
            figures.metric(metric).map_or_else(|| "–".to_owned(), |value| Unit::of(metric).write(value))
        })),
    }
    cells
}
