//! The ledger in the store: what is erased of it, wherever it waits, and what its rows do not tell.

use crate::stand::{Stand, damaged, event, now_ms, on_disk, quarantine, supervise, tests, until};
use crate::verify::no_link;
use kruimel_collector::config::{Config, Site};
use kruimel_collector::ledger::LedgerRow;
use kruimel_collector::store::Verified;
use std::fs;
use std::path::Path;
use std::time::Duration;
use wire::{DecisionRequest, HexId};

tests![
    an_erasure_reaches_the_rows_in_quarantine_and_the_chain_holds_when_these_come_back,
    an_erasure_reaches_decisions_that_wait_while_the_store_is_away_and_the_chain_holds,
    a_link_whose_row_was_erased_where_it_waited_is_known_as_that_however_young_its_segment_looks,
    a_link_whose_row_was_erased_where_it_waited_is_no_gap_when_the_store_refuses_it,
    what_a_restore_brings_back_of_an_erased_visitors_decisions_does_not_stay,
    rows_from_before_the_chain_are_erased_too,
    a_refusal_names_nothing_that_tells_more_than_its_hour,
    rows_of_the_ledger_are_inserted_once_though_a_crash_hides_the_outcome,
];

pub(crate) fn site() -> Site {
    let local = |port| ([127, 0, 0, 1], port).into();
    Config::demo("data".into(), local(0), local(1)).sites.remove(0)
}

pub(crate) fn request() -> DecisionRequest {
    serde_json::from_value(serde_json::json!({
        "v": 1, "site": "demo", "action": "accept", "categories": ["necessary", "analytics"], "revision": 1,
        "text": "0123456789abcdef", "language": "en", "surface": "notice",
    }))
    .unwrap()
}

pub(crate) fn grant(id: u64) -> LedgerRow {
    LedgerRow::grant(&site(), &request(), HexId(id), None, now_ms(), false)
}

pub(crate) fn refusal() -> LedgerRow {
    LedgerRow::refusal(&site(), 1, "0123456789abcdef", now_ms(), false)
}

pub(crate) fn erasure(id: u64) -> LedgerRow {
    LedgerRow::erasure("demo", HexId(id), now_ms())
}

/// The salts of every row that the store holds of a consent.
pub(crate) async fn salts(stand: &Stand, id: u64) -> Vec<String> {
    let sql = format!("SELECT salt FROM consents WHERE consent_id = {id}");
    stand.client.query(&sql).fetch_all().await.unwrap()
}

async fn an_erasure_reaches_the_rows_in_quarantine_and_the_chain_holds_when_these_come_back(stand: Stand) {
    let folder = stand.folder.path();
    let (mut running, ledger) = stand.decide_in(folder);
    // In one record, as decisions that come at once are.
    let (mine, theirs, none) =
        tokio::join!(ledger.append(grant(7)), ledger.append(grant(8)), ledger.append(refusal()));
    [mine, theirs, none].into_iter().for_each(|appended| appended.unwrap());
    running.append(damaged(event(1, 9, "/damaged"))).await;
    running.drain(&[]);
    running.spool.settled().await;
    let (mine, theirs) = (salts(&stand, 7).await, salts(&stand, 8).await);
    assert!([&mine[0], &theirs[0]].into_iter().all(|salt| quarantine(folder).contains(salt)));
    ledger.append(erasure(7)).await.unwrap();
    running.spool.settled().await;
    until(async || salts(&stand, 7).await.is_empty()).await;
    running.end().await;
    drop(ledger);

    // The quarantine is looked through every hour, and when a collector starts.
    let (mut running, ledger) = stand.decide_in(folder);
    running.drain(&[]);
    until(async || stand.number("SELECT toUInt64(1)").await == 1 && !quarantine(folder).contains(&mine[0]))
        .await;
    assert!(quarantine(folder).contains(&theirs[0]), "another's decision is kept");
    running.end().await;
    drop(ledger);
    let whole = stand.store.verify_ledger(None, &[]).await.unwrap();
    assert_eq!((whole.findings.as_slice(), whole.erased, whole.rows), (&[][..], 1, 3));

    // The store lost the rows, and the operator puts the segment back: one link comes without its row.
    for table in ["consents", "ledger_chain", "ledger_erased"] {
        stand.execute(&format!("TRUNCATE TABLE {table}")).await;
    }
    let (mut running, ledger) = stand.decide_in(folder);
    running.drain(&[]);
    until(async || stand.number("SELECT count() FROM ledger_erased").await == 1).await;
    running.end().await;
    drop(ledger);
    let elsewhere = tempfile::tempdir().unwrap();
    move_back(folder, elsewhere.path());
    let (mut running, _ledger) = stand.decide_in(elsewhere.path());
    running.drain(&[]);
    running.spool.settled().await;
    running.end().await;
    let again = stand.store.verify_ledger(None, &[]).await.unwrap();
    assert_eq!((again.findings.as_slice(), again.erased, again.rows), (&[][..], 1, 2));
    assert!(salts(&stand, 7).await.is_empty());
}

