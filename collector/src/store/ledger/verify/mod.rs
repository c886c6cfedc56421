//! Computes the ledger's chains anew and says where store and chain differ.
//!
//! In: `consents`, `ledger_chain`, `ledger_erased` and `ledger_aside`, a day at a time; heads that were kept elsewhere. Out: a count of
//! what is well, and a [`Finding`] for everything that is not. Invariant: a row whose time is over, or whose visitor had
//! it erased, is missed by nobody, and so is a chain whose time is over; every other difference is a finding. When a time
//! is over is told by days that are in the hashes; the first format has none, and what it does not tell is said as that
//! ([`retention`]).

mod ask;
mod day;
mod ends;
mod formers;
mod heads;
mod retention;

use super::super::{Store, StoreError, in_time};
use super::of_site;
use ask::{Held, Link, Notes};
use day::Day;
use formers::Formers;
use retention::{Missing, Retention};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;
use wire::HexId;

pub use heads::Head;

/// What was looked at, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Chains.
    pub chains: u64,
    /// Links that follow from the ones before.
    pub links: u64,
    /// Rows that are what was committed to.
    pub rows: u64,
    /// Links without a row because its time is over.
    pub expired: u64,
    /// Links without a row because its visitor asked.
    pub erased: u64,
    /// Places of which the store lacks the row, or the link, because it did not take it: their collector has it on disk.
    pub aside: u64,
    /// Rows without a place in a chain: from before there were chains, and of the demo's sample.
    pub unchained: u64,
    /// Heads that were kept elsewhere and still hold.
    pub heads: u64,
    /// What may be noticed and is no damage.
    pub notes: Vec<String>,
    /// What is missing where nobody can tell whether its time was over: at most one of a chain of the first format.
    pub unproven: Vec<Finding>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The site.
    pub site: String,
    /// The day.
    pub day: String,
    /// The chain's id.
    pub chain: String,
    /// The place in it; 0 for the chain as a whole.
    pub seq: u32,
    /// What is wrong, as a sentence.
    pub what: String,
}

/// Most findings that are told; a store that was rewritten need not be listed row by row.
const FINDINGS_MAX: usize = 1_000;

impl Verified {
    /// Takes in what further days or sites showed.
    fn add(&mut self, other: Verified) {
        let Verified {
            chains,
            links,
            rows,
            expired,
            erased,
            aside,
            unchained,
            heads,
            notes,
            unproven,
            findings,
        } = other;
        self.chains += chains;
        self.links += links;
        self.rows += rows;
        self.expired += expired;
        self.erased += erased;
        self.aside += aside;
        self.unchained += unchained;
        self.heads += heads;
        self.notes.extend(notes);
        self.unproven.extend(unproven);
        self.findings.extend(findings);
        self.unproven.truncate(FINDINGS_MAX);
        self.findings.truncate(FINDINGS_MAX);
    }

    fn finding(&mut self, site: &str, day: u16, chain: u64, seq: u32, what: &str) {
        if self.findings.len() < FINDINGS_MAX {
            let (site, day) = (site.to_owned(), crate::ledger::date(day));
            let chain = HexId(chain).to_string();
            self.findings.push(Finding { site, day, chain, seq, what: what.to_owned() });
        }
    }

    /// Says that something is missing, unless its time is over.
    fn missing(&mut self, why: Missing, site: &str, day: u16, chain: u64, seq: u32, what: &str) {
        let known = HexId(chain).to_string();
        match why {
            Missing::Over => {}
            Missing::Removed => self.finding(site, day, chain, seq, what),
            Missing::Unproven if self.unproven.len() >= FINDINGS_MAX => {}
            Missing::Unproven if self.unproven.iter().any(|one| one.chain == known) => {}
            Missing::Unproven => {
                let (site, day) = (site.to_owned(), crate::ledger::date(day));
                self.unproven.push(Finding { site, day, chain: known, seq, what: what.to_owned() });
            }
        }
    }
}

/// How long after each look, in milliseconds, what may be on its way is looked at again: a segment's links are in the store
/// before its rows.
const PAUSES_MS: [u64; 5] = [250, 500, 1_000, 2_000, 4_000];

/// What one day of a site showed.
#[derive(Default)]
struct Seen {
    day: u16,
    verified: Verified,
    /// Whether what is missing may be on its way into the store.
    in_doubt: bool,
}

