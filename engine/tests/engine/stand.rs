//! A fresh data folder with a supervised engine, and a bare HTTP client that shows every byte.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use kruimel_engine::limits::SILENCE_MAX;
use kruimel_engine::supervise::{State, SuperviseOptions, Supervisor};
use kruimel_engine::{Options, client};

/// The program that has the subcommand `engine`.
pub(crate) const EXECUTABLE: &str = env!("CARGO_BIN_EXE_kruimel-engine-alone");

/// A folder, the options of an engine in it, and, once started, the engine.
pub(crate) struct Stand {
    pub(crate) home: tempfile::TempDir,
    pub(crate) options: Options,
}

impl Stand {
    pub(crate) fn new() -> Stand {
        let home = tempfile::tempdir().unwrap();
        let mut options = Options::new(home.path().join("data"), home.path().join("run/engine.sock"));
        options.threads = Some(2);
        Stand { home, options }
    }

    pub(crate) fn supervise(&self) -> SuperviseOptions {
        SuperviseOptions {
            executable: PathBuf::from(EXECUTABLE),
            engine: self.options.clone(),
            silence_max: SILENCE_MAX,
        }
    }

    pub(crate) async fn start(&self) -> Supervisor {
        Supervisor::start(self.supervise()).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts an engine without a supervisor, and waits until it answers. Closing its standard input stops it.
    pub(crate) async fn spawn(&self) -> tokio::process::Child {
        let mut child = tokio::process::Command::new(EXECUTABLE)
            .arg("engine")
            .args(self.options.arguments())
            .current_dir(self.home.path())
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        while self.client().query("SELECT 1").fetch_one::<u8>().await.is_err() {
            assert_eq!(child.try_wait().unwrap(), None, "the engine ended; its message is above");
            tokio::task::yield_now().await;
        }
        child
    }

    pub(crate) fn client(&self) -> clickhouse::Client {
        client(&self.options.socket)
    }
}

/// Starts an engine in a fresh folder.
pub(crate) async fn engine() -> (Stand, Supervisor, clickhouse::Client) {
    let stand = Stand::new();
    let supervisor = stand.start().await;
    let client = stand.client();
    (stand, supervisor, client)
}

pub(crate) fn process_id(supervisor: &Supervisor) -> u32 {
    match *supervisor.state().borrow() {
        State::Answering { process_id } => process_id,
        other => panic!("the engine is {other:?}"),
    }
}

/// A response as it came over the socket, its chunks joined.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
    /// Whether the body ended as HTTP says it must.
    pub(crate) complete: bool,
}

impl Raw {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends one request and reads until the server closes.
pub(crate) fn post(socket: &Path, parameters: &[(&str, &str)], body: &[u8]) -> Raw {
    request(socket, "POST", &target(parameters), body)
}

pub(crate) fn target(parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new("/?".to_owned());
    for (name, value) in parameters {
        query.append_pair(name, value);
    }
    query.finish().replacen("/?&", "/?", 1)
}

pub(crate) fn request(socket: &Path, method: &str, target: &str, body: &[u8]) -> Raw {
    let mut stream = UnixStream::connect(socket).unwrap();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: engine\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // A server that refuses by the head alone may close before it has read the body.
    drop(stream.write_all(body));
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Raw {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: HashMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let rest = &bytes[end + 4..];
    let (body, complete) = match headers.get("content-length") {
        Some(length) => (rest.to_vec(), rest.len() == length.parse::<usize>().unwrap()),
        None => dechunk(rest),
    };
    Raw { status, headers, body, complete }
}

fn dechunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            return (body, true);
        }
        let chunk = &rest[line + 2..];
        body.extend_from_slice(&chunk[..size.min(chunk.len())]);
        rest = chunk.get(size + 2..).unwrap_or_default();
    }
    (body, false)
}
