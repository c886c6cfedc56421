//! What was acknowledged is there once, whatever dies: the server, the engine, or the connection before the answer.

use crate::http::send;
use crate::sender::{batch, try_batch};
use crate::stack::{Stack, signal};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

const SENDERS: u64 = 4;

type Numbers = Arc<Mutex<BTreeSet<u64>>>;

/// Senders that go on until told to stop and remember which batches were answered 202, and which got no answer.
struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Numbers,
    unanswered: Numbers,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Load {
    fn start(stack: &Stack, cookies: &str, next: &Arc<AtomicU64>) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let (acknowledged, unanswered) = <(Numbers, Numbers)>::default();
        let threads = (0..SENDERS)
            .map(|_| {
                let (to, cookies, next) = (stack.public, cookies.to_owned(), Arc::clone(next));
                let (stop, acknowledged, unanswered) =
                    (Arc::clone(&stop), Arc::clone(&acknowledged), Arc::clone(&unanswered));
                thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let answer = try_batch(to, &cookies, &batch(number, &format!("/load/{number}")));
                        match answer.map(|answer| answer.status) {
                            Ok(202) => acknowledged.lock().unwrap().insert(number),
                            Ok(status) => panic!("batch {number} was answered {status}"),
                            Err(_) => unanswered.lock().unwrap().insert(number),
                        };
                    }
                })
            })
            .collect();
        Load { stop, acknowledged, unanswered, threads }
    }

    fn acknowledged(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    fn stop(self) -> (BTreeSet<u64>, BTreeSet<u64>) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        let take = |set: Numbers| std::mem::take(&mut *set.lock().unwrap());
        (take(self.acknowledged), take(self.unanswered))
    }
}

fn stored(stack: &Stack) -> Vec<u64> {
    let paths = stack.texts("SELECT path FROM events WHERE path LIKE '/load/%'");
    let mut numbers: Vec<u64> = paths.iter().map(|path| path["/load/".len()..].parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

/// Every acknowledged batch is stored, none twice, and nothing that was never sent.
fn assert_exactly_once(stack: &Stack, acknowledged: &BTreeSet<u64>, unanswered: &BTreeSet<u64>) {
    let stored = stored(stack);
    let once: BTreeSet<u64> = stored.iter().copied().collect();
    assert_eq!(stored.len(), once.len(), "some batch is stored twice");
    let lost: Vec<&u64> = acknowledged.difference(&once).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert!(once.iter().all(|number| acknowledged.contains(number) || unanswered.contains(number)));
}

#[test]
fn acknowledged_events_survive_kill_9_of_the_server_once_and_retries_do_not_double_them() {
    let mut stack = Stack::start();
    let cookies = stack.decide("accept", &["functional", "analytics", "advertising"], "").cookies();
    let next = Arc::new(AtomicU64::new(0));
    let (mut acknowledged, mut unanswered) = (BTreeSet::new(), BTreeSet::new());
    for round in 1..=3 {
        let load = Load::start(&stack, &cookies, &next);
        stack.await_that("some batches were acknowledged", || load.acknowledged() > 40 * round);
        // The crash comes while batches are under way.
        signal(stack.process_id(), "KILL");
        let (more, lost) = load.stop();
        acknowledged.extend(more);
        unanswered.extend(lost);
        stack = stack.kill_and_restart();
        // The browser's retry of what it got no answer for.
        for &number in &unanswered {
            let answer =
                try_batch(stack.public, &cookies, &batch(number, &format!("/load/{number}"))).unwrap();
            assert_eq!(answer.status, 202, "{}", answer.text());
        }
        acknowledged.append(&mut unanswered);
    }
    stack.await_drained();
    assert_exactly_once(&stack, &acknowledged, &unanswered);
}

#[test]
fn the_engine_may_die_under_load_and_no_browser_notices() {
    let stack = Stack::start();
    let cookies = stack.decide("accept", &["functional", "analytics", "advertising"], "").cookies();
    let next = Arc::new(AtomicU64::new(0));
    let load = Load::start(&stack, &cookies, &next);
    for round in 1..=3 {
        let engine = stack.engine_process_id();
        stack.await_that("more batches were acknowledged", || load.acknowledged() > 60 * round);
        signal(engine, "KILL");
        stack.await_that("another engine runs", || {
            crate::stack::children(stack.process_id()).last().is_some_and(|&found| found != engine)
        });
    }
    let (acknowledged, unanswered) = load.stop();
    assert!(unanswered.is_empty(), "a browser felt the engine's death");
    stack.await_drained();
    assert_exactly_once(&stack, &acknowledged, &unanswered);
}

#[test]
fn a_batch_whose_answer_was_lost_is_answered_again_and_stored_once() {
    let stack = Stack::start();
    let cookies = stack.decide("accept", &["functional", "analytics", "advertising"], "").cookies();
    for _ in 0..3 {
        let answer = try_batch(stack.public, &cookies, &batch(7, "/load/7")).unwrap();
        assert_eq!((answer.status, answer.json()["accepted"].as_u64()), (202, Some(1)));
    }
    stack.await_drained();
    assert_eq!(stored(&stack), [7]);
    let stack = stack.kill_and_restart();
    assert_eq!(try_batch(stack.public, &cookies, &batch(7, "/load/7")).unwrap().status, 202);
    stack.await_drained();
    assert_eq!(stored(&stack), [7]);
}

#[test]
fn stopping_drains_the_spool_and_ends_cleanly() {
    let mut stack = Stack::start();
    let cookies = stack.decide("accept", &["functional", "analytics", "advertising"], "").cookies();
    assert_eq!(try_batch(stack.public, &cookies, &batch(1, "/load/1")).unwrap().status, 202);
    assert!(stack.stop().success());
    let left = std::fs::read_dir(stack.data().join("spool")).unwrap();
    let segments: Vec<_> = left
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".open") || name.ends_with(".sealed"))
        .collect();
    assert!(segments.is_empty(), "{segments:?}");
    let stack = stack.kill_and_restart();
    assert_eq!(stored(&stack), [1]);
}

#[test]
fn a_batch_on_disk_whose_browser_got_no_answer_is_a_repeat_after_the_crash() {
    let stack = Stack::start();
    let cookies = stack.decide("accept", &["functional", "analytics", "advertising"], "").cookies();
    // The browser sends and never reads: its tab is gone when the answer comes.
    let connection = crate::sender::send_and_leave(stack.public, &cookies, &batch(7, "/load/7"));
    let metrics = |stack: &Stack| send(stack.admin, "GET", "/metrics", &[], b"").text().to_owned();
    stack.await_that("the batch is on disk", || metrics(&stack).contains("outcome=\"accepted\"} 1"));
    let stack = stack.kill_and_restart();
    drop(connection);
    assert_eq!(try_batch(stack.public, &cookies, &batch(7, "/load/7")).unwrap().status, 202);
    let counted = metrics(&stack);
    assert!(counted.contains("outcome=\"repeated\"} 1"), "{counted}");
    assert!(counted.contains("outcome=\"accepted\"} 0"), "{counted}");
    stack.await_drained();
    assert_eq!(stored(&stack), [7]);
}

#[test]
fn a_server_that_is_asked_to_stop_on_the_way_up_ends_in_order() {
    // Once the engine answers, once the spool is open, and in the moments after.
    for logged in ["the engine answers", "The spool is open."] {
        let (status, log) = Stack::stop_while_starting(logged);
        assert!(status.success(), "{logged}: {status}\n{log}");
    }
}
