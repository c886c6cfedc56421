use super::*;
use crate::spool::clock::Clock;
use crate::spool::disk::Disk;
use crate::spool::{Record, Spool, SpoolOptions, Table};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

mod clocks;

const NOTHING: Withdrawals<'_> = Withdrawals { heard_ms: None, left: &|_| None };

fn event(consent_id: u64, text: &str) -> Record {
    let row = [&[0; 8], text.as_bytes()].concat();
    Record { consent_id, ..Record::of(Table::Events, vec![row].into()) }
}

/// The receipt 7 was withdrawn at that time.
fn of_7(heard_ms: u64) -> Withdrawals<'static> {
    let left = &|record: &StoredRecord<'_>| (record.consent_id == 7).then(Vec::new);
    Withdrawals { heard_ms: Some(heard_ms), left }
}

fn open(folder: &Path) -> Spool {
    Spool::open(folder, SpoolOptions { segment_age: KEPT_TIME, ..SpoolOptions::default() }).unwrap().0
}

fn swept(spool: &Spool, withdrawals: &Withdrawals<'_>) {
    sweep(&spool.inner.shared, withdrawals).unwrap();
    let folder = &spool.inner.shared.folder;
    let files = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap());
    let on_disk = files(folder).chain(files(&folder.join(FOLDER))).filter(fs::Metadata::is_file);
    assert_eq!(spool.depth().bytes, on_disk.map(|file| file.len()).sum::<u64>());
}

/// What the file of the quarantine with this ending holds; `None` if there is none.
fn held(folder: &Path, ending: &str) -> Option<String> {
    let path = list(folder).unwrap().into_iter().find(|path| path.to_string_lossy().ends_with(ending))?;
    Some(String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned())
}

/// A spool whose one segment the store refused.
async fn refused(folder: &Path, records: Vec<Record>) -> Spool {
    let spool = open(folder);
    for record in records {
        spool.append(record).await.unwrap();
    }
    spool.seal().await;
    spool.set_aside(&spool.oldest_now().unwrap(), &[]).unwrap();
    spool
}

/// A spool whose one segment of `(consent, text)` had a bit flipped within the text `damaged`.
async fn flipped(folder: &Path, records: Vec<Record>, damaged: &str) -> Spool {
    let spool = open(folder);
    for record in records {
        spool.append(record).await.unwrap();
    }
    spool.seal().await;
    let segment = spool.oldest_now().unwrap();
    let mut bytes = fs::read(&segment.path).unwrap();
    let at = bytes.windows(damaged.len()).position(|text| text == damaged.as_bytes()).unwrap();
    bytes[at + damaged.len() - 1] ^= 1;
    fs::write(&segment.path, bytes).unwrap();
    let (contents, ()) = spool.read(&segment, |_| ()).unwrap();
    spool.finish(&segment, &contents).unwrap();
    spool
}

#[tokio::test]
async fn a_withdrawal_takes_its_records_and_leaves_the_others_readable() {
    let home = tempfile::tempdir().unwrap();
    let decision = Record { table: Table::Consents, withdraws: 7, ..event(0, "decision") };
    let spool = refused(home.path(), vec![event(7, "mine"), event(8, "theirs"), decision]).await;
    swept(&spool, &NOTHING);
    assert!(held(home.path(), ".sealed").unwrap().contains("mine"));
    swept(&spool, &of_7(spool.inner.shared.clock.wall_ms()));
    let left = held(home.path(), ".sealed").unwrap();
    assert!(!left.contains("mine") && left.contains("theirs") && left.contains("decision"));
    assert_eq!(held(home.path(), NOTE_SUFFIX), None, "nothing of it was damaged");

    drop(spool);
    let back = list(home.path()).unwrap().remove(0);
    fs::rename(&back, home.path().join(back.file_name().unwrap())).unwrap();
    let again = open(home.path());
    assert_eq!(again.read(&again.oldest_now().unwrap(), |records| records.len()).unwrap().1, 2);
    assert_eq!(again.depth().quarantined, 0, "it is a whole segment again");
}

