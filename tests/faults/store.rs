//! A store that is away or stands still: the intake goes on, and what could not go in goes in once, later.

use super::Moments;
use super::load::Visitors;
use super::{config_with_store, rounds};
use crate::stack::{Stack, children, signal, try_signal};
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::path::Path;
use std::time::{Duration, Instant};

#[test]
fn a_collector_that_was_here_before_starts_while_its_own_engine_cannot_and_keeps_what_comes() {
    let stack = Stack::start();
    let mut visitors = Visitors::of(&stack);
    let load = visitors.start(&stack);
    stack.await_that("some batches were acknowledged", || load.acknowledged() >= 5);
    visitors.end(load);
    let (stack, lock) = stack.restart_without_its_store();
    let load = visitors.start(&stack);
    stack.await_that("more were", || load.acknowledged() >= 5);
    visitors.end(load);
    assert_eq!(stack.decide("withdraw", &[], &Visitors::of(&stack).cookies).status, 200);
    let ready = stack.ask("/readyz");
    assert!(ready.status == 200 && ready.text().contains("store: away"), "{}", ready.text());
    drop(lock);
    visitors.assert_exactly_once(&stack);
}

#[test]
fn an_engine_that_stands_still_stops_no_intake_and_doubles_nothing_when_it_goes_on() {
    let mut moments = Moments::begin("SIGSTOP of the engine");
    let stack = Stack::start();
    let mut visitors = Visitors::of(&stack);
    for _ in 0..rounds(2) {
        let load = visitors.start(&stack);
        let (before, while_stopped) = (moments.next(1..150), moments.next(50..400));
        stack.await_that("some batches were acknowledged", || load.acknowledged() >= before);
        let engine = stack.engine_process_id();
        signal(engine, "STOP");
        let acknowledged = load.acknowledged();
        stack.await_that("the intake goes on", || load.acknowledged() > acknowledged + while_stopped);
        signal(engine, "CONT");
        visitors.end(load);
        assert!(visitors.answers.unanswered.is_empty() && visitors.answers.put_off.is_empty());
        visitors.assert_exactly_once(&stack);
    }
}

#[test]
fn an_engine_that_stands_still_for_good_is_replaced_and_nothing_is_lost_or_doubled() {
    let mut moments = Moments::begin("SIGSTOP of the engine for good");
    let stack = Stack::start_with_config(&config_with_store("silence_seconds = 12"));
    let mut visitors = Visitors::of(&stack);
    for round in 1..=rounds(1) {
        let load = visitors.start(&stack);
        let before = moments.next(1..150);
        stack.await_that("some batches were acknowledged", || load.acknowledged() >= before);
        let engine = stack.engine_process_id();
        signal(engine, "STOP");
        stack.await_that("it is said who is not well", || {
            stack.ask("/readyz").text().contains("engine: answered nothing, and is being started again")
        });
        stack.await_that("another engine runs", || {
            stack.ask("/readyz").text().contains("store: ok\nengine: ok")
                && stack.engine_process_id() != engine
        });
        visitors.end(load);
        assert!(visitors.answers.unanswered.is_empty() && visitors.answers.put_off.is_empty());
        visitors.assert_exactly_once(&stack);
        let counted = format!("kruimel_engine_restarts_total{{reason=\"stuck\"}} {round}");
        assert!(stack.ask("/metrics").text().contains(&counted), "{}", stack.ask("/metrics").text());
        assert!(stack.log().contains("the engine is stuck: it answers nothing"), "{}", stack.log());
    }
}

#[test]
#[ignore = "takes as long as an insert's patience, some minutes: cargo xtask faults"]
fn an_insert_that_ran_out_of_time_at_an_engine_that_goes_on_later_is_there_once() {
    let stack = Stack::start_with_config(&config_with_store("silence_seconds = 3600"));
    let mut visitors = Visitors::of(&stack);
    let load = visitors.start(&stack);
    stack.await_that("some batches were acknowledged", || load.acknowledged() > 100);
    let engine = stack.engine_process_id();
    signal(engine, "STOP");
    let start = Instant::now();
    while !stack.log().contains("The store does not take what there is") {
        assert!(start.elapsed() < Duration::from_secs(400), "{}", stack.log());
        std::thread::park_timeout(Duration::from_secs(1));
    }
    signal(engine, "CONT");
    visitors.end(load);
    visitors.assert_exactly_once(&stack);
}

