//! From the spool into ClickHouse, and out of it again when a visitor withdraws.
//!
//! In: sealed segments, dead receipts. Out: rows, each once; tables at the schema of this build. Three tasks go on beside
//! one another ([`Store::run`]): one drains (`draining`), one erases (`erasing`), one hears of withdrawals at other
//! collectors (`poll`). An erasure that the store cannot finish keeps no row from the store.
//!
//! Invariant: a failure of the store costs time and nothing else. Whatever could not be done is tried again, after a
//! pause that grows; the rows stay in the spool.

mod artefacts;
mod aside;
mod asker;
mod backoff;
mod blame;
mod doubles;
mod drain;
mod draining;
mod erasing;
mod health;
mod insert;
mod job;
mod ledger;
mod migrate;
mod poll;
mod reader;
mod retries;
mod rights;
mod settle;
mod sweep;

pub use asker::INTAKE_HEADER;
pub use health::{EngineRestart, Health};
pub(crate) use insert::gather_any;
pub use insert::{INSERT_BYTES_MAX, layout};
pub use ledger::{Counts, DecisionCount, DisplayCount, Finding, Head, SHOWN_MAX, Shown, ShownRow, Verified};
pub use migrate::MigrationError;
pub use poll::{LIST_AGE_MAX, POLL_INTERVAL};
pub use rights::SECOND_PASS;

use crate::ledger::Ledger;
use crate::spool::Spool;
use crate::withdrawn::Withdrawn;
use arc_swap::ArcSwap;
use clickhouse::{Client, RowOwned, RowRead};
use draining::Draining;
use erasing::Erasing;
use reader::Reader;
use std::fmt::Display;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{Mutex, Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Longest wait for an answer to a question.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);
/// Longest wait for a statement that rewrites parts of a table.
const MUTATION_TIME_MAX: Duration = Duration::from_secs(30 * 60);
/// How long the drain goes on when it is told to stop. What is left waits in the spool for the next start.
const STOP_TIME_MAX: Duration = Duration::from_secs(20);
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
    /// What the store holds of a segment changes while it is looked at: something of it is being erased.
    #[error("what the store holds of a segment in {table} changes; it is read anew")]
    Stale {
        /// The table.
        table: &'static str,
    },
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
    /// How long a segment is tried before others overtake it.
    stuck_time: Duration,
    /// Where the drain reads segments.
    reader: Arc<Reader>,
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
            stuck_time: draining::STUCK_TIME,
            reader: Arc::default(),
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

    /// The same, where a segment that does not go in is overtaken by those behind it after that time, in which it is tried
    /// thirty times at least.
    #[must_use]
    pub fn with_stuck_time(self, time: Duration) -> Self {
        Store { stuck_time: time, ..self }
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
        let common = Common::of(&own, spool, withdrawn, ledger, kept_sites);
        let (mut draining, mut erasing) = (Draining::begin(&common), Erasing::begin(&common));
        let all = async {
            let ended = CancellationToken::new();
            let drain = async {
                let took_all = draining.go_on(&stop).await;
                ended.cancel();
                took_all
            };
            let (took_all, (), ()) =
                tokio::join!(drain, erasing.go_on(&ended), own.keep_polling(withdrawn, &stop));
            if took_all {
                erasing.once_more().await;
            }
        };
        let out_of_time = async {
            stop.cancelled().await;
            sleep(STOP_TIME_MAX).await;
        };
        tokio::select! {
            () = all => {}
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
        self.answers().await.is_ok()
    }

    async fn answers(&self) -> Result<(), StoreError> {
        self.fetch::<u8>("SELECT 1").await.map(drop)
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

/// What the tasks share.
struct Common<'a> {
    store: &'a Store,
    spool: &'a Spool,
    withdrawn: &'a Withdrawn,
    ledger: &'a Ledger,
    kept_sites: KeptSites,
    /// Whether the tables are those of this build, and the first word of withdrawals was heard.
    is_ready: watch::Sender<bool>,
    /// A decision that ended a consent was drained, or one went in late: rows of the ledger may be there that its visitor had erased.
    ended_a_consent: Notify,
    /// Events may have been found that another segment brought too.
    found_doubles: Notify,
    /// Held by whoever works on the segments that wait: no row goes into the store that is being erased on disk.
    waiting: Mutex<()>,
}

impl<'a> Common<'a> {
    fn of(
        store: &'a Store,
        spool: &'a Spool,
        withdrawn: &'a Withdrawn,
        ledger: &'a Ledger,
        kept_sites: KeptSites,
    ) -> Self {
        Common {
            store,
            spool,
            withdrawn,
            ledger,
            kept_sites,
            is_ready: watch::Sender::new(false),
            ended_a_consent: Notify::new(),
            found_doubles: Notify::new(),
            waiting: Mutex::default(),
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

/// Values as a statement lists them.
fn list(values: impl Iterator<Item = impl Display>) -> String {
    values.map(|value| value.to_string()).collect::<Vec<_>>().join(",")
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
