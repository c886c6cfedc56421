//! How far apart the groups of records are that one sync each serves.
//!
//! In: how many records each group had, and when it began. Out: the time from its beginning to that of the next, at least.
//! Invariants: it is never longer than [`INTERVAL_MAX`]; where records come one by one or seldom it is short enough that nobody
//! notices.

use std::time::{Duration, Instant};

/// The longest interval. Without any a sync served two requests under full load, and took more of the processor than
/// their events.
const INTERVAL_MAX: Duration = Duration::from_millis(3);
/// Records a second from which on the interval is the longest; below, it is shorter in proportion. At a thousand it
/// is as long as a sync of a good disk takes anyway.
const CROWD_PER_SECOND: f64 = 6_000.0;
/// How long a record counts towards the rate: the time in which its weight falls to a third or so.
const MEMORY: Duration = Duration::from_millis(50);

/// The rate of the last moments.
pub(super) struct Pace {
    /// Records, each with the weight that it has still.
    recent: f64,
    at: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Pace {
        Pace { recent: 0.0, at: now }
    }

    /// How long after its beginning the next group begins at the earliest, given that this one has so many records.
    pub(super) fn interval(&mut self, begun: Instant, records: usize) -> Duration {
        let passed = begun.saturating_duration_since(self.at).as_secs_f64();
        self.at = begun;
        self.recent = self.recent * (-passed / MEMORY.as_secs_f64()).exp() + records as f64;
        // Whoever comes alone is nobody's crowd.
        if records < 2 {
            return Duration::ZERO;
        }
        let per_second = self.recent / MEMORY.as_secs_f64();
        INTERVAL_MAX.mul_f64((per_second / CROWD_PER_SECOND).min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The interval after a second of groups of so many records, so far apart.
    fn after_a_second(records: usize, apart: Duration) -> Duration {
        let begun = Instant::now();
        let mut pace = Pace::new(begun);
        let mut last = Duration::ZERO;
        for number in 0..(1_000_000 / apart.as_micros() as u32) {
            last = pace.interval(begun + apart * number, records);
        }
        last
    }

    #[test]
    fn groups_are_the_further_apart_the_more_records_come() {
        let check = |records, apart_us, least_us, most_us| {
            let interval = after_a_second(records, Duration::from_micros(apart_us));
            let range = Duration::from_micros(least_us)..=Duration::from_micros(most_us);
            assert!(range.contains(&interval), "{records} each {apart_us} µs: {interval:?}");
        };
        check(2, 100_000, 0, 30);
        check(2, 2_000, 490, 530);
        check(4, 2_000, 980, 1_060);
        check(18, 3_000, 2_990, 3_000);
        check(80, 3_000, 3_000, 3_000);
    }

    #[test]
    fn whoever_comes_alone_waits_for_nobody() {
        assert_eq!(after_a_second(1, Duration::from_micros(100)), Duration::ZERO);
    }

    #[test]
    fn a_rush_is_forgotten_when_it_is_over() {
        let begun = Instant::now();
        let mut pace = Pace::new(begun);
        assert_eq!(pace.interval(begun, 5_000), INTERVAL_MAX);
        let later = pace.interval(begun + MEMORY * 12, 2);
        assert!(later < Duration::from_micros(50), "{later:?}");
        assert!(pace.interval(begun, 2) <= INTERVAL_MAX, "a moment that lies before the last");
    }
}
