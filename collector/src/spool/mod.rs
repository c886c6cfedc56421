//! The spool: rows that were acknowledged and are not in the store yet, on disk.
//!
//! # What it promises
//!
//! * **An answer is durable.** [`Spool::append`] answers [`Appended::Fresh`] after `fdatasync` of the record, and after
//!   `fsync` of the folder where the record began a file. Full disk, quota or cap: [`AppendError::Full`], and what was
//!   written of the record is cut away again. From then on the writer tries each second whether the largest record
//!   fits, and until it does [`Spool::intake`] says so. The last of a disk (64 MiB, or a 32nd of a small one) is kept for
//!   decisions, whoever took the rest (`space`). A disk that has not answered for five seconds is told by [`Spool::intake`]
//!   too, and nothing more is queued for it ([`Intake::Stalled`]).
//! * **A batch is kept once.** The ids of batches are remembered for fifteen minutes, also over a restart. A repeated
//!   one is answered [`Appended::Repeated`], and only once the first is durable. Not more than a million and a half are remembered
//!   (`batches`): where more come in fifteen minutes, the window gets shorter, and [`Depth::forgotten_early`] counts. A retry
//!   that comes after it is appended as one ([`Record::retry`]), and the drain sees to it that the store keeps one of the two.
//! * **Nothing leaves but to the store.** A segment's rows are removed by [`Spool::finish`], which the drain calls when
//!   the store holds them. What cannot be read, or holds rows that the store refuses, is kept in `quarantine/` for thirty
//!   days, counted and reported. A file that somebody else removed is counted and reported. A withdrawal reaches what is in
//!   quarantine, and segments that wait for the store too: their rows are overwritten with zeros in a new file of the same
//!   records ([`Spool::erase_waiting`]).
//! * **One writer.** The folder is locked; a second process is refused ([`SpoolError::InUse`]).
//!
//! # The files
//!
//! ```text
//! lock                             locked while a spool is open
//! <sequence>-<id>.open             the segment that is being written, at most one
//! <sequence>-<id>.sealed           complete, waits for the drain, oldest sequence first
//! <sequence>-<id>-<bytes>.sealed   the same, but its sync failed: readable up to that length and no further
//! <sequence>-<id>.done             in the store; holds the ids of its batches for fifteen minutes, and no row; all of these
//!                                  count as the spool's bytes, and take 26 MB and an eighth of `bytes_max` at most. That of
//!                                  a segment in quarantine, or of one that was damaged, has the id with each bit turned, so that the file may come back
//! quarantine/                      files that were damaged or that the store refused, for thirty days
//! ```
//!
//! A segment is a header (`segment`: magic, format version, id, sequence, time of creation) and frames (`frame`:
//! length, checksum, payload). Ids are random, so those of any number of collectors differ. A payload is one record in
//! `postcard` (`record`). A later format gets a higher version, and every earlier one is read forever: in version 1 each row
//! was whole, since version 2 (November 2026) what the rows of a record share is there once, and since version 3 (of the same
//! month) a record says whether its batch is a retry.
//!
//! # Life of a segment
//!
//! It is created with the first record, and sealed when it is large enough, or old enough and nothing older waits, or
//! when someone asks ([`Spool::seal`]). One thread writes (`writer`). After a failed sync nobody knows what is on
//! disk of the last group, and a second sync would not tell: the segment is renamed to carry the length that was
//! acknowledged and is never written again, everyone in the group is answered [`AppendError::Broken`], and the next
//! group begins another file. Where that name cannot be given nothing is taken until the segment was drained: a crash would
//! bring up what was not acknowledged of it, beside its retry.
//!
//! # After a crash
//!
//! `recover` reads every segment. A record at the end of the open one that was not written whole was never
//! acknowledged and is cut, and the rest of it is written anew: its last sync may have failed, and another one on the same
//! file would not tell. Anything else that cannot be read was acknowledged: the file is linked into `quarantine/`
//! and its other records are drained. Rows of a segment that was there on start may be in the store already; the drain
//! asks before it inserts them ([`Sealed::inherited`]).
//!
//! # Clocks
//!
//! The wall clock is read once, on start; see `clock`. Setting it while Kruimel runs moves nothing, and setting
//! it between runs, however often, makes the spool remember a batch's id for longer, never for less: a start leaves one
//! sequence out, so that the next one knows which stamps are of one clock.

