//! What waits to be sent: the page view that is being told, and finished batches without an answer.
//!
//! In: pages, events, clock readings in milliseconds, the collector's answers. Out: the text of the batch that is due.
//! Pure.
//! Invariant: never more than [`limits::QUEUE_EVENTS_MAX`] events (the oldest batch gives way), at most one batch
//! under way, and a batch keeps its id through every retry, which says so where the collector may have it already, until it
//! is answered or ten minutes have passed.

use crate::observe::view::cut;
use crate::write;
use wire::{BatchId, Event, EventKind, limits};

/// The first pause before a repetition; each further one is twice as long.
const PAUSE_MS: f64 = 2_000.0;
const PAUSE_MS_MAX: f64 = 120_000.0;

/// Time spent on the page since the last report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spent {
    /// Milliseconds visible.
    pub(crate) visible_ms: u32,
    /// Milliseconds visible and focused.
    pub(crate) engaged_ms: u32,
}

/// An event, its age still open.
struct Kept {
    at_ms: f64,
    event: Event,
}

/// A batch with its final id.
struct Sealed {
    id: BatchId,
    page: String,
    events: Vec<Kept>,
    /// When it was first sent.
    since_ms: Option<f64>,
    attempts: u32,
    /// It was sent and the answer, if one came, does not say that the collector has not got it.
    unsure: bool,
    due_ms: f64,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Queue {
    /// The page view that is being told, as [`write::page`] made it and, once sealed for the first time, with its title.
    page: String,
    is_titled: bool,
    seq: u32,
    /// Its events that are in no batch yet.
    fresh: Vec<Kept>,
    /// Few: a page view makes one batch, and one more with each report.
    sealed: Vec<Sealed>,
    /// Whether the first of `sealed` was sent and its answer is awaited.
    under_way: bool,
}

/// What an answer of the collector means for the batch that was under way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Answer {
    /// Stored, or refused for good: it is done with.
    Done,
    /// Not now: again after a pause, at least as long as the collector asks for.
    Later {
        /// What the collector asks for, in milliseconds; 0 if it does not.
        pause_ms: f64,
        /// Whether it may have taken the batch all the same.
        unsure: bool,
    },
}

impl Queue {
    /// A page was opened, with what [`write::page`] says of it: its first event. What the earlier page has left must be
    /// sealed before.
    pub(crate) fn begin(&mut self, page: String, now_ms: f64) {
        (self.page, self.is_titled, self.seq) = (page, false, 0);
        self.push(EventKind::View, None, now_ms);
    }

    /// Time was spent on the page.
    pub(crate) fn spend(&mut self, spent: Spent, now_ms: f64) {
        self.push(EventKind::Engagement, Some(spent), now_ms);
    }

