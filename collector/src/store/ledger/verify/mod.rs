//! Computes the ledger's chains anew and says where store and chain differ.
//!
//! In: `consents`, `ledger_chain` and `ledger_erased`, a day at a time; heads that were kept elsewhere. Out: a count of
//! what is well, and a [`Finding`] for everything that is not. Invariant: a row whose time is over, or whose visitor had
//! it erased, is missed by nobody, and so is a chain whose time is over; every other difference is a finding. When a time
//! is over is told by days that are in the hashes; the first format has none, and what it does not tell is said as that
//! ([`retention`]).

mod day;
mod formers;
mod retention;

use super::super::{Store, StoreError, in_time};
use super::of_site;
use crate::ledger::{Content, commitment};
use clickhouse::Row;
use day::Day;
use formers::Chain;
use retention::{Missing, Retention};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use wire::HexId;

/// The head of one chain, as `kruimel ledger heads` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The site.
    pub site: String,
    /// The day, as `2026-11-28`.
    pub day: String,
    /// `hourly` or `timed`.
    pub kind: String,
    /// The collector's id.
    pub collector: String,
    /// The chain's id.
    pub chain: String,
    /// How many links it has.
    pub links: u32,
    /// The last of them.
    pub link: String,
    /// The day after which its links are deleted.
    pub expires: String,
}

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

#[derive(Row, Deserialize)]
struct DayOf {
    site_id: String,
    day: u16,
}

/// A link as the store holds it. Days are counted from 1970.
#[derive(Row, Deserialize)]
struct Link {
    kind: String,
    collector: u64,
    chain: u64,
    seq: u32,
    former: String,
    commitment: String,
    link: String,
    expires: u16,
    /// 0 in the first format.
    row_expires: u16,
    former_expires: u16,
}

#[derive(Row, Deserialize)]
struct Held {
    ts: u32,
    action: String,
    consent_id: u64,
    granted: Vec<String>,
    denied: Vec<String>,
    revision: u32,
    text_hash: String,
    banner_hash: String,
    declaration_hash: String,
    language: String,
    domain: String,
    surface: String,
    withdraws: u64,
    chain: u64,
    chain_seq: u32,
    salt: String,
}

impl Held {
    fn commitment(&self, site: &str) -> String {
        let content = Content {
            site_id: site,
            ts: self.ts,
            action: &self.action,
            consent_id: HexId(self.consent_id).to_string(),
            granted: &self.granted,
            denied: &self.denied,
            revision: self.revision,
            text_hash: &self.text_hash,
            banner_hash: &self.banner_hash,
            declaration_hash: &self.declaration_hash,
            language: &self.language,
            domain: &self.domain,
            surface: &self.surface,
            withdraws: HexId(self.withdraws).to_string(),
        };
        commitment(&self.salt, &content)
    }
}

impl Store {
    /// Computes every chain anew, of one site or of all.
    ///
    /// # Errors
    /// What the store says.
    pub async fn verify_ledger(&self, site: Option<&str>, heads: &[Head]) -> Result<Verified, StoreError> {
        let mut verified = Verified::default();
        let today = u16::try_from(crate::now_ms() / 86_400_000).unwrap_or(u16::MAX);
        let mut kept: HashMap<&str, Vec<&Head>> = HashMap::new();
        let asked = heads.iter().filter(|head| site.is_none_or(|site| site == head.site));
        asked.for_each(|head| kept.entry(&head.chain).or_default().push(head));
        let mut found = HashSet::new();
        for (site_id, days) in self.days_of_ledger(site).await? {
            let chains = self.chains_of(&site_id).await?;
            let retention = Retention::of(today);
            let mut formers = formers::Formers::of(&chains);
            for day in days {
                let links = self.links_of(&site_id, day).await?;
                let rows = self.rows_of(&site_id, day).await?;
                let erased = self.erased_of(&site_id, day).await?;
                let mut day = Day { site: &site_id, day, retention: &retention, verified: &mut verified };
                day.hold_to_heads(&links, &kept, &mut found);
                day.chains(&links);
                day.rows(&links, rows, &erased);
                formers.hear(&links);
            }
            formers.tell(&site_id, &retention, &mut verified);
        }
        let over = Retention::of(today);
        let missing = kept.values().flatten().filter(|head| !found.contains(&head.chain));
        for head in missing.filter(|head| !retention::day(&head.expires).is_some_and(|day| over.is_over(day)))
        {
            let chain = head.chain.parse().unwrap_or(HexId(0)).0;
            let day = retention::day(&head.day).unwrap_or(0);
            verified.finding(&head.site, day, chain, 0, "A chain whose head was kept is not there.");
        }
        let sql = format!("SELECT count() FROM consents WHERE chain = 0 AND {}", of_site(site));
        verified.unchained =
            in_time(self.client().query(&sql).bind(site.unwrap_or_default()).fetch_one()).await?;
        Ok(verified)
    }

