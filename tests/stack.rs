//! A running Kruimel of a test's own: fresh data folder, free ports, the real binary and its engine process.

use crate::day::await_room_in_day;
use crate::http::{Answer, send, try_send};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Longest wait for something that must come to pass.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two looks at something that is awaited.
const LOOK_INTERVAL: Duration = Duration::from_millis(25);

/// What the server logs: everything of its own.
pub(crate) const LOG: &str = "debug,hyper=info,h2=info";

/// The site of the demo, which the tests use.
pub(crate) const SITE: &str = "demo";

/// A running server.
pub(crate) struct Stack {
    folder: TempDir,
    process: Child,
    /// Starts it again on the same data.
    again: fn(&Path) -> Command,
    pub(crate) public: SocketAddr,
    pub(crate) admin: SocketAddr,
    runtime: Runtime,
}

impl Stack {
    /// Starts the demo without sample history.
    pub(crate) fn start() -> Stack {
        Stack::start_with(&["--demo-days", "0"])
    }

    /// Starts the demo with further arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> Stack {
        let folder = tempfile::tempdir().unwrap();
        let command = command(folder.path(), arguments);
        Stack::launch(folder, command, demo_again)
    }

    /// Starts with a config file, which keeps its data in `data` beside it.
    pub(crate) fn start_with_config(config: &str) -> Stack {
        Stack::start_prepared(config, |_| {})
    }

    /// The same in a folder in which something is there before.
    pub(crate) fn start_prepared(config: &str, prepare: impl FnOnce(&Path)) -> Stack {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let file = folder.path().join("kruimel.toml");
        fs::write(&file, config).unwrap();
        let command = config_again(folder.path());
        Stack::launch(folder, command, config_again)
    }

    /// Starts with a config file and a soft limit of so many open files.
    pub(crate) fn start_with_files(config: &str, files: u64) -> Stack {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("kruimel.toml"), config).unwrap();
        let inner = config_again(folder.path());
        let mut outer = Command::new("sh");
        outer.args(["-c", "ulimit -S -n $0 && exec \"$@\""]).arg(files.to_string());
        outer.arg(inner.get_program()).args(inner.get_args()).env("KRUIMEL_LOG", LOG);
        let log = fs::OpenOptions::new().append(true).open(folder.path().join("log")).unwrap();
        outer.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        Stack::launch(folder, outer, config_again)
    }

    /// Starts the demo with a folder, of those that it has, on a file system of its own of so many bytes. It is gone with the
    /// process, and only that one sees it: others find it below [`Stack::data_within`].
    pub(crate) fn start_on_small_disk(place: &str, bytes: u64) -> Stack {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join(place);
        fs::create_dir_all(&place).unwrap();
        let inner = command(folder.path(), &["--demo-days", "0"]);
        let mut outer = Command::new("unshare");
        outer.args(["--map-root-user", "--mount", "sh", "-c"]);
        outer.arg("mount -t tmpfs -o size=$0 tmpfs \"$1\" && shift && exec \"$@\"").arg(bytes.to_string());
        outer.arg(place).arg(inner.get_program()).args(inner.get_args()).env("KRUIMEL_LOG", LOG);
        let log = fs::OpenOptions::new().append(true).open(folder.path().join("log")).unwrap();
        outer.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        Stack::launch(folder, outer, demo_again)
    }

    /// Starts the demo above a library that is loaded before the C library, and makes the faults that it finds in a file.
    pub(crate) fn start_above(library: &Path) -> Stack {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(library, folder.path().join("layer.so")).unwrap();
        fs::write(folder.path().join("faults"), [0; 4_096]).unwrap();
        let command = above_again(folder.path());
        Stack::launch(folder, command, above_again)
    }

    /// Starts what every one of them starts, on a day that does not end while a test runs.
    pub(crate) fn launch(folder: TempDir, mut command: Command, again: fn(&Path) -> Command) -> Stack {
        await_room_in_day();
        let mut process = command.spawn().unwrap();
        let (public, admin) = addresses(&mut process, folder.path());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Stack { folder, process, again, public, admin, runtime }
    }

    /// The file in which a library below the server finds the faults to make.
    pub(crate) fn faults(&self) -> PathBuf {
        self.folder.path().join("faults")
    }

    /// Starts the demo, asks it to stop as soon as it logged that text, and returns how it ended and its log.
    pub(crate) fn stop_while_starting(logged: &str) -> (ExitStatus, String) {
        let folder = tempfile::tempdir().unwrap();
        let mut process = command(folder.path(), &["--demo-days", "0"]).spawn().unwrap();
        let log = || fs::read_to_string(folder.path().join("log")).unwrap();
        let start = Instant::now();
        while !log().contains(logged) {
            assert!(start.elapsed() < PATIENCE, "{}", log());
            std::thread::park_timeout(LOOK_INTERVAL / 25);
        }
        signal(process.id(), "TERM");
        let status = process.wait().unwrap();
        (status, log())
    }

    /// The folder of everything that belongs to it, the data among it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder as the server sees it.
    pub(crate) fn data_within(&self) -> PathBuf {
        let root = format!("/proc/{}/root", self.process.id());
        Path::new(&root).join(self.data().strip_prefix("/").unwrap())
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What the server logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// The address of a page of the demo's site, under a name that cookies are kept for.
    pub(crate) fn page(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.public.port())
    }

    /// The `Origin` of the demo's pages.
    pub(crate) fn origin(&self) -> String {
        format!("http://localhost:{}", self.public.port())
    }

    /// The process id of `serve`.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// The process id of the engine: the child that `serve` started.
    pub(crate) fn engine_process_id(&self) -> u32 {
        children(self.process.id()).pop().expect("serve has an engine")
    }

    /// Kills `serve` as a crash would, and starts it again on the same data.
    pub(crate) fn kill_and_restart(mut self) -> Stack {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.await_folder();
        self.process = (self.again)(self.folder.path()).spawn().unwrap();
        (self.public, self.admin) = addresses(&mut self.process, self.folder.path());
        self
    }

    /// Waits until the engine of a server that is gone let go of its folder, for longer than a server that starts waits for it.
    fn await_folder(&self) {
        if let Ok(lock) = fs::File::open(self.data().join("store/engine.lock")) {
            self.await_that("the engine ends", || lock.try_lock().is_ok());
        }
    }

    /// Stops `serve` and starts it on the same data from a config file, which keeps its data in `data` beside it.
    pub(crate) fn restart_with_config(mut self, config: &str) -> Stack {
        assert!(self.stop().success(), "{}", self.log());
        let file = self.folder.path().join("kruimel.toml");
        fs::write(&file, config).unwrap();
        self.again = config_again;
        self.process = (self.again)(self.folder.path()).spawn().unwrap();
        (self.public, self.admin) = addresses(&mut self.process, self.folder.path());
        self
    }

    /// Stops `serve` and starts it on the same data while something else has the folder of its engine's store, for as long as what
    /// is returned is there.
    pub(crate) fn restart_without_its_store(mut self) -> (Stack, fs::File) {
        assert!(self.stop().success(), "{}", self.log());
        self.await_folder();
        let lock = fs::File::open(self.data().join("store/engine.lock")).unwrap();
        lock.lock().unwrap();
        self.process = (self.again)(self.folder.path()).spawn().unwrap();
        (self.public, self.admin) = addresses(&mut self.process, self.folder.path());
        (self, lock)
    }

    /// Stops `serve` as an operator would.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        signal(self.process.id(), "TERM");
        self.wait()
    }

    /// Waits until `serve` ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }

    /// Sends a decision as the banner does. `cookies` is the `Cookie` header.
    pub(crate) fn decide(&self, action: &str, categories: &[&str], cookies: &str) -> Answer {
        let body = serde_json::json!({
            "v": 1, "site": SITE, "action": action, "categories": categories, "revision": 1,
            "text": self.text_hash(), "language": "en", "surface": "notice",
        });
        self.post("/kruimel/consent", body.to_string().as_bytes(), cookies)
    }

    /// The hash of the banner's English texts, as the texts that a browser downloads name it.
    pub(crate) fn text_hash(&self) -> String {
        let get = |path: &str| send(self.public, "GET", path, &[], b"").text().to_owned();
        let loader = get("/kruimel/demo.js");
        let after =
            |text: &str, key: &str| text.split(key).nth(1).unwrap().split('"').next().unwrap().to_owned();
        let texts = after(&loader, "\"text\":\"");
        after(&get(&format!("/kruimel/a/text.{texts}.json?en")), "\"hash\":\"")
    }

    /// Posts a body as a page of the demo's site would.
    pub(crate) fn post(&self, path: &str, body: &[u8], cookies: &str) -> Answer {
        let origin = self.origin();
        let headers = [
            ("origin", origin.as_str()),
            ("content-type", "text/plain"),
            ("cookie", cookies),
            ("user-agent", USER_AGENT),
        ];
        send(self.public, "POST", path, &headers, body)
    }

    /// What the admin listener answers.
    pub(crate) fn ask(&self, path: &str) -> Answer {
        send(self.admin, "GET", path, &[], b"")
    }

    /// Asks the store directly for one number.
    pub(crate) fn count(&self, sql: &str) -> u64 {
        self.runtime.block_on(async { self.client().query(sql).fetch_one().await.unwrap() })
    }

    /// Asks the store directly for one column of texts.
    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        self.runtime.block_on(async { self.client().query(sql).fetch_all().await.unwrap() })
    }

    /// Changes the store directly, as somebody with its password could. Returns when it is done.
    pub(crate) fn execute(&self, sql: &str) {
        let query = self.client().query(sql).with_setting("mutations_sync", "2");
        self.runtime.block_on(query.execute()).unwrap();
    }

    /// Asks the store something that it refuses, and gives its reason.
    pub(crate) fn refusal(&self, sql: &str) -> String {
        self.runtime.block_on(async { self.client().query(sql).execute().await.unwrap_err().to_string() })
    }

    fn client(&self) -> clickhouse::Client {
        engine::client(&self.data_within().join("engine").join("socket"))
    }

    /// Waits until the store gives a number.
    pub(crate) fn await_count(&self, sql: &str, expected: u64) {
        self.await_that(&format!("{sql} = {expected}"), || {
            let found = self.runtime.block_on(async { self.client().query(sql).fetch_one::<u64>().await });
            found.is_ok_and(|found| found == expected)
        });
    }

    /// Waits until everything that was acknowledged is in the store.
    pub(crate) fn await_drained(&self) {
        self.await_that("the spool is drained", || {
            let metrics = try_send(self.admin, "GET", "/metrics", &[], b"");
            metrics.is_ok_and(|metrics| metrics.text().lines().any(|line| line == "kruimel_spool_segments 0"))
        });
    }

    /// A whole number among the metrics, by its name and labels.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let metrics = self.ask("/metrics").text().to_owned();
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{name} is not there:\n{metrics}")).parse().unwrap()
    }

    /// Waits until something holds.
    pub(crate) fn await_that(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let start = Instant::now();
        while !holds() {
            assert!(start.elapsed() < PATIENCE, "{what} did not come to pass. The log:\n{}", self.log());
            std::thread::park_timeout(LOOK_INTERVAL);
        }
    }
}