/// What a ledger is held to.
struct Against<'h> {
    retention: Retention,
    /// Heads that were kept elsewhere, by their chains.
    kept: HashMap<&'h str, Vec<&'h Head>>,
}

impl Store {
    /// Computes every chain anew, of one site or of all.
    ///
    /// # Errors
    /// What the store says.
    pub async fn verify_ledger(&self, site: Option<&str>, heads: &[Head]) -> Result<Verified, StoreError> {
        let mut verified = Verified::default();
        let today = u16::try_from(crate::now_ms() / 86_400_000).unwrap_or(u16::MAX);
        let mut against = Against { retention: Retention::of(today), kept: HashMap::new() };
        let asked = heads.iter().filter(|head| site.is_none_or(|site| site == head.site));
        asked.for_each(|head| against.kept.entry(&head.chain).or_default().push(head));
        let mut found = HashSet::new();
        for site in self.sites_of_ledger(site).await? {
            verified.add(self.verify_site(&site, &against, &mut found).await?);
        }
        let missing = against.kept.values().flatten().filter(|head| !found.contains(&head.chain));
        let is_over =
            |head: &Head| retention::day(&head.expires).is_some_and(|day| against.retention.is_over(day));
        for head in missing.filter(|head| !is_over(head)) {
            let chain = head.chain.parse().unwrap_or(HexId(0)).0;
            let day = retention::day(&head.day).unwrap_or(0);
            verified.finding(&head.site, day, chain, 0, "A chain whose head was kept is not there.");
        }
        let sql = format!("SELECT count() FROM consents WHERE chain = 0 AND {}", of_site(site));
        verified.unchained =
            in_time(self.client().query(&sql).bind(site.unwrap_or_default()).fetch_one()).await?;
        Ok(verified)
    }

    /// Looks at every day of a site, and again at what may merely be on its way.
    async fn verify_site(
        &self,
        site: &str,
        against: &Against<'_>,
        found: &mut HashSet<String>,
    ) -> Result<Verified, StoreError> {
        // Before the days: a chain that these name may be of a day that comes only now.
        let chains = self.chains_of(site).await?;
        let mut formers = Formers::of(&chains);
        let mut days = Vec::new();
        for day in self.days_of_ledger(site).await? {
            days.push(self.look_at_day(site, day, against, &mut formers, found).await?);
        }
        for pause_ms in PAUSES_MS {
            let mut told = Verified::default();
            formers.tell(site, &against.retention, &mut told);
            let doubts = |seen: &&mut Seen| seen.in_doubt && !seen.verified.findings.is_empty();
            if told.findings.is_empty() && days.iter_mut().find(doubts).is_none() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            for seen in days.iter_mut().filter(doubts) {
                let mut again = self.look_at_day(site, seen.day, against, &mut formers, found).await?;
                again.verified.findings.retain(|finding| seen.verified.findings.contains(finding));
                *seen = again;
            }
            let missing = formers.missing();
            let late = self.links_named(site, &missing).await?;
            formers.hear_late(late);
        }
        let mut verified = Verified::default();
        days.into_iter().for_each(|seen| verified.add(seen.verified));
        formers.tell(site, &against.retention, &mut verified);
        Ok(verified)
    }

    async fn look_at_day(
        &self,
        site: &str,
        day: u16,
        against: &Against<'_>,
        formers: &mut Formers<'_>,
        found: &mut HashSet<String>,
    ) -> Result<Seen, StoreError> {
        // In this order: no row is there before its link, and none is erased before that is noted. Notes are read before and
        // after: one whose row goes in meanwhile is among the first, one that is made meanwhile among the second.
        let mut aside = self.aside_of(site, day).await?;
        let rows = self.rows_of(site, day).await?;
        let links = self.links_of(site, day).await?;
        let erased = self.erased_of(site, day).await?;
        aside.extend(self.aside_of(site, day).await?);
        let mut seen = Seen { day, ..Seen::default() };
        let mut day = Day {
            site,
            day,
            retention: &against.retention,
            verified: &mut seen.verified,
            notes: &aside,
            explained: BTreeMap::new(),
        };
        day.hold_to_heads(&links, &against.kept, found);
        day.chains(&links);
        let in_doubt = day.rows(&links, rows, &erased);
        day.tell_aside(&links);
        seen.in_doubt = in_doubt;
        formers.hear(&links);
        formers.hear_aside(seen.day, &links, &aside);
        Ok(seen)
    }
}
