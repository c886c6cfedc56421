//! Where a visit came from: campaign parameters first, then the referring host.

use super::page::{PageText, is_host};
use crate::config::Site;
use std::collections::HashMap;
use std::sync::LazyLock;
use wire::Page;
use wire::limits::{CAMPAIGN_BYTES_MAX, REFERRER_BYTES_MAX};

/// The source of a page view. Empty texts where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// A name people know, such as `Google`, or the referring host, or `utm_source`.
    pub name: String,
    /// `Direct`, `Search`, `Social`, `E-mail`, `Paid`, `AI assistants`, `Campaigns`, `Referral` or, from within the site, empty.
    pub channel: &'static str,
    /// The referring host.
    pub host: String,
    /// The referring path.
    pub path: String,
}

/// Hosts whose name people know: a host counts with its subdomains. Our own list, checked against the CC0 lists of
/// search engines, social networks and assistants that the Matomo project keeps.
const KNOWN: [(&str, &str, &str); 44] = [
    ("google", "Google", "Search"),
    ("bing.com", "Bing", "Search"),
    ("duckduckgo.com", "DuckDuckGo", "Search"),
    ("ecosia.org", "Ecosia", "Search"),
    ("qwant.com", "Qwant", "Search"),
    ("startpage.com", "Startpage", "Search"),
    ("search.brave.com", "Brave Search", "Search"),
    ("yahoo", "Yahoo", "Search"),
    ("yandex", "Yandex", "Search"),
    ("baidu.com", "Baidu", "Search"),
    ("seznam.cz", "Seznam", "Search"),
    ("mojeek.com", "Mojeek", "Search"),
    ("swisscows.com", "Swisscows", "Search"),
    ("kagi.com", "Kagi", "Search"),
    ("search.marginalia.nu", "Marginalia", "Search"),
    ("facebook.com", "Facebook", "Social"),
    ("fb.me", "Facebook", "Social"),
    ("instagram.com", "Instagram", "Social"),
    ("threads.net", "Threads", "Social"),
    ("t.co", "X", "Social"),
    ("x.com", "X", "Social"),
    ("twitter.com", "X", "Social"),
    ("linkedin.com", "LinkedIn", "Social"),
    ("lnkd.in", "LinkedIn", "Social"),
    ("pinterest.com", "Pinterest", "Social"),
    ("reddit.com", "Reddit", "Social"),
    ("youtube.com", "YouTube", "Social"),
    ("tiktok.com", "TikTok", "Social"),
    ("bsky.app", "Bluesky", "Social"),
    ("mastodon.social", "Mastodon", "Social"),
    ("whatsapp.com", "WhatsApp", "Social"),
    ("web.telegram.org", "Telegram", "Social"),
    ("news.ycombinator.com", "Hacker News", "Social"),
    ("chatgpt.com", "ChatGPT", "AI assistants"),
    ("chat.openai.com", "ChatGPT", "AI assistants"),
    ("claude.ai", "Claude", "AI assistants"),
    ("perplexity.ai", "Perplexity", "AI assistants"),
    ("gemini.google.com", "Gemini", "AI assistants"),
    ("copilot.microsoft.com", "Copilot", "AI assistants"),
    ("chat.mistral.ai", "Le Chat", "AI assistants"),
    ("mail.google.com", "Gmail", "E-mail"),
    ("outlook.live.com", "Outlook", "E-mail"),
    ("mail.yahoo.com", "Yahoo Mail", "E-mail"),
    ("mail.proton.me", "Proton Mail", "E-mail"),
];