/// A browser that is not a robot.
pub(crate) const USER_AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

impl Drop for Stack {
    fn drop(&mut self) {
        // The engine ends with its parent; waiting for it keeps the folder whole until nobody writes to it.
        let engine = children(self.process.id());
        if self.process.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.process.kill().unwrap();
            self.process.wait().unwrap();
        }
        for process in engine {
            let start = Instant::now();
            while is_running(process) && start.elapsed() < PATIENCE {
                std::thread::park_timeout(LOOK_INTERVAL);
            }
        }
        if std::thread::panicking() {
            eprintln!("The server's log:\n{}", self.log());
        }
    }
}

pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = serve(folder);
    command.args(["--demo", "--demo-public", "127.0.0.1:0", "--demo-admin", "127.0.0.1:0", "--demo-data"]);
    command.arg(folder.join("data")).args(arguments);
    command
}

fn demo_again(folder: &Path) -> Command {
    command(folder, &["--demo-days", "0"])
}

fn above_again(folder: &Path) -> Command {
    let mut command = demo_again(folder);
    command.env("LD_PRELOAD", folder.join("layer.so")).env("KRUIMEL_TEST_FAULTS", folder.join("faults"));
    command
}

/// With the config file that stands beside the data.
fn config_again(folder: &Path) -> Command {
    let mut command = serve(folder);
    command.arg("--config").arg(folder.join("kruimel.toml"));
    command
}