mod answer;
mod any;
mod backlog;
mod batches;
mod clock;
mod contents;
pub mod disk;
mod done;
mod erase;
mod frame;
mod options;
mod pace;
#[cfg(test)]
mod power;
mod quarantine;
mod record;
mod recover;
mod segment;
mod space;
#[cfg(test)]
mod tests;
mod unread;
mod writer;

pub use answer::{AppendError, Appended, Intake, STALL_TIME_MAX, SpoolError};
pub use backlog::{Aside, Depth};
pub use contents::Contents;
pub use frame::RECORD_BYTES_MAX;
pub use options::{SEGMENT_BYTES_MAX, SpoolOptions};
pub use record::{Record, StoredRecord, Table};
pub use recover::{Recovered, rows_wait};
pub use segment::{FORMAT_VERSION, Sealed};
pub use unread::Unread;

pub(crate) use any::{done_any, record_any, scan_any, segment_of};
#[cfg(test)]
pub(crate) use any::{sample_batch, sample_done, sample_event, sample_segment};

use crate::metrics::Histogram;
use backlog::Shared;
use batches::BatchMemory;
use disk::{Disk, RealDisk};
use done::StoredBatch;
use quarantine::Withdrawals;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::oneshot;
use writer::{Append, Command, Writer};

/// Most records that wait for the writer.
const QUEUE_RECORDS_MAX: usize = 8 * 1024;
/// Most bytes of records that wait for the writer: what a disk that stopped answering may cost in memory.
const QUEUE_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// A handle to the open spool. Clones share it; when the last is dropped, what is queued is written and sealed.
#[derive(Clone)]
pub struct Spool {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    options: SpoolOptions,
    commands: Option<SyncSender<Command>>,
    writer: Option<JoinHandle<()>>,
    lock: File,
}

impl Drop for Inner {
    fn drop(&mut self) {
        drop(self.commands.take());
        if self.writer.take().is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("The spool's writer ended with a panic.");
        }
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, "The spool's lock is released only when the process ends.");
        }
    }
}

impl Spool {
    /// Opens the folder, creating it where it is missing, and recovers what an earlier run left.
    pub fn open(folder: &Path, options: SpoolOptions) -> Result<(Spool, Recovered), SpoolError> {
        Spool::open_on(folder, options, Arc::new(RealDisk))
    }

    /// The same on another [`Disk`].
    pub fn open_on(
        folder: &Path,
        options: SpoolOptions,
        disk: Arc<dyn Disk>,
    ) -> Result<(Spool, Recovered), SpoolError> {
        let lock = lock(folder)?;
        let shared = Arc::new(Shared::new(folder.to_owned(), options.bytes_max, disk));
        let mut batches = BatchMemory::default();
        let (recovered, next_sequence) = recover::recover(&shared, &mut batches)?;
        let (commands, queue) = sync_channel(QUEUE_RECORDS_MAX);
        let writer = Writer::new(Arc::clone(&shared), options, batches, next_sequence);
        let writer = thread::Builder::new()
            .name("spool".into())
            .spawn(move || writer.run(&queue))
            .map_err(|source| SpoolError::Disk { path: folder.to_owned(), source })?;
        let inner = Inner { shared, options, commands: Some(commands), writer: Some(writer), lock };
        Ok((Spool { inner: Arc::new(inner) }, recovered))
    }

