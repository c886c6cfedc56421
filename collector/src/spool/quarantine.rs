//! Where segments are kept that could not be read whole or that the store refuses: the folder `quarantine/`.
//!
//! In: a file of the spool; later, what was withdrawn. Out: the same file under a second name, or its copy where it can
//! have none, for [`KEPT_TIME`].
//!
//! Invariant: nothing leaves the spool for damage without being here. It is deleted here when its time is over, and a
//! withdrawal reaches it ([`sweep`]): what is erased in the store is erased here, and so is every byte that cannot be
//! read and may be of that receipt, because nobody can prove of it whose it is. Beside such a file a note
//! (`<name>.note`) tells how many bytes that were.

use super::backlog::Shared;
use super::disk::{
    DRAFT_SUFFIX, create_folder, is_shortage, remove_if_there, write_whole, write_whole_dated,
};
use super::frame;
use super::record::{self, Record, StoredRecord};
use super::segment::{self, HEADER_BYTES, Name};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The folder's name.
pub(crate) const FOLDER: &str = "quarantine";

/// How long a file is kept, from when it was put here.
pub(crate) const KEPT_TIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// By how much the clocks of collectors may differ when it is asked whether a withdrawal can concern a segment.
const CLOCKS_DIFFER_MS: u64 = 60 * 60 * 1000;

const NOTE_SUFFIX: &str = ".note";

/// Keeps a file. Its own name stays as it is; doing it again changes nothing.
pub(crate) fn keep(shared: &Shared, file: &Path) -> io::Result<()> {
    let disk = &*shared.disk;
    put(shared, file, |place| disk.link(file, place).or_else(|_| write_whole(disk, place, &disk.read(file)?)))
}

/// Keeps a file that leaves the spool: one that can have no second name is moved.
pub(crate) fn take(shared: &Shared, file: &Path) -> io::Result<()> {
    let disk = &*shared.disk;
    put(shared, file, |place| disk.link(file, place).or_else(|_| disk.rename(file, place)))
}

fn put(shared: &Shared, file: &Path, how: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let place = place(&shared.folder, file)?;
    if !place.try_exists()? {
        create_folder(&shared.folder.join(FOLDER))?;
        if let Err(error) = shared.disk.stamp(file, SystemTime::now()) {
            tracing::warn!(%error, "A file in quarantine may be deleted early: its time could not be set.");
        }
        how(&place)?;
        shared.add_bytes(place.metadata()?.len());
        shared.count_quarantined();
    }
    shared.disk.sync_directory(&shared.folder.join(FOLDER))
}

/// Whether the file was kept before.
pub(crate) fn holds(folder: &Path, file: &Path) -> io::Result<bool> {
    place(folder, file)?.try_exists()
}

fn place(folder: &Path, file: &Path) -> io::Result<PathBuf> {
    Ok(folder.join(FOLDER).join(file.file_name().ok_or(io::ErrorKind::InvalidInput)?))
}

/// Counts what an earlier run left here, and removes what it left unfinished.
pub(crate) fn recover(shared: &Shared) -> io::Result<()> {
    for path in list(&shared.folder)? {
        match path.to_string_lossy().ends_with(DRAFT_SUFFIX) {
            true => remove_if_there(&*shared.disk, &path)?,
            false => shared.add_bytes(fs::metadata(&path)?.len()),
        }
    }
    Ok(())
}

/// What the quarantine is to be rid of.
pub(crate) struct Withdrawals<'a> {
    /// When a withdrawal was last heard of, in milliseconds since 1970, if ever.
    pub(crate) heard_ms: Option<u64>,
    /// What is left of a record. Nothing is said of one that stays as it is.
    pub(crate) left: &'a dyn Fn(&StoredRecord<'_>) -> Option<Vec<Record>>,
}

/// Deletes what was kept for its time, and erases what was withdrawn. What fails is logged and stays for the next time.
pub(crate) fn sweep(shared: &Shared, withdrawals: &Withdrawals<'_>) -> io::Result<()> {
    let now = SystemTime::now();
    let mut changed = false;
    for path in list(&shared.folder)? {
        match Quarantined::of(path.clone()).and_then(|kept| sweep_one(shared, &kept, now, withdrawals)) {
            Ok(rid) => changed |= rid,
            Err(error) => {
                tracing::error!(file = %path.display(), %error, "A file in quarantine cannot be looked through.");
            }
        }
    }
    if changed {
        shared.disk.sync_directory(&shared.folder.join(FOLDER))?;
    }
    Ok(())
}

fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder.join(FOLDER)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| Ok(entry?.path())).collect(),
    }
}

/// A file that was put here.
struct Quarantined {
    path: PathBuf,
    /// The segment that it is, or that it is a note about. Files of others have none.
    name: Option<Name>,
    is_note: bool,
    bytes: u64,
    since: SystemTime,
}

impl Quarantined {
    fn of(path: PathBuf) -> io::Result<Quarantined> {
        let metadata = fs::metadata(&path)?;
        let text = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let noted = text.strip_suffix(NOTE_SUFFIX);
        // A folder that stood in a segment's place holds nobody's rows.
        let name = noted.unwrap_or(&text).parse().ok().filter(|_| metadata.is_file());
        let (bytes, since) = (metadata.len(), metadata.modified()?);
        Ok(Quarantined { path, name, is_note: noted.is_some(), bytes, since })
    }

