//! From the spool into ClickHouse, and out of it again when a visitor withdraws.
//!
//! In: sealed segments, dead receipts. Out: rows, each once; tables at the schema of this build. One task
//! ([`Store::run`]) does it all in turn (migrate, hear of withdrawals, erase, drain), so that an erasure and an insert of
//! the same receipt's rows cannot cross.
//!
//! Invariant: a failure of the store costs time and nothing else. Whatever could not be done is tried again, after a
//! pause that grows; the rows stay in the spool.

mod artefacts;
mod aside;
mod asker;
mod backoff;
mod drain;
mod health;
mod insert;
mod ledger;
mod migrate;
mod poll;
mod rights;
mod sweep;

pub use asker::INTAKE_HEADER;
pub use health::{EngineRestart, Health};
pub use insert::{INSERT_BYTES_MAX, layout};
pub use ledger::{Counts, DecisionCount, DisplayCount, Finding, Head, Shown, ShownRow, Verified};
pub use migrate::MigrationError;
pub use poll::{LIST_AGE_MAX, POLL_INTERVAL};
pub use rights::SECOND_PASS;

use crate::ledger::Ledger;
use crate::spool::Spool;
use crate::withdrawn::Withdrawn;
use arc_swap::ArcSwap;
use backoff::Backoff;
use clickhouse::{Client, RowOwned, RowRead};
use drain::Job;
use rights::Erasure;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// Longest wait for an answer to a question.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);
/// Longest wait for a statement that rewrites parts of a table.
const MUTATION_TIME_MAX: Duration = Duration::from_secs(30 * 60);
/// How long the drain goes on when it is told to stop. What is left waits in the spool for the next start.
const STOP_TIME_MAX: Duration = Duration::from_secs(20);
/// How often the ids of drained batches are looked through for expired ones.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(60);
/// How often the store is looked through for what was withdrawn long ago, in case something brought it back: an import,
/// or a backup that was restored beside this collector.
const LOOK_AGAIN_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// How often what waits on disk is looked through for what was withdrawn, and the quarantine for what is old too: with
/// [`WAITING_AGE`] well within the law's day.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// The least age of a segment that is looked through while it waits for the store. Only where the store is away, or far
/// behind, is there one.
const WAITING_AGE: Duration = Duration::from_secs(6 * 60 * 60);

/// Something with the store did not succeed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The store is away, or says no.
    #[error("the store: {0}")]
    Client(#[from] clickhouse::error::Error),
    /// The spool, or the list of withdrawn receipts, cannot be read or written.
    #[error("the data folder: {0}")]
    Disk(#[from] io::Error),
    /// The store does not fit this build.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// After several tries the store holds another number of rows than the segment has.
    #[error("the store does not come to hold exactly the rows of a segment in {table}")]
    Unsettled {
        /// The table.
        table: &'static str,
    },
}

/// The store, as the collector uses it.
#[derive(Clone)]
pub struct Store {
    client: Client,
    health: Arc<Health>,
    poll_interval: Duration,
    /// Most bytes of rows in one insert.
    insert_bytes_max: usize,
    waiting_age: Duration,
}

impl Store {
    /// The store behind that client, whose database is Kruimel's.
    pub fn new(client: Client) -> Self {
        Store {
            client,
            health: Arc::default(),
            poll_interval: POLL_INTERVAL,
            insert_bytes_max: INSERT_BYTES_MAX,
            waiting_age: WAITING_AGE,
        }
    }

    /// The same for a store that takes less at once than [`INSERT_BYTES_MAX`].
    #[must_use]
    pub fn with_insert_bytes_max(self, bytes: usize) -> Self {
        Store { insert_bytes_max: bytes, ..self }
    }

    /// The same, where a withdrawal reaches segments that wait for the store at that age.
    #[must_use]
    pub fn with_waiting_age(self, age: Duration) -> Self {
        Store { waiting_age: age, ..self }
    }

    /// Works until told to stop, then drains what is there for a bounded time.
    pub async fn run(
        &self,
        spool: &Spool,
        withdrawn: &Withdrawn,
        ledger: &Ledger,
        kept_sites: KeptSites,
        stop: CancellationToken,
    ) {
        let own = self.for_intake();
        let mut work = Work::begin(&own, spool, withdrawn, ledger, kept_sites);
        let all = async { tokio::join!(work.go_on(&stop), own.keep_polling(withdrawn, &stop)) };
        let out_of_time = async {
            stop.cancelled().await;
            sleep(STOP_TIME_MAX).await;
        };
        tokio::select! {
            ((), ()) = all => {}
            () = out_of_time => {}
        }
        let left = spool.depth().segments;
        if left > 0 {
            tracing::info!(segments = left, "The drain stopped; what is left waits in the spool.");
        }
    }

    /// How the way into the store is.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Whether the store answers.
    pub async fn is_reachable(&self) -> bool {
        self.fetch::<u8>("SELECT 1").await.is_ok()
    }

    fn client(&self) -> &Client {
        &self.client
    }

    async fn execute(&self, sql: &str) -> Result<(), StoreError> {
        Ok(in_long_time(self.client.query_raw(sql).execute()).await?)
    }

    async fn fetch<T: RowOwned + RowRead>(&self, sql: &str) -> Result<Vec<T>, StoreError> {
        Ok(in_time(self.client.query_raw(sql).fetch_all::<T>()).await?)
    }
}

/// The sites that keep the rows of withdrawn receipts, as of this moment.
pub type KeptSites = Arc<ArcSwap<Vec<String>>>;

/// The one task's state.
struct Work<'a> {
    store: &'a Store,
    spool: &'a Spool,
    withdrawn: &'a Withdrawn,
    ledger: &'a Ledger,
    kept_sites: KeptSites,
    erasure: Erasure,
    job: Option<Job>,
    migrated: bool,
    polled: bool,
    /// Whether rows of the ledger may be there that a visitor had erased.
    ledger_due: bool,
    /// Links whose rows were erased in the quarantine or while they waited, until the store knows why these are missing.
    bare_links: Vec<(String, u16)>,
    looked_at: Instant,
    cleaned_at: Instant,
    swept_at: Option<Instant>,
}

