//! Step 2, `admit`: no event goes on without a live receipt of ours that grants what it needs.
//!
//! Invariant: [`Grants`] can be minted only here, by [`admit`], and [`ConsentedEvent`] carries them. So an unconsented
//! event cannot become a row; none of these compile:
//!
//! ```compile_fail,E0451
//! fn mint(live: kruimel_collector::receipt::LiveReceipt<'_>) -> kruimel_collector::pipeline::Grants<'_> {
//!     kruimel_collector::pipeline::Grants { live, analytics: true, advertising: true }
//! }
//! ```
//! ```compile_fail,E0277
//! let grants: kruimel_collector::pipeline::Grants<'_> = serde_json::from_str("[\"analytics\"]").unwrap();
//! ```
//! ```compile_fail,E0308
//! use kruimel_collector::pipeline::{RawEvent, Surroundings, enrich};
//! fn skip_admission<'a>(raw: RawEvent<'a>, around: &'a Surroundings<'a>) {
//!     enrich(raw, around);
//! }
//! ```
//! ```compile_fail,E0451
//! use kruimel_collector::pipeline::{ConsentedEvent, Grants, RawEvent};
//! fn forge<'a>(raw: RawEvent<'a>, grants: &'a Grants<'a>) -> ConsentedEvent<'a> {
//!     ConsentedEvent { raw, grants, consent_id: wire::HexId(1), visitor_id: wire::HexId(2) }
//! }
//! ```
//!
//! The honest path is in the tests of `pipeline`.

use super::{RawBatch, RawEvent, Rejection, Tables};
use crate::config::{KRUIMEL, Site};
use crate::receipt::{LiveReceipt, ReceiptError, VisitorCookie};
use wire::HexId;
use wire::limits::{AGE_MS_MAX, ENGAGEMENT_MS_MAX};

/// The category that every kind of measurement needs.
pub const ANALYTICS: &str = "analytics";
/// The category that the details of a campaign need.
pub const ADVERTISING: &str = "advertising";

/// The cookies that came with a request, percent-decoded.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// The cookie `kruimel`.
    pub consent: Option<&'a str>,
    /// The cookie `kruimel_id`.
    pub visitor: Option<&'a str>,
}

/// The set of categories that a live receipt grants to Kruimel's own measuring: a category that was granted in part counts
/// only if its service `kruimel` is among what was granted.
#[derive(Debug)]
pub struct Grants<'a> {
    live: LiveReceipt<'a>,
    /// Of the two categories that every event asks for, some of them more than once.
    analytics: bool,
    advertising: bool,
}

impl<'a> Grants<'a> {
    fn of(live: LiveReceipt<'a>) -> Grants<'a> {
        let allows = |category| live.allows(category, KRUIMEL);
        Grants { analytics: allows(ANALYTICS), advertising: allows(ADVERTISING), live }
    }

    /// Whether a category was granted.
    pub fn allow(&self, category: &str) -> bool {
        match category {
            ANALYTICS => self.analytics,
            ADVERTISING => self.advertising,
            other => self.live.allows(other, KRUIMEL),
        }
    }

    /// The value if its category was granted, otherwise the empty value: an ungranted field stays empty.
    pub fn only<T: Default>(&self, category: &str, value: T) -> T {
        if self.allow(category) { value } else { T::default() }
    }
}

/// A batch whose receipt holds.
#[derive(Debug)]
pub struct Admitted<'a> {
    grants: Grants<'a>,
    consent_id: HexId,
    expires_ms: u64,
    session: bool,
    visitor: VisitorCookie,
    visitor_is_new: bool,
}

/// An event that a live receipt allows.
#[derive(Debug)]
pub struct ConsentedEvent<'a> {
    raw: RawEvent<'a>,
    grants: &'a Grants<'a>,
    consent_id: HexId,
    visitor_id: HexId,
}

