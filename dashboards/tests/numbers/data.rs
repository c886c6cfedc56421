//! Generated rows, the same on every run: two sites in two time zones, days on which the clocks change, visits over
//! midnight, bounces, sources, rows of the sample.

use clickhouse::Row;
use jiff::Timestamp;
use serde::Serialize;

/// A row of `events`, column by column.
#[derive(Clone, Debug, Default, Row, Serialize)]
pub(crate) struct Event {
    pub(crate) site_id: String,
    /// Milliseconds since 1970.
    pub(crate) ts: i64,
    pub(crate) kind: String,
    pub(crate) visitor_id: u64,
    pub(crate) visit_id: u64,
    pub(crate) view_id: u64,
    pub(crate) seq: u32,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) title: String,
    pub(crate) source: String,
    pub(crate) channel: String,
    pub(crate) referrer_host: String,
    pub(crate) referrer_path: String,
    pub(crate) utm_source: String,
    pub(crate) utm_medium: String,
    pub(crate) utm_campaign: String,
    pub(crate) utm_term: String,
    pub(crate) utm_content: String,
    pub(crate) country: String,
    pub(crate) region: String,
    pub(crate) city: String,
    pub(crate) place_from: String,
    pub(crate) browser: String,
    pub(crate) browser_version: String,
    pub(crate) os: String,
    pub(crate) device: String,
    pub(crate) language: String,
    pub(crate) viewport_width: u16,
    pub(crate) visible_ms: u32,
    pub(crate) engaged_ms: u32,
    pub(crate) ip_truncated: [u8; 16],
    pub(crate) consent_id: u64,
    pub(crate) segment_id: u64,
    pub(crate) sample: u8,
    /// Days since 1970.
    pub(crate) expires: u16,
    pub(crate) ip_expires: u16,
}

/// A row of `consents`, column by column.
#[derive(Clone, Debug, Default, Row, Serialize)]
pub(crate) struct Consent {
    pub(crate) site_id: String,
    /// Seconds since 1970.
    pub(crate) ts: u32,
    pub(crate) action: String,
    pub(crate) consent_id: u64,
    pub(crate) granted: Vec<String>,
    pub(crate) denied: Vec<String>,
    pub(crate) revision: u32,
    pub(crate) text_hash: String,
    pub(crate) language: String,
    pub(crate) surface: String,
    pub(crate) withdraws: u64,
    pub(crate) segment_id: u64,
    pub(crate) sample: u8,
    pub(crate) expires: u16,
}

/// The moment that the checks look from: a Sunday afternoon in Brussels.
pub(crate) const NOW: &str = "2026-11-22T13:20:31Z";
/// A name that would break a page if it were not escaped.
pub(crate) const HOSTILE: &str = "<script>alert(1)</script>\"'&";
const NEVER: u16 = 60_000;
const STRETCHES: [(&str, u32); 2] = [("2026-03-18T00:00:00Z", 20), ("2026-09-20T00:00:00Z", 64)];
const PATHS: [&str; 8] =
    ["/", "/news", "/news/square", "/contact", "/permits", "/swimming", "/a?b", "/très-long-été"];
const SOURCES: [(&str, &str, &str); 6] = [
    ("", "Direct", ""),
    ("Google", "Search", "www.google.com"),
    ("Bing", "Search", "www.bing.com"),
    ("Mastodon", "Social", "mastodon.example"),
    (HOSTILE, "Referral", "news.example"),
    ("Newsletter", "E-mail", ""),
];
const PLACES: [(&str, &str, &str); 4] =
    [("BE", "Flanders", "Ghent"), ("NL", "Zeeland", ""), ("DE", "", ""), ("", "", "")];
const CLIENTS: [(&str, &str, &str, &str); 4] = [
    ("Firefox", "Linux", "desktop", "nl"),
    ("Chrome", "Windows", "desktop", "en"),
    ("Safari", "iOS", "phone", "fr"),
    ("Samsung Internet", "Android", "tablet", "nl"),
];

/// A small generator (SplitMix64), so that nothing depends on another crate's numbers.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        // Early entries come more often, as in life.
        let length = list.len() as u64;
        &list[self.below(length).min(self.below(length)) as usize]
    }
}

/// Every event of both sites, at most until [`NOW`].
pub(crate) fn events() -> Vec<Event> {
    let mut dice = Dice::new(7);
    let now = moment(NOW);
    let mut rows = Vec::new();
    for (site, share) in [("news", 100), ("shop", 40)] {
        for (start, days) in STRETCHES {
            for day in 0..days {
                let visits = 8 + dice.below(18) * share / 100;
                for _ in 0..visits {
                    let start = moment(start) + i64::from(day) * 86_400_000 + hour(&mut dice);
                    visit(&mut dice, site, start, &mut rows);
                }
            }
        }
    }
    rows.retain(|row| row.ts <= now);
    rows
}

