//! Damaged files of the spool: what can be read of them is drained, and what cannot is kept, counted and told.

use super::load::{ALL, path, stored};
use crate::sender::{batch, try_batch};
use crate::stack::{Stack, signal};
use std::fs;
use std::path::{Path, PathBuf};

/// The segments with this ending, oldest first.
fn segments(stack: &Stack, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(stack.data().join("spool")).unwrap();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.to_string_lossy().ends_with(ending));
    found.sort();
    found
}

fn holds(file: &Path, text: &str) -> bool {
    fs::read(file).unwrap().windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_torn_end_is_cut_and_a_flipped_bit_costs_its_own_record_which_a_retry_brings_back() {
    let stack = Stack::start();
    let cookies = stack.decide("accept", &ALL, "").cookies();
    stack.await_drained();
    let send = |stack: &Stack, number: u64| {
        let answer = try_batch(stack.public, &cookies, &batch(number, &path(number))).unwrap();
        assert_eq!(answer.status, 202, "{}", answer.text());
    };
    // Nothing leaves the spool.
    let engine = stack.engine_process_id();
    signal(engine, "STOP");
    (100..105).for_each(|number| send(&stack, number));
    stack.await_that("a segment is sealed", || !segments(&stack, ".sealed").is_empty());
    (105..110).for_each(|number| send(&stack, number));
    stack.await_that("another is open", || !segments(&stack, ".open").is_empty());
    signal(stack.process_id(), "KILL");
    signal(engine, "KILL");

    let sealed = segments(&stack, ".sealed").into_iter().find(|file| holds(file, "/load/102")).unwrap();
    let mut bytes = fs::read(&sealed).unwrap();
    let at = bytes.windows(9).position(|window| window == b"/load/102").unwrap();
    bytes[at] ^= 0x01;
    fs::write(&sealed, bytes).unwrap();
    // A record of which the crash let only a part through.
    let open = segments(&stack, ".open").pop().unwrap();
    let mut bytes = fs::read(&open).unwrap();
    bytes.extend_from_within(40..100);
    fs::write(&open, bytes).unwrap();

    let stack = stack.kill_and_restart();
    stack.await_drained();
    assert_eq!(stored(&stack), (100..110).filter(|number| *number != 102).collect::<Vec<u64>>());
    assert!(stack.log().contains("A segment of the spool is damaged"), "{}", stack.log());
    assert!(stack.log().contains("torn_bytes=60"), "{}", stack.log());
    let metrics = stack.ask("/metrics");
    assert!(
        metrics.text().lines().any(|line| line == "kruimel_spool_quarantined_total 1"),
        "{}",
        metrics.text()
    );
    let kept: Vec<_> = fs::read_dir(stack.data().join("spool/quarantine")).unwrap().collect();
    assert_eq!(kept.len(), 1, "{kept:?}");

    (100..110).for_each(|number| send(&stack, number));
    stack.await_drained();
    assert_eq!(stored(&stack), (100..110).collect::<Vec<u64>>());
}
