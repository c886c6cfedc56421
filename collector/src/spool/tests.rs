//! The spool on a real disk: cut, flipped, full, repeated, reopened.

mod failing;
mod unmarked;

use super::*;
use crate::row_binary::Rows;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use wire::BatchId;

/// Never seals by itself.
const BY_HAND: SpoolOptions =
    SpoolOptions { bytes_max: 1 << 30, segment_bytes: 1 << 20, segment_age: Duration::from_secs(3600) };

fn record(batch: u128, text: &str) -> Record {
    let mut row = vec![0; 8];
    row.extend_from_slice(text.as_bytes());
    Record { batch: Some(BatchId(batch)), consent_id: 7, ..Record::of(Table::Events, vec![row].into()) }
}

fn open(folder: &Path) -> (Spool, Recovered) {
    Spool::open(folder, BY_HAND).unwrap()
}

fn texts(records: &[StoredRecord<'_>]) -> Vec<String> {
    let rows = records.iter().flat_map(StoredRecord::rows);
    rows.map(|row| String::from_utf8(row.whole()[8..].to_vec()).unwrap()).collect()
}

/// What waits, oldest first, without taking it.
fn waiting(spool: &Spool) -> Vec<String> {
    let segments = spool.inner.shared.waiting();
    segments.iter().flat_map(|segment| spool.read(segment, texts).unwrap().1).collect()
}

/// Takes everything that is sealed.
fn drain(spool: &Spool) -> Vec<String> {
    let mut drained = Vec::new();
    while let Some(segment) = spool.oldest_now() {
        let (contents, found) = spool.read(&segment, texts).unwrap();
        drained.extend(found);
        spool.finish(&segment, &contents).unwrap();
    }
    drained
}

fn files(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| entry.file_name().into_string().unwrap()).filter(|name| name != "lock").collect()
}

fn file_with(folder: &Path, ending: &str) -> PathBuf {
    let name = files(folder).into_iter().find(|name| name.ends_with(ending)).unwrap();
    folder.join(name)
}

/// The folder as a kill -9 at this moment would leave it.
fn copy_as_killed(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in files(folder) {
        if folder.join(&name).is_file() {
            fs::copy(folder.join(&name), copy.path().join(&name)).unwrap();
        }
    }
    copy
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, recovered) = open(folder.path());
    assert_eq!(recovered, Recovered::default());
    for batch in 0..3 {
        assert_eq!(spool.append(record(batch, &format!("r{batch}"))).await, Ok(Appended::Fresh));
    }
    let copy = copy_as_killed(folder.path());
    for _ in 0..2 {
        let (again, recovered) = open(copy.path());
        assert_eq!((recovered.segments, recovered.records, recovered.torn_bytes), (1, 3, 0));
        assert!(again.oldest_now().unwrap().inherited());
        assert_eq!(waiting(&again), ["r0", "r1", "r2"], "reading does not take");
    }
    let (again, _) = open(copy.path());
    assert_eq!(drain(&again), ["r0", "r1", "r2"]);
    assert_eq!(again.depth().segments, 0);
}

#[tokio::test]
async fn a_cut_at_any_byte_leaves_every_record_before_it_and_invents_none() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = open(folder.path());
    let mut ends = Vec::new();
    for batch in 0..4 {
        spool.append(record(batch, &format!("record {batch}"))).await.unwrap();
        ends.push(fs::metadata(file_with(folder.path(), ".open")).unwrap().len());
    }
    let open_file = file_with(folder.path(), ".open");
    let bytes = fs::read(&open_file).unwrap();
    for cut in 0..=bytes.len() {
        let copy = tempfile::tempdir().unwrap();
        fs::write(copy.path().join(open_file.file_name().unwrap()), &bytes[..cut]).unwrap();
        let (again, recovered) = open(copy.path());
        let kept = ends.iter().filter(|end| **end <= cut as u64).count();
        let expected: Vec<String> = (0..kept).map(|batch| format!("record {batch}")).collect();
        assert_eq!(waiting(&again), expected, "cut at {cut}");
        assert!(recovered.quarantined.is_empty(), "cut at {cut}");
        let header = if cut < segment::HEADER_BYTES { 0 } else { segment::HEADER_BYTES as u64 };
        let whole = if kept == 0 { header } else { ends[kept - 1] };
        assert_eq!(recovered.torn_bytes, cut as u64 - whole, "cut at {cut}");
        assert_eq!(
            again.append(record(0, "again")).await.unwrap() == Appended::Repeated,
            kept > 0,
            "cut at {cut}"
        );
    }
}

