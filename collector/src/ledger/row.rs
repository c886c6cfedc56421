//! One row of the ledger.
//!
//! In: a site and a checked decision. Out: a row of `consents`. Invariant: a refusal's row holds what
//! [`LedgerRow::refusal`] takes and nothing else.

mod encode;

pub use encode::{CONSENTS, Content, DECISIONS};

use super::chain::Kind;
use crate::config::Site;
use crate::pipeline::day_after_months;
use crate::withdrawn::DEAD_DAYS;
use wire::{DecisionAction, DecisionRequest, HexId};

/// The action of the row that is left when a visitor had the rows of a consent erased.
pub const ERASE: &str = "erase";

const SECONDS_PER_HOUR: i64 = 3_600;
const SECONDS_PER_DAY: u32 = 86_400;

/// What the visitor saw and where; of a refusal none of it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The artefact of the banner or page.
    pub banner_hash: String,
    /// The version of the declaration.
    pub declaration_hash: String,
    /// The host of the site on which it was decided.
    pub domain: String,
}

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
    seen: Seen,
    sample: bool,
    expires_day: u16,
}

impl LedgerRow {
    /// The row of a visitor who grants nothing and had granted nothing.
    pub fn refusal(site: &Site, revision: u32, text_hash: &str, now_ms: i64, sample: bool) -> Self {
        LedgerRow {
            ts_s: hour(now_ms),
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

    /// The row of a further consent that a decision ends beside the one that it goes on from or narrows: `by` is the
    /// consent that the decision led to, so that who has that erased has this one erased too.
    pub fn withdrawal_by(
        site: &Site,
        request: &DecisionRequest,
        by: HexId,
        withdraws: HexId,
        now_ms: i64,
    ) -> Self {
        LedgerRow { consent_id: by.0, ..LedgerRow::withdrawal(site, request, withdraws, now_ms, false) }
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

    /// What is left when the visitor of a consent had its rows erased: that this random id is dead, and the hour. It lasts
    /// as long as a dead receipt is listed, so that no import and no restore brings back what it allowed.
    pub fn erasure(site_id: &str, withdraws: HexId, now_ms: i64) -> Self {
        let expires_day = day_of(hour(now_ms)).saturating_add(DEAD_DAYS);
        LedgerRow {
            ts_s: hour(now_ms),
            action: ERASE,
            withdraws: withdraws.0,
            ..LedgerRow::kept_until(site_id, DecisionAction::Withdraw, now_ms, expires_day, false)
        }
    }

    /// The row with what the visitor saw. Of a refusal and an erasure none of it is kept.
    #[must_use]
    pub fn having_seen(self, seen: Seen) -> Self {
        match self.kind() {
            Kind::Hourly => self,
            Kind::Timed => LedgerRow { seen, ..self },
        }
    }

    /// The row, kept until the receipt has ended that it ends, at `end_ms`, though the site keeps decisions for less long:
    /// a collector that was not there when it died hears of it from this row.
    #[must_use]
    pub fn outliving(self, end_ms: u64) -> Self {
        let end_day = u16::try_from(end_ms / (u64::from(SECONDS_PER_DAY) * 1_000)).unwrap_or(u16::MAX);
        let no_later = self.day().saturating_add(DEAD_DAYS);
        LedgerRow { expires_day: self.expires_day.max(end_day.saturating_add(1).min(no_later)), ..self }
    }

    fn empty(site: &Site, action: DecisionAction, now_ms: i64, sample: bool) -> Self {
        let expires_day = day_after_months(now_ms, site.ledger_months);
        LedgerRow::kept_until(site.id.as_str(), action, now_ms, expires_day, sample)
    }

    fn kept_until(
        site_id: &str,
        action: DecisionAction,
        now_ms: i64,
        expires_day: u16,
        sample: bool,
    ) -> Self {
        LedgerRow {
            site_id: site_id.to_owned(),
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
            seen: Seen::default(),
            sample,
            expires_day,
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

    /// How exact its time is.
    pub(super) fn kind(&self) -> Kind {
        if self.action == ERASE || (self.consent_id == 0 && self.withdraws == 0) {
            Kind::Hourly
        } else {
            Kind::Timed
        }
    }

    pub(super) fn site_id(&self) -> &str {
        &self.site_id
    }

    /// The day of its time, in days since 1970.
    pub(super) fn day(&self) -> u16 {
        day_of(self.ts_s)
    }

    pub(super) fn ts_ms(&self) -> u64 {
        u64::from(self.ts_s) * 1_000
    }

    pub(super) fn expires_day(&self) -> u16 {
        self.expires_day
    }

    /// The day until which a chain is kept at least that begins with this row: an erasure may follow among hours.
    pub(super) fn chain_expires_day(&self) -> u16 {
        let erasure = match self.kind() {
            Kind::Hourly => self.day().saturating_add(DEAD_DAYS),
            Kind::Timed => 0,
        };
        self.expires_day.max(erasure)
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

/// The beginning of the hour.
fn hour(ms: i64) -> u32 {
    seconds(ms.div_euclid(1_000).div_euclid(SECONDS_PER_HOUR) * SECONDS_PER_HOUR)
}

fn day_of(seconds: u32) -> u16 {
    u16::try_from(seconds / SECONDS_PER_DAY).unwrap_or(u16::MAX)
}

fn seconds(value: i64) -> u32 {
    u32::try_from(value.max(0)).unwrap_or(u32::MAX)
}
