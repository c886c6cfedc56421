//! Opening a folder that an earlier run left, however it ended.
//!
//! In: the files of the folder. Out: the segments that wait, the ids of recent batches, the receipts that decisions in
//! the spool kill, and a report. Invariant: a record that was acknowledged is in a segment that waits, in the store
//! (its segment has a `.done` file), or, where it can no longer be read, in quarantine. Nothing that was not written
//! is there.

use super::SpoolError;
use super::backlog::Shared;
use super::batches::BatchMemory;
use super::clock::Run;
use super::disk::{DRAFT_SUFFIX, is_shortage, means_full, remove_if_there, write_whole};
use super::done;
use super::frame::Scan;
use super::quarantine;
use super::segment::{self, Name, Sealed, State};
use crate::ledger::ended_by;
use crate::withdrawn::Ended;
use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use wire::BatchId;

/// What was found when the spool was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Segments that wait for the drain.
    pub segments: u64,
    /// Records in them.
    pub records: u64,
    /// Bytes of a last, unacknowledged record that were cut.
    pub torn_bytes: u64,
    /// Damaged files, each kept in quarantine. What could be read of them is drained.
    pub quarantined: Vec<PathBuf>,
    /// Bytes in them that were records and can no longer be read.
    pub damaged_bytes: u64,
    /// The receipts that decisions in the spool end.
    pub withdrawn: Vec<Ended>,
}

struct Found {
    name: Name,
    path: PathBuf,
    bytes: u64,
}

/// Reads the folder. Gives the report and the sequence of the next segment.
pub(crate) fn recover(shared: &Shared, batches: &mut BatchMemory) -> Result<(Recovered, u64), SpoolError> {
    let (found, quarantined) = list(shared)?;
    // One number is left out, so that the next start sees where this run begins. What is in quarantine may be brought back.
    let sequences = found.iter().map(|file| file.name.sequence).chain(quarantined);
    let next_sequence = sequences.max().map_or(1, |last| last.saturating_add(2));
    let done: HashSet<u64> =
        found.iter().filter(|file| file.name.state == State::Done).map(|file| file.name.id).collect();
    let mut report = Recovered::default();
    let mut seen = Seen { batches, done: Vec::new(), runs: Vec::new() };
    for file in found {
        seen.begin(file.name.sequence);
        let path = file.path.clone();
        let result = match file.name.state {
            State::Done => see_done(shared, &mut seen, file),
            // The crash came between the proof that the rows are in the store and the removal of the file.
            _ if done.contains(&file.name.id) => remove(shared, &file),
            State::Open | State::Sealed => recover_rows(shared, &mut seen, &mut report, &file)?,
        };
        result.map_err(|source| SpoolError::Disk { path, source })?;
    }
    remember(shared, seen)?;
    shared
        .disk
        .sync_directory(&shared.folder)
        .map_err(|source| SpoolError::Disk { path: shared.folder.clone(), source })?;
    Ok((report, next_sequence))
}

/// Whether rows wait in a folder for the store, as far as its files' names tell. Opens nothing.
pub fn rows_wait(folder: &Path) -> bool {
    let is_segment = |entry: fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().parse::<Name>();
        name.is_ok_and(|name| name.state != State::Done)
    };
    fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(is_segment))
}

/// The segments' files by sequence, and the last sequence in quarantine. Leftovers of files that were never finished are
/// removed, others' files left alone.
fn list(shared: &Shared) -> Result<(Vec<Found>, Option<u64>), SpoolError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| SpoolError::Disk { path, source }
    };
    let (mut found, mut drafts) = (Vec::new(), false);
    for entry in fs::read_dir(&shared.folder).map_err(at(&shared.folder))? {
        let entry = entry.map_err(at(&shared.folder))?;
        let path = entry.path();
        let file_name = entry.file_name();
        let text = file_name.to_string_lossy();
        let draft_of = text.strip_suffix(DRAFT_SUFFIX);
        if draft_of.is_some_and(|name| name.parse::<Name>().is_ok()) {
            remove_if_there(&*shared.disk, &path).map_err(at(&path))?;
            drafts = true;
        } else if let Ok(name) = text.parse::<Name>() {
            let bytes = entry.metadata().map_err(at(&path))?.len();
            shared.add_bytes(bytes);
            found.push(Found { name, path, bytes });
        }
    }
    if drafts {
        // As where a file is written whole: another draft may get the name of one of these.
        shared.disk.sync_directory(&shared.folder).map_err(at(&shared.folder))?;
    }
    let kept = shared.folder.join(quarantine::FOLDER);
    let quarantined = quarantine::recover(shared).map_err(at(&kept))?;
    found.sort_by_key(|file| file.name);
    Ok((found, quarantined))
}