#[tokio::test]
async fn a_flipped_bit_is_quarantined_and_counted_and_costs_its_own_record_only() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = open(folder.path());
    for batch in 0..3 {
        spool.append(record(batch, &format!("record {batch}"))).await.unwrap();
    }
    spool.seal().await;
    let sealed = file_with(folder.path(), ".sealed");
    let bytes = fs::read(&sealed).unwrap();
    for at in 0..bytes.len() {
        let copy = tempfile::tempdir().unwrap();
        let file = copy.path().join(sealed.file_name().unwrap());
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        fs::write(&file, &flipped).unwrap();
        let (again, recovered) = open(copy.path());
        assert_eq!(recovered.quarantined.iter().collect::<Vec<_>>(), [&file], "flipped at {at}");
        assert_eq!(again.depth().quarantined, 1);
        assert!(recovered.damaged_bytes > 0);
        let lost = usize::from(at >= segment::HEADER_BYTES);
        assert_eq!(recovered.records, 3 - lost as u64, "flipped at {at}");
        assert!(again.oldest_now().unwrap().salvaged());
        assert_eq!(drain(&again).len(), 3 - lost);
        let kept = copy.path().join(quarantine::FOLDER).join(file.file_name().unwrap());
        assert_eq!(fs::read(kept).unwrap(), flipped, "what was damaged is kept as it was");
    }
}

#[tokio::test]
async fn damage_that_comes_after_sealing_is_quarantined_by_the_drain() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = open(folder.path());
    spool.append(record(0, "first")).await.unwrap();
    spool.append(record(1, "second")).await.unwrap();
    spool.seal().await;
    let sealed = file_with(folder.path(), ".sealed");
    let mut bytes = fs::read(&sealed).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&sealed, bytes).unwrap();
    let segment = spool.oldest_now().unwrap();
    let (contents, found) = spool.read(&segment, texts).unwrap();
    assert!(contents.damaged());
    assert_eq!(found, ["first"]);
    assert_eq!(files(&folder.path().join(quarantine::FOLDER)).len(), 1);
    assert_eq!(spool.depth().quarantined, 1);
}

#[tokio::test]
async fn a_repeated_batch_is_answered_and_not_appended() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = open(folder.path());
    let (first, second) = tokio::join!(spool.append(record(1, "once")), spool.append(record(1, "once")));
    assert_eq!([first, second], [Ok(Appended::Fresh), Ok(Appended::Repeated)]);
    assert_eq!(spool.append(record(1, "once")).await, Ok(Appended::Repeated));
    assert_eq!(spool.append(record(2, "other")).await, Ok(Appended::Fresh));

    let killed = copy_as_killed(folder.path());
    let (again, _) = open(killed.path());
    assert_eq!(again.append(record(1, "once")).await, Ok(Appended::Repeated), "rebuilt from the segment");
    assert_eq!(drain(&again), ["once", "other"]);
    assert_eq!(again.append(record(2, "other")).await, Ok(Appended::Repeated), "known although drained");
    drop(again);
    assert!(files(killed.path()).iter().all(|name| name.ends_with(".done")), "no row is left on disk");
    let (again, _) = open(killed.path());
    assert_eq!(again.append(record(1, "once")).await, Ok(Appended::Repeated), "rebuilt from the drained ids");
    assert_eq!(again.append(record(3, "third")).await, Ok(Appended::Fresh));
    again.seal().await;
    assert_eq!(drain(&again), ["third"]);
}

