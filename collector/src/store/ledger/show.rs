//! A decision as the ledger holds it, with what the visitor saw.
//!
//! In: the id of a consent, or a site and a day. Out: rows, and the artefacts that they name. Invariant: an artefact is
//! given only if its hash is that of its content.

use super::super::{Store, StoreError, in_time};
use crate::ledger::hex;
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use wire::HexId;

/// Most rows that one question shows.
pub const SHOWN_MAX: usize = 10_000;
/// Consents of one visitor beyond which no further ones are followed from the newest back to be shown. Erased are all.
const CONSENTS_MAX: usize = 256;

/// Rows and what they name.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Shown {
    /// The rows, the oldest first.
    pub rows: Vec<ShownRow>,
    /// By hash, what the rows name: the artefact, or a sentence that says why it cannot be shown.
    pub artefacts: BTreeMap<String, Value>,
}

/// One row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the columns of `consents`, which schema/README.md describes")]
pub struct ShownRow {
    pub site_id: String,
    pub ts: String,
    pub action: String,
    pub consent_id: String,
    pub granted: Vec<String>,
    pub denied: Vec<String>,
    pub revision: u32,
    pub text_hash: String,
    pub banner_hash: String,
    pub declaration_hash: String,
    pub language: String,
    pub domain: String,
    pub surface: String,
    pub withdraws: String,
    pub chain: String,
    pub chain_seq: u32,
    pub expires: String,
}

const ROWS: &str = "SELECT toString(site_id) AS site_id, \
        formatDateTime(c.ts, '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS ts, toString(action) AS action, \
        lower(leftPad(hex(c.consent_id), 16, '0')) AS consent_id, \
        arrayMap(one -> toString(one), c.granted) AS granted, arrayMap(one -> toString(one), c.denied) AS denied, \
        revision, toString(text_hash) AS text_hash, toString(banner_hash) AS banner_hash, \
        toString(declaration_hash) AS declaration_hash, toString(language) AS language, toString(domain) AS domain, \
        toString(surface) AS surface, lower(leftPad(hex(c.withdraws), 16, '0')) AS withdraws, \
        lower(leftPad(hex(c.chain), 16, '0')) AS chain, chain_seq, toString(c.expires) AS expires \
     FROM consents AS c";

#[derive(Row, Deserialize)]
struct Named {
    site_id: String,
    hash: String,
    kind: String,
    text_hash: String,
    declaration_hash: String,
    content: String,
}

impl Store {
    /// The rows of one consent, those that ended it included.
    ///
    /// # Errors
    /// What the store says.
    pub async fn ledger_rows(&self, site: &str, consents: &[HexId]) -> Result<Vec<ShownRow>, StoreError> {
        let ids = consents.iter().map(|id| id.0.to_string()).collect::<Vec<_>>().join(",");
        let sql = format!(
            "{ROWS} WHERE c.site_id = ? AND (c.consent_id IN ({ids}) OR c.withdraws IN ({ids})) \
             ORDER BY c.ts, c.chain, c.chain_seq LIMIT {SHOWN_MAX}"
        );
        Ok(in_time(self.client().query(&sql).bind(site).fetch_all()).await?)
    }

    /// The rows of one site on one day.
    ///
    /// # Errors
    /// What the store says.
    pub async fn ledger_rows_of_day(&self, site: &str, day: &str) -> Result<Vec<ShownRow>, StoreError> {
        let sql = format!(
            "{ROWS} WHERE c.site_id = ? AND toDate(c.ts, 'UTC') = toDate(?) \
             ORDER BY c.ts, c.chain, c.chain_seq LIMIT {SHOWN_MAX}"
        );
        Ok(in_time(self.client().query(&sql).bind(site).bind(day).fetch_all()).await?)
    }

    /// Consents and those that they replaced, as far as the ledger tells.
    ///
    /// # Errors
    /// What the store says.
    pub async fn consents_before(&self, site: &str, newest: Vec<HexId>) -> Result<Vec<HexId>, StoreError> {
        let mut ids = newest;
        while ids.len() < CONSENTS_MAX {
            let list = ids.iter().map(|id| id.0.to_string()).collect::<Vec<_>>().join(",");
            let sql = format!(
                "SELECT DISTINCT withdraws FROM consents WHERE site_id = ? AND consent_id IN ({list}) \
                 AND withdraws != 0 AND withdraws NOT IN ({list}) ORDER BY withdraws LIMIT {CONSENTS_MAX}"
            );
            let found: Vec<u64> = in_time(self.client().query(&sql).bind(site).fetch_all()).await?;
            if found.is_empty() {
                break;
            }
            ids.extend(found.into_iter().map(HexId));
        }
        Ok(ids)
    }

    /// The rows with the artefacts that they name.
    ///
    /// # Errors
    /// What the store says.
    pub async fn replay(&self, rows: Vec<ShownRow>) -> Result<Shown, StoreError> {
        let sites: BTreeSet<&str> = rows.iter().map(|row| row.site_id.as_str()).collect();
        let mut shown = Shown::default();
        for site in sites {
            let of_site = || rows.iter().filter(|row| row.site_id == site);
            let hashes: BTreeSet<&str> = of_site()
                .flat_map(|row| [&row.banner_hash, &row.declaration_hash, &row.text_hash])
                .map(String::as_str)
                .filter(|hash| !hash.is_empty())
                .collect();
            let hashes: Vec<&str> = hashes.into_iter().collect();
            let sql = "SELECT toString(site_id) AS site_id, hash, toString(kind) AS kind, text_hash, declaration_hash, \
                       content FROM ledger_artefacts FINAL WHERE site_id = ? AND (hash IN ? OR text_hash IN ? \
                       OR (kind = 'declaration' AND declaration_hash IN ?))";
            let query = self.client().query(sql).bind(site).bind(&hashes).bind(&hashes).bind(&hashes);
            let named: Vec<Named> = in_time(query.fetch_all()).await?;
            for row in of_site() {
                named.iter().filter(|one| is_named(one, row)).for_each(|one| {
                    shown.artefacts.insert(one.hash.clone(), content(one));
                });
                let missing = !row.banner_hash.is_empty() && !shown.artefacts.contains_key(&row.banner_hash);
                if missing {
                    shown.artefacts.insert(row.banner_hash.clone(), "The store does not have it.".into());
                }
            }
        }
        shown.rows = rows;
        Ok(shown)
    }
}

/// Whether the row says that the visitor saw it. A refusal names the text alone.
fn is_named(one: &Named, row: &ShownRow) -> bool {
    let by_text = row.banner_hash.is_empty() && !row.text_hash.is_empty() && one.text_hash == row.text_hash;
    let declaration = one.kind == "declaration" && one.declaration_hash == row.declaration_hash;
    one.site_id == row.site_id && (one.hash == row.banner_hash || by_text || declaration)
}

fn content(one: &Named) -> Value {
    if hex(&Sha256::digest(&one.content)) != one.hash {
        return "The store has another content under this hash: it was changed.".into();
    }
    serde_json::from_str(&one.content).unwrap_or_else(|_| "The content is not JSON.".into())
}