    /// The head of every chain, of one site or of all, of one day or of all.
    ///
    /// # Errors
    /// What the store says.
    pub async fn ledger_heads(&self, site: Option<&str>, day: Option<&str>) -> Result<Vec<Head>, StoreError> {
        #[derive(Row, Deserialize)]
        struct Found {
            site_id: String,
            day: String,
            kind: String,
            collector: u64,
            chain: u64,
            links: u32,
            last: String,
            expires: String,
        }
        let sql = format!(
            "SELECT site_id, toString(ledger_chain.day) AS day, kind, collector, chain, max(seq) AS links, \
                 argMax(link, seq) AS last, toString(max(ledger_chain.expires)) AS expires \
             FROM ledger_chain WHERE {} AND {} \
             GROUP BY site_id, ledger_chain.day, kind, collector, chain ORDER BY site_id, day, kind, chain",
            of_site(site),
            if day.is_some() { "ledger_chain.day = toDate(?)" } else { "? = ''" }
        );
        let query = self.client().query(&sql).bind(site.unwrap_or_default()).bind(day.unwrap_or_default());
        let found: Vec<Found> = in_time(query.fetch_all()).await?;
        let head = |found: Found| Head {
            site: found.site_id,
            day: found.day,
            kind: found.kind,
            collector: HexId(found.collector).to_string(),
            chain: HexId(found.chain).to_string(),
            links: found.links,
            link: found.last,
            expires: found.expires,
        };
        Ok(found.into_iter().map(head).collect())
    }

    /// Every site, and its days with a link or with a row that claims one, in order.
    async fn days_of_ledger(&self, site: Option<&str>) -> Result<BTreeMap<String, Vec<u16>>, StoreError> {
        let sql = format!(
            "SELECT DISTINCT site_id, toUInt16(day) AS day FROM ( \
                 SELECT toString(site_id) AS site_id, day FROM ledger_chain \
                 UNION ALL SELECT toString(site_id), toDate(ts, 'UTC') FROM consents WHERE chain != 0) \
             WHERE {} ORDER BY site_id, day",
            of_site(site)
        );
        let days: Vec<DayOf> =
            in_time(self.client().query(&sql).bind(site.unwrap_or_default()).fetch_all()).await?;
        let mut of_sites: BTreeMap<String, Vec<u16>> = BTreeMap::new();
        for DayOf { site_id, day } in days {
            of_sites.entry(site_id).or_default().push(day);
        }
        Ok(of_sites)
    }

    /// The chains of a site, in the order of their days.
    async fn chains_of(&self, site: &str) -> Result<Vec<Chain>, StoreError> {
        let sql = "SELECT toString(kind) AS kind, collector, chain, toUInt16(c.day) AS day, min(seq) AS first, \
                       argMin(c.former, seq) AS former, toUInt16(argMin(c.former_expires, seq)) AS former_expires, \
                       toUInt16(max(c.expires)) AS expires \
                   FROM ledger_chain AS c WHERE site_id = ? GROUP BY kind, collector, chain, day \
                   ORDER BY day, kind, chain";
        Ok(in_time(self.client().query(sql).bind(site).fetch_all()).await?)
    }

    async fn links_of(&self, site: &str, day: u16) -> Result<Vec<Link>, StoreError> {
        let sql = "SELECT kind, collector, chain, seq, former, commitment, link, toUInt16(expires) AS expires, \
                       toUInt16(row_expires) AS row_expires, toUInt16(former_expires) AS former_expires \
                   FROM ledger_chain WHERE site_id = ? AND day = toDate(?) ORDER BY kind, chain, seq";
        Ok(in_time(self.client().query(sql).bind(site).bind(day).fetch_all()).await?)
    }

    /// The rows whose time is not over: one that is about to be let go may outlast its link.
    async fn rows_of(&self, site: &str, day: u16) -> Result<Vec<Held>, StoreError> {
        let sql = "SELECT toUInt32(toUnixTimestamp(ts)) AS ts, action, consent_id, granted, denied, revision, \
                       text_hash, banner_hash, declaration_hash, language, domain, surface, withdraws, chain, \
                       chain_seq, salt \
                   FROM consents WHERE site_id = ? AND consents.ts >= toDateTime(toDate(?), 'UTC') \
                       AND consents.ts < toDateTime(toDate(?) + 1, 'UTC') AND chain != 0 \
                       AND expires > toDate(now('UTC'))";
        Ok(in_time(self.client().query(sql).bind(site).bind(day).bind(day).fetch_all()).await?)
    }

    async fn erased_of(&self, site: &str, day: u16) -> Result<HashSet<String>, StoreError> {
        let sql = "SELECT DISTINCT commitment FROM ledger_erased WHERE commitment IN \
                   (SELECT commitment FROM ledger_chain WHERE site_id = ? AND day = toDate(?))";
        let found: Vec<String> = in_time(self.client().query(sql).bind(site).bind(day).fetch_all()).await?;
        Ok(found.into_iter().collect())
    }
}
