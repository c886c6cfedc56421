//! One load of the demo's page: by whom, how fast, and what was measured of it.

use crate::browser::Browser;
use crate::figures::Figures;
use crate::stack::Stack;
use serde_json::{Value, json};

/// The front page: a picture, gated scripts and images, and no gated frame, for which a visitor who refused fetches what
/// stands in its place.
const PAGE: &str = "/";
/// "Slow 4G" as Chromium's developer tools throttle it: added to each request, and shared by all.
const LATENCY_MS: f64 = 562.5;
const DOWN_BITS: f64 = 1_440_000.0;
const UP_BITS: f64 = 675_000.0;
const PROCESSOR_TIMES_SLOWER: u8 = 4;

/// Network and processor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speed {
    Throttled,
    Free,
}

impl Speed {
    pub(crate) const ALL: [Speed; 2] = [Speed::Throttled, Speed::Free];

    /// What the tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Speed::Throttled => "Slow 4G and a processor four times slower",
            Speed::Free => "Not throttled, server on the same machine",
        }
    }

    /// Throttles the browser so from the next load on.
    pub(crate) fn apply(self, browser: &Browser) {
        let (latency, down, up, rate) = match self {
            Speed::Throttled => (LATENCY_MS, DOWN_BITS / 8.0, UP_BITS / 8.0, PROCESSOR_TIMES_SLOWER),
            Speed::Free => (0.0, -1.0, -1.0, 1),
        };
        let network =
            json!({"offline": false, "latency": latency, "downloadThroughput": down, "uploadThroughput": up});
        browser.protocol("Network.emulateNetworkConditions", &network);
        browser.protocol("Emulation.setCPUThrottlingRate", &json!({"rate": rate}));
    }
}

/// Who loads the page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A visitor of a site without Kruimel: nothing of it is fetched.
    Without,
    /// A visitor who is asked.
    Asked,
    /// A visitor who refused on an earlier day, without cache.
    Refused,
    /// A visitor who allowed everything on an earlier day, without cache.
    Allowed,
}

impl Kind {
    pub(crate) const ALL: [Kind; 4] = [Kind::Without, Kind::Asked, Kind::Refused, Kind::Allowed];

    /// What the tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Without => "without Kruimel",
            Kind::Asked => "asked",
            Kind::Refused => "refused before",
            Kind::Allowed => "allowed before",
        }
    }
}

/// Everything that loads need.
pub(crate) struct Visits<'a> {
    browser: &'a Browser,
    stack: &'a Stack,
    refused: Value,
    allowed: Value,
}

impl<'a> Visits<'a> {
    /// Lets a visitor refuse and another allow, and keeps their cookies.
    pub(crate) fn prepare(browser: &'a Browser, stack: &'a Stack) -> Visits<'a> {
        let mut visits = Visits { browser, stack, refused: json!([]), allowed: json!([]) };
        browser.protocol("Network.enable", &json!({}));
        visits.refused = visits.decide("Refuse all");
        visits.allowed = visits.decide("Accept all");
        browser.run_first(include_str!("page.js"));
        visits
    }

    fn decide(&self, label: &str) -> Value {
        self.forget();
        self.browser.open_page(&self.stack.page(PAGE));
        self.browser.click_banner(label);
        // What the collector answered has its cookie without a request that waits to be sent.
        self.browser.await_script("return decodeURIComponent(document.cookie).includes('\"revision\"') && !decodeURIComponent(document.cookie).includes('\"pending\"')");
        self.browser.protocol("Network.getCookies", &json!({}))["cookies"].take()
    }

    /// Leaves the page and empties the cache, the cookies and everything else that was stored.
    fn forget(&self) {
        let browser = self.browser;
        browser.open_page("about:blank");
        browser.protocol("Network.clearBrowserCache", &json!({}));
        browser.protocol("Network.clearBrowserCookies", &json!({}));
        let all = json!({"origin": self.stack.origin(), "storageTypes": "all"});
        browser.protocol("Storage.clearDataForOrigin", &all);
    }

    /// Loads the page once.
    pub(crate) fn measure(&self, speed: Speed, kind: Kind) -> Figures {
        let browser = self.browser;
        self.forget();
        let (blocked, cookies) = match kind {
            Kind::Without => (json!(["*/kruimel/*"]), json!([])),
            Kind::Asked => (json!([]), json!([])),
            Kind::Refused => (json!([]), self.refused.clone()),
            Kind::Allowed => (json!([]), self.allowed.clone()),
        };
        browser.protocol("Network.setBlockedURLs", &json!({"urls": blocked}));
        if cookies != json!([]) {
            browser.protocol("Network.setCookies", &json!({"cookies": cookies}));
        }
        speed.apply(browser);
        browser.open_page(&self.stack.page(PAGE));
        let seen = browser.run(&format!("return await __seen.settled({})", kind == Kind::Asked));
        let mut figures = Figures::read(&seen, self.heap());
        if kind == Kind::Asked {
            browser.click_banner("Accept all");
            figures.accept = browser.run("return await __seen.pressed()").as_f64();
        }
        Speed::Free.apply(browser);
        figures
    }

    /// Bytes that scripts hold on to.
    fn heap(&self) -> f64 {
        self.browser.protocol("HeapProfiler.collectGarbage", &json!({}));
        let usage = self.browser.protocol("Runtime.getHeapUsage", &json!({}));
        ["usedSize", "backingStorageSize"].iter().filter_map(|name| usage[name].as_f64()).sum()
    }
}