impl<'a> Work<'a> {
    fn begin(
        store: &'a Store,
        spool: &'a Spool,
        withdrawn: &'a Withdrawn,
        ledger: &'a Ledger,
        kept_sites: KeptSites,
    ) -> Self {
        let erasure = Erasure::of(withdrawn.take_unerased());
        let cleaned_at = Instant::now();
        Work {
            store,
            spool,
            withdrawn,
            ledger,
            kept_sites,
            erasure,
            job: None,
            migrated: false,
            polled: false,
            ledger_due: true,
            bare_links: Vec::new(),
            looked_at: cleaned_at,
            cleaned_at,
            swept_at: None,
        }
    }

    async fn go_on(&mut self, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        let mut well = true;
        loop {
            match self.step().await {
                Ok(()) => {
                    if !well {
                        tracing::info!("The drain gets on again.");
                    }
                    well = true;
                    self.store.health.succeeded();
                    backoff.reset();
                    if self.spool.oldest_now().is_some() {
                        continue;
                    }
                    if stop.is_cancelled() {
                        self.spool.seal().await;
                        if self.spool.oldest_now().is_none() {
                            return;
                        }
                        continue;
                    }
                    self.wait(stop).await;
                }
                Err(error) => {
                    self.store.health.failed(&error);
                    if stop.is_cancelled() {
                        return tracing::warn!(%error, "The store could not take everything before the end.");
                    }
                    if well {
                        tracing::warn!(%error, "The store does not take what there is; it is tried again.");
                    }
                    well = false;
                    tokio::select! {
                        () = sleep(backoff.pause()) => {}
                        () = stop.cancelled() => {}
                    }
                }
            }
        }
    }

    /// Whatever is due, and one segment.
    async fn step(&mut self) -> Result<(), StoreError> {
        // The store need not be there for it, and what fails of it must not keep rows from the store.
        if self.swept_at.is_none_or(|at| at.elapsed() >= SWEEP_INTERVAL) {
            self.sweep().await;
            self.swept_at = Some(Instant::now());
        }
        // Before the store is asked anything: what was withdrawn while it is away outlives a restart.
        if self.cleaned_at.elapsed() >= HOUSEKEEPING_INTERVAL {
            let (spool, withdrawn) = (self.spool.clone(), self.withdrawn.clone());
            blocking(move || {
                spool.forget_expired();
                withdrawn.save()
            })
            .await?;
            self.cleaned_at = Instant::now();
        }
        if !self.migrated {
            self.store.migrate().await?;
            self.migrated = true;
        }
        if !self.polled {
            // Before the first row is inserted; from then on `keep_polling` asks.
            self.store.poll_withdrawn(self.withdrawn).await?;
            self.polled = true;
        }
        if self.looked_at.elapsed() >= LOOK_AGAIN_INTERVAL {
            self.erasure.repeat(self.withdrawn);
            self.ledger_due = true;
            self.looked_at = Instant::now();
        }
        self.erasure.hear(self.withdrawn);
        self.store.erase_due(&mut self.erasure, &self.kept_sites.load_full()).await?;
        self.store.note_erased(&self.bare_links).await?;
        self.bare_links.clear();
        if std::mem::take(&mut self.ledger_due)
            // Where the disk has no room it is looked at again with the next withdrawal, and every hour.
            && let Err(error) = self.store.erase_from_ledger(self.withdrawn, self.ledger).await
        {
            self.ledger_due = true;
            return Err(error);
        }
        let Some(segment) = self.spool.oldest_now() else { return Ok(()) };
        let mut job = match self.job.take() {
            Some(job) if job.sequence() == segment.sequence() => job,
            _ => Job::new(segment),
        };
        let drained =
            self.store.drain(self.spool, self.withdrawn, &self.kept_sites.load_full(), &mut job).await;
        match drained {
            Ok(()) => {
                self.store.health.drained();
                self.ledger_due |= job.withdraws();
            }
            Err(_) => self.job = Some(job),
        }
        drained
    }

    async fn wait(&self, stop: &CancellationToken) {
        let next = Instant::now() + HOUSEKEEPING_INTERVAL;
        let due = self.erasure.due_at().map_or(next, |at| at.min(next));
        if self.ledger_due {
            return;
        }
        tokio::select! {
            _ = self.spool.oldest() => {}
            () = self.withdrawn.killed() => {}
            () = sleep_until(due) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// A question that the store answers in time, or not at all: a stopped engine must not stop the drain for good.
async fn in_time<T>(
    answer: impl Future<Output = clickhouse::error::Result<T>>,
) -> Result<T, clickhouse::error::Error> {
    timeout(ANSWER_TIME_MAX, answer).await.unwrap_or(Err(clickhouse::error::Error::TimedOut))
}

async fn in_long_time<T>(
    answer: impl Future<Output = clickhouse::error::Result<T>>,
) -> Result<T, clickhouse::error::Error> {
    timeout(MUTATION_TIME_MAX, answer).await.unwrap_or(Err(clickhouse::error::Error::TimedOut))
}

/// Work that blocks on the disk, on a thread for such work.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(panicked) => Err(StoreError::Disk(io::Error::other(panicked))),
    }
}
