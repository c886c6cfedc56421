//! The spool on disks that fail, fill up, hang, or end whoever writes.

use super::*;
use crate::spool::disk::Disk;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64};

/// A disk that fails in one way while told to.
#[derive(Default)]
pub(super) struct FailingDisk {
    pub(super) sync: AtomicBool,
    pub(super) space: AtomicBool,
    pub(super) rename: AtomicBool,
    /// Syncs of the folder, once a segment was removed from it.
    pub(super) removal: AtomicBool,
    pub(super) removed: AtomicBool,
}

impl Disk for FailingDisk {
    fn append(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        if self.space.load(Ordering::SeqCst) {
            file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.write_all(bytes)
    }

    fn sync_data(&self, file: &File) -> io::Result<()> {
        if self.sync.load(Ordering::SeqCst) {
            Err(io::Error::other("input/output error"))
        } else {
            file.sync_data()
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.rename.load(Ordering::SeqCst) {
            return Err(io::Error::other("input/output error"));
        }
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let is_segment = path.extension().is_some_and(|ending| ending == "sealed");
        self.removed.fetch_or(is_segment && self.removal.load(Ordering::SeqCst), Ordering::SeqCst);
        fs::remove_file(path)
    }

    fn sync_directory(&self, folder: &Path) -> io::Result<()> {
        match self.removed.load(Ordering::SeqCst) {
            true => Err(io::Error::other("input/output error")),
            false => File::open(folder)?.sync_all(),
        }
    }
}

pub(super) fn open_on(folder: &Path, disk: &Arc<FailingDisk>) -> Spool {
    let disk: Arc<dyn Disk> = Arc::<FailingDisk>::clone(disk);
    Spool::open_on(folder, BY_HAND, disk).unwrap().0
}

#[tokio::test]
async fn after_a_failed_sync_the_file_is_not_written_again_and_the_retry_is_kept_once() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(FailingDisk::default());
    let spool = open_on(folder.path(), &disk);
    assert_eq!(spool.append(record(1, "acknowledged")).await, Ok(Appended::Fresh));
    disk.sync.store(true, Ordering::SeqCst);
    let (first, second) = tokio::join!(spool.append(record(2, "failed")), spool.append(record(2, "failed")));
    assert_eq!([first, second], [Err(AppendError::Broken), Err(AppendError::Broken)]);
    let abandoned = fs::read(file_with(folder.path(), ".sealed")).unwrap();
    disk.sync.store(false, Ordering::SeqCst);
    assert_eq!(spool.append(record(2, "retried")).await, Ok(Appended::Fresh));
    assert_eq!(fs::read(file_with(folder.path(), ".sealed")).unwrap(), abandoned);

    let killed = copy_as_killed(folder.path());
    assert_eq!(waiting(&open(killed.path()).0), ["acknowledged", "retried"], "also after a restart");
    spool.seal().await;
    assert_eq!(drain(&spool), ["acknowledged", "retried"]);
    assert_eq!(spool.depth().segments, 0);
}

#[tokio::test]
async fn a_failed_sync_of_a_first_record_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(FailingDisk::default());
    let spool = open_on(folder.path(), &disk);
    disk.sync.store(true, Ordering::SeqCst);
    assert_eq!(spool.append(record(1, "failed")).await, Err(AppendError::Broken));
    assert_eq!(files(folder.path()), BTreeSet::new());
    assert_eq!((spool.depth().segments, spool.depth().bytes), (0, 0));
}

/// Waits until the writer found that records can be taken.
pub(super) async fn opened(spool: &Spool) {
    let look = async {
        while spool.intake() != Intake::Open {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), look).await.expect("the writer finds it by itself");
}

#[tokio::test]
async fn a_full_disk_answers_full_and_leaves_no_part_of_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(FailingDisk::default());
    let spool = open_on(folder.path(), &disk);
    disk.space.store(true, Ordering::SeqCst);
    assert_eq!(spool.append(record(1, "no room")).await, Err(AppendError::Full));
    disk.space.store(false, Ordering::SeqCst);
    spool.append(record(2, "fits")).await.unwrap();
    let length = fs::metadata(file_with(folder.path(), ".open")).unwrap().len();
    disk.space.store(true, Ordering::SeqCst);
    assert_eq!(spool.append(record(3, "no room")).await, Err(AppendError::Full));
    assert_eq!(fs::metadata(file_with(folder.path(), ".open")).unwrap().len(), length);
    assert_eq!(spool.intake(), Intake::Full, "below the cap, and yet there is no room");
    disk.space.store(false, Ordering::SeqCst);
    assert_eq!(spool.append(record(3, "room again")).await, Ok(Appended::Fresh));
    opened(&spool).await;
    assert_eq!(files(folder.path()).len(), 1, "nothing is left of the looking");
    spool.seal().await;
    assert_eq!(drain(&spool), ["fits", "room again"]);
}

