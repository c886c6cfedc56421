//! A page view: which page, where from, which campaign.
//!
//! In: the browser's address and referrer. Out: the parts that may leave the browser. Pure. Invariant: no query and no
//! fragment, except the five `utm_` parameters; a referrer only of another host; nothing longer than the limits.

use std::borrow::Cow;
use wire::{Campaign, limits};

/// The referrer without query and fragment; empty if it is of the same host.
pub fn referrer(mut referrer: String, host: &str) -> String {
    if host_of(&referrer) == host {
        return String::new();
    }
    let end = referrer.bytes().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(referrer.len());
    referrer.truncate(end);
    cut(referrer, limits::REFERRER_BYTES_MAX)
}

/// The path as it is told: without query and fragment, which the browser keeps apart.
pub fn path(path: String) -> String {
    cut(path, limits::PATH_BYTES_MAX)
}

/// The five campaign parameters of an address's query.
pub fn campaign(query: &str) -> Campaign<'static> {
    let mut campaign = Campaign::default();
    for parameter in query.trim_start_matches('?').split('&') {
        let Some((name, value)) = parameter.strip_prefix("utm_").and_then(|rest| rest.split_once('=')) else {
            continue;
        };
        let field = match name {
            "source" => &mut campaign.source,
            "medium" => &mut campaign.medium,
            "campaign" => &mut campaign.name,
            "term" => &mut campaign.term,
            "content" => &mut campaign.content,
            _ => continue,
        };
        *field = Cow::Owned(cut(decode(value), limits::CAMPAIGN_BYTES_MAX));
    }
    campaign
}

/// At most so many bytes, cut at a character's edge.
pub fn cut(mut text: String, bytes_max: usize) -> String {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

fn host_of(address: &str) -> &str {
    let rest = address.split_once("://").map_or("", |(_, rest)| rest);
    let end = rest.bytes().position(|byte| matches!(byte, b'/' | b':' | b'?' | b'#')).unwrap_or(rest.len());
    &rest[..end]
}

/// Form decoding: `+` and `%XX`. What is no UTF-8 is nothing.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let byte = match (first, tail) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (nibble(*high), nibble(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            _ => *first,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).unwrap_or_default()
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
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
        let found = campaign(
            "?id=42&utm_source=letter&utm_medium=e%2Dmail&utm_campaign=June+2026&utm_id=7&email=a@b.example",
        );
        let expected = Campaign {
            source: "letter".into(),
            medium: "e-mail".into(),
            name: "June 2026".into(),
            ..Campaign::default()
        };
        assert_eq!(found, expected);
        assert_eq!(campaign(""), Campaign::default());
    }

    #[test]
    fn a_broken_parameter_is_taken_as_far_as_it_is_text() {
        let source = |query: &str| campaign(query).source.into_owned();
        assert_eq!(source("?utm_source=100%"), "100%");
        assert_eq!(source("?utm_source=%zz%C3%BC"), "%zzü");
        assert_eq!(source("?utm_source=%ff"), "");
        assert_eq!(source("?utm_source"), "");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut("aé".to_owned(), 2), "a");
        assert_eq!(cut("aé".to_owned(), 3), "aé");
        let long = campaign(&format!("utm_term={}", "x".repeat(500)));
        assert_eq!(long.term.len(), limits::CAMPAIGN_BYTES_MAX);
    }
}
