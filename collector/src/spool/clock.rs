//! Time as the spool counts it.
//!
//! In: the machine's clocks; of earlier runs their segments and the stamps of their batches. Out: stamps, and how old one is.
//! Invariant: a clock that is set moves nothing while the spool is open, and between runs makes nothing older than it is.

use std::ops::RangeInclusive;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use wire::limits::BATCH_MEMORY_MS;

/// Time as the spool counts it. The wall clock is read once, when the spool is opened, and from there on time only
/// passes: whoever sets the machine's clock while Kruimel runs moves nothing here. What an earlier run wrote is as old as
/// the wall clock says, or as that run and those after it took by their own records, whichever is less: a clock that was
/// set in between makes the spool remember a batch for longer, and never for less.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
    start_wall_ms: u64,
    /// The earlier runs, by their segments.
    runs: OnceLock<Vec<Run>>,
}

/// An earlier run, or a part of one, as its batches tell.
#[derive(Debug)]
pub(crate) struct Run {
    /// The sequences of its segments.
    pub(crate) segments: RangeInclusive<u64>,
    /// The first and the last stamp of a batch; in a run stamps only grow.
    pub(crate) stamps_ms: Option<(u64, u64)>,
    /// What the runs after it took at least.
    pub(crate) ago_ms: u64,
}

impl Run {
    pub(crate) fn beginning_with(sequence: u64) -> Run {
        Run { segments: sequence..=sequence, stamps_ms: None, ago_ms: 0 }
    }

    pub(crate) fn add(&mut self, at_ms: u64) {
        let (first, last) = self.stamps_ms.unwrap_or((at_ms, at_ms));
        self.stamps_ms = Some((first.min(at_ms), last.max(at_ms)));
    }
}

impl Clock {
    pub(crate) fn start() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let start_wall_ms = since.map_or(0, |since| since.as_millis() as u64);
        Clock { start: Instant::now(), start_wall_ms, runs: OnceLock::new() }
    }

    /// Never goes back; begins late enough that every remembered batch has a positive reading.
    pub(crate) fn now_ms(&self) -> u64 {
        BATCH_MEMORY_MS + self.elapsed_ms()
    }

    /// Milliseconds since 1970.
    pub(crate) fn wall_ms(&self) -> u64 {
        self.start_wall_ms + self.elapsed_ms()
    }

    /// Tells of earlier runs, in their order.
    pub(crate) fn inherit(&self, mut runs: Vec<Run>) {
        let mut passed_ms = 0;
        for run in runs.iter_mut().rev() {
            run.ago_ms = passed_ms;
            passed_ms += run.stamps_ms.map_or(0, |(first, last)| last - first);
        }
        self.runs.get_or_init(|| runs);
    }

    /// The reading at the time of a stamp in that segment, unless a browser no longer repeats what happened then.
    pub(crate) fn recent(&self, sequence: u64, at_ms: u64) -> Option<u64> {
        let runs = self.runs.get().map_or(&[][..], Vec::as_slice);
        let place = runs.partition_point(|run| *run.segments.end() < sequence);
        let passed = |run: &Run| {
            let newest_ms = run.stamps_ms.map_or(0, |(_, last)| last);
            newest_ms.saturating_sub(at_ms) + run.ago_ms + self.elapsed_ms()
        };
        let run = runs.get(place).filter(|run| run.segments.contains(&sequence));
        let age_ms = self.wall_ms().saturating_sub(at_ms).min(run.map_or(u64::MAX, passed));
        (age_ms < BATCH_MEMORY_MS).then(|| self.now_ms().saturating_sub(age_ms))
    }

    /// How long the spool is open, whatever became of the machine's clock.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn elapsed_ms(&self) -> u64 {
        self.elapsed().as_millis() as u64
    }

    /// One that was started so long ago, and counts that time by now.
    #[cfg(test)]
    pub(crate) fn started(ago: Duration, wall: SystemTime) -> Clock {
        let start_wall = (wall - ago).duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64;
        let start = Instant::now().checked_sub(ago).expect("the machine's clock can tell");
        Clock { start, start_wall_ms: start_wall, ..Clock::start() }
    }
}
