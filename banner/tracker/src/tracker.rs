//! The tracker: decides at each wake-up what to observe, to keep and to send.
//!
//! In: a [`Signal`] and the grant of this wake-up. Out: events in the queue, requests, the time of the next wake-up.
//! Invariant: everything that is kept or listening is owned by [`Tracker`], so that dropping it ends it all.

use crate::gate::Grant;
use crate::listeners::Listeners;
use crate::observe::{engagement::Stopwatch, view};
use crate::queue::{Answer, Queue};
use crate::visit::VisitCookie;
use crate::{browser, transport, write};
use wire::{Client, Page, limits};

/// A page view is sent this soon: after what the page itself loads, before most visitors leave.
const SOON_MS: f64 = 1_000.0;

/// Why the tracker is woken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Signal {
    /// The time that was asked for has come.
    Timer,
    /// The page became visible or hidden, or gained or lost the focus.
    Attention,
    /// The page's address changed without loading.
    Move,
    /// The page is being left.
    Leave,
    /// The page came back out of the back-forward cache.
    Return,
    /// Someone wants what waits to be sent.
    Flush,
    /// The request under way was answered; 0 if it could not be sent.
    Answer {
        /// The status of the response.
        status: u16,
        /// The pause that the collector asks for, in milliseconds.
        pause_ms: f64,
    },
}

impl Signal {
    /// The number of [`Signal::Flush`].
    pub(crate) const FLUSH: u8 = 5;

    /// By its number, as browser.js tells it.
    pub(crate) fn of(number: u8, status: u16, pause_ms: f64) -> Signal {
        match number {
            1 => Signal::Attention,
            2 => Signal::Move,
            3 => Signal::Leave,
            4 => Signal::Return,
            Signal::FLUSH => Signal::Flush,
            6 => Signal::Answer { status, pause_ms },
            _ => Signal::Timer,
        }
    }
}

/// What becomes of the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It stays open.
    Stay,
    /// It closes: the collector knows no grant.
    Close,
}

/// See the module. Lives in [`crate::gate::Gate::Open`] only.
pub(crate) struct Tracker {
    queue: Queue,
    stopwatch: Stopwatch,
    visit: VisitCookie,
    listeners: Listeners,
    /// Of the page that is being told.
    path: String,
    /// When the events that are in no batch go into one; infinite if there are none.
    flush_ms: f64,
}

impl Tracker {
    /// Begins with a view of the page as it is.
    pub(crate) fn open(grant: &Grant) -> Tracker {
        let now_ms = browser::now_ms();
        let mut tracker = Tracker {
            queue: Queue::default(),
            stopwatch: Stopwatch::start(now_ms, false, false),
            visit: VisitCookie::open(),
            listeners: Listeners::attach(),
            path: String::new(),
            flush_ms: f64::INFINITY,
        };
        tracker.view(&view::referrer(browser::referrer(), &browser::host()), now_ms);
        tracker.send(now_ms, grant);
        tracker
    }

    /// Something happened.
    pub(crate) fn wake(&mut self, signal: Signal, grant: &Grant) -> Next {
        let now_ms = browser::now_ms();
        let visible = browser::is_visible();
        let ticks = self.stopwatch.due_ms() <= now_ms;
        self.stopwatch.read(now_ms, visible, browser::is_focused());
        match signal {
            Signal::Timer if ticks => self.tick(now_ms),
            Signal::Timer => {}
            Signal::Attention if !visible => self.leave(false, now_ms, grant),
            // Who comes back after the visit has ended begins another, with a view of this page.
            Signal::Attention if self.visit.is_over() => self.view("", now_ms),
            Signal::Attention => {}
            Signal::Move if view::path(browser::path()) == self.path => {}
            Signal::Move | Signal::Return => self.view("", now_ms),
            Signal::Leave => self.leave(true, now_ms, grant),
            Signal::Flush => {
                self.report(now_ms);
                self.seal();
            }
            Signal::Answer { status, pause_ms } => {
                let Some(answer) = meaning(status, pause_ms) else { return Next::Close };
                self.queue.answered(answer, now_ms, browser::random());
            }
        }
        self.send(now_ms, grant);
        Next::Stay
    }