fn serve(folder: &Path) -> Command {
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kruimel"));
    command.arg("serve").env("KRUIMEL_LOG", LOG);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    command
}

/// Reads the addresses that the server prints once it listens.
fn addresses(process: &mut Child, folder: &Path) -> (SocketAddr, SocketAddr) {
    let mut public = None;
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next() {
        let line = line.unwrap();
        let address = || {
            let rest = line.split("://").nth(1).unwrap();
            rest.split('/').next().unwrap().parse::<SocketAddr>().unwrap()
        };
        match line.split_whitespace().next() {
            Some("browsers") => public = Some(address()),
            Some("dashboards") => {
                let admin = address();
                // The pipe is read to its end, so that the server never writes to a closed one.
                std::thread::spawn(move || lines.for_each(drop));
                return (public.unwrap(), admin);
            }
            _ => {}
        }
    }
    panic!("the server did not start:\n{}", fs::read_to_string(folder.join("log")).unwrap());
}

/// The processes that a process started.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    let mut found: Vec<u32> = text.split_whitespace().filter_map(|id| id.parse().ok()).collect();
    if let Ok(tasks) = fs::read_dir(format!("/proc/{parent}/task")) {
        for task in tasks.flatten() {
            let path = task.path().join("children");
            let text = fs::read_to_string(path).unwrap_or_default();
            found.extend(text.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether a process is there and has not ended; one that ended stays listed until somebody asks how.
fn is_running(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

/// Sends a signal to a process that a test started.
pub(crate) fn signal(process: u32, name: &str) {
    assert!(try_signal(process, name), "kill -{name} {process}");
}

/// Sends a signal to a process that may be gone by then; whether it was there.
pub(crate) fn try_signal(process: u32, name: &str) -> bool {
    Command::new("kill").args([format!("-{name}"), process.to_string()]).status().unwrap().success()
}