#[tokio::test]
async fn a_crash_between_the_proof_and_the_removal_drains_nothing_again() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = open(folder.path());
    spool.append(record(1, "once")).await.unwrap();
    spool.seal().await;
    let before = copy_as_killed(folder.path());
    drain(&spool);
    let done = file_with(folder.path(), ".done");
    fs::copy(&done, before.path().join(done.file_name().unwrap())).unwrap();
    let (again, recovered) = open(before.path());
    assert_eq!((recovered.segments, again.depth().segments), (0, 0));
    assert_eq!(again.append(record(1, "once")).await, Ok(Appended::Repeated));
}

#[tokio::test]
async fn of_two_segments_with_one_sequence_each_is_drained_by_itself_and_none_is_numbered_like_one_in_quarantine()
 {
    let both = tempfile::tempdir().unwrap();
    for batch in 0..2 {
        // Both numbered from the beginning, as after an idle quarter of an hour.
        let alone = tempfile::tempdir().unwrap();
        let (spool, _) = open(alone.path());
        spool.append(record(batch, &format!("r{batch}"))).await.unwrap();
        spool.seal().await;
        let sealed = file_with(alone.path(), ".sealed");
        fs::copy(&sealed, both.path().join(sealed.file_name().unwrap())).unwrap();
    }
    let (spool, _) = open(both.path());
    let [first, second] = spool.inner.shared.waiting().try_into().unwrap();
    assert_eq!(first.sequence(), second.sequence());
    let (contents, _) = spool.read(&first, texts).unwrap();
    spool.finish(&first, &contents).unwrap();
    assert!(!spool.inner.shared.waits(first.id()) && spool.inner.shared.waits(second.id()));
    assert_eq!(spool.depth().segments, 1);
    let (contents, _) = spool.read(&second, texts).unwrap();
    spool.set_aside(&second, contents.batches()).unwrap();
    assert_eq!(spool.depth().segments, 0);
    drop((first, second, spool));

    for done in files(both.path()).iter().filter(|name| name.ends_with(".done")) {
        fs::remove_file(both.path().join(done)).unwrap();
    }
    let (spool, _) = open(both.path());
    spool.append(record(2, "r2")).await.unwrap();
    spool.seal().await;
    assert_eq!(spool.oldest_now().unwrap().sequence(), 3);
}

#[tokio::test]
async fn the_cap_answers_full_keeps_room_for_decisions_and_frees_with_the_drain() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = Spool::open(folder.path(), SpoolOptions { bytes_max: 16_000, ..BY_HAND }).unwrap();
    let text = "x".repeat(900);
    let mut taken = 0;
    while spool.append(record(taken, &text)).await == Ok(Appended::Fresh) {
        taken += 1;
    }
    assert_eq!(spool.append(record(taken, &text)).await, Err(AppendError::Full));
    assert!((14..=16).contains(&taken), "{taken} records of 900 bytes");
    let decision = Record { table: Table::Consents, batch: None, ..record(0, "withdraw") };
    assert_eq!(spool.append(decision).await, Ok(Appended::Fresh));
    assert!(spool.depth().bytes <= 16_000);

    spool.seal().await;
    assert_eq!(drain(&spool).len(), taken as usize + 1, "every acknowledged record and no other");
    assert_eq!(
        spool.append(record(taken, &text)).await,
        Ok(Appended::Fresh),
        "what was refused was not remembered"
    );
}

#[tokio::test]
async fn the_bytes_that_are_counted_are_the_bytes_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let length = |name: &String| fs::metadata(folder.path().join(name)).unwrap().len();
    let size = || files(folder.path()).iter().map(length).sum::<u64>();
    let (spool, _) = open(folder.path());
    for batch in 0..3 {
        spool.append(record(batch, "counted")).await.unwrap();
        assert_eq!(spool.depth().bytes, size());
    }
    spool.seal().await;
    assert_eq!(spool.depth().bytes, size());
    drain(&spool);
    assert_eq!(spool.depth().bytes, size());
    spool.append(record(9, "counted")).await.unwrap();
    drop(spool);
    let (again, _) = open(folder.path());
    assert_eq!(again.depth().bytes, size());
    assert_eq!(again.depth().segments, 1);
}

