//! Cookies in and out: read from the request and percent-decoded, written with the attributes that each one needs.
//!
//! Invariant: a site with a shared domain has one cookie of each name: whatever sets or removes one for the domain
//! removes what an earlier time left for the host alone.

use super::origin;
use crate::config::{Host, Site, is_within};
use axum::http::{HeaderMap, HeaderValue, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::borrow::Cow;

/// The choice: readable by the page's scripts, because the loader acts on it.
pub(crate) const CONSENT: &str = "kruimel";
/// The visitor's id: for the collector alone.
pub(crate) const VISITOR: &str = "kruimel_id";
/// The visit: made by the tracker, expired from here too.
pub(crate) const VISIT: &str = "kruimel_visit";

/// What RFC 6265, section 4.1.1, keeps out of a cookie's value, and the percent sign.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%');

/// How long a cookie stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasts {
    /// So many seconds; none removes it.
    Seconds(i64),
    /// Until the browser is closed.
    Session,
}

/// Every cookie of the request, as it was sent. One that is no text, as a script of the page can write it, is left out, and
/// takes no other along.
pub(crate) fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| str::from_utf8(pair).ok()?.trim().split_once('='))
}

/// Every value of a cookie, percent-decoded: one for the host alone may stand beside one for its domain.
pub(crate) fn read_all<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = Cow<'a, str>> {
    pairs(headers).filter(move |(key, _)| *key == name).filter_map(|(_, value)| decode(value))
}

/// The value of a cookie, percent-decoded. Of two with one name the newer counts, which browsers send last (RFC 6265,
/// section 5.4): the loader does the same.
pub(crate) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, str>> {
    pairs(headers).filter(|(key, _)| *key == name).last().and_then(|(_, value)| decode(value))
}

/// The consent and the visitor's id, as [`read`] gives them, in one walk.
pub(crate) fn credentials(headers: &HeaderMap) -> (Option<Cow<'_, str>>, Option<Cow<'_, str>>) {
    let (mut consent, mut visitor) = (None, None);
    for (name, value) in pairs(headers) {
        match name {
            CONSENT => consent = Some(value),
            VISITOR => visitor = Some(value),
            _ => {}
        }
    }
    (consent.and_then(decode), visitor.and_then(decode))
}

/// A cookie's value without its percent encoding; what is none stays as it is. (The crate that encodes here takes four times as long
/// for a receipt.)
pub(crate) fn decode(value: &str) -> Option<Cow<'_, str>> {
    let bytes = value.as_bytes();
    let Some(first) = bytes.iter().position(|byte| *byte == b'%') else { return Some(Cow::Borrowed(value)) };
    // A receipt has an escape every eight bytes: searching for the next one would cost more than going byte by byte.
    let mut decoded = bytes.to_vec();
    let (mut from, mut to) = (first, first);
    while from < bytes.len() {
        let escape = if bytes[from] == b'%' { escape(&bytes[from + 1..]) } else { None };
        decoded[to] = escape.unwrap_or(bytes[from]);
        from += if escape.is_some() { ESCAPE_BYTES } else { 1 };
        to += 1;
    }
    decoded.truncate(to);
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

/// The byte that the digits of an escape stand for.
fn escape(digits: &[u8]) -> Option<u8> {
    let [high, low, ..] = digits else { return None };
    let (high, low) = (DIGITS[usize::from(*high)], DIGITS[usize::from(*low)]);
    (high | low < 16).then_some(high << 4 | low)
}

/// A percent sign and two digits.
const ESCAPE_BYTES: usize = 3;

