//! What can be asked: one file per question, beside its SQL in `queries/`.
//!
//! In: a [`Scope`] (site, span, time zone, filter). Out: typed rows. The SQL is fixed text put together from the two
//! common tables `visits` and `inside`, the question itself and the filter's own conditions; every value is a bound
//! parameter, and the site is one of them in every file, so that no question can leave its site out.

mod breakdown;
mod decisions;
mod presence;
mod series;
mod totals;

pub use breakdown::{Breakdown, BreakdownRow, ROWS_MAX, breakdown};
pub use decisions::{Decisions, decisions};
pub use presence::{FirstDay, Rejected, first_day, rejected_since, visitors_now};
pub use series::series;
pub use totals::totals;

use crate::filter::Filter;
use crate::period::Span;
use crate::series::Interval;
use crate::store::Store;
use clickhouse::query::Query;
use serde::Serialize;

const VISITS: &str = include_str!("../queries/visits.sql");
const INSIDE: &str = include_str!("../queries/inside.sql");

/// What every question is about.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The id of the site.
    pub site: &'a str,
    /// The site's time zone, for the buckets that the store makes.
    pub zone: &'a str,
    /// The period.
    pub span: &'a Span,
    /// The visits that count.
    pub filter: &'a Filter,
}

/// What was counted: of a period, of a bucket or of a row. Everything shown is one of these numbers or a quotient of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Different visitors with a page view.
    pub visitors: u64,
    /// Visits with a page view.
    pub visits: u64,
    /// Page views.
    pub page_views: u64,
    /// Visits with one page view and no interaction.
    pub bounces: u64,
    /// Sum over the visits, first event to last.
    pub duration_ms: u64,
}

impl Figures {
    /// A metric, or nothing where there was no visit to divide by.
    pub fn metric(&self, metric: crate::dimension::Metric) -> Option<f64> {
        use crate::dimension::Metric;
        let per_visit = |sum: f64| (self.visits > 0).then(|| sum / self.visits as f64);
        match metric {
            Metric::Visitors => Some(self.visitors as f64),
            Metric::Visits => Some(self.visits as f64),
            Metric::PageViews => Some(self.page_views as f64),
            Metric::ViewsPerVisit => per_visit(self.page_views as f64),
            Metric::BounceRate => per_visit(self.bounces as f64),
            Metric::VisitDuration => per_visit(self.duration_ms as f64 / 1_000.0),
        }
    }
}

/// A question over `visits`, one row per visit.
fn over_visits(store: &Store, scope: Scope<'_>, interval: Interval, question: &str) -> Query {
    let having = scope.filter.having();
    bind(store.question(&format!("WITH visits AS (\n{VISITS}{having})\n{question}")), scope, interval)
}

/// A question over `inside`, one row per event.
fn over_events(store: &Store, scope: Scope<'_>, interval: Interval, question: &str) -> Query {
    let sql = if scope.filter.is_empty() {
        format!("WITH inside AS (\n{INSIDE})\n{question}")
    } else {
        let having = scope.filter.having();
        format!(
            "WITH visits AS (\n{VISITS}{having}),\n\
             inside AS (\n{INSIDE}  AND visit_id IN (SELECT visit_id FROM visits))\n{question}"
        )
    };
    bind(store.question(&sql), scope, interval)
}

fn bind(query: Query, scope: Scope<'_>, interval: Interval) -> Query {
    let query = query
        .param("site", scope.site)
        .param("zone", scope.zone)
        .param("interval", interval.name())
        .param("start", scope.span.start.as_millisecond())
        .param("end", scope.span.end.as_millisecond());
    scope
        .filter
        .conditions()
        .fold(query, |query, (dimension, value)| query.param(&Filter::parameter(dimension), value))
}

#[cfg(test)]
mod tests {
    use std::fs;

    #[test]
    fn no_question_leaves_its_site_out() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/queries");
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let sql = fs::read_to_string(&path).unwrap();
            let tables = ["FROM events", "FROM consents", "FROM rejections"];
            let reads: usize = tables.iter().map(|table| sql.matches(table).count()).sum();
            assert_eq!(reads, sql.matches("site_id = {site:String}").count(), "{}", path.display());
        }
    }
}