#[test]
fn a_second_opener_is_refused_with_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = open(folder.path());
    let refused = Spool::open(folder.path(), BY_HAND).err().unwrap();
    assert!(matches!(refused, SpoolError::InUse(_)));
    assert!(refused.to_string().contains("in use by another running Kruimel"));
    drop(first);
    open(folder.path());
}

#[test]
fn a_folder_of_a_later_version_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let name = segment::Name { sequence: 1, id: 2, limit: None, state: segment::State::Sealed };
    let header = header_of(&name, FORMAT_VERSION + 1);
    fs::write(folder.path().join(name.to_string()), &header).unwrap();
    let refused = Spool::open(folder.path(), BY_HAND).err().unwrap();
    assert!(matches!(refused, SpoolError::LaterVersion { version, .. } if version == FORMAT_VERSION + 1));
    assert_eq!(fs::read(folder.path().join(name.to_string())).unwrap(), header);
}

/// The header of a segment that another version wrote.
fn header_of(name: &segment::Name, version: u32) -> Vec<u8> {
    let mut header = segment::header(name, 3);
    header.truncate(segment::HEADER_BYTES - 4);
    header[8..12].copy_from_slice(&version.to_le_bytes());
    let sum = crc32fast::hash(&header).to_le_bytes();
    header.extend_from_slice(&sum);
    header
}

#[tokio::test]
async fn a_segment_of_the_first_version_is_drained_and_its_batches_are_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let name = segment::Name { sequence: 1, id: 2, limit: None, state: segment::State::Open };
    let mut bytes = header_of(&name, 1);
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    for (batch, text) in [(1, "one"), (2, "two")] {
        let row = [&[0; 8], text.as_bytes()].concat();
        frame::write(&mut bytes, name.id, &record::encode_first(now_ms, BatchId(batch), &[&row]));
    }
    fs::write(folder.path().join(name.to_string()), &bytes).unwrap();
    let (spool, recovered) = open(folder.path());
    assert_eq!((recovered.records, recovered.damaged_bytes, recovered.torn_bytes), (2, 0, 0));
    assert_eq!(spool.append(record(2, "again")).await, Ok(Appended::Repeated));
    assert_eq!(waiting(&spool), ["one", "two"]);
}

#[tokio::test]
async fn a_segment_is_sealed_by_age_without_further_records_and_by_size() {
    let folder = tempfile::tempdir().unwrap();
    let quick = SpoolOptions { segment_age: Duration::from_millis(1), ..BY_HAND };
    let (spool, _) = Spool::open(folder.path(), quick).unwrap();
    spool.append(record(1, "old")).await.unwrap();
    assert_eq!(spool.oldest().await.sequence(), 1);
    drop(spool);

    let folder = tempfile::tempdir().unwrap();
    let small = SpoolOptions { segment_bytes: 100, ..BY_HAND };
    let (spool, _) = Spool::open(folder.path(), small).unwrap();
    spool.append(record(1, &"x".repeat(100))).await.unwrap();
    let segment = spool.oldest().await;
    assert_eq!(spool.read(&segment, texts).unwrap().1.len(), 1);
}

#[tokio::test]
async fn a_segment_is_full_too_when_its_rows_are_large_once_each_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = Spool::open(folder.path(), SpoolOptions { segment_bytes: 2_000, ..BY_HAND }).unwrap();
    let mut rows = Rows::around(vec![7; 500], 10);
    (0..10).for_each(|_| rows.push(|_| (), |_| ()));
    spool.append(Record { rows, ..record(1, "") }).await.unwrap();
    let segment = spool.oldest().await;
    assert!(segment.bytes < 1_000, "{} bytes on disk", segment.bytes);
}

#[tokio::test]
async fn settled_waits_for_what_was_appended_and_for_nothing_later() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = open(folder.path());
    spool.settled().await;
    spool.append(record(1, "before")).await.unwrap();
    let settled = tokio::spawn({
        let spool = spool.clone();
        async move { spool.settled().await }
    });
    let segment = spool.oldest().await;
    spool.append(record(2, "after")).await.unwrap();
    assert!(!settled.is_finished());
    spool.finish(&segment, &spool.read(&segment, |_| ()).unwrap().0).unwrap();
    settled.await.unwrap();
    assert_eq!(spool.depth().segments, 1);
}