/// Every decision of both sites.
pub(crate) fn consents() -> Vec<Consent> {
    let mut dice = Dice::new(11);
    let mut rows = Vec::new();
    for (site, count) in [("news", 900), ("shop", 200)] {
        for _ in 0..count {
            let (start, days) = STRETCHES[usize::from(dice.below(4) > 0)];
            let at = moment(start) / 1_000 + dice.below(u64::from(days) * 86_400) as i64;
            if at * 1_000 <= moment(NOW) {
                rows.push(consent(&mut dice, site, at as u32));
            }
        }
    }
    rows
}

pub(crate) fn moment(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

/// Milliseconds into a UTC day, often late, so that many visits go over midnight in Brussels.
fn hour(dice: &mut Dice) -> i64 {
    let late = dice.below(3) == 0;
    let second = if late { 77_400 + dice.below(5_400) } else { dice.below(86_400) };
    (second * 1_000 + dice.below(1_000)) as i64
}

fn visit(dice: &mut Dice, site: &str, start: i64, rows: &mut Vec<Event>) {
    let (source, channel, referrer) = *dice.pick(&SOURCES);
    let (country, region, city) = *dice.pick(&PLACES);
    let (browser, os, device, language) = *dice.pick(&CLIENTS);
    let first = Event {
        site_id: site.to_owned(),
        kind: "view".to_owned(),
        // The two sites share visitor ids on purpose: only the site tells them apart.
        visitor_id: 1 + dice.below(90),
        visit_id: dice.next() | 1,
        source: source.to_owned(),
        channel: channel.to_owned(),
        referrer_host: referrer.to_owned(),
        utm_campaign: if source == "Newsletter" { "=week 46, \"waste\"".to_owned() } else { String::new() },
        country: country.to_owned(),
        region: region.to_owned(),
        city: city.to_owned(),
        browser: browser.to_owned(),
        os: os.to_owned(),
        device: device.to_owned(),
        language: language.to_owned(),
        consent_id: 1,
        sample: u8::from((moment("2026-10-05T00:00:00Z")..moment("2026-10-12T00:00:00Z")).contains(&start)),
        expires: NEVER,
        ..Event::default()
    };
    let mut ts = start;
    for number in 0..views(dice) {
        let mut view = Event { ts, view_id: dice.next() | 1, seq: 1, ..first.clone() };
        view.path = (*dice.pick(&PATHS)).to_owned();
        if number > 0 {
            // Later views come from the site itself.
            (view.source, view.channel, view.referrer_host) = <(String, String, String)>::default();
            view.utm_campaign.clear();
        }
        let stay = 1_000 + dice.below(25 * 60_000) as i64;
        let engaged = (stay as u64 / 2 + dice.below(stay as u64 / 2)) as u32;
        if dice.below(5) > 0 {
            let engagement = Event { ts: ts + stay, kind: "engagement".to_owned(), seq: 2, ..view.clone() };
            rows.push(Event { visible_ms: stay as u32, engaged_ms: engaged, ..engagement });
        }
        rows.push(view);
        ts += stay + 1 + dice.below(60_000) as i64;
    }
}

fn views(dice: &mut Dice) -> u64 {
    if dice.below(5) < 2 { 1 } else { 2 + dice.below(5) }
}

fn consent(dice: &mut Dice, site: &str, at: u32) -> Consent {
    let (action, analytics, withdraws) = match dice.below(20) {
        0..10 => ("accept", true, 0),
        10..14 => ("refuse", false, 0),
        14..16 => ("save", true, 0),
        16..18 => ("save", false, 0),
        18 => ("save", false, dice.next() | 1),
        _ => ("withdraw", false, dice.next() | 1),
    };
    let mut granted = vec!["necessary".to_owned()];
    let mut denied = Vec::new();
    (if analytics { &mut granted } else { &mut denied }).push("analytics".to_owned());
    let refused = action == "refuse";
    Consent {
        site_id: site.to_owned(),
        ts: if refused { at / 3_600 * 3_600 } else { at },
        action: action.to_owned(),
        consent_id: if refused { 0 } else { dice.next() | 1 },
        granted,
        denied,
        revision: 1,
        language: if refused { String::new() } else { "nl".to_owned() },
        surface: if refused { String::new() } else { "notice".to_owned() },
        withdraws,
        expires: NEVER,
        ..Consent::default()
    }
}
