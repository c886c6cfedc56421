//! What waits to be sent: the page view that is being told, and finished batches without an answer.
//!
//! In: pages, events, clock readings in milliseconds, the collector's answers. Out: the batch that is due. Pure.
//! Invariant: never more than [`limits::QUEUE_EVENTS_MAX`] events (the oldest batch gives way), at most one batch
//! under way, and a batch keeps its id through every retry until it is answered or ten minutes have passed.

use crate::observe::view::cut;
use std::collections::VecDeque;
use wire::{Batch, BatchId, Client, Event, EventKind, Page, limits};

/// The first pause before a repetition; each further one is twice as long.
const PAUSE_MS: f64 = 2_000.0;
const PAUSE_MS_MAX: f64 = 120_000.0;

/// Time spent on the page since the last report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Milliseconds visible.
    pub visible_ms: u32,
    /// Milliseconds visible and focused.
    pub engaged_ms: u32,
}

/// The page view that is being told: a batch without id whose events are in no other batch yet.
struct Draft {
    batch: Batch<'static>,
    /// When each event happened.
    at_ms: Vec<f64>,
    seq: u32,
}

/// A batch with its final id.
struct Sealed {
    batch: Batch<'static>,
    at_ms: Vec<f64>,
    /// When it was first sent.
    since_ms: Option<f64>,
    attempts: u32,
    due_ms: f64,
}

/// See the module.
pub struct Queue {
    site: String,
    draft: Option<Draft>,
    sealed: VecDeque<Sealed>,
    /// Whether the first of `sealed` was sent and its answer is awaited.
    under_way: bool,
}

/// What an answer of the collector means for the batch that was under way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    /// Stored, or refused for good: it is done with.
    Done,
    /// Not now: again after a pause, at least as long as the collector asks for.
    Later {
        /// What the collector asks for, in milliseconds; 0 if it does not.
        pause_ms: f64,
    },
}

impl Queue {
    /// An empty queue of one site.
    pub fn new(site: String) -> Queue {
        Queue { site, draft: None, sealed: VecDeque::new(), under_way: false }
    }

    /// A page was opened: its first event. What the earlier page has left must be sealed before.
    pub fn begin(&mut self, page: Page<'static>, client: Client<'static>, now_ms: f64) {
        let site = self.site.clone().into();
        let batch = Batch { v: wire::VERSION, batch: BatchId(0), site, page, client, events: Vec::new() };
        self.draft = Some(Draft { batch, at_ms: Vec::new(), seq: 0 });
        self.push(EventKind::View, None, now_ms);
    }

    /// Time was spent on the page.
    pub fn spend(&mut self, spent: Spent, now_ms: f64) {
        self.push(EventKind::Engagement, Some(spent), now_ms);
    }

    /// The path of the page that is being told.
    pub fn path(&self) -> &str {
        self.draft.as_ref().map_or("", |draft| &draft.batch.page.path)
    }

    /// Whether there are events in no batch yet.
    pub fn has_news(&self) -> bool {
        self.draft.as_ref().is_some_and(|draft| !draft.batch.events.is_empty())
    }

    /// Makes a batch of the events that are in none. The page's title is that of the first time, not that of the view,
    /// because pages that change without loading set it after the address.
    pub fn seal(&mut self, id: BatchId, title: String) {
        let Some(draft) = self.draft.as_mut().filter(|draft| !draft.batch.events.is_empty()) else { return };
        if draft.batch.page.title.is_empty() {
            draft.batch.page.title = cut(title, limits::TITLE_BYTES_MAX).into();
        }
        let rest = Batch { events: Vec::new(), ..draft.batch.clone() };
        let batch = Batch { batch: id, ..core::mem::replace(&mut draft.batch, rest) };
        let at_ms = core::mem::take(&mut draft.at_ms);
        self.sealed.push_back(Sealed { batch, at_ms, since_ms: None, attempts: 0, due_ms: 0.0 });
    }