#[tokio::test]
async fn a_record_that_is_too_large_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = open(folder.path());
    assert_eq!(spool.append(record(1, &"x".repeat(RECORD_BYTES_MAX))).await, Err(AppendError::TooLarge));
    assert_eq!(files(folder.path()), BTreeSet::new());
}

#[tokio::test]
async fn decisions_in_the_spool_tell_which_receipts_they_kill() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = open(folder.path());
    let decision = Record { table: Table::Consents, batch: None, withdraws: 0xdead, ..record(0, "withdraw") };
    spool.append(decision).await.unwrap();
    drop(spool);
    let (_again, recovered) = open(folder.path());
    assert_eq!(recovered.withdrawn.iter().map(|ended| ended.consent_id).collect::<Vec<_>>(), [0xdead]);
}

/// A folder that earlier runs left, whose records were stamped so many milliseconds before now by the clock of each.
fn left_by_runs(runs: &[&[i64]]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let mut batches = 0..;
    for (sequence, stamps_ms_ago) in (1..).step_by(2).zip(runs) {
        let name = segment::Name { sequence, id: sequence, limit: None, state: segment::State::Sealed };
        let mut bytes = segment::header(&name, 1);
        for (ago_ms, batch) in stamps_ms_ago.iter().zip(&mut batches) {
            let payload = record::encode(&record(batch, "stamped"), (now_ms - ago_ms) as u64).unwrap();
            frame::write(&mut bytes, name.id, &payload);
        }
        fs::write(folder.path().join(name.to_string()), bytes).unwrap();
    }
    folder
}

#[tokio::test]
async fn a_clock_that_was_set_between_runs_makes_no_retry_fresh() {
    const HOUR: i64 = 3_600_000;
    for runs in [
        // The clock went ahead by a year, back by one, and back by an hour between two records.
        &[&[365 * 24 * HOUR + 5, 365 * 24 * HOUR][..]][..],
        &[&[-365 * 24 * HOUR, -5]],
        &[&[-HOUR, 0]],
        // Twice: ahead and ahead, ahead and back, back and ahead.
        &[&[10 * HOUR + 5, 10 * HOUR], &[5 * HOUR + 5, 5 * HOUR]],
        &[&[5 * HOUR], &[-10 * HOUR]],
        &[&[5 * HOUR + 5, 5 * HOUR], &[15 * HOUR + 5, 15 * HOUR]],
    ] {
        let folder = left_by_runs(runs);
        for opened in 1..=2 {
            let (spool, _) = open(folder.path());
            for batch in 0..runs.concat().len() as u128 {
                let answer = spool.append(record(batch, "stamped")).await;
                assert_eq!(answer, Ok(Appended::Repeated), "{runs:?}, opened {opened} times");
            }
            // The second time the ids alone are left.
            drain(&spool);
        }
    }
    // What was old by that run's own clock is forgotten, or by those of the runs after it.
    for runs in [&[&[2 * HOUR, HOUR][..]][..], &[&[2 * HOUR], &[HOUR, 0]]] {
        let folder = left_by_runs(runs);
        let (spool, _) = open(folder.path());
        assert_eq!(spool.append(record(0, "stamped")).await, Ok(Appended::Fresh), "{runs:?}");
    }
}

/// Appends batches with one row each in one group after the other, and takes them.
async fn pass(spool: &Spool, batches: std::ops::Range<u128>) {
    for batch in batches {
        spool.append(record(batch, "row")).await.unwrap();
    }
    spool.seal().await;
    drain(spool);
}

