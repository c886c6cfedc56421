//! Segments that do not go into the store as they are: those behind them do, and nothing is forgotten of them.

use crate::stand::{Running, Stand, copy_as_killed, damaged, decision, event, quarantine, rejections, tests};
use kruimel_collector::spool::Appended;
use kruimel_collector::spool::disk::Disk;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

tests![
    a_segment_whose_file_is_gone_is_told_and_those_behind_it_are_stored,
    a_folder_in_the_place_of_a_segment_is_set_aside_and_those_behind_it_are_stored,
    a_segment_that_the_disk_does_not_give_is_set_aside_and_those_behind_it_are_stored,
    a_segment_that_ends_whoever_reads_it_is_set_aside_and_those_behind_it_are_stored,
    a_machine_that_is_short_of_something_sets_no_segment_aside,
    what_the_store_takes_of_a_segment_with_a_short_row_is_there_once_and_its_withdrawals_hold,
    what_the_store_takes_of_a_segment_that_it_refuses_is_there_once_and_its_withdrawals_hold,
];

/// How often a segment is tried before it is set aside.
const READS_MAX: u32 = 5;
const EIO: i32 = 5;
pub(crate) const EMFILE: i32 = 24;

/// Two segments that wait, and the file of the first.
async fn two_segments(running: &Running, folder: &Path) -> PathBuf {
    for (batch, path) in [(1, "/first"), (2, "/second")] {
        running.append(event(batch, 7, path)).await;
        running.spool.seal().await;
    }
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|ending| ending == "sealed")).min().unwrap()
}

async fn settled(running: &Running) {
    tokio::time::timeout(Duration::from_secs(60), running.spool.settled())
        .await
        .expect("nothing stops the drain");
}

/// Drains, and looks what of the two is stored, aside and lost.
async fn drained(stand: &Stand, mut running: Running, stored: &[&str], aside: u64, lost: u64) {
    running.drain(&[]);
    settled(&running).await;
    assert_eq!(stand.paths().await, stored);
    let depth = running.spool.depth();
    assert_eq!((depth.segments, depth.quarantined, depth.lost), (0, aside, lost));
    running.end().await;
}

async fn a_segment_whose_file_is_gone_is_told_and_those_behind_it_are_stored(stand: Stand) {
    let running = stand.open();
    fs::remove_file(two_segments(&running, stand.folder.path()).await).unwrap();
    drained(&stand, running, &["/second"], 0, 1).await;
}

async fn a_folder_in_the_place_of_a_segment_is_set_aside_and_those_behind_it_are_stored(stand: Stand) {
    let running = stand.open();
    let first = two_segments(&running, stand.folder.path()).await;
    fs::remove_file(&first).unwrap();
    fs::create_dir(&first).unwrap();
    drained(&stand, running, &["/second"], 1, 0).await;
    let kept = stand.folder.path().join("quarantine").join(first.file_name().unwrap());
    assert!(kept.is_dir() && !first.exists());
}

/// A disk that does not give the first segment so many times.
pub(crate) struct Withholding {
    error: i32,
    times: AtomicU32,
}

impl Withholding {
    pub(crate) fn new(error: i32, times: u32) -> Withholding {
        Withholding { error, times: AtomicU32::new(times) }
    }
}

impl Disk for Withholding {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let first =
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("0000000000000001-"));
        let withhold = |left: u32| left.checked_sub(1).filter(|_| first);
        match self.times.fetch_update(Ordering::SeqCst, Ordering::SeqCst, withhold) {
            Ok(_) => Err(io::Error::from_raw_os_error(self.error)),
            Err(_) => fs::read(path),
        }
    }

    /// Not every file can have a second name.
    fn link(&self, _: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

async fn a_segment_that_the_disk_does_not_give_is_set_aside_and_those_behind_it_are_stored(stand: Stand) {
    let running = stand.open_on(stand.folder.path(), Withholding::new(EIO, u32::MAX));
    let first = two_segments(&running, stand.folder.path()).await;
    drained(&stand, running, &["/second"], 1, 0).await;
    assert!(quarantine(stand.folder.path()).contains("/first") && File::open(first).is_err());
}

/// A disk on which whoever reads the first segment panics.
struct Deadly;

impl Disk for Deadly {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let first =
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("0000000000000001-"));
        assert!(!first, "as a test asks");
        fs::read(path)
    }
}

async fn a_segment_that_ends_whoever_reads_it_is_set_aside_and_those_behind_it_are_stored(stand: Stand) {
    let running = stand.open_on(stand.folder.path(), Deadly);
    two_segments(&running, stand.folder.path()).await;
    drained(&stand, running, &["/second"], 1, 0).await;
    assert!(quarantine(stand.folder.path()).contains("/first"));
}

async fn a_machine_that_is_short_of_something_sets_no_segment_aside(stand: Stand) {
    let running = stand.open_on(stand.folder.path(), Withholding::new(EMFILE, READS_MAX));
    two_segments(&running, stand.folder.path()).await;
    drained(&stand, running, &["/first", "/second"], 0, 0).await;
}

async fn what_the_store_takes_of_a_segment_with_a_short_row_is_there_once_and_its_withdrawals_hold(
    stand: Stand,
) {
    let running = stand.open();
    running.append(event(1, 7, "/well")).await;
    running.append(decision(8)).await;
    running.append(damaged(rejections(3, 4))).await;
    set_aside_and_killed(&stand, running).await;
    assert_eq!(stand.paths().await, ["/well"]);
    assert_eq!(stand.number("SELECT count() FROM consents").await, 1);
    assert_eq!(stand.number("SELECT count() FROM rejections").await, 0);
}

async fn what_the_store_takes_of_a_segment_that_it_refuses_is_there_once_and_its_withdrawals_hold(
    stand: Stand,
) {
    let running = stand.open();
    running.append(damaged(event(1, 7, "/refused"))).await;
    running.append(event(2, 7, "/beside")).await;
    running.append(decision(8)).await;
    running.append(rejections(3, 4)).await;
    set_aside_and_killed(&stand, running).await;
    assert_eq!(stand.paths().await, Vec::<String>::new(), "a table's rows are inserted together");
    assert_eq!(stand.number("SELECT count() FROM consents").await, 1);
    assert_eq!(stand.number("SELECT sum(count) FROM rejections").await, 7);
}

/// Drains a segment that is set aside, and starts again as after a kill at that moment.
async fn set_aside_and_killed(stand: &Stand, mut running: Running) {
    running.spool.seal().await;
    running.drain(&[]);
    settled(&running).await;
    assert_eq!(running.spool.depth().quarantined, 1);
    let left = copy_as_killed(stand.folder.path());
    running.kill().await;

    let again = stand.open_in(left.path());
    assert!(again.withdrawn.is_dead(8), "its decision has left the spool");
    assert_eq!(again.spool.append(event(1, 7, "/again")).await, Ok(Appended::Repeated));
    again.end().await;
}