    /// Marks the batch that is due as under way, and gives it with the ages of its events.
    pub fn next(&mut self, now_ms: f64) -> Option<&Batch<'static>> {
        let due = self.due_ms().is_some_and(|due_ms| due_ms <= now_ms);
        let first = self.sealed.front_mut().filter(|_| due)?;
        self.under_way = true;
        first.since_ms.get_or_insert(now_ms);
        Some(first.aged(now_ms))
    }

    /// The next batch to hand to the browser because the page goes: of those that are not under way the first that was
    /// never sent, or with `all` simply the first. One that was sent before is better kept while the page may live on,
    /// for nobody hears how the browser fares with it.
    pub fn leaving(&mut self, all: bool, now_ms: f64) -> Option<&Batch<'static>> {
        let place = self.place_of_leaving(all)?;
        Some(self.sealed.get_mut(place)?.aged(now_ms))
    }

    /// The browser has taken over what [`Queue::leaving`] gave.
    pub fn left(&mut self, all: bool) {
        if let Some(place) = self.place_of_leaving(all) {
            self.sealed.remove(place);
        }
    }

    fn place_of_leaving(&self, all: bool) -> Option<usize> {
        let first = usize::from(self.under_way);
        (first..self.sealed.len()).find(|place| all || self.sealed[*place].since_ms.is_none())
    }

    /// The batch that was under way was answered, or could not be sent; `random` is of 0 to 1.
    pub fn answered(&mut self, answer: Answer, now_ms: f64, random: f64) {
        self.under_way = false;
        let Some(first) = self.sealed.front_mut() else { return };
        if let Answer::Later { pause_ms } = answer {
            first.due_ms = now_ms + pause(first.attempts, random).max(pause_ms);
            first.attempts += 1;
            let since_ms = first.since_ms.unwrap_or(now_ms);
            if first.due_ms - since_ms <= f64::from(limits::RETRY_MS_MAX) {
                return;
            }
        }
        self.sealed.pop_front();
    }

    /// When the next batch is due, if one waits.
    pub fn due_ms(&self) -> Option<f64> {
        self.sealed.front().filter(|_| !self.under_way).map(|first| first.due_ms)
    }

    fn push(&mut self, kind: EventKind, spent: Option<Spent>, now_ms: f64) {
        let Some(draft) = &mut self.draft else { return };
        if draft.at_ms.len() >= limits::BATCH_EVENTS_MAX {
            return;
        }
        let waiting: usize = self.sealed.iter().map(|sealed| sealed.at_ms.len()).sum();
        if waiting + draft.at_ms.len() >= limits::QUEUE_EVENTS_MAX {
            self.sealed.remove(usize::from(self.under_way));
        }
        draft.seq += 1;
        draft.at_ms.push(now_ms);
        let (visible_ms, engaged_ms) =
            (spent.map(|spent| spent.visible_ms), spent.map(|spent| spent.engaged_ms));
        draft.batch.events.push(Event { seq: draft.seq, kind, age_ms: 0, visible_ms, engaged_ms });
    }
}

impl Sealed {
    fn aged(&mut self, now_ms: f64) -> &Batch<'static> {
        for (event, at_ms) in self.batch.events.iter_mut().zip(&self.at_ms) {
            event.age_ms = ((now_ms - at_ms) as u32).min(limits::AGE_MS_MAX);
        }
        &self.batch
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
    use wire::{Campaign, HexId};

    const MINUTE: f64 = 60_000.0;

    fn queue_on(path: &'static str) -> Queue {
        let mut queue = Queue::new("example".to_owned());
        begin(&mut queue, path, 0.0);
        queue
    }

    fn begin(queue: &mut Queue, path: &'static str, now_ms: f64) {
        let (host, empty) = ("example.org".into(), "".into());
        let campaign = Campaign::default();
        let page =
            Page { view: HexId(1), host, path: path.into(), title: "".into(), referrer: empty, campaign };
        let (language, time_zone) = ("en".into(), "UTC".into());
        let client = Client { visit: HexId(2), language, time_zone, viewport_width: 800, touch_points: 0 };
        queue.begin(page, client, now_ms);
    }

    fn spent(visible_ms: u32) -> Spent {
        Spent { visible_ms, engaged_ms: visible_ms / 2 }
    }

    fn seal(queue: &mut Queue, id: u128) {
        queue.seal(BatchId(id), "Title".to_owned());
    }

    fn later() -> Answer {
        Answer::Later { pause_ms: 0.0 }
    }