#[tokio::test]
async fn what_is_left_of_a_record_stands_in_its_place_and_reads_back() {
    let home = tempfile::tempdir().unwrap();
    let two = Record { rows: vec![vec![1; 9], vec![2; 9]].into(), ..event(8, "") };
    let spool = refused(home.path(), vec![two, event(9, "theirs")]).await;
    let half = |record: &StoredRecord<'_>| {
        let rows = record.rows().skip(1).map(|row| row.whole().into_owned()).collect::<Vec<_>>().into();
        (record.consent_id == 8).then(|| vec![Record { rows, ..event(8, "") }])
    };
    swept(&spool, &Withdrawals { heard_ms: Some(spool.inner.shared.clock.wall_ms()), left: &half });
    let path = list(home.path()).unwrap().remove(0);
    let name = path.file_name().unwrap().to_string_lossy().parse().unwrap();
    let bytes = fs::read(&path).unwrap();
    let scan = segment::read(&name, &bytes).unwrap();
    let rows: Vec<Vec<_>> = scan
        .records
        .iter()
        .map(|record| record.rows().map(|row| row.whole().into_owned()).collect())
        .collect();
    assert_eq!(rows[0], [[2; 9]]);
    assert_eq!((rows.len(), scan.records[1].consent_id), (2, 9));
    assert!(scan.damage.is_empty());
}

#[tokio::test]
async fn a_segment_of_nothing_but_withdrawn_records_is_removed() {
    let home = tempfile::tempdir().unwrap();
    let spool = refused(home.path(), vec![event(7, "mine"), event(7, "mine too")]).await;
    swept(&spool, &of_7(spool.inner.shared.clock.wall_ms()));
    assert!(list(home.path()).unwrap().is_empty());
}

#[tokio::test]
async fn what_cannot_be_read_goes_with_a_withdrawal_that_may_concern_it_and_leaves_a_note() {
    let home = tempfile::tempdir().unwrap();
    let spool = flipped(home.path(), vec![event(9, "damaged"), event(8, "theirs")], "damaged").await;
    swept(&spool, &NOTHING);
    swept(&spool, &of_7(spool.inner.shared.clock.wall_ms() - 2 * CLOCKS_DIFFER_MS));
    assert!(held(home.path(), ".sealed").unwrap().contains("damage"), "it was written after that withdrawal");
    swept(&spool, &of_7(spool.inner.shared.clock.wall_ms()));
    let left = held(home.path(), ".sealed").unwrap();
    assert!(!left.contains("damage") && left.contains("theirs"));
    let note = held(home.path(), NOTE_SUFFIX).unwrap();
    assert!(note.contains("bytes of this segment could not be read"), "{note}");
    swept(&spool, &of_7(spool.inner.shared.clock.wall_ms()));
    assert_eq!(held(home.path(), NOTE_SUFFIX).unwrap(), note);
    assert_eq!(held(home.path(), ".sealed").unwrap(), left);
}

#[tokio::test]
async fn a_segment_without_a_readable_header_or_record_is_removed_at_the_first_withdrawal() {
    let home = tempfile::tempdir().unwrap();
    let spool = flipped(home.path(), vec![event(9, "damaged")], "damaged").await;
    let path = list(home.path()).unwrap().remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[0] ^= 1;
    fs::write(&path, bytes).unwrap();
    swept(&spool, &of_7(1));
    assert_eq!(held(home.path(), ".sealed"), None);
    assert!(held(home.path(), NOTE_SUFFIX).is_some());
}

/// A disk that gives no file of the quarantine while it has an error for it.
#[derive(Default)]
struct Withholding(AtomicI32);

impl Disk for Withholding {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.0.load(Ordering::Relaxed) {
            error if error != 0 && path.parent().is_some_and(|folder| folder.ends_with(FOLDER)) => {
                Err(io::Error::from_raw_os_error(error))
            }
            _ => fs::read(path),
        }
    }
}

