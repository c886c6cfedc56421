//! Computes the ledger's chains anew and says where store and chain differ.
//!
//! In: `consents`, `ledger_chain` and `ledger_erased`, a day at a time; heads that were kept elsewhere. Out: a count of
//! what is well, and a [`Finding`] for everything that is not. Invariant: a row whose time is over, or whose visitor had
//! it erased, is missed by nobody; every other difference is a finding.

use super::super::{Store, StoreError, in_time};
use super::of_site;
use crate::ledger::{Content, commitment, first_link, next_link};
use clickhouse::Row;
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

#[derive(Row, Deserialize)]
struct DayOf {
    site_id: String,
    day: String,
}

#[derive(Row, Deserialize)]
struct Link {
    kind: String,
    collector: u64,
    chain: u64,
    seq: u32,
    former: String,
    commitment: String,
    link: String,
    is_over: u8,
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

/// The chains of one site so far.
#[derive(Default)]
struct Heads {
    /// Every link that may be named as a former head, and whether it is the last of its chain.
    links: HashMap<String, bool>,
    /// Former heads that a chain went on from.
    named: HashSet<String>,
    /// Collectors and kinds of which a chain of an earlier day is kept.
    seen: HashSet<(u64, String)>,
    /// Those of which the oldest chain that is kept is known: whatever names a chain before it must find that.
    begun: HashSet<(u64, String)>,
}

impl Store {
    /// Computes every chain anew, of one site or of all.
    ///
    /// # Errors
    /// What the store says.
    pub async fn verify_ledger(&self, site: Option<&str>, heads: &[Head]) -> Result<Verified, StoreError> {
        let mut verified = Verified::default();
        let mut of_sites: BTreeMap<String, Heads> = BTreeMap::new();
        let mut kept: HashMap<&str, Vec<&Head>> = HashMap::new();
        let asked = heads.iter().filter(|head| site.is_none_or(|site| site == head.site));
        asked.for_each(|head| kept.entry(&head.chain).or_default().push(head));
        let mut found = HashSet::new();
        for DayOf { site_id, day } in self.days_of_ledger(site).await? {
            let links = self.links_of(&site_id, &day).await?;
            let rows = self.rows_of(&site_id, &day).await?;
            let erased = self.erased_of(&site_id, &day).await?;
            let of_site = of_sites.entry(site_id.clone()).or_default();
            let mut day = Day { site: &site_id, day: &day, verified: &mut verified };
            day.hold_to_heads(&links, &kept, &mut found);
            day.chains(&links, of_site);
            day.rows(&links, rows, &erased);
        }
        let today: String =
            in_time(self.client().query("SELECT toString(toDate(now('UTC')))").fetch_one()).await?;
        let missing =
            kept.values().flatten().filter(|head| !found.contains(&head.chain) && head.expires >= today);
        for head in missing {
            let mut day = Day { site: &head.site, day: &head.day, verified: &mut verified };
            day.finding(&head.chain, 0, "A chain whose head was kept is not there.");
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

    /// Every site and day with a link or with a row that claims one, in order.
    async fn days_of_ledger(&self, site: Option<&str>) -> Result<Vec<DayOf>, StoreError> {
        let sql = format!(
            "SELECT DISTINCT site_id, toString(day) AS day FROM ( \
                 SELECT toString(site_id) AS site_id, day FROM ledger_chain \
                 UNION ALL SELECT toString(site_id), toDate(ts, 'UTC') FROM consents WHERE chain != 0) \
             WHERE {} ORDER BY site_id, day",
            of_site(site)
        );
        Ok(in_time(self.client().query(&sql).bind(site.unwrap_or_default()).fetch_all()).await?)
    }

    async fn links_of(&self, site: &str, day: &str) -> Result<Vec<Link>, StoreError> {
        let sql = "SELECT kind, collector, chain, seq, former, commitment, link, \
                       toUInt8(expires <= toDate(now('UTC')) + 31) AS is_over \
                   FROM ledger_chain WHERE site_id = ? AND day = toDate(?) ORDER BY kind, chain, seq";
        Ok(in_time(self.client().query(sql).bind(site).bind(day).fetch_all()).await?)
    }

    async fn rows_of(&self, site: &str, day: &str) -> Result<Vec<Held>, StoreError> {
        let sql = "SELECT toUInt32(toUnixTimestamp(ts)) AS ts, action, consent_id, granted, denied, revision, \
                       text_hash, banner_hash, declaration_hash, language, domain, surface, withdraws, chain, \
                       chain_seq, salt \
                   FROM consents WHERE site_id = ? AND consents.ts >= toDateTime(toDate(?), 'UTC') \
                       AND consents.ts < toDateTime(toDate(?) + 1, 'UTC') AND chain != 0";
        Ok(in_time(self.client().query(sql).bind(site).bind(day).bind(day).fetch_all()).await?)
    }

    async fn erased_of(&self, site: &str, day: &str) -> Result<HashSet<String>, StoreError> {
        let sql = "SELECT DISTINCT commitment FROM ledger_erased WHERE commitment IN \
                   (SELECT commitment FROM ledger_chain WHERE site_id = ? AND day = toDate(?))";
        let found: Vec<String> = in_time(self.client().query(sql).bind(site).bind(day).fetch_all()).await?;
        Ok(found.into_iter().collect())
    }
}

/// One day of one site.
struct Day<'a> {
    site: &'a str,
    day: &'a str,
    verified: &'a mut Verified,
}

impl Day<'_> {
    fn finding(&mut self, chain: &str, seq: u32, what: &str) {
        if self.verified.findings.len() < FINDINGS_MAX {
            let (site, day) = (self.site.to_owned(), self.day.to_owned());
            self.verified.findings.push(Finding {
                site,
                day,
                chain: chain.to_owned(),
                seq,
                what: what.to_owned(),
            });
        }
    }

