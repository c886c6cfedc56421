//! Cookies in and out: read from the request and percent-decoded, written with the attributes that each one needs.

use axum::http::{HeaderMap, HeaderValue, header};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use std::borrow::Cow;

/// The choice: readable by the page's scripts, because the loader acts on it.
pub(crate) const CONSENT: &str = "kruimel";
/// The visitor's id: for the collector alone.
pub(crate) const VISITOR: &str = "kruimel_id";
/// The visit: made by the tracker, expired from here too.
pub(crate) const VISIT: &str = "kruimel_visit";

/// What RFC 6265, section 4.1.1, keeps out of a cookie's value, and the percent sign.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%');

/// The value of a cookie, percent-decoded.
pub(crate) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, str>> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| decode(value))
}

/// A cookie's value without its percent encoding.
pub(crate) fn decode(value: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(value).decode_utf8().ok()
}

/// Whether the page was reached over TLS, so that its cookies can be kept to it.
pub(crate) fn is_secure(headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

/// A `Set-Cookie` header for this host.
pub(crate) fn write(
    name: &str,
    value: &str,
    seconds: i64,
    script_may_read: bool,
    secure: bool,
) -> HeaderValue {
    let value = utf8_percent_encode(value, ESCAPED);
    let only = if script_may_read { "" } else { "; HttpOnly" };
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; SameSite=Lax{only}{secure}");
    HeaderValue::from_str(&text).expect("a percent-encoded value is a header")
}

/// A `Set-Cookie` header that removes a cookie.
pub(crate) fn expire(name: &str, secure: bool) -> HeaderValue {
    write(name, "", 0, name != VISITOR, secure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_reads_back_as_written() {
        let json = r#"{"categories":["necessary"],"a":"é;%"}"#;
        let written = write(CONSENT, json, 60, true, true);
        let text = written.to_str().unwrap();
        assert!(text.ends_with("; Path=/; Max-Age=60; SameSite=Lax; Secure"), "{text}");
        let mut headers = HeaderMap::new();
        let pair = text.split(';').next().unwrap();
        headers.insert(header::COOKIE, HeaderValue::from_str(&format!("a=b; {pair}; kruimel_id=x")).unwrap());
        assert_eq!(read(&headers, CONSENT).as_deref(), Some(json));
        assert_eq!(read(&headers, VISITOR).as_deref(), Some("x"));
        assert_eq!(read(&headers, "missing"), None);
    }
}