#[tokio::test]
async fn a_file_that_nobody_can_read_is_tried_for_a_day_before_a_withdrawal_takes_it() {
    const EIO: i32 = 5;
    const EACCES: i32 = 13;
    for error in [EIO, EACCES] {
        let home = tempfile::tempdir().unwrap();
        let disk = Arc::new(Withholding::default());
        let options = SpoolOptions { segment_age: KEPT_TIME, ..SpoolOptions::default() };
        let spool = Spool::open_on(home.path(), options, Arc::clone(&disk) as Arc<dyn Disk>).unwrap().0;
        for record in [event(7, "mine"), event(8, "theirs")] {
            spool.append(record).await.unwrap();
        }
        spool.seal().await;
        spool.set_aside(&spool.oldest_now().unwrap(), &[]).unwrap();
        let mut shared = Shared::new(home.path().to_owned(), u64::MAX, Arc::clone(&disk) as Arc<dyn Disk>);
        let (now, heard_ms) = (SystemTime::now(), shared.clock.wall_ms());
        let mut at = |withdrawals: &Withdrawals<'_>, later: Duration| {
            shared.clock = Clock::started(later, now + later);
            sweep_at(&shared, withdrawals, now + later).unwrap();
            held(home.path(), ".sealed")
        };
        disk.0.store(error, Ordering::Relaxed);
        assert!(at(&of_7(heard_ms), Duration::ZERO).is_some());
        let before_it = of_7(heard_ms - 2 * CLOCKS_DIFFER_MS);
        assert!(at(&before_it, REREAD_TIME).is_some(), "it holds no row of that receipt");
        disk.0.store(0, Ordering::Relaxed);
        let left = at(&of_7(heard_ms), Duration::ZERO).unwrap();
        assert!(!left.contains("mine") && left.contains("theirs"), "it came back");
        disk.0.store(error, Ordering::Relaxed);
        assert_eq!(at(&of_7(heard_ms), REREAD_TIME + Duration::from_secs(60)), None);
        assert!(held(home.path(), NOTE_SUFFIX).unwrap().contains("could not be read"));
    }
}

#[tokio::test]
async fn the_thirty_days_of_a_machine_whose_clock_was_wrong_begin_when_it_is_right() {
    let home = tempfile::tempdir().unwrap();
    let spool = refused(home.path(), vec![event(7, "kept")]).await;
    let path = list(home.path()).unwrap().remove(0);
    let of_1970 = SystemTime::UNIX_EPOCH + Duration::from_secs(60);
    fs::File::open(&path).unwrap().set_modified(of_1970).unwrap();
    let before = SystemTime::now() - Duration::from_secs(1);
    swept(&spool, &NOTHING);
    assert!(fs::metadata(&path).unwrap().modified().unwrap() >= before);
}

#[tokio::test]
async fn everything_is_deleted_after_thirty_days_and_a_withdrawal_does_not_prolong_them() {
    let home = tempfile::tempdir().unwrap();
    let spool = flipped(home.path(), vec![event(7, "damaged"), event(8, "theirs")], "damaged").await;
    let path = list(home.path()).unwrap().remove(0);
    let nearly = SystemTime::now() - KEPT_TIME + Duration::from_secs(3600);
    fs::File::open(&path).unwrap().set_modified(nearly).unwrap();
    swept(&spool, &of_7(spool.inner.shared.clock.wall_ms()));
    let files = list(home.path()).unwrap();
    assert_eq!(files.len(), 2, "the segment and its note");
    for file in &files {
        let since = fs::metadata(file).unwrap().modified().unwrap();
        assert_eq!(since, nearly);
        fs::File::open(file).unwrap().set_modified(since - Duration::from_secs(3601)).unwrap();
    }
    fs::write(home.path().join(FOLDER).join("an operator's own"), "").unwrap();
    swept(&spool, &NOTHING);
    assert_eq!(list(home.path()).unwrap().len(), 3, "it was opened a moment ago, and the clock may be wrong");
    let mut shared = Shared::new(home.path().to_owned(), u64::MAX, Arc::new(Withholding::default()));
    shared.clock = Clock::started(CLOCK_SET_TIME, SystemTime::now());
    sweep(&shared, &NOTHING).unwrap();
    assert_eq!(list(home.path()).unwrap().len(), 1, "what we did not put there is left alone");
}

#[tokio::test]
async fn the_thirty_days_begin_with_the_quarantine_and_not_with_the_rows() {
    let home = tempfile::tempdir().unwrap();
    let spool = open(home.path());
    spool.append(event(7, "waited for long")).await.unwrap();
    spool.seal().await;
    let segment = spool.oldest_now().unwrap();
    let long_ago = SystemTime::now() - 2 * KEPT_TIME;
    fs::File::open(&segment.path).unwrap().set_modified(long_ago).unwrap();
    spool.set_aside(&segment, &[]).unwrap();
    swept(&spool, &NOTHING);
    assert_eq!(list(home.path()).unwrap().len(), 1);
}
