//! What this browser chose here, read from its cookies.
//!
//! In: the cookies, already percent-decoded. Out: a [`State`]. Invariant: only a signed receipt that is alive counts as
//! a grant; a cookie that cannot be read is no choice.

use crate::config::Site;
use crate::keys::Keys;
use crate::receipt::{LiveReceipt, VisitorCookie};
use crate::withdrawn::Withdrawn;
use std::collections::BTreeMap;
use time::format_description::well_known::Rfc3339;
use time::{Date, Duration, OffsetDateTime};
use wire::{HexId, Receipt, Refusal};

/// What this browser chose.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// Something is granted.
    Granted(Box<Granted>),
    /// All is refused.
    Refused {
        /// The day of the refusal.
        day: Date,
        /// The day on which the site asks again.
        end: Date,
        /// It ends with the browser's session.
        session: bool,
    },
    /// Nothing that counts.
    Undecided {
        /// There was a choice, of an earlier declaration.
        outdated: bool,
        /// What was granted on that one, and is not taken back.
        holder: Option<Holder>,
    },
}

/// Whose rows the collector may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) consent: HexId,
    pub(super) visitor: Option<HexId>,
}

/// A grant in force.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Granted {
    pub(super) categories: Vec<String>,
    /// Of each category that is granted in part, the services.
    pub(super) services: BTreeMap<String, Vec<String>>,
    /// The day of this decision.
    pub(super) day: Date,
    /// The day on which it ends.
    pub(super) end: Date,
    /// It ends with the browser's session, if that is before its end.
    pub(super) session: bool,
    pub(super) holder: Holder,
}

impl State {
    /// Whose rows the collector may hold; nobody's who granted nothing.
    pub(super) fn holder(&self) -> Option<Holder> {
        match self {
            State::Granted(granted) => Some(granted.holder),
            State::Undecided { holder, .. } => *holder,
            State::Refused { .. } => None,
        }
    }

    /// Whether a category is granted, whole or in part.
    pub(super) fn allows(&self, category: &str) -> bool {
        matches!(self, State::Granted(granted) if granted.categories.iter().any(|name| name == category))
    }

    /// Whether a service of a category is granted.
    pub(super) fn allows_service(&self, category: &str, service: &str) -> bool {
        let State::Granted(granted) = self else { return false };
        let named = |ids: &Vec<String>| ids.iter().any(|id| id == service);
        self.allows(category) && granted.services.get(category).is_none_or(named)
    }
}

/// Reads the two cookies `kruimel` and `kruimel_id`.
pub(super) fn read(
    choice: Option<&str>,
    visitor: Option<&str>,
    site: &Site,
    now_ms: i64,
    keys: &Keys,
    withdrawn: &Withdrawn,
) -> State {
    let undecided = State::Undecided { outdated: false, holder: None };
    let Some(choice) = choice else { return undecided };
    if let Ok(live) = LiveReceipt::check(choice, site.id.as_str(), now_ms, keys) {
        let receipt = live.receipt();
        let visitor = visitor.and_then(|text| VisitorCookie::check(text, site.id.as_str(), now_ms, keys));
        let holder = Holder { consent: receipt.consent_id, visitor: visitor.map(|cookie| cookie.id) };
        return match granted(&receipt, holder) {
            _ if withdrawn.is_dead(receipt.consent_id.0) => undecided,
            _ if receipt.revision != site.revision => {
                State::Undecided { outdated: true, holder: Some(holder) }
            }
            Some(granted) => State::Granted(Box::new(granted)),
            None => undecided,
        };
    }
    refused(choice, site, now_ms).unwrap_or(undecided)
}

fn granted(receipt: &Receipt, holder: Holder) -> Option<Granted> {
    Some(Granted {
        categories: receipt.categories.clone(),
        services: receipt.services.clone(),
        day: OffsetDateTime::parse(&receipt.last_consent_timestamp, &Rfc3339).ok()?.date(),
        end: day_of(i64::try_from(receipt.expiration_time).ok()?)?,
        session: receipt.session,
        holder,
    })
}

fn refused(choice: &str, site: &Site, now_ms: i64) -> Option<State> {
    let refusal: Refusal = serde_json::from_str(choice).ok()?;
    if refusal.categories.iter().any(|name| name != "necessary") {
        return None;
    }
    let format = time::macros::format_description!("[year]-[month]-[day]");
    let day = Date::parse(&refusal.day, format).ok()?;
    let term = day.checked_add(Duration::days(i64::from(site.choice_days)))?;
    // A refusal that was taken over has an end of its own.
    let own = refusal.until.and_then(|until| Date::parse(&until, format).ok());
    let end = own.map_or(term, |own| own.min(term));
    let over = end <= day_of(now_ms)? || day > day_of(now_ms)?.next_day()?;
    let outdated = refusal.revision != site.revision;
    Some(if over || outdated {
        State::Undecided { outdated, holder: None }
    } else {
        State::Refused { day, end, session: refusal.session }
    })
}

fn day_of(ms: i64) -> Option<Date> {
    OffsetDateTime::from_unix_timestamp(ms.div_euclid(1_000)).ok().map(OffsetDateTime::date)
}
