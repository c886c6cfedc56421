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
    segment.salvaged = quarantine::holds(&shared.folder, &segment.name)?;
    if !scan.damage.is_empty() {
        quarantine::keep(shared, &segment.path, &segment.name)?;
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
    quarantine::take(shared, &file.path, &file.name)?;
    report.quarantined.push(file.path.clone());
    report.damaged_bytes += file.bytes;
    remove(shared, file)
}

#[cfg(test)]
mod tests;