    #[test]
    fn a_batch_tells_the_ages_of_its_events() {
        let mut queue = queue_on("/a");
        queue.spend(spent(700), 900.0);
        seal(&mut queue, 7);
        let batch = queue.next(1_000.0).expect("due at once").clone();
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
        assert_eq!(queue.next(20.0).map(|batch| batch.batch), Some(BatchId(1)));
        assert_eq!(queue.next(20.0), None);
        assert_eq!(queue.due_ms(), None);
        queue.answered(Answer::Done, 30.0, 0.5);
        assert_eq!(queue.next(30.0).map(|batch| batch.batch), Some(BatchId(2)));
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
        while let Some(batch) = queue.next(10.0) {
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
        while let Some(batch) = queue.next(now_ms) {
            assert_eq!(batch.batch, BatchId(1));
            assert_eq!(f64::from(batch.events[0].age_ms), now_ms);
            sent_at.push(now_ms);
            queue.answered(later(), now_ms, 0.5);
            assert_eq!(queue.next(now_ms), None, "no busy loop");
            now_ms = queue.due_ms().unwrap_or(now_ms);
        }
        let expected: Vec<f64> =
            [0, 2, 6, 14, 30, 62, 126, 246, 366, 486].map(|seconds: u32| f64::from(seconds) * 1_000.0).into();
        assert_eq!(sent_at, expected);
        assert_eq!(queue.due_ms(), None);
    }

    #[test]
    fn the_collectors_own_pause_is_kept() {
        let mut queue = queue_on("/a");
        seal(&mut queue, 1);
        assert!(queue.next(0.0).is_some());
        queue.answered(Answer::Later { pause_ms: 5.0 * MINUTE }, 0.0, 0.5);
        assert_eq!(queue.due_ms(), Some(5.0 * MINUTE));
    }

    #[test]
    fn leaving_gives_what_waits_but_not_what_is_under_way() {
        let mut queue = queue_on("/a");
        for id in 1..=3 {
            queue.spend(spent(10), 0.0);
            seal(&mut queue, id);
        }
        assert!(queue.next(0.0).is_some());
        assert_eq!(queue.leaving(true, 1.0).map(|batch| batch.batch), Some(BatchId(2)));
        queue.left(true);
        assert_eq!(queue.leaving(true, 1.0).map(|batch| batch.batch), Some(BatchId(3)));
        queue.left(true);
        assert_eq!(queue.leaving(true, 1.0), None);
        queue.answered(Answer::Done, 2.0, 0.5);
        assert_eq!(queue.due_ms(), None);
    }

    #[test]
    fn what_was_refused_before_is_kept_while_the_page_may_live_on() {
        let mut queue = queue_on("/a");
        seal(&mut queue, 1);
        queue.spend(spent(10), 0.0);
        seal(&mut queue, 2);
        assert!(queue.next(0.0).is_some());
        queue.answered(later(), 0.0, 0.5);
        assert_eq!(queue.leaving(false, 1.0).map(|batch| batch.batch), Some(BatchId(2)));
        queue.left(false);
        assert_eq!(queue.leaving(false, 1.0), None);
        assert_eq!(queue.leaving(true, 1.0).map(|batch| batch.batch), Some(BatchId(1)));
    }

    #[test]
    fn the_title_is_that_of_the_first_batch_and_not_longer_than_the_limit() {
        let mut queue = queue_on("/a");
        queue.seal(BatchId(1), "x".repeat(2 * limits::TITLE_BYTES_MAX));
        queue.spend(spent(10), 0.0);
        queue.seal(BatchId(2), "the next page's title".to_owned());
        let expected = "x".repeat(limits::TITLE_BYTES_MAX);
        assert_eq!(queue.sealed[0].batch.page.title, expected);
        assert_eq!(queue.sealed[1].batch.page.title, expected);
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
        let events = queue.sealed.iter().map(|sealed| sealed.at_ms.len()).sum::<usize>() + 1;
        assert_eq!(events, limits::QUEUE_EVENTS_MAX);
        assert_eq!(
            queue.sealed.front().map(|sealed| sealed.batch.batch),
            Some(BatchId(1)),
            "it is under way"
        );
        assert_eq!(
            queue.sealed.get(1).map(|sealed| sealed.batch.batch),
            Some(BatchId(3)),
            "the second gave way"
        );
    }

    #[test]
    fn a_batch_holds_no_more_events_than_the_collector_takes() {
        let mut queue = queue_on("/a");
        for _ in 0..2 * limits::BATCH_EVENTS_MAX {
            queue.spend(spent(10), 0.0);
        }
        seal(&mut queue, 1);
        assert_eq!(queue.next(0.0).map(|batch| batch.events.len()), Some(limits::BATCH_EVENTS_MAX));
    }
}