/// A disk of a gigabyte that somebody else fills.
#[derive(Default)]
struct SharedDisk {
    free: AtomicU64,
}

impl Disk for SharedDisk {
    fn room(&self, _: &Path) -> io::Result<(u64, u64)> {
        Ok((self.free.load(Ordering::SeqCst), 1 << 30))
    }
}

#[tokio::test]
async fn the_last_of_a_disk_is_kept_for_decisions_whoever_took_the_rest() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), Arc::new(SharedDisk::default()));
    let kept = (1 << 30) / 32;
    disk.free.store(kept, Ordering::SeqCst);
    let (spool, _) = Spool::open_on(folder.path(), BY_HAND, Arc::clone(&disk) as Arc<dyn Disk>).unwrap();
    spool.append(record(1, "fits")).await.unwrap();
    disk.free.store(kept - 1, Ordering::SeqCst);
    let refused = async {
        let mut number = 2;
        while spool.append(record(number, "an event")).await.is_ok() {
            number += 1;
        }
        number
    };
    let refused = tokio::time::timeout(Duration::from_secs(60), refused).await.expect("the disk is asked");
    assert_eq!(spool.append(record(refused, "an event")).await, Err(AppendError::Full));
    assert_eq!(spool.intake(), Intake::Full);
    let decision = Record { table: Table::Consents, batch: None, ..record(0, "withdraw") };
    assert_eq!(spool.append(decision).await, Ok(Appended::Fresh));
    disk.free.store(2 * kept, Ordering::SeqCst);
    opened(&spool).await;
    assert_eq!(spool.append(record(refused, "an event")).await, Ok(Appended::Fresh));
}

#[tokio::test]
async fn a_removal_that_cannot_be_synced_is_no_loss() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(FailingDisk::default());
    let spool = open_on(folder.path(), &disk);
    for (id, aside) in [(1, false), (2, true)] {
        spool.append(record(id, "told")).await.unwrap();
        spool.seal().await;
        let segment = spool.oldest_now().unwrap();
        let (contents, ()) = spool.read(&segment, |_| ()).unwrap();
        disk.removal.store(true, Ordering::SeqCst);
        match aside {
            true => assert_eq!(spool.set_aside(&segment, contents.batches()).unwrap(), Aside::Kept),
            false => spool.finish(&segment, &contents).unwrap(),
        }
        assert!(disk.removed.load(Ordering::SeqCst), "the sync failed");
        assert_eq!((spool.depth().segments, spool.depth().lost), (0, 0));
        disk.removal.store(false, Ordering::SeqCst);
        disk.removed.store(false, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_segment_stays_until_the_ids_of_its_batches_are_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(FailingDisk::default());
    let spool = open_on(folder.path(), &disk);
    spool.append(record(1, "told")).await.unwrap();
    spool.seal().await;
    let segment = spool.oldest_now().unwrap();
    let (contents, ()) = spool.read(&segment, |_| ()).unwrap();
    disk.sync.store(true, Ordering::SeqCst);
    spool.finish(&segment, &contents).unwrap_err();
    assert!(segment.path.exists());
    disk.sync.store(false, Ordering::SeqCst);
    spool.finish(&segment, &contents).unwrap();
    drop(spool);
    let (spool, recovered) = open(folder.path());
    assert_eq!(recovered.segments, 0);
    assert_eq!(spool.append(record(1, "told again")).await, Ok(Appended::Repeated));
}

#[tokio::test]
async fn an_erasure_that_the_disk_refuses_loses_nothing_and_is_made_up_for() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(FailingDisk::default());
    let spool = open_on(folder.path(), &disk);
    spool.append(record(1, "mine")).await.unwrap();
    spool.append(record(2, "theirs")).await.unwrap();
    spool.seal().await;
    for fails in [&disk.space, &disk.sync, &disk.rename] {
        fails.store(true, Ordering::SeqCst);
        erase(&spool, Duration::ZERO, "mine");
        fails.store(false, Ordering::SeqCst);
        assert_eq!(waiting(&spool), ["mine", "theirs"]);
        assert_eq!(files(folder.path()).len(), 1, "no draft is left");
    }
    erase(&spool, Duration::ZERO, "mine");
    assert_eq!(waiting(&spool), ["\0\0\0\0", "theirs"]);
}

