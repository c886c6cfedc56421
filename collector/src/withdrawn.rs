//! The receipts that are dead: withdrawn here, or at another collector and heard of through the store.
//!
//! In: the ids of withdrawn receipts, and whether their visitors had the decisions erased too. Out: whether one is dead,
//! for each batch and each row that is drained; whether the ledger's rows of one are erased. The list is kept in a file
//! of its own, so that a restart knows it while the store is away, and a restored store is told what it forgot.
//!
//! Invariant: a receipt that was killed is dead at once, and stays dead over a restart: until [`Withdrawn::save`] its
//! decision is in the spool, from which the list is completed on start, and the drain saves before a decision leaves
//! the spool. But on a full disk the spool has to make room: then the decision is in the store alone until there is room for
//! the list, and a start in between hears of it when it first asks the store, before it inserts a row. A damaged entry costs
//! itself alone and comes back with the next look into the store.

use crate::spool::disk::{Disk, RealDisk, means_full, write_whole};
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::Notify;

/// How long a dead receipt is listed: longer than any receipt is valid (thirteen months at most).
pub const DEAD_TIME: Duration = Duration::from_secs(DEAD_DAYS as u64 * 24 * 60 * 60);
/// The same in days.
pub const DEAD_DAYS: u16 = 400;

/// Before the first collector ran, in milliseconds since 1970 (1 January 2025): a time before it is of a clock that was
/// wrong. A death of such a time is dated anew, or it would be forgotten once the clock is right.
pub(crate) const FIRST_MS: u64 = 1_735_689_600_000;

const FILE: &str = "withdrawn";
const MAGIC: &[u8; 8] = b"kruimelw";
/// `id u64 | at_ms u64 | CRC-32`, little-endian. The highest bit of the time says that the ledger's rows are erased too.
const ENTRY_BYTES: usize = 20;
const ERASED_BIT: u64 = 1 << 63;

/// The list could not be opened.
#[derive(Debug, Error)]
#[error("the list of withdrawn receipts {path} cannot be used: {source}")]
pub struct WithdrawnError {
    path: PathBuf,
    source: io::Error,
}

/// A handle to the list. Clones share it.
#[derive(Clone)]
pub struct Withdrawn {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    dead: RwLock<HashMap<u64, Death>>,
    pending: Mutex<Pending>,
    file: Mutex<File>,
    /// When a withdrawal was last heard of, in milliseconds since 1970; 0 for never.
    heard_ms: AtomicU64,
    killed: Notify,
}

/// What a decision says of an earlier receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The receipt.
    pub consent_id: u64,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// Whether the visitor had the ledger's rows erased too.
    pub erased: bool,
}

/// The end of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Death {
    /// When, in milliseconds since 1970.
    at_ms: u64,
    /// Whether the visitor had the ledger's rows erased too.
    erased: bool,
}

impl Death {
    fn dated(self) -> Death {
        if self.at_ms < FIRST_MS { Death { at_ms: now_ms(), ..self } } else { self }
    }
}

#[derive(Default)]
struct Pending {
    unsaved: Vec<(u64, Death)>,
    unerased: Vec<u64>,
    /// The file lists more than there is.
    forgotten: bool,
}

impl Withdrawn {
    /// Reads the list and adds what the spool's decisions kill, as [`crate::spool::Recovered::withdrawn`] tells.
    pub fn open(folder: &Path, recovered: &[Ended]) -> Result<Withdrawn, WithdrawnError> {
        let path = folder.join(FILE);
        Withdrawn::open_at(&path, recovered).map_err(|source| WithdrawnError { path, source })
    }

