//! What the writer, the drain and everyone who asks share: the segments that wait, the bytes on disk, the clock.
//!
//! In: sealed segments from the writer, finished ones from the drain. Out: the oldest one that waits, the depth, and
//! wake-ups for those who wait for either. Invariant: a segment leaves the backlog only after the store holds its
//! rows ([`Shared::finish`]), or its file is kept in quarantine or was gone ([`Shared::set_aside`]).

use super::answer::STALL_TIME_MAX;
use super::clock::Clock;
use super::disk::{Disk, means_full, remove_if_there};
use super::done::{self, StoredBatch};
use super::quarantine;
use super::segment::{Name, Sealed, State};
use super::unread::{Place, Unread};
use crate::metrics::Histogram;
use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use wire::limits::BATCH_MEMORY_MS;

/// How much waits to be drained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Segments that hold rows the store has not confirmed, the open one included.
    pub segments: u64,
    /// Bytes that the whole spool takes on disk, quarantine included.
    pub bytes: u64,
    /// Age of the oldest of those segments.
    pub oldest_age: Duration,
    /// Segments that were kept in quarantine since the spool was opened.
    pub quarantined: u64,
    /// Ids of batches that were forgotten before their fifteen minutes were over, because more came than are remembered.
    pub forgotten_early: u64,
    /// Segments whose files were gone before the store held all their rows.
    pub lost: u64,
    /// How long the drain is behind: the age of the oldest segment that is complete.
    pub drain_lag: Duration,
}

/// What became of a segment that is not to be drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aside {
    /// Its file is in quarantine.
    Kept,
    /// Something else removed its file.
    Gone,
}

struct Done {
    path: PathBuf,
    bytes: u64,
    expires_ms: u64,
}

#[derive(Default)]
struct Backlog {
    sealed: VecDeque<Arc<Sealed>>,
    open_since_ms: Option<u64>,
    done: VecDeque<Done>,
    done_bytes: u64,
    /// It was told that ids had to make room.
    done_told: bool,
}

impl Backlog {
    fn take_oldest_done(&mut self) -> Option<Done> {
        let oldest = self.done.pop_front()?;
        self.done_bytes -= oldest.bytes;
        Some(oldest)
    }
}

/// Of the largest size of the spool, one part in this many may be ids of drained batches. By default it is more than
/// [`super::batches::IDS_MAX`] of them take.
const DONE_DIVISOR: u64 = 8;
/// Most bytes of ids of drained batches, however large the spool may be: as many as are known at once, and the files' heads.
const DONE_BYTES_MAX: u64 = 17 * super::batches::IDS_MAX as u64;

/// See the module.
pub(crate) struct Shared {
    pub(crate) folder: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: Clock,
    /// Bytes of records that were handed to the writer and not taken by it yet.
    pub(crate) queued_bytes: AtomicU64,
    /// The folder could not be trusted with a name; nothing is taken until what should have had it is gone.
    pub(crate) broken: AtomicBool,
    /// The disk had no room, and has none yet for a record of any size.
    pub(crate) no_room: AtomicBool,
    /// What room the disk has is for decisions.
    pub(crate) scarce: AtomicBool,
    /// Since when the writer has had something to do with the disk; zero while it has not.
    pub(crate) busy_since_ms: AtomicU64,
    /// How long a group takes from memory to the disk.
    pub(crate) writes: Histogram,
    bytes: AtomicU64,
    done_bytes_max: u64,
    quarantined: AtomicU64,
    forgotten_early: AtomicU64,
    lost: AtomicU64,
    /// Where the folder was when it was opened.
    place: Option<Place>,
    backlog: Mutex<Backlog>,
    /// Held by whoever takes a sealed segment's file away or puts another in its place.
    files: Mutex<()>,
    changed: watch::Sender<()>,
}

