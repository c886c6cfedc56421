//! A start after crashes, damage and disks that do not give what they hold.

use super::super::disk::{Disk, RealDisk};
use super::super::{Appended, Record, Spool, SpoolOptions, Table};
use super::*;
use std::fs::File;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use wire::BatchId;

const EIO: i32 = 5;
const EACCES: i32 = 13;
const EMFILE: i32 = 24;

fn event(batch: u128) -> Record {
    let rows = vec![vec![0; 30]].into();
    Record { batch: Some(BatchId(batch)), consent_id: 7, ..Record::of(Table::Events, rows) }
}

fn open(folder: &Path, disk: impl Disk) -> Result<(Spool, Recovered), SpoolError> {
    let options = SpoolOptions { segment_age: quarantine::KEPT_TIME, ..SpoolOptions::default() };
    Spool::open_on(folder, options, Arc::new(disk))
}

/// A folder with one segment of the batch 1.
async fn with_a_segment() -> (TempDir, Spool) {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = open(folder.path(), RealDisk).unwrap();
    spool.append(event(1)).await.unwrap();
    spool.seal().await;
    (folder, spool)
}

/// A disk that does not give files of this ending, and gives none a second name.
struct Withholding(&'static str, i32);

impl Disk for Withholding {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path.to_string_lossy().ends_with(self.0) {
            true => Err(io::Error::from_raw_os_error(self.1)),
            false => fs::read(path),
        }
    }

    fn link(&self, _: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

#[tokio::test]
async fn a_start_sets_aside_what_the_disk_does_not_give_and_nothing_because_it_is_short_of_files() {
    let (folder, spool) = with_a_segment().await;
    let segment = spool.oldest_now().unwrap();
    drop(spool);
    assert!(matches!(open(folder.path(), Withholding(".sealed", EMFILE)), Err(SpoolError::Disk { .. })));
    assert!(segment.path.exists());
    let (spool, recovered) = open(folder.path(), Withholding(".sealed", EIO)).unwrap();
    assert_eq!(recovered.quarantined, [segment.path.as_path()]);
    assert!(!segment.path.exists() && quarantine::holds(folder.path(), &segment.name).unwrap());
    assert_eq!((spool.depth().segments, spool.depth().quarantined), (0, 1));
}

/// A disk that tells nobody about a sync that failed, and may have room for no other file.
#[derive(Default)]
struct Silent {
    full: bool,
    written: Mutex<Vec<u8>>,
}

impl Disk for Silent {
    fn create(&self, path: &Path) -> io::Result<File> {
        match self.full {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => RealDisk.create(path),
        }
    }

    fn append(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        self.written.lock().unwrap().extend(bytes);
        RealDisk.append(file, bytes)
    }
}

#[tokio::test]
async fn what_a_crash_left_open_is_written_again_before_anybody_is_told_that_it_is_on_disk() {
    for full in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (spool, _) = open(folder.path(), RealDisk).unwrap();
        spool.append(event(1)).await.unwrap();
        let killed = tempfile::tempdir().unwrap();
        let file = fs::read_dir(folder.path()).unwrap().find_map(|entry| {
            let path = entry.unwrap().path();
            path.extension().is_some_and(|ending| ending == "open").then_some(path)
        });
        let (file, mut bytes) = (file.clone().unwrap(), fs::read(file.unwrap()).unwrap());
        bytes.extend([0; 5]);
        fs::write(killed.path().join(file.file_name().unwrap()), &bytes).unwrap();
        bytes.truncate(bytes.len() - 5);

        let disk = Arc::new(Silent { full, ..Silent::default() });
        let options = SpoolOptions { segment_age: quarantine::KEPT_TIME, ..SpoolOptions::default() };
        let (spool, recovered) = Spool::open_on(killed.path(), options, Arc::clone(&disk) as _).unwrap();
        assert_eq!((recovered.records, recovered.torn_bytes), (1, 5), "full: {full}");
        assert_eq!(*disk.written.lock().unwrap(), bytes, "full: {full}");
        assert_eq!(fs::read(&spool.oldest_now().unwrap().path).unwrap(), bytes, "full: {full}");
    }
}

#[tokio::test]
async fn a_damaged_segment_that_was_drained_and_comes_back_mended_is_drained_again() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = open(folder.path(), RealDisk).unwrap();
    spool.append(event(1)).await.unwrap();
    spool.append(event(2)).await.unwrap();
    spool.seal().await;
    let segment = spool.oldest_now().unwrap();
    drop(spool);
    let whole = fs::read(&segment.path).unwrap();
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(&segment.path, &damaged).unwrap();
    let (spool, _) = open(folder.path(), RealDisk).unwrap();
    let segment = spool.oldest_now().unwrap();
    spool.finish(&segment, &spool.read(&segment, |_| ()).unwrap().0).unwrap();
    assert_eq!(spool.append(event(1)).await, Ok(Appended::Repeated));
    drop(spool);
    fs::write(&segment.path, &whole).unwrap();
    let (spool, recovered) = open(folder.path(), RealDisk).unwrap();
    assert_eq!((recovered.segments, recovered.records), (1, 2));
    assert_eq!(spool.append(event(2)).await, Ok(Appended::Repeated));
}

