//! A file whose sync failed and whose name could not be made to say so.

use super::failing::{FailingDisk, open_on, opened};
use super::*;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn a_spool_that_cannot_mark_a_failed_file_takes_nothing_until_that_is_drained() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(FailingDisk::default());
    let spool = open_on(folder.path(), &disk);
    spool.append(record(1, "acknowledged")).await.unwrap();
    disk.sync.store(true, Ordering::SeqCst);
    disk.rename.store(true, Ordering::SeqCst);
    assert_eq!(spool.append(record(2, "failed")).await, Err(AppendError::Broken));
    disk.sync.store(false, Ordering::SeqCst);
    disk.rename.store(false, Ordering::SeqCst);
    assert_eq!(
        spool.append(record(2, "failed")).await,
        Err(AppendError::Broken),
        "its first writing may yet appear"
    );
    assert_eq!(waiting(&spool), ["acknowledged"]);
    assert_eq!(spool.intake(), Intake::Broken);
    let killed = copy_as_killed(folder.path());

    assert_eq!(drain(&spool), ["acknowledged"]);
    opened(&spool).await;
    assert_eq!(spool.append(record(2, "retried")).await, Ok(Appended::Fresh), "it cannot any more");
    assert_eq!(waiting(&open(killed.path()).0), ["acknowledged", "failed"], "and it could");
}

#[tokio::test]
async fn what_was_not_acknowledged_of_a_file_that_could_not_be_marked_does_not_come_back_from_quarantine() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(FailingDisk::default());
    let spool = open_on(folder.path(), &disk);
    spool.append(record(1, "acknowledged")).await.unwrap();
    disk.sync.store(true, Ordering::SeqCst);
    disk.rename.store(true, Ordering::SeqCst);
    spool.append(record(2, "failed")).await.unwrap_err();
    disk.sync.store(false, Ordering::SeqCst);
    disk.rename.store(false, Ordering::SeqCst);
    spool.set_aside(&spool.oldest_now().unwrap(), &[]).unwrap();
    drop(spool);
    let kept = file_with(&folder.path().join("quarantine"), "");
    fs::rename(&kept, folder.path().join(kept.file_name().unwrap())).unwrap();
    assert_eq!(waiting(&open(folder.path()).0), ["acknowledged"]);
}

#[tokio::test]
async fn a_spool_that_cannot_take_a_failed_file_away_takes_records_once_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(FailingDisk::default());
    let spool = open_on(folder.path(), &disk);
    disk.sync.store(true, Ordering::SeqCst);
    disk.removed.store(true, Ordering::SeqCst);
    assert_eq!(spool.append(record(1, "failed")).await, Err(AppendError::Broken));
    disk.sync.store(false, Ordering::SeqCst);
    assert_eq!(spool.append(record(1, "failed")).await, Err(AppendError::Broken), "the folder fails still");
    disk.removed.store(false, Ordering::SeqCst);
    opened(&spool).await;
    assert_eq!(spool.append(record(1, "retried")).await, Ok(Appended::Fresh));
    spool.seal().await;
    assert_eq!(drain(&spool), ["retried"]);
}
