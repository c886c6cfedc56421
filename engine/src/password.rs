//! The password of the TCP listener: where a request carries it, and whether it is the right one.
//!
//! In: a request's headers. Out: [`Password::opens`]. Invariants: the password is never shown, also not by `Debug`; comparing
//! takes as long wherever the first wrong byte is; whoever is wrong waits ([`WRONG_PASSWORD_PAUSE`]) before the answer, so
//! that guessing is slow. It is not read from the URL, which proxies log.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

use crate::exception::Exception;
use crate::limits::WRONG_PASSWORD_PAUSE;

/// A password, which no log or error can show.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Arc<str>);

impl Password {
    /// From its text.
    pub fn new(text: &str) -> Password {
        Password(text.into())
    }

    /// The password itself, for the process that must know it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Lets a request with the password pass. The name of a user does not count: there is one user.
    pub(crate) async fn opens(&self, headers: &HeaderMap) -> Result<(), Exception> {
        if sent(headers).is_some_and(|found| self.is(&found)) {
            return Ok(());
        }
        tokio::time::sleep(WRONG_PASSWORD_PAUSE).await;
        Err(Exception::unauthorized("Authentication failed: the password is wrong or missing"))
    }

    fn is(&self, found: &[u8]) -> bool {
        let difference = |(one, other): (&u8, &u8)| one ^ other;
        let different = self.0.as_bytes().iter().zip(found).map(difference).fold(0, |all, one| all | one);
        found.len() == self.0.len() && different == 0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Password(…)")
    }
}

/// The password that came along: as ClickHouse's clients send it, or as HTTP does.
fn sent(headers: &HeaderMap) -> Option<Vec<u8>> {
    if let Some(key) = headers.get("x-clickhouse-key") {
        return Some(key.as_bytes().to_vec());
    }
    let basic = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let pair = STANDARD.decode(basic.trim()).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair[colon + 1..].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &'static str, value: &str, expected: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        let found = sent(&headers).is_some_and(|found| Password::new("open sesame").is(&found));
        assert_eq!(found, expected, "{name}: {value}");
    }

    #[test]
    fn the_whole_password_opens_and_nothing_else() {
        check("x-clickhouse-key", "open sesame", true);
        for wrong in ["", "open", "open sesame ", "Open sesame", "open sesam\u{e9}"] {
            check("x-clickhouse-key", wrong, false);
        }
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        check("authorization", &basic("whoever:open sesame"), true);
        check("authorization", &basic(":open sesame"), true);
        for wrong in ["open sesame", "open sesame:", "whoever:open", "a:b:open sesame"] {
            check("authorization", &basic(wrong), false);
        }
        check("authorization", "Bearer open sesame", false);
        check("authorization", "Basic !", false);
        check("x-other", "open sesame", false);
        assert_eq!(format!("{:?}", Password::new("open sesame")), "Password(…)");
    }
}
