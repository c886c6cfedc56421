//! Syncs that fail below the server: nobody is told 202 for what was lost with one, and no failed file is tried again.

use super::layer::{Layer, Sync};
use super::load::{ALL, Visitors, path};
use super::{Moments, rounds};
use crate::sender::{batch, try_batch};
use crate::stack::Stack;

/// Above the numbers of the batches that the visitors send.
const FIRST_OF_ROUNDS: u64 = 1 << 32;

/// The same server without the displays that it counted, whose flush would take a failing sync from the batches.
fn without_displays(stack: Stack) -> Stack {
    stack.await_drained();
    stack.kill_and_restart()
}

#[test]
fn a_sync_that_fails_puts_its_browsers_off_and_takes_nothing_that_was_acknowledged() {
    let mut moments = Moments::begin("failing syncs of segments");
    let (stack, layer) = Layer::start();
    let mut visitors = Visitors::of(&stack);
    let mut stack = without_displays(stack);
    for _ in 0..rounds(2) {
        let load = visitors.start(&stack);
        let (moment, failing) = (moments.next(1..120), moments.next(1..5));
        stack.await_that("some batches were acknowledged", || load.acknowledged() >= moment);
        layer.fail(Sync::Segment, failing as i64);
        layer.fail(Sync::OtherFile, moments.next(0..3) as i64);
        stack.await_that("the syncs failed", || layer.have_failed(Sync::Segment));
        stack.await_that("their browsers are told", || load.put_off() >= failing);
        let before = load.acknowledged();
        stack.await_that("batches are taken again", || load.acknowledged() > before + 20);
        visitors.end(load);
        assert!(visitors.answers.unanswered.is_empty(), "a browser got no answer");
        visitors.assert_exactly_once(&stack);
        stack = stack.kill_and_restart();
        visitors.assert_exactly_once(&stack);
        visitors.repeat(&stack);
        // Also those whose ids were among what could not be synced.
        visitors.tell_again(&stack, 0);
        visitors.assert_exactly_once(&stack);
        layer.fail(Sync::OtherFile, 0);
    }
    assert!(stack.log().contains("The spool could not reach the disk"), "{}", stack.log());
}

#[test]
fn a_folder_that_cannot_be_synced_loses_and_doubles_nothing() {
    let mut moments = Moments::begin("failing syncs of the folder");
    let (stack, layer) = Layer::start();
    let mut visitors = Visitors::of(&stack);
    let mut stack = without_displays(stack);
    for round in 0..rounds(2) {
        // The first batch of a segment, whose name is not on disk.
        stack.await_drained();
        layer.fail(Sync::Folder, 1);
        let first = FIRST_OF_ROUNDS + round as u64;
        let answer = try_batch(stack.public, &visitors.cookies, &batch(first, &path(first))).unwrap();
        assert_eq!(answer.status, 503, "{}", answer.text());
        let id = answer.headers.iter().find(|(name, _)| name == "x-request-id").unwrap();
        let log = stack.log();
        let told = log.lines().find(|line| line.contains(&id.1)).unwrap_or_default();
        assert!(told.contains("ERROR") && told.contains("A batch could not be kept"), "{told}");
        assert!(layer.have_failed(Sync::Folder));
        visitors.answers.put_off.insert(first);

        let load = visitors.start(&stack);
        let moment = moments.next(1..120);
        stack.await_that("some batches were acknowledged", || load.acknowledged() >= moment);
        // From the second on the failed segment may not be marked either: then nothing is taken until it was drained.
        let failing = 1 + round as i64 % 3;
        layer.fail(Sync::Folder, failing);
        stack.await_that("the syncs failed", || {
            layer.have_failed(Sync::Folder)
                || stack.ask("/readyz").text().contains("spool: cannot be written")
        });
        let before = (load.acknowledged(), load.put_off());
        stack.await_that("the browsers are answered", || {
            load.acknowledged() > before.0 + 20 || (failing > 1 && load.put_off() > before.1 + 20)
        });
        visitors.end(load);
        layer.fail(Sync::Folder, 0);
        assert!(visitors.answers.unanswered.is_empty(), "a browser got no answer");
        stack = stack.kill_and_restart();
        // What a broken spool refused may be on disk: its retry is known then.
        visitors.repeat(&stack);
        visitors.assert_exactly_once(&stack);
    }
}

#[test]
fn a_withdrawal_that_cannot_be_listed_stays_on_disk_and_holds_at_once() {
    const TRIES: i64 = 1_000_000;
    let (stack, layer) = Layer::start();
    let mut visitors = Visitors::of(&stack);
    let gone = stack.decide("accept", &ALL, "").cookies();
    assert_eq!(try_batch(stack.public, &gone, &batch(FIRST_OF_ROUNDS, "/gone")).unwrap().status, 202);
    stack.await_drained();
    let listed = || std::fs::metadata(stack.data().join("spool/withdrawn")).unwrap().len();
    let before = listed();
    layer.fail(Sync::List, TRIES);
    assert_eq!(stack.decide("withdraw", &[], &gone).status, 200);
    stack.await_that("its segment is tried again", || layer.left(Sync::List) < TRIES - 2);
    assert!(!stack.ask("/metrics").text().contains("kruimel_spool_segments 0\n"), "nothing else knows of it");
    let answer = try_batch(stack.public, &gone, &batch(FIRST_OF_ROUNDS + 1, "/gone")).unwrap();
    assert_eq!(answer.status, 403, "{}", answer.text());
    let load = visitors.start(&stack);
    stack.await_that("batches are taken", || load.acknowledged() > 20);
    visitors.end(load);
    layer.fail(Sync::List, 0);
    visitors.assert_exactly_once(&stack);
    assert!(listed() > before);
    stack.await_count("SELECT count() FROM events WHERE path = '/gone'", 0);
}
