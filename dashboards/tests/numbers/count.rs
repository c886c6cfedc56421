//! The same numbers again, counted over the generated rows in plain Rust. Shares no code with the dashboards.

use crate::data::{Consent, Event};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;

/// What is counted of some visits or views.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) visitors: u64,
    pub(crate) visits: u64,
    pub(crate) page_views: u64,
    pub(crate) bounces: u64,
    pub(crate) duration_ms: u64,
}

/// One whole visit, with its views inside and outside of the period.
#[derive(Clone, Debug)]
pub(crate) struct Visit<'a> {
    pub(crate) events: Vec<&'a Event>,
}

impl<'a> Visit<'a> {
    pub(crate) fn views(&self) -> impl Iterator<Item = &'a Event> {
        self.events.iter().copied().filter(|event| event.kind == "view")
    }

    pub(crate) fn first(&self) -> &'a Event {
        self.views().min_by_key(|event| event.ts).unwrap()
    }

    pub(crate) fn last(&self) -> &'a Event {
        self.views().max_by_key(|event| event.ts).unwrap()
    }

    pub(crate) fn duration_ms(&self) -> u64 {
        let times = || self.events.iter().map(|event| event.ts);
        (times().max().unwrap() - times().min().unwrap()) as u64
    }

    pub(crate) fn views_in(&self, period: &Range<i64>) -> u64 {
        self.views().filter(|event| period.contains(&event.ts)).count() as u64
    }

    pub(crate) fn property(&self, dimension: &str) -> &'a str {
        let first = self.first();
        match dimension {
            "entry_page" => &first.path,
            "exit_page" => &self.last().path,
            "source" => &first.source,
            "channel" => &first.channel,
            "referrer" => &first.referrer_host,
            "campaign" => &first.utm_campaign,
            "country" => &first.country,
            "region" => &first.region,
            "city" => &first.city,
            "browser" => &first.browser,
            "os" => &first.os,
            "device" => &first.device,
            "language" => &first.language,
            other => panic!("no such property: {other}"),
        }
    }
}

/// Every visit of a site with a view in the period.
pub(crate) fn visits<'a>(events: &'a [Event], site: &str, period: &Range<i64>) -> Vec<Visit<'a>> {
    let mut found: HashMap<u64, Visit<'a>> = HashMap::new();
    for event in events.iter().filter(|event| event.site_id == site) {
        found.entry(event.visit_id).or_insert(Visit { events: Vec::new() }).events.push(event);
    }
    found.into_values().filter(|visit| visit.views_in(period) > 0).collect()
}

/// The figures of these visits in the period.
pub(crate) fn figures(visits: &[Visit<'_>], period: &Range<i64>) -> Counted {
    let visitors: HashSet<u64> = visits.iter().map(|visit| visit.first().visitor_id).collect();
    Counted {
        visitors: visitors.len() as u64,
        visits: visits.len() as u64,
        page_views: visits.iter().map(|visit| visit.views_in(period)).sum(),
        bounces: visits.iter().filter(|visit| visit.views().count() == 1).count() as u64,
        duration_ms: visits.iter().map(Visit::duration_ms).sum(),
    }
}

/// The figures of each group of visits.
pub(crate) fn by(visits: &[Visit<'_>], dimension: &str, period: &Range<i64>) -> BTreeMap<String, Counted> {
    let names: BTreeSet<&str> = visits.iter().map(|visit| visit.property(dimension)).collect();
    let of = |name: &str| -> Vec<Visit<'_>> {
        visits.iter().filter(|visit| visit.property(dimension) == name).cloned().collect()
    };
    names.into_iter().map(|name| (name.to_owned(), figures(&of(name), period))).collect()
}

/// Visitors, visits, page views and engaged time of each path.
pub(crate) fn pages<'a>(
    events: impl Iterator<Item = &'a Event>,
    period: &Range<i64>,
) -> BTreeMap<String, (u64, u64, u64, u64)> {
    let mut found: BTreeMap<String, (HashSet<u64>, HashSet<u64>, u64, u64)> = BTreeMap::new();
    for event in events.filter(|event| period.contains(&event.ts)) {
        let page = found.entry(event.path.clone()).or_default();
        page.3 += u64::from(event.engaged_ms);
        if event.kind == "view" {
            page.0.insert(event.visitor_id);
            page.1.insert(event.visit_id);
            page.2 += 1;
        }
    }
    let found = found.into_iter().filter(|(_, page)| page.2 > 0);
    found.map(|(path, page)| (path, (page.0.len() as u64, page.1.len() as u64, page.2, page.3))).collect()
}

/// The local day of a moment.
pub(crate) fn day(ts: i64, zone: &str) -> Date {
    Timestamp::from_millisecond(ts).unwrap().to_zoned(TimeZone::get(zone).unwrap()).date()
}

/// Granted, refused and withdrawn.
pub(crate) fn decisions(consents: &[Consent], site: &str, period: &Range<i64>) -> (u64, u64, u64) {
    let mut counts = (0, 0, 0);
    let inside = |row: &&Consent| row.site_id == site && period.contains(&(i64::from(row.ts) * 1_000));
    for row in consents.iter().filter(inside) {
        if row.granted.iter().any(|category| category == "analytics") {
            counts.0 += 1;
        } else if row.withdraws != 0 {
            counts.2 += 1;
        } else {
            counts.1 += 1;
        }
    }
    counts
}