fn remove(shared: &Shared, file: &Found) -> io::Result<()> {
    remove_if_there(&*shared.disk, &file.path)?;
    shared.subtract_bytes(file.bytes);
    Ok(())
}

/// The batches that were found, by their stamps. How old they are is known only once all of them are.
struct Seen<'a> {
    batches: &'a mut BatchMemory,
    /// Of each file of ids the latest stamp in it.
    done: Vec<(Found, u64)>,
    runs: Vec<Run>,
}

impl Seen<'_> {
    /// Goes on to a segment. Whatever is missing before it, be it the number that a start leaves out, counts as the end of
    /// a run: nobody knows how long that took.
    fn begin(&mut self, sequence: u64) {
        match self.runs.last_mut() {
            Some(run) if sequence <= run.segments.end() + 1 => {
                run.segments = *run.segments.start()..=sequence;
            }
            _ => {
                self.runs.push(Run::beginning_with(sequence));
                self.batches.begin_run(sequence);
            }
        }
    }

    fn add(&mut self, id: BatchId, at_ms: u64) {
        self.batches.remember(id, at_ms);
        if let Some(run) = self.runs.last_mut() {
            run.add(at_ms);
        }
    }
}

fn see_done(shared: &Shared, seen: &mut Seen<'_>, file: Found) -> io::Result<()> {
    let bytes = match shared.disk.read(&file.path) {
        Err(error) if is_shortage(&error) => return Err(error),
        read => read.ok(),
    };
    let mut newest_ms = 0;
    let whole = bytes.is_some_and(|bytes| {
        done::decode(&file.name, &bytes, |(id, at_ms)| {
            seen.add(id, at_ms);
            newest_ms = newest_ms.max(at_ms);
        })
    });
    if !whole {
        tracing::warn!(
            "A file of drained batches' ids is damaged; a retry of one of them would be taken again."
        );
    }
    seen.done.push((file, newest_ms));
    Ok(())
}

/// Remembers the batches that a browser may still repeat, and removes the files of those that none does.
fn remember(shared: &Shared, seen: Seen<'_>) -> Result<(), SpoolError> {
    shared.clock.inherit(seen.runs);
    seen.batches.settle(|sequence, stamp_ms| shared.clock.recent(sequence, stamp_ms));
    for (Found { name, path, bytes }, newest_ms) in seen.done {
        shared.subtract_bytes(bytes);
        if let Some(newest_ms) = shared.clock.recent(name.sequence, newest_ms) {
            shared.remember_done(path, bytes, newest_ms);
        } else {
            remove_if_there(&*shared.disk, &path).map_err(|source| SpoolError::Disk { path, source })?;
        }
    }
    Ok(())
}

fn recover_rows(
    shared: &Shared,
    seen: &mut Seen<'_>,
    report: &mut Recovered,
    file: &Found,
) -> Result<io::Result<()>, SpoolError> {
    let bytes = match shared.disk.read(&file.path) {
        Ok(bytes) => bytes,
        Err(error) if is_shortage(&error) => return Ok(Err(error)),
        Err(error) => return Ok(unreadable(shared, report, file, &error)),
    };
    let mut scan = segment::read(&file.name, &bytes)
        .map_err(|later| SpoolError::LaterVersion { path: file.path.clone(), version: later.0 })?;
    if let (State::Sealed, Some(from)) = (file.name.state, scan.torn_from) {
        // A sealed segment was written whole, so whatever misses its end was acknowledged.
        scan.damage.push(from..bytes.len());
        scan.torn_from = None;
    }
    for record in &scan.records {
        if let Some(id) = record.batch() {
            seen.add(id, record.at_ms);
        }
        report.withdrawn.extend(ended_by(record));
    }
    Ok(queue(shared, report, file, &scan, &bytes))
}

