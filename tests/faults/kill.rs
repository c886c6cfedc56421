//! What was acknowledged is there once, whatever dies: the server, the engine, or the connection before the answer.

use super::load::{ALL, Visitors, stored};
use super::{Moments, rounds};
use crate::http::send;
use crate::sender::{batch, try_batch};
use crate::stack::{Stack, signal};

#[test]
fn acknowledged_events_survive_kill_9_of_the_server_once_and_retries_do_not_double_them() {
    let mut moments = Moments::begin("kill -9 of the server");
    let mut stack = Stack::start();
    let mut visitors = Visitors::of(&stack);
    for _ in 0..rounds(3) {
        let load = visitors.start(&stack);
        let moment = moments.next(1..120);
        stack.await_that("some batches were acknowledged", || load.acknowledged() >= moment);
        // The crash comes while batches are under way.
        signal(stack.process_id(), "KILL");
        visitors.end(load);
        assert!(visitors.answers.put_off.is_empty(), "a browser was put off");
        stack = stack.kill_and_restart();
        visitors.repeat(&stack);
        visitors.assert_exactly_once(&stack);
    }
}

#[test]
fn a_crash_with_a_backlog_and_another_while_it_drains_lose_and_double_nothing() {
    let mut moments = Moments::begin("kill -9 with a backlog, and again while it drains");
    let mut stack = Stack::start();
    let mut visitors = Visitors::of(&stack);
    for _ in 0..rounds(2) {
        let still = stack.engine_process_id();
        signal(still, "STOP");
        for (engine, within) in [(Some(still), 200..400), (None, 1..200)] {
            let load = visitors.start(&stack);
            let moment = moments.next(within);
            stack.await_that("some batches were acknowledged", || load.acknowledged() >= moment);
            signal(stack.process_id(), "KILL");
            visitors.end(load);
            // Standing still it hears of nothing, and holds the store.
            engine.into_iter().for_each(|engine| signal(engine, "KILL"));
            stack = stack.kill_and_restart();
        }
        visitors.repeat(&stack);
        visitors.assert_exactly_once(&stack);
    }
}

#[test]
fn the_engine_may_die_under_load_and_no_browser_notices() {
    let mut moments = Moments::begin("kill -9 of the engine");
    let stack = Stack::start();
    let mut visitors = Visitors::of(&stack);
    let rounds = rounds(3);
    for round in 0..rounds {
        let load = visitors.start(&stack);
        let engine = stack.engine_process_id();
        let moment = moments.next(1..200);
        stack.await_that("more batches were acknowledged", || load.acknowledged() >= moment);
        signal(engine, "KILL");
        stack.await_that("another engine runs", || {
            crate::stack::children(stack.process_id()).last().is_some_and(|&found| found != engine)
        });
        visitors.end(load);
        assert!(visitors.answers.unanswered.is_empty(), "a browser felt the engine's death");
        assert!(visitors.answers.put_off.is_empty(), "a browser was put off");
        // The pause before a restart grows while the engine keeps dying; the short form counts once.
        if round + 1 == rounds || rounds > 3 {
            visitors.assert_exactly_once(&stack);
        }
    }
}

#[test]
fn a_batch_whose_answer_was_lost_is_answered_again_and_stored_once() {
    let stack = Stack::start();
    let cookies = stack.decide("accept", &ALL, "").cookies();
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
    let cookies = stack.decide("accept", &ALL, "").cookies();
    assert_eq!(try_batch(stack.public, &cookies, &batch(1, "/load/1")).unwrap().status, 202);
    assert!(stack.stop().success());
    let left = std::fs::read_dir(stack.data().join("spool")).unwrap();
    let segments: Vec<_> = left
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".open") || name.ends_with(".sealed"))
        .collect();
    // The time for it is bounded; what is left then is told, and goes in after the start.
    let told = stack.log().contains("Not everything reached the store");
    assert!(segments.is_empty() || told, "{segments:?}");
    let stack = stack.kill_and_restart();
    stack.await_drained();
    assert_eq!(stored(&stack), [1]);
}

#[test]
fn a_batch_on_disk_whose_browser_got_no_answer_is_a_repeat_after_the_crash() {
    let stack = Stack::start();
    let cookies = stack.decide("accept", &ALL, "").cookies();
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
