//! Batches that their browsers sent twice, and that two segments brought: at two collectors, or at one that had forgotten.

use crate::stand::{Running, Stand, again, copy_as_killed, tests, view};
use kruimel_collector::spool::Record;
use std::fs;
use tempfile::TempDir;

tests![
    a_batch_that_two_collectors_took_is_there_once_whichever_of_them_drains_last,
    collectors_that_drain_at_the_same_time_leave_one_copy_of_each_event,
    a_collector_that_forgot_a_batch_stores_its_retry_once,
    a_collector_that_died_after_its_insert_puts_no_second_copy_back,
    a_segment_in_parts_of_which_copies_were_removed_is_not_taken_for_its_first_parts,
    only_what_a_retry_doubled_is_removed,
];

async fn filled(stand: &Stand, folder: &TempDir, records: impl IntoIterator<Item = Record>) -> Running {
    let running = stand.open_in(folder.path());
    for record in records {
        running.append(record).await;
    }
    running.spool.seal().await;
    running
}

async fn drained(mut running: Running) {
    running.drain(&[]);
    running.spool.settled().await;
    running.end().await;
}

/// How many events there are, and how many different ones.
async fn events(stand: &Stand) -> (u64, u64) {
    (
        stand.number("SELECT count() FROM events").await,
        stand.number("SELECT uniqExact(view_id, seq) FROM events").await,
    )
}

/// Of the segments' ids chance decides which copy stays, so each order is tried a few times.
async fn a_batch_that_two_collectors_took_is_there_once_whichever_of_them_drains_last(stand: Stand) {
    for round in 0..8_u64 {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let (own, both) = (1_000 + 10 * round, 1_005 + 10 * round);
        let record = |view_id: u64| view(u128::from(view_id), view_id, 1..=3);
        let first = filled(&stand, &folders[0], [record(own), record(both)]).await;
        let second = filled(&stand, &folders[1], [record(own + 1), again(record(both))]).await;
        let (one, other) = if round % 2 == 0 { (first, second) } else { (second, first) };
        drained(one).await;
        drained(other).await;
        assert_eq!(events(&stand).await, (9 * (round + 1), 9 * (round + 1)), "round {round}");
    }
    assert_eq!(stand.store.health().doubles_removed(), 8 * 3);
}

async fn collectors_that_drain_at_the_same_time_leave_one_copy_of_each_event(stand: Stand) {
    const BATCHES: u64 = 60;
    stand.store.migrate().await.unwrap();
    let folders: Vec<TempDir> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let mut collectors: Vec<Running> = folders.iter().map(|folder| stand.open_in(folder.path())).collect();
    collectors.iter_mut().for_each(|running| running.drain(&[]));
    for number in 1..=BATCHES {
        let record = || view(u128::from(number), number, 1..=2);
        let at = |place: u64| &collectors[(number + place) as usize % 3].spool;
        tokio::join!(async { at(0).append(record()).await.unwrap() }, async {
            at(1).append(again(record())).await.unwrap()
        },);
        // The third is told too, now and then.
        if number % 4 == 0 {
            at(2).append(again(record())).await.unwrap();
        }
        if number % 5 == 0 {
            tokio::join!(at(0).seal(), at(1).seal(), at(2).seal());
        }
    }
    for running in collectors {
        running.spool.settled().await;
        running.end().await;
    }
    assert_eq!(events(&stand).await, (2 * BATCHES, 2 * BATCHES));
}

async fn a_collector_that_forgot_a_batch_stores_its_retry_once(stand: Stand) {
    drained(filled(&stand, &stand.folder, [view(1, 11, 1..=3)]).await).await;
    let entries = fs::read_dir(stand.folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let ids: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "done")).collect();
    assert!(!ids.is_empty());
    ids.iter().for_each(|path| fs::remove_file(path).unwrap());
    drained(filled(&stand, &stand.folder, [again(view(1, 11, 1..=3)), view(2, 12, 1..=1)]).await).await;
    assert_eq!(events(&stand).await, (4, 4));
}

async fn a_collector_that_died_after_its_insert_puts_no_second_copy_back(stand: Stand) {
    for round in 0..4 {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let record = || view(round, 20 + round as u64, 1..=3);
        let first = filled(&stand, &folders[0], [record()]).await;
        let as_killed = copy_as_killed(folders[0].path());
        drained(first).await;
        drained(filled(&stand, &folders[1], [again(record())]).await).await;
        drained(stand.open_in(as_killed.path())).await;
        let expected = 3 * (round as u64 + 1);
        assert_eq!(events(&stand).await, (expected, expected), "round {round}");
    }
}

async fn a_segment_in_parts_of_which_copies_were_removed_is_not_taken_for_its_first_parts(mut stand: Stand) {
    let size = view(1, 1, 1..=1).rows.size();
    stand.store = stand.store.with_insert_bytes_max(3 * size);
    stand.store.migrate().await.unwrap();
    // Ten events in parts of three, three, three and one. Without the copy of its first event the store holds as many as
    // the first three parts have, and must have forgotten the token of the last for the difference to show.
    let segment_of = |running: &Running| running.spool.oldest_now().unwrap().id();
    let (first, second, as_killed) = loop {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let records = (1..=10).map(|number| view(number, number as u64, 1..=1));
        let first = filled(&stand, &folders[0], records).await;
        let second = filled(&stand, &folders[1], [again(view(1, 1, 1..=1))]).await;
        if segment_of(&second) < segment_of(&first) {
            let as_killed = copy_as_killed(folders[0].path());
            break ((first, folders), second, as_killed);
        }
    };
    drained(first.0).await;
    drained(second).await;
    assert_eq!(events(&stand).await, (10, 10));
    stand.execute("ALTER TABLE events MODIFY SETTING non_replicated_deduplication_window = 0").await;
    drained(stand.open_in(as_killed.path())).await;
    assert_eq!(events(&stand).await, (10, 10));
    drop(first.1);
}

async fn only_what_a_retry_doubled_is_removed(stand: Stand) {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    // The same ids under another receipt are another visitor's, and further events of the page view are no copies.
    let mut foreign = view(9, 31, 1..=1);
    let rows: Vec<Vec<u8>> = foreign.rows.iter().map(|row| row.whole().into_owned()).collect();
    let seven = rows[0].windows(8).rposition(|bytes| bytes == 7_u64.to_le_bytes()).unwrap();
    let mut row = rows[0].clone();
    row[seven] = 8;
    foreign = Record { consent_id: 8, rows: vec![row].into(), ..foreign };
    drained(filled(&stand, &folders[0], [view(1, 31, 1..=2), foreign, view(2, 31, 3..=4)]).await).await;
    drained(filled(&stand, &folders[1], [again(view(1, 31, 1..=2)), view(3, 31, 5..=5)]).await).await;
    assert_eq!(events(&stand).await, (6, 5));
    assert_eq!(stand.number("SELECT count() FROM events WHERE consent_id = 8").await, 1);
}
