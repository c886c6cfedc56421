//! A withdrawn receipt leaves no event behind.

use crate::stand::{
    Stand, copy_as_killed, damaged, decision, event, on_disk, quarantine, site_event, supervise, tests, until,
};
use kruimel_collector::spool::Appended;
use std::time::Duration;

tests![
    a_withdrawal_erases_what_is_in_the_store_and_what_comes_late,
    a_withdrawal_elsewhere_is_heard_of_through_the_store,
    a_restart_erases_what_the_last_run_may_not_have,
    what_an_import_or_a_restore_brings_back_of_an_erased_receipt_does_not_stay,
    a_restart_erases_for_every_receipt_that_is_listed_however_long_ago_it_died,
    a_site_that_keeps_withdrawn_rows_keeps_them,
    a_withdrawal_erases_what_the_quarantine_holds,
    a_withdrawal_reaches_what_waits_on_disk_while_the_store_is_away,
    an_erasure_that_the_store_cannot_finish_keeps_nobodys_rows_from_it,
    what_was_erased_while_it_waited_is_neither_missed_nor_doubled_in_the_store,
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

async fn an_erasure_that_the_store_cannot_finish_keeps_nobodys_rows_from_it(stand: Stand) {
    let mut running = stand.open();
    running.drain(&[]);
    running.append(event(1, 7, "/mine")).await;
    running.append(event(2, 8, "/theirs")).await;
    running.spool.settled().await;
    // A part that is to be rewritten stays as it is.
    stand.execute("SYSTEM STOP MERGES events").await;
    running.append(decision(7)).await;
    running.withdrawn.kill(7, now_ms());
    let behind = || stand.store.health().erasure_behind();
    let asked =
        "SELECT count() FROM system.mutations WHERE database = currentDatabase() AND table = 'events'";
    until(async || stand.number(asked).await == 1).await;
    running.append(event(3, 8, "/theirs too")).await;
    running.spool.seal().await;
    until(async || stand.paths().await == ["/mine", "/theirs", "/theirs too"]).await;
    assert!(behind().is_some(), "and it is said");
    stand.execute("SYSTEM START MERGES events").await;
    until(async || behind().is_none()).await;
    assert_eq!(stand.paths().await, ["/theirs", "/theirs too"]);
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

async fn a_withdrawal_reaches_what_waits_on_disk_while_the_store_is_away(_: Stand) {
    let home = tempfile::tempdir().unwrap();
    let options = engine::Options::new(home.path().join("data"), home.path().join("run/engine.sock"));
    let mut stand = Stand::new(engine::client(&options.socket));
    stand.store = stand.store.with_waiting_age(Duration::ZERO);
    let folder = stand.folder.path();
    let mut running = stand.open();
    running.append(event(1, 7, "/mine")).await;
    running.append(event(2, 8, "/theirs")).await;
    running.append(event(3, 7, "/mine-too")).await;
    running.spool.seal().await;
    // While one waits, the next is sealed by its size alone, and is open for as long as the store is away.
    running.append(site_event("archive", 4, 7, "/kept")).await;
    running.append(event(5, 7, "/mine-later")).await;
    running.withdrawn.kill(7, now_ms());
    assert!(on_disk(folder).contains("/mine") && on_disk(folder).contains("/mine-later"));
    running.drain(&["archive"]);
    until(async || {
        tokio::task::yield_now().await;
        !on_disk(folder).contains("/mine")
    })
    .await;
    assert!(
        on_disk(folder).contains("/theirs") && on_disk(folder).contains("/kept"),
        "nothing else is erased"
    );

    let engine = supervise(options).await;
    running.spool.settled().await;
    assert_eq!(stand.paths().await, ["/kept", "/theirs"]);
    running.end().await;
    let again = stand.open();
    for batch in 1..=5 {
        let retry = again.spool.append(event(batch, 8, "/again")).await;
        assert_eq!(retry, Ok(Appended::Repeated), "the batch {batch} was acknowledged");
    }
    engine.stop().await;
}

async fn what_was_erased_while_it_waited_is_neither_missed_nor_doubled_in_the_store(mut stand: Stand) {
    let whole = stand.store.clone();
    let row = event(0, 7, "/way/0").rows.size();
    // As one insert and as three; and what of the segment an insert of unknown outcome had put into the store.
    for store in [whole.clone(), whole.with_insert_bytes_max(2 * row + 1)] {
        for gone in ["0", "path = '/way/2'", "path >= '/way/2'", "consent_id = 8", "1"] {
            stand.store = store.clone();
            stand.folder = tempfile::tempdir().unwrap();
            let mut running = stand.open();
            for number in 0..6 {
                running.append(event(number, 7 + number as u64 % 2, &format!("/way/{number}"))).await;
            }
            running.spool.seal().await;
            let before = copy_as_killed(stand.folder.path());
            running.drain(&[]);
            running.spool.settled().await;
            running.end().await;
            stand.execute(&format!("ALTER TABLE events DELETE WHERE {gone}")).await;

            let mut again = stand.open_in(before.path());
            again.withdrawn.kill(8, now_ms());
            stand.store = store.clone().with_waiting_age(Duration::ZERO);
            again.spool.erase_waiting(Duration::ZERO, |record| match record.consent_id {
                8 => vec![0],
                _ => Vec::new(),
            });
            assert!(!on_disk(before.path()).contains("/way/1") && on_disk(before.path()).contains("/way/2"));
            again.drain(&[]);
            again.spool.settled().await;
            until(async || stand.paths().await == ["/way/0", "/way/2", "/way/4"]).await;
            again.end().await;
            stand.execute("TRUNCATE TABLE events").await;
        }
    }
}

fn now_ms() -> u64 {
    crate::stand::now_ms() as u64
}