    fn view(&mut self, referrer: &str, now_ms: f64) {
        self.report(now_ms);
        self.seal();
        self.stopwatch = Stopwatch::start(now_ms, browser::is_visible(), browser::is_focused());
        self.path = view::path(browser::path());
        let page = Page {
            view: browser::hex_id(),
            host: browser::host().into(),
            path: self.path.as_str().into(),
            title: "".into(),
            referrer: referrer.into(),
            campaign: view::campaign(browser::parameter),
        };
        let client = Client {
            visit: self.visit.go_on(),
            language: view::cut(browser::language(), limits::LANGUAGE_BYTES_MAX).into(),
            time_zone: browser::time_zone().into(),
            viewport_width: browser::viewport_width(),
            touch_points: browser::touch_points(),
        };
        self.queue.begin(write::page(&browser::site(), &page, &client), now_ms);
        self.flush_ms = now_ms + SOON_MS;
    }

    fn tick(&mut self, now_ms: f64) {
        if let Some(spent) = self.stopwatch.tick() {
            self.visit.slide();
            self.queue.spend(spent, now_ms);
            self.seal();
        }
    }

    fn report(&mut self, now_ms: f64) {
        if let Some(spent) = self.stopwatch.take() {
            if spent.engaged_ms > 0 {
                self.visit.slide();
            }
            self.queue.spend(spent, now_ms);
        }
    }

    fn seal(&mut self) {
        self.flush_ms = f64::INFINITY;
        if self.queue.has_news() {
            self.queue.seal(browser::batch_id(), browser::title());
        }
    }

    /// Sends what is due, and asks to be woken when the next thing is.
    fn send(&mut self, now_ms: f64, grant: &Grant) {
        if self.flush_ms <= now_ms {
            self.seal();
        }
        if let Some(batch) = self.queue.next(now_ms) {
            transport::send(&batch, grant);
        }
        self.listeners.wake_at(self.flush_ms.min(self.stopwatch.due_ms()).min(self.queue.due_ms()));
    }

    /// Hands what waits to the browser, because the page is hidden or goes for good.
    fn leave(&mut self, for_good: bool, now_ms: f64, grant: &Grant) {
        self.report(now_ms);
        self.seal();
        while let Some(batch) = self.queue.leaving(for_good, now_ms) {
            if !transport::leave(&batch, grant) {
                break;
            }
            self.queue.left(for_good);
        }
    }
}

/// What the status of an answer means for the batch; none where the collector knows no grant.
fn meaning(status: u16, pause_ms: f64) -> Option<Answer> {
    match status {
        403 => None,
        // Not sent, sent too slowly (408), too much from this network, or a collector or proxy that cannot at the moment.
        // Only 429 comes before the batch was looked at.
        0 | 408 | 429 | 500..=599 => Some(Answer::Later { pause_ms, unsure: status != 429 }),
        // 202, or refused for good.
        _ => Some(Answer::Done),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_go_well_later_is_sent_again_and_what_was_taken_or_refused_is_not() {
        for (status, pause_ms, unsure) in [
            (0, 0.0, true),
            (408, 0.0, true),
            (429, 0.0, false),
            (500, 0.0, true),
            (502, 0.0, true),
            (503, 0.0, true),
            (503, 5_000.0, true),
            (504, 0.0, true),
        ] {
            assert_eq!(meaning(status, pause_ms), Some(Answer::Later { pause_ms, unsure }), "{status}");
        }
        for status in [202, 400, 413, 415, 422] {
            assert_eq!(meaning(status, 0.0), Some(Answer::Done), "{status}");
        }
        assert_eq!(meaning(403, 0.0), None);
    }
}
