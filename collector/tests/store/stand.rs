//! What every test stands on: the shared engine, a database of its own, a spool, and rows to put into it.

use crate::day::await_room_in_day;
use engine::supervise::{SuperviseOptions, Supervisor};
use kruimel_collector::ledger::Ledger;
use kruimel_collector::row_binary::Encoder;
use kruimel_collector::spool::disk::{Disk, RealDisk};
use kruimel_collector::spool::{Record, Recovered, Spool, SpoolError, SpoolOptions, Table};
use kruimel_collector::store::{Store, layout};
use kruimel_collector::withdrawn::Withdrawn;
use libtest_mimic::Failed;
use std::fs;
use std::net::Ipv6Addr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use wire::{BatchId, HexId};

/// Longest wait for what a run that has ended still does on another thread.
const END_TIME_MAX: Duration = Duration::from_secs(60);

/// What a test does.
pub(crate) type Test = fn(Stand) -> Pin<Box<dyn Future<Output = ()>>>;

/// Names functions as tests.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) const TESTS: &[(&str, crate::stand::Test)] =
            &[$((stringify!($name), |stand| Box::pin($name(stand)))),*];
    };
}
pub(crate) use tests;

/// The engine that all tests share.
pub(crate) struct Engine {
    runtime: Runtime,
    supervisor: Supervisor,
    socket: PathBuf,
    _home: TempDir,
}

impl Engine {
    pub(crate) fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let options = engine::Options::new(home.path().join("data"), home.path().join("run/engine.sock"));
        let socket = options.socket.clone();
        let supervisor = runtime.block_on(supervise(options));
        Engine { runtime, supervisor, socket, _home: home }
    }

    /// A test that runs with a fresh database, on a day that does not end meanwhile.
    pub(crate) fn trial(&self, test: &Test) -> impl FnOnce() -> Result<(), Failed> + Send + 'static {
        let (socket, test) = (self.socket.clone(), *test);
        move || {
            await_room_in_day();
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            runtime.block_on(async {
                let client = engine::client(&socket);
                let database = format!("t{:016x}", getrandom::u64()?);
                client.query(&format!("CREATE DATABASE {database} ENGINE = Atomic")).execute().await?;
                test(Stand { socket, ..Stand::new(client.with_database(database)) }).await;
                Ok(())
            })
        }
    }

    pub(crate) fn stop(self) {
        self.runtime.block_on(self.supervisor.stop());
    }
}

/// Starts this executable as an engine and waits until it answers.
pub(crate) async fn supervise(mut options: engine::Options) -> Supervisor {
    options.threads = Some(2);
    let executable = std::env::current_exe().unwrap();
    Supervisor::start(SuperviseOptions {
        executable,
        engine: options,
        silence_max: engine::limits::SILENCE_MAX,
    })
    .await
    .unwrap_or_else(|error| panic!("{error}"))
}

