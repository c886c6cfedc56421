//! A segment that the store does not take, whatever it says of it: those behind it go in, and show that it is not the store.

use crate::ledger::grant;
use crate::stand::{Running, Stand, event, quarantine, rejections, tests, until};
use std::time::Duration;

tests![
    a_segment_that_the_store_does_not_take_for_any_reason_is_set_aside_once_others_went_in,
    of_several_such_segments_each_is_set_aside,
    a_store_that_takes_nothing_has_no_segment_set_aside,
    what_goes_into_other_tables_proves_nothing,
    decisions_and_links_that_are_overtaken_are_no_finding,
    a_decision_beside_rows_that_are_set_aside_is_missed_when_it_is_removed,
    nothing_is_overtaken_before_its_time,
];

/// Tries of a segment that are more than enough to have it set aside.
const TRIES: u64 = 8;

/// A spool that drains into tables which take no event but those of paths that are so.
async fn where_paths_are(stand: &mut Stand, stuck_time: Duration, condition: &str) -> Running {
    stand.store = stand.store.clone().with_stuck_time(stuck_time);
    let mut running = stand.open();
    running.drain(&[]);
    sealed(&running, &["/first"]).await;
    running.spool.settled().await;
    // The code of that refusal (469) says nothing about whether rows can be read.
    stand.execute(&format!("ALTER TABLE events ADD CONSTRAINT some CHECK {condition}")).await;
    running
}

/// Each in a segment of its own.
async fn sealed(running: &Running, paths: &[&str]) {
    for path in paths {
        append(running, path).await;
        running.spool.seal().await;
    }
}

async fn append(running: &Running, path: &str) {
    let batch = path.bytes().fold(0, |sum, byte| sum * 256 + u128::from(byte));
    running.append(event(batch, 7, path)).await;
}

/// Waits until the drain failed often enough.
async fn tried(stand: &Stand) {
    until(async || stand.store.is_reachable().await && stand.store.health().failures() >= TRIES).await;
}

/// Appends an event and waits until it is stored.
async fn taken(stand: &Stand, running: &Running, path: &str) {
    append(running, path).await;
    until(async || stand.paths().await.iter().any(|stored| stored == path)).await;
}

async fn settled(running: &Running) {
    tokio::time::timeout(Duration::from_secs(60), running.spool.settled())
        .await
        .expect("nothing stops the drain");
}

async fn a_segment_that_the_store_does_not_take_for_any_reason_is_set_aside_once_others_went_in(
    mut stand: Stand,
) {
    let running = where_paths_are(&mut stand, Duration::ZERO, "path != '/not'").await;
    sealed(&running, &["/not", "/one", "/two"]).await;
    until(async || stand.paths().await == ["/first", "/one", "/two"]).await;
    // From the open segment, which nobody else seals.
    for path in ["/a", "/b"] {
        taken(&stand, &running, path).await;
    }
    tried(&stand).await;
    assert_eq!(running.spool.depth().quarantined, 0, "three are no proof yet");
    taken(&stand, &running, "/c").await;
    settled(&running).await;
    let depth = running.spool.depth();
    assert_eq!((depth.segments, depth.quarantined, depth.lost), (0, 1, 0));
    assert!(quarantine(stand.folder.path()).contains("/not"));
    running.end().await;
}

async fn of_several_such_segments_each_is_set_aside(mut stand: Stand) {
    let running = where_paths_are(&mut stand, Duration::ZERO, "path NOT LIKE '/not%'").await;
    sealed(&running, &["/not1", "/not2"]).await;
    for path in ["/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h"] {
        taken(&stand, &running, path).await;
    }
    settled(&running).await;
    assert_eq!(running.spool.depth().quarantined, 2);
    running.end().await;
}

async fn a_store_that_takes_nothing_has_no_segment_set_aside(mut stand: Stand) {
    let running = where_paths_are(&mut stand, Duration::ZERO, "path = '/first'").await;
    sealed(&running, &["/a", "/b", "/c", "/d", "/e", "/f"]).await;
    tried(&stand).await;
    assert_eq!(running.spool.depth().segments, 6);
    stand.execute("ALTER TABLE events DROP CONSTRAINT some").await;
    settled(&running).await;
    assert_eq!(running.spool.depth().quarantined, 0);
    assert_eq!(stand.paths().await, ["/a", "/b", "/c", "/d", "/e", "/f", "/first"]);
    running.end().await;
}

async fn what_goes_into_other_tables_proves_nothing(mut stand: Stand) {
    let running = where_paths_are(&mut stand, Duration::ZERO, "path = '/first'").await;
    sealed(&running, &["/a"]).await;
    for counted in 1..=6 {
        running.append(rejections(1, 1)).await;
        running.spool.seal().await;
        until(async || stand.number("SELECT sum(count) FROM rejections").await == 2 * counted).await;
    }
    tried(&stand).await;
    assert_eq!((running.spool.depth().segments, running.spool.depth().quarantined), (1, 0));
    running.end().await;
}

async fn decisions_and_links_that_are_overtaken_are_no_finding(mut stand: Stand) {
    stand.store = stand.store.clone().with_stuck_time(Duration::ZERO);
    stand.store.migrate().await.unwrap();
    for (table, not, aside) in [("consents", "consent_id != 2", 1), ("ledger_chain", "seq != 2", 2)] {
        stand.execute(&format!("ALTER TABLE {table} ADD CONSTRAINT some CHECK {not}")).await;
        let (mut running, ledger) = stand.decide_in(stand.folder.path());
        running.drain(&[]);
        for id in 1..=7 {
            ledger.append(grant(10 * (aside - 1) + id)).await.unwrap();
            running.spool.seal().await;
            // All but the second, which is in nobody's way.
            until(async || {
                let told = stand.store.verify_ledger(None, &[]).await.unwrap();
                assert_eq!(told.findings, [], "{table}");
                running.spool.depth().segments <= u64::from(id > 1)
            })
            .await;
        }
        settled(&running).await;
        let told = stand.store.verify_ledger(None, &[]).await.unwrap();
        assert_eq!((told.findings.as_slice(), told.aside), (&[][..], aside), "{table}");
        running.end().await;
    }
}

async fn a_decision_beside_rows_that_are_set_aside_is_missed_when_it_is_removed(mut stand: Stand) {
    let mut running = where_paths_are(&mut stand, Duration::ZERO, "path != '/not'").await;
    running.kill().await;
    running.ledger().append(grant(1)).await.unwrap();
    sealed(&running, &["/not"]).await;
    running.drain(&[]);
    for path in ["/a", "/b", "/c", "/d"] {
        taken(&stand, &running, path).await;
    }
    settled(&running).await;
    let told = async || {
        let told = stand.store.verify_ledger(None, &[]).await.unwrap();
        (told.findings.len(), told.aside, told.rows)
    };
    assert_eq!((running.spool.depth().quarantined, told().await), (1, (0, 0, 1)));
    stand.execute("ALTER TABLE consents DELETE WHERE consent_id = 1").await;
    assert_eq!(told().await, (1, 0, 0));
    running.end().await;
}

async fn nothing_is_overtaken_before_its_time(mut stand: Stand) {
    let running = where_paths_are(&mut stand, Duration::from_secs(3_600), "path != '/not'").await;
    sealed(&running, &["/not", "/a", "/b", "/c", "/d", "/e"]).await;
    tried(&stand).await;
    assert_eq!(stand.paths().await, ["/first"]);
    assert_eq!(running.spool.depth().segments, 6);
    running.end().await;
}
