//! Batches under way: senders that go on until told to stop and remember how each was answered, and the count at the end.

use crate::sender::{again, batch, try_batch};
use crate::stack::Stack;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

const SENDERS: u64 = 4;

/// Every optional category of the demo.
pub(super) const ALL: [&str; 3] = ["functional", "analytics", "advertising"];

/// How the batches of a run were answered, by their numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    /// With 202.
    pub(super) acknowledged: BTreeSet<u64>,
    /// Not at all.
    pub(super) unanswered: BTreeSet<u64>,
    /// With 503: come again.
    pub(super) put_off: BTreeSet<u64>,
}

impl Answers {
    fn add(&mut self, mut more: Answers) {
        self.acknowledged.append(&mut more.acknowledged);
        self.unanswered.append(&mut more.unanswered);
        self.put_off.append(&mut more.put_off);
    }
}

/// Visitors of one stack, over as many runs of it as a test needs.
pub(super) struct Visitors {
    pub(super) cookies: String,
    next: Arc<AtomicU64>,
    /// Of all the loads that ended.
    pub(super) answers: Answers,
}

impl Visitors {
    pub(super) fn of(stack: &Stack) -> Visitors {
        let cookies = stack.decide("accept", &ALL, "").cookies();
        Visitors { cookies, next: Arc::default(), answers: Answers::default() }
    }

    pub(super) fn start(&self, stack: &Stack) -> Load {
        let (stop, answers) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Answers>>::default());
        let threads = (0..SENDERS)
            .map(|_| {
                let (to, cookies, next) = (stack.public, self.cookies.clone(), Arc::clone(&self.next));
                let (stop, answers) = (Arc::clone(&stop), Arc::clone(&answers));
                thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let answer = try_batch(to, &cookies, &batch(number, &path(number)));
                        let mut answers = answers.lock().unwrap();
                        match answer.map(|answer| answer.status) {
                            Ok(202) => answers.acknowledged.insert(number),
                            Ok(503) => answers.put_off.insert(number),
                            Ok(status) => panic!("batch {number} was answered {status}"),
                            Err(_) => answers.unanswered.insert(number),
                        };
                    }
                })
            })
            .collect();
        Load { stop, answers, threads }
    }

    /// Ends a load and keeps its answers.
    pub(super) fn end(&mut self, load: Load) {
        load.stop.store(true, Ordering::Relaxed);
        for thread in load.threads {
            thread.join().unwrap();
        }
        self.answers.add(std::mem::take(&mut *load.answers.lock().unwrap()));
    }

    /// The browsers' retries of what was put off or not answered at all: each must be taken now.
    pub(super) fn repeat(&mut self, stack: &Stack) {
        let Answers { unanswered, put_off, acknowledged } = &mut self.answers;
        for number in std::mem::take(unanswered).into_iter().chain(std::mem::take(put_off)) {
            send_again(stack, &self.cookies, number);
            acknowledged.insert(number);
        }
    }

    /// The number of the next batch.
    pub(super) fn sent(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Retries of batches from that number on that were acknowledged, whose answers were lost: each must be known.
    pub(super) fn tell_again(&self, stack: &Stack, from: u64) {
        let repeated = || stack.metric("kruimel_events_total{outcome=\"repeated\"}");
        let before = repeated();
        let told = self.tell_another(stack, from);
        assert_eq!(repeated() - before, told, "some retry was taken for a fresh batch");
    }

    /// The same where nobody knows them. How many they are.
    pub(super) fn tell_another(&self, stack: &Stack, from: u64) -> u64 {
        let again = self.answers.acknowledged.range(from..);
        again.inspect(|number| send_again(stack, &self.cookies, **number)).count() as u64
    }

    /// Every acknowledged batch is stored, none twice, and nothing that was never sent.
    pub(super) fn assert_exactly_once(&self, stack: &Stack) {
        stack.await_drained();
        let Answers { acknowledged, unanswered, .. } = &self.answers;
        let stored = stored(stack);
        let once: BTreeSet<u64> = stored.iter().copied().collect();
        assert_eq!(stored.len(), once.len(), "some batch is stored twice");
        let lost: Vec<&u64> = acknowledged.difference(&once).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}, of those up to {:?}", acknowledged.last());
        let more: Vec<&u64> = once
            .iter()
            .filter(|number| !acknowledged.contains(number) && !unanswered.contains(number))
            .collect();
        assert!(more.is_empty(), "stored although refused: {more:?}");
    }
}

/// Senders at work.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    answers: Arc<Mutex<Answers>>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Load {
    pub(super) fn acknowledged(&self) -> usize {
        self.answers.lock().unwrap().acknowledged.len()
    }

    pub(super) fn put_off(&self) -> usize {
        self.answers.lock().unwrap().put_off.len()
    }
}

/// A browser's retry, which must be taken.
fn send_again(stack: &Stack, cookies: &str, number: u64) {
    let answer = try_batch(stack.public, cookies, &again(&batch(number, &path(number)))).unwrap();
    assert_eq!(answer.status, 202, "{}", answer.text());
}

/// The page of a batch.
pub(super) fn path(number: u64) -> String {
    format!("/load/{number}")
}

/// The numbers of all batches that are stored.
pub(super) fn stored(stack: &Stack) -> Vec<u64> {
    let paths = stack.texts("SELECT path FROM events WHERE path LIKE '/load/%'");
    let mut numbers: Vec<u64> = paths.iter().map(|path| path["/load/".len()..].parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}