    fn remove(&self, shared: &Shared) -> io::Result<()> {
        remove_if_there(&*shared.disk, &self.path)?;
        shared.subtract_bytes(self.bytes);
        Ok(())
    }
}

/// Whether anything was changed.
fn sweep_one(
    shared: &Shared,
    kept: &Quarantined,
    now: SystemTime,
    withdrawals: &Withdrawals<'_>,
) -> io::Result<bool> {
    let Some(name) = kept.name else { return Ok(false) };
    if now.duration_since(kept.since).is_ok_and(|age| age >= KEPT_TIME) {
        kept.remove(shared)?;
        tracing::warn!(file = %kept.path.display(), "A file was in quarantine for its time and is deleted.");
        return Ok(true);
    }
    match withdrawals.heard_ms {
        Some(heard_ms) if !kept.is_note => erase(shared, kept, &name, heard_ms, withdrawals.left),
        _ => Ok(false),
    }
}

/// Leaves of a segment only the intact records that are not erased, if there is anything to be rid of.
fn erase(
    shared: &Shared,
    kept: &Quarantined,
    name: &Name,
    heard_ms: u64,
    left: &dyn Fn(&StoredRecord<'_>) -> Option<Vec<Record>>,
) -> io::Result<bool> {
    let bytes = match shared.disk.read(&kept.path) {
        // What nobody can read is erased like damage.
        Err(error) if !is_shortage(&error) => Vec::new(),
        other => other?,
    };
    // What a later version wrote is damage to this one.
    let scan = segment::read(name, &bytes).unwrap_or_default();
    let created_ms = segment::created_ms(name, &bytes);
    let header = created_ms.map_or(0, |_| HEADER_BYTES);
    let readable = header + scan.frames.iter().map(ExactSizeIterator::len).sum::<usize>();
    let damaged = kept.bytes.saturating_sub(readable as u64);
    // A receipt that was known to be dead when the segment was begun has no row in it.
    let concerned = heard_ms.saturating_add(CLOCKS_DIFFER_MS) >= created_ms.unwrap_or(0);

    let mut frames = Vec::new();
    let mut erased = 0;
    for (record, frame) in scan.records.iter().zip(&scan.frames) {
        let Some(instead) = left(record) else {
            frames.extend_from_slice(&bytes[frame.clone()]);
            continue;
        };
        erased += 1;
        for part in instead {
            let payload = record::encode(&part, record.at_ms).map_err(io::Error::other)?;
            frame::write(&mut frames, name.id, &payload);
        }
    }
    if erased == 0 && !(concerned && damaged > 0) {
        return Ok(false);
    }
    if damaged > 0 {
        note(shared, kept, damaged)?;
    }
    match scan.records.first().filter(|_| !frames.is_empty()) {
        None => kept.remove(shared)?,
        Some(first) => {
            let mut whole = segment::header(name, created_ms.unwrap_or(first.at_ms));
            whole.extend_from_slice(&frames);
            write_whole_dated(&*shared.disk, &kept.path, &whole, Some(kept.since))?;
            shared.subtract_bytes(kept.bytes);
            shared.add_bytes(whole.len() as u64);
        }
    }
    tracing::warn!(
        file = %kept.path.display(), records_erased = erased, damaged_bytes = damaged,
        "Withdrawals were carried out on a file in quarantine; what of it could not be read was erased too."
    );
    Ok(true)
}

/// Leaves word of the bytes that nobody could read. It is deleted with what it speaks of.
fn note(shared: &Shared, kept: &Quarantined, damaged: u64) -> io::Result<()> {
    let mut path = kept.path.clone().into_os_string();
    path.push(NOTE_SUFFIX);
    let path = PathBuf::from(path);
    let text = format!(
        "{damaged} bytes of this segment could not be read. They were erased at {} ms since 1970, because a visitor \
         withdrew consent and they may have been of that visit.\n",
        shared.clock.wall_ms()
    );
    let earlier = fs::metadata(&path).map_or(0, |metadata| metadata.len());
    write_whole_dated(&*shared.disk, &path, text.as_bytes(), Some(kept.since))?;
    shared.subtract_bytes(earlier);
    shared.add_bytes(text.len() as u64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Record, Spool, SpoolOptions, Table};
    use super::*;

    const NOTHING: Withdrawals<'_> = Withdrawals { heard_ms: None, left: &|_| None };

    fn event(consent_id: u64, text: &str) -> Record {
        let row = [&[0; 8], text.as_bytes()].concat();
        Record { table: Table::Events, batch: None, consent_id, withdraws: 0, rows: vec![row].into() }
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
        let files =
            |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap());
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
        let contents = spool.read(&segment).unwrap();
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
        assert_eq!(again.read(&again.oldest_now().unwrap()).unwrap().records().len(), 2);
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
        assert!(
            held(home.path(), ".sealed").unwrap().contains("damage"),
            "it was written after that withdrawal"
        );
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
}
