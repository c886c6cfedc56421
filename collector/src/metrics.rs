//! What became of everything that was received: every event ends in exactly one counter.
//!
//! Totals since the start for `/metrics`, and the refusals since the last flush for the table `rejections`, never a
//! payload.

mod histogram;
mod refusals;

pub use histogram::Histogram;
pub(crate) use refusals::OTHER;
pub use refusals::{Counted, ORIGIN_HOSTS_MAX};

use crate::pipeline::Rejection;
use crate::row_binary::Layout;
use refusals::Refusals;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

/// Names and types of the columns of `rejections`.
pub const REJECTIONS: Layout = Layout {
    table: "rejections",
    columns: &[
        ("segment_id", "UInt64"),
        ("site_id", "LowCardinality(String)"),
        ("hour", "DateTime('UTC')"),
        ("reason", "LowCardinality(String)"),
        ("origin_host", "LowCardinality(String)"),
        ("count", "UInt64"),
        ("expires", "Date"),
    ],
};

/// Names and types of the columns of `displays`.
pub const DISPLAYS: Layout = Layout {
    table: "displays",
    columns: &[
        ("segment_id", "UInt64"),
        ("site_id", "LowCardinality(String)"),
        ("hour", "DateTime('UTC')"),
        ("revision", "UInt32"),
        ("language", "LowCardinality(String)"),
        ("count", "UInt64"),
        ("expires", "Date"),
    ],
};

/// Most counts of one table that wait for the next flush and are told apart: so many of the longest fit one record.
pub(crate) const COUNTS_MAX: usize = 8_000;

/// The counters.
#[derive(Default)]
pub struct Outcomes(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    received: u64,
    accepted: u64,
    repeated: u64,
    decisions: BTreeMap<&'static str, u64>,
    rejected: BTreeMap<&'static str, u64>,
    decisions_rejected: BTreeMap<&'static str, u64>,
    unflushed: Refusals,
}

impl Outcomes {
    /// Events that may be stored, on their way to the disk. What becomes of them is told by [`Outcomes::accepted`],
    /// [`Outcomes::repeated`] or [`Outcomes::put_off`].
    pub fn received(&self, events: usize) {
        self.with(|counts| counts.received += events as u64);
    }

    /// Events that are on disk.
    pub fn accepted(&self, events: usize) {
        self.with(|counts| counts.accepted += events as u64);
    }

    /// Events of a batch that was on disk before.
    pub fn repeated(&self, events: usize) {
        self.with(|counts| counts.repeated += events as u64);
    }

    /// A decision that is on disk, or a refusal that is honoured without a row.
    pub fn decided(&self, action: &'static str) {
        self.with(|counts| *counts.decisions.entry(action).or_default() += 1);
    }

    /// Events, or a request that could not be read as events, that were refused. `site` is empty where it is not one of
    /// the config's; `origin_host` is given only for [`Rejection::ForeignOrigin`].
    pub fn rejected(&self, site: &str, reason: Rejection, origin_host: &str, events: usize, now_ms: i64) {
        self.with(|counts| {
            counts.received += events as u64;
            *counts.rejected.entry(reason.label()).or_default() += events as u64;
            counts.unflushed.count(site, reason, origin_host, events, now_ms);
        });
    }

    /// Events that were received and cannot be kept at the moment.
    pub fn put_off(&self, site: &str, reason: Rejection, events: usize, now_ms: i64) {
        self.with(|counts| {
            *counts.rejected.entry(reason.label()).or_default() += events as u64;
            counts.unflushed.count(site, reason, "", events, now_ms);
        });
    }

    /// A decision that was refused.
    pub fn decision_rejected(&self, site: &str, reason: Rejection, origin_host: &str, now_ms: i64) {
        self.with(|counts| {
            *counts.decisions_rejected.entry(reason.label()).or_default() += 1;
            counts.unflushed.count(site, reason, origin_host, 1, now_ms);
        });
    }

    /// The refusals since the last call.
    pub fn flush(&self) -> Counted {
        self.with(|counts| counts.unflushed.flush())
    }

    /// Puts back what could not be kept.
    pub fn restore(&self, counted: Counted) {
        self.with(|counts| counts.unflushed.restore(counted));
    }

    /// The totals in Prometheus' text format.
    pub fn render(&self) -> String {
        self.with(|counts| {
            let mut out = String::new();
            let mut line = |text: std::fmt::Arguments<'_>| {
                out.write_fmt(text).expect("a String takes what is written to it");
            };
            line(format_args!("# HELP kruimel_events_received_total Events received; a batch that was refused unread counts as one.\n"));
            line(format_args!("# TYPE kruimel_events_received_total counter\n"));
            line(format_args!("kruimel_events_received_total {}\n", counts.received));
            line(format_args!("# HELP kruimel_events_total Events received, by what became of them.\n"));
            line(format_args!("# TYPE kruimel_events_total counter\n"));
            line(format_args!("kruimel_events_total{{outcome=\"accepted\"}} {}\n", counts.accepted));
            line(format_args!("kruimel_events_total{{outcome=\"repeated\"}} {}\n", counts.repeated));
            for (reason, count) in &counts.rejected {
                line(format_args!(
                    "kruimel_events_total{{outcome=\"rejected\",reason=\"{reason}\"}} {count}\n"
                ));
            }
            line(format_args!("# HELP kruimel_decisions_total Decisions of visitors, by action.\n"));
            line(format_args!("# TYPE kruimel_decisions_total counter\n"));
            for (action, count) in &counts.decisions {
                line(format_args!("kruimel_decisions_total{{action=\"{action}\"}} {count}\n"));
            }
            line(format_args!(
                "# HELP kruimel_decisions_rejected_total Decisions that were refused, by reason.\n"
            ));
            line(format_args!("# TYPE kruimel_decisions_rejected_total counter\n"));
            for (reason, count) in &counts.decisions_rejected {
                line(format_args!("kruimel_decisions_rejected_total{{reason=\"{reason}\"}} {count}\n"));
            }
            out
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Counts) -> T) -> T {
        // A panic between two additions cannot leave a counter half-written.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_summed_and_flushed_once() {
        let outcomes = Outcomes::default();
        outcomes.accepted(2);
        outcomes.rejected("demo", Rejection::NoReceipt, "", 3, 0);
        outcomes.rejected("demo", Rejection::NoReceipt, "", 1, 0);
        let counted = outcomes.flush();
        assert_eq!(counted.rows(30).len(), 1);
        assert!(outcomes.flush().is_empty());
        outcomes.restore(counted);
        assert_eq!(outcomes.flush().rows(30).len(), 1);
        let text = outcomes.render();
        assert!(text.contains("outcome=\"accepted\"} 2"), "{text}");
        assert!(text.contains("reason=\"no_receipt\"} 4"), "{text}");
    }

    #[test]
    fn undeclared_hosts_are_capped() {
        let outcomes = Outcomes::default();
        for number in 0..ORIGIN_HOSTS_MAX + 50 {
            outcomes.rejected("demo", Rejection::ForeignOrigin, &format!("h{number}.example"), 1, 0);
        }
        assert_eq!(outcomes.flush().rows(30).len(), ORIGIN_HOSTS_MAX + 1);
    }
}
