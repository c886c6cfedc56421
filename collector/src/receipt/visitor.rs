//! The visitor's cookie: `id.created.sig`, signed together with the site.
//!
//! In: a cookie's text, or a receipt and a batch. Out: an id that this collector gave, and when. Invariant: an id that
//! nobody signed here, or for another site, or longer ago than it may live, is none.

use super::{LiveReceipt, VISITOR_SECONDS_MAX, mac, verify};
use crate::keys::Keys;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use std::fmt;
use wire::{BatchId, HexId};

/// The visitor's random id, in a cookie that only the collector reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisitorCookie {
    /// The id.
    pub id: HexId,
    /// When it was made, in seconds since 1970.
    pub created_s: i64,
}

impl VisitorCookie {
    /// The cookie of a visitor whose batch came without one. Its id is a keyed hash of receipt and batch: each try of the
    /// batch gives the same, which the first may have stored, and nobody without the key can tell it.
    pub fn of_batch(live: &LiveReceipt<'_>, batch: BatchId, now_ms: i64, keys: &Keys) -> VisitorCookie {
        // The receipt's own: a retry has the same, whichever key signs by then.
        let keys = keys.of(live.site());
        let key = keys.find(live.key()).unwrap_or(keys.signing(now_ms));
        let message = [OF_BATCH, live.site(), "\n", &live.consent_id().to_string(), "\n", &batch.to_string()];
        let hash = mac(key, &message).finalize().into_bytes();
        let id = hash.iter().take(8).fold(0, |id, byte| (id << 8) | u64::from(*byte));
        VisitorCookie { id: HexId(id.max(1)), created_s: now_ms.div_euclid(1_000) }
    }

    /// Reads `id.created.sig`; nothing but a cookie of ours for this site that is not over age counts.
    pub fn check(text: &str, site: &str, now_ms: i64, keys: &Keys) -> Option<VisitorCookie> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (id, created) = signed.split_once('.')?;
        let cookie = VisitorCookie { id: id.parse().ok()?, created_s: created.parse().ok()? };
        keys.of(site).iter().find(|key| verify(key, &[VISITOR, site, "\n", signed], signature).is_ok())?;
        let age_s = now_ms.div_euclid(1_000).checked_sub(cookie.created_s)?;
        (age_s <= VISITOR_SECONDS_MAX).then_some(cookie)
    }

    /// The cookie's value, signed with the key of this time.
    pub fn sign(&self, site: &str, now_ms: i64, keys: &Keys) -> String {
        let signed = self.to_string();
        let mac = mac(keys.of(site).signing(now_ms), &[VISITOR, site, "\n", &signed]);
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }
}

/// What the signature of a visitor cookie is over, before the site.
const VISITOR: &str = "visitor\n";
/// What the id of a new visitor is a hash of, before the site.
const OF_BATCH: &str = "visitor of a batch\n";

impl fmt::Display for VisitorCookie {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.id, self.created_s)
    }
}
