//! The page of a batch: which site it belongs to, and its texts cut to their limits and freed of addresses of people.

use super::{RawBatch, Rejection};
use crate::config::Site;
use std::borrow::Cow;
use wire::limits::HOST_BYTES_MAX;

/// A text of a page that may be stored: cut to its limit, e-mail addresses replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageText<'a>(Cow<'a, str>);

/// What stands in the place of an e-mail address.
const REPLACEMENT: &str = "[e-mail]";

/// The site that a batch names, if it is declared and the page's host is one of its own.
///
/// # Errors
/// [`Rejection::UnknownSite`], [`Rejection::ForeignOrigin`], [`Rejection::TestHost`].
pub(super) fn check<'a>(raw: &RawBatch<'_>, declared: Option<&'a Site>) -> Result<&'a Site, Rejection> {
    let site = declared.ok_or(Rejection::UnknownSite)?;
    let host = raw.page.host.as_ref();
    if host.len() > HOST_BYTES_MAX {
        return Err(Rejection::ForeignOrigin);
    }
    if site.is_test_host(host) {
        return Err(Rejection::TestHost);
    }
    if site.has_host(host) { Ok(site) } else { Err(Rejection::ForeignOrigin) }
}

impl<'a> PageText<'a> {
    /// Takes a text in. It is cut last: a cut within an address would leave a name that no longer looks like one.
    pub fn new(text: &'a str, bytes_max: usize) -> Self {
        if !names_somebody(text) {
            return PageText(Cow::Borrowed(cut(text, bytes_max)));
        }
        let boundary = |character: char| {
            matches!(character, '/' | ' ' | '=' | '&' | ',' | ';' | '<' | '>' | '(' | ')' | ':')
        };
        let mut clean = String::with_capacity(text.len());
        for piece in text.split_inclusive(boundary) {
            if names_somebody(piece) {
                clean.push_str(REPLACEMENT);
                clean.extend(piece.chars().last().filter(|&character| boundary(character)));
            } else {
                clean.push_str(piece);
            }
        }
        clean.truncate(cut(&clean, bytes_max).len());
        PageText(Cow::Owned(clean))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether there is the sign of an e-mail address: as it is, encoded, or encoded twice.
fn names_somebody(text: &str) -> bool {
    text.bytes().any(|byte| byte == b'@') || text.contains("%40") || text.contains("%2540")
}

/// A browser's language tag, and nothing else that somebody may write in its place.
pub(super) fn language(text: &str, bytes_max: usize) -> &str {
    let is_tag = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_tag { cut(text, bytes_max) } else { "" }
}

/// Whether a text can be the name of a host.
pub(crate) fn is_host(text: &str) -> bool {
    text.len() <= HOST_BYTES_MAX
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':'))
}

/// A path that begins with a slash and has neither query nor fragment.
pub(super) fn path(text: &str, bytes_max: usize) -> PageText<'_> {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    PageText::new(if text.is_empty() { "/" } else { text }, bytes_max)
}

/// The beginning of a text, at a character's edge.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let end = (0..=bytes_max).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(path(text, 30).as_str(), expected, "{text}");
    }

    #[test]
    fn a_path_is_cut_and_names_nobody() {
        check("/news/ferry", "/news/ferry");
        check("", "/");
        check("/search?q=secret#top", "/search");
        check("/reset/jan@example.org/now", "/reset/[e-mail]/now");
        check("/u/jan%40example.org", "/u/[e-mail]");
        check("/u/jan%2540example.org", "/u/[e-mail]");
        check("/aaaaaaaaaaaaaaaaaaaaaaa/jan.peeters@example.org", "/aaaaaaaaaaaaaaaaaaaaaaa/[e-ma");
        check("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaé/x", "/aaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    }
}
