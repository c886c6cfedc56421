//! The one thread that writes: takes what is queued, writes it in one go, syncs once, answers everyone (group commit).
//!
//! In: payloads, each with the place its answer goes to. Out: answers, and sealed segments in the backlog.
//! Invariant: an answer without error follows a successful `fdatasync` of the bytes it speaks of (and, for the first
//! of a segment, of the folder). A file whose sync failed, or that could not be cut after a failed write, is never
//! written again: it is left to the drain up to the length that was acknowledged.

mod failed;

use super::backlog::Shared;
use super::batches::{BatchMemory, IDS_MAX};
use super::disk::means_full;
use super::frame;
use super::pace::Pace;
use super::record::Table;
use super::segment::{self, Name, Sealed, State};
use super::space::Space;
use super::{AppendError, Appended, SEGMENT_BYTES_MAX, SpoolOptions};
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use wire::BatchId;

use failed::{TRY_INTERVAL, Unmarked};

/// Most bytes that are written before a sync, so that nobody's answer waits for everybody's.
const GROUP_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// A segment is full too when its rows, whole as the store gets them, are so many times its largest size: whoever drains it
/// holds them in memory.
const ROWS_SHARE_MAX: u64 = 2;
/// How often it is told that ids are forgotten early.
const FORGOT_INTERVAL: Duration = Duration::from_secs(10 * 60);

pub(crate) type Answer = oneshot::Sender<Result<Appended, AppendError>>;

/// One record on its way to the disk.
pub(crate) struct Append {
    pub(crate) table: Table,
    pub(crate) batch: Option<BatchId>,
    pub(crate) payload: Vec<u8>,
    /// Bytes of its rows as the store gets them, each whole.
    pub(crate) rows_bytes: u64,
    pub(crate) answer: Answer,
}

/// What the writer can be asked.
pub(crate) enum Command {
    Append(Append),
    /// Seals the open segment and answers with the sequence that everything appended so far is sealed under.
    Seal(oneshot::Sender<u64>),
}

struct Open {
    file: File,
    name: Name,
    path: PathBuf,
    created_ms: u64,
    since: Instant,
    /// Length up to which the file is on disk.
    durable: u64,
    /// Bytes of its rows as the store gets them.
    rows_bytes: u64,
}

