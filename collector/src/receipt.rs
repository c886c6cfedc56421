//! The signed receipt, form tokens and (in `visitor`) the visitor's cookie: made here, checked here, with keys that can be
//! rotated.
//!
//! The consent cookie after a grant is readable JSON whose last member is `sig`: HMAC-SHA256 over every byte before
//! `,"sig":"`, in base64url. The JSON names the site, the expiry and the key, so none of them can be exchanged.
//!
//! Invariant: what this module hands out as [`LiveReceipt`] was signed by one of our keys, for this site, and had not
//! expired at the time given. (Whether it was withdrawn is asked of `withdrawn`.)

use crate::keys::Key;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde::Deserialize;
use sha2::Sha256;
use std::borrow::Cow;
use std::collections::BTreeMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use wire::{HexId, Receipt};

mod visitor;

pub use crate::keys::Keys;
pub use visitor::VisitorCookie;

const SIGNATURE_MEMBER: &str = ",\"sig\":\"";
const SIGNATURE_CHARACTERS: usize = 43;
/// Longest cookie value that is looked at; browsers keep at most 4,096 bytes (RFC 6265, section 6.1).
pub const COOKIE_BYTES_MAX: usize = 4_096;
/// A visitor id lives no longer than this, whatever its receipt says: thirteen months (CNIL 2020-091, article 5).
pub const VISITOR_SECONDS_MAX: i64 = 395 * 86_400;

/// A receipt that was checked, as it lies in its cookie's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveReceipt<'cookie> {
    claims: Claims<'cookie>,
}

/// The members of a [`Receipt`], borrowed from the cookie: every batch brings one, and reading it into texts of its own cost
/// as much as checking its signature.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claims<'cookie> {
    #[serde(borrow)]
    categories: Vec<Text<'cookie>>,
    #[serde(borrow, default)]
    services: BTreeMap<Text<'cookie>, Vec<Text<'cookie>>>,
    revision: u32,
    consent_id: HexId,
    #[serde(borrow)]
    consent_timestamp: Text<'cookie>,
    #[serde(borrow)]
    last_consent_timestamp: Text<'cookie>,
    #[serde(borrow)]
    language_code: Text<'cookie>,
    expiration_time: u64,
    #[serde(default)]
    session: bool,
    #[serde(borrow)]
    site: Text<'cookie>,
    #[serde(borrow)]
    key: Text<'cookie>,
}

/// A text that is borrowed wherever nothing in it is escaped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
struct Text<'cookie>(#[serde(borrow)] Cow<'cookie, str>);

/// Why a consent cookie is not a live receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// A refusal, or something else without a signature.
    #[error("the cookie grants nothing")]
    Unsigned,
    /// The signature is not ours, or not over this text, or for another site.
    #[error("the signature does not hold")]
    Forged,
    /// It was ours and is over.
    #[error("the receipt has expired")]
    Expired,
}

impl<'cookie> LiveReceipt<'cookie> {
    /// Checks the text of a consent cookie (already percent-decoded) for one site at one time.
    ///
    /// # Errors
    /// [`ReceiptError`] says which part does not hold.
    pub fn check(
        text: &'cookie str,
        site: &str,
        now_ms: i64,
        keys: &Keys,
    ) -> Result<LiveReceipt<'cookie>, ReceiptError> {
        if text.len() > COOKIE_BYTES_MAX {
            return Err(ReceiptError::Forged);
        }
        let (signed, signature) = parted(text)?;
        // With the signature, which is a member that the receipt does not know.
        let claims: Claims<'cookie> = serde_json::from_str(text).map_err(|_| ReceiptError::Forged)?;
        let key = keys.of(site).find(&claims.key.0).ok_or(ReceiptError::Forged)?;
        verify(key, &[signed], signature)?;
        if claims.site.0 != site {
            return Err(ReceiptError::Forged);
        }
        if i64::try_from(claims.expiration_time).is_ok_and(|end| end <= now_ms) {
            return Err(ReceiptError::Expired);
        }
        Ok(LiveReceipt { claims })
    }

    /// As [`Receipt::consent_id`].
    pub fn consent_id(&self) -> HexId {
        self.claims.consent_id
    }

    /// As [`Receipt::revision`].
    pub fn revision(&self) -> u32 {
        self.claims.revision
    }

    /// As [`Receipt::expiration_time`].
    pub fn expiration_time(&self) -> u64 {
        self.claims.expiration_time
    }

    /// As [`Receipt::session`].
    pub fn session(&self) -> bool {
        self.claims.session
    }

    /// As [`Receipt::site`].
    pub fn site(&self) -> &str {
        &self.claims.site.0
    }

    /// As [`Receipt::key`].
    pub fn key(&self) -> &str {
        &self.claims.key.0
    }

    /// As [`Receipt::allows`].
    pub fn allows(&self, category: &str, service: &str) -> bool {
        let named = |granted: &Vec<Text<'_>>| granted.iter().any(|one| one.0 == service);
        let services = || self.claims.services.iter().find(|(of, _)| of.0 == category);
        self.claims.categories.iter().any(|one| one.0 == category)
            && services().is_none_or(|(_, granted)| named(granted))
    }

    /// What was granted, with texts of its own.
    pub fn receipt(&self) -> Receipt {
        let own = |text: &Text<'_>| text.0.clone().into_owned();
        let all = |texts: &Vec<Text<'_>>| texts.iter().map(own).collect();
        let claims = &self.claims;
        Receipt {
            categories: all(&claims.categories),
            services: claims.services.iter().map(|(of, granted)| (own(of), all(granted))).collect(),
            revision: claims.revision,
            consent_id: claims.consent_id,
            consent_timestamp: own(&claims.consent_timestamp),
            last_consent_timestamp: own(&claims.last_consent_timestamp),
            language_code: own(&claims.language_code),
            expiration_time: claims.expiration_time,
            session: claims.session,
            site: own(&claims.site),
            key: own(&claims.key),
        }
    }
}