    fn hold_to_heads(
        &mut self,
        links: &[Link],
        kept: &HashMap<&str, Vec<&Head>>,
        found: &mut HashSet<String>,
    ) {
        if kept.is_empty() {
            return;
        }
        let chains: HashSet<u64> = links.iter().map(|link| link.chain).collect();
        for chain in chains.into_iter().map(|chain| HexId(chain).to_string()) {
            for head in kept.get(chain.as_str()).into_iter().flatten() {
                found.insert(chain.clone());
                let of = links.iter().filter(|link| HexId(link.chain).to_string() == chain);
                match of.into_iter().find(|link| link.seq == head.links) {
                    Some(link) if link.link == head.link => self.verified.heads += 1,
                    Some(_) => self.finding(&chain, head.links, "The head that was kept is another."),
                    None => {
                        self.finding(&chain, head.links, "The chain is shorter than when its head was kept.");
                    }
                }
            }
        }
    }

    fn chains(&mut self, links: &[Link], heads: &mut Heads) {
        for of_chain in links.chunk_by(|one, next| (&one.kind, one.chain) == (&next.kind, next.chain)) {
            self.verified.chains += 1;
            self.chain(of_chain);
            for link in of_chain {
                heads.links.insert(link.link.clone(), false);
            }
            if let Some(last) = of_chain.last() {
                heads.links.insert(last.link.clone(), true);
            }
        }
        let begins = links.iter().filter(|link| link.seq == 1 && link.former.is_empty());
        heads.begun.extend(begins.map(|link| (link.collector, link.kind.clone())));
        // Chains of one day may name one another, in whatever order they are read.
        for first in links.iter().filter(|link| link.seq == 1) {
            self.former(first, heads);
        }
        heads.seen.extend(links.iter().map(|link| (link.collector, link.kind.clone())));
    }

    fn chain(&mut self, links: &[Link]) {
        let mut previous: Option<String> = None;
        for (link, expected) in links.iter().zip(1_u32..) {
            let chain = HexId(link.chain).to_string();
            if expected == 1 && link.seq != 1 {
                self.finding(&chain, expected, "The first links of the chain are missing.");
            }
            let start = || {
                let (site, kind) = (self.site, link.kind.as_str());
                first_link(link.chain, link.collector, site, kind, self.day, &link.former)
            };
            let before = match previous.take() {
                None if link.seq == 1 => Some(start()),
                other => other,
            };
            match before {
                Some(before) if next_link(&before, link.chain, link.seq, &link.commitment) == link.link => {
                    self.verified.links += 1;
                }
                Some(_) => self.finding(
                    &chain,
                    link.seq,
                    "The link does not follow from the one before: one of them was changed, or one between them is missing.",
                ),
                None => {}
            }
            previous = Some(link.link.clone());
        }
    }

    /// Whether the chain that this one goes on from is there.
    fn former(&mut self, first: &Link, heads: &mut Heads) {
        let chain = HexId(first.chain).to_string();
        let of = (first.collector, first.kind.clone());
        if first.former.is_empty() {
            if heads.seen.contains(&of) {
                let note = "begins without naming the one before: its collector's folder `ledger` was lost or restored";
                self.verified.notes.push(format!("Chain {chain} of {} on {} {note}.", self.site, self.day));
            }
            return;
        }
        match heads.links.get(&first.former) {
            Some(true) if heads.named.insert(first.former.clone()) => {}
            Some(_) => {
                let note = "goes on from a link that another chain or link went on from: a crash, or an older data folder that was restored";
                self.verified.notes.push(format!("Chain {chain} of {} on {} {note}.", self.site, self.day));
            }
            None if first.is_over == 1 => {}
            // The oldest that is kept may name one whose time is over.
            None if !heads.seen.contains(&of) && heads.begun.insert(of) => {
                let note = "is the first that is kept, and names one before it";
                self.verified.notes.push(format!("Chain {chain} of {} on {} {note}.", self.site, self.day));
            }
            None => self.finding(&chain, 0, "The chain before this one, or its end, is missing."),
        }
    }

    fn rows(&mut self, links: &[Link], rows: Vec<Held>, erased: &HashSet<String>) {
        let mut held: HashMap<(u64, u32), Held> = HashMap::new();
        for row in rows {
            let chain = HexId(row.chain).to_string();
            let seq = row.chain_seq;
            if held.insert((row.chain, seq), row).is_some() {
                self.finding(&chain, seq, "There are two rows for one place.");
            }
        }
        for link in links {
            let chain = HexId(link.chain).to_string();
            match held.remove(&(link.chain, link.seq)) {
                Some(row) if row.commitment(self.site) == link.commitment => self.verified.rows += 1,
                Some(_) => self.finding(&chain, link.seq, "The row was changed."),
                None if erased.contains(&link.commitment) => self.verified.erased += 1,
                None if link.is_over == 1 => self.verified.expired += 1,
                None => self.finding(&chain, link.seq, "The row was removed before its time."),
            }
        }
        for ((chain, seq), _) in held {
            self.finding(&HexId(chain).to_string(), seq, "The row was added: no link is of it.");
        }
    }
}
