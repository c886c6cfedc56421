//! A withdrawn receipt leaves no event behind.

use crate::stand::{Stand, damaged, decision, event, quarantine, site_event, tests, until};

tests![
    a_withdrawal_erases_what_is_in_the_store_and_what_comes_late,
    a_withdrawal_elsewhere_is_heard_of_through_the_store,
    a_restart_erases_what_the_last_run_may_not_have,
    what_an_import_or_a_restore_brings_back_of_an_erased_receipt_does_not_stay,
    a_restart_erases_for_every_receipt_that_is_listed_however_long_ago_it_died,
    a_site_that_keeps_withdrawn_rows_keeps_them,
    a_withdrawal_erases_what_the_quarantine_holds,
];

async fn a_withdrawal_erases_what_is_in_the_store_and_what_comes_late(stand: Stand) {
    let mut running = stand.open();
    running.drain(&[]);
    running.append(event(1, 7, "/mine")).await;
    running.append(event(2, 8, "/theirs")).await;
    running.spool.settled().await;
    assert_eq!(stand.paths().await, ["/mine", "/theirs"]);

    running.append(decision(7)).await;
    running.withdrawn.kill(7, now_ms());
    until(async || stand.paths().await == ["/theirs"]).await;

    running.append(event(3, 7, "/late")).await;
    running.append(event(4, 8, "/theirs too")).await;
    running.spool.settled().await;
    assert_eq!(stand.paths().await, ["/theirs", "/theirs too"]);
    assert_eq!(
        stand.number("SELECT count() FROM consents WHERE withdraws = 7").await,
        1,
        "the ledger keeps it"
    );
    running.end().await;
}

async fn a_withdrawal_elsewhere_is_heard_of_through_the_store(stand: Stand) {
    let elsewhere = tempfile::tempdir().unwrap();
    let mut other = stand.open_in(elsewhere.path());
    other.append(decision(7)).await;
    other.drain(&[]);
    other.spool.settled().await;
    other.end().await;

    let mut running = stand.open();
    running.append(event(1, 7, "/mine")).await;
    running.append(event(2, 8, "/theirs")).await;
    assert!(!running.withdrawn.is_dead(7));
    running.drain(&[]);
    running.spool.settled().await;
    assert!(running.withdrawn.is_dead(7));
    assert_eq!(stand.paths().await, ["/theirs"]);
    running.end().await;
}

async fn what_an_import_or_a_restore_brings_back_of_an_erased_receipt_does_not_stay(stand: Stand) {
    let mut running = stand.open();
    running.drain(&[]);
    running.append(event(1, 7, "/mine")).await;
    running.append(event(2, 8, "/theirs")).await;
    running.spool.settled().await;
    // The backup: what the store holds now.
    stand.execute("CREATE TABLE backup AS events").await;
    stand.execute("INSERT INTO backup SELECT * FROM events").await;
    running.append(decision(7)).await;
    running.withdrawn.kill(7, now_ms());
    until(async || stand.paths().await == ["/theirs"]).await;
    running.spool.settled().await;
    running.end().await;

    // Another collector, whose own list knows nothing: the ledger in the store tells it.
    let elsewhere = tempfile::tempdir().unwrap();
    let mut other = stand.open_in(elsewhere.path());
    stand.execute("INSERT INTO events SELECT * FROM backup WHERE path = '/mine'").await;
    other.append(event(3, 7, "/imported")).await;
    other.drain(&[]);
    other.spool.settled().await;
    until(async || stand.paths().await == ["/theirs"]).await;
    assert!(other.withdrawn.is_dead(7));
    other.end().await;
}

async fn a_restart_erases_what_the_last_run_may_not_have(stand: Stand) {
    let mut running = stand.open();
    running.drain(&[]);
    running.append(event(1, 7, "/mine")).await;
    running.spool.settled().await;
    running.end().await;

    let killed = stand.open();
    killed.append(decision(7)).await;
    killed.withdrawn.kill(7, now_ms());
    drop(killed);
    assert_eq!(stand.paths().await, ["/mine"]);

    let mut running = stand.open();
    running.drain(&[]);
    running.spool.settled().await;
    running.end().await;
    assert!(stand.paths().await.is_empty());
}

async fn a_restart_erases_for_every_receipt_that_is_listed_however_long_ago_it_died(stand: Stand) {
    let mut running = stand.open();
    running.drain(&[]);
    running.append(event(1, 7, "/mine")).await;
    running.append(event(2, 8, "/theirs")).await;
    running.spool.settled().await;
    running.end().await;

    // The decision was drained while its erasure waited, and the engine stayed away for months: only the list tells.
    let killed = stand.open();
    let months_ago = now_ms() - 90 * 24 * 60 * 60 * 1000;
    killed.withdrawn.kill(7, months_ago);
    // More of them than one statement names.
    (1..=25_000).for_each(|number| killed.withdrawn.kill(u64::MAX - number, months_ago));
    killed.withdrawn.save().unwrap();
    drop(killed);

    let mut running = stand.open();
    running.drain(&[]);
    until(async || stand.paths().await == ["/theirs"]).await;
    running.end().await;
}

async fn a_site_that_keeps_withdrawn_rows_keeps_them(stand: Stand) {
    let mut running = stand.open();
    running.drain(&["archive"]);
    running.append(site_event("archive", 1, 7, "/kept")).await;
    running.append(event(2, 8, "/erased")).await;
    running.spool.settled().await;
    running.withdrawn.kill(7, now_ms());
    running.withdrawn.kill(8, now_ms());
    until(async || stand.paths().await == ["/kept"]).await;
    running.append(site_event("archive", 3, 7, "/kept too")).await;
    running.append(event(4, 8, "/never there")).await;
    running.spool.settled().await;
    assert_eq!(stand.paths().await, ["/kept", "/kept too"]);
    running.end().await;
}

async fn a_withdrawal_erases_what_the_quarantine_holds(stand: Stand) {
    let mut running = stand.open();
    running.append(damaged(event(1, 7, "/mine"))).await;
    running.append(event(2, 7, "/mine-too")).await;
    running.append(event(3, 8, "/theirs")).await;
    running.drain(&[]);
    running.spool.settled().await;
    running.end().await;
    assert!(quarantine(stand.folder.path()).contains("/mine-too"));

    let killed = stand.open();
    killed.withdrawn.kill(7, now_ms());
    killed.withdrawn.save().unwrap();
    drop(killed);
    let mut running = stand.open();
    running.drain(&[]);
    // The store is asked in between, so that whoever erases has its turn.
    until(async || stand.paths().await.is_empty() && !quarantine(stand.folder.path()).contains("/mine-too"))
        .await;
    running.end().await;
    assert!(quarantine(stand.folder.path()).contains("/theirs"), "another's rows are kept");
}

fn now_ms() -> u64 {
    crate::stand::now_ms() as u64
}
