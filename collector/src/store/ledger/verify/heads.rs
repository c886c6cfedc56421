//! The heads of chains, which an owner keeps elsewhere.
//!
//! In: a site, a day. Out: of each chain the last link, and until when the chain is kept.

use super::super::super::{Store, StoreError, in_time};
use super::super::of_site;
use clickhouse::Row;
use serde::{Deserialize, Serialize};
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

impl Store {
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
}