    fn open_at(path: &Path, recovered: &[Ended]) -> io::Result<Withdrawn> {
        let bytes = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            other => other?,
        };
        let mut dead: HashMap<u64, Death> = read(&bytes).collect();
        for ended in recovered {
            let death = Death { at_ms: ended.at_ms, erased: ended.erased };
            let known = dead.entry(ended.consent_id).or_insert(death);
            known.erased |= ended.erased;
        }
        dead.values_mut().for_each(|death| *death = death.dated());
        // What has expired is forgotten later: the clock of a machine that starts may be years ahead until it is set.
        dead.remove(&0);
        let whole = whole(&dead);
        let mut unsaved = Vec::new();
        match write_whole(&RealDisk, path, &whole) {
            // A start must not need room: what waits is drained, and makes some. Until then the list stays what it was.
            Err(error) if means_full(&error) => {
                tracing::error!(%error, "The list of withdrawn receipts could not be written; it is tried again.");
                unsaved.extend(dead.iter().map(|(id, death)| (*id, *death)));
            }
            written => written?,
        }
        let file = Mutex::new(OpenOptions::new().append(true).create(true).open(path)?);
        // Nobody knows how far the last run came with erasing, nor for how long the store was away before it ended.
        let unerased = dead.keys().copied().collect();
        // When each was heard of is not kept: it may have been a moment ago.
        let heard_ms = AtomicU64::new(if dead.is_empty() { 0 } else { now_ms() });
        let pending = Mutex::new(Pending { unsaved, unerased, forgotten: false });
        let inner = Inner {
            path: path.to_owned(),
            dead: RwLock::new(dead),
            pending,
            file,
            heard_ms,
            killed: Notify::new(),
        };
        Ok(Withdrawn { inner: Arc::new(inner) })
    }

    /// Whether the receipt is dead.
    pub fn is_dead(&self, consent_id: u64) -> bool {
        self.inner.dead.read().unwrap_or_else(PoisonError::into_inner).contains_key(&consent_id)
    }

    /// Makes the receipt dead from here on. Its decision is in the spool or in the store, so that a restart finds it.
    pub fn kill(&self, consent_id: u64, at_ms: u64) {
        self.end(Ended { consent_id, at_ms, erased: false });
    }

    /// The same, and the ledger's rows of the consent are erased wherever they are.
    pub fn erase(&self, consent_id: u64, at_ms: u64) {
        self.end(Ended { consent_id, at_ms, erased: true });
    }

    /// As a decision says, by [`Withdrawn::kill`] or [`Withdrawn::erase`].
    pub fn end(&self, Ended { consent_id, at_ms, erased }: Ended) {
        let death = Death { at_ms, erased }.dated();
        let mut dead = self.inner.dead.write().unwrap_or_else(PoisonError::into_inner);
        let before = dead.get(&consent_id).copied();
        if consent_id == 0 || before.is_some_and(|before| before.erased || !death.erased) {
            return;
        }
        dead.insert(consent_id, death);
        // Before anybody sees it dead: whoever saves after that saves it too.
        let mut pending = self.pending();
        pending.unsaved.push((consent_id, death));
        pending.unerased.push(consent_id);
        drop((pending, dead));
        self.inner.heard_ms.fetch_max(now_ms(), Ordering::Relaxed);
        self.inner.killed.notify_one();
    }

    /// Whether the ledger's rows of the consent are erased.
    pub fn is_erased(&self, consent_id: u64) -> bool {
        let dead = self.inner.dead.read().unwrap_or_else(PoisonError::into_inner);
        dead.get(&consent_id).is_some_and(|death| death.erased)
    }

    /// Every consent whose rows of the ledger are erased.
    pub fn erased(&self) -> Vec<u64> {
        let dead = self.inner.dead.read().unwrap_or_else(PoisonError::into_inner);
        dead.iter().filter(|(_, death)| death.erased).map(|(id, _)| *id).collect()
    }

    /// When a withdrawal was last heard of, in milliseconds since 1970. After a restart that may have been until then.
    pub fn heard_ms(&self) -> Option<u64> {
        Some(self.inner.heard_ms.load(Ordering::Relaxed)).filter(|at_ms| *at_ms != 0)
    }

    /// Whether the receipt was withdrawn, and since then, in milliseconds since 1970.
    pub fn has_died_since(&self, consent_id: u64, at_ms: u64) -> bool {
        let dead = self.inner.dead.read().unwrap_or_else(PoisonError::into_inner);
        dead.get(&consent_id).is_some_and(|death| death.at_ms >= at_ms)
    }

    /// Every receipt that is dead.
    pub fn all(&self) -> Vec<u64> {
        self.inner.dead.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    /// Puts what was killed since the last time on disk. Blocks on it.
    pub fn save(&self) -> io::Result<()> {
        // First: another one may be writing what is no longer noted as unsaved.
        let mut file = self.inner.file.lock().unwrap_or_else(PoisonError::into_inner);
        if self.pending().forgotten {
            let Err(error) = self.save_whole(&mut file) else { return Ok(()) };
            tracing::debug!(%error, "What was forgotten of the list of withdrawn receipts stays on disk for now.");
            // A full disk may have room for an entry, and the file may be another by now.
            *file = self.open_file()?;
            // It may be another one whose name is not on disk: what is added to it would be gone with the name.
            RealDisk.sync_directory(self.inner.path.parent().unwrap_or(Path::new(".")))?;
        }
        if self.pending().unsaved.is_empty() {
            return Ok(());
        }
        let found = file.metadata()?.len();
        // Where a start had no room, the file may have no head yet, or end in a torn entry.
        let length = whole_entries(found);
        let unsaved = std::mem::take(&mut self.pending().unsaved);
        let mut bytes = Vec::with_capacity(MAGIC.len() + unsaved.len() * ENTRY_BYTES);
        if length == 0 {
            bytes.extend_from_slice(MAGIC);
        }
        for (id, death) in &unsaved {
            write(&mut bytes, *id, *death);
        }
        let cut = if length < found { RealDisk.truncate(&file, length) } else { Ok(()) };
        let saved =
            cut.and_then(|()| RealDisk.append(&mut file, &bytes)).and_then(|()| RealDisk.sync_data(&file));
        if saved.is_err() {
            self.pending().unsaved.extend(unsaved);
            // A torn entry would shift those after it. Should this fail too, the next start drops what is torn.
            if let Err(error) = RealDisk.truncate(&file, length) {
                tracing::warn!(%error, "The list of withdrawn receipts may end in a torn entry.");
            }
        }
        saved
    }

    /// The same with a new file, without what was forgotten.
    fn save_whole(&self, file: &mut File) -> io::Result<()> {
        let unsaved = {
            let mut pending = self.pending();
            pending.forgotten = false;
            std::mem::take(&mut pending.unsaved)
        };
        let whole = whole(&self.inner.dead.read().unwrap_or_else(PoisonError::into_inner));
        let written = write_whole(&RealDisk, &self.inner.path, &whole).and_then(|()| self.open_file());
        match written {
            Ok(new) => {
                *file = new;
                Ok(())
            }
            Err(error) => {
                let mut pending = self.pending();
                pending.unsaved.extend(unsaved);
                pending.forgotten = true;
                Err(error)
            }
        }
    }

    fn open_file(&self) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).open(&self.inner.path)
    }

    /// Forgets those that no receipt outlives; the next [`Withdrawn::save`] takes them from the disk. To be called when the
    /// clock has had time to be set.
    pub(crate) fn forget_expired(&self) {
        let oldest_ms = now_ms().saturating_sub(DEAD_TIME.as_millis() as u64);
        let mut dead = self.inner.dead.write().unwrap_or_else(PoisonError::into_inner);
        let before = dead.len();
        dead.retain(|_, death| death.at_ms >= oldest_ms);
        self.pending().forgotten |= dead.len() < before;
    }

    /// The receipts killed since the last time this was asked; the first time every one that is listed.
    pub(crate) fn take_unerased(&self) -> Vec<u64> {
        std::mem::take(&mut self.pending().unerased)
    }

    /// Waits until a receipt is killed. One that was killed since the last wait counts.
    pub(crate) async fn killed(&self) {
        self.inner.killed.notified().await;
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.inner.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(out: &mut Vec<u8>, id: u64, death: Death) {
    let start = out.len();
    let erased = if death.erased { ERASED_BIT } else { 0 };
    out.extend_from_slice(&id.to_le_bytes());
    out.extend_from_slice(&(death.at_ms | erased).to_le_bytes());
    let sum = crc32fast::hash(&out[start..]);
    out.extend_from_slice(&sum.to_le_bytes());
}

/// Every entry that is whole.
fn read(bytes: &[u8]) -> impl Iterator<Item = (u64, Death)> {
    let entries = bytes.get(MAGIC.len()..).unwrap_or_default().chunks(ENTRY_BYTES);
    let read: Vec<Option<(u64, Death)>> = entries.map(read_entry).collect();
    let damaged = read.iter().filter(|entry| entry.is_none()).count();
    if damaged > 0 {
        tracing::error!(
            damaged,
            "Entries of the list of withdrawn receipts are damaged; the store is asked for them."
        );
    }
    read.into_iter().flatten()
}

/// Reads any bytes as the list, and checks that it names no more receipts than fit.
pub(crate) fn read_any(bytes: &[u8]) {
    assert!(read(bytes).count() <= bytes.len() / ENTRY_BYTES, "an entry takes room");
}

/// A list of two receipts.
#[cfg(test)]
pub(crate) fn sample() -> Vec<u8> {
    let death = Death { at_ms: FIRST_MS, erased: true };
    whole(&HashMap::from([(5, death), (6, death)]))
}

fn read_entry(entry: &[u8]) -> Option<(u64, Death)> {
    let (fields, sum) = entry.split_at_checked(ENTRY_BYTES - 4)?;
    let (id, at_ms) = fields.split_first_chunk::<8>()?;
    let at_ms = u64::from_le_bytes(*at_ms.first_chunk::<8>()?);
    let death = Death { at_ms: at_ms & !ERASED_BIT, erased: at_ms & ERASED_BIT != 0 };
    (sum == crc32fast::hash(fields).to_le_bytes()).then(|| (u64::from_le_bytes(*id), death))
}

/// How many of so many bytes are the head and whole entries.
fn whole_entries(bytes: u64) -> u64 {
    let entries = bytes.checked_sub(MAGIC.len() as u64);
    entries.map_or(0, |entries| bytes - entries % ENTRY_BYTES as u64)
}

/// The file's bytes.
fn whole(dead: &HashMap<u64, Death>) -> Vec<u8> {
    let mut whole = MAGIC.to_vec();
    dead.iter().for_each(|(id, death)| write(&mut whole, *id, *death));
    whole
}

pub(crate) fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests;