/// The source of a page view of `site`.
pub(super) fn source(page: &Page<'_>, site: &Site) -> Source {
    let (host, path) = referrer(&page.referrer);
    let inside = site.has_host(&host);
    let (host, path) = if inside { Default::default() } else { (host, path) };
    let known = known(&host);
    let medium = page.campaign.medium.to_ascii_lowercase();
    let campaign = PageText::new(&page.campaign.source, CAMPAIGN_BYTES_MAX);
    let name = match (campaign.as_str(), known) {
        ("", Some((name, _))) => name.to_owned(),
        ("", None) => host.strip_prefix("www.").unwrap_or(&host).to_owned(),
        (source, _) => source.to_owned(),
    };
    let channel = match (medium.as_str(), known) {
        ("cpc" | "ppc" | "paid" | "cpm" | "display" | "banner" | "paidsearch" | "paidsocial", _) => "Paid",
        ("email" | "e-mail" | "newsletter", _) => "E-mail",
        ("social", _) => "Social",
        (_, Some((_, channel))) => channel,
        (_, None) if !campaign.as_str().is_empty() || !medium.is_empty() => "Campaigns",
        (_, None) if !host.is_empty() => "Referral",
        _ if inside => "",
        _ => "Direct",
    };
    Source { name, channel, host, path }
}

fn known(host: &str) -> Option<(&'static str, &'static str)> {
    type Names = HashMap<&'static str, (&'static str, &'static str)>;
    static NAMES: LazyLock<Names> = LazyLock::new(|| {
        KNOWN.iter().map(|(pattern, name, channel)| (*pattern, (*name, *channel))).collect()
    });
    if host.is_empty() {
        return None;
    }
    // The host itself, then what is left of it after each dot: the longest pattern with a dot.
    let ends = std::iter::successors(Some(host), |rest| rest.split_once('.').map(|(_, rest)| rest));
    let whole = ends.filter(|end| end.contains('.')).find(|end| NAMES.contains_key(end));
    // A name without its ending stands for every country's: google.be, google.co.uk.
    let labels = host.rsplit('.').skip(1).take(2).filter(|label| NAMES.contains_key(label));
    labels.chain(whole).max_by_key(|pattern| pattern.len()).and_then(|pattern| NAMES.get(pattern)).copied()
}

/// Host and path of a referring web address; empty where it is none.
fn referrer(address: &str) -> (String, String) {
    let Some(rest) = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://")) else {
        return android_app(address);
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
    if host.is_empty() || !is_host(&host) {
        return Default::default();
    }
    (host, super::page::path(path, REFERRER_BYTES_MAX).as_str().to_owned())
}

/// Apps on Android name themselves instead of a page.
fn android_app(address: &str) -> (String, String) {
    match address.strip_prefix("android-app://").map(|rest| rest.split('/').next().unwrap_or_default()) {
        Some("com.google.android.gm") => ("mail.google.com".to_owned(), String::new()),
        Some("com.google.android.googlequicksearchbox") => ("google.com".to_owned(), String::new()),
        Some("com.linkedin.android") => ("linkedin.com".to_owned(), String::new()),
        _ => Default::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_people_know_has_its_name() {
        for (host, expected) in [
            ("www.google.be", Some(("Google", "Search"))),
            ("www.google.co.uk", Some(("Google", "Search"))),
            ("mail.google.com", Some(("Gmail", "E-mail"))),
            ("l.facebook.com", Some(("Facebook", "Social"))),
            ("notfacebook.com", None),
            ("google.evil.example.org", None),
            ("t.co", Some(("X", "Social"))),
            ("", None),
        ] {
            assert_eq!(known(host), expected, "{host}");
        }
    }

    #[test]
    fn a_referrer_keeps_host_and_path_alone() {
        let read = |address: &str| referrer(address);
        assert_eq!(
            read("https://User:pw@News.Example:8443/a/b?q=1#x"),
            ("news.example".into(), "/a/b".into())
        );
        assert_eq!(read("https://example.org"), ("example.org".into(), "/".into()));
        assert_eq!(read("javascript:alert(1)"), Default::default());
        assert_eq!(read("android-app://com.google.android.gm/"), ("mail.google.com".into(), String::new()));
    }
}