    /// Whether there are events in no batch yet.
    pub(crate) fn has_news(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// Makes a batch of the events that are in none. The page's title is that of the first time, not that of the view,
    /// because pages that change without loading set it after the address.
    pub(crate) fn seal(&mut self, id: BatchId, title: String) {
        if !self.is_titled {
            self.is_titled = true;
            write::title(&mut self.page, &cut(title, limits::TITLE_BYTES_MAX));
        }
        let events = core::mem::take(&mut self.fresh);
        self.sealed.push(Sealed {
            id,
            page: self.page.clone(),
            events,
            since_ms: None,
            attempts: 0,
            unsure: false,
            due_ms: 0.0,
        });
    }

    /// Marks the batch that is due as under way, and gives it with the ages of its events.
    pub(crate) fn next(&mut self, now_ms: f64) -> Option<String> {
        if self.due_ms() > now_ms {
            return None;
        }
        let first = self.sealed.first_mut()?;
        self.under_way = true;
        first.since_ms.get_or_insert(now_ms);
        Some(first.write(now_ms))
    }

    /// The next batch to hand to the browser because the page goes: of those that are not under way the first that was
    /// never sent, or with `all` simply the first. One that was sent before is better kept while the page may live on,
    /// for nobody hears how the browser fares with it.
    pub(crate) fn leaving(&mut self, all: bool, now_ms: f64) -> Option<String> {
        let place = self.place_of_leaving(all)?;
        Some(self.sealed.get_mut(place)?.write(now_ms))
    }

    /// The browser has taken over what [`Queue::leaving`] gave.
    pub(crate) fn left(&mut self, all: bool) {
        if let Some(place) = self.place_of_leaving(all) {
            self.sealed.remove(place);
        }
    }

    fn place_of_leaving(&self, all: bool) -> Option<usize> {
        let first = usize::from(self.under_way);
        (first..self.sealed.len()).find(|place| all || self.sealed[*place].since_ms.is_none())
    }

    /// The batch that was under way was answered, or could not be sent; `random` is of 0 to 1.
    pub(crate) fn answered(&mut self, answer: Answer, now_ms: f64, random: f64) {
        self.under_way = false;
        let Some(first) = self.sealed.first_mut() else { return };
        if let Answer::Later { pause_ms, unsure } = answer {
            first.unsure |= unsure;
            first.due_ms = now_ms + pause(first.attempts, random).max(pause_ms);
            first.attempts += 1;
            let since_ms = first.since_ms.unwrap_or(now_ms);
            if first.due_ms - since_ms <= f64::from(limits::RETRY_MS_MAX) {
                return;
            }
        }
        self.sealed.remove(0);
    }

    /// When the next batch is due; infinite if none waits.
    pub(crate) fn due_ms(&self) -> f64 {
        self.sealed.first().filter(|_| !self.under_way).map_or(f64::INFINITY, |first| first.due_ms)
    }

    fn push(&mut self, kind: EventKind, spent: Option<Spent>, at_ms: f64) {
        if self.fresh.len() >= limits::BATCH_EVENTS_MAX {
            return;
        }
        let waiting: usize = self.sealed.iter().map(|sealed| sealed.events.len()).sum();
        let oldest = usize::from(self.under_way);
        if waiting + self.fresh.len() >= limits::QUEUE_EVENTS_MAX && oldest < self.sealed.len() {
            self.sealed.remove(oldest);
        }
        self.seq += 1;
        let (visible_ms, engaged_ms) =
            (spent.map(|spent| spent.visible_ms), spent.map(|spent| spent.engaged_ms));
        let event = Event { seq: self.seq, kind, age_ms: 0, visible_ms, engaged_ms };
        self.fresh.push(Kept { at_ms, event });
    }
}

impl Sealed {
    fn write(&mut self, now_ms: f64) -> String {
        for kept in &mut self.events {
            kept.event.age_ms = ((now_ms - kept.at_ms) as u32).min(limits::AGE_MS_MAX);
        }
        write::batch(self.id, self.unsure, &self.page, self.events.iter().map(|kept| &kept.event))
    }
}

/// Doubles with each attempt; half of it to one and a half, so that many browsers do not come back at once.
fn pause(attempts: u32, random: f64) -> f64 {
    let doubled = PAUSE_MS * f64::from(1_u32 << attempts.min(6));
    (0.5 + random) * doubled.min(PAUSE_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::{Batch, Campaign, Client, HexId, Page};

    const MINUTE: f64 = 60_000.0;

    fn queue_on(path: &str) -> Queue {
        let mut queue = Queue::default();
        begin(&mut queue, path, 0.0);
        queue
    }

    fn begin(queue: &mut Queue, path: &str, now_ms: f64) {
        let (host, path, referrer) = ("example.org".into(), path.into(), "".into());
        let page =
            Page { view: HexId(1), host, path, title: "".into(), referrer, campaign: Campaign::default() };
        let (language, time_zone) = ("en".into(), "UTC".into());
        let client = Client { visit: HexId(2), language, time_zone, viewport_width: 800, touch_points: 0 };
        queue.begin(write::page("example", &page, &client), now_ms);
    }

    /// What the collector reads of it.
    fn read(text: String) -> Batch<'static> {
        serde_json::from_str(text.leak()).expect("the collector reads it")
    }

    fn next(queue: &mut Queue, now_ms: f64) -> Option<Batch<'static>> {
        queue.next(now_ms).map(read)
    }

