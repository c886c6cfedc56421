//! Cookies as text. Pure.
//!
//! In: `document.cookie`, the page's host and path. Out: strings to assign to `document.cookie`. Invariant: a cookie
//! that is removed is removed on every domain and path that this page could have set it on.

use crate::write::push_number;

/// How far and how long a cookie of ours reaches.
pub(crate) struct Scope<'a> {
    pub(crate) days: u32,
    /// Empty for this host alone.
    pub(crate) domain: &'a str,
    pub(crate) secure: bool,
}

/// What sets a cookie of ours.
pub(crate) fn write(name: &str, value: &str, scope: &Scope<'_>) -> String {
    let mut cookie = String::from(name);
    cookie.push('=');
    push_encoded(&mut cookie, value);
    cookie.push_str("; Path=/; SameSite=Lax; Max-Age=");
    push_number(&mut cookie, scope.days * 86_400);
    if !scope.domain.is_empty() {
        cookie.push_str("; Domain=");
        cookie.push_str(scope.domain);
    }
    if scope.secure {
        cookie.push_str("; Secure");
    }
    cookie
}

/// The names of the cookies that the page can see.
pub(crate) fn names(cookies: &str) -> impl Iterator<Item = &str> {
    cookies.split(';').map(|cookie| cookie.split('=').next().unwrap_or_default().trim())
}

/// Whether a declared name covers a cookie: the same, or the same beginning where the declaration ends in `*`.
pub(crate) fn covers(declared: &str, name: &str) -> bool {
    match declared.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => declared == name,
    }
}

/// Hands out every string that removes a cookie: each domain from the host upwards, each folder of the path.
pub(crate) fn removals(name: &str, host: &str, path: &str, mut remove: impl FnMut(&str)) {
    let mut domain = Some("");
    while let Some(here) = domain {
        let ends = path.bytes().enumerate().filter(|(_, byte)| *byte == b'/').flat_map(|(at, _)| [at, at + 1]);
        for end in ends.chain([path.len()]) {
            let folder = &path[..end];
            if folder.is_empty() {
                continue;
            }
            let mut cookie = String::from(name);
            cookie.push_str("=; Max-Age=0; Path=");
            cookie.push_str(folder);
            if !here.is_empty() {
                cookie.push_str("; Domain=");
                cookie.push_str(here);
            }
            remove(&cookie);
        }
        // No domain at all, the host, its parents. A browser refuses the last, a public suffix, by itself.
        domain = if here.is_empty() { Some(host) } else { here.find('.').map(|dot| &here[dot + 1..]) };
    }
}

/// The signed cookie that a decision replaces, percent-encoded as it was: the present one, or the one that an unsent
/// decision before this one carries on.
pub(crate) fn earlier(cookies: &str) -> Option<String> {
    let value = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("kruimel="))?;
    if let Some(start) = value.find(EARLIER) {
        let rest = &value[start + EARLIER.len()..];
        return Some(decoded(&rest[..rest.find("%22")?]));
    }
    value.contains("%22sig%22").then(|| value.to_owned())
}

/// `"earlier":"` as it stands in a cookie.
const EARLIER: &str = "%22earlier%22%3A%22";

/// As `encodeURIComponent`.
fn push_encoded(cookie: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            cookie.push(char::from(byte));
        } else {
            cookie.push('%');
            for digit in [byte >> 4, byte & 15] {
                cookie.push(char::from(if digit < 10 { b'0' + digit } else { b'A' + digit - 10 }));
            }
        }
    }
}

/// What is encoded twice is ASCII, so undoing it once only has to find the percent signs.
fn decoded(value: &str) -> String {
    let mut parts = value.split("%25");
    let mut text = String::from(parts.next().unwrap_or_default());
    for part in parts {
        text.push('%');
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removals_of(host: &str, path: &str) -> Vec<String> {
        let mut all = Vec::new();
        removals("_ga", host, path, |cookie| all.push(cookie.to_owned()));
        all.iter().map(|cookie| cookie.strip_prefix("_ga=; Max-Age=0; ").unwrap().to_owned()).collect()
    }

    #[test]
    fn a_cookie_of_ours_says_how_far_it_reaches() {
        let check = |domain, secure, expected: &str| {
            assert_eq!(write("kruimel", r#"{"a":["é"]}"#, &Scope { days: 182, domain, secure }), expected);
        };
        let value = "kruimel=%7B%22a%22%3A%5B%22%C3%A9%22%5D%7D; Path=/; SameSite=Lax; Max-Age=15724800";
        check("", false, value);
        check("example.be", true, &format!("{value}; Domain=example.be; Secure"));
    }

    #[test]
    fn a_cookie_is_removed_on_every_domain_and_path() {
        assert_eq!(removals_of("localhost", "/"), ["Path=/", "Path=/", "Path=/; Domain=localhost", "Path=/; Domain=localhost"]);
        let all = removals_of("www.example.be", "/news/ferry");
        for domain in ["", "; Domain=www.example.be", "; Domain=example.be", "; Domain=be"] {
            for path in ["/", "/news", "/news/", "/news/ferry"] {
                assert!(all.contains(&format!("Path={path}{domain}")), "{path}{domain} is missing in {all:?}");
            }
        }
    }

    #[test]
    fn a_declared_name_may_end_in_a_star() {
        assert!(covers("_ga", "_ga") && covers("_ga*", "_ga_X1") && covers("_ga*", "_ga"));
        assert!(!covers("_ga", "_ga_X1") && !covers("_ga*", "_g") && !covers("", "_ga"));
        assert_eq!(names("a=1; b=2;c").collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn the_earlier_receipt_survives_decisions_that_were_not_sent() {
        let mut cookies = String::from("x=1; kruimel=");
        push_encoded(&mut cookies, r#"{"categories":["necessary"],"sig":"abc"}"#);
        let receipt = earlier(&cookies).unwrap();
        assert_eq!(receipt, "%7B%22categories%22%3A%5B%22necessary%22%5D%2C%22sig%22%3A%22abc%22%7D");
        let mut unsent = String::from("kruimel=");
        push_encoded(&mut unsent, &format!(r#"{{"pending":{{"surface":"notice","earlier":"{receipt}"}}}}"#));
        assert_eq!(earlier(&unsent), Some(receipt));
    }

    #[test]
    fn a_refusal_is_no_earlier_receipt() {
        for cookies in ["", "a=1", "kruimel=", "kruimel=%7B%22day%22", "not_kruimel=%22sig%22", "kruimel=%22earlier%22%3A%22x"] {
            assert_eq!(earlier(cookies), None, "{cookies}");
        }
    }
}