    /// Appends a record. Returns when it is on disk, or is certain not to have been acknowledged.
    pub async fn append(&self, record: Record) -> Result<Appended, AppendError> {
        let payload =
            record::encode(&record, self.inner.shared.clock.wall_ms()).map_err(|_| AppendError::TooLarge)?;
        if payload.len() > RECORD_BYTES_MAX {
            return Err(AppendError::TooLarge);
        }
        if self.inner.shared.is_stalled() {
            return Err(AppendError::Full);
        }
        let Record { table, batch, rows, .. } = record;
        let rows_bytes = rows.size() as u64;
        // Given back at once, not when the disk has answered: by then hundreds of others would hold theirs.
        drop(rows);
        let size = payload.len() as u64;
        let queued = &self.inner.shared.queued_bytes;
        if queued.fetch_add(size, Ordering::Relaxed) + size > QUEUE_BYTES_MAX {
            queued.fetch_sub(size, Ordering::Relaxed);
            return Err(AppendError::Full);
        }
        let (answer, answered) = oneshot::channel();
        let append = Append { table, batch, payload, rows_bytes, answer };
        let commands = self.inner.commands.as_ref().ok_or(AppendError::Broken)?;
        if let Err(refused) = commands.try_send(Command::Append(append)) {
            queued.fetch_sub(size, Ordering::Relaxed);
            return Err(match refused {
                TrySendError::Full(_) => AppendError::Full,
                TrySendError::Disconnected(_) => AppendError::Broken,
            });
        }
        answered.await.unwrap_or(Err(AppendError::Broken))
    }

    /// Seals the open segment. Gives the highest sequence, under which everything appended so far is sealed.
    pub async fn seal(&self) -> u64 {
        let (answer, answered) = oneshot::channel();
        let mut command = Command::Seal(answer);
        while let Some(commands) = &self.inner.commands {
            command = match commands.try_send(command) {
                Err(TrySendError::Full(command)) => command,
                Err(TrySendError::Disconnected(_)) | Ok(()) => break,
            };
            tokio::task::yield_now().await;
        }
        // Without a writer everything that was appended is sealed already or was answered as broken.
        answered.await.unwrap_or(u64::MAX)
    }

    /// Waits until everything that was appended so far has left the spool, for the store or for quarantine.
    pub async fn settled(&self) {
        let through = self.seal().await;
        let gone = |oldest: Option<Arc<Sealed>>| {
            oldest.is_none_or(|oldest| oldest.sequence() > through).then_some(())
        };
        self.inner.shared.wait(gone).await;
    }

    /// How much waits. Cheap: no call to the disk.
    pub fn depth(&self) -> Depth {
        self.inner.shared.depth()
    }

    /// How long groups of records take from memory to the disk.
    pub fn writes(&self) -> &Histogram {
        &self.inner.shared.writes
    }

    /// Whether events are taken. Cheap: no call to the disk.
    pub fn intake(&self) -> Intake {
        let largest = (segment::HEADER_BYTES + frame::HEAD_BYTES + RECORD_BYTES_MAX) as u64;
        let shared = &self.inner.shared;
        // It ends with the spool; before that only where it panicked.
        let is_gone = self.inner.writer.as_ref().is_none_or(JoinHandle::is_finished);
        if is_gone || shared.broken.load(Ordering::Relaxed) {
            Intake::Broken
        } else if shared.is_stalled() {
            Intake::Stalled
        } else if shared.no_room.load(Ordering::Relaxed)
            || shared.scarce.load(Ordering::Relaxed)
            || shared.bytes() + largest > self.inner.options.room(Table::Events)
        {
            Intake::Full
        } else {
            Intake::Open
        }
    }

    /// The oldest sealed segment, as soon as there is one. It stays the oldest until it is finished or set aside.
    pub async fn oldest(&self) -> Arc<Sealed> {
        self.inner.shared.wait(|oldest| oldest).await
    }

    /// The oldest sealed segment, if there is one.
    pub fn oldest_now(&self) -> Option<Arc<Sealed>> {
        self.inner.shared.oldest()
    }

