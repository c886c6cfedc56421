//! Robots that say so are not visitors. A robot that hides is not found here; this is a courtesy, not a defence.

use super::Rejection;

/// Words that no browser of a person has in its user agent, in lower case.
const WORDS: [&str; 30] = [
    "bot",
    "crawl",
    "spider",
    "slurp",
    "archiver",
    "headless",
    "phantomjs",
    "puppeteer",
    "playwright",
    "selenium",
    "lighthouse",
    "pingdom",
    "uptime",
    "monitor",
    "facebookexternalhit",
    "preview",
    "curl/",
    "wget/",
    "python",
    "go-http",
    "java/",
    "okhttp",
    "axios",
    "node-fetch",
    "libwww",
    "httpclient",
    "scrapy",
    "validator",
    "feedfetcher",
    "scan",
];
/// Words that hold one of the above and belong to people's devices.
const EXCEPTIONS: [&str; 2] = ["cubot", "scanmarker"];

/// Refuses a user agent that names a robot, is empty, or does not begin as browsers' do.
///
/// # Errors
/// [`Rejection::Robot`].
pub(super) fn refuse(user_agent: &str) -> Result<(), Rejection> {
    if !(user_agent.starts_with("Mozilla/") || user_agent.starts_with("Opera/")) {
        return Err(Rejection::Robot);
    }
    let mut lower = user_agent.to_ascii_lowercase();
    for exception in EXCEPTIONS {
        if lower.contains(exception) {
            lower = lower.replace(exception, "");
        }
    }
    if WORDS.iter().any(|word| lower.contains(word)) { Err(Rejection::Robot) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(user_agent: &str, person: bool) {
        assert_eq!(refuse(user_agent).is_ok(), person, "{user_agent}");
    }

    #[test]
    fn robots_are_told_from_people() {
        check(
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
            true,
        );
        check(
            "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) AppleWebKit/537.36 Chrome/99.0 Mobile Safari/537.36",
            true,
        );
        check("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", false);
        check(
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/140.0.0.0 Safari/537.36",
            false,
        );
        check("curl/8.5.0", false);
        check("", false);
    }
}