/// Puts what could be read in line for the drain, and what could not into quarantine.
fn queue(
    shared: &Shared,
    report: &mut Recovered,
    file: &Found,
    scan: &Scan<'_>,
    bytes: &[u8],
) -> io::Result<()> {
    let length = bytes.len() as u64;
    if scan.records.is_empty() && scan.damage.is_empty() {
        report.torn_bytes += scan.torn_from.map_or(0, |from| length - from as u64);
        return remove(shared, file);
    }
    let end = scan.torn_from.map_or(length, |from| from as u64);
    report.torn_bytes += length - end;
    let name = Name { state: State::Sealed, ..file.name };
    let created_ms = scan.records.first().map_or(0, |record| record.at_ms);
    let mut segment = Sealed { inherited: true, ..Sealed::in_folder(&shared.folder, name, end, created_ms) };
    if file.name.state == State::Open {
        // Whoever repeats one of these batches is told that it is on disk, so it must be.
        write_anew(shared, &file.path, &bytes[..end as usize])?;
        shared.disk.rename(&file.path, &segment.path)?;
        shared.subtract_bytes(file.bytes - end);
    }
    segment.salvaged = quarantine::holds(&shared.folder, &segment.path)?;
    if !scan.damage.is_empty() {
        quarantine::keep(shared, &segment.path)?;
        segment.salvaged = true;
        report.damaged_bytes += scan.damage.iter().map(|range| range.len() as u64).sum::<u64>();
        report.quarantined.push(segment.path.clone());
        tracing::error!(
            file = %segment.path.display(), records_kept = scan.records.len(),
            "A segment of the spool is damaged. What can be read of it is drained; the file is kept in quarantine."
        );
    }
    report.segments += 1;
    report.records += scan.records.len() as u64;
    shared.sealed(segment);
    Ok(())
}

/// Writes a file's own bytes once more. A sync that failed before the crash may have left them in memory alone, and another sync
/// would not say so (<https://lwn.net/Articles/752063/>).
fn write_anew(shared: &Shared, path: &Path, bytes: &[u8]) -> io::Result<()> {
    match write_whole(&*shared.disk, path, bytes) {
        Err(error) if means_full(&error) => {}
        written => return written,
    }
    // Where there is no room for another file, into their own places: they are the same, and have to be written again.
    let mut left = OpenOptions::new().write(true).open(path)?;
    match shared.disk.append(&mut left, bytes) {
        // A file system that copies on write has none there either. A start must not need room: what waits is drained, and makes some.
        Err(error) if means_full(&error) => {
            tracing::warn!(file = %path.display(), "There is no room to write what a crash left open once more.");
        }
        written => written?,
    }
    shared.disk.truncate(&left, bytes.len() as u64)?;
    shared.disk.sync_data(&left)
}

fn unreadable(shared: &Shared, report: &mut Recovered, file: &Found, error: &io::Error) -> io::Result<()> {
    tracing::error!(file = %file.path.display(), %error, "A segment of the spool cannot be read; it is kept in quarantine.");
    quarantine::take(shared, &file.path)?;
    report.quarantined.push(file.path.clone());
    report.damaged_bytes += file.bytes;
    remove(shared, file)
}

#[cfg(test)]
mod tests {
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
        assert!(!segment.path.exists() && quarantine::holds(folder.path(), &segment.path).unwrap());
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
        let (spool, _) =
            Spool::open_on(folder.path(), SpoolOptions::default(), Arc::clone(&disk) as _).unwrap();
        let segment = spool.oldest_now().unwrap();
        disk.0.lock().unwrap().clear();
        spool.set_aside(&segment, &[]).unwrap();
        let calls = disk.0.lock().unwrap();
        let at =
            |call: (&str, &Path)| calls.iter().position(|(what, path)| (*what, &**path) == call).unwrap();
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
        assert!(!quarantine::holds(folder.path(), &segment.path).unwrap());
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
}