/// What a hexadecimal digit stands for; 16 for any other byte.
const DIGITS: [u8; 256] = {
    let mut digits = [16; 256];
    let mut value = 0;
    while value < 16 {
        let lower = b"0123456789abcdef"[value as usize];
        digits[lower as usize] = value;
        digits[lower.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    digits
};

/// Where the collector's own cookies are kept for one request's page: over TLS or not, for its host or its domain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jar<'s> {
    secure: bool,
    domain: Option<&'s str>,
}

impl<'s> Jar<'s> {
    /// For the page that sent the request. A test host outside the site's domain keeps cookies of its own.
    pub(crate) fn of(headers: &HeaderMap, site: Option<&'s Site>) -> Jar<'s> {
        let domain = site.and_then(|site| site.options.cookie_domain.as_ref()).map(Host::as_str);
        // A form of a page that hides its origin was vouched for; see `origin`.
        let hidden = headers.get(header::ORIGIN).is_some_and(|origin| origin == "null");
        let host = if hidden { origin::named(headers) } else { origin::host(headers) };
        let within = |domain: &&str| is_within(host, domain);
        Jar { secure: is_secure(headers), domain: domain.filter(within) }
    }

    /// `Set-Cookie` headers after which there is this one cookie of that name.
    pub(crate) fn set(&self, name: &str, value: &str, lasts: Lasts) -> Vec<HeaderValue> {
        let only = if name == VISITOR { "; HttpOnly" } else { "" };
        let write = |value: &str, lasts, domain| {
            let value = utf8_percent_encode(value, ESCAPED).to_string();
            header_of(name, &value, lasts, "/", domain, &format!("; SameSite=Lax{only}"), self.secure)
        };
        let own = write(value, lasts, self.domain);
        // What is left from before the site had a domain, for this host alone.
        let duplicate = self.domain.map(|_| write("", Lasts::Seconds(0), None));
        duplicate.into_iter().chain([own]).collect()
    }

    /// `Set-Cookie` headers after which there is no cookie of that name.
    pub(crate) fn expire(&self, name: &str) -> Vec<HeaderValue> {
        self.set(name, "", Lasts::Seconds(0))
    }

    /// A `Set-Cookie` header that removes a cookie of the site's from one path and one domain, or the host alone.
    /// `None` where its name or its path cannot stand in a header.
    pub(crate) fn remove(&self, name: &str, path: &str, domain: Option<&str>) -> Option<HeaderValue> {
        let clean = |text: &str| !text.contains([';', '\r', '\n']);
        (clean(name) && clean(path))
            .then(|| header_of(name, "", Lasts::Seconds(0), path, domain, "", self.secure))
    }
}

/// Whether the page was reached over TLS, so that its cookies can be kept to it.
fn is_secure(headers: &HeaderMap) -> bool {
    let origin = headers.get(header::ORIGIN).map(HeaderValue::as_bytes).unwrap_or_default();
    // Where the origin is hidden: browsers send this header over TLS, and to their own machine.
    let local = || matches!(origin::named(headers), "localhost" | "127.0.0.1" | "[::1]");
    let is_safe = || headers.contains_key("sec-fetch-site") && !local();
    origin.starts_with(b"https://") || (origin == b"null" && is_safe())
}

fn header_of(
    name: &str,
    value: &str,
    lasts: Lasts,
    path: &str,
    domain: Option<&str>,
    more: &str,
    secure: bool,
) -> HeaderValue {
    let age = match lasts {
        Lasts::Seconds(seconds) => format!("; Max-Age={seconds}"),
        Lasts::Session => String::new(),
    };
    let domain = domain.map(|domain| format!("; Domain={domain}")).unwrap_or_default();
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path={path}{age}{domain}{more}{secure}");
    HeaderValue::from_str(&text).expect("names and paths are checked, and values percent-encoded")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    fn from(origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        headers
    }

    fn site(domain: &str) -> Site {
        let text = format!(
            "[listen]\ndirect = true\n[[site]]\nid = \"example\"\nname = \"Example\"\nhosts = [\"www.example.org\"]\n\
             test_hosts = [\"localhost\"]\ncontroller = \"City\"\ncontact = \"e\"\ntime_zone = \"Europe/Brussels\"\n{domain}\n"
        );
        let config = Config::from_toml(&text, "kruimel.toml", std::iter::empty());
        config.map_err(|errors| errors.to_string()).unwrap().sites.remove(0)
    }

    fn texts(values: &[HeaderValue]) -> Vec<&str> {
        values.iter().map(|value| value.to_str().unwrap()).collect()
    }

    #[test]
    fn a_cookie_that_is_no_text_takes_no_other_along() {
        let check = |value: &[u8]| {
            let headers = [(header::COOKIE, HeaderValue::from_bytes(value).unwrap())].into_iter().collect();
            assert_eq!(read(&headers, CONSENT).as_deref(), Some("x"), "{value:?}");
            assert_eq!(credentials(&headers).1.as_deref(), Some("y"), "{value:?}");
            assert_eq!(read_all(&headers, CONSENT).count(), 1, "{value:?}");
        };
        check("name=José; kruimel=x; kruimel_id=y".as_bytes());
        check(b"kruimel=x; kruimel_id=y; latin=Jos\xe9");
        check(b"kruimel=\xff; kruimel=x; kruimel_id=\xe9; kruimel_id=y");
    }

    #[test]
    fn a_cookie_reads_back_as_written() {
        let json = r#"{"categories":["necessary"],"a":"é;%"}"#;
        let written = Jar::of(&from("https://www.example.org"), None).set(CONSENT, json, Lasts::Seconds(60));
        let text = texts(&written)[0];
        assert!(text.ends_with("; Path=/; Max-Age=60; SameSite=Lax; Secure"), "{text}");
        let mut headers = HeaderMap::new();
        let pair = text.split(';').next().unwrap();
        headers.insert(header::COOKIE, HeaderValue::from_str(&format!("a=b; {pair}; kruimel_id=x")).unwrap());
        assert_eq!(read(&headers, CONSENT).as_deref(), Some(json));
        assert_eq!(read(&headers, VISITOR).as_deref(), Some("x"));
        assert_eq!(read(&headers, "missing"), None);
        headers.append(header::COOKIE, HeaderValue::from_static("kruimel=newer"));
        assert_eq!(read(&headers, CONSENT).as_deref(), Some("newer"));
        assert_eq!(read_all(&headers, CONSENT).count(), 2);
        assert_eq!(credentials(&headers), (read(&headers, CONSENT), read(&headers, VISITOR)));
    }

    proptest! {
        #[test]
        fn a_value_is_decoded_as_the_crate_that_encodes_would(value in "(%[0-9a-fA-Fg]{0,2}|[a-z{\":,éß]){0,40}") {
            prop_assert_eq!(decode(&value), percent_decode_str(&value).decode_utf8().ok());
        }
    }

    #[test]
    fn a_cookie_of_one_session_has_no_age() {
        let jar = Jar::of(&from("http://www.example.org"), None);
        assert_eq!(
            texts(&jar.set(VISITOR, "x", Lasts::Session)),
            ["kruimel_id=x; Path=/; SameSite=Lax; HttpOnly"]
        );
    }

    #[test]
    fn a_cookie_of_a_domain_leaves_none_for_the_host_alone() {
        let site = site("cookie_domain = \"example.org\"");
        let jar = Jar::of(&from("http://www.example.org"), Some(&site));
        assert_eq!(
            texts(&jar.set(CONSENT, "x", Lasts::Seconds(9))),
            [
                "kruimel=; Path=/; Max-Age=0; SameSite=Lax",
                "kruimel=x; Path=/; Max-Age=9; Domain=example.org; SameSite=Lax"
            ]
        );
        assert_eq!(jar.expire(VISIT).len(), 2);
        // A test host outside the domain could not keep such a cookie.
        let jar = Jar::of(&from("http://localhost"), Some(&site));
        assert_eq!(texts(&jar.expire(VISIT)), ["kruimel_visit=; Path=/; Max-Age=0; SameSite=Lax"]);
    }

    #[test]
    fn a_page_that_hides_its_origin_gets_the_same_cookies() {
        let site = site("cookie_domain = \"example.org\"");
        let set = |host: &'static str| {
            let mut headers = from("null");
            headers.insert(header::HOST, HeaderValue::from_static(host));
            headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
            let set = Jar::of(&headers, Some(&site)).set(CONSENT, "x", Lasts::Seconds(9));
            texts(&set).last().map(|text| (*text).to_owned()).unwrap()
        };
        let whole = "kruimel=x; Path=/; Max-Age=9; Domain=example.org; SameSite=Lax; Secure";
        assert_eq!(set("www.example.org"), whole);
        assert_eq!(set("localhost:7700"), "kruimel=x; Path=/; Max-Age=9; SameSite=Lax");
    }

    #[test]
    fn a_name_that_would_break_out_of_its_header_is_left_alone() {
        let jar = Jar::of(&HeaderMap::new(), None);
        let removed = jar.remove("_ga", "/shop", Some("example.org")).unwrap();
        assert_eq!(removed.to_str().unwrap(), "_ga=; Path=/shop; Max-Age=0; Domain=example.org");
        assert!(jar.remove("a\r\nb", "/", None).is_none());
    }
}
