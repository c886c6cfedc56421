//! The collector as a whole: opened once, shared by every request, closed in order.
//!
//! It never changes. Another config makes another one, which shares spool, store, counters and the list of withdrawn
//! receipts with it ([`Collector::with_config`]): a request that is under way ends with what it began with.
//!
//! Opening takes what can fail first (keys, geography, spool), so that nothing listens before all of it holds, and writes
//! a new version of a declaration last: one that is on record was in force. While it runs the store may be away: the
//! intake does not wait for it.

mod upkeep;

use crate::config::{Config, OnWithdrawal, Site};
use crate::declaration::{Declarations, HistoryError, Settled};
use crate::displays::Displays;
use crate::geography::{Geography, GeographyError};
use crate::http::{Assets, Limits, Repeats, Texts, artefacts};
use crate::keys::{Keys, KeysError};
use crate::ledger::{Artefacts, ArtefactsError, Ledger, LedgerError};
use crate::metrics::Outcomes;
use crate::pipeline::{Agents, Tables};
use crate::spool::{Spool, SpoolError, SpoolOptions};
use crate::store::{KeptSites, Store};
use crate::withdrawn::{Withdrawn, WithdrawnError};
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::{Date, OffsetDateTime};
use tokio::sync::Notify;
use wire::HexId;

/// Everything that requests share.
pub struct Collector {
    /// The validated config.
    pub config: Config,
    /// What the sites declare and declared.
    pub declarations: Declarations,
    /// The keys that receipts are signed with.
    pub keys: Keys,
    /// The receipts that were withdrawn.
    pub withdrawn: Withdrawn,
    /// What was acknowledged and is not in the store yet.
    pub spool: Spool,
    /// Where rows go.
    pub store: Store,
    /// What browsers download.
    pub assets: Assets,
    /// What visitors are shown, by hash.
    pub texts: Texts,
    /// The same as it was shown, for the ledger.
    pub artefacts: Arc<ArcSwap<Artefacts>>,
    /// Where decisions are appended.
    pub ledger: Ledger,
    /// The decisions of late, so that one that is told twice is one row.
    pub repeats: Arc<Repeats>,
    /// What became of everything that was received.
    pub outcomes: Arc<Outcomes>,
    /// What is taken in at once, and how much from one network.
    pub limits: Arc<Limits>,
    /// The user agents that came of late.
    pub agents: Arc<Agents>,
    /// How often the banner's texts were served.
    pub displays: Arc<Displays>,
    /// The owner's geography.
    pub geography: Arc<Geography>,
    /// Milliseconds since 1970.
    pub clock: fn() -> i64,
    kept_sites: KeptSites,
    /// Another config is in force.
    reloaded: Arc<Notify>,
    /// What the upkeep needs of the config in force, whichever collector it runs in.
    in_force: Arc<ArcSwap<InForce>>,
}

/// What of the config in force the upkeep needs.
struct InForce {
    /// Its file is looked at.
    geography: Arc<Geography>,
    /// How long each site's totals of displays are kept.
    ledger_months: HashMap<String, u16>,
}

impl InForce {
    fn of(config: &Config, geography: &Arc<Geography>) -> InForce {
        let months = config.sites.iter().map(|site| (site.id.to_string(), site.ledger_months));
        InForce { geography: Arc::clone(geography), ledger_months: months.collect() }
    }
}

