//! Where segments are kept that could not be read whole or that the store refuses: the folder `quarantine/`.
//!
//! In: a file of the spool; later, what was withdrawn. Out: the same file under a second name, or its copy where it can
//! have none, for [`KEPT_TIME`].
//!
//! Invariant: nothing leaves the spool for damage without being here. It is deleted here when its time is over, and a
//! withdrawal reaches it ([`sweep`]): what is erased in the store is erased here, and so is every byte that cannot be
//! read and may be of that receipt, because nobody can prove of it whose it is. Beside such a file a note
//! (`<name>.note`) tells how many bytes that were. A file that the disk does not give at all may be given later: it goes
//! no sooner than [`REREAD_TIME`] after it was begun.

use super::backlog::Shared;
use super::disk::{
    DRAFT_SUFFIX, create_folder, is_shortage, remove_if_there, write_whole, write_whole_dated,
};
use super::frame::{self, Scan};
use super::record::{self, Record, StoredRecord};
use super::segment::{self, HEADER_BYTES, LaterVersion, Name};
use crate::withdrawn::FIRST_MS;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The folder's name.
pub(crate) const FOLDER: &str = "quarantine";

/// How long a file is kept, from when it was put here, by the machine's clock and by the spool's: one that is set while the
/// spool is open ends no file early. Where a clock was ahead when the file came and was right when the spool was opened
/// again, that time begins anew, because nobody knows how old the file is; one that was behind when the spool was opened
/// counts it for that much longer, until the next opening.
pub(crate) const KEPT_TIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// By how much the clocks of collectors may differ when it is asked whether a withdrawal can concern a segment.
const CLOCKS_DIFFER_MS: u64 = 60 * 60 * 1000;

/// How long a file is tried that cannot be read, from when it was begun. With the hour between two sweeps this is within
/// the day in which a withdrawal is to be carried out, unless the clock was behind when the spool was opened.
const REREAD_TIME: Duration = Duration::from_secs(20 * 60 * 60);

/// How long after a start nothing is called old: a clock that was wrong is set by then.
const CLOCK_SET_TIME: Duration = Duration::from_secs(30 * 60);

const NOTE_SUFFIX: &str = ".note";

/// Keeps a segment's file under its name, which tells how far it was acknowledged also where the file's own does not. That
/// stays as it is; doing it again changes nothing.
pub(crate) fn keep(shared: &Shared, file: &Path, name: &Name) -> io::Result<()> {
    let disk = &*shared.disk;
    put(shared, file, name, |place| {
        disk.link(file, place).or_else(|_| write_whole(disk, place, &disk.read(file)?))
    })
}

/// Keeps a file that leaves the spool: one that can have no second name is moved.
pub(crate) fn take(shared: &Shared, file: &Path, name: &Name) -> io::Result<()> {
    let disk = &*shared.disk;
    put(shared, file, name, |place| disk.link(file, place).or_else(|_| disk.rename(file, place)))
}

fn put(
    shared: &Shared,
    file: &Path,
    name: &Name,
    how: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let place = place(&shared.folder, name);
    if !place.try_exists()? {
        create_folder(&shared.folder.join(FOLDER))?;
        // Before a name goes: with the folder's own name both would be lost.
        shared.disk.sync_directory(&shared.folder)?;
        if let Err(error) = shared.disk.stamp(file, latest(shared, SystemTime::now())) {
            tracing::warn!(%error, "A file in quarantine may be deleted early: its time could not be set.");
        }
        how(&place)?;
        shared.add_bytes(place.metadata()?.len());
        shared.count_quarantined();
    }
    shared.disk.sync_directory(&shared.folder.join(FOLDER))
}

/// Whether the file was kept before.
pub(crate) fn holds(folder: &Path, name: &Name) -> io::Result<bool> {
    place(folder, name).try_exists()
}

fn place(folder: &Path, name: &Name) -> PathBuf {
    folder.join(FOLDER).join(name.to_string())
}

