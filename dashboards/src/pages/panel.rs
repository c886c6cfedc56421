//! A panel of ranked rows: the name is the link that filters, the bar is as long as the row's part of the largest.

use super::scale::percentage;
use crate::address::{Address, Panel};
use crate::dimension::Dimension;
use crate::questions::{Breakdown, BreakdownRow, Figures};
use crate::text;
use crate::view::View;

/// The values of one panel in `templates/overview.html`.
pub(super) struct PanelView {
    pub(super) id: &'static str,
    pub(super) heading: &'static str,
    pub(super) tabs: Vec<Tab>,
    pub(super) column: &'static str,
    pub(super) second: &'static str,
    pub(super) rows: Vec<Row>,
    pub(super) shown: String,
    pub(super) details: String,
    pub(super) csv: String,
}

/// One tab.
pub(super) struct Tab {
    pub(super) label: &'static str,
    pub(super) href: String,
    pub(super) current: bool,
}

/// One row.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) filter: String,
    pub(super) width: String,
    pub(super) visitors: String,
    pub(super) second: String,
}

impl PanelView {
    /// The panel with its open tab.
    pub(super) fn new(
        view: &View<'_>,
        panel: Panel,
        dimension: Dimension,
        breakdown: &Breakdown,
        totals: &Figures,
    ) -> PanelView {
        let address = &view.address;
        let tab = |(other, label): &(Dimension, &'static str)| Tab {
            label,
            href: format!(
                "{}#{}",
                address.with(|address| address.tabs[panel as usize] = *other).link("/"),
                panel.name()
            ),
            current: *other == dimension,
        };
        let here = address.with(|address| address.by = dimension);
        PanelView {
            id: panel.name(),
            heading: panel.heading(),
            tabs: panel.tabs().iter().map(tab).collect(),
            column: dimension.heading(),
            second: if dimension == Dimension::Page { "Time" } else { "Share" },
            rows: rows(address, dimension, breakdown, totals),
            shown: format!("{} of {}", breakdown.rows.len(), text::count(breakdown.total_rows)),
            details: here.link("/details"),
            csv: here.link("/api/v1/breakdown.csv"),
        }
    }
}

fn rows(address: &Address, dimension: Dimension, breakdown: &Breakdown, totals: &Figures) -> Vec<Row> {
    let largest = breakdown.rows.iter().map(|row| row.figures.visitors).max().unwrap_or(0);
    let row = |row: &BreakdownRow| Row {
        name: dimension.label(&row.name),
        filter: filtered(address, dimension, &row.name),
        width: percentage(row.figures.visitors as f64 * 100.0 / largest.max(1) as f64),
        visitors: text::count(row.figures.visitors),
        second: match row.engaged_ms {
            Some(engaged_ms) => time_on_page(engaged_ms, row.figures.page_views),
            None => share(row.figures.visitors, totals.visitors),
        },
    };
    breakdown.rows.iter().map(row).collect()
}

/// A link that shows only the visits of a row.
pub(super) fn filtered(address: &Address, dimension: Dimension, value: &str) -> String {
    address.with(|address| if address.filter.set(dimension, value) {}).link("/")
}

/// The mean time that a page was visible and focused.
pub(super) fn time_on_page(engaged_ms: u64, page_views: u64) -> String {
    if page_views == 0 {
        "–".to_owned()
    } else {
        text::duration(engaged_ms as f64 / 1_000.0 / page_views as f64)
    }
}

/// A part of a whole, or a dash where there is no whole.
pub(super) fn share(part: u64, whole: u64) -> String {
    if whole == 0 { "–".to_owned() } else { text::percent(part as f64 / whole as f64) }
}