/// What is signed of a consent cookie's text, and the signature at its end.
fn parted(text: &str) -> Result<(&str, &str), ReceiptError> {
    let ends = text
        .strip_suffix("\"}")
        .and_then(|text| text.split_at_checked(text.len().checked_sub(SIGNATURE_CHARACTERS)?));
    let parts =
        ends.and_then(|(before, signature)| Some((before.strip_suffix(SIGNATURE_MEMBER)?, signature)));
    parts.ok_or_else(|| match text.contains(SIGNATURE_MEMBER) {
        true => ReceiptError::Forged,
        false => ReceiptError::Unsigned,
    })
}

/// The consent id that a cookie's text claims, unchecked: good for looking up, not for trusting.
pub fn receipt_id(text: &str) -> Option<HexId> {
    text.contains(SIGNATURE_MEMBER)
        .then(|| serde_json::from_str::<Receipt>(text).ok())?
        .map(|receipt| receipt.consent_id)
}

/// Signs a receipt with the key of this time and returns the consent cookie's text, not yet percent-encoded. The field
/// `key` is set here.
pub fn sign(mut receipt: Receipt, now_ms: i64, keys: &Keys) -> String {
    let key = keys.of(&receipt.site).signing(now_ms);
    receipt.key = key.id().to_owned();
    let json = serde_json::to_string(&receipt).expect("a receipt of texts and numbers is always JSON");
    sign_members(json.strip_suffix('}').expect("the JSON of a struct ends with a brace"), key)
}

/// Signs the members of a receipt, in JSON without the brace at their end.
pub(crate) fn sign_members(members: &str, key: &Key) -> String {
    let signature = URL_SAFE_NO_PAD.encode(mac(key, &[members]).finalize().into_bytes());
    format!("{members}{SIGNATURE_MEMBER}{signature}\"}}")
}

/// Signs a form's token: good for this purpose and site until `expires_s`, seconds since 1970.
pub fn sign_token(purpose: &str, site: &str, now_ms: i64, expires_s: i64, keys: &Keys) -> String {
    let message = format!("token\n{purpose}\n{site}\n{expires_s}");
    let signature =
        URL_SAFE_NO_PAD.encode(mac(keys.of(site).signing(now_ms), &[&message]).finalize().into_bytes());
    format!("{expires_s}.{signature}")
}

/// Whether a form's token was made by [`sign_token`] for this purpose and site and is not over.
pub fn check_token(token: &str, purpose: &str, site: &str, now_ms: i64, keys: &Keys) -> bool {
    let Some((expires, signature)) = token.split_once('.') else { return false };
    let message = format!("token\n{purpose}\n{site}\n{expires}");
    let signed = keys.of(site).iter().any(|key| verify(key, &[&message], signature).is_ok());
    signed && expires.parse().is_ok_and(|end: i64| end > now_ms.div_euclid(1_000))
}