#[test]
fn a_store_that_cannot_come_back_for_a_while_is_caught_up_with() {
    let stack = Stack::start();
    let mut visitors = Visitors::of(&stack);
    let load = visitors.start(&stack);
    stack.await_that("some batches were acknowledged", || load.acknowledged() > 50);
    // Whoever holds the lock of its folder keeps a new engine from starting.
    let lock = OpenOptions::new().write(true).open(stack.data().join("store/engine.lock")).unwrap();
    stack.await_that("the lock is free", || {
        // Another engine may have been started since the last look.
        for engine in children(stack.process_id()) {
            try_signal(engine, "KILL");
        }
        lock.try_lock().is_ok()
    });
    let away = load.acknowledged();
    stack.await_that("it is tried again", || {
        stack.log().contains("could not be started and is tried once more")
    });
    stack.await_that("the intake goes on", || load.acknowledged() > away + 300);
    assert!(stack.ask("/readyz").status == 200, "the intake does not need the store");
    assert!(stack.ask("/readyz").text().contains("store: away"));
    drop(lock);
    stack.await_that("another engine runs", || !children(stack.process_id()).is_empty());
    visitors.end(load);
    assert!(visitors.answers.unanswered.is_empty() && visitors.answers.put_off.is_empty());
    visitors.assert_exactly_once(&stack);
}

/// How much further the engine's threads stand back than the server does, as of nice(1); but for the one that watches its
/// memory, which steps forward by itself where it may.
fn stands_back(stack: &Stack) -> BTreeSet<i64> {
    // Of a thread that has ended there is none.
    let nice = |folder: &Path| {
        let text = fs::read_to_string(folder.join("stat")).ok()?;
        // Behind the name, which may hold blanks, it is the seventeenth.
        text.rsplit(')').next()?.split_whitespace().nth(16)?.parse::<i64>().ok()
    };
    let server = nice(Path::new(&format!("/proc/{}", stack.process_id()))).unwrap();
    let threads = fs::read_dir(format!("/proc/{}/task", stack.engine_process_id())).unwrap();
    let further = threads.filter_map(|thread| Some(nice(&thread.unwrap().path())? - server));
    further.filter(|further| *further >= 0).collect()
}

#[test]
fn the_engine_stands_back_for_the_intake() {
    let stack = Stack::start();
    assert_eq!(stands_back(&stack), [5].into());
}

#[test]
fn the_config_caps_the_engine_and_a_query_beyond_the_cap_costs_nobody_else_anything() {
    const MEMORY: u64 = 640 << 20;
    let caps = format!("memory_bytes = {MEMORY}\nthreads = 4\nnice = 7");
    let stack = Stack::start_with_config(&config_with_store(&caps));
    let server = "SELECT toUInt64(value) FROM system.server_settings WHERE name =";
    assert_eq!(stack.count(&format!("{server} 'max_server_memory_usage'")), MEMORY);
    assert_eq!(stack.count(&format!("{server} 'background_pool_size'")), 2, "half of them merge");
    assert_eq!(stack.count("SELECT toUInt64(value) FROM system.settings WHERE name = 'max_threads'"), 4);
    assert_eq!(stands_back(&stack), [7].into());

    let engine = stack.engine_process_id();
    let mut visitors = Visitors::of(&stack);
    let load = visitors.start(&stack);
    let hungry = "SELECT length(groupArray(number)) FROM numbers(1000000000) SETTINGS max_memory_usage = 0";
    let refused = stack.refusal(hungry);
    assert!(refused.starts_with("bad response: Code: 241."), "{refused}");
    visitors.end(load);
    visitors.assert_exactly_once(&stack);
    assert_eq!(stack.engine_process_id(), engine, "the engine went on");
}
