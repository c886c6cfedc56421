//! A receipt that dies between the reading of its segment and the question what the store holds of it.

use crate::stand::{Stand, copy_as_killed, event, now_ms, tests, until};
use kruimel_collector::store::Store;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

tests![what_a_receipt_allowed_does_not_come_back_though_it_died_after_its_segment_was_read];

/// What the drain asks of a segment that an earlier run may have inserted.
const QUESTION: &[u8] = b"SELECT consent_id FROM events WHERE segment_id";

/// Stands between a store and its engine, hears everything that is said to the engine, and does something before the
/// question comes there for the first time.
struct Between {
    socket: PathBuf,
    heard: Arc<Mutex<Vec<u8>>>,
    _home: TempDir,
}

impl Between {
    fn before_the_question(engine: &Path, act: impl Fn() + Send + Sync + 'static) -> Between {
        let home = tempfile::tempdir().unwrap();
        let between = Between { socket: home.path().join("socket"), heard: Arc::default(), _home: home };
        let listener = UnixListener::bind(&between.socket).unwrap();
        let (engine, heard, act) = (engine.to_owned(), Arc::clone(&between.heard), Arc::new(act));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let engine = UnixStream::connect(&engine).await.unwrap();
                tokio::spawn(pass(client, engine, Arc::clone(&heard), Arc::clone(&act)));
            }
        });
        between
    }

    fn has_heard(&self, bytes: &[u8]) -> bool {
        holds(&self.heard.lock().unwrap(), bytes)
    }
}

fn holds(heard: &[u8], bytes: &[u8]) -> bool {
    heard.windows(bytes.len()).any(|window| window == bytes)
}

async fn pass(client: UnixStream, engine: UnixStream, heard: Arc<Mutex<Vec<u8>>>, act: Arc<impl Fn()>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_engine, mut to_engine) = engine.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_engine, &mut to_client).await });
    let mut piece = [0; 64 * 1024];
    while let Ok(length @ 1..) = from_client.read(&mut piece).await {
        let asks_now = {
            let mut heard = heard.lock().unwrap();
            let asked = holds(&heard, QUESTION);
            heard.extend_from_slice(&piece[..length]);
            !asked && holds(&heard, QUESTION)
        };
        if asks_now {
            act();
        }
        if to_engine.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}

async fn what_a_receipt_allowed_does_not_come_back_though_it_died_after_its_segment_was_read(
    mut stand: Stand,
) {
    let mut running = stand.open();
    for number in 0..6 {
        running.append(event(number, 7 + number as u64 % 2, &format!("/way/{number}"))).await;
    }
    running.spool.seal().await;
    let before = copy_as_killed(stand.folder.path());
    running.drain(&[]);
    running.spool.settled().await;
    running.end().await;
    // An insert of unknown outcome, and another collector that erased what the receipt 8 allowed.
    stand.execute("ALTER TABLE events DELETE WHERE path = '/way/2' OR consent_id = 8").await;

    // Whose erasure this one hears of only now, when it has read the segment with all its rows.
    let list = Arc::new(Mutex::new(None));
    let heard = Arc::clone(&list);
    let kill = move || {
        if let Some(withdrawn) = &*heard.lock().unwrap() {
            kruimel_collector::withdrawn::Withdrawn::kill(withdrawn, 8, now_ms() as u64);
        }
    };
    let between = Between::before_the_question(&stand.socket, kill);
    let database: String = stand.client.query("SELECT currentDatabase()").fetch_one().await.unwrap();
    stand.store = Store::new(engine::client(&between.socket).with_database(database));
    let mut again = stand.open_in(before.path());
    *list.lock().unwrap() = Some(again.withdrawn.clone());
    again.drain(&[]);
    again.spool.settled().await;
    assert!(again.withdrawn.is_dead(8), "the question was asked");
    until(async || stand.paths().await == ["/way/0", "/way/2", "/way/4"]).await;
    again.end().await;
    assert!(between.has_heard(b"/way/4") && !between.has_heard(b"/way/1"), "not for a moment");
}
