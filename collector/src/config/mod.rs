//! The config: one TOML file plus environment, read once and validated before a socket opens.
//!
//! In: the file's text, its name, and the environment's variables (`KRUIMEL_SECTION__KEY`). Out: a typed [`Config`],
//! or every error at once, each with its line, what is wrong and the mend. `deploy/kruimel.example.toml` explains each
//! key. Invariant: whoever holds a [`Config`] holds a lawful one, and nothing here reads a file or the environment.

mod age;
mod category;
mod change;
mod check;
mod country;
mod domain;
mod error;
mod language;
mod listen;
mod name;
mod options;
mod presets;
mod reader;
mod service;
mod site;
mod telemetry;
mod texts;
mod theme;
mod tree;

pub use category::CategoryDeclaration;
pub(crate) use domain::is_within;
pub use error::{ConfigError, ConfigErrors, Place};
pub use language::{Kept, Language, Translated, Unit};
pub use listen::{ConnectionLimits, ListenOptions, RateOptions, TlsOptions};
pub use name::{CategoryName, CountryCode, Host, Prefix, ServiceId, SiteId, TimeZone};
pub use options::{Options, Signal};
pub use service::{Cookie, KRUIMEL, Service, Storage};
pub use site::{KeptThing, OnWithdrawal, Position, REJECTIONS_DAYS, Site};
pub use telemetry::TelemetryOptions;
pub use texts::OwnTexts;
pub use theme::Theme;

use crate::spool::SEGMENT_BYTES_MAX;
use error::{Collected, Problem};
use reader::Section;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything the binary needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder that holds spool, store, keys and accounts.
    pub data_dir: PathBuf,
    /// Where browsers and analysts connect.
    pub listen: ListenOptions,
    /// Where rows are kept.
    pub store: StoreOptions,
    /// How acknowledged rows wait on disk.
    pub spool: SpoolOptions,
    /// How places are looked up.
    pub geo: GeoOptions,
    /// Where traces of requests go.
    pub telemetry: TelemetryOptions,
    /// The sites, in the order of the file; never empty.
    pub sites: Vec<Site>,
}

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
    /// How long the engine may answer nothing before it is started again.
    pub silence_max: Option<Duration>,
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

/// How acknowledged rows wait on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolOptions {
    /// Most bytes of all segments; beyond it the collector answers 503.
    pub bytes_max: u64,
    /// Size at which a segment is sealed.
    pub segment_bytes: u64,
    /// Age at which a segment is sealed, in milliseconds.
    pub segment_age_ms: u64,
}

/// How places are looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GeoOptions {
    /// A MaxMind-format database; without one the country comes from the browser's time zone.
    pub database: Option<PathBuf>,
}

impl Config {
    /// Reads and validates a config. `file_name` is what errors call the file; paths in it are relative to its folder.
    pub fn from_toml(
        text: &str,
        file_name: &str,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Config, ConfigErrors> {
        let errors = Collected::default();
        let (mut table, unreadable_lines) = tree::parse(text, &errors);
        tree::override_with(&mut table, environment, &errors);
        presets::fill_in(&mut table, &errors);
        let folder = Path::new(file_name).parent().unwrap_or(Path::new(""));
        let config = Section::root(&table, &errors, |root| read(root, folder));
        let errors = errors.into_errors(&unreadable_lines);
        match config {
            Some(config) if errors.is_empty() => Ok(config),
            _ => Err(ConfigErrors::new(file_name, errors)),
        }
    }

    /// The config of `serve --demo`: the site of a fictitious city, reached directly.
    pub fn demo(data_dir: PathBuf, public: SocketAddr, admin: SocketAddr) -> Config {
        let text = include_str!("demo.toml");
        let config =
            Config::from_toml(text, "demo.toml", std::iter::empty()).expect("a test reads the demo's config");
        Config { data_dir, listen: ListenOptions { public, admin, ..config.listen }, ..config }
    }

    /// The site with this id.
    pub fn site(&self, id: &str) -> Option<&Site> {
        self.sites.iter().find(|site| site.id.as_str() == id)
    }

    /// The site that `host` (without port) belongs to, as one of its hosts or test hosts.
    pub fn site_of_host(&self, host: &str) -> Option<&Site> {
        self.sites.iter().find(|site| site.has_host(host) || site.is_test_host(host))
    }
}

fn read(root: &Section<'_>, folder: &Path) -> Option<Config> {
    let data_dir = root.get("data_dir", |node| node.text().map(|path| folder.join(path)));
    let listen = root.section("listen", |section| listen::read(section, folder));
    let store = root.section("store", |section| read_store(section, folder));
    let spool = root.section("spool", read_spool);
    let geo = root.section("geo", |section| GeoOptions {
        database: section.get("database", |node| node.text().map(|path| folder.join(path))),
    });
    let telemetry = root.section("telemetry", telemetry::read);
    let seen = check::Seen::default();
    let sites = root.sections("site", |section| site::read(section, &seen));
    if !root.has("site") {
        root.absent("site", "Declare at least one site as [[site]].");
    }
    let sites: Option<Vec<Site>> = sites.into_iter().collect();
    let mut sites = sites.filter(|sites| !sites.is_empty())?;
    let several = sites.len() > 1;
    for site in &mut sites {
        site.has_neighbours = several;
        site.has_geography = geo.database.is_some();
    }
    Some(Config {
        data_dir: data_dir.unwrap_or_else(|| folder.join("data")),
        listen,
        store,
        spool,
        geo,
        telemetry,
        sites,
    })
}

fn read_store(section: &Section<'_>, folder: &Path) -> StoreOptions {
    let text = |key| section.get(key, |node| node.text().map(str::to_owned));
    let threads = section.get("threads", |node| node.number(1..=1_024));
    StoreOptions {
        url: section.get("url", |node| store_url(node.text()?)).unwrap_or(StoreUrl::Embedded),
        user: text("user"),
        password: text("password").map(Password),
        database: section
            .get("database", |node| database(node.text()?))
            .unwrap_or_else(|| "kruimel".to_owned()),
        library: section.get("library", |node| node.text().map(|path| folder.join(path))),
        memory_bytes: section.get("memory_bytes", |node| node.number(256 << 20..=1 << 50)),
        threads: threads.and_then(|threads| u16::try_from(threads).ok()),
        silence_max: section.get("silence_seconds", |node| node.number(2..=3_600)).map(Duration::from_secs),
    }
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

fn read_spool(section: &Section<'_>) -> SpoolOptions {
    let number = |key, bounds, default| section.get(key, |node| node.number(bounds)).unwrap_or(default);
    let spool = SpoolOptions {
        bytes_max: number("bytes_max", 16 << 20..=1 << 44, 1 << 30),
        segment_bytes: number("segment_bytes", 64 << 10..=SEGMENT_BYTES_MAX, 8 << 20),
        segment_age_ms: number("segment_age_ms", 50..=60_000, 1_000),
    };
    if spool.segment_bytes > spool.bytes_max / 2 {
        let wrong = "One segment would fill more than half of the spool.";
        section.wrong("segment_bytes", Problem::new(wrong, "Write at most half of bytes_max."));
    }
    spool
}

#[cfg(test)]
mod tests;
