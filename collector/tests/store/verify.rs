//! The ledger is verified beside a collector that goes on.

use crate::chains::{append_all, days_ago, grant_of};
use crate::ledger::{grant, move_back, refusal};
use crate::stand::{Running, Stand, cut_off, event, now_ms, tests, until};
use kruimel_collector::ledger::{Ledger, LedgerRow};
use kruimel_collector::spool::{Record, Table};
use kruimel_collector::store::Head;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::timeout;
use wire::HexId;

/// Longest wait for looks beside a drain.
const LOOK_TIME_MAX: Duration = Duration::from_secs(60);

tests![
    a_look_beside_a_drain_finds_nothing_that_is_merely_on_its_way,
    decisions_that_the_store_refuses_are_told_as_kept_aside_until_they_are_brought_back,
    decisions_that_the_store_does_not_take_for_now_are_told_as_kept_aside,
    links_that_the_store_refuses_are_no_gap_that_somebody_made,
    what_is_taken_out_in_front_of_a_decision_that_the_store_refused_is_missed_where_a_head_was_kept,
    a_link_that_is_added_is_told_though_it_follows_from_the_one_before,
];

async fn a_look_beside_a_drain_finds_nothing_that_is_merely_on_its_way(stand: Stand) {
    /// Looks that find more than the one before them.
    const GROWN: u32 = 7;
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    running.drain(&[]);
    ledger.append(refusal()).await.unwrap();
    running.spool.settled().await;
    let stop = AtomicBool::new(false);
    let (spool, store) = (running.spool.clone(), stand.store.clone());
    let decide = async {
        let mut id = 0;
        while !stop.load(Ordering::Relaxed) {
            for _ in 0..5 {
                id += 1;
                let (granted, refused) = tokio::join!(ledger.append(grant(id)), ledger.append(refusal()));
                granted.and(refused).unwrap();
            }
            spool.seal().await;
        }
        id
    };
    let look = async {
        let mut grown = 0;
        let mut links = 0;
        while grown < GROWN {
            let seen = store.verify_ledger(None, &[]).await.unwrap();
            assert_eq!(seen.findings, []);
            grown += u32::from(seen.links > links);
            links = seen.links;
        }
        stop.store(true, Ordering::Relaxed);
    };
    let look = async { timeout(LOOK_TIME_MAX, look).await.expect("the drain goes on beside the looks") };
    let (decided, ()) = tokio::join!(decide, look);
    running.spool.settled().await;
    running.end().await;
    let whole = stand.store.verify_ledger(None, &[]).await.unwrap();
    assert_eq!((whole.findings.as_slice(), whole.rows), (&[][..], 2 * decided + 1));
}

async fn decisions_that_the_store_refuses_are_told_as_kept_aside_until_they_are_brought_back(stand: Stand) {
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    let decide = async |id| {
        ledger.append(grant(id)).await.unwrap();
        ledger.append(refusal()).await.unwrap();
    };
    running.drain(&[]);
    decide(1).await;
    running.spool.settled().await;
    // One decision that is none keeps those beside it from the store; rows of other tables go in.
    decide(2).await;
    running.append(event(1, 2, "/beside")).await;
    running.append(cut_off()).await;
    running.spool.settled().await;
    decide(3).await;
    running.spool.settled().await;
    assert_eq!(stand.number("SELECT count() FROM consents").await, 4);
    assert_eq!(stand.paths().await, ["/beside"]);
    let told = async || {
        let told = stand.store.verify_ledger(None, &[]).await.unwrap();
        (told.findings.len(), told.aside, told.notes.len(), told.rows)
    };
    assert_eq!(told().await, (0, 2, 2, 4));

    // What cannot be read goes with the next erasure, and the file is whole again.
    ledger.append(LedgerRow::erasure("demo", HexId(99), now_ms())).await.unwrap();
    running.spool.settled().await;
    running.end().await;
    drop(ledger);
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    running.drain(&[]);
    running.spool.settled().await;
    running.end().await;
    drop(ledger);
    assert_eq!(told().await, (0, 2, 2, 5));
    let elsewhere = tempfile::tempdir().unwrap();
    move_back(stand.folder.path(), elsewhere.path());
    let (mut running, _ledger) = stand.decide_in(elsewhere.path());
    running.drain(&[]);
    running.spool.settled().await;
    running.end().await;
    assert_eq!(told().await, (0, 0, 0, 7));

    // From then on a row that is missing is missing.
    stand.execute("ALTER TABLE consents DELETE WHERE consent_id = 2").await;
    assert_eq!(told().await, (1, 0, 0, 6));
}

async fn decisions_that_the_store_does_not_take_for_now_are_told_as_kept_aside(stand: Stand) {
    stand.store.migrate().await.unwrap();
    stand.execute("ALTER TABLE consents ADD CONSTRAINT none CHECK consent_id != 2").await;
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    running.drain(&[]);
    for id in 1..=3 {
        ledger.append(grant(id)).await.unwrap();
        running.spool.seal().await;
    }
    until(async || stand.number("SELECT count() FROM ledger_aside").await == 1).await;
    let told = async || {
        let told = stand.store.verify_ledger(None, &[]).await.unwrap();
        (told.findings.len(), told.aside, told.rows)
    };
    assert_eq!(told().await, (0, 1, 1));
    stand.execute("ALTER TABLE consents DROP CONSTRAINT none").await;
    running.spool.settled().await;
    assert_eq!(told().await, (0, 0, 3));
    running.end().await;
}

