//! Damaged files of the spool: what can be read of them is drained, and what cannot is kept, counted and told.

use super::config_with_store;
use super::load::{ALL, path, stored};
use crate::sender::{batch, try_batch};
use crate::stack::{SITE, Stack, signal};
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

    let sealed = segments(&stack, ".sealed").into_iter().find(|file| holds(file, "/load/100")).unwrap();
    let mut bytes = fs::read(&sealed).unwrap();
    let at = bytes.windows(9).position(|window| window == b"/load/100").unwrap();
    bytes[at] ^= 0x01;
    fs::write(&sealed, bytes).unwrap();
    // A record of which the crash let only a part through.
    let open = segments(&stack, ".open").pop().unwrap();
    let mut bytes = fs::read(&open).unwrap();
    bytes.extend_from_within(40..100);
    fs::write(&open, bytes).unwrap();

    let stack = stack.kill_and_restart();
    stack.await_drained();
    assert_eq!(stored(&stack), (100..110).filter(|number| *number != 100).collect::<Vec<u64>>());
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

/// Changes the site's name in the first row of a segment to one that is longer than the row, with the checksum that such a
/// record has: nothing of it is damaged, and no store can read it.
fn poison(segment: &Path) {
    let mut bytes = fs::read(segment).unwrap();
    let id: [u8; 8] = bytes[12..20].try_into().unwrap();
    let length: [u8; 4] = bytes[40..44].try_into().unwrap();
    let end = 48 + u32::from_le_bytes(length) as usize;
    let name = [&[0; 8][..], &[SITE.len() as u8], SITE.as_bytes()].concat();
    let at = bytes[48..end].windows(name.len()).position(|window| window == name).unwrap();
    bytes[48 + at + 8] = 0xff;
    let sum = crc32fast::hash(&[&id[..], &length, &bytes[48..end]].concat());
    bytes[44..48].copy_from_slice(&sum.to_le_bytes());
    fs::write(segment, bytes).unwrap();
}

#[test]
fn a_segment_that_the_store_refuses_is_set_aside_and_told_and_those_behind_it_are_drained() {
    let stack = Stack::start();
    let cookies = stack.decide("accept", &ALL, "").cookies();
    stack.await_drained();
    let send = |stack: &Stack, number: u64| {
        let answer = try_batch(stack.public, &cookies, &batch(number, &path(number))).unwrap();
        assert_eq!(answer.status, 202, "{}", answer.text());
    };
    let engine = stack.engine_process_id();
    signal(engine, "STOP");
    (100..105).for_each(|number| send(&stack, number));
    stack.await_that("a segment is sealed", || !segments(&stack, ".sealed").is_empty());
    (105..110).for_each(|number| send(&stack, number));
    stack.await_that("another is open", || !segments(&stack, ".open").is_empty());
    signal(stack.process_id(), "KILL");
    signal(engine, "KILL");
    let sealed = segments(&stack, ".sealed").into_iter().find(|file| holds(file, "/load/100")).unwrap();
    let lost = (100..110).filter(|number| holds(&sealed, &path(*number))).count() as u64;
    poison(&sealed);

    let stack = stack.kill_and_restart();
    stack.await_drained();
    (110..115).for_each(|number| send(&stack, number));
    stack.await_drained();
    assert_eq!(stored(&stack), (100 + lost..115).collect::<Vec<u64>>());
    let (log, metrics) = (stack.log(), stack.ask("/metrics").text().to_owned());
    assert!(log.contains("A row of a segment is none of its table."), "{log}");
    assert!(
        log.contains("A segment holds rows that the store refuses. It is kept in the spool's quarantine"),
        "{log}"
    );
    assert!(metrics.lines().any(|line| line == "kruimel_spool_quarantined_total 1"), "{metrics}");
    let ready = stack.ask("/readyz");
    assert!(ready.status == 200 && ready.text().contains("set aside since the start: 1"), "{}", ready.text());
    let kept: Vec<_> = fs::read_dir(stack.data().join("spool/quarantine")).unwrap().collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
}

#[test]
fn a_segment_that_is_taken_away_is_told_and_those_behind_it_are_drained_without_a_restart() {
    let stack = Stack::start_with_config(&config_with_store("[spool]\nsegment_bytes = 65536"));
    let cookies = stack.decide("accept", &ALL, "").cookies();
    stack.await_drained();
    let engine = stack.engine_process_id();
    signal(engine, "STOP");
    // The oldest one is on its way into the store; the next is the one that is taken away.
    let mut numbers = 1000..;
    while segments(&stack, ".sealed").len() < 3 {
        let number = numbers.next().unwrap();
        let answer = try_batch(stack.public, &cookies, &batch(number, &path(number))).unwrap();
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
    let taken = segments(&stack, ".sealed").remove(1);
    let (gone, left): (Vec<u64>, Vec<u64>) =
        (1000..numbers.start).partition(|number| holds(&taken, &path(*number)));
    assert!(gone.len() > 10 && left.len() > 10, "{} of {} are gone", gone.len(), numbers.start - 1000);
    fs::remove_file(&taken).unwrap();
    signal(engine, "CONT");
    stack.await_drained();
    assert_eq!(stored(&stack), left);
    let (log, ready, metrics) = (stack.log(), stack.ask("/readyz"), stack.ask("/metrics"));
    assert!(log.contains("The file of a segment is gone from the spool's folder"), "{log}");
    let told = "spool: ok; gone from the disk since the start: 1, see the log";
    assert!(ready.status == 200 && ready.text().contains(told), "{}", ready.text());
    assert!(metrics.text().lines().any(|line| line == "kruimel_spool_lost_total 1"), "{}", metrics.text());
}