/// Counts what an earlier run left here, and removes what it left unfinished. Gives the last of its segments' sequences.
pub(crate) fn recover(shared: &Shared) -> io::Result<Option<u64>> {
    let mut last = None;
    for path in list(&shared.folder)? {
        match path.to_string_lossy().ends_with(DRAFT_SUFFIX) {
            true => remove_if_there(&*shared.disk, &path)?,
            false => shared.add_bytes(fs::metadata(&path)?.len()),
        }
        let name = path.file_name().and_then(|name| name.to_str()?.parse::<Name>().ok());
        last = last.max(name.map(|name| name.sequence));
    }
    Ok(last)
}

/// What the quarantine is to be rid of.
pub(crate) struct Withdrawals<'a> {
    /// When a withdrawal was last heard of, in milliseconds since 1970, if ever.
    pub(crate) heard_ms: Option<u64>,
    /// What is left of a record; the newest is asked about first. Nothing is said of one that stays as it is.
    pub(crate) left: &'a dyn Fn(&StoredRecord<'_>) -> Option<Vec<Record>>,
}

/// Deletes what was kept for its time, and erases what was withdrawn. What fails is logged and stays for the next time.
pub(crate) fn sweep(shared: &Shared, withdrawals: &Withdrawals<'_>) -> io::Result<()> {
    sweep_at(shared, withdrawals, SystemTime::now())
}

