//! Segments that others overtake, and what these keep of them: their turn, their place in the ledger, an erasure.

use crate::aside::{EMFILE, Withholding};
use crate::ledger::{erasure, grant, salts};
use crate::overtaken::{TRIES, append, sealed, settled, tried, where_paths_are};
use crate::stand::{Running, Stand, event, tests, until};
use kruimel_collector::spool::disk::Disk;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

tests![
    what_is_behind_many_stuck_segments_goes_in,
    a_segment_that_cannot_be_read_for_now_is_overtaken,
    a_segment_that_was_not_read_yet_is_not_passed,
    a_decision_that_went_in_is_missed_though_rows_beside_it_do_not,
    an_erased_decision_that_goes_in_late_does_not_stay,
];

/// More than are tried in vain between two tries of the oldest.
const MANY: usize = 40;

async fn what_is_behind_many_stuck_segments_goes_in(mut stand: Stand) {
    let running = where_paths_are(&mut stand, Duration::ZERO, "path NOT LIKE '/not%'").await;
    let stuck: Vec<String> = (0..MANY).map(|number| format!("/not{number}")).collect();
    let stuck: Vec<&str> = stuck.iter().map(String::as_str).collect();
    sealed(&running, &stuck).await;
    append(&running, "/behind").await;
    until(async || stand.paths().await == ["/behind", "/first"]).await;
    stand.execute("ALTER TABLE events DROP CONSTRAINT some").await;
    settled(&running).await;
    assert_eq!((stand.paths().await.len(), running.spool.depth().quarantined), (MANY + 2, 0));
    running.end().await;
}

async fn a_segment_that_cannot_be_read_for_now_is_overtaken(mut stand: Stand) {
    stand.store = stand.store.clone().with_stuck_time(Duration::ZERO);
    let mut running = stand.open_on(stand.folder.path(), Withholding::new(EMFILE, u32::MAX));
    sealed(&running, &["/withheld", "/one", "/two"]).await;
    running.drain(&[]);
    until(async || stand.store.is_reachable().await && running.spool.depth().segments == 1).await;
    assert_eq!(
        (stand.paths().await, running.spool.depth().quarantined),
        (vec!["/one".to_owned(), "/two".to_owned()], 0)
    );
    running.end().await;
}

/// A disk that withholds the third segment at first, and notes which of those behind the second are read.
#[derive(Clone, Default)]
struct Noting {
    gives: Arc<AtomicBool>,
    read: Arc<Mutex<Vec<char>>>,
}

impl Disk for Noting {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let name = path.file_name().unwrap().to_string_lossy();
        let sequence = name.chars().nth(15).unwrap();
        if sequence > '2' {
            self.read.lock().unwrap().push(sequence);
        }
        if sequence == '3' && !self.gives.load(Ordering::SeqCst) {
            return Err(io::Error::from_raw_os_error(EMFILE));
        }
        fs::read(path)
    }
}

async fn a_segment_that_was_not_read_yet_is_not_passed(mut stand: Stand) {
    stand.store = stand.store.clone().with_stuck_time(Duration::from_secs(15));
    stand.store.migrate().await.unwrap();
    stand.execute("ALTER TABLE events ADD CONSTRAINT some CHECK path != '/not'").await;
    let disk = Noting::default();
    let mut running = stand.open_on(stand.folder.path(), disk.clone());
    // The second is behind the first to tell when that is stuck.
    sealed(&running, &["/not", "/passing"]).await;
    running.drain(&[]);
    until(async || stand.paths().await == ["/passing"]).await;
    running.ledger().append(grant(1)).await.unwrap();
    running.spool.seal().await;
    running.ledger().append(grant(2)).await.unwrap();
    running.spool.seal().await;
    // More than one whole round with both of them there.
    let tries = disk.read.lock().unwrap().len();
    until(async || stand.store.is_reachable().await && disk.read.lock().unwrap().len() > tries + 1).await;
    disk.gives.store(true, Ordering::SeqCst);
    until(async || stand.number("SELECT count() FROM consents").await == 2).await;
    disk.read.lock().unwrap().dedup();
    assert_eq!(*disk.read.lock().unwrap(), ['3', '4']);
    running.end().await;
}

/// A segment with that decision and an event that never goes in, which was tried often.
async fn stuck_with(stand: &mut Stand, id: u64) -> Running {
    let mut running = where_paths_are(stand, Duration::ZERO, "path != '/not'").await;
    stand.execute(&format!("ALTER TABLE consents ADD CONSTRAINT late CHECK consent_id != {id}")).await;
    running.kill().await;
    running.ledger().append(grant(id)).await.unwrap();
    running.append(event(1, 9, "/not")).await;
    running.spool.seal().await;
    running.drain(&[]);
    tried(stand, TRIES).await;
    running
}

async fn a_decision_that_went_in_is_missed_though_rows_beside_it_do_not(mut stand: Stand) {
    let running = stuck_with(&mut stand, 1).await;
    let told = async || {
        let told = stand.store.verify_ledger(None, &[]).await.unwrap();
        (told.findings.len(), told.aside, told.rows)
    };
    assert_eq!(told().await, (0, 1, 0), "it is not there yet");
    stand.execute("ALTER TABLE consents DROP CONSTRAINT late").await;
    until(async || told().await == (0, 0, 1)).await;
    assert_eq!(running.spool.depth().segments, 1);
    stand.execute("ALTER TABLE consents DELETE WHERE consent_id = 1").await;
    assert_eq!(told().await, (1, 0, 0));
    running.end().await;
}

async fn an_erased_decision_that_goes_in_late_does_not_stay(mut stand: Stand) {
    let running = stuck_with(&mut stand, 7).await;
    running.ledger().append(erasure(7)).await.unwrap();
    running.spool.seal().await;
    until(async || stand.store.is_reachable().await && running.spool.depth().segments == 1).await;
    tried(&stand, TRIES).await;
    stand.execute("ALTER TABLE consents DROP CONSTRAINT late").await;
    until(async || stand.number("SELECT count() FROM ledger_erased").await == 1).await;
    until(async || salts(&stand, 7).await.is_empty()).await;
    assert_eq!(running.spool.depth().segments, 1, "rows beside it wait still");
    running.end().await;
}
