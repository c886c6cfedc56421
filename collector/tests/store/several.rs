//! Several collectors on one store: what one withdraws the others refuse, and their chains stand beside one another.

use crate::ledger::{grant, refusal, site};
use crate::listening::Listening;
use crate::stand::{Stand, tests, until};
use kruimel_collector::keys_path;
use std::time::Duration;

tests![
    a_receipt_withdrawn_at_one_collector_is_refused_by_the_other_after_its_next_look,
    a_look_reads_what_is_new_in_the_store_however_long_ago_it_was_decided,
    the_chains_of_two_collectors_for_one_site_and_day_hold_beside_one_another,
];

async fn a_receipt_withdrawn_at_one_collector_is_refused_by_the_other_after_its_next_look(stand: Stand) {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let first = Listening::begin(&stand, folders[0].path()).await;
    // One shared key.
    std::fs::copy(keys_path(folders[0].path()), keys_path(folders[1].path())).unwrap();
    let second = Listening::begin(&stand, folders[1].path()).await;
    assert_ne!(first.collector.ledger.collector(), second.collector.ledger.collector());

    let all = ["functional", "analytics", "advertising"];
    let mine = first.decide("accept", &all, "").await;
    let theirs = first.decide("accept", &all, "").await;
    for (number, cookies) in [(1, &mine), (2, &theirs)] {
        let taken = second.batch(number, cookies).await;
        assert!(taken.starts_with("HTTP/1.1 202 "), "{taken}");
    }
    second.collector.spool.settled().await;
    assert_eq!(stand.number("SELECT count() FROM events").await, 2);

    first.decide("withdraw", &[], &mine).await;
    first.collector.spool.settled().await;
    until(async || {
        stand.number("SELECT toUInt64(1)").await == 1 && second.collector.withdrawn.all().len() == 1
    })
    .await;
    let dead = second.batch(3, &mine).await;
    assert!(dead.starts_with("HTTP/1.1 403 ") && dead.contains("withdrawn_receipt"), "{dead}");
    // In its first minute a withdrawal leaves the cookie, which may hold the choice that followed; later it is expired.
    assert!(!dead.contains("set-cookie"), "{dead}");
    let alive = second.batch(4, &theirs).await;
    assert!(alive.starts_with("HTTP/1.1 202 "), "{alive}");
    until(async || stand.number("SELECT count() FROM events").await == 2).await;
    first.end().await;
    second.end().await;
}

/// A withdrawal of another collector, decided so many hours ago.
fn withdrawal(id: u64, hours: u64) -> String {
    format!(
        "INSERT INTO consents (site_id, ts, action, withdraws, expires) \
         VALUES ('demo', now() - INTERVAL {hours} HOUR, 'withdraw', {id}, '2128-01-01')"
    )
}

async fn a_look_reads_what_is_new_in_the_store_however_long_ago_it_was_decided(stand: Stand) {
    stand.store.migrate().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let second = Listening::begin(&stand, folder.path()).await;
    let withdrawn = second.collector.withdrawn.clone();
    // The first look reads the whole list; what comes later is found by later ones.
    for id in 1..=20 {
        stand.execute(&withdrawal(id, 20 - id)).await;
        until(async || withdrawn.is_dead(id)).await;
    }
    stand.execute("OPTIMIZE TABLE consents FINAL").await;
    stand.execute(&withdrawal(21, 10_000)).await;
    stand.execute(&withdrawal(22, 9)).await;
    until(async || withdrawn.is_dead(22)).await;
    until(async || stand.store.poll_newly_withdrawn(&withdrawn, Duration::from_secs(1)).await.unwrap() == 0)
        .await;
    stand.execute(&withdrawal(23, 5)).await;
    let told = stand.store.poll_newly_withdrawn(&withdrawn, Duration::from_secs(60)).await.unwrap();
    assert!(told >= 1 && withdrawn.is_dead(23));
    assert!(!withdrawn.is_dead(21), "no receipt is that old");
    second.end().await;
}

async fn the_chains_of_two_collectors_for_one_site_and_day_hold_beside_one_another(stand: Stand) {
    const EACH: u64 = 60;
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut collectors = folders.each_ref().map(|folder| stand.decide_in(folder.path()));
    collectors.iter_mut().for_each(|(running, _)| running.drain(&[]));
    let mut appends = Vec::new();
    for id in 1..=EACH {
        for (_, ledger) in &collectors {
            let ledger = ledger.clone();
            // The same consent decided at both is no collision either.
            appends.push(tokio::spawn(async move {
                ledger.append(grant(id)).await?;
                ledger.append(refusal()).await
            }));
        }
    }
    for append in appends {
        append.await.unwrap().unwrap();
    }
    let ids = collectors.each_ref().map(|(_, ledger)| ledger.collector());
    for (running, ledger) in collectors {
        running.spool.settled().await;
        running.end().await;
        drop(ledger);
    }
    assert_ne!(ids[0], ids[1]);

    let site = site();
    let site = Some(site.id.as_str());
    let whole = stand.store.verify_ledger(site, &[]).await.unwrap();
    assert_eq!((whole.findings.as_slice(), whole.notes.as_slice()), (&[][..], &[][..]));
    assert_eq!((whole.chains, whole.links, whole.rows), (4, 4 * EACH, 4 * EACH));
    let distinct = stand.number("SELECT uniqExact(chain, chain_seq) FROM consents").await;
    assert_eq!(distinct, 4 * EACH);
    let heads = stand.store.ledger_heads(site, None).await.unwrap();
    assert_eq!(heads.len(), 4);

    // A row that is moved from one collector's chain into the other's shows, and so does a chain that is not there.
    let chains: Vec<u64> = stand
        .client
        .query("SELECT chain FROM ledger_chain WHERE kind = 'timed' AND seq = 1 ORDER BY collector")
        .fetch_all()
        .await
        .unwrap();
    let moved = format!(
        "ALTER TABLE consents UPDATE chain = {} WHERE chain = {} AND chain_seq = 3",
        chains[1], chains[0]
    );
    stand.execute(&moved).await;
    let found = stand.store.verify_ledger(site, &heads).await.unwrap();
    let mut what: Vec<&str> = found.findings.iter().map(|finding| finding.what.as_str()).collect();
    what.sort_unstable();
    assert!(what.contains(&"The row was removed before its time."), "{what:?}");
    assert!(what.contains(&"There are two rows for one place."), "{what:?}");
    stand.execute(&format!("ALTER TABLE consents DELETE WHERE chain = {}", chains[0])).await;
    stand.execute(&format!("ALTER TABLE ledger_chain DELETE WHERE chain = {}", chains[0])).await;
    let found = stand.store.verify_ledger(site, &heads).await.unwrap();
    assert!(found.findings.iter().any(|one| one.what == "A chain whose head was kept is not there."));
}