#[tokio::test]
async fn ids_of_drained_batches_take_an_eighth_of_the_spool_at_most_and_the_newest_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let options = SpoolOptions { bytes_max: 16_000, ..BY_HAND };
    let (spool, _) = Spool::open(folder.path(), options).unwrap();
    for round in 0..8 {
        pass(&spool, round * 32..(round + 1) * 32).await;
        assert!(spool.depth().bytes <= 2_000, "{} bytes of ids", spool.depth().bytes);
    }
    assert_eq!(spool.append(record(0, "row")).await, Ok(Appended::Repeated), "in memory it is known");
    drop(spool);
    let (again, _) = Spool::open(folder.path(), options).unwrap();
    assert!(again.depth().bytes <= 2_000);
    assert_eq!(again.append(record(255, "row")).await, Ok(Appended::Repeated));
    assert_eq!(again.append(record(224, "row")).await, Ok(Appended::Repeated));
    assert_eq!(again.append(record(0, "row")).await, Ok(Appended::Fresh), "its file had to make room");
}

#[tokio::test]
async fn a_file_of_ids_as_it_was_first_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let name = segment::Name { sequence: 1, id: 2, limit: None, state: segment::State::Done };
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let mut bytes = segment::header(&name, now_ms);
    let list: Vec<(u128, u64)> = (0..3).map(|batch| (batch, now_ms)).collect();
    frame::write(&mut bytes, name.id, &postcard::to_allocvec(&list).unwrap());
    fs::write(folder.path().join(name.to_string()), &bytes).unwrap();
    let (spool, _) = open(folder.path());
    for batch in 0..3 {
        assert_eq!(spool.append(record(batch, "again")).await, Ok(Appended::Repeated));
    }
    assert_eq!(spool.append(record(3, "another")).await, Ok(Appended::Fresh));
}

/// Erases the rows that hold a text.
fn erase(spool: &Spool, age: Duration, text: &str) {
    spool.erase_waiting(age, |record| {
        let holds = |row: &[u8]| String::from_utf8_lossy(row).contains(text);
        record.rows().enumerate().filter(|(_, row)| holds(&row.whole())).map(|(at, _)| at).collect()
    });
}

fn everything_in(folder: &Path) -> String {
    let bytes: Vec<u8> =
        files(folder).iter().filter_map(|name| fs::read(folder.join(name)).ok()).flatten().collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn rows_are_erased_where_they_wait_and_all_else_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = open(folder.path());
    for (batch, text) in [(1, "mine"), (2, "theirs"), (3, "mine too")] {
        spool.append(record(batch, text)).await.unwrap();
    }
    spool.seal_rested(HOUR).await;
    assert_eq!(spool.oldest_now().map(|segment| segment.id()), None, "it is too young to be sealed for it");
    spool.seal_rested(Duration::ZERO).await;
    erase(&spool, HOUR, "mine");
    assert_eq!(waiting(&spool), ["mine", "theirs", "mine too"], "it is too young to be looked through");
    let bytes = spool.depth().bytes;
    erase(&spool, Duration::ZERO, "mine");
    assert!(!everything_in(folder.path()).contains("mine"));
    assert_eq!(waiting(&spool), ["\0\0\0\0", "theirs", "\0\0\0\0\0\0\0\0"]);
    assert_eq!((spool.depth().bytes, spool.depth().quarantined), (bytes, 0));
    let file = file_with(folder.path(), ".sealed");
    assert_eq!(fs::metadata(&file).unwrap().len(), bytes);
    let written = fs::metadata(&file).unwrap().modified().unwrap();
    erase(&spool, Duration::ZERO, "mine");
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), written, "nothing is left to erase");

    for killed in [copy_as_killed(folder.path()), {
        drain(&spool);
        copy_as_killed(folder.path())
    }] {
        let (again, recovered) = open(killed.path());
        assert_eq!((recovered.damaged_bytes, recovered.torn_bytes), (0, 0));
        for batch in 1..=3 {
            assert_eq!(again.append(record(batch, "again")).await, Ok(Appended::Repeated));
        }
    }
    erase(&spool, Duration::ZERO, "theirs");
    assert!(
        files(folder.path()).iter().all(|name| name.ends_with(".done")),
        "what was drained does not come back"
    );
}

#[tokio::test]
async fn a_segment_with_a_time_to_come_is_old() {
    let folder = left_by_runs(&[&[-30 * 3_600_000]]);
    let (spool, _) = open(folder.path());
    erase(&spool, 6 * HOUR, "stamped");
    assert!(!everything_in(folder.path()).contains("stamped"));
}