/// A time as the receipt writes it: RFC 3339 in UTC, whole seconds.
pub fn timestamp(now_ms: i64) -> String {
    OffsetDateTime::from_unix_timestamp(now_ms.div_euclid(1_000))
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// Over the parts of a message, one after the other.
fn mac(key: &Key, message: &[&str]) -> Hmac<Sha256> {
    let mut mac = key.mac();
    message.iter().for_each(|part| mac.update(part.as_bytes()));
    mac
}

fn verify(key: &Key, message: &[&str], signature: &str) -> Result<(), ReceiptError> {
    if signature.len() != SIGNATURE_CHARACTERS {
        return Err(ReceiptError::Forged);
    }
    // Room for what the decoder may write; a signature is 32 of it.
    let mut room = [0; SIGNATURE_CHARACTERS];
    let length = URL_SAFE_NO_PAD.decode_slice(signature, &mut room).map_err(|_| ReceiptError::Forged)?;
    let bytes = &room[..length];
    mac(key, message).verify_slice(bytes).map_err(|_| ReceiptError::Forged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const NOW_MS: i64 = 1_790_000_000_000;

    fn receipt() -> Receipt {
        Receipt {
            categories: vec!["necessary".into(), "analytics".into()],
            services: BTreeMap::new(),
            revision: 3,
            consent_id: HexId(0xfeed),
            consent_timestamp: timestamp(NOW_MS),
            last_consent_timestamp: timestamp(NOW_MS),
            language_code: "nl".into(),
            expiration_time: (NOW_MS + 1_000) as u64,
            session: false,
            site: "demo".into(),
            key: String::new(),
        }
    }

    #[test]
    fn a_receipt_holds_for_its_site_until_it_ends() {
        let keys = Keys::generate();
        let text = sign(receipt(), NOW_MS, &keys);
        assert!(LiveReceipt::check(&text, "demo", NOW_MS, &keys).is_ok());
        assert_eq!(LiveReceipt::check(&text, "demo", NOW_MS + 1_000, &keys), Err(ReceiptError::Expired));
        assert_eq!(LiveReceipt::check(&text, "other", NOW_MS, &keys), Err(ReceiptError::Forged));
        assert_eq!(LiveReceipt::check(&text, "demo", NOW_MS, &Keys::generate()), Err(ReceiptError::Forged));
    }

    #[test]
    fn what_is_read_in_place_is_what_was_signed_also_where_a_text_is_escaped() {
        let keys = Keys::generate();
        let some = |services: &[&str]| services.iter().map(|service| (*service).to_owned()).collect();
        let services = [("analytics", &["a \"quoted\" one", "kruimel"][..]), ("f\u{1}", &[])];
        let services = services.map(|(of, granted)| (of.to_owned(), some(granted))).into();
        let categories = some(&["necessary", "analytics", "f\u{1}", "é"]);
        let whole = Receipt { categories, services, session: true, ..receipt() };
        let text = sign(whole.clone(), NOW_MS, &keys);
        let live = LiveReceipt::check(&text, "demo", NOW_MS, &keys).unwrap();
        let signed = Receipt { key: keys.signing(NOW_MS).id().to_owned(), ..whole };
        assert_eq!(live.receipt(), signed);
        for category in ["necessary", "analytics", "f\u{1}", "é", "advertising"] {
            for service in ["kruimel", "a \"quoted\" one", "other"] {
                let (ours, theirs) = (live.allows(category, service), signed.allows(category, service));
                assert_eq!(ours, theirs, "{category} {service}");
            }
        }
    }

    #[test]
    fn a_refusal_is_not_a_receipt() {
        let text = r#"{"categories":["necessary"],"services":{},"revision":1,"day":"2026-11-22"}"#;
        let checked = LiveReceipt::check(text, "demo", NOW_MS, &Keys::generate());
        assert_eq!(checked, Err(ReceiptError::Unsigned));
    }

    #[test]
    fn an_older_key_still_verifies_after_rotation() {
        let mut keys = Keys::generate();
        let text = sign(receipt(), NOW_MS, &keys);
        let visitor = VisitorCookie { id: HexId(5), created_s: NOW_MS / 1_000 }.sign("demo", NOW_MS, &keys);
        keys.rotate(NOW_MS, None);
        assert!(LiveReceipt::check(&text, "demo", NOW_MS, &keys).is_ok());
        assert!(VisitorCookie::check(&visitor, "demo", NOW_MS, &keys).is_some());
        assert!(!sign(receipt(), NOW_MS, &keys).contains(&text[text.len() - 40..]));
    }

    #[test]
    fn a_visitor_cookie_holds_for_its_site_for_thirteen_months() {
        let keys = Keys::generate();
        let cookie = VisitorCookie { id: HexId(5), created_s: NOW_MS / 1_000 };
        let text = cookie.sign("demo", NOW_MS, &keys);
        assert_eq!(VisitorCookie::check(&text, "demo", NOW_MS, &keys), Some(cookie));
        assert_eq!(VisitorCookie::check(&text, "other", NOW_MS, &keys), None);
        let later_ms = NOW_MS + (VISITOR_SECONDS_MAX + 1) * 1_000;
        assert_eq!(VisitorCookie::check(&text, "demo", later_ms, &keys), None);
        assert_eq!(VisitorCookie::check(&text.replace("0005.", "0006."), "demo", NOW_MS, &keys), None);
    }

    #[test]
    fn a_token_holds_for_its_purpose_and_time() {
        let keys = Keys::generate();
        let token = sign_token("decide", "demo", NOW_MS, NOW_MS / 1_000 + 60, &keys);
        assert!(check_token(&token, "decide", "demo", NOW_MS, &keys));
        assert!(!check_token(&token, "erase", "demo", NOW_MS, &keys));
        assert!(!check_token(&token, "decide", "other", NOW_MS, &keys));
        assert!(!check_token(&token, "decide", "demo", NOW_MS + 60_000, &keys));
        assert!(!check_token("", "decide", "demo", NOW_MS, &keys));
    }

    #[test]
    fn any_flipped_bit_is_refused() {
        let keys = Keys::generate();
        let whole = sign(receipt(), NOW_MS, &keys).into_bytes();
        for place in 0..whole.len() {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[place] ^= 1 << bit;
                // A cookie that is no text is not even looked at.
                if let Ok(text) = String::from_utf8(bytes) {
                    assert!(LiveReceipt::check(&text, "demo", NOW_MS, &keys).is_err(), "{text}");
                }
            }
        }
    }
}