    /// The first sealed segments that wait behind the oldest, so many at most.
    pub(crate) fn behind_oldest(&self, max: usize) -> Vec<Arc<Sealed>> {
        self.inner.shared.behind_oldest(max)
    }

    /// Reads a segment, and gives its records, in the order they were appended, to `look`. What is damaged is kept in
    /// quarantine. Blocks on the disk.
    pub fn read<T>(
        &self,
        segment: &Sealed,
        look: impl FnOnce(&[StoredRecord<'_>]) -> T,
    ) -> Result<(Contents, T), Unread> {
        let shared = &self.inner.shared;
        let bytes = shared.disk.read(&segment.path).map_err(|error| shared.unread(error, &segment.path))?;
        let (records, damaged) = match segment::read(&segment.name, &bytes) {
            Ok(scan) => (scan.records, !scan.damage.is_empty() || scan.torn_from.is_some()),
            Err(segment::LaterVersion(_)) => (Vec::new(), true),
        };
        if damaged && !segment.salvaged {
            tracing::error!(file = %segment.path.display(), "A segment of the spool is damaged; it is kept in quarantine.");
            quarantine::keep(shared, &segment.path, &segment.name).map_err(Unread::Passing)?;
        }
        let batches = records.iter().filter_map(|record| Some((record.batch()?, record.at_ms))).collect();
        let found = look(&records);
        Ok((Contents { batches, damaged }, found))
    }

    /// The store holds every row of the segment: forgets them and keeps the ids of the batches. Blocks on the disk.
    /// May be repeated after an error.
    pub fn finish(&self, segment: &Sealed, contents: &Contents) -> io::Result<()> {
        self.inner.shared.finish(segment, &contents.batches, contents.damaged)
    }

    /// The segment cannot be read, or the store refuses it, for good: keeps its file in quarantine, and the ids of its
    /// batches as far as they are known. Blocks on the disk. May be repeated after an error.
    pub fn set_aside(&self, segment: &Sealed, batches: &[StoredBatch]) -> io::Result<Aside> {
        self.inner.shared.set_aside(segment, batches)
    }

    /// Deletes what was in quarantine for its time, and erases there what was withdrawn: of each record that is not to
    /// stay as it is, `left` says what is left, and what cannot be read of a segment goes unless it was begun after the
    /// last withdrawal was heard of, at `heard_ms`. Blocks on the disk.
    pub fn sweep_quarantine(
        &self,
        heard_ms: Option<u64>,
        left: impl Fn(&StoredRecord<'_>) -> Option<Vec<Record>>,
    ) -> io::Result<()> {
        quarantine::sweep(&self.inner.shared, &Withdrawals { heard_ms, left: &left })
    }

    /// Seals the open segment if it was begun so long ago: a withdrawal reaches only what is sealed, and so does the drain.
    pub async fn seal_rested(&self, age: Duration) {
        let open = self.inner.shared.open_since_ms();
        if open.is_some_and(|since_ms| erase::is_rested(&self.inner.shared, since_ms, age)) {
            self.seal().await;
        }
    }

    /// Erases rows of sealed segments that wait for so long: of each record `gone` names the places of rows that go. What
    /// cannot be read of such a segment goes too. Everything else stays where it is, the batches' ids included. Blocks on
    /// the disk.
    pub fn erase_waiting(&self, age: Duration, gone: impl Fn(&StoredRecord<'_>) -> Vec<usize>) {
        erase::waiting(&self.inner.shared, age, &gone);
    }

    /// Removes the ids of batches that no browser repeats any more. Blocks on the disk.
    pub fn forget_expired(&self) {
        self.inner.shared.forget_expired();
    }
}

fn lock(folder: &Path) -> Result<File, SpoolError> {
    let path = folder.join("lock");
    let disk = |source| SpoolError::Disk { path: path.clone(), source };
    disk::create_folder(folder).map_err(disk)?;
    let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(disk)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SpoolError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(disk(source)),
    }
}
