//! Segments into the store, exactly once, whatever came in between.

use crate::stand::{
    Stand, copy_as_killed, damaged, decision, event, event_on, rejections, supervise, tests, until,
};
use kruimel_collector::config::Config;
use kruimel_collector::ledger::{Ledger, LedgerRow};
use kruimel_collector::spool::{Record, Table};
use kruimel_collector::store::layout;
use std::cell::Cell;
use wire::HexId;

tests![
    what_was_appended_is_in_the_store_once_and_no_longer_in_the_spool,
    a_crash_between_insert_and_removal_doubles_nothing,
    a_part_of_a_segment_is_made_whole,
    rows_that_are_gone_are_inserted_although_the_store_remembers_their_token,
    rows_that_an_earlier_insert_doubled_are_there_once_again,
    rows_of_dead_receipts_are_left_out_and_a_repeat_does_not_miss_them,
    a_segment_that_the_store_cannot_read_is_set_aside_and_those_after_it_are_not,
    a_store_that_is_away_costs_time_and_nothing_else,
    every_row_carries_the_id_of_its_segment,
    a_row_has_its_own_words_however_many_there_are,
    a_crash_doubles_no_decision_and_no_link_and_brings_no_erased_row_back,
    many_segments_that_wait_are_drained_oldest_first,
    a_segment_that_is_too_large_for_one_insert_goes_in_in_parts,
    a_crash_between_two_parts_of_a_segment_costs_no_row_and_doubles_none,
];

async fn counts(stand: &Stand) -> [u64; 3] {
    [
        stand.number("SELECT count() FROM events").await,
        stand.number("SELECT count() FROM consents").await,
        stand.number("SELECT sum(count) FROM rejections").await,
    ]
}

/// Fills a segment for every table and returns the folder as it is before anything is drained.
async fn fill_and_drain(stand: &Stand) -> tempfile::TempDir {
    let mut running = stand.open();
    for number in 0..20 {
        running.append(event(number, 7, &format!("/{number:02}"))).await;
    }
    running.append(decision(0)).await;
    running.append(rejections(3, 4)).await;
    running.spool.seal().await;
    let before = copy_as_killed(stand.folder.path());
    running.drain(&[]);
    running.spool.settled().await;
    running.end().await;
    before
}

async fn drain_again(stand: &Stand, folder: &tempfile::TempDir) {
    let mut again = stand.open_in(folder.path());
    assert_eq!(again.recovered.records, 22);
    again.drain(&[]);
    again.spool.settled().await;
    again.end().await;
}

async fn what_was_appended_is_in_the_store_once_and_no_longer_in_the_spool(stand: Stand) {
    fill_and_drain(&stand).await;
    assert_eq!(counts(&stand).await, [20, 1, 7]);
    assert_eq!(stand.paths().await.len(), 20);
    let again = stand.open();
    assert_eq!((again.recovered.segments, again.spool.depth().segments), (0, 0));
}

async fn a_crash_between_insert_and_removal_doubles_nothing(stand: Stand) {
    let before = fill_and_drain(&stand).await;
    // Merged counters are fewer rows than were inserted, and still the same counters.
    stand.execute("OPTIMIZE TABLE rejections FINAL").await;
    drain_again(&stand, &before).await;
    assert_eq!(counts(&stand).await, [20, 1, 7]);
    assert_eq!(
        stand
            .number("SELECT count() FROM system.mutations WHERE database = currentDatabase() AND command LIKE '%DELETE%'")
            .await,
        0
    );
}

async fn a_part_of_a_segment_is_made_whole(stand: Stand) {
    let before = fill_and_drain(&stand).await;
    stand.execute("ALTER TABLE events DELETE WHERE path < '/07'").await;
    stand.execute("ALTER TABLE rejections UPDATE count = 2 WHERE 1").await;
    drain_again(&stand, &before).await;
    assert_eq!(counts(&stand).await, [20, 1, 7]);
    assert_eq!(stand.number("SELECT uniqExact(path) FROM events").await, 20);
}

