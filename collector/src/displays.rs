//! How often the banner's texts were served, by site, hour, revision and language; nothing about who asked.
//!
//! In: texts that are answered. Out: rows of `displays`, flushed with the other counters. What a browser or a proxy shows
//! from its cache is not asked for and not counted: these are totals of what was served, and no more. Invariant: however
//! long the disk has no room, there are never more than `COUNTS_MAX` counts and one of the rest.

use crate::config::Language;
use crate::metrics::{COUNTS_MAX, OTHER};
use crate::pipeline::day_after_months;
use crate::row_binary::Encoder;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The counters since the last flush: one for each text of the config and hour.
#[derive(Default)]
pub struct Displays(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    by_text: HashMap<Key, u64>,
    /// The hour in which there were too many to be told apart.
    full_s: Option<u32>,
}

impl Counts {
    fn add(&mut self, mut key: Key, count: u64) {
        if self.by_text.len() >= COUNTS_MAX && !self.by_text.contains_key(&key) {
            let hour_s = *self.full_s.get_or_insert(key.hour_s);
            key = Key { site: OTHER.to_owned(), hour_s, revision: 0, language: "" };
        }
        *self.by_text.entry(key).or_default() += count;
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    site: String,
    hour_s: u32,
    revision: u32,
    language: &'static str,
}

/// Counts that were taken out to be kept.
pub struct Counted(HashMap<Key, u64>);

impl Displays {
    /// The texts of a site were served.
    pub fn served(&self, site: &str, revision: u32, language: Language, now_ms: i64) {
        let hour_s = u32::try_from(now_ms.div_euclid(3_600_000) * 3_600).unwrap_or(0);
        let key = Key { site: site.to_owned(), hour_s, revision, language: language.code() };
        self.counts().add(key, 1);
    }

    /// The counts since the last call.
    pub fn flush(&self) -> Counted {
        Counted(std::mem::take(&mut *self.counts()).by_text)
    }

    /// Puts back what could not be kept.
    pub fn restore(&self, counted: Counted) {
        let mut counts = self.counts();
        for (key, count) in counted.0 {
            counts.add(key, count);
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Rows of the layout [`crate::metrics::DISPLAYS`]; `months` says how long those of a site are kept.
    pub fn rows(&self, months: impl Fn(&str) -> u16) -> Vec<Vec<u8>> {
        let row = |(key, count): (&Key, &u64)| {
            let mut out = Encoder::row();
            out.string(&key.site);
            out.date_time(key.hour_s);
            out.uint32(key.revision);
            out.string(key.language);
            out.uint64(*count);
            out.date(day_after_months(i64::from(key.hour_s) * 1_000, months(&key.site)));
            out.finish()
        };
        self.0.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::DISPLAYS;

    #[test]
    fn what_is_served_is_summed_by_hour_and_language_and_flushed_once() {
        let displays = Displays::default();
        for (language, ms) in
            [(Language::En, 0), (Language::En, 1), (Language::Nl, 0), (Language::En, 3_600_000)]
        {
            displays.served("demo", 1, language, ms);
        }
        let counted = displays.flush();
        assert_eq!(counted.rows(|_| 36).len(), 3);
        assert!(displays.flush().is_empty());
        displays.restore(counted);
        displays.served("demo", 1, Language::En, 2);
        let mut rows = displays.flush().rows(|_| 36);
        rows.sort();
        let count = |row: &Vec<u8>| DISPLAYS.field(row, "count").map(|count| count[0]);
        assert!(rows.iter().any(|row| count(row) == Some(3)));
    }
}