/// Why the collector cannot start, in one sentence.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be made.
    #[error("the data folder {0} cannot be made: {1}")]
    DataFolder(PathBuf, #[source] std::io::Error),
    /// The history of a declaration cannot be used.
    #[error(transparent)]
    Declarations(#[from] HistoryError),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The geography cannot be used.
    #[error(transparent)]
    Geography(#[from] GeographyError),
    /// Another config changes what cannot change while the collector runs.
    #[error("{0} cannot change while the collector runs; restart it for that, or take the change back")]
    NeedsRestart(String),
    /// The spool cannot be opened.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// What visitors are shown cannot be kept.
    #[error(transparent)]
    Artefacts(#[from] ArtefactsError),
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The hashes of shown texts cannot be kept.
    #[error("{0} cannot be read or written: {1}")]
    Texts(PathBuf, #[source] std::io::Error),
    /// The list of withdrawn receipts cannot be read.
    #[error(transparent)]
    Withdrawn(#[from] WithdrawnError),
}

/// The file of the signing keys in a data folder.
pub fn keys_path(data_dir: &Path) -> PathBuf {
    data_dir.join("keys")
}

/// The folder of the spool in a data folder.
pub fn spool_path(data_dir: &Path) -> PathBuf {
    data_dir.join("spool")
}

/// The folder of what visitors were shown in a data folder.
fn artefacts_path(data_dir: &Path) -> PathBuf {
    data_dir.join("artefacts")
}

/// The keys of a start; a fresh one where there is no file.
fn open_keys(data_dir: &Path) -> Result<Keys, KeysError> {
    let path = keys_path(data_dir);
    match Keys::load(&path) {
        Err(KeysError::Missing(_)) => {}
        other => return other,
    }
    if data_dir.join("declarations").exists() || spool_path(data_dir).exists() {
        tracing::error!(
            file = %path.display(),
            "The signing keys of earlier starts are gone and others are made: no consent that was given holds any more, and every visitor is asked again. If there is a copy of the file, stop, put it back and start again."
        );
    }
    Keys::create(&path)
}

/// The clock: milliseconds since 1970.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The day, as the history of a declaration dates it.
fn today() -> Date {
    OffsetDateTime::from(SystemTime::now()).date()
}

/// The sites that keep the rows of withdrawn receipts.
fn kept_sites(config: &Config) -> Vec<String> {
    let keeps = |site: &&Site| matches!(site.on_withdrawal, OnWithdrawal::Keep { .. });
    config.sites.iter().filter(keeps).map(|site| site.id.to_string()).collect()
}

impl Collector {
    /// Settles which revision of each declaration is in force, opens keys, geography, spool and the list of withdrawn
    /// receipts, and composes what browsers download.
    ///
    /// # Errors
    /// [`StartError`]; nothing listens then.
    pub fn open(config: Config, client: clickhouse::Client) -> Result<Collector, StartError> {
        let (collector, settled) = Collector::prepare(config, client)?;
        settled.write()?;
        Ok(collector)
    }

    /// The same, without putting on record what is declared from now on: for a start in which more can fail.
    ///
    /// # Errors
    /// [`StartError`]; nothing listens then.
    pub fn prepare(
        mut config: Config,
        client: clickhouse::Client,
    ) -> Result<(Collector, Settled), StartError> {
        let data_dir = &config.data_dir;
        std::fs::create_dir_all(data_dir).map_err(|error| StartError::DataFolder(data_dir.clone(), error))?;
        let keys = open_keys(data_dir)?.with_own(data_dir, &config.sites, None)?;
        let geography = Arc::new(Geography::open(config.geo.database.as_deref())?);
        let options = SpoolOptions {
            bytes_max: config.spool.bytes_max,
            segment_bytes: config.spool.segment_bytes,
            segment_age: Duration::from_millis(config.spool.segment_age_ms),
        };
        let (spool, recovered) = Spool::open(&spool_path(data_dir), options)?;
        tracing::info!(
            segments = recovered.segments,
            records = recovered.records,
            torn_bytes = recovered.torn_bytes,
            quarantined = recovered.quarantined.len(),
            "The spool is open."
        );
        let withdrawn = Withdrawn::open(&spool_path(data_dir), &recovered.withdrawn)?;
        let ledger = Ledger::open(&data_dir.join("ledger"), spool.clone(), withdrawn.clone())?;
        let (declarations, settled) = Declarations::settle(data_dir, &mut config.sites, today())?;
        let texts_path = data_dir.join("texts");
        let texts = Texts::open(&texts_path, &config.sites, config.listen.prefix.as_str())
            .map_err(|error| StartError::Texts(texts_path, error))?;
        let assets = Assets::compose(&config.sites, config.listen.prefix.as_str());
        let shown = artefacts(&config.sites, &assets, &declarations);
        let artefacts = Artefacts::open(&artefacts_path(data_dir), shown)?;
        let collector = Collector {
            declarations,
            keys,
            withdrawn,
            spool,
            store: Store::new(client),
            assets,
            texts,
            artefacts: Arc::new(ArcSwap::from_pointee(artefacts)),
            ledger,
            repeats: Arc::default(),
            displays: Arc::default(),
            outcomes: Arc::default(),
            limits: Arc::new(Limits::new(config.listen.requests_max)),
            in_force: Arc::new(ArcSwap::from_pointee(InForce::of(&config, &geography))),
            geography,
            kept_sites: Arc::new(ArcSwap::from_pointee(kept_sites(&config))),
            reloaded: Arc::default(),
            agents: Arc::default(),
            clock: now_ms,
            config,
        };
        Ok((collector, settled))
    }

    /// The collector of another config, to take this one's place. Reads the signing keys anew, and settles which
    /// revision of each declaration is in force.
    ///
    /// # Errors
    /// [`StartError`]; this one stays in force then, and what is declared on disk is what it declares.
    pub fn with_config(&self, mut config: Config) -> Result<Collector, StartError> {
        let changed = self.config.needs_restart(&config);
        if !changed.is_empty() {
            return Err(StartError::NeedsRestart(changed.join(", ")));
        }
        let geography = match self.config.geo == config.geo {
            true => Arc::clone(&self.geography),
            false => Arc::new(Geography::open(config.geo.database.as_deref())?),
        };
        let keys = Keys::load(&keys_path(&config.data_dir))?;
        let keys = keys.with_own(&config.data_dir, &config.sites, Some(&self.keys))?;
        let (declarations, settled) = Declarations::settle(&config.data_dir, &mut config.sites, today())?;
        let texts_path = config.data_dir.join("texts");
        let texts = Texts::open(&texts_path, &config.sites, config.listen.prefix.as_str())
            .map_err(|error| StartError::Texts(texts_path, error))?;
        let mut assets = Assets::compose(&config.sites, config.listen.prefix.as_str());
        let shown = artefacts(&config.sites, &assets, &declarations);
        let artefacts = Artefacts::open(&artefacts_path(&config.data_dir), shown)?;
        settled.write()?;
        // Nothing fails from here on.
        assets.take_over(&self.assets);
        self.artefacts.store(Arc::new(artefacts));
        self.kept_sites.store(Arc::new(kept_sites(&config)));
        self.in_force.store(Arc::new(InForce::of(&config, &geography)));
        self.reloaded.notify_one();
        Ok(Collector {
            declarations,
            keys,
            withdrawn: self.withdrawn.clone(),
            spool: self.spool.clone(),
            store: self.store.clone(),
            assets,
            texts,
            artefacts: Arc::clone(&self.artefacts),
            ledger: self.ledger.clone(),
            repeats: Arc::clone(&self.repeats),
            displays: Arc::clone(&self.displays),
            outcomes: Arc::clone(&self.outcomes),
            agents: Arc::clone(&self.agents),
            limits: Arc::clone(&self.limits),
            geography,
            in_force: Arc::clone(&self.in_force),
            clock: self.clock,
            kept_sites: Arc::clone(&self.kept_sites),
            reloaded: Arc::clone(&self.reloaded),
            config,
        })
    }

    /// The site of that id.
    pub fn site(&self, id: &str) -> Option<&Site> {
        self.config.site(id)
    }

    /// Gives the tables of the pipeline to some work.
    pub fn with_tables<T>(&self, work: impl FnOnce(&Tables<'_>) -> T) -> T {
        let geo = self.geography.current();
        let is_dead = |id: HexId| self.withdrawn.is_dead(id.0);
        let (sites, keys, agents) = (&self.config.sites, &self.keys, &self.agents);
        work(&Tables { sites, keys, is_dead: &is_dead, geo: geo.as_deref(), agents })
    }
}

#[cfg(test)]
mod tests;
