//! `[store]`: where rows are kept, and what the embedded engine may take and to whom it listens.
//!
//! In: the section. Out: [`StoreOptions`]. Invariants: no password is shown by an error or a log; the engine listens on no
//! address without one.

use super::error::Problem;
use super::reader::Section;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Shortest password for the engine's address.
pub const LISTEN_PASSWORD_BYTES_MIN: usize = 16;

/// How far the engine stands back by default: intake, pages and whatever else is on the machine get three times its share
/// where all want more than there is.
const NICE: u8 = 5;
/// As far as nice(1) goes.
const NICE_MAX: u64 = 19;

/// Where rows are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// The embedded engine, or a server.
    pub url: StoreUrl,
    /// The server's user.
    pub user: Option<String>,
    /// The server's password.
    pub password: Option<Password>,
    /// The database of the tables.
    pub database: String,
    /// The engine's library, where it is not found by itself.
    pub library: Option<PathBuf>,
    /// Most memory that the engine may take.
    pub memory_bytes: Option<u64>,
    /// Most threads that the engine may use.
    pub threads: Option<u16>,
    /// How far the engine stands back where processor time is short, as of nice(1).
    pub nice: u8,
    /// How long the engine may answer nothing before it is started again.
    pub silence_max: Option<Duration>,
    /// Where the engine listens besides its socket.
    pub listen: Option<StoreListen>,
}

/// A TCP address of the engine, for other collectors and for tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreListen {
    /// The address.
    pub address: SocketAddr,
    /// The password without which nobody is answered there.
    pub password: ListenPassword,
}

/// A password, or the file that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenPassword {
    /// The password.
    Text(Password),
    /// A file whose whole content it is, but for blanks at either end.
    File(PathBuf),
}

/// The embedded engine, or a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// ClickHouse's engine in a process of ours, on a Unix socket.
    Embedded,
    /// A ClickHouse server's HTTP interface.
    Server(url::Url),
}

/// A password, which no log or error can show.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// The password itself, for the one who must send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Password(…)")
    }
}

pub(super) fn read(section: &Section<'_>, folder: &Path) -> StoreOptions {
    let text = |key| section.get(key, |node| node.text().map(str::to_owned));
    let url = section.get("url", |node| store_url(node.text()?)).unwrap_or(StoreUrl::Embedded);
    let threads = section.get("threads", |node| node.number(1..=1_024));
    let nice = section.get("nice", |node| node.number(0..=NICE_MAX));
    StoreOptions {
        listen: listen(section, folder, url == StoreUrl::Embedded),
        url,
        user: text("user"),
        password: text("password").map(Password),
        database: section
            .get("database", |node| database(node.text()?))
            .unwrap_or_else(|| "kruimel".to_owned()),
        library: section.get("library", |node| node.text().map(|path| folder.join(path))),
        memory_bytes: section.get("memory_bytes", |node| node.number(256 << 20..=1 << 50)),
        threads: threads.and_then(|threads| u16::try_from(threads).ok()),
        nice: nice.and_then(|nice| u8::try_from(nice).ok()).unwrap_or(NICE),
        silence_max: section.get("silence_seconds", |node| node.number(2..=3_600)).map(Duration::from_secs),
    }
}

fn listen(section: &Section<'_>, folder: &Path, is_embedded: bool) -> Option<StoreListen> {
    let address = section.get("listen", |node| super::listen::address(node.text()?));
    let anywhere = section.get("listen_anywhere", |node| node.boolean()).unwrap_or(false);
    let text = section.get("listen_password", |node| password(node.text()?)).map(ListenPassword::Text);
    let file = section.get("listen_password_file", |node| node.text().map(|path| folder.join(path)));
    if !section.has("listen") {
        for key in ["listen_anywhere", "listen_password", "listen_password_file"] {
            if section.has(key) {
                let wrong = "The engine listens on no address.";
                section
                    .wrong(key, Problem::new(wrong, "Add listen = \"127.0.0.1:8123\", or remove this line."));
            }
        }
        return None;
    }
    if !is_embedded {
        let wrong = "Only the embedded engine can be told where to listen.";
        section.wrong(
            "listen",
            Problem::new(wrong, "Remove this line: store.url names a server, which has a config of its own."),
        );
    }
    if section.has("listen_password") == section.has("listen_password_file") {
        let wrong = "Whoever reaches this address can read and change everything.";
        let mend = "Give one of listen_password (better as KRUIMEL_STORE__LISTEN_PASSWORD) and listen_password_file.";
        section.wrong("listen", Problem::new(wrong, mend));
    }
    let address = address?;
    if !address.ip().is_loopback() && !anywhere {
        let wrong =
            format!("{address} can be reached from other machines, and what is said there is not encrypted.");
        let mend = "Write an address of this machine alone, such as \"127.0.0.1:8123\"; or, in a network that is yours \
                    alone, add listen_anywhere = true.";
        section.wrong("listen", Problem::new(wrong, mend));
    }
    Some(StoreListen { address, password: text.or(file.map(ListenPassword::File))? })
}

fn password(text: &str) -> Result<Password, Problem> {
    if text.len() < LISTEN_PASSWORD_BYTES_MIN || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let wrong =
            format!("A password here has at least {LISTEN_PASSWORD_BYTES_MIN} letters, digits and signs.");
        return Err(Problem::new(wrong, "Let a machine choose it, such as `openssl rand -hex 16`."));
    }
    Ok(Password(text.to_owned()))
}

fn store_url(text: &str) -> Result<StoreUrl, Problem> {
    if text == "embedded" {
        return Ok(StoreUrl::Embedded);
    }
    let problem = |mend: &str| Problem::new("This is neither \"embedded\" nor a server's address.", mend);
    let mend = "Write \"embedded\", or a server such as \"http://127.0.0.1:8123\".";
    let url = url::Url::parse(text).map_err(|_| problem(mend))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(problem(mend));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(problem("Write name and password as store.user and store.password, not in the address."));
    }
    Ok(StoreUrl::Server(url))
}

fn database(text: &str) -> Result<String, Problem> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let begins_well = text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    (begins_well && text.bytes().all(valid) && text.len() <= 64).then(|| text.to_owned()).ok_or_else(|| {
        Problem::new(format!("\"{text}\" is not the name of a database."), "Use letters, digits and _.")
    })
}