/// See the module.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    options: SpoolOptions,
    batches: BatchMemory,
    open: Option<Open>,
    next_sequence: u64,
    group: Vec<u8>,
    /// When a full disk was last found full.
    full_at: Option<Instant>,
    /// A failed file that keeps the spool from taking anything, and when it was last looked for.
    unmarked: Option<(Unmarked, Instant)>,
    space: Space,
    /// When it was last told that ids are forgotten early.
    forgot_at: Option<Instant>,
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        options: SpoolOptions,
        batches: BatchMemory,
        next_sequence: u64,
    ) -> Self {
        let (open, group) = (None, Vec::new());
        let (full_at, unmarked, forgot_at, space) = (None, None, None, Space::default());
        Writer { shared, options, batches, open, next_sequence, group, full_at, unmarked, space, forgot_at }
    }

    /// Runs until every sender is gone, then seals.
    pub(crate) fn run(mut self, commands: &Receiver<Command>) {
        let mut pace = Pace::new(Instant::now());
        loop {
            let received = self.receive(commands);
            // Whatever it does now, it does with the disk.
            self.shared.busy_since_ms.store(self.shared.clock.now_ms(), Ordering::Relaxed);
            match received {
                Ok(Command::Append(first)) => {
                    let begun = Instant::now();
                    let (group, seal) = self.gather(first, commands);
                    let interval = pace.interval(begun, group.len());
                    self.commit(group);
                    match seal {
                        // No pause after a group: whoever came while a slow disk kept one waiting has waited.
                        None => std::thread::sleep(interval.saturating_sub(begun.elapsed())),
                        Some(answer) => self.seal_and_tell(answer),
                    }
                }
                Ok(Command::Seal(answer)) => self.seal_and_tell(answer),
                Err(RecvTimeoutError::Timeout) => {
                    self.space.is_scarce(&self.shared);
                    self.seal_if_old();
                }
                Err(RecvTimeoutError::Disconnected) => return self.seal(),
            }
            self.look_for_room();
            self.look_for_unmarked();
            self.shared.busy_since_ms.store(0, Ordering::Relaxed);
        }
    }

    fn receive(&self, commands: &Receiver<Command>) -> Result<Command, RecvTimeoutError> {
        let seal = self.open.as_ref().map(|open| {
            let age = open.since.elapsed();
            // While older segments wait, sealing by age is looked at again after another such time.
            self.options.segment_age.checked_sub(age).unwrap_or(self.options.segment_age)
        });
        let tried = self.full_at.into_iter().chain(self.unmarked.as_ref().map(|(_, at)| *at));
        let again = tried.map(|at| TRY_INTERVAL.saturating_sub(at.elapsed()));
        match seal.into_iter().chain(again).chain(self.space.wait()).min() {
            None => commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(wait) => commands.recv_timeout(wait),
        }
    }

    /// Takes what is queued already, up to the size of a group or the wish to seal.
    fn gather(
        &self,
        first: Append,
        commands: &Receiver<Command>,
    ) -> (Vec<Append>, Option<oneshot::Sender<u64>>) {
        let mut bytes = size(&first);
        let mut group = vec![first];
        while bytes < GROUP_BYTES_MAX {
            match commands.try_recv() {
                Ok(Command::Append(append)) => {
                    bytes += size(&append);
                    group.push(append);
                }
                Ok(Command::Seal(answer)) => return (group, Some(answer)),
                Err(_) => break,
            }
        }
        (group, None)
    }

    fn commit(&mut self, group: Vec<Append>) {
        let taken: u64 = group.iter().map(|append| append.payload.len() as u64).sum();
        self.shared.queued_bytes.fetch_sub(taken, Ordering::Relaxed);
        self.batches.forget(self.shared.clock.now_ms());

        self.group.clear();
        let mut fresh: HashSet<BatchId> = HashSet::new();
        let mut waiting: Vec<(Answer, Appended)> = Vec::with_capacity(group.len());
        for append in group {
            match self.place(&append, &mut fresh) {
                Ok(Placed::Durable) => tell(append.answer, Ok(Appended::Repeated)),
                Ok(Placed::Here(appended)) => waiting.push((append.answer, appended)),
                Err(error) => tell(append.answer, Err(error)),
            }
        }
        if waiting.is_empty() {
            return;
        }
        let begun = Instant::now();
        let written = self.write_group();
        self.shared.writes.observe(begun.elapsed());
        if written.is_ok() {
            let now_ms = self.shared.clock.now_ms();
            fresh.into_iter().for_each(|id| self.batches.remember(id, now_ms));
            self.count_forgotten();
        }
        for (answer, appended) in waiting {
            tell(answer, written.map(|()| appended));
        }
        self.seal_if_due();
    }

    /// Tells of ids that had to be forgotten early, once in a while.
    fn count_forgotten(&mut self) {
        let early = self.batches.take_forgotten_early();
        if early == 0 {
            return;
        }
        self.shared.count_forgotten_early(early);
        if self.forgot_at.is_none_or(|at| at.elapsed() >= FORGOT_INTERVAL) {
            self.forgot_at = Some(Instant::now());
            tracing::warn!(
                remembered_max = IDS_MAX,
                "More batches come than ids of them are remembered for fifteen minutes; the oldest are forgotten earlier, and a late retry of one of these is taken as a new batch."
            );
        }
    }

    /// Puts a record into the group, unless it is known, does not fit, or there is nowhere to write.
    fn place(&mut self, append: &Append, fresh: &mut HashSet<BatchId>) -> Result<Placed, AppendError> {
        if let Some(id) = append.batch {
            if self.batches.knows(id) {
                return Ok(Placed::Durable);
            }
            if fresh.contains(&id) {
                return Ok(Placed::Here(Appended::Repeated));
            }
        }
        if self.shared.broken.load(Ordering::Relaxed) {
            return Err(AppendError::Broken);
        }
        if !SpoolOptions::is_kept_for(append.table) && self.space.is_scarce(&self.shared) {
            return Err(AppendError::Full);
        }
        let size = frame::size(&append.payload);
        if self.shared.bytes() + self.group.len() as u64 + size > self.options.room(append.table) {
            return Err(AppendError::Full);
        }
        let segment_id = self.open_segment()?;
        frame::write(&mut self.group, segment_id, &append.payload);
        if let Some(open) = &mut self.open {
            open.rows_bytes += append.rows_bytes;
        }
        fresh.extend(append.batch);
        Ok(Placed::Here(Appended::Fresh))
    }

    /// The id of the open segment; begins one where there is none.
    fn open_segment(&mut self) -> Result<u64, AppendError> {
        if let Some(open) = &self.open {
            return Ok(open.name.id);
        }
        let id =
            getrandom::u64().map_err(|error| self.failed(&io::Error::other(error), "begin a segment"))?;
        let name = Name { sequence: self.next_sequence, id, limit: None, state: State::Open };
        let path = self.shared.folder.join(name.to_string());
        let created = self.shared.disk.create(&path);
        let file = created.map_err(|error| self.failed(&error, "begin a segment"))?;
        let created_ms = self.shared.clock.wall_ms();
        self.next_sequence += 1;
        // The header goes to disk with the first group.
        self.group.extend(segment::header(&name, created_ms));
        self.shared.began(created_ms);
        self.open =
            Some(Open { file, name, path, created_ms, since: Instant::now(), durable: 0, rows_bytes: 0 });
        Ok(id)
    }

    fn write_group(&mut self) -> Result<(), AppendError> {
        let Some(open) = &mut self.open else { return Err(AppendError::Broken) };
        let disk = &self.shared.disk;
        if let Err(error) = disk.append(&mut open.file, &self.group) {
            let cut = disk.truncate(&open.file, open.durable);
            if open.durable == 0 || cut.is_err() || !means_full(&error) {
                self.abandon();
            }
            return Err(self.failed(&error, "write"));
        }
        let mut synced = disk.sync_data(&open.file);
        if synced.is_ok() && open.durable == 0 {
            synced = disk.sync_directory(&self.shared.folder);
        }
        if let Err(error) = synced {
            self.abandon();
            return Err(self.failed(&error, "sync"));
        }
        open.durable += self.group.len() as u64;
        self.shared.add_bytes(self.group.len() as u64);
        Ok(())
    }

    fn seal_if_due(&mut self) {
        let bytes_max = self.options.segment_bytes;
        let rows_bytes_max = (ROWS_SHARE_MAX * bytes_max).min(SEGMENT_BYTES_MAX);
        let is_full = |open: &Open| open.durable >= bytes_max || open.rows_bytes >= rows_bytes_max;
        if self.open.as_ref().is_some_and(is_full) {
            self.seal();
        } else {
            self.seal_if_old();
        }
    }

    /// By age only once nothing older waits: during an outage a second's worth of rows would be one insert each, and
    /// catching up would take as long as the outage.
    fn seal_if_old(&mut self) {
        let old = self.open.as_ref().is_some_and(|open| open.since.elapsed() >= self.options.segment_age);
        if old && self.shared.oldest().is_none() {
            self.seal();
        }
    }

    fn seal(&mut self) {
        let Some(open) = self.open.take() else { return };
        let sealed = Name { state: State::Sealed, ..open.name };
        let mut segment = Sealed::in_folder(&self.shared.folder, sealed, open.durable, open.created_ms);
        let disk = &self.shared.disk;
        match disk.rename(&open.path, &segment.path) {
            Ok(()) => {
                if let Err(error) = disk.sync_directory(&self.shared.folder) {
                    tracing::warn!(%error, "A segment's new name may not be on disk; its content is.");
                }
            }
            Err(error) => {
                tracing::warn!(%error, "A segment could not be renamed; it is drained under its old name.");
                segment.path = open.path;
            }
        }
        self.shared.sealed(segment);
    }

    fn seal_and_tell(&mut self, answer: oneshot::Sender<u64>) {
        self.seal();
        if answer.send(self.next_sequence - 1).is_err() {
            tracing::trace!("Whoever asked to seal did not wait for it.");
        }
    }
}

/// What a record counts in a group: its frame, or the share of the rows that whoever drains them holds in memory.
fn size(append: &Append) -> u64 {
    frame::size(&append.payload).max(append.rows_bytes / ROWS_SHARE_MAX)
}

enum Placed {
    /// On disk since an earlier group.
    Durable,
    /// On disk once this group is.
    Here(Appended),
}

fn tell(answer: Answer, result: Result<Appended, AppendError>) {
    if answer.send(result).is_err() {
        tracing::trace!("A browser hung up before its answer; its retry finds the batch id.");
    }
}
