//! Opening a folder that an earlier run left, however it ended.
//!
//! In: the files of the folder. Out: the segments that wait, the ids of recent batches, the receipts that decisions in
//! the spool kill, and a report. Invariant: a record that was acknowledged is in a segment that waits, in the store
//! (its segment has a `.done` file), or, where it can no longer be read, in quarantine. Nothing that was not written
//! is there.

use super::SpoolError;
use super::backlog::{Run, Shared};
use super::batches::BatchMemory;
use super::disk::{DRAFT_SUFFIX, remove_if_there};
use super::done::{self, StoredBatch};
use super::frame::Scan;
use super::quarantine;
use super::segment::{self, Name, Sealed, State};
use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

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
    /// The receipts that decisions in the spool kill, and when, in milliseconds since 1970.
    pub withdrawn: Vec<(u64, u64)>,
}

struct Found {
    name: Name,
    path: PathBuf,
    bytes: u64,
}

/// Reads the folder. Gives the report and the sequence of the next segment.
pub(crate) fn recover(shared: &Shared, batches: &mut BatchMemory) -> Result<(Recovered, u64), SpoolError> {
    let found = list(shared)?;
    // One number is left out, so that the next start sees where this run begins.
    let next_sequence = found.iter().map(|file| file.name.sequence + 2).max().unwrap_or(1);
    let done: HashSet<u64> =
        found.iter().filter(|file| file.name.state == State::Done).map(|file| file.name.id).collect();
    let mut report = Recovered::default();
    let mut seen = Seen::default();
    for file in found {
        seen.begin(file.name.sequence);
        let path = file.path.clone();
        let result = match file.name.state {
            State::Done => see_done(&mut seen, file),
            // The crash came between the proof that the rows are in the store and the removal of the file.
            _ if done.contains(&file.name.id) => remove(shared, &file),
            State::Open | State::Sealed => recover_rows(shared, &mut seen, &mut report, &file)?,
        };
        result.map_err(|source| SpoolError::Disk { path, source })?;
    }
    remember(shared, batches, seen)?;
    shared
        .disk
        .sync_directory(&shared.folder)
        .map_err(|source| SpoolError::Disk { path: shared.folder.clone(), source })?;
    Ok((report, next_sequence))
}

/// The segments' files by sequence. Leftovers of files that were never finished are removed, others' files left alone.
fn list(shared: &Shared) -> Result<Vec<Found>, SpoolError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| SpoolError::Disk { path, source }
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(&shared.folder).map_err(at(&shared.folder))? {
        let entry = entry.map_err(at(&shared.folder))?;
        let path = entry.path();
        let file_name = entry.file_name();
        let text = file_name.to_string_lossy();
        let draft_of = text.strip_suffix(DRAFT_SUFFIX);
        if draft_of.is_some_and(|name| name.parse::<Name>().is_ok()) {
            remove_if_there(&*shared.disk, &path).map_err(at(&path))?;
        } else if let Ok(name) = text.parse::<Name>() {
            let bytes = entry.metadata().map_err(at(&path))?.len();
            shared.add_bytes(bytes);
            found.push(Found { name, path, bytes });
        }
    }
    let kept = shared.folder.join(quarantine::FOLDER);
    quarantine::recover(shared).map_err(at(&kept))?;
    found.sort_by_key(|file| file.name);
    Ok(found)
}

fn remove(shared: &Shared, file: &Found) -> io::Result<()> {
    remove_if_there(&*shared.disk, &file.path)?;
    shared.subtract_bytes(file.bytes);
    Ok(())
}

/// The batches that were found. How old they are is known only once all of them are.
#[derive(Default)]
struct Seen {
    /// Those of each segment.
    batches: Vec<(u64, Vec<StoredBatch>)>,
    done: Vec<(Found, Vec<StoredBatch>)>,
    runs: Vec<Run>,
}

impl Seen {
    /// Goes on to a segment. Whatever is missing before it, be it the number that a start leaves out, counts as the end of
    /// a run: nobody knows how long that took.
    fn begin(&mut self, sequence: u64) {
        match self.runs.last_mut() {
            Some(run) if sequence <= run.segments.end() + 1 => {
                run.segments = *run.segments.start()..=sequence;
            }
            _ => self.runs.push(Run::beginning_with(sequence)),
        }
    }