/// A link that is none, of a row that was erased, keeps those beside it from the store.
pub(crate) fn no_link() -> Record {
    let rows = vec![vec![0; 20], vec![1; 20]].into();
    Record::of(Table::Decisions, rows)
}

async fn links_that_the_store_refuses_are_no_gap_that_somebody_made(stand: Stand) {
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    running.drain(&[]);
    for id in 1..=3 {
        ledger.append(grant(id)).await.unwrap();
        if id == 2 {
            running.append(no_link()).await;
        }
        running.spool.settled().await;
    }
    assert_eq!(stand.number("SELECT count() FROM ledger_chain").await, 2);
    let told = stand.store.verify_ledger(None, &[]).await.unwrap();
    assert_eq!((told.findings.as_slice(), told.aside, told.rows), (&[][..], 1, 2));
    // The decision itself is there, and so is the withdrawal that it may be.
    assert_eq!(stand.number("SELECT count() FROM consents").await, 3);

    // Now the last of its chain, which the next one names.
    ledger.append(grant(4)).await.unwrap();
    running.append(no_link()).await;
    running.spool.settled().await;
    running.end().await;
    drop(ledger);
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    running.drain(&[]);
    ledger.append(grant(5)).await.unwrap();
    running.spool.settled().await;
    let told = stand.store.verify_ledger(None, &[]).await.unwrap();
    assert_eq!((told.findings.as_slice(), told.rows), (&[][..], 3));
    assert!(told.notes.iter().any(|note| note.contains("the store did not take it")), "{:?}", told.notes);
    running.end().await;
}

/// A grant of some days ago, in a segment of its own.
pub(crate) async fn grant_at(running: &Running, ledger: &Ledger, id: u64, days: i64) {
    append_all(ledger, [grant_of(36, id, days_ago(days))]).await;
    running.spool.settled().await;
}

/// Findings, places that are told as aside, and notes on chains that name what is missing.
pub(crate) async fn seen(stand: &Stand, heads: &[Head]) -> (Vec<String>, u64, usize) {
    let seen = stand.store.verify_ledger(None, heads).await.unwrap();
    let what = seen.findings.into_iter().map(|one| one.what).collect();
    let names = seen.notes.iter().filter(|note| note.contains("names the link at place"));
    (what, seen.aside, names.count())
}

pub(crate) async fn take_out(stand: &Stand, links: &str) {
    let of = format!("(chain, SEQ) IN (SELECT chain, seq FROM ledger_chain WHERE {links})");
    stand.execute(&format!("ALTER TABLE consents DELETE WHERE {}", of.replace("SEQ", "chain_seq"))).await;
    stand.execute(&format!("ALTER TABLE ledger_chain DELETE WHERE {links}")).await;
}

const SHORTER: &str = "The chain is shorter than when its head was kept.";

async fn what_is_taken_out_in_front_of_a_decision_that_the_store_refused_is_missed_where_a_head_was_kept(
    stand: Stand,
) {
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    running.drain(&[]);
    for id in 1..=5 {
        ledger.append(grant(id)).await.unwrap();
        if id == 5 {
            running.append(cut_off()).await;
        }
        running.spool.settled().await;
    }
    running.end().await;
    let heads = stand.store.ledger_heads(None, None).await.unwrap();
    let whole = stand.store.verify_ledger(None, &heads).await.unwrap();
    assert_eq!((whole.findings.as_slice(), whole.heads, whole.aside), (&[][..], 1, 1));

    // The store had the link, whatever is noted of its row.
    take_out(&stand, "seq = 5").await;
    assert_eq!(seen(&stand, &heads).await, (vec![SHORTER.to_owned()], 1, 0));
    take_out(&stand, "seq >= 3").await;
    assert_eq!(seen(&stand, &heads).await, (vec![SHORTER.to_owned()], 1, 0));
}

async fn a_link_that_is_added_is_told_though_it_follows_from_the_one_before(stand: Stand) {
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    running.drain(&[]);
    for id in 1..=3 {
        grant_at(&running, &ledger, id, 2).await;
    }
    running.end().await;
    stand.execute("CREATE TABLE whole AS ledger_chain").await;
    stand.execute("INSERT INTO whole SELECT * FROM ledger_chain").await;
    // In front of the first, and a second time in the place of the second.
    for (place, added) in [(1, "toUInt32(0) AS seq"), (2, "toDate('1971-01-01') AS row_expires")] {
        let added = format!("SELECT * REPLACE ({added}) FROM whole WHERE whole.seq = {place}");
        stand.execute(&format!("INSERT INTO ledger_chain {added}")).await;
        let (what, ..) = seen(&stand, &[]).await;
        assert!(what.iter().any(|one| one.starts_with("The link was added")), "{place}: {what:?}");
        stand.execute("TRUNCATE TABLE ledger_chain").await;
        stand.execute("INSERT INTO ledger_chain SELECT * FROM whole").await;
        assert_eq!(seen(&stand, &[]).await, (vec![], 0, 0));
    }
}
