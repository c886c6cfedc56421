//! How many accepted, refused, changed and withdrew, per revision and language, beside how often the banner was served.
//!
//! A decision is *accepted* when it grants something and replaces no grant, *refused* when it grants nothing and nothing
//! was granted, *changed* when it goes on from or narrows an earlier grant, *withdrawn* when it takes all back. A
//! refusal's row names no language; that of its text is taken. Rows that a visitor had erased are not counted any more.

use super::super::{Store, StoreError, in_time};
use super::of_site;
use clickhouse::Row;
use serde::{Deserialize, Serialize};

/// What is said beside the number of displays, wherever it is told.
const DISPLAYS_NOTE: &str = "Displays are what the collectors served: the texts of the banner, by hour. Browsers and \
    proxies keep them and show them again without asking, and some ask and show nothing. So displays are fewer or more \
    than the times the banner was seen, and decisions divided by displays are no rate of consent.";

/// The counts of one or of all sites.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Decisions.
    pub decisions: Vec<DecisionCount>,
    /// How often the banner's texts were served.
    pub displays: Vec<DisplayCount>,
    /// What displays are and are not.
    pub displays_note: &'static str,
}

/// Decisions of one revision in one language.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the module says what each is")]
pub struct DecisionCount {
    pub site_id: String,
    pub revision: u32,
    /// Empty where nobody knows: a refusal that was taken over from another tool, or one on an unknown text.
    pub language: String,
    pub accepted: u64,
    pub refused: u64,
    pub changed: u64,
    pub withdrawn: u64,
}

/// Displays of one revision in one language.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the module says what each is")]
pub struct DisplayCount {
    pub site_id: String,
    pub revision: u32,
    pub language: String,
    pub served: u64,
}

const DECISIONS: &str = "
SELECT toString(c.site_id) AS site_id, c.revision AS revision,
       if(c.language != '', toString(c.language), t.language) AS language,
       countIf(c.kind = 'accepted') AS accepted, countIf(c.kind = 'refused') AS refused,
       countIf(c.kind = 'changed') AS changed, countIf(c.kind = 'withdrawn') AS withdrawn
FROM (
    SELECT site_id, revision, language, text_hash,
           multiIf(action = 'withdraw', 'withdrawn',
                   consent_id = 0, 'refused',
                   withdraws != 0 OR row_number() OVER (PARTITION BY site_id, consent_id ORDER BY ts, chain, chain_seq) > 1,
                   'changed', 'accepted') AS kind
    FROM consents
    WHERE sample = 0 AND action != 'erase' AND SITE
) AS c
LEFT JOIN (
    SELECT toString(site_id) AS site_id, text_hash, any(toString(a.language)) AS language
    FROM ledger_artefacts AS a WHERE text_hash != '' GROUP BY site_id, text_hash
) AS t ON t.site_id = toString(c.site_id) AND t.text_hash = toString(c.text_hash)
GROUP BY site_id, revision, language
ORDER BY site_id, revision, language";

const DISPLAYS: &str = "
SELECT toString(site_id) AS site_id, revision, toString(d.language) AS language, sum(count) AS served
FROM displays AS d WHERE SITE
GROUP BY site_id, revision, language
ORDER BY site_id, revision, language";

impl Store {
    /// The counts of one site or of all.
    ///
    /// # Errors
    /// What the store says.
    pub async fn ledger_counts(&self, site: Option<&str>) -> Result<Counts, StoreError> {
        let ask = |sql: &str| {
            let sql = sql.replace("SITE", of_site(site));
            self.client().query(&sql).bind(site.unwrap_or_default())
        };
        Ok(Counts {
            decisions: in_time(ask(DECISIONS).fetch_all()).await?,
            displays: in_time(ask(DISPLAYS).fetch_all()).await?,
            displays_note: DISPLAYS_NOTE,
        })
    }
}