    /// And whether it is a retry.
    fn leaving(queue: &mut Queue, all: bool) -> Option<(BatchId, bool)> {
        queue.leaving(all, 1.0).map(read).map(|batch| (batch.batch, batch.retry))
    }

    fn spent(visible_ms: u32) -> Spent {
        Spent { visible_ms, engaged_ms: visible_ms / 2 }
    }

    fn seal(queue: &mut Queue, id: u128) {
        queue.seal(BatchId(id), "Title".to_owned());
    }

    fn later() -> Answer {
        Answer::Later { pause_ms: 0.0, unsure: true }
    }

    #[test]
    fn a_batch_tells_the_ages_of_its_events() {
        let mut queue = queue_on("/a");
        queue.spend(spent(700), 900.0);
        seal(&mut queue, 7);
        let batch = next(&mut queue, 1_000.0).expect("due at once");
        assert_eq!((batch.batch, &*batch.page.title), (BatchId(7), "Title"));
        let told: Vec<_> = batch.events.iter().map(|event| (event.seq, event.kind, event.age_ms)).collect();
        assert_eq!(told, [(1, EventKind::View, 1_000), (2, EventKind::Engagement, 100)]);
        assert_eq!(batch.events[1].engaged_ms, Some(350));
    }

    #[test]
    fn one_batch_is_under_way_at_a_time() {
        let mut queue = queue_on("/a");
        seal(&mut queue, 1);
        begin(&mut queue, "/b", 10.0);
        seal(&mut queue, 2);
        assert_eq!(next(&mut queue, 20.0).map(|batch| batch.batch), Some(BatchId(1)));
        assert_eq!(queue.next(20.0), None);
        assert_eq!(queue.due_ms(), f64::INFINITY);
        queue.answered(Answer::Done, 30.0, 0.5);
        assert_eq!(next(&mut queue, 30.0).map(|batch| batch.batch), Some(BatchId(2)));
    }

    #[test]
    fn sequence_numbers_go_on_after_a_batch_and_begin_anew_with_a_page() {
        let mut queue = queue_on("/a");
        seal(&mut queue, 1);
        queue.spend(spent(10), 5.0);
        seal(&mut queue, 2);
        begin(&mut queue, "/b", 10.0);
        seal(&mut queue, 3);
        let mut seqs = Vec::new();
        while let Some(batch) = next(&mut queue, 10.0) {
            seqs.extend(batch.events.iter().map(|event| event.seq));
            queue.answered(Answer::Done, 10.0, 0.5);
        }
        assert_eq!(seqs, [1, 2, 1]);
    }

    #[test]
    fn a_batch_keeps_its_id_through_pauses_that_grow_and_is_given_up_after_ten_minutes() {
        let mut queue = queue_on("/a");
        seal(&mut queue, 1);
        let (mut now_ms, mut sent_at) = (0.0, Vec::new());
        while let Some(batch) = next(&mut queue, now_ms) {
            assert_eq!((batch.batch, batch.retry), (BatchId(1), now_ms > 0.0));
            assert_eq!(f64::from(batch.events[0].age_ms), now_ms);
            sent_at.push(now_ms);
            queue.answered(later(), now_ms, 0.5);
            assert_eq!(queue.next(now_ms), None, "no busy loop");
            now_ms = queue.due_ms();
        }
        let expected: Vec<f64> =
            [0, 2, 6, 14, 30, 62, 126, 246, 366, 486].map(|seconds: u32| f64::from(seconds) * 1_000.0).into();
        assert_eq!(sent_at, expected);
        assert_eq!(queue.due_ms(), f64::INFINITY);
    }

    #[test]
    fn the_collectors_own_pause_is_kept() {
        let mut queue = queue_on("/a");
        seal(&mut queue, 1);
        assert!(queue.next(0.0).is_some());
        queue.answered(Answer::Later { pause_ms: 5.0 * MINUTE, unsure: false }, 0.0, 0.5);
        assert_eq!(queue.due_ms(), 5.0 * MINUTE);
    }