#[tokio::test]
async fn what_cannot_be_read_of_a_segment_that_waits_is_erased_too_and_is_in_quarantine() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(FailingDisk::default());
    let spool = open_on(folder.path(), &disk);
    spool.append(record(1, "damaged")).await.unwrap();
    spool.append(record(2, "theirs")).await.unwrap();
    disk.sync.store(true, Ordering::SeqCst);
    spool.append(record(3, "never acknowledged")).await.unwrap_err();
    disk.sync.store(false, Ordering::SeqCst);
    let file = file_with(folder.path(), ".sealed");
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.windows(7).position(|text| text == b"damaged").unwrap();
    bytes[at] ^= 1;
    fs::write(&file, &bytes).unwrap();
    erase(&spool, Duration::ZERO, "mine");
    let left = everything_in(folder.path());
    assert!(left.contains("theirs") && !left.contains("amaged") && !left.contains("acknowledged"), "{left}");
    assert_eq!(fs::read(folder.path().join("quarantine").join(file.file_name().unwrap())).unwrap(), bytes);
    let segment = spool.oldest_now().unwrap();
    assert!(spool.read(&segment, |_| ()).unwrap().0.damaged(), "the store may hold more of it");
    assert_eq!(waiting(&spool), ["theirs"]);
}

/// A disk whose next sync is the end of whoever asks for it.
struct Deadly;

impl Disk for Deadly {
    fn sync_data(&self, _: &File) -> io::Result<()> {
        panic!("as a test asks")
    }
}

#[tokio::test]
async fn a_writer_that_is_gone_takes_nothing_and_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = Spool::open_on(folder.path(), BY_HAND, Arc::new(Deadly)).unwrap();
    assert_eq!(spool.intake(), Intake::Open);
    assert_eq!(spool.append(record(1, "a")).await, Err(AppendError::Broken));
    while !spool.inner.writer.as_ref().unwrap().is_finished() {
        tokio::task::yield_now().await;
    }
    assert_eq!(spool.intake(), Intake::Broken);
}

/// A disk of which one call waits until the other end is dropped.
struct Stalling {
    call: &'static str,
    until: std::sync::Mutex<std::sync::mpsc::Receiver<()>>,
}

impl Stalling {
    fn wait(&self, call: &str) {
        if self.call == call {
            _ = self.until.lock().unwrap().recv();
        }
    }
}

impl Disk for Stalling {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.wait("create");
        RealDisk.create(path)
    }

    fn sync_data(&self, file: &File) -> io::Result<()> {
        self.wait("sync");
        file.sync_data()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.wait("rename");
        fs::rename(from, to)
    }
}

#[tokio::test]
async fn a_disk_that_does_not_answer_is_told_at_once_and_what_it_was_given_is_kept() {
    let mut checks: tokio::task::JoinSet<()> =
        ["create", "sync", "rename"].into_iter().map(is_told_to_hang_at).collect();
    while let Some(checked) = checks.join_next().await {
        checked.unwrap();
    }
}

async fn is_told_to_hang_at(call: &'static str) {
    let (held, until) = std::sync::mpsc::channel();
    let disk = Arc::new(Stalling { call, until: until.into() });
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = Spool::open_on(folder.path(), BY_HAND, disk).unwrap();
    let of = |number, text| {
        let spool = spool.clone();
        async move { spool.append(record(number, text)).await }
    };
    let (first, seal) = (tokio::spawn(of(1, "waits")), spool.clone());
    let seal = tokio::spawn(async move { seal.seal().await });
    let until = async |intake| {
        let look = async {
            while spool.intake() != intake {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), look).await.expect("it is noticed");
    };
    until(Intake::Stalled).await;
    assert_eq!(of(2, "comes back").await, Err(AppendError::Full), "{call}");
    drop(held);
    assert_eq!(first.await.unwrap(), Ok(Appended::Fresh), "{call}");
    seal.await.unwrap();
    // Whoever waited is answered a moment before.
    until(Intake::Open).await;
    assert_eq!(of(2, "came back").await, Ok(Appended::Fresh), "{call}");
}
