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
mod store;
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
pub use store::{LISTEN_PASSWORD_BYTES_MIN, ListenPassword, Password, StoreListen, StoreOptions, StoreUrl};
pub use telemetry::TelemetryOptions;
pub use texts::OwnTexts;
pub use theme::Theme;

use crate::spool::SEGMENT_BYTES_MAX;
use error::{Collected, Problem};
use reader::Section;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

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
    let store = root.section("store", |section| store::read(section, folder));
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

fn read_spool(section: &Section<'_>) -> SpoolOptions {
    let number = |key, bounds, default| section.get(key, |node| node.number(bounds)).unwrap_or(default);
    let spool = SpoolOptions {
        bytes_max: number("bytes_max", 16 << 20..=1 << 44, 1 << 30),
        segment_bytes: number("segment_bytes", 64 << 10..=SEGMENT_BYTES_MAX, 4 << 20),
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
