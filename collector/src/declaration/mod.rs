//! The declaration through time: which revision is in force, since when, and what every earlier version said.
//!
//! In: the config's sites, and the history of each in the data folder. Out: the sites with the revision that is in
//! force, and their [`History`]. At each start a site's [`Snapshot`] is compared with the last one: a material change
//! raises the revision by itself, so that every visitor is asked again; anything else that visitors can read becomes a
//! dated version of the same revision. The revision of the config counts where it is higher, and never lowers. Written
//! is it last, when nothing else of the start can fail ([`Settled`]): what never held is on no record.
//!
//! Invariant: nobody's consent stretches to what they were not told. In doubt the revision rises.
//!
//! # Several collectors of one site
//!
//! They must agree on the revision, because each admits only receipts of its own. The revision follows from the history
//! and the config alone: collectors that begin with the same files and start with the same configs come to the same. So
//! either let them share the folder `declarations` (the file of a site is locked while it is read, and those of all sites
//! together while they are written; a start that finds another version by then than it was settled on fails, and the next one takes it up),
//! or copy it to a collector before its first start, as `keys` and `texts` (by which a decision made on one collector's
//! texts is known to another), and give every collector every config. Histories that
//! have parted agree again when the config of all says a `revision` above each: `kruimel check` tells which revision a
//! collector would start with, and `/kruimel/cookies?format=json` the revision and the hash that one is running with.
//! Two collectors that run with different configs at one time ask each other's visitors again; that never grants.

mod change;
mod compare;
mod history;
mod snapshot;
mod wording;

pub use change::{Aspect, Change, Said};
pub use history::HistoryError;
pub use snapshot::{Category, Location, Snapshot};

use crate::config::{Site, SiteId};
use history::{HistoryFile, Recorded, path_of};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use time::Date;

/// The history of every site.
#[derive(Debug, Default)]
pub struct Declarations(HashMap<String, History>);

/// Every version of one site's declaration, the oldest first and the one in force last.
#[derive(Debug, Default)]
pub struct History {
    versions: Vec<Version>,
}

/// One version of a declaration.
#[derive(Debug)]
pub struct Version {
    /// The day on which a collector first started with it.
    pub date: Date,
    /// The revision that it was part of.
    pub revision: u32,
    /// What people call it: `2` for the first with revision 2, `2.1` for the next that nobody was asked again for.
    pub label: String,
    /// Stands for all that it says, since when, and for every version before it.
    pub hash: String,
    /// What it says.
    pub snapshot: Snapshot,
    /// What is different from the version before.
    pub changes: Vec<Change>,
}

/// What the next start with a config leads to.
#[derive(Debug)]
pub struct NextStart {
    /// The revision on record; absent before the first start.
    pub recorded: Option<u32>,
    /// The revision that will be in force.
    pub revision: u32,
    /// What is different from what is on record.
    pub changes: Vec<Change>,
}

impl NextStart {
    fn of(last: Option<&Recorded>, site: &Site, snapshot: &Snapshot) -> NextStart {
        let Some(last) = last else {
            return NextStart { recorded: None, revision: site.revision, changes: Vec::new() };
        };
        let changes = compare::changes(&last.snapshot, snapshot);
        let raised = changes.iter().any(|change| change.material);
        let least = last.revision.saturating_add(u32::from(raised));
        NextStart { recorded: Some(last.revision), revision: site.revision.max(least), changes }
    }

    /// Whether it becomes a version of its own.
    fn is_new(&self) -> bool {
        self.recorded != Some(self.revision) || !self.changes.is_empty()
    }

    /// What the next start of a collector with this data folder leads to. Nothing is written.
    ///
    /// # Errors
    /// [`HistoryError`] where the history cannot be read; the start will fail too.
    pub fn look(data_dir: &Path, site: &Site) -> Result<NextStart, HistoryError> {
        let versions = history::read(&path_of(data_dir, site.id.as_str()))?;
        Ok(NextStart::of(versions.last(), site, &Snapshot::of(site)))
    }
}

/// What would come in force: compared with what is on record, and nothing of it written. Nothing is locked meanwhile, which
/// may be long: a start waits for the store.
#[must_use = "what is in force is on record only once it is written"]
pub struct Settled {
    seen: Vec<Seen>,
    told: Vec<(SiteId, u32, NextStart)>,
}

/// A site's history as it was.
struct Seen {
    path: PathBuf,
    /// The hash of its last version, which stands for every version before it too.
    last: Option<String>,
    /// What waits to be written behind it.
    fresh: Option<Recorded>,
}

/// A history that nobody else writes meanwhile, and the version that is appended to it.
type Held = (HistoryFile, Option<Recorded>);

impl Settled {
    /// Writes what is new. The last step of a start, or of another config: whatever else can fail came before.
    ///
    /// # Errors
    /// [`HistoryError`], also where another collector declared something else meanwhile; every history is as it was then,
    /// and nothing of this may be served.
    pub fn write(self) -> Result<(), HistoryError> {
        append(self.hold()?)?;
        self.told.iter().for_each(|(site, in_config, next)| tell(site, *in_config, next));
        Ok(())
    }