/// Serves as `kruimel engine` does, with the two arguments that matter here.
pub(crate) fn be_the_engine() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let after =
        |name: &str| arguments.iter().skip_while(|argument| *argument != name).nth(1).cloned().unwrap();
    let options = engine::Options::new(after("--data"), after("--socket"));
    match Runtime::new().unwrap().block_on(engine::serve(options, std::future::pending())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// One test's database, spool and list of withdrawn receipts.
pub(crate) struct Stand {
    pub(crate) client: clickhouse::Client,
    pub(crate) store: Store,
    pub(crate) folder: TempDir,
    /// Where the shared engine is asked.
    pub(crate) socket: PathBuf,
}

/// An opened spool with its list, and the drain when it runs.
pub(crate) struct Running {
    pub(crate) spool: Spool,
    pub(crate) withdrawn: Withdrawn,
    pub(crate) recovered: Recovered,
    ledger: Ledger,
    store: Store,
    stop: CancellationToken,
    drain: Option<tokio::task::JoinHandle<()>>,
}

/// What the files of a folder's quarantine hold.
pub(crate) fn quarantine(folder: &Path) -> String {
    let entries = fs::read_dir(folder.join("quarantine")).unwrap();
    let bytes: Vec<u8> = entries.flat_map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What every file of a spool holds, quarantine apart.
pub(crate) fn on_disk(folder: &Path) -> String {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    // One that was renamed meanwhile is looked at the next time.
    let bytes: Vec<u8> = paths.filter_map(|path| fs::read(path).ok()).flatten().collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(crate) fn now_ms() -> i64 {
    kruimel_collector::now_ms()
}

impl Stand {
    pub(crate) fn new(client: clickhouse::Client) -> Self {
        let (store, folder) = (Store::new(client.clone()), tempfile::tempdir().unwrap());
        Stand { store, client, folder, socket: PathBuf::new() }
    }

    pub(crate) fn open(&self) -> Running {
        self.open_in(self.folder.path())
    }

    /// Opens a spool without draining it. It never seals by itself.
    pub(crate) fn open_in(&self, folder: &Path) -> Running {
        self.open_on(folder, RealDisk)
    }

    pub(crate) fn open_on(&self, folder: &Path, disk: impl Disk) -> Running {
        let options = SpoolOptions { segment_age: Duration::from_secs(3600), ..SpoolOptions::default() };
        let disk: Arc<dyn Disk> = Arc::new(disk);
        let asked = Instant::now();
        let (spool, recovered) = loop {
            match Spool::open_on(folder, options, Arc::clone(&disk)) {
                // Of a run that has ended a look through the disk may still be under way.
                Err(SpoolError::InUse(_)) if asked.elapsed() < END_TIME_MAX => std::thread::yield_now(),
                opened => break opened.unwrap(),
            }
        };
        let withdrawn = Withdrawn::open(folder, &recovered.withdrawn).unwrap();
        let (store, stop) = (self.store.clone(), CancellationToken::new());
        let ledger = Ledger::open(&folder.join("ledger"), spool.clone(), withdrawn.clone()).unwrap();
        Running { spool, withdrawn, recovered, ledger, store, stop, drain: None }
    }

    /// Opens a collector's spool, list and ledger.
    pub(crate) fn decide_in(&self, folder: &Path) -> (Running, Ledger) {
        let running = self.open_in(folder);
        let ledger = running.ledger.clone();
        (running, ledger)
    }

    pub(crate) async fn number(&self, sql: &str) -> u64 {
        self.client.query(sql).fetch_one().await.unwrap()
    }

    /// Paths of all events, sorted.
    pub(crate) async fn paths(&self) -> Vec<String> {
        self.client.query("SELECT path FROM events ORDER BY path").fetch_all().await.unwrap()
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.client.query(sql).with_setting("mutations_sync", "2").execute().await.unwrap();
    }
}

impl Running {
    pub(crate) fn drain(&mut self, kept_sites: &'static [&'static str]) {
        let (store, spool, withdrawn, stop) =
            (self.store.clone(), self.spool.clone(), self.withdrawn.clone(), self.stop.clone());
        let ledger = self.ledger.clone();
        let kept_sites: Vec<String> = kept_sites.iter().map(|site| (*site).to_owned()).collect();
        let kept_sites = Arc::new(arc_swap::ArcSwap::from_pointee(kept_sites));
        self.drain = Some(tokio::spawn(async move {
            store.run(&spool, &withdrawn, &ledger, kept_sites, stop).await;
        }));
    }

    pub(crate) fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }

    pub(crate) async fn append(&self, record: Record) {
        self.spool.append(record).await.unwrap();
    }

    /// Ends the drain wherever it is, as a crash does.
    pub(crate) async fn kill(&mut self) {
        if let Some(drain) = self.drain.take() {
            drain.abort();
            assert!(drain.await.unwrap_err().is_cancelled());
        }
    }

    /// Stops the drain and closes the spool, as an orderly end does.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        if let Some(drain) = self.drain.take() {
            drain.await.unwrap();
        }
    }
}

/// The spool's folder as a kill -9 would leave it now.
pub(crate) fn copy_as_killed(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
    }
    copy
}

/// An event of `path` that the receipt allowed.
pub(crate) fn event(batch: u128, consent_id: u64, path: &str) -> Record {
    site_event("site", batch, consent_id, path)
}

pub(crate) fn site_event(site: &str, batch: u128, consent_id: u64, path: &str) -> Record {
    whole_event(site, batch, consent_id, "", path)
}

/// An event on a page of that host.
pub(crate) fn event_on(host: &str, path: &str) -> Record {
    whole_event("site", 1, 7, host, path)
}

fn whole_event(site: &str, batch: u128, consent_id: u64, host: &str, path: &str) -> Record {
    let row = row(Table::Events, |column| match column {
        "site_id" => Some(Value::Text(site.to_owned())),
        "host" => Some(Value::Text(host.to_owned())),
        "path" => Some(Value::Text(path.to_owned())),
        "consent_id" => Some(Value::Number(consent_id)),
        _ => None,
    });
    Record { batch: Some(BatchId(batch)), consent_id, ..Record::of(Table::Events, vec![row].into()) }
}

/// Events of one page view, each at `/view/seq`, which the receipt 7 allowed.
pub(crate) struct View {
    pub(crate) id: u64,
    pub(crate) visitor: u64,
    pub(crate) consent_id: u64,
    pub(crate) hours_ago: i64,
}

