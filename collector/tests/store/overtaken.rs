//! A segment that the store does not take, whatever it says of it: those behind it go in, and show that it is not the store.

use crate::ledger::grant;
use crate::stand::{Running, Stand, event, quarantine, rejections, tests, until};
use kruimel_collector::store::Store;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

tests![
    a_segment_that_the_store_does_not_take_for_any_reason_is_set_aside_once_others_went_in,
    of_several_such_segments_each_is_set_aside,
    a_segment_that_ends_the_engine_each_time_is_set_aside_once_others_went_in,
    a_store_that_takes_nothing_has_no_segment_set_aside,
    what_goes_into_other_tables_proves_nothing,
    decisions_and_links_that_are_overtaken_are_no_finding,
    a_decision_beside_rows_that_are_set_aside_is_missed_when_it_is_removed,
    nothing_is_overtaken_before_its_time,
];

/// Others that are more than enough to have two segments set aside.
const OTHERS_MAX: usize = 40;
/// Tries of a segment that are more than enough to have it set aside.
pub(crate) const TRIES: u64 = 8;

/// A spool that drains into tables which take no event but those of paths that are so.
pub(crate) async fn where_paths_are(stand: &mut Stand, stuck_time: Duration, condition: &str) -> Running {
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
pub(crate) async fn sealed(running: &Running, paths: &[&str]) {
    for path in paths {
        append(running, path).await;
        running.spool.seal().await;
    }
}

pub(crate) async fn append(running: &Running, path: &str) {
    let batch = path.bytes().fold(0, |sum, byte| sum * 256 + u128::from(byte));
    running.append(event(batch, 7, path)).await;
}

/// Waits until so many more tries failed.
pub(crate) async fn tried(stand: &Stand, times: u64) {
    let failures = || stand.store.health().failures();
    let enough = failures() + times;
    until(async || stand.store.is_reachable().await && failures() >= enough).await;
}

/// Appends events to the open segment, which nobody else seals, one when the one before is stored, until so many segments are
/// set aside; how many it took.
async fn others_until_aside(stand: &Stand, running: &Running, aside: u64) -> usize {
    for number in 0..OTHERS_MAX {
        if running.spool.depth().quarantined == aside {
            return number;
        }
        let path = format!("/other/{number}");
        append(running, &path).await;
        // Once nothing waits any more nobody seals the last.
        until(async || stand.paths().await.contains(&path) || running.spool.depth().quarantined == aside)
            .await;
    }
    panic!("{OTHERS_MAX} went in, and {} are set aside", running.spool.depth().quarantined);
}

pub(crate) async fn settled(running: &Running) {
    tokio::time::timeout(Duration::from_secs(60), running.spool.settled())
        .await
        .expect("nothing stops the drain");
}

async fn a_segment_that_the_store_does_not_take_for_any_reason_is_set_aside_once_others_went_in(
    mut stand: Stand,
) {
    let mut running = where_paths_are(&mut stand, Duration::ZERO, "path != '/not'").await;
    running.kill().await;
    sealed(&running, &["/not", "/one", "/two"]).await;
    running.drain(&[]);
    until(async || stand.paths().await == ["/first", "/one", "/two"]).await;
    let others = others_until_aside(&stand, &running, 1).await;
    assert!(others >= 3, "{others} more are no proof");
    settled(&running).await;
    let depth = running.spool.depth();
    assert_eq!((depth.segments, depth.quarantined, depth.lost), (0, 1, 0));
    assert!(quarantine(stand.folder.path()).contains("/not"));
    running.end().await;
}

async fn of_several_such_segments_each_is_set_aside(mut stand: Stand) {
    let running = where_paths_are(&mut stand, Duration::ZERO, "path NOT LIKE '/not%'").await;
    sealed(&running, &["/not1", "/not2"]).await;
    others_until_aside(&stand, &running, 2).await;
    settled(&running).await;
    running.end().await;
}

/// How often the engine does not answer after it ended.
const AWAY: usize = 3;

/// Stands before an engine that ends with each insert of `/not`: that, and what is asked soon after, has no answer.
fn ending_with_not(engine: &Path, socket: &Path) {
    let (listener, away) = (UnixListener::bind(socket).unwrap(), Arc::new(AtomicUsize::new(0)));
    let engine = engine.to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let engine = UnixStream::connect(&engine).await.unwrap();
            tokio::spawn(pass(client, engine, Arc::clone(&away)));
        }
    });
}

async fn pass(client: UnixStream, engine: UnixStream, away: Arc<AtomicUsize>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_engine, mut to_engine) = engine.into_split();
    let back = tokio::spawn(async move { tokio::io::copy(&mut from_engine, &mut to_client).await });
    let mut piece = [0; 64 * 1024];
    while let Ok(length @ 1..) = from_client.read(&mut piece).await {
        let is_away =
            away.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        let ends_it = piece[..length].windows(4).any(|bytes| bytes == b"/not");
        if ends_it {
            away.store(AWAY, Ordering::SeqCst);
        }
        if is_away || ends_it || to_engine.write_all(&piece[..length]).await.is_err() {
            break;
        }
    }
    back.abort();
}

async fn a_segment_that_ends_the_engine_each_time_is_set_aside_once_others_went_in(mut stand: Stand) {
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("socket");
    ending_with_not(&stand.socket, &socket);
    let database: String = stand.client.query("SELECT currentDatabase()").fetch_one().await.unwrap();
    stand.store = Store::new(engine::client(&socket).with_database(database)).with_stuck_time(Duration::ZERO);
    stand.store.migrate().await.unwrap();
    let mut running = stand.open();
    sealed(&running, &["/not"]).await;
    running.drain(&[]);
    others_until_aside(&stand, &running, 1).await;
    settled(&running).await;
    running.end().await;
}

async fn a_store_that_takes_nothing_has_no_segment_set_aside(mut stand: Stand) {
    let running = where_paths_are(&mut stand, Duration::ZERO, "path = '/first'").await;
    sealed(&running, &["/a", "/b", "/c", "/d", "/e", "/f"]).await;
    tried(&stand, 2 * 6 * TRIES).await;
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
    tried(&stand, TRIES).await;
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
        for id in 1..=30 {
            if running.spool.depth().quarantined == 1 {
                break;
            }
            ledger.append(grant(100 * (aside - 1) + id)).await.unwrap();
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
    others_until_aside(&stand, &running, 1).await;
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
    tried(&stand, TRIES).await;
    assert_eq!(stand.paths().await, ["/first"]);
    assert_eq!(running.spool.depth().segments, 6);
    running.end().await;
}