fn sweep_at(shared: &Shared, withdrawals: &Withdrawals<'_>, now: SystemTime) -> io::Result<()> {
    let mut changed = false;
    let mut paths = list(&shared.folder)?;
    paths.sort_unstable();
    for path in paths.into_iter().rev() {
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
    /// When the file was begun. What does not tell is as good as old.
    begun: SystemTime,
}

impl Quarantined {
    fn of(path: PathBuf) -> io::Result<Quarantined> {
        let metadata = fs::metadata(&path)?;
        let text = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let noted = text.strip_suffix(NOTE_SUFFIX);
        // A folder that stood in a segment's place holds nobody's rows.
        let name = noted.unwrap_or(&text).parse().ok().filter(|_| metadata.is_file());
        let (bytes, since) = (metadata.len(), metadata.modified()?);
        let begun = metadata.created().unwrap_or(SystemTime::UNIX_EPOCH);
        Ok(Quarantined { path, name, is_note: noted.is_some(), bytes, since, begun })
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
    let was_wrong = kept.since < SystemTime::UNIX_EPOCH + Duration::from_millis(FIRST_MS);
    if was_wrong || is_ahead(shared, kept.since, now) {
        // It was put here by a machine whose clock was wrong: its time begins now.
        shared.disk.stamp(&kept.path, latest(shared, now))?;
    } else if age(shared, kept.since, now) >= KEPT_TIME {
        kept.remove(shared)?;
        tracing::warn!(file = %kept.path.display(), "A file was in quarantine for its time and is deleted.");
        return Ok(true);
    }
    match withdrawals.heard_ms {
        Some(heard_ms) if !kept.is_note => {
            let bytes = match shared.disk.read(&kept.path) {
                // What may not be read here is nobody's to drain, so nothing is won by waiting for whoever may allow it.
                Err(error) if !is_shortage(&error) || error.kind() == io::ErrorKind::PermissionDenied => {
                    return erase_unread(shared, kept, now, heard_ms);
                }
                read => read?,
            };
            match segment::read(&name, &bytes) {
                Ok(scan) => {
                    let heard = Heard { at_ms: heard_ms, now };
                    erase(shared, kept, &name, &bytes, &scan, heard, withdrawals.left)
                }
                Err(LaterVersion(_)) => erase_unread(shared, kept, now, heard_ms),
            }
        }
        _ => Ok(false),
    }
}

/// Erases a file of which this build can read nothing, once a withdrawal may concern it and it was tried for long enough.
fn erase_unread(shared: &Shared, kept: &Quarantined, now: SystemTime, heard_ms: u64) -> io::Result<bool> {
    let concerned = Heard { at_ms: heard_ms, now }.may_concern(Some(ms(kept.begun)));
    let tried_enough = age(shared, kept.begun, now) >= REREAD_TIME || is_ahead(shared, kept.begun, now);
    if !(concerned && tried_enough) {
        return Ok(false);
    }
    note(shared, kept, kept.bytes)?;
    kept.remove(shared)?;
    tracing::error!(
        file = %kept.path.display(), bytes = kept.bytes,
        "A file in quarantine could not be read for a day; a withdrawal may concern it, and it was erased."
    );
    Ok(true)
}

/// The time by the spool's clock, which nobody can set.
fn by_spool(shared: &Shared) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(shared.clock.wall_ms())
}

/// The time by whichever clock is further on: one that fell behind makes nothing old.
fn latest(shared: &Shared, now: SystemTime) -> SystemTime {
    now.max(by_spool(shared))
}

/// How long ago a time was, as far as that is certain: by the spool's clock, or by the machine's where that says less. If it
/// is still to come for the machine's, it was another that told it. A clock that is wrong when the machine starts is mostly
/// set soon after, so nothing is said before.
fn age(shared: &Shared, at: SystemTime, now: SystemTime) -> Duration {
    match by_spool(shared).duration_since(at) {
        Ok(age) if shared.clock.elapsed() >= CLOCK_SET_TIME => {
            now.duration_since(at).map_or(age, |by_machine| by_machine.min(age))
        }
        _ => Duration::ZERO,
    }
}

/// Whether a time lies so far ahead of both clocks that it is one of a clock that was set since. These may be behind
/// instead, as that of a machine which was just started: for as long as a file is tried, nothing is said of it.
fn is_ahead(shared: &Shared, at: SystemTime, now: SystemTime) -> bool {
    let ahead = at.duration_since(latest(shared, now)).unwrap_or_default();
    ahead > Duration::from_millis(CLOCKS_DIFFER_MS) && shared.clock.elapsed() >= REREAD_TIME
}

/// When a withdrawal was last heard of, and the time of the look.
#[derive(Clone, Copy)]
struct Heard {
    at_ms: u64,
    now: SystemTime,
}

impl Heard {
    /// Whether it may be of a receipt with rows in a segment that was begun then. A time that nobody knows, or that is still
    /// to come by a clock that was set since, may be any.
    fn may_concern(self, begun_ms: Option<u64>) -> bool {
        let begun_ms = begun_ms.filter(|begun_ms| *begun_ms <= ms(self.now)).unwrap_or(0);
        self.at_ms.saturating_add(CLOCKS_DIFFER_MS) >= begun_ms
    }
}

fn ms(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// Leaves of a segment only the intact records that are not erased, if there is anything to be rid of.
fn erase(
    shared: &Shared,
    kept: &Quarantined,
    name: &Name,
    bytes: &[u8],
    scan: &Scan<'_>,
    heard: Heard,
    left: &dyn Fn(&StoredRecord<'_>) -> Option<Vec<Record>>,
) -> io::Result<bool> {
    let created_ms = segment::created_ms(name, bytes);
    let header = created_ms.map_or(0, |_| HEADER_BYTES);
    let readable = header + scan.frames.iter().map(ExactSizeIterator::len).sum::<usize>();
    let damaged = kept.bytes.saturating_sub(readable as u64);
    // A receipt that was known to be dead when the segment was begun has no row in it.
    let concerned = heard.may_concern(created_ms);

    let mut frames = Vec::new();
    let mut erased = 0;
    let instead: Vec<_> = scan.records.iter().rev().map(left).collect();
    for ((record, frame), instead) in scan.records.iter().zip(&scan.frames).zip(instead.into_iter().rev()) {
        let Some(instead) = instead else {
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
mod tests;