async fn an_erasure_reaches_decisions_that_wait_while_the_store_is_away_and_the_chain_holds(_: Stand) {
    let (whole, _) = erased_while_the_store_is_away(Duration::ZERO, false).await;
    assert_eq!((whole.findings.as_slice(), whole.erased, whole.rows), (&[][..], 1, 4));
}

/// A clock that was set back since, or a list of dead receipts that nobody kept, lets no look through the disk reach it.
async fn a_link_whose_row_was_erased_where_it_waited_is_known_as_that_however_young_its_segment_looks(
    _: Stand,
) {
    let (whole, _) = erased_while_the_store_is_away(Duration::from_secs(3_600), false).await;
    assert_eq!((whole.findings.as_slice(), whole.erased, whole.rows), (&[][..], 1, 4));
}

async fn a_link_whose_row_was_erased_where_it_waited_is_no_gap_when_the_store_refuses_it(_: Stand) {
    let (whole, links) = erased_while_the_store_is_away(Duration::ZERO, true).await;
    assert_eq!(links, 1, "of the decision that came later");
    assert_eq!((whole.findings.as_slice(), whole.aside, whole.rows), (&[][..], 4, 1));
    assert!(whole.notes.iter().any(|note| note.contains("the store did not take it")), "{:?}", whole.notes);
}

/// What is verified and how many links there are, after a further decision. `age`: of a segment that is looked through once
/// the store is there, which may refuse its links.
async fn erased_while_the_store_is_away(age: Duration, links_refused: bool) -> (Verified, u64) {
    let home = tempfile::tempdir().unwrap();
    let options = engine::Options::new(home.path().join("data"), home.path().join("run/engine.sock"));
    let mut stand = Stand::new(engine::client(&options.socket));
    stand.store = stand.store.with_waiting_age(Duration::ZERO);
    let folder = stand.folder.path();
    let (running, ledger) = stand.decide_in(folder);
    let spoken = |id, language: &str| {
        let request = DecisionRequest { language: language.into(), ..request() };
        LedgerRow::grant(&site(), &request, HexId(id), None, now_ms(), false)
    };
    let (mine, theirs, none) = tokio::join!(
        ledger.append(spoken(7, "nl-mine")),
        ledger.append(spoken(8, "nl-theirs")),
        ledger.append(refusal())
    );
    [mine, theirs, none].into_iter().for_each(|appended| appended.unwrap());
    ledger.append(erasure(7)).await.unwrap();
    if links_refused {
        running.append(no_link()).await;
    }
    running.withdrawn.save().unwrap();
    assert!(on_disk(folder).contains("nl-mine"));
    running.end().await;
    drop(ledger);
    for _ in 0..2 {
        // The second time nothing is left to be erased, and the link is known to be bare all the same.
        let (mut running, ledger) = stand.decide_in(folder);
        running.drain(&[]);
        until(async || {
            tokio::task::yield_now().await;
            !on_disk(folder).contains("nl-mine")
        })
        .await;
        assert!(on_disk(folder).contains("nl-theirs"));
        running.end().await;
        drop(ledger);
    }
    let engine = supervise(options).await;
    let mut later = Stand::new(stand.client.clone());
    later.store = later.store.with_waiting_age(age);
    let (mut running, ledger) = later.decide_in(folder);
    running.drain(&[]);
    running.spool.settled().await;
    ledger.append(grant(9)).await.unwrap();
    running.spool.settled().await;
    running.end().await;
    let whole = later.store.verify_ledger(None, &[]).await.unwrap();
    let links = later.number("SELECT count() FROM ledger_chain").await;
    engine.stop().await;
    (whole, links)
}

