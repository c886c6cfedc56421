//! Batches that their browsers sent twice, and that two segments brought: at two collectors, or at one that had forgotten.

use crate::stand::{
    Running, Stand, View, again, again_as, copy_as_killed, damaged, now_ms, rejections, tests, until, view,
};
use kruimel_collector::spool::Record;
use std::fs;
use tempfile::TempDir;

tests![
    a_batch_that_two_collectors_took_is_there_once_whichever_of_them_drains_last,
    collectors_that_drain_at_the_same_time_leave_one_copy_of_each_event,
    a_collector_that_forgot_a_batch_stores_its_retry_once,
    a_collector_that_died_after_its_insert_puts_no_second_copy_back,
    a_segment_in_parts_of_which_copies_were_removed_is_not_taken_for_its_first_parts,
    damage_to_a_segment_of_which_copies_were_removed_costs_no_row_that_the_store_has,
    a_segment_that_is_set_aside_is_looked_at_too,
    a_look_that_never_succeeds_keeps_nobody_waiting,
    a_first_try_of_a_day_before_and_without_the_visitors_cookie_is_found,
    what_tells_of_a_retry_is_erased_with_its_receipt,
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

/// What was removed from a segment.
async fn rewritten(stand: &Stand) -> u64 {
    let of_segments = "SELECT count() FROM system.mutations WHERE database = currentDatabase() AND table = 'events' AND command LIKE '%segment_id = %'";
    stand.number(of_segments).await
}

/// A segment of those records at a collector, one of the retry at another whose segment has the lower id, so that its copies
/// stay, and the first one's folder as a crash after its insert would leave it.
async fn died_and_lost_copies(stand: &Stand, records: impl Fn() -> Vec<Record>, retry: Record) -> TempDir {
    let segment_of = |running: &Running| running.spool.oldest_now().unwrap().id();
    loop {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let first = filled(stand, &folders[0], records()).await;
        let second = filled(stand, &folders[1], [again(retry.clone())]).await;
        if segment_of(&second) < segment_of(&first) {
            let as_killed = copy_as_killed(folders[0].path());
            drained(first).await;
            drained(second).await;
            return as_killed;
        }
    }
}

async fn a_collector_that_died_after_its_insert_puts_no_second_copy_back(stand: Stand) {
    let records = || vec![view(1, 1, 1..=3), view(2, 2, 1..=1)];
    let as_killed = died_and_lost_copies(&stand, records, view(1, 1, 1..=3)).await;
    assert_eq!(events(&stand).await, (4, 4));
    drained(stand.open_in(as_killed.path())).await;
    assert_eq!((events(&stand).await, rewritten(&stand).await), ((4, 4), 0));
}

async fn a_segment_in_parts_of_which_copies_were_removed_is_not_taken_for_its_first_parts(mut stand: Stand) {
    let size = view(1, 1, 1..=1).rows.size();
    stand.store = stand.store.with_insert_bytes_max(3 * size);
    // Ten events in parts of three, three, three and one. Without the copy of its first event the store holds as many as
    // the first three parts have, and must have forgotten the token of the last for the difference to show.
    let records = || (1..=10).map(|number| view(number, number as u64, 1..=1)).collect();
    let as_killed = died_and_lost_copies(&stand, records, view(1, 1, 1..=1)).await;
    assert_eq!(events(&stand).await, (10, 10));
    stand.execute("ALTER TABLE events MODIFY SETTING non_replicated_deduplication_window = 0").await;
    drained(stand.open_in(as_killed.path())).await;
    assert_eq!((events(&stand).await, rewritten(&stand).await), ((10, 10), 0));
}

async fn damage_to_a_segment_of_which_copies_were_removed_costs_no_row_that_the_store_has(stand: Stand) {
    let records = || vec![view(1, 1, 1..=10), view(2, 2, 1..=1), view(3, 3, 1..=5)];
    let as_killed = died_and_lost_copies(&stand, records, view(1, 1, 1..=10)).await;
    let entries = fs::read_dir(as_killed.path()).unwrap().map(|entry| entry.unwrap().path());
    let sealed =
        entries.into_iter().find(|path| path.extension().is_some_and(|end| end == "sealed")).unwrap();
    let mut bytes = fs::read(&sealed).unwrap();
    let at = bytes.windows(4).position(|text| text == b"/2/1").unwrap();
    bytes[at] ^= 1;
    fs::write(&sealed, bytes).unwrap();
    let running = stand.open_in(as_killed.path());
    assert_eq!(running.recovered.records, 2);
    drained(running).await;
    assert_eq!(events(&stand).await, (16, 16));
}

async fn a_segment_that_is_set_aside_is_looked_at_too(stand: Stand) {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let first = filled(&stand, &folders[0], [view(1, 1, 1..=3), damaged(rejections(1, 2))]).await;
    drained(filled(&stand, &folders[1], [again(view(1, 1, 1..=3))]).await).await;
    let depth = first.spool.clone();
    drained(first).await;
    assert_eq!((depth.depth().quarantined, events(&stand).await), (1, (3, 3)));
}

async fn a_look_that_never_succeeds_keeps_nobody_waiting(stand: Stand) {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    drained(filled(&stand, &folders[0], [view(1, 1, 1..=3)]).await).await;
    stand.execute("ALTER TABLE doubles ADD CONSTRAINT never CHECK seq > 100").await;
    let running = filled(&stand, &folders[1], [again(view(1, 1, 1..=3))]).await;
    running.append(view(2, 2, 1..=1)).await;
    drained(running).await;
    assert_eq!(events(&stand).await, (7, 4), "what was not found is there twice, and all the rest is there");
}

async fn a_first_try_of_a_day_before_and_without_the_visitors_cookie_is_found(stand: Stand) {
    for (batch, turned) in [(1, false), (2, true)] {
        let of = |visitor, hours_ago| {
            let id = batch as u64;
            View { id, visitor, consent_id: 7, hours_ago }.batch(batch, 1..=2)
        };
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let first = filled(&stand, &folders[0], [of(41, 24)]).await;
        let second = filled(&stand, &folders[1], [again_as(41, of(42, 0))]).await;
        let (one, other) = if turned { (second, first) } else { (first, second) };
        drained(one).await;
        drained(other).await;
        assert_eq!(events(&stand).await, (2 * batch as u64, 2 * batch as u64), "{turned}");
    }
}

async fn what_tells_of_a_retry_is_erased_with_its_receipt(stand: Stand) {
    let theirs = || View { id: 2, visitor: 6, consent_id: 8, hours_ago: 0 }.batch(2, 1..=2);
    drained(filled(&stand, &tempfile::tempdir().unwrap(), [view(1, 1, 1..=3), theirs()]).await).await;
    let folder = tempfile::tempdir().unwrap();
    let mut running = filled(&stand, &folder, [again(view(1, 1, 1..=3)), again_as(6, theirs())]).await;
    running.drain(&[]);
    running.spool.settled().await;
    until(async || stand.number("SELECT count() FROM events").await == 5).await;
    running.withdrawn.kill(7, now_ms().cast_unsigned());
    until(async || stand.number("SELECT count() FROM events").await == 2).await;
    running.end().await;
    for (table, of_the_other) in [("events", 2), ("retries", 1), ("doubles", 2)] {
        let rows =
            async |id| stand.number(&format!("SELECT count() FROM {table} WHERE consent_id = {id}")).await;
        assert_eq!([rows(7).await, rows(8).await], [0, of_the_other], "{table}");
    }
}

async fn only_what_a_retry_doubled_is_removed(stand: Stand) {
    for round in 0..4_u64 {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let (id, batch) = (31 + round, u128::from(10 * round));
        // The same ids under another receipt are another visitor's, and further events of the page view are no copies.
        let foreign = View { id, visitor: 5, consent_id: 8, hours_ago: 0 }.batch(batch + 9, 1..=1);
        let own = [view(batch + 1, id, 1..=2), foreign, view(batch + 2, id, 3..=4)];
        drained(filled(&stand, &folders[0], own).await).await;
        let told = [again(view(batch + 1, id, 1..=2)), view(batch + 3, id, 5..=5)];
        drained(filled(&stand, &folders[1], told).await).await;
        let (all, different) = events(&stand).await;
        assert_eq!((all, different), (6 * (round + 1), 5 * (round + 1)));
        assert_eq!(stand.number("SELECT count() FROM events WHERE consent_id = 8").await, round + 1);
    }
}
