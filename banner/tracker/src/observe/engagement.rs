//! Engagement: how long a page was visible, and how long visible *and* focused.
//!
//! In: clock readings (`performance.now`, milliseconds) with what the page was at that moment. Out: the time since the
//! last report. Pure. Invariant: no millisecond is counted twice, and none in which nobody looked at the clock: a
//! computer that slept with the page open adds at most one interval.

use crate::queue::Spent;
use wire::limits;

/// The first interval between two readings; it doubles up to the last, since most pages are left early.
const INTERVAL_MS: f64 = 15_000.0;
const INTERVAL_MS_MAX: f64 = 240_000.0;
/// Less is not worth a request: it stays for the next report.
const REPORT_MS_MIN: u32 = 100;
/// Timers are late under load.
const LATE_MS: f64 = 1_000.0;

/// Measures one page view.
pub(crate) struct Stopwatch {
    read_ms: f64,
    interval_ms: f64,
    visible: bool,
    focused: bool,
    visible_ms: f64,
    engaged_ms: f64,
}

impl Stopwatch {
    /// Starts with the page as it is.
    pub(crate) fn start(now_ms: f64, visible: bool, focused: bool) -> Stopwatch {
        Stopwatch {
            read_ms: now_ms,
            interval_ms: INTERVAL_MS,
            visible,
            focused,
            visible_ms: 0.0,
            engaged_ms: 0.0,
        }
    }

    /// Counts the time since the last reading as what the page was then, and notes what it is from here on.
    pub(crate) fn read(&mut self, now_ms: f64, visible: bool, focused: bool) {
        let passed_ms = (now_ms - self.read_ms).clamp(0.0, self.interval_ms + LATE_MS);
        if self.visible {
            self.visible_ms += passed_ms;
            if self.focused {
                self.engaged_ms += passed_ms;
            }
        }
        (self.read_ms, self.visible, self.focused) = (now_ms, visible, focused);
    }

    /// When the clock has to be read at the latest; infinite while no time runs.
    pub(crate) fn due_ms(&self) -> f64 {
        if self.visible { self.read_ms + self.interval_ms } else { f64::INFINITY }
    }

    /// At a regular reading: what to report if somebody was engaged; the next interval is longer.
    pub(crate) fn tick(&mut self) -> Option<Spent> {
        self.interval_ms = (self.interval_ms * 2.0).min(INTERVAL_MS_MAX);
        if self.engaged_ms < 1.0 { None } else { self.take() }
    }

    /// What is to be reported: whole milliseconds; none if it is hardly any.
    pub(crate) fn take(&mut self) -> Option<Spent> {
        let most = limits::ENGAGEMENT_MS_MAX;
        let spent = Spent {
            visible_ms: (self.visible_ms as u32).min(most),
            engaged_ms: (self.engaged_ms as u32).min(most),
        };
        if spent.visible_ms < REPORT_MS_MIN {
            return None;
        }
        (self.visible_ms, self.engaged_ms) = (0.0, 0.0);
        Some(spent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(visible_ms: u32, engaged_ms: u32) -> Option<Spent> {
        Some(Spent { visible_ms, engaged_ms })
    }

    #[test]
    fn visible_and_engaged_time_are_counted_apart() {
        let mut watch = Stopwatch::start(1_000.0, true, true);
        watch.read(3_000.0, true, false);
        watch.read(6_000.0, false, false);
        watch.read(9_000.0, true, true);
        watch.read(9_500.0, true, true);
        assert_eq!(watch.take(), spent(5_500, 2_500));
        assert_eq!(watch.take(), None, "nothing is told twice");
    }

    #[test]
    fn an_instant_waits_for_the_next_report() {
        let mut watch = Stopwatch::start(0.0, true, true);
        watch.read(99.0, true, true);
        assert_eq!(watch.take(), None);
        watch.read(200.0, true, true);
        assert_eq!(watch.take(), spent(200, 200));
    }

    #[test]
    fn a_focused_page_that_is_hidden_engages_nobody() {
        let mut watch = Stopwatch::start(0.0, false, true);
        watch.read(5_000.0, false, true);
        assert_eq!(watch.take(), None);
        assert_eq!(watch.due_ms(), f64::INFINITY, "no timer while hidden");
    }

    #[test]
    fn sleep_adds_at_most_one_interval() {
        let mut watch = Stopwatch::start(0.0, true, true);
        watch.read(8.0 * 3_600_000.0, true, true);
        assert_eq!(watch.take(), spent(16_000, 16_000));
        watch.read(0.0, true, true);
        assert_eq!(watch.take(), None, "a clock that goes back adds nothing");
    }

    #[test]
    fn readings_become_rarer_and_report_only_engagement() {
        let mut watch = Stopwatch::start(0.0, true, true);
        let mut due = Vec::new();
        for _ in 0..6 {
            let now_ms = watch.due_ms();
            due.push(now_ms / 1_000.0);
            watch.read(now_ms, true, true);
            assert!(watch.tick().is_some());
        }
        assert_eq!(due, [15.0, 45.0, 105.0, 225.0, 465.0, 705.0]);
        watch.read(705_000.0, true, false);
        watch.read(800_000.0, true, false);
        assert_eq!(watch.tick(), None, "visible beside another window: told when the page is left");
        assert_eq!(watch.take(), spent(95_000, 0));
    }
}
