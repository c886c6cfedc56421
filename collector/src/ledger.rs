//! The consent ledger: one row per decision, appended and never changed.
//!
//! Invariant: a refusal's row holds site, hour, action, revision and the hash of the texts, and nothing about the person:
//! [`LedgerRow::refusal`] takes nothing else. Who withdraws was known; that row names the consent that it ends.

use crate::config::Site;
use crate::pipeline::day_after_months;
use crate::row_binary::{Encoder, Layout};
use wire::{DecisionAction, DecisionRequest, HexId};

/// Names and types of the columns of `consents` in the order in which [`LedgerRow::encode`] writes them.
pub const CONSENTS: Layout = Layout {
    table: "consents",
    columns: &[
        ("segment_id", "UInt64"),
        ("site_id", "LowCardinality(String)"),
        ("ts", "DateTime('UTC')"),
        ("action", "LowCardinality(String)"),
        ("consent_id", "UInt64"),
        ("granted", "Array(LowCardinality(String))"),
        ("denied", "Array(LowCardinality(String))"),
        ("revision", "UInt32"),
        ("text_hash", "LowCardinality(String)"),
        ("language", "LowCardinality(String)"),
        ("surface", "LowCardinality(String)"),
        ("withdraws", "UInt64"),
        ("sample", "UInt8"),
        ("expires", "Date"),
    ],
};

const SECONDS_PER_HOUR: i64 = 3_600;

/// One row of `consents`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    site_id: String,
    ts_s: u32,
    action: &'static str,
    consent_id: u64,
    granted: Vec<String>,
    denied: Vec<String>,
    revision: u32,
    text_hash: String,
    language: String,
    surface: &'static str,
    withdraws: u64,
    sample: bool,
    expires_day: u16,
}

impl LedgerRow {
    /// The row of a visitor who grants nothing and had granted nothing.
    pub fn refusal(site: &Site, revision: u32, text_hash: &str, now_ms: i64, sample: bool) -> Self {
        let hour_s = now_ms.div_euclid(1_000).div_euclid(SECONDS_PER_HOUR) * SECONDS_PER_HOUR;
        LedgerRow {
            ts_s: seconds(hour_s),
            revision,
            text_hash: text_hash.to_owned(),
            ..LedgerRow::empty(site, DecisionAction::Refuse, now_ms, sample)
        }
    }

    /// The row of a grant: what `request` lists was checked. `withdraws` is the earlier consent that this narrower one
    /// replaces.
    pub fn grant(
        site: &Site,
        request: &DecisionRequest,
        consent_id: HexId,
        withdraws: Option<HexId>,
        now_ms: i64,
        sample: bool,
    ) -> Self {
        LedgerRow {
            consent_id: consent_id.0,
            granted: request.categories.clone(),
            denied: denied(site, request),
            revision: request.revision,
            text_hash: request.text.clone(),
            language: request.language.clone(),
            surface: request.surface.name(),
            withdraws: withdraws.map_or(0, |id| id.0),
            ..LedgerRow::empty(site, request.action, now_ms, sample)
        }
    }

    /// The row of a visitor who takes back everything.
    pub fn withdrawal(
        site: &Site,
        request: &DecisionRequest,
        withdraws: HexId,
        now_ms: i64,
        sample: bool,
    ) -> Self {
        LedgerRow {
            consent_id: withdraws.0,
            revision: request.revision,
            text_hash: request.text.clone(),
            language: request.language.clone(),
            surface: request.surface.name(),
            withdraws: withdraws.0,
            denied: site.category_names().filter(|name| *name != "necessary").map(str::to_owned).collect(),
            ..LedgerRow::empty(site, DecisionAction::Withdraw, now_ms, sample)
        }
    }

    fn empty(site: &Site, action: DecisionAction, now_ms: i64, sample: bool) -> Self {
        LedgerRow {
            site_id: site.id.to_string(),
            ts_s: seconds(now_ms.div_euclid(1_000)),
            action: action.name(),
            consent_id: 0,
            granted: Vec::new(),
            denied: Vec::new(),
            revision: 0,
            text_hash: String::new(),
            language: String::new(),
            surface: "",
            withdraws: 0,
            sample,
            expires_day: day_after_months(now_ms, site.ledger_months),
        }
    }

    /// What the visitor did.
    pub fn action(&self) -> &'static str {
        self.action
    }

    /// The consent that this row ends, or zero.
    pub fn withdraws(&self) -> u64 {
        self.withdraws
    }

    /// The row in the layout [`CONSENTS`]; the segment's id is a placeholder until the segment is drained.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::row();
        out.string(&self.site_id);
        out.date_time(self.ts_s);
        out.string(self.action);
        out.uint64(self.consent_id);
        out.strings(&self.granted);
        out.strings(&self.denied);
        out.uint32(self.revision);
        out.string(&self.text_hash);
        out.string(&self.language);
        out.string(self.surface);
        out.uint64(self.withdraws);
        out.uint8(u8::from(self.sample));
        out.date(self.expires_day);
        out.finish()
    }
}

/// What was not granted: a category, or `category:service` where others of that category were.
fn denied(site: &Site, request: &DecisionRequest) -> Vec<String> {
    let mut denied = Vec::new();
    for category in &site.categories {
        let name = category.name.as_str();
        if !request.categories.iter().any(|one| one == name) {
            denied.push(name.to_owned());
        } else if let Some(granted) = request.services.get(name) {
            let ids = site.services_of(&category.name).map(|service| service.id.as_str());
            let withheld = ids.filter(|id| !granted.iter().any(|one| one == id));
            denied.extend(withheld.map(|id| format!("{name}:{id}")));
        }
    }
    denied
}

fn seconds(value: i64) -> u32 {
    u32::try_from(value.max(0)).unwrap_or(u32::MAX)
}
