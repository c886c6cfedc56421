//! Browser, system and kind of device, from the user agent: a short ordered table first, `woothee` for the rest.
//!
//! The user agent itself is never kept. A system's version is not kept either: browsers have frozen it.

use std::sync::Arc;
use woothee::parser::Parser;

/// What a user agent tells. Empty texts where it tells nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Such as `Firefox`.
    pub browser: Arc<str>,
    /// The major version, such as `140`.
    pub browser_version: Arc<str>,
    /// Such as `Windows`.
    pub os: &'static str,
    /// `desktop`, `phone` or `tablet`.
    pub kind: &'static str,
}

/// Tokens of browsers that also claim to be Chrome or Safari, in the order they are tried.
const BROWSERS: [(&str, &str); 22] = [
    ("FBAN/", "In-app, Facebook"),
    ("FBAV/", "In-app, Facebook"),
    ("Instagram ", "In-app, Instagram"),
    ("LinkedInApp/", "In-app, LinkedIn"),
    ("OPR/", "Opera"),
    ("OPiOS/", "Opera"),
    ("YaBrowser/", "Yandex"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edg/", "Edge"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Ddg/", "DuckDuckGo"),
    ("Vivaldi/", "Vivaldi"),
    ("UCBrowser/", "UC Browser"),
    ("MiuiBrowser/", "Miui"),
    ("HuaweiBrowser/", "Huawei"),
    ("Whale/", "Whale"),
    ("Brave/", "Brave"),
    ("Silk/", "Silk"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
];

/// Reads a user agent.
pub(super) fn device(user_agent: &str) -> Device {
    let parsed = Parser::new().parse(user_agent);
    let named = BROWSERS.iter().find_map(|(token, name)| Some((*name, version_after(user_agent, token)?)));
    let (browser, version) = match (named, &parsed) {
        (Some((name, version)), _) => (name, version),
        (None, Some(found)) if found.name != "UNKNOWN" => (found.name, major(found.version)),
        _ => ("", ""),
    };
    Device {
        browser: browser.into(),
        browser_version: version.into(),
        os: os(user_agent),
        kind: kind(user_agent),
    }
}

impl Device {
    /// The same once the browser told how many points its screen tells apart: more than one on a Mac is an iPad.
    pub(super) fn touched_at(&self, touch_points: u8) -> Device {
        match self.os {
            MAC if touch_points > 1 => Device { os: "iPadOS", kind: "tablet", ..self.clone() },
            _ => self.clone(),
        }
    }
}

const MAC: &str = "macOS";

fn os(user_agent: &str) -> &'static str {
    const SYSTEMS: [(&str, &str); 9] = [
        ("Windows", "Windows"),
        ("iPad", "iPadOS"),
        ("iPhone", "iOS"),
        ("iPod", "iOS"),
        ("Android", "Android"),
        ("CrOS", "ChromeOS"),
        ("Macintosh", MAC),
        ("Linux", "Linux"),
        ("X11", "Other Unix"),
    ];
    SYSTEMS.iter().find(|(token, _)| user_agent.contains(token)).map_or("", |(_, name)| name)
}

fn kind(user_agent: &str) -> &'static str {
    let has = |token: &str| user_agent.contains(token);
    let android_tablet = has("Android") && !has("Mobile");
    if has("iPad") || has("Tablet") || has("SM-T") || has("Silk/") || android_tablet {
        "tablet"
    } else if has("Mobi") || has("iPhone") || has("iPod") || has("Android") {
        "phone"
    } else if user_agent.is_empty() {
        ""
    } else {
        "desktop"
    }
}

fn version_after<'a>(user_agent: &'a str, token: &str) -> Option<&'a str> {
    let start = user_agent.find(token)? + token.len();
    Some(major(&user_agent[start..]))
}

/// The leading digits, at most four.
fn major(version: &str) -> &str {
    let digits = version.bytes().take(4).take_while(u8::is_ascii_digit).count();
    &version[..digits]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(user_agent: &str, touch_points: u8, expected: (&str, &str, &str, &str)) {
        let found = device(user_agent).touched_at(touch_points);
        let told = (&*found.browser, &*found.browser_version, found.os, found.kind);
        assert_eq!(told, expected, "{user_agent}");
    }

    #[test]
    fn browsers_are_told_apart() {
        let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)";
        check(
            &format!("{windows} Chrome/140.0.0.0 Safari/537.36"),
            0,
            ("Chrome", "140", "Windows", "desktop"),
        );
        check(
            &format!("{windows} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"),
            0,
            ("Edge", "140", "Windows", "desktop"),
        );
        let mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.1 Safari/605.1.15";
        check(mac, 0, ("Safari", "18", "macOS", "desktop"));
        check(mac, 5, ("Safari", "18", "iPadOS", "tablet"));
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15";
        check(
            &format!("{phone} CriOS/140.0 Mobile/15E148 Safari/604.1"),
            5,
            ("Chrome", "140", "iOS", "phone"),
        );
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0";
        check(firefox, 0, ("Firefox", "143", "Linux", "desktop"));
        let galaxy = "Mozilla/5.0 (Linux; Android 14; SM-T870) AppleWebKit/537.36 SamsungBrowser/28.0 Chrome/130 Safari/537.36";
        check(galaxy, 5, ("Samsung Internet", "28", "Android", "tablet"));
        check("", 0, ("", "", "", ""));
    }
}
