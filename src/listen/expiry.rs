//! When a certificate ends, and whether that is soon.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// From here on the end is near, whatever the certificate's lifetime.
const NEAR_SECONDS: i64 = 14 * 24 * 60 * 60;
/// And for one of a short lifetime, from this part of it on.
const NEAR_PART: i64 = 4;

/// The first and the last moment of a certificate, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expiry {
    begins: i64,
    ends: i64,
}

impl Expiry {
    /// Reads them; none where the certificate is of a form that does not tell.
    pub(super) fn of(certificate: &[u8]) -> Option<Expiry> {
        let validity = Certificate::from_der(certificate).ok()?.tbs_certificate.validity;
        let [begins, ends] =
            [validity.not_before, validity.not_after].map(|time| seconds(time.to_unix_duration()));
        Some(Expiry { begins, ends })
    }

    /// How long it holds; below zero once it has expired.
    pub(super) fn seconds_left(&self) -> i64 {
        self.ends - seconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    pub(super) fn lifetime_seconds(&self) -> i64 {
        self.ends - self.begins
    }

    /// Whether it ends soon enough to say so: two weeks before, and for short-lived ones in their last quarter. Whoever
    /// renews by themselves has renewed by then.
    pub(super) fn is_near(&self) -> bool {
        self.seconds_left() < (self.lifetime_seconds() / NEAR_PART).min(NEAR_SECONDS)
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
