//! The refusals since the last flush, for the table `rejections`: by site, hour and reason, for an undeclared origin also
//! its host.
//!
//! In: refusals, and those that were taken out and could not be kept. Out: rows, all of which fit one record of the spool.
//! Invariant: whatever strangers send, and however often the disk has no room, there are never more than [`COUNTS_MAX`]
//! counts and one more for each reason; what is too many to be told apart is counted in fewer, so that the sums meet.

use super::COUNTS_MAX;
use crate::pipeline::{Rejection, is_host};
use crate::row_binary::Encoder;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

/// Most undeclared hosts that are told apart in an hour, and that wait for the next flush; the rest are counted under one
/// name. A stranger can make up as many as requests.
pub const ORIGIN_HOSTS_MAX: usize = 100;
/// The name of every site or host that is not told apart.
pub(crate) const OTHER: &str = "(other)";

/// Refusals that were taken out to be kept.
pub struct Counted(HashMap<Key, u64>);

impl Counted {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Rows of the layout [`super::REJECTIONS`] that expire after some days.
    pub fn rows(&self, kept_days: u32) -> Vec<Vec<u8>> {
        self.0.iter().map(|(key, count)| encode(key, *count, kept_days)).collect()
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    site: String,
    hour_s: u32,
    reason: Rejection,
    origin_host: String,
}

#[derive(Default)]
pub(super) struct Refusals {
    counts: HashMap<Key, u64>,
    /// How many of them are of a host.
    of_hosts: usize,
    /// The hosts that are told apart in an hour, and that hour.
    hosts: HashSet<String>,
    hosts_hour_s: u32,
    /// The hour in which there were too many to be told apart.
    full_s: Option<u32>,
}

impl Refusals {
    /// Counts something that was refused.
    pub(super) fn count(
        &mut self,
        site: &str,
        reason: Rejection,
        origin_host: &str,
        events: usize,
        now_ms: i64,
    ) {
        let hour_s = u32::try_from(now_ms.div_euclid(3_600_000) * 3_600).unwrap_or(0);
        let origin_host = if self.tells_apart(origin_host, hour_s) { origin_host } else { OTHER };
        let key = Key { site: site.to_owned(), hour_s, reason, origin_host: origin_host.to_owned() };
        self.add(key, events as u64);
    }

    fn tells_apart(&mut self, host: &str, hour_s: u32) -> bool {
        if host.is_empty() {
            return true;
        }
        if self.hosts_hour_s != hour_s {
            self.hosts_hour_s = hour_s;
            self.hosts.clear();
        }
        if !self.hosts.contains(host) && self.hosts.len() < ORIGIN_HOSTS_MAX && is_name(host) {
            self.hosts.insert(host.to_owned());
        }
        self.hosts.contains(host)
    }

    fn add(&mut self, mut key: Key, count: u64) {
        let names_host = !key.origin_host.is_empty() && key.origin_host != OTHER;
        if names_host && !self.counts.contains_key(&key) {
            if self.of_hosts < ORIGIN_HOSTS_MAX {
                self.of_hosts += 1;
            } else {
                OTHER.clone_into(&mut key.origin_host);
            }
        }
        if self.counts.len() >= COUNTS_MAX && !self.counts.contains_key(&key) {
            let hour_s = *self.full_s.get_or_insert(key.hour_s);
            key = Key { site: OTHER.to_owned(), hour_s, origin_host: String::new(), ..key };
        }
        *self.counts.entry(key).or_default() += count;
    }

    pub(super) fn flush(&mut self) -> Counted {
        (self.of_hosts, self.full_s) = (0, None);
        Counted(std::mem::take(&mut self.counts))
    }

    pub(super) fn restore(&mut self, counted: Counted) {
        counted.0.into_iter().for_each(|(key, count)| self.add(key, count));
    }
}

/// Whether it is a host by its name: an address can be a visitor's own, of a copy of the page that is served from home.
fn is_name(host: &str) -> bool {
    is_host(host) && host.trim_matches(['[', ']']).parse::<IpAddr>().is_err()
}

fn encode(key: &Key, count: u64, kept_days: u32) -> Vec<u8> {
    let mut out = Encoder::row();
    out.string(&key.site);
    out.date_time(key.hour_s);
    out.string(key.reason.label());
    out.string(&key.origin_host);
    out.uint64(count);
    out.date(u16::try_from(key.hour_s / 86_400 + kept_days).unwrap_or(u16::MAX));
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::super::REJECTIONS;
    use super::*;

    #[test]
    fn a_stranger_who_makes_up_hosts_all_day_fills_no_disk() {
        const HOUR_MS: i64 = 3_600_000;
        let mut refusals = Refusals::default();
        let mut named = HashSet::new();
        // Every half minute of an hour, and of the next.
        for flush in 0..240 {
            for number in 0..ORIGIN_HOSTS_MAX {
                let host = format!("{flush}-{number}.example");
                refusals.count("demo", Rejection::ForeignOrigin, &host, 1, flush * HOUR_MS / 120);
            }
            let rows = refusals.flush().rows(30);
            assert!(rows.len() <= ORIGIN_HOSTS_MAX + 1);
            named.extend(rows.iter().map(|row| REJECTIONS.field(row, "origin_host").unwrap().to_vec()));
        }
        assert_eq!(named.len(), 2 * ORIGIN_HOSTS_MAX + 1, "hosts of two hours, and the others");
    }

    #[test]
    fn an_address_is_no_host_that_is_told_apart() {
        let check = |host: &str, told: &str| {
            let mut refusals = Refusals::default();
            refusals.count("demo", Rejection::ForeignOrigin, host, 1, 0);
            let rows = refusals.flush().rows(30);
            assert_eq!(REJECTIONS.field(&rows[0], "origin_host").unwrap(), told.as_bytes(), "{host}");
        };
        check("www.example.org", "www.example.org");
        check("203.0.113.77", OTHER);
        check("[2001:db8::77]", OTHER);
        check("2001:db8::77", OTHER);
    }
}