    /// Every site's history, as it was when this was settled. Where another collector wrote the very same version there is
    /// nothing left to write.
    fn hold(&self) -> Result<Vec<Held>, HistoryError> {
        let mut held = Vec::new();
        for Seen { path, last, fresh } in &self.seen {
            let (file, recorded) = HistoryFile::open(path)?;
            let now = recorded.last().map(|last| &last.hash);
            match fresh {
                _ if now == last.as_ref() => held.push((file, fresh.clone())),
                Some(version) if now == Some(&version.hash) => held.push((file, None)),
                _ => return Err(HistoryError::Outdated(path.clone())),
            }
        }
        Ok(held)
    }
}

/// Appends to every history, or to none.
fn append(mut held: Vec<Held>) -> Result<(), HistoryError> {
    for place in 0..held.len() {
        let (file, Some(version)) = &mut held[place] else { continue };
        if let Err(error) = file.append(version) {
            let begun = held[..=place].iter_mut().filter(|(_, version)| version.is_some());
            begun.for_each(|(file, _)| file.take_back());
            return Err(error);
        }
    }
    Ok(())
}

/// Whether a site of that id declared something before.
pub(crate) fn is_on_record(data_dir: &Path, site: &str) -> bool {
    path_of(data_dir, site).exists()
}

impl Declarations {
    /// Compares every site with its history, and puts the revision that would be in force into the site.
    ///
    /// # Errors
    /// [`HistoryError`]; nothing may be served then.
    pub fn settle(
        data_dir: &Path,
        sites: &mut [Site],
        today: Date,
    ) -> Result<(Declarations, Settled), HistoryError> {
        let mut declarations = Declarations::default();
        let mut settled = Settled { seen: Vec::new(), told: Vec::new() };
        let mut sites: Vec<&mut Site> = sites.iter_mut().collect();
        // In one order in every collector, which is that of writing: two that share the folder would wait for one another.
        sites.sort_by_key(|site| site.id.to_string());
        for site in sites {
            let history = settled.add(data_dir, site, today)?;
            declarations.0.insert(site.id.to_string(), history);
        }
        Ok((declarations, settled))
    }

    /// The history of a site.
    pub fn of(&self, site: &str) -> Option<&History> {
        self.0.get(site)
    }
}

impl Settled {
    fn add(&mut self, data_dir: &Path, site: &mut Site, today: Date) -> Result<History, HistoryError> {
        let path = path_of(data_dir, site.id.as_str());
        let mut recorded = HistoryFile::open(&path)?.1;
        let snapshot = Snapshot::of(site);
        let next = NextStart::of(recorded.last(), site, &snapshot);
        let last = recorded.last().map(|last| last.hash.clone());
        let fresh = next.is_new().then(|| Recorded::new(today, next.revision, snapshot, recorded.last()));
        recorded.extend(fresh.clone());
        self.seen.push(Seen { path, last, fresh });
        let history = History::new(recorded);
        let in_config = site.revision;
        if in_config != next.revision || site.revision_since.is_none() {
            site.revision_since = history.since(next.revision);
        }
        site.revision = next.revision;
        self.told.push((site.id.clone(), in_config, next));
        Ok(history)
    }
}

impl History {
    fn new(recorded: Vec<Recorded>) -> History {
        let mut versions: Vec<Version> = Vec::new();
        let mut nth = 0;
        for Recorded { date, revision, hash, snapshot } in recorded {
            let last = versions.last();
            nth = if last.is_some_and(|last| last.revision == revision) { nth + 1 } else { 0 };
            let label = if nth == 0 { revision.to_string() } else { format!("{revision}.{nth}") };
            let changes = last.map_or_else(Vec::new, |last| compare::changes(&last.snapshot, &snapshot));
            versions.push(Version { date, revision, label, hash, snapshot, changes });
        }
        History { versions }
    }

    /// Every version, the oldest first.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// The first day of a revision.
    fn since(&self, revision: u32) -> Option<Date> {
        self.versions.iter().find(|version| version.revision == revision).map(|version| version.date)
    }
}

fn tell(site: &SiteId, in_config: u32, next: &NextStart) {
    let Some(recorded) = next.recorded else { return };
    for change in &next.changes {
        let change_text = change.in_english();
        let material = change.material;
        tracing::info!(site = site.as_str(), change = change_text, material, "The declaration changed.");
    }
    if next.revision > recorded {
        tracing::info!(
            site = site.as_str(),
            before = recorded,
            revision = next.revision,
            "The revision is raised: every visitor is asked again."
        );
    } else if in_config < next.revision {
        tracing::info!(
            site = site.as_str(),
            in_config,
            revision = next.revision,
            "The config names a lower revision than is on record; the one on record stays in force."
        );
    }
}

#[cfg(test)]
mod tests;
