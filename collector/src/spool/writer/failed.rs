//! What the writer does about a disk that fails, and how it finds out that it does no longer.
//!
//! In: errors of the disk. Out: what to answer, and files that are left to the drain up to what was acknowledged of them.
//! Invariant: a retry of what was not acknowledged is taken only once its first writing cannot appear any more.

use super::Writer;
use crate::spool::AppendError;
use crate::spool::disk::{DRAFT_SUFFIX, means_full, remove_if_there};
use crate::spool::frame::{self, RECORD_BYTES_MAX};
use crate::spool::segment::{Name, Sealed, State};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often a disk that failed is tried again by itself.
pub(super) const TRY_INTERVAL: Duration = Duration::from_secs(1);

/// A failed file whose name does not tell how far it was acknowledged.
pub(super) enum Unmarked {
    /// Nothing of it was: it should be gone.
    Nothing(PathBuf),
    /// A segment of this id: gone once it was drained or set aside.
    Waits(u64),
}

impl Writer {
    /// Finds out whether a full disk has room again for the largest record, by writing one: neither a quota nor a file's
    /// largest size can be asked for.
    pub(super) fn look_for_room(&mut self) {
        if self.full_at.is_none_or(|at| at.elapsed() < TRY_INTERVAL) {
            return;
        }
        let (path, disk) = (self.draft(), &self.shared.disk);
        let written = disk
            .create(&path)
            .and_then(|mut file| disk.append(&mut file, &vec![0; frame::HEAD_BYTES + RECORD_BYTES_MAX]));
        let room = remove_if_there(&**disk, &path).and(written);
        self.full_at = room.is_err().then(Instant::now);
        if room.is_ok() {
            tracing::info!("The disk has room for the spool again.");
            self.shared.no_room.store(false, Ordering::Relaxed);
        }
    }

    /// A file that is no segment.
    fn draft(&self) -> PathBuf {
        let name = Name { sequence: self.next_sequence, id: 0, limit: None, state: State::Sealed };
        self.shared.folder.join(format!("{name}{DRAFT_SUFFIX}"))
    }

    /// Finds out whether a failed file that could not be marked is gone.
    pub(super) fn look_for_unmarked(&mut self) {
        let (draft, shared) = (self.draft(), &self.shared);
        let Some((unmarked, at)) = self.unmarked.as_mut().filter(|(_, at)| at.elapsed() >= TRY_INTERVAL)
        else {
            return;
        };
        *at = Instant::now();
        let is_gone = match unmarked {
            Unmarked::Waits(id) => !shared.waits(*id),
            Unmarked::Nothing(path) => remove_if_there(&*shared.disk, path).is_ok(),
        };
        // A folder in which nothing changed since a sync of it failed may have nothing to sync, and say that it did.
        let changed = || shared.disk.create(&draft).and_then(|_| shared.disk.remove(&draft));
        if is_gone && changed().and_then(|()| shared.disk.sync_directory(&shared.folder)).is_ok() {
            self.unmarked = None;
            tracing::info!("The failed segment of the spool is gone; records are taken again.");
            shared.broken.store(false, Ordering::Relaxed);
        }
    }

    /// What to answer. A full disk is told once, until it has room again.
    pub(super) fn failed(&mut self, error: &io::Error, doing: &str) -> AppendError {
        if !means_full(error) {
            tracing::error!(%error, doing, "The spool could not reach the disk; nothing of the group was acknowledged.");
            return AppendError::Broken;
        }
        if !self.shared.no_room.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, doing, "The disk has no room for the spool; browsers are told to come back.");
        }
        self.full_at = Some(Instant::now());
        AppendError::Full
    }

    /// Leaves a file that failed to the drain, up to the length that was acknowledged.
    pub(super) fn abandon(&mut self) {
        let Some(open) = self.open.take() else { return };
        let disk = &self.shared.disk;
        let name = Name { limit: Some(open.durable), state: State::Sealed, ..open.name };
        let mut segment = Sealed::in_folder(&self.shared.folder, name, open.durable, open.created_ms);
        let nothing_acknowledged = open.durable == 0;
        let marked = match nothing_acknowledged {
            true => disk.remove(&open.path),
            false => disk.rename(&open.path, &segment.path),
        };
        if marked.is_err() {
            segment.path.clone_from(&open.path);
        }
        if let Err(error) = marked.and_then(|()| disk.sync_directory(&self.shared.folder)) {
            // A crash now, and what was not acknowledged of that file is read as if it were, which is right only if no
            // retry of it is taken before that.
            tracing::error!(%error, "The spool cannot mark a failed segment; it takes nothing until that is gone.");
            self.shared.broken.store(true, Ordering::Relaxed);
            let file =
                if nothing_acknowledged { Unmarked::Nothing(open.path) } else { Unmarked::Waits(name.id) };
            self.unmarked = Some((file, Instant::now()));
        }
        match nothing_acknowledged {
            true => self.shared.discarded(),
            false => self.shared.sealed(segment),
        }
    }
}