    #[test]
    fn a_batch_says_that_it_is_a_retry_once_the_collector_may_have_it() {
        let mut queue = queue_on("/a");
        seal(&mut queue, 1);
        let mut now_ms = 0.0;
        for (unsure, is_retry) in [(false, false), (true, false), (false, true), (false, true)] {
            assert_eq!(next(&mut queue, now_ms).map(|batch| batch.retry), Some(is_retry));
            queue.answered(Answer::Later { pause_ms: 0.0, unsure }, now_ms, 0.5);
            now_ms = queue.due_ms();
        }
    }

    #[test]
    fn leaving_gives_what_waits_but_not_what_is_under_way() {
        let mut queue = queue_on("/a");
        for id in 1..=3 {
            queue.spend(spent(10), 0.0);
            seal(&mut queue, id);
        }
        assert!(queue.next(0.0).is_some());
        assert_eq!(leaving(&mut queue, true), Some((BatchId(2), false)));
        queue.left(true);
        assert_eq!(leaving(&mut queue, true), Some((BatchId(3), false)));
        queue.left(true);
        assert_eq!(queue.leaving(true, 1.0), None);
        queue.answered(Answer::Done, 2.0, 0.5);
        assert_eq!(queue.due_ms(), f64::INFINITY);
    }

    #[test]
    fn what_was_refused_before_is_kept_while_the_page_may_live_on() {
        let mut queue = queue_on("/a");
        seal(&mut queue, 1);
        queue.spend(spent(10), 0.0);
        seal(&mut queue, 2);
        assert!(queue.next(0.0).is_some());
        queue.answered(later(), 0.0, 0.5);
        assert_eq!(leaving(&mut queue, false), Some((BatchId(2), false)));
        queue.left(false);
        assert_eq!(queue.leaving(false, 1.0), None);
        assert_eq!(leaving(&mut queue, true), Some((BatchId(1), true)));
    }

    #[test]
    fn the_title_is_that_of_the_first_batch_and_not_longer_than_the_limit() {
        let mut queue = queue_on("/a");
        queue.seal(BatchId(1), "x".repeat(2 * limits::TITLE_BYTES_MAX));
        queue.spend(spent(10), 0.0);
        queue.seal(BatchId(2), "the next page has another".to_owned());
        let mut titles = Vec::new();
        while let Some(batch) = next(&mut queue, 0.0) {
            titles.push(batch.page.title);
            queue.answered(Answer::Done, 0.0, 0.5);
        }
        let expected = "x".repeat(limits::TITLE_BYTES_MAX);
        assert_eq!(titles, [expected.as_str(), expected.as_str()]);
    }

    #[test]
    fn the_oldest_waiting_batch_gives_way_when_the_queue_is_full() {
        let mut queue = queue_on("/a");
        for id in 1..=limits::QUEUE_EVENTS_MAX as u128 {
            seal(&mut queue, id);
            if id == 1 {
                assert!(queue.next(0.0).is_some());
            }
            queue.spend(spent(10), 0.0);
        }
        let events = queue.sealed.iter().map(|sealed| sealed.events.len()).sum::<usize>() + 1;
        assert_eq!(events, limits::QUEUE_EVENTS_MAX);
        assert_eq!(queue.sealed.first().map(|sealed| sealed.id), Some(BatchId(1)), "it is under way");
        assert_eq!(queue.sealed.get(1).map(|sealed| sealed.id), Some(BatchId(3)), "the second gave way");
    }

    #[test]
    fn a_batch_holds_no_more_events_than_the_collector_takes() {
        let mut queue = queue_on("/a");
        for _ in 0..2 * limits::BATCH_EVENTS_MAX {
            queue.spend(spent(10), 0.0);
        }
        seal(&mut queue, 1);
        assert_eq!(next(&mut queue, 0.0).map(|batch| batch.events.len()), Some(limits::BATCH_EVENTS_MAX));
    }
}