async fn rows_that_are_gone_are_inserted_although_the_store_remembers_their_token(stand: Stand) {
    let before = fill_and_drain(&stand).await;
    for table in ["events", "consents", "rejections"] {
        stand.execute(&format!("ALTER TABLE {table} DELETE WHERE 1")).await;
    }
    assert_eq!(counts(&stand).await, [0, 0, 0]);
    drain_again(&stand, &before).await;
    assert_eq!(counts(&stand).await, [20, 1, 7]);
}

async fn rows_that_an_earlier_insert_doubled_are_there_once_again(stand: Stand) {
    let before = fill_and_drain(&stand).await;
    stand.execute("INSERT INTO events SELECT * FROM events").await;
    assert_eq!(counts(&stand).await, [40, 1, 7]);
    drain_again(&stand, &before).await;
    assert_eq!(counts(&stand).await, [20, 1, 7]);
}

async fn rows_of_dead_receipts_are_left_out_and_a_repeat_does_not_miss_them(stand: Stand) {
    let mut running = stand.open();
    running.append(event(1, 7, "/alive")).await;
    running.append(event(2, 8, "/dead")).await;
    running.append(decision(8)).await;
    running.spool.seal().await;
    let before = copy_as_killed(stand.folder.path());
    running.drain(&[]);
    running.spool.settled().await;
    assert!(running.withdrawn.is_dead(8), "the decision in the segment tells");
    running.end().await;
    assert_eq!(stand.paths().await, ["/alive"]);

    let mut again = stand.open_in(before.path());
    assert!(again.withdrawn.is_dead(8), "before anything is drained");
    again.drain(&[]);
    again.spool.settled().await;
    again.end().await;
    assert_eq!(stand.paths().await, ["/alive"]);
    assert!(stand.open().withdrawn.is_dead(8), "although its decision has left the spool");
}

async fn a_segment_that_the_store_cannot_read_is_set_aside_and_those_after_it_are_not(stand: Stand) {
    let mut running = stand.open();
    running.append(event(1, 7, "/before")).await;
    running.spool.seal().await;
    running.append(damaged(event(2, 7, "/damaged"))).await;
    running.spool.seal().await;
    // The length of the first text says four gigabytes.
    let claims = [&[0; 8][..], &[0xff, 0xff, 0xff, 0xff, 0x0f], &[0; 200]].concat();
    running.append(Record { rows: vec![claims].into(), ..event(4, 7, "") }).await;
    running.spool.seal().await;
    // What goes in row by row the store itself refuses, after it proved to be well.
    running.append(damaged(decision(0))).await;
    running.spool.seal().await;
    running.append(event(3, 7, "/after")).await;
    running.drain(&[]);
    running.spool.settled().await;
    assert_eq!(stand.paths().await, ["/after", "/before"]);
    assert_eq!(running.spool.depth().quarantined, 3);
    assert_eq!(running.spool.depth().segments, 0);
    running.end().await;
}

/// More words than a place of one byte could tell apart, and more rows than a block has.
async fn a_row_has_its_own_words_however_many_there_are(stand: Stand) {
    let mut running = stand.open();
    let word = |number: u64| format!("host-{}", number % 700);
    for batch in 0..4 {
        let rows = (0..2_500).map(|row| batch * 2_500 + row).flat_map(|number| {
            let record = event_on(&word(number), &format!("/{number}"));
            record.rows.iter().map(|row| row.whole().into_owned()).collect::<Vec<_>>()
        });
        let rows: Vec<Vec<u8>> = rows.collect();
        running.append(Record { rows: rows.into(), ..event(u128::from(batch), 7, "") }).await;
    }
    running.drain(&[]);
    running.spool.settled().await;
    running.end().await;
    // One block to an insert, as it is row by row: what an earlier build has under way has the same token.
    let segment = stand.number("SELECT max(segment_id) FROM events").await;
    let row = event_on("row-by-row", "/").rows.iter().next().unwrap().whole().into_owned();
    let sql = "INSERT INTO events FORMAT RowBinaryWithNamesAndTypes";
    let insert = stand.client.insert_formatted_with(sql);
    let mut insert = insert.with_setting("insert_deduplication_token", format!("{segment:016x}-events"));
    insert.send([layout(Table::Events).header(), row].concat().into()).await.unwrap();
    insert.end().await.unwrap();
    let own = "SELECT uniqExact(path) FROM events WHERE host = concat('host-', toString(toUInt64(substring(path, 2)) % 700))";
    assert_eq!(stand.number(own).await, 10_000);
    assert_eq!(stand.number("SELECT uniqExact(host) FROM events").await, 700);
}