    fn add(&mut self, ids: &[StoredBatch]) {
        if let Some(run) = self.runs.last_mut() {
            ids.iter().for_each(|(_, at_ms)| run.add(*at_ms));
        }
    }
}

fn see_done(seen: &mut Seen, file: Found) -> io::Result<()> {
    let ids = done::decode(&file.name, &fs::read(&file.path)?);
    if ids.is_none() {
        tracing::warn!(
            "A file of drained batches' ids is damaged; a retry of one of them would be taken again."
        );
    }
    let ids = ids.unwrap_or_default();
    seen.add(&ids);
    seen.done.push((file, ids));
    Ok(())
}

/// Remembers the batches that a browser may still repeat, and removes the files of those that none does.
fn remember(shared: &Shared, batches: &mut BatchMemory, seen: Seen) -> Result<(), SpoolError> {
    shared.clock.inherit(seen.runs);
    let done = seen.done.iter().map(|(file, ids)| (&file.name.sequence, ids));
    for (sequence, ids) in seen.batches.iter().map(|(sequence, ids)| (sequence, ids)).chain(done) {
        for (id, at_ms) in ids {
            if let Some(reading) = shared.clock.recent(*sequence, *at_ms) {
                batches.remember(*id, reading);
            }
        }
    }
    for (Found { name, path, bytes }, ids) in seen.done {
        shared.subtract_bytes(bytes);
        let newest = ids.iter().filter_map(|(_, at_ms)| shared.clock.recent(name.sequence, *at_ms)).max();
        if let Some(newest_ms) = newest {
            shared.remember_done(path, bytes, newest_ms);
        } else {
            remove_if_there(&*shared.disk, &path).map_err(|source| SpoolError::Disk { path, source })?;
        }
    }
    Ok(())
}

fn recover_rows(
    shared: &Shared,
    seen: &mut Seen,
    report: &mut Recovered,
    file: &Found,
) -> Result<io::Result<()>, SpoolError> {
    let bytes = match fs::read(&file.path) {
        Ok(bytes) => bytes,
        Err(error) => return Ok(unreadable(shared, report, file, &error)),
    };
    let mut scan = segment::read(&file.name, &bytes)
        .map_err(|later| SpoolError::LaterVersion { path: file.path.clone(), version: later.0 })?;
    if let (State::Sealed, Some(from)) = (file.name.state, scan.torn_from) {
        // A sealed segment was written whole, so whatever misses its end was acknowledged.
        scan.damage.push(from..bytes.len());
        scan.torn_from = None;
    }
    let ids: Vec<_> =
        scan.records.iter().filter_map(|record| Some((record.batch()?, record.at_ms))).collect();
    seen.add(&ids);
    seen.batches.push((file.name.sequence, ids));
    for record in &scan.records {
        if record.withdraws != 0 {
            report.withdrawn.push((record.withdraws, record.at_ms));
        }
    }
    Ok(queue(shared, report, file, &scan, bytes.len() as u64))
}

/// Puts what could be read in line for the drain, and what could not into quarantine.
fn queue(
    shared: &Shared,
    report: &mut Recovered,
    file: &Found,
    scan: &Scan<'_>,
    length: u64,
) -> io::Result<()> {
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
        let left = OpenOptions::new().write(true).open(&file.path)?;
        shared.disk.truncate(&left, end)?;
        // Whoever repeats one of these batches is told that it is on disk, so it must be.
        shared.disk.sync_data(&left)?;
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

fn unreadable(shared: &Shared, report: &mut Recovered, file: &Found, error: &io::Error) -> io::Result<()> {
    tracing::error!(file = %file.path.display(), %error, "A segment of the spool cannot be read; it is kept in quarantine.");
    quarantine::keep(shared, &file.path)?;
    report.quarantined.push(file.path.clone());
    report.damaged_bytes += file.bytes;
    remove(shared, file)
}
