//! A page view: which page, where from, which campaign.
//!
//! In: the browser's address and referrer. Out: the parts that may leave the browser. Invariant: no query and no
//! fragment, except the five `utm_` parameters; a referrer only of another host; nothing longer than the limits.

use std::borrow::Cow;
use wire::{Campaign, limits};

/// The referrer without query and fragment; empty if it is of the same host.
pub(crate) fn referrer(mut referrer: String, host: &str) -> String {
    let bytes = referrer.as_bytes();
    let end_of_host = end(bytes, b"/:?#", start_of_host(bytes));
    if &bytes[start_of_host(bytes)..end_of_host] == host.as_bytes() {
        return String::new();
    }
    referrer.truncate(end(bytes, b"?#", 0));
    cut(referrer, limits::REFERRER_BYTES_MAX)
}

/// The path as it is told: without query and fragment, which the browser keeps apart.
pub(crate) fn path(path: String) -> String {
    cut(path, limits::PATH_BYTES_MAX)
}

/// The five campaign parameters, read one by one with `parameter`.
pub(crate) fn campaign(parameter: impl Fn(&str) -> String) -> Campaign<'static> {
    let value = |name| Cow::Owned(cut(parameter(name), limits::CAMPAIGN_BYTES_MAX));
    Campaign {
        source: value("utm_source"),
        medium: value("utm_medium"),
        name: value("utm_campaign"),
        term: value("utm_term"),
        content: value("utm_content"),
    }
}

/// At most so many bytes, cut at a character's edge.
pub(crate) fn cut(mut text: String, bytes_max: usize) -> String {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// Behind the two slashes, where there are any.
fn start_of_host(address: &[u8]) -> usize {
    address.windows(2).position(|pair| pair == b"//").map_or(0, |slashes| slashes + 2)
}

/// The place of the first of those bytes from `start` on, or the end.
fn end(text: &[u8], of: &[u8], start: usize) -> usize {
    let found = text[start..].iter().position(|byte| of.contains(byte));
    found.map_or(text.len(), |place| start + place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_referrer(given: &str, expected: &str) {
        assert_eq!(referrer(given.to_owned(), "example.org"), expected, "{given}");
    }

    #[test]
    fn a_referrer_loses_query_and_fragment() {
        check_referrer("https://search.example/find?q=secret", "https://search.example/find");
        check_referrer("https://search.example/#secret", "https://search.example/");
        check_referrer("android-app://com.example.app/", "android-app://com.example.app/");
        check_referrer("", "");
    }

    #[test]
    fn a_referrer_of_the_same_host_is_none() {
        check_referrer("https://example.org/other", "");
        check_referrer("http://example.org:8080", "");
        check_referrer("https://news.example.org/", "https://news.example.org/");
        check_referrer("https://example.org.evil.example/", "https://example.org.evil.example/");
    }

    #[test]
    fn five_parameters_leave_the_browser_and_no_other() {
        let asked = std::cell::RefCell::new(Vec::new());
        let found = campaign(|name| {
            asked.borrow_mut().push(name.to_owned());
            format!("{name} {}", "x".repeat(500))
        });
        assert_eq!(
            asked.into_inner(),
            ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"]
        );
        assert!(found.name.starts_with("utm_campaign x"));
        assert_eq!(found.term.len(), limits::CAMPAIGN_BYTES_MAX);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut("aé".to_owned(), 2), "a");
        assert_eq!(cut("aé".to_owned(), 3), "aé");
    }
}