async fn a_store_that_is_away_costs_time_and_nothing_else(_: Stand) {
    let home = tempfile::tempdir().unwrap();
    let options = engine::Options::new(home.path().join("data"), home.path().join("run/engine.sock"));
    let stand = Stand::new(engine::client(&options.socket));
    let mut running = stand.open();
    running.drain(&[]);
    running.append(event(1, 7, "/away")).await;
    running.spool.seal().await;
    let first = supervise(options.clone()).await;
    running.spool.settled().await;
    assert_eq!(stand.paths().await, ["/away"]);

    first.stop().await;
    running.append(event(2, 7, "/later")).await;
    running.spool.seal().await;
    let second = supervise(options).await;
    running.spool.settled().await;
    assert_eq!(stand.paths().await, ["/away", "/later"]);
    running.end().await;
    second.stop().await;
}

async fn every_row_carries_the_id_of_its_segment(stand: Stand) {
    let mut running = stand.open();
    for segment in 0..3 {
        running.append(event(segment, 7, "/")).await;
        running.append(event(segment + 10, 7, "/")).await;
        running.append(decision(0)).await;
        running.spool.seal().await;
    }
    running.drain(&[]);
    running.spool.settled().await;
    running.end().await;
    assert_eq!(stand.number("SELECT uniqExact(segment_id) FROM events WHERE segment_id != 0").await, 3);
    let shared = "SELECT count() FROM events WHERE segment_id IN (SELECT segment_id FROM consents)";
    assert_eq!(stand.number(shared).await, 6);
}

async fn a_crash_doubles_no_decision_and_no_link_and_brings_no_erased_row_back(stand: Stand) {
    let address = |port| ([127, 0, 0, 1], port).into();
    let site = Config::demo("data".into(), address(0), address(1)).sites.remove(0);
    let now_ms = kruimel_collector::now_ms();
    let mut running = stand.open();
    let elsewhere = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(elsewhere.path(), running.spool.clone(), running.withdrawn.clone()).unwrap();
    let withdrawal = |id| {
        let request = serde_json::json!({"v": 1, "site": "demo", "action": "withdraw", "categories": [], "revision": 1,
            "text": "", "language": "en", "surface": "notice"});
        LedgerRow::withdrawal(&site, &serde_json::from_value(request).unwrap(), HexId(id), now_ms, false)
    };
    for id in [7, 8] {
        ledger.append(withdrawal(id)).await.unwrap();
    }
    ledger.append(LedgerRow::refusal(&site, 1, "", now_ms, false)).await.unwrap();
    // The demo's sample writes rows without a place into the same segment.
    running.append(decision(0)).await;
    running.spool.seal().await;
    let before = copy_as_killed(stand.folder.path());
    running.drain(&[]);
    running.spool.settled().await;
    let held = async || {
        [
            stand.number("SELECT count() FROM consents WHERE chain != 0").await,
            stand.number("SELECT count() FROM consents WHERE chain = 0").await,
            stand.number("SELECT count() FROM ledger_chain").await,
        ]
    };
    assert_eq!(held().await, [3, 1, 3]);
    ledger.append(LedgerRow::erasure(site.id.as_str(), HexId(7), now_ms)).await.unwrap();
    running.spool.settled().await;
    until(async || held().await == [3, 1, 4]).await;
    drop(ledger);
    running.end().await;

    let mut again = stand.open_in(before.path());
    again.drain(&[]);
    again.spool.settled().await;
    again.end().await;
    assert_eq!(held().await, [3, 1, 4]);
    assert_eq!(
        stand.number("SELECT count() FROM consents WHERE withdraws = 7 AND action != 'erase'").await,
        0
    );
    assert!(stand.store.verify_ledger(None, &[]).await.unwrap().findings.is_empty());
}

