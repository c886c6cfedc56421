//! Appends decisions in the order of their chains, many to a sync.
//!
//! In: rows. Out: records in the spool, each a list of rows and links in turn; dead receipts where a row withdraws one.
//! Invariant: a place in a chain is taken only by a record that is on disk. One turn at a time composes what waits and
//! hands it to the spool; a record that does not get there leaves the chain where it was. A turn goes on when whoever
//! waits for its answer has gone.

mod chains;

use super::row::{ERASE, LedgerRow};
use crate::keys::random_u64;
use crate::spool::disk::{RealDisk, create_folder, write_whole};
use crate::spool::{AppendError, Intake, Spool};
use crate::withdrawn::Withdrawn;
use chains::Chains;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;
use wire::HexId;

/// Most decisions that wait for their turn.
const WAITING_MAX: usize = 4_096;
/// Most decisions of one record.
const RECORD_ROWS_MAX: usize = 128;
/// Bytes of rows beyond which a record takes no further one. A single row stays far below what a record may be.
const RECORD_ROWS_BYTES: usize = 256 * 1024;

const COLLECTOR_FILE: &str = "collector";
const HEADS_FILE: &str = "heads";

/// The ledger's files cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the ledger's file {path} cannot be read or written: {source}")]
pub struct LedgerError {
    path: PathBuf,
    source: io::Error,
}

/// A handle to the ledger of this collector. Clones share it.
#[derive(Clone)]
pub struct Ledger {
    inner: Arc<Inner>,
}

struct Inner {
    spool: Spool,
    withdrawn: Withdrawn,
    collector: u64,
    heads: PathBuf,
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<Chains>,
}

struct Waiting {
    row: LedgerRow,
    answer: oneshot::Sender<Result<(), AppendError>>,
}

impl Ledger {
    /// Opens the folder with the collector's id and the heads of its last chains.
    ///
    /// # Errors
    /// [`LedgerError`] where a file cannot be read or written.
    pub fn open(folder: &Path, spool: Spool, withdrawn: Withdrawn) -> Result<Ledger, LedgerError> {
        let at = |name: &str| folder.join(name);
        let wrong = |path: &Path, source| LedgerError { path: path.to_owned(), source };
        create_folder(folder).map_err(|source| wrong(folder, source))?;
        let collector =
            read_collector(&at(COLLECTOR_FILE)).map_err(|source| wrong(&at(COLLECTOR_FILE), source))?;
        let heads = at(HEADS_FILE);
        let chains = Chains::read(&heads).map_err(|source| wrong(&heads, source))?;
        let (waiting, turn) = (Mutex::default(), tokio::sync::Mutex::new(chains));
        Ok(Ledger { inner: Arc::new(Inner { spool, withdrawn, collector, heads, waiting, turn }) })
    }

    /// The random id of this collector.
    pub fn collector(&self) -> u64 {
        self.inner.collector
    }

    /// Appends a row. Returns once it is on disk and the receipt that it withdraws is dead.
    ///
    /// # Errors
    /// As [`Spool::append`]; [`AppendError::Full`] where too many wait, or the disk does not answer those that do.
    pub async fn append(&self, row: LedgerRow) -> Result<(), AppendError> {
        if self.inner.spool.intake() == Intake::Stalled {
            return Err(AppendError::Full);
        }
        let (answer, answered) = oneshot::channel();
        {
            let mut waiting = self.inner.waiting();
            if waiting.len() >= WAITING_MAX {
                return Err(AppendError::Full);
            }
            waiting.push(Waiting { row, answer });
        }
        // Of its own, so that a browser that hangs up cannot stop it half-way.
        tokio::spawn(Arc::clone(&self.inner).take_turn());
        answered.await.unwrap_or(Err(AppendError::Broken))
    }
}

impl Inner {
    async fn take_turn(self: Arc<Self>) {
        let mut chains = self.turn.lock().await;
        let waiting = std::mem::take(&mut *self.waiting());
        if waiting.is_empty() {
            return;
        }
        let mut answers = Vec::with_capacity(waiting.len());
        for group in groups(waiting) {
            let (record, after) = chains.compose(self.collector, group.iter().map(|one| &one.row));
            let appended = self.spool.append(record).await.map(|_| ());
            if appended.is_ok() {
                chains.go_on(after);
                for row in group.iter().map(|one| &one.row) {
                    match row.action() {
                        ERASE => self.withdrawn.erase(row.withdraws(), row.ts_ms()),
                        _ => self.withdrawn.kill(row.withdraws(), row.ts_ms()),
                    }
                }
            }
            answers.extend(group.into_iter().map(|one| (one.answer, appended)));
        }
        let (path, text) = (self.heads.clone(), chains.text());
        // Without a sync: what a loss of power takes makes a chain go on from an earlier link, and nothing else.
        let written = tokio::task::spawn_blocking(move || write_unsynced(&path, &text)).await;
        match written {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "The heads of the ledger's chains could not be written.");
            }
            Err(error) => tracing::error!(%error, "The heads of the ledger's chains could not be written."),
        }
        for (answer, appended) in answers {
            if answer.send(appended).is_err() {
                tracing::trace!("A browser hung up before the answer to its decision.");
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// In their order: a row that withdraws has a record of its own, which says what it withdraws; the others share one.
fn groups(waiting: Vec<Waiting>) -> Vec<Vec<Waiting>> {
    let mut groups: Vec<Vec<Waiting>> = Vec::new();
    let mut bytes = 0;
    for one in waiting {
        let size = one.row.encode().len();
        let fits = |group: &Vec<Waiting>| {
            group.len() < RECORD_ROWS_MAX
                && bytes + size <= RECORD_ROWS_BYTES
                && group.iter().all(|one| one.row.withdraws() == 0)
        };
        match groups.last_mut() {
            Some(last) if one.row.withdraws() == 0 && fits(last) => {
                bytes += size;
                last.push(one);
            }
            _ => {
                bytes = size;
                groups.push(vec![one]);
            }
        }
    }
    groups
}

/// The id of this collector, made once.
fn read_collector(path: &Path) -> io::Result<u64> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let id: Result<HexId, _> = text.trim().parse();
            id.map(|id| id.0).map_err(|_| {
                io::Error::new(io::ErrorKind::InvalidData, "it is not sixteen hexadecimal digits; remove it, and the collector begins with an id of its own")
            })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = random_u64();
            write_whole(&RealDisk, path, format!("{}\n", HexId(id)).as_bytes())?;
            Ok(id)
        }
        Err(error) => Err(error),
    }
}

fn write_unsynced(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    fs::write(&beside, text)?;
    fs::rename(beside, path)
}

#[cfg(test)]
mod tests;