impl Shared {
    pub(crate) fn new(folder: PathBuf, bytes_max: u64, disk: Arc<dyn Disk>) -> Self {
        Shared {
            place: Place::of(&folder),
            folder,
            disk,
            clock: Clock::start(),
            queued_bytes: AtomicU64::new(0),
            broken: AtomicBool::new(false),
            no_room: AtomicBool::new(false),
            scarce: AtomicBool::new(false),
            busy_since_ms: AtomicU64::new(0),
            writes: Histogram::default(),
            bytes: AtomicU64::new(0),
            done_bytes_max: DONE_BYTES_MAX.min(bytes_max / DONE_DIVISOR),
            quarantined: AtomicU64::new(0),
            forgotten_early: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            backlog: Mutex::default(),
            files: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }

    pub(crate) fn files(&self) -> MutexGuard<'_, ()> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn backlog(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn subtract_bytes(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(crate) fn count_quarantined(&self) {
        self.quarantined.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_forgotten_early(&self, ids: u64) {
        self.forgotten_early.fetch_add(ids, Ordering::Relaxed);
    }

    pub(crate) fn depth(&self) -> Depth {
        let backlog = self.backlog();
        let age = |at_ms: u64| Duration::from_millis(self.clock.wall_ms().saturating_sub(at_ms));
        let sealed = backlog.sealed.front().map(|segment| segment.created_ms);
        Depth {
            segments: backlog.sealed.len() as u64 + u64::from(backlog.open_since_ms.is_some()),
            bytes: self.bytes(),
            oldest_age: sealed.or(backlog.open_since_ms).map_or(Duration::ZERO, age),
            drain_lag: sealed.map_or(Duration::ZERO, age),
            quarantined: self.quarantined.load(Ordering::Relaxed),
            forgotten_early: self.forgotten_early.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn began(&self, created_ms: u64) {
        self.backlog().open_since_ms = Some(created_ms);
    }

    pub(crate) fn discarded(&self) {
        self.backlog().open_since_ms = None;
    }

    pub(crate) fn sealed(&self, segment: Sealed) {
        let mut backlog = self.backlog();
        backlog.open_since_ms = None;
        backlog.sealed.push_back(Arc::new(segment));
        drop(backlog);
        self.changed.send_replace(());
    }

    pub(crate) fn oldest(&self) -> Option<Arc<Sealed>> {
        self.backlog().sealed.front().cloned()
    }

    pub(crate) fn behind_oldest(&self, max: usize) -> Vec<Arc<Sealed>> {
        self.backlog().sealed.iter().skip(1).take(max).cloned().collect()
    }

    pub(crate) fn open_since_ms(&self) -> Option<u64> {
        self.backlog().open_since_ms
    }

    pub(crate) fn waits(&self, id: u64) -> bool {
        self.backlog().sealed.iter().any(|waiting| waiting.name.id == id)
    }

    pub(crate) fn waiting(&self) -> Vec<Arc<Sealed>> {
        self.backlog().sealed.iter().cloned().collect()
    }

    /// Waits until the answer is something. Asks again after each change of the backlog.
    pub(crate) async fn wait<T>(&self, mut ask: impl FnMut(Option<Arc<Sealed>>) -> Option<T>) -> T {
        let mut changes = self.changed.subscribe();
        loop {
            if let Some(answer) = ask(self.oldest()) {
                return answer;
            }
            // The sender lives in `self`, so this ends with a change.
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Whether the disk has not answered for too long.
    pub(crate) fn is_stalled(&self) -> bool {
        let since_ms = self.busy_since_ms.load(Ordering::Relaxed);
        since_ms != 0 && u128::from(self.clock.now_ms().saturating_sub(since_ms)) > STALL_TIME_MAX.as_millis()
    }

    /// The store holds the rows: keeps the ids of the batches and removes the rows. Those of a damaged segment stand under
    /// an id that is no segment's, as in [`Shared::set_aside`]: the file may be mended and brought back.
    pub(crate) fn finish(&self, segment: &Sealed, batches: &[StoredBatch], damaged: bool) -> io::Result<()> {
        self.forget_expired();
        let _files = self.files();
        let id = if damaged || segment.salvaged { !segment.name.id } else { segment.name.id };
        let name = Name { id, limit: None, state: State::Done, ..segment.name };
        if let Err(error) = self.keep_batches(name, segment, batches) {
            if !means_full(&error) {
                return Err(error);
            }
            // On a full disk the ids find room once the rows are gone.
            tracing::warn!(%error, "The ids of drained batches could not be written before their rows were removed.");
            remove_if_there(&*self.disk, &segment.path)?;
            if let Err(error) = self.keep_batches(name, segment, batches) {
                tracing::error!(%error, "The ids of drained batches could not be written; a restart forgets them.");
            }
        }
        remove_if_there(&*self.disk, &segment.path)?;
        self.left(segment);
        Ok(())
    }

    /// The segment cannot be drained: moves the file out of the way, where it is kept. The ids of its batches stand under
    /// an id that is no segment's, so that a start after the file was brought back does not take it for drained.
    pub(crate) fn set_aside(&self, segment: &Sealed, batches: &[StoredBatch]) -> io::Result<Aside> {
        let _files = self.files();
        let aside = match quarantine::take(self, &segment.path, &segment.name) {
            Ok(()) => Aside::Kept,
            Err(error) if error.kind() == io::ErrorKind::NotFound && is_gone(segment) => Aside::Gone,
            Err(error) => return Err(error),
        };
        let name = Name { id: !segment.name.id, limit: None, state: State::Done, ..segment.name };
        if let Err(error) = self.keep_batches(name, segment, batches) {
            if !means_full(&error) {
                return Err(error);
            }
            tracing::error!(%error, "The ids of a segment's batches could not be written; a restart forgets them.");
        }
        remove_if_there(&*self.disk, &segment.path)?;
        if aside == Aside::Gone {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        self.left(segment);
        Ok(aside)
    }

    /// What an answer of the disk about a segment's file blames.
    pub(crate) fn unread(&self, error: io::Error, file: &Path) -> Unread {
        match Unread::of(error, &self.folder, self.place) {
            // Whoever may mend it has to know of which file it is said.
            Unread::Passing(error) => {
                Unread::Passing(io::Error::new(error.kind(), format!("{}: {error}", file.display())))
            }
            blamed => blamed,
        }
    }

    /// The segment's file is removed. Should that not be on disk, a loss of power brings it back, and the store or the
    /// quarantine is found to hold it: no reason to try again without a file.
    fn left(&self, segment: &Sealed) {
        if let Err(error) = self.disk.sync_directory(&self.folder) {
            tracing::warn!(%error, "The spool's folder could not be synced after a segment was removed from it.");
        }
        // A file that was brought back from quarantine may have another's sequence.
        self.backlog().sealed.retain(|waiting| waiting.name.id != segment.name.id);
        self.changed.send_replace(());
        self.subtract_bytes(segment.bytes);
    }

    fn keep_batches(&self, name: Name, segment: &Sealed, batches: &[StoredBatch]) -> io::Result<()> {
        let Some((bytes, newest_ms)) = done::encode(&name, segment.created_ms, batches, &self.clock) else {
            return Ok(());
        };
        let path = self.folder.join(name.to_string());
        super::disk::write_whole(&*self.disk, &path, &bytes)?;
        self.remember_done(path, bytes.len() as u64, newest_ms);
        Ok(())
    }

    pub(crate) fn remember_done(&self, path: PathBuf, bytes: u64, newest_ms: u64) {
        let mut backlog = self.backlog();
        if backlog.done.iter().any(|done| done.path == path) {
            return;
        }
        self.add_bytes(bytes);
        backlog.done_bytes += bytes;
        backlog.done.push_back(Done { path, bytes, expires_ms: newest_ms + BATCH_MEMORY_MS });
        let mut crowded_out = Vec::new();
        while backlog.done_bytes > self.done_bytes_max && backlog.done.len() > 1 {
            if !backlog.done_told {
                tracing::warn!(
                    bytes_max = self.done_bytes_max,
                    "The ids of drained batches take all the room there is for them; after a restart the oldest of the last fifteen minutes would not be known."
                );
                backlog.done_told = true;
            }
            crowded_out.extend(backlog.take_oldest_done());
        }
        drop(backlog);
        self.remove_done(crowded_out);
    }

    fn remove_done(&self, files: Vec<Done>) {
        for done in files {
            match remove_if_there(&*self.disk, &done.path) {
                Ok(()) => self.subtract_bytes(done.bytes),
                Err(error) => tracing::warn!(%error, "A file of expired batch ids could not be removed."),
            }
        }
    }

    /// Removes the ids of batches that no browser repeats any more.
    pub(crate) fn forget_expired(&self) {
        let now_ms = self.clock.now_ms();
        let mut backlog = self.backlog();
        let mut expired = Vec::new();
        while backlog.done.front().is_some_and(|oldest| oldest.expires_ms <= now_ms) {
            expired.extend(backlog.take_oldest_done());
        }
        drop(backlog);
        self.remove_done(expired);
    }
}

fn is_gone(segment: &Sealed) -> bool {
    fs::symlink_metadata(&segment.path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}