/// Moves the segments of a quarantine into another spool.
pub(crate) fn move_back(from: &Path, to: &Path) {
    for entry in fs::read_dir(from.join("quarantine")).unwrap().map(|entry| entry.unwrap()) {
        fs::rename(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

async fn what_a_restore_brings_back_of_an_erased_visitors_decisions_does_not_stay(stand: Stand) {
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    running.drain(&[]);
    ledger.append(grant(7)).await.unwrap();
    ledger.append(grant(8)).await.unwrap();
    running.append(event(1, 7, "/mine")).await;
    running.append(event(2, 8, "/theirs")).await;
    running.spool.settled().await;
    for table in ["consents", "ledger_chain", "events"] {
        stand.execute(&format!("CREATE TABLE backup_{table} AS {table}")).await;
        stand.execute(&format!("INSERT INTO backup_{table} SELECT * FROM {table}")).await;
    }
    ledger.append(erasure(7)).await.unwrap();
    running.spool.settled().await;
    until(async || salts(&stand, 7).await.is_empty() && stand.paths().await == ["/theirs"]).await;
    let withdrawn = running.withdrawn.clone();
    running.end().await;

    // The backup is older than the erasure, so its ledger knows nothing of it. This collector's list does.
    for table in ["consents", "ledger_chain", "events"] {
        stand.execute(&format!("TRUNCATE TABLE {table}")).await;
        stand.execute(&format!("INSERT INTO {table} SELECT * FROM backup_{table}")).await;
    }
    assert_eq!(salts(&stand, 7).await.len(), 1);
    stand.store.erase_what_came_back(&withdrawn, &[]).await.unwrap();
    assert_eq!((salts(&stand, 7).await.len(), salts(&stand, 8).await.len()), (0, 1));
    assert_eq!(stand.paths().await, ["/theirs"]);
    let whole = stand.store.verify_ledger(None, &[]).await.unwrap();
    assert_eq!((whole.findings.as_slice(), whole.erased), (&[][..], 1));
}

async fn rows_from_before_the_chain_are_erased_too(stand: Stand) {
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    running.drain(&[]);
    ledger.append(grant(7)).await.unwrap();
    ledger.append(grant(8)).await.unwrap();
    running.spool.settled().await;
    let before =
        "INSERT INTO consents SELECT * REPLACE (0 AS chain, 0 AS chain_seq, '' AS salt) FROM consents";
    stand.execute(before).await;
    ledger.append(erasure(7)).await.unwrap();
    running.spool.settled().await;
    until(async || salts(&stand, 7).await.is_empty()).await;
    assert_eq!(salts(&stand, 8).await.len(), 2);
    running.end().await;
}

async fn a_refusal_names_nothing_that_tells_more_than_its_hour(stand: Stand) {
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    ledger.append(grant(7)).await.unwrap();
    ledger.append(refusal()).await.unwrap();
    ledger.append(erasure(9)).await.unwrap();
    running.append(event(1, 7, "/beside")).await;
    running.drain(&[]);
    running.spool.settled().await;
    running.end().await;
    let hourly =
        stand.number("SELECT count() FROM consents WHERE toStartOfHour(ts) = ts AND consent_id = 0").await;
    assert_eq!(hourly, 2);
    // Whatever stands in another row with a second or a millisecond.
    for finer in ["events", "consents WHERE consent_id != 0", "ledger_chain WHERE kind = 'timed'"] {
        for of in ["consents WHERE consent_id = 0", "ledger_chain WHERE kind = 'hourly'"] {
            let shared =
                format!("SELECT count() FROM {of} AND segment_id IN (SELECT segment_id FROM {finer})");
            assert_eq!(stand.number(&shared).await, 0, "{of}, {finer}");
        }
    }
    assert_eq!(
        stand.number("SELECT count() FROM consents WHERE consent_id != 0 AND segment_id != 0").await,
        1
    );

    // What an earlier build wrote loses it.
    let sequel = |file: &str| schema::MIGRATIONS.iter().find(|one| one.name == file).unwrap().sql;
    for (table, file) in [("consents", "consents_hourly"), ("ledger_chain", "ledger_chain_hourly")] {
        stand.execute(&format!("ALTER TABLE {table} UPDATE segment_id = 5 WHERE 1")).await;
        stand.execute(sequel(file)).await;
        assert_eq!(stand.number(&format!("SELECT countIf(segment_id = 0) FROM {table}")).await, 2, "{table}");
    }
}

async fn rows_of_the_ledger_are_inserted_once_though_a_crash_hides_the_outcome(stand: Stand) {
    let folder = stand.folder.path();
    let (mut running, ledger) = stand.decide_in(folder);
    for id in 1..=3 {
        ledger.append(grant(id)).await.unwrap();
        ledger.append(refusal()).await.unwrap();
    }
    ledger.append(erasure(2)).await.unwrap();
    running.spool.seal().await;
    let copies = [0, 1].map(|_| crate::stand::copy_as_killed(folder));
    running.drain(&[]);
    running.spool.settled().await;
    until(async || salts(&stand, 2).await.is_empty()).await;
    running.end().await;
    let count = async |table: &str| stand.number(&format!("SELECT count() FROM {table}")).await;
    assert_eq!((count("consents").await, count("ledger_chain").await), (6, 7));

    // The same segment again, as after a crash: all of it is there, and then a part.
    for (copy, lost) in copies.iter().zip([false, true]) {
        if lost {
            stand.execute("ALTER TABLE consents DELETE WHERE consent_id = 3 OR chain_seq = 2").await;
            stand.execute("ALTER TABLE ledger_chain DELETE WHERE seq = 2").await;
        }
        let mut running = stand.open_in(copy.path());
        running.drain(&[]);
        running.spool.settled().await;
        until(async || salts(&stand, 2).await.is_empty()).await;
        running.end().await;
        assert_eq!((count("consents").await, count("ledger_chain").await), (6, 7), "{lost}");
        let whole = stand.store.verify_ledger(None, &[]).await.unwrap();
        assert_eq!((whole.findings.as_slice(), whole.rows, whole.erased), (&[][..], 6, 1));
    }
}
