//! The processes under load: Kruimel as an owner starts it, with its engine, and the handler it is compared with.
//!
//! Invariant: each is a process of its own, with a fresh data folder, and is gone when its value is dropped.

use crate::account;
use clickhouse::Client;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The host of the site's pages.
pub(crate) const HOST: &str = "www.example.org";
/// The site's id.
pub(crate) const SITE: &str = "example";
/// Longest wait for the spool to be drained.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(600);
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// The config of the server under load: reached through a proxy on this machine, so that the load can come from many
/// addresses. `spool` is a section's further lines.
fn config(spool: &str) -> String {
    format!(
        "[listen]\npublic = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\ntrusted_proxies = [\"127.0.0.1/32\"]\n[spool]\n{spool}\n\
         [[site]]\nid = \"{SITE}\"\nname = \"Example\"\nhosts = [\"{HOST}\"]\ncontroller = \"Town of Example\"\n\
         contact = \"privacy@example.org\"\ntime_zone = \"Europe/Brussels\"\nlanguages = [\"en\", \"nl\", \"fr\"]\n"
    )
}

/// A running Kruimel.
pub(crate) struct Server {
    folder: TempDir,
    process: Child,
    pub(crate) public: SocketAddr,
    admin: SocketAddr,
}

impl Server {
    /// Starts the binary. `spool` is further lines of that section of the config.
    pub(crate) fn start(spool: &str) -> Server {
        let folder = tempfile::Builder::new().prefix("kruimel-load").tempdir().unwrap();
        let file = folder.path().join("kruimel.toml");
        fs::write(&file, config(spool)).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_kruimel"));
        command.args(["serve", "--config"]).arg(file).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut process = command.spawn().unwrap();
        let mut addresses = ["browsers", "dashboards"].map(|_| None);
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        while addresses.iter().any(Option::is_none) {
            let line = match lines.next() {
                Some(line) => line.unwrap(),
                None => panic!("no start:\n{}", fs::read_to_string(folder.path().join("log")).unwrap()),
            };
            let address = || line.split("http://").nth(1)?.split('/').next()?.parse::<SocketAddr>().ok();
            match line.split_whitespace().next() {
                Some("browsers") => addresses[0] = address(),
                Some("dashboards") => addresses[1] = address(),
                _ => {}
            }
        }
        // The pipe is read to its end, so that the server never writes to a closed one.
        std::thread::spawn(move || lines.for_each(drop));
        let [public, admin] = addresses.map(Option::unwrap);
        Server { folder, process, public, admin }
    }

    /// The collector's process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// The engine's process id.
    pub(crate) fn engine_id(&self) -> u32 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.id())).unwrap();
        let children = tasks
            .flatten()
            .map(|task| fs::read_to_string(task.path().join("children")).unwrap_or_default())
            .collect::<String>();
        children.split_whitespace().find_map(|id| id.parse().ok()).expect("serve has an engine")
    }

    /// The store, asked directly.
    pub(crate) fn store(&self) -> Client {
        engine::client(&self.data().join("engine").join("socket"))
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What the server logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// One figure of `/metrics`.
    pub(crate) async fn metric(&self, name: &str) -> Option<f64> {
        let text = crate::http::get(self.admin, "/metrics").await?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        line.parse().ok()
    }

    /// Waits until everything that was acknowledged is in the store.
    pub(crate) async fn drained(&self) {
        let start = Instant::now();
        while self.metric("kruimel_spool_segments").await != Some(0.0) {
            assert!(start.elapsed() < DRAIN_TIME_MAX, "the spool is not drained:\n{}", self.log());
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let engine = self.engine_id();
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        // It ends with its parent; the folder is removed after it.
        while Path::new(&format!("/proc/{engine}")).exists() {
            std::thread::park_timeout(LOOK_INTERVAL);
        }
    }
}

/// The handler that only parses, in a process of its own: this program, started once more.
pub(crate) struct Reference {
    process: Child,
    pub(crate) public: SocketAddr,
}

impl Reference {
    pub(crate) fn start() -> Reference {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut process = command.arg("--reference").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Reference { process, public: line.trim().parse().unwrap() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Processor time between two moments, of the collector and of its engine.
pub(crate) struct Meter {
    processes: Vec<u32>,
    before: Vec<Duration>,
}

impl Meter {
    pub(crate) fn start(processes: &[u32]) -> Meter {
        let before = processes.iter().map(|id| account::processor_time(*id)).collect();
        Meter { processes: processes.to_vec(), before }
    }

    /// What each used since.
    pub(crate) fn read(&self) -> Vec<Duration> {
        let now = self.processes.iter().map(|id| account::processor_time(*id));
        now.zip(&self.before).map(|(now, before)| now.saturating_sub(*before)).collect()
    }
}