/// Checks the receipt that came with a batch: signed by us, for this site, alive, of this revision, not withdrawn.
///
/// # Errors
/// The reason for which the batch has no consent.
pub fn admit<'a>(
    raw: &RawBatch<'_>,
    site: &Site,
    credentials: &Credentials<'a>,
    now_ms: i64,
    tables: &Tables<'_>,
) -> Result<Admitted<'a>, Rejection> {
    let grants = Grants::of(live(site, credentials.consent, now_ms, tables)?);
    if !raw.events.iter().any(|event| grants.allow(event.kind.category())) {
        return Err(Rejection::NotGranted);
    }
    let known =
        credentials.visitor.and_then(|text| VisitorCookie::check(text, &raw.site, now_ms, tables.keys));
    let visitor =
        known.unwrap_or_else(|| VisitorCookie::of_batch(&grants.live, raw.batch, now_ms, tables.keys));
    Ok(Admitted {
        consent_id: grants.live.consent_id(),
        expires_ms: grants.live.expiration_time(),
        session: grants.live.session(),
        grants,
        visitor,
        visitor_is_new: known.is_none(),
    })
}

/// Checks a consent cookie: signed by us, for this site, alive, of this revision, not withdrawn.
///
/// # Errors
/// The reason for which it is no consent.
pub fn live<'a>(
    site: &Site,
    consent: Option<&'a str>,
    now_ms: i64,
    tables: &Tables<'_>,
) -> Result<LiveReceipt<'a>, Rejection> {
    let text = consent.ok_or(Rejection::NoReceipt)?;
    let live =
        LiveReceipt::check(text, site.id.as_str(), now_ms, tables.keys).map_err(|error| match error {
            ReceiptError::Unsigned => Rejection::NoReceipt,
            ReceiptError::Forged => Rejection::ForgedReceipt,
            ReceiptError::Expired => Rejection::ExpiredReceipt,
        })?;
    if (tables.is_dead)(live.consent_id()) {
        return Err(Rejection::WithdrawnReceipt);
    }
    if live.revision() != site.revision {
        return Err(Rejection::OutdatedReceipt);
    }
    Ok(live)
}

impl Admitted<'_> {
    /// Lets one event of the batch through.
    ///
    /// # Errors
    /// [`Rejection::NotGranted`], [`Rejection::AbsurdTime`], [`Rejection::AbsurdDuration`].
    pub fn event<'a>(&'a self, raw: RawEvent<'a>) -> Result<ConsentedEvent<'a>, Rejection> {
        if !self.grants.allow(raw.event.kind.category()) {
            return Err(Rejection::NotGranted);
        }
        if raw.event.age_ms > AGE_MS_MAX {
            return Err(Rejection::AbsurdTime);
        }
        let visible_ms = raw.event.visible_ms.unwrap_or(0);
        let engaged_ms = raw.event.engaged_ms.unwrap_or(0);
        if visible_ms > ENGAGEMENT_MS_MAX || engaged_ms > visible_ms {
            return Err(Rejection::AbsurdDuration);
        }
        Ok(ConsentedEvent {
            raw,
            grants: &self.grants,
            consent_id: self.consent_id,
            visitor_id: self.visitor.id,
        })
    }

    /// What was granted.
    pub fn grants(&self) -> &Grants<'_> {
        &self.grants
    }

    /// The receipt's id.
    pub fn consent_id(&self) -> HexId {
        self.consent_id
    }

    /// The id of the visitor that the batch makes where it comes without a visitor's cookie: each try makes the same.
    pub(super) fn first_visitor(&self, raw: &RawBatch<'_>, now_ms: i64, tables: &Tables<'_>) -> HexId {
        VisitorCookie::of_batch(&self.grants.live, raw.batch, now_ms, tables.keys).id
    }

    /// How long the receipt holds yet.
    pub fn receipt_seconds(&self, now_ms: i64) -> i64 {
        i64::try_from(self.expires_ms).unwrap_or(i64::MAX).saturating_sub(now_ms) / 1_000
    }

    /// Whether the receipt ends with the browser's session.
    pub fn is_of_session(&self) -> bool {
        self.session
    }

    /// The cookie to set, where the request brought none that holds.
    pub fn into_new_visitor(self) -> Option<VisitorCookie> {
        self.visitor_is_new.then_some(self.visitor)
    }
}

impl<'a> ConsentedEvent<'a> {
    /// The event.
    pub fn raw(&self) -> RawEvent<'a> {
        self.raw
    }

    /// What was granted.
    pub fn grants(&self) -> &'a Grants<'a> {
        self.grants
    }

    /// The receipt's id.
    pub fn consent_id(&self) -> HexId {
        self.consent_id
    }

    /// The visitor's random id.
    pub fn visitor_id(&self) -> HexId {
        self.visitor_id
    }
}
