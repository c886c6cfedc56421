//! What the store holds of a site's ledger: its chains, and of a day the links, the rows and what was erased.
//!
//! In: a site and a day. Out: what is there at that moment. Days are counted from 1970.

use super::super::super::{Store, StoreError, in_time};
use super::super::of_site;
use super::formers::Chain;
use crate::ledger::{Content, commitment};
use clickhouse::Row;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use wire::HexId;

/// A link as the store holds it. Days are counted from 1970.
#[derive(Row, Deserialize)]
pub(super) struct Link {
    pub(super) kind: String,
    pub(super) collector: u64,
    pub(super) chain: u64,
    pub(super) seq: u32,
    pub(super) former: String,
    pub(super) commitment: String,
    pub(super) link: String,
    pub(super) expires: u16,
    /// 0 in the first format.
    pub(super) row_expires: u16,
    pub(super) former_expires: u16,
}

#[derive(Row, Deserialize)]
pub(super) struct Held {
    pub(super) ts: u32,
    pub(super) action: String,
    pub(super) consent_id: u64,
    pub(super) granted: Vec<String>,
    pub(super) denied: Vec<String>,
    pub(super) revision: u32,
    pub(super) text_hash: String,
    pub(super) banner_hash: String,
    pub(super) declaration_hash: String,
    pub(super) language: String,
    pub(super) domain: String,
    pub(super) surface: String,
    pub(super) withdraws: u64,
    pub(super) chain: u64,
    pub(super) chain_seq: u32,
    pub(super) salt: String,
}

impl Held {
    pub(super) fn commitment(&self, site: &str) -> String {
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

/// A link that a chain names.
#[derive(Row, Deserialize)]
pub(super) struct Named {
    pub(super) link: String,
    pub(super) expires: u16,
}

/// Most links that one question names.
const NAMED_MAX: usize = 1_000;

/// What is noted of a place whose row or link the store did not take.
pub(super) struct Note {
    /// The day on which that was noted.
    pub(super) noted: u16,
    /// The link's hash; empty where its collector could not read it, or did not tell.
    pub(super) link: String,
}

/// The notes of a day, by chain and place.
pub(super) type Notes = HashMap<(u64, u32), Note>;

impl Store {
    /// Every site with a link, with a row that claims one or with a note, in order.
    pub(super) async fn sites_of_ledger(&self, site: Option<&str>) -> Result<Vec<String>, StoreError> {
        let sql = format!(
            "SELECT DISTINCT site_id FROM ( \
                 SELECT toString(site_id) AS site_id FROM ledger_chain \
                 UNION ALL SELECT toString(site_id) FROM consents WHERE chain != 0 \
                 UNION ALL SELECT toString(site_id) FROM ledger_aside) \
             WHERE {} ORDER BY site_id",
            of_site(site)
        );
        Ok(in_time(self.client().query(&sql).bind(site.unwrap_or_default()).fetch_all()).await?)
    }

    /// The days of a site with a link, with a row that claims one or with a note, in order.
    pub(super) async fn days_of_ledger(&self, site: &str) -> Result<Vec<u16>, StoreError> {
        let sql = "SELECT DISTINCT toUInt16(day) AS day FROM ( \
                       SELECT day FROM ledger_chain WHERE site_id = ? \
                       UNION ALL SELECT toDate(ts, 'UTC') FROM consents WHERE site_id = ? AND chain != 0 \
                       UNION ALL SELECT day FROM ledger_aside WHERE site_id = ?) \
                   ORDER BY day";
        let query = self.client().query(sql).bind(site).bind(site).bind(site);
        Ok(in_time(query.fetch_all()).await?)
    }

    /// The chains of a site, in the order of their days.
    pub(super) async fn chains_of(&self, site: &str) -> Result<Vec<Chain>, StoreError> {
        let sql = "SELECT toString(kind) AS kind, collector, chain, toUInt16(c.day) AS day, min(seq) AS first, \
                       argMin(c.former, seq) AS former, toUInt16(argMin(c.former_expires, seq)) AS former_expires, \
                       toUInt16(max(c.expires)) AS expires \
                   FROM ledger_chain AS c WHERE site_id = ? GROUP BY kind, collector, chain, day \
                   ORDER BY day, kind, chain";
        Ok(in_time(self.client().query(sql).bind(site).fetch_all()).await?)
    }

    pub(super) async fn links_of(&self, site: &str, day: u16) -> Result<Vec<Link>, StoreError> {
        let sql = "SELECT kind, collector, chain, seq, former, commitment, link, toUInt16(expires) AS expires, \
                       toUInt16(row_expires) AS row_expires, toUInt16(former_expires) AS former_expires \
                   FROM ledger_chain WHERE site_id = ? AND day = toDate(?) ORDER BY kind, chain, seq";
        Ok(in_time(self.client().query(sql).bind(site).bind(day).fetch_all()).await?)
    }

    /// The rows whose time is not over: one that is about to be let go may outlast its link.
    pub(super) async fn rows_of(&self, site: &str, day: u16) -> Result<Vec<Held>, StoreError> {
        let sql = "SELECT toUInt32(toUnixTimestamp(ts)) AS ts, action, consent_id, granted, denied, revision, \
                       text_hash, banner_hash, declaration_hash, language, domain, surface, withdraws, chain, \
                       chain_seq, salt \
                   FROM consents WHERE site_id = ? AND consents.ts >= toDateTime(toDate(?), 'UTC') \
                       AND consents.ts < toDateTime(toDate(?) + 1, 'UTC') AND chain != 0 \
                       AND expires > toDate(now('UTC'))";
        Ok(in_time(self.client().query(sql).bind(site).bind(day).bind(day).fetch_all()).await?)
    }

    pub(super) async fn erased_of(&self, site: &str, day: u16) -> Result<HashSet<String>, StoreError> {
        let sql = "SELECT DISTINCT commitment FROM ledger_erased WHERE commitment IN \
                   (SELECT commitment FROM ledger_chain WHERE site_id = ? AND day = toDate(?))";
        let found: Vec<String> = in_time(self.client().query(sql).bind(site).bind(day).fetch_all()).await?;
        Ok(found.into_iter().collect())
    }

    /// The places that the store did not take and whose time is not over.
    pub(super) async fn aside_of(&self, site: &str, day: u16) -> Result<Notes, StoreError> {
        let sql = "SELECT chain, seq, toUInt16(max(noted)), max(link) FROM ledger_aside \
                   WHERE site_id = ? AND day = toDate(?) AND expires > toDate(now('UTC')) \
                   GROUP BY chain, seq";
        let found: Vec<(u64, u32, u16, String)> =
            in_time(self.client().query(sql).bind(site).bind(day).fetch_all()).await?;
        let note = |(chain, seq, noted, link)| ((chain, seq), Note { noted, link });
        Ok(found.into_iter().map(note).collect())
    }

    /// Those of these links that are there.
    pub(super) async fn links_named(&self, site: &str, links: &[&str]) -> Result<Vec<Named>, StoreError> {
        let sql =
            "SELECT link, toUInt16(expires) AS expires FROM ledger_chain WHERE site_id = ? AND link IN ?";
        let mut found = Vec::new();
        for links in links.chunks(NAMED_MAX) {
            let named: Vec<Named> =
                in_time(self.client().query(sql).bind(site).bind(links).fetch_all()).await?;
            found.extend(named);
        }
        Ok(found)
    }
}