/// A batch of a page view.
pub(crate) fn view(batch: u128, id: u64, seqs: RangeInclusive<u64>) -> Record {
    View { id, visitor: 5, consent_id: 7, hours_ago: 0 }.batch(batch, seqs)
}

impl View {
    pub(crate) fn batch(&self, batch: u128, seqs: RangeInclusive<u64>) -> Record {
        let ts_ms = (now_ms() - self.hours_ago * 3_600_000).cast_unsigned();
        let of = |seq: u64| {
            row(Table::Events, |column| match column {
                "site_id" => Some(Value::Text("site".to_owned())),
                "ts" => Some(Value::Number(ts_ms)),
                "path" => Some(Value::Text(format!("/{}/{seq}", self.id))),
                "visitor_id" => Some(Value::Number(self.visitor)),
                "view_id" => Some(Value::Number(self.id)),
                "seq" => Some(Value::Number(seq)),
                "consent_id" => Some(Value::Number(self.consent_id)),
                _ => None,
            })
        };
        let (batch, consent_id) = (Some(BatchId(batch)), self.consent_id);
        let rows: Vec<_> = seqs.map(of).collect();
        Record { batch, consent_id, ..Record::of(Table::Events, rows.into()) }
    }
}

/// The same, sent by its browser once more.
pub(crate) fn again(record: Record) -> Record {
    again_as(5, record)
}

/// The same, of which a first try without a visitor's cookie would have had that visitor.
pub(crate) fn again_as(first_visitor: u64, record: Record) -> Record {
    Record { retry: Some(HexId(first_visitor)), ..record }
}

/// A decision that kills the receipt, if it is not 0.
pub(crate) fn decision(withdraws: u64) -> Record {
    let row = row(Table::Consents, |column| match column {
        "withdraws" => Some(Value::Number(withdraws)),
        _ => None,
    });
    Record { withdraws, ..Record::of(Table::Consents, vec![row].into()) }
}

/// Two counters of the same reason, which the store sums into one row.
pub(crate) fn rejections(first: u64, second: u64) -> Record {
    let count = |count| move |column: &str| (column == "count").then_some(Value::Number(count));
    let rows = vec![row(Table::Rejections, count(first)), row(Table::Rejections, count(second))].into();
    Record::of(Table::Rejections, rows)
}

pub(crate) enum Value {
    Text(String),
    Number(u64),
}

/// A row with the given values; times are today's, the rest is empty.
fn row(table: Table, value: impl Fn(&str) -> Option<Value>) -> Vec<u8> {
    let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut row = Encoder::row();
    for (name, kind) in &layout(table).columns[1..] {
        let (text, number) = match value(name) {
            Some(Value::Text(text)) => (text, 0),
            Some(Value::Number(number)) => (String::new(), number),
            None => (String::new(), 0),
        };
        match *kind {
            "UInt8" => row.uint8(number as u8),
            "UInt16" => row.uint16(number as u16),
            "UInt32" => row.uint32(number as u32),
            "UInt64" => row.uint64(number),
            "String" | "LowCardinality(String)" => row.string(&text),
            "Array(LowCardinality(String))" => row.strings::<&str>(&[]),
            "IPv6" => row.ipv6(Ipv6Addr::UNSPECIFIED),
            "Date" => row.date((now_s / 86_400 + 30) as u16),
            "DateTime('UTC')" => row.date_time(now_s as u32),
            "DateTime64(3, 'UTC')" if number > 0 => row.date_time_ms(number.cast_signed()),
            "DateTime64(3, 'UTC')" => row.date_time_ms(now_s as i64 * 1000),
            other => panic!("no value for a column of type {other}"),
        };
    }
    row.finish()
}

/// Makes the row too long or too short for its table, so that the store cannot read it.
pub(crate) fn damaged(mut record: Record) -> Record {
    let mut rows: Vec<Vec<u8>> = record.rows.iter().map(|row| row.whole().into_owned()).collect();
    rows[0].truncate(20);
    record.rows = rows.into();
    record
}

/// A decision that is none: it keeps those beside it from the store.
pub(crate) fn cut_off() -> Record {
    damaged(Record { table: Table::Decisions, consent_id: 0, batch: None, ..event(1, 0, "/") })
}

/// Asks until the answer is the expected one. Each time the store is asked, so nothing is slept away.
pub(crate) async fn until<Answer: Future<Output = bool>>(mut ask: impl FnMut() -> Answer) {
    let asked = async { while !ask().await {} };
    tokio::time::timeout(Duration::from_secs(60), asked)
        .await
        .expect("it should have come to pass within a minute");
}