/// Every row an insert of its own.
fn in_parts(mut stand: Stand) -> Stand {
    stand.store = stand.store.with_insert_bytes_max(1);
    stand
}

async fn a_segment_that_is_too_large_for_one_insert_goes_in_in_parts(stand: Stand) {
    let stand = in_parts(stand);
    let before = fill_and_drain(&stand).await;
    assert_eq!(counts(&stand).await, [20, 1, 7]);
    assert_eq!(stand.number("SELECT uniqExact(path) FROM events").await, 20);
    assert_eq!(stand.number("SELECT uniqExact(segment_id) FROM events").await, 1);
    // Those that were merged since are still listed.
    let inserted = "SELECT count() FROM system.parts WHERE database = currentDatabase() AND table = 'events' AND level = 0";
    assert_eq!(stand.number(inserted).await, 20, "each part is an insert of its own");

    for gone in ["path >= '/11'", "path = '/03'"] {
        stand.execute(&format!("ALTER TABLE events DELETE WHERE {gone}")).await;
        drain_again(&stand, &copy_as_killed(before.path())).await;
        assert_eq!(counts(&stand).await, [20, 1, 7], "{gone}");
        assert_eq!(stand.number("SELECT uniqExact(path) FROM events").await, 20);
    }
}

async fn a_crash_between_two_parts_of_a_segment_costs_no_row_and_doubles_none(stand: Stand) {
    /// Each a part: they take the store some seconds.
    const ROWS: u64 = 400;
    let stand = in_parts(stand);
    let mut running = stand.open();
    for number in 0..ROWS {
        running.append(event(number.into(), 7, &format!("/{number:03}"))).await;
    }
    running.spool.seal().await;
    running.drain(&[]);
    until(async || stand.client.query("SELECT count() > 2 FROM events").fetch_one().await.unwrap_or(false))
        .await;
    running.kill().await;
    let left = copy_as_killed(stand.folder.path());
    assert!(stand.number("SELECT count() FROM events").await < ROWS - 10, "the crash comes in between");

    let mut again = stand.open_in(left.path());
    again.drain(&[]);
    again.spool.settled().await;
    again.end().await;
    assert_eq!(stand.number("SELECT count() FROM events").await, ROWS);
    assert_eq!(stand.number("SELECT uniqExact(path) FROM events").await, ROWS);
    let removed =
        "SELECT count() FROM system.mutations WHERE database = currentDatabase() AND table = 'events'";
    assert_eq!(stand.number(removed).await, 0, "what was there is left there");
}

async fn many_segments_that_wait_are_drained_oldest_first(stand: Stand) {
    const SEGMENTS: u64 = 200;
    let mut running = stand.open();
    for number in 0..SEGMENTS {
        running.append(event(number.into(), 7, &format!("/{number:03}"))).await;
        running.spool.seal().await;
    }
    assert_eq!(running.spool.depth().segments, SEGMENTS);
    running.drain(&[]);
    // Whenever the store is asked, it holds the oldest ones and no other.
    let seen = Cell::new(0);
    until(async || {
        let held = "SELECT count(), max(toUInt64(substring(path, 2)) + 1) FROM events";
        let Ok((rows, newest)) = stand.client.query(held).fetch_one::<(u64, u64)>().await else {
            return false;
        };
        assert!(rows == 0 || rows == newest, "{rows} rows up to {newest}");
        seen.set(seen.get() + u64::from(rows > 0 && rows < SEGMENTS));
        rows == SEGMENTS
    })
    .await;
    assert!(seen.get() > 2, "looked at on the way");
    running.spool.settled().await;
    assert_eq!(stand.number("SELECT uniqExact(segment_id) FROM events").await, SEGMENTS);
    assert_eq!(stand.number("SELECT uniqExact(path) FROM events").await, SEGMENTS);
    running.end().await;
}
