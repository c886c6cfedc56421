//! What became of everything that was received: every event ends in exactly one counter.
//!
//! Totals since the start for `/metrics`, and the refusals since the last flush for the table `rejections`: by site, hour
//! and reason, for an undeclared origin also its host, never a payload.

mod histogram;

pub use histogram::Histogram;

use crate::pipeline::{Rejection, is_host};
use crate::row_binary::{Encoder, Layout};
use std::collections::{BTreeMap, HashMap};
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

/// Most undeclared hosts that are told apart between two flushes; the rest are counted under one name.
pub const ORIGIN_HOSTS_MAX: usize = 100;
const OTHER_HOSTS: &str = "(other)";

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
    unflushed: HashMap<Key, u64>,
    hosts: usize,
}

/// Refusals that were taken out to be kept.
pub struct Counted(HashMap<Key, u64>);

impl Counted {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Rows of the layout [`REJECTIONS`] that expire after some days.
    pub fn rows(&self, kept_days: u32) -> Vec<Vec<u8>> {
        self.0.iter().map(|(key, count)| encode(key, *count, kept_days)).collect()
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    site: String,
    hour_s: u32,
    reason: Rejection,
    origin_host: String,
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
        });
        self.keep(site, reason, origin_host, events, now_ms);
    }

    /// Events that were received and cannot be kept at the moment.
    pub fn put_off(&self, site: &str, reason: Rejection, events: usize, now_ms: i64) {
        self.with(|counts| *counts.rejected.entry(reason.label()).or_default() += events as u64);
        self.keep(site, reason, "", events, now_ms);
    }

    /// A decision that was refused.
    pub fn decision_rejected(&self, site: &str, reason: Rejection, origin_host: &str, now_ms: i64) {
        self.with(|counts| *counts.decisions_rejected.entry(reason.label()).or_default() += 1);
        self.keep(site, reason, origin_host, 1, now_ms);
    }

    /// Counts for the table.
    fn keep(&self, site: &str, reason: Rejection, origin_host: &str, events: usize, now_ms: i64) {
        let hour_s = u32::try_from(now_ms.div_euclid(3_600_000) * 3_600).unwrap_or(0);
        self.with(|counts| {
            let mut key = Key { site: site.to_owned(), hour_s, reason, origin_host: origin_host.to_owned() };
            if !origin_host.is_empty() && !counts.unflushed.contains_key(&key) {
                if counts.hosts < ORIGIN_HOSTS_MAX && is_host(origin_host) {
                    counts.hosts += 1;
                } else {
                    key.origin_host = OTHER_HOSTS.to_owned();
                }
            }
            *counts.unflushed.entry(key).or_default() += events as u64;
        });
    }

    /// The refusals since the last call.
    pub fn flush(&self) -> Counted {
        self.with(|counts| {
            counts.hosts = 0;
            Counted(std::mem::take(&mut counts.unflushed))
        })
    }

    /// Puts back what could not be kept.
    pub fn restore(&self, counted: Counted) {
        self.with(|counts| {
            for (key, count) in counted.0 {
                *counts.unflushed.entry(key).or_default() += count;
            }
        });
    }

    /// The totals in Prometheus' text format.
    pub fn render(&self) -> String {
        self.with(|counts| {
            let mut out = String::new();
            let mut line = |text: std::fmt::Arguments<'_>| {
                out.write_fmt(text).expect("a String takes what is written to it");
            };
            line(format_args!("# HELP kruimel_events_received_total Events received.\n"));
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

fn encode(key: &Key, count: u64, kept_days: u32) -> Vec<u8> {
    let mut out = Encoder::row();
    out.string(&key.site);
    out.date_time(key.hour_s);
    out.string(key.reason.label());
    out.string(&key.origin_host);
    out.uint64(count);
    out.date(u16::try_from(key.hour_s / 86_400 + kept_days).unwrap_or(u16::MAX));
    out.finish()
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
