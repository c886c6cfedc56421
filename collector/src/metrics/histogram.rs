//! How long something took, counted in steps that Prometheus can add up over collectors.
//!
//! In: durations, from any thread. Out: a histogram in Prometheus' text format. Invariant: a measurement costs two
//! additions and no lock.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper ends of the steps, in microseconds: from a sync on a quick disk to an insert's patience.
const BOUNDS_US: [u64; 15] = [
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    5_000_000,
    30_000_000,
    120_000_000,
];

/// See the module.
#[derive(Debug, Default)]
pub struct Histogram {
    /// One for each step, and one for what took longer than the last.
    counts: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    /// Counts one duration.
    pub fn observe(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let step = BOUNDS_US.partition_point(|bound| *bound < us);
        self.counts[step].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// Writes it under that name.
    pub(crate) fn render(&self, out: &mut String, name: &str, help: &str) -> fmt::Result {
        writeln!(out, "# HELP {name} {help}\n# TYPE {name} histogram")?;
        let mut below = 0;
        for (count, bound) in self.counts.iter().zip(BOUNDS_US) {
            below += count.load(Ordering::Relaxed);
            writeln!(out, "{name}_bucket{{le=\"{}\"}} {below}", seconds(bound))?;
        }
        below += self.counts[BOUNDS_US.len()].load(Ordering::Relaxed);
        writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {below}")?;
        writeln!(out, "{name}_sum {}\n{name}_count {below}", seconds(self.sum_us.load(Ordering::Relaxed)))
    }
}

fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_in_one_step_and_in_all_above_it() {
        let histogram = Histogram::default();
        for ms in [0, 1, 2, 600_000] {
            histogram.observe(Duration::from_millis(ms));
        }
        let mut out = String::new();
        histogram.render(&mut out, "x", "Some.").unwrap();
        for line in [
            "x_bucket{le=\"0.00025\"} 1",
            "x_bucket{le=\"0.001\"} 2",
            "x_bucket{le=\"0.0025\"} 3",
            "x_bucket{le=\"120\"} 3",
            "x_bucket{le=\"+Inf\"} 4",
            "x_sum 600.003",
            "x_count 4",
        ] {
            assert!(out.lines().any(|found| found == line), "{line} is missing in\n{out}");
        }
    }
}