/// A disk that remembers when folders are synced and names removed.
#[derive(Default)]
struct Remembering(Mutex<Vec<(&'static str, PathBuf)>>);

impl Disk for Remembering {
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.lock().unwrap().push(("remove", path.to_owned()));
        RealDisk.remove(path)
    }

    fn sync_directory(&self, folder: &Path) -> io::Result<()> {
        self.0.lock().unwrap().push(("sync", folder.to_owned()));
        RealDisk.sync_directory(folder)
    }
}

#[tokio::test]
async fn a_name_goes_only_after_the_quarantine_with_the_other_one_is_on_disk() {
    let (folder, spool) = with_a_segment().await;
    drop(spool);
    let disk = Arc::new(Remembering::default());
    let (spool, _) = Spool::open_on(folder.path(), SpoolOptions::default(), Arc::clone(&disk) as _).unwrap();
    let segment = spool.oldest_now().unwrap();
    disk.0.lock().unwrap().clear();
    spool.set_aside(&segment, &[]).unwrap();
    let calls = disk.0.lock().unwrap();
    let at = |call: (&str, &Path)| calls.iter().position(|(what, path)| (*what, &**path) == call).unwrap();
    let gone = at(("remove", &segment.path));
    assert!(at(("sync", folder.path())) < gone, "{calls:?}");
    assert!(at(("sync", &folder.path().join(quarantine::FOLDER))) < gone, "{calls:?}");
}

#[tokio::test]
async fn a_folder_in_the_place_of_a_segment_stops_no_start() {
    let (folder, spool) = with_a_segment().await;
    let segment = spool.oldest_now().unwrap();
    drop(spool);
    fs::remove_file(&segment.path).unwrap();
    fs::create_dir(&segment.path).unwrap();
    let (spool, recovered) = open(folder.path(), RealDisk).unwrap();
    assert_eq!(recovered.quarantined, [segment.path.as_path()]);
    spool.sweep_quarantine(Some(u64::MAX), |_| None).unwrap();
    let kept: Vec<_> = fs::read_dir(folder.path().join(quarantine::FOLDER)).unwrap().collect();
    assert_eq!(kept.len(), 1, "it holds nobody's rows, and nothing is noted of it");
}

#[tokio::test]
async fn a_segment_that_may_not_be_read_stops_the_start_and_is_there_once_it_may() {
    let (folder, spool) = with_a_segment().await;
    let segment = spool.oldest_now().unwrap();
    drop(spool);
    assert!(matches!(open(folder.path(), Withholding(".sealed", EACCES)), Err(SpoolError::Disk { .. })));
    assert!(!quarantine::holds(folder.path(), &segment.name).unwrap());
    let (spool, recovered) = open(folder.path(), RealDisk).unwrap();
    assert_eq!((recovered.quarantined.len(), spool.depth().segments), (0, 1));
}

#[tokio::test]
async fn ids_of_batches_that_the_disk_does_not_give_stop_no_start() {
    let (folder, spool) = with_a_segment().await;
    let segment = spool.oldest_now().unwrap();
    spool.finish(&segment, &spool.read(&segment, |_| ()).unwrap().0).unwrap();
    drop(spool);
    let (spool, _) = open(folder.path(), Withholding(".done", EIO)).unwrap();
    assert_eq!(spool.append(event(1)).await, Ok(Appended::Fresh), "what cannot be read is forgotten");
}

#[tokio::test]
async fn a_segment_that_comes_back_from_quarantine_is_drained_and_its_batches_were_never_forgotten() {
    let (folder, spool) = with_a_segment().await;
    let segment = spool.oldest_now().unwrap();
    let batches = spool.read(&segment, |_| ()).unwrap().0.batches().to_vec();
    spool.set_aside(&segment, &batches).unwrap();
    drop(spool);
    let (spool, _) = open(folder.path(), RealDisk).unwrap();
    assert_eq!(spool.append(event(1)).await, Ok(Appended::Repeated));
    assert_eq!(spool.depth().segments, 0);
    drop(spool);
    let kept = folder.path().join(quarantine::FOLDER).join(segment.path.file_name().unwrap());
    fs::rename(kept, &segment.path).unwrap();
    let (spool, recovered) = open(folder.path(), RealDisk).unwrap();
    assert_eq!((recovered.segments, recovered.records), (1, 1));
    assert_eq!(spool.append(event(1)).await, Ok(Appended::Repeated));
}

#[tokio::test]
async fn damage_is_kept_as_a_copy_where_a_file_can_have_no_second_name() {
    let (folder, spool) = with_a_segment().await;
    let segment = spool.oldest_now().unwrap();
    drop(spool);
    let mut bytes = fs::read(&segment.path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&segment.path, &bytes).unwrap();
    let (_spool, recovered) = open(folder.path(), Withholding("none", EIO)).unwrap();
    assert_eq!(recovered.quarantined, [segment.path.as_path()]);
    let kept = folder.path().join(quarantine::FOLDER).join(segment.path.file_name().unwrap());
    assert_eq!((fs::read(kept).unwrap(), segment.path.exists()), (bytes, true));
}
