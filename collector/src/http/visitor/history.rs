//! Every version of a declaration on `/kruimel/cookies`: which one is shown, what came before it, and what changed in
//! the visitor's language.
//!
//! In: the site and its [`History`]. Out: a [`Shown`] version and the [`Listed`] ones up to it. Invariant: a former
//! version is shown by the same template as the one in force, from what was written down when it came.

use super::page_address;
use super::words::{Words, fill};
use crate::config::{Language, Site};
use crate::declaration::{Aspect, Change, History, Said, Version};
use serde::Serialize;
use std::borrow::Cow;
use time::Date;
use wire::Category;

/// Most versions on one page. Older ones are on the page of the oldest one listed.
const VERSIONS_LISTED_MAX: usize = 50;

/// The version that a page shows.
pub(super) struct Shown<'a> {
    /// The site as it was, or is.
    pub(super) site: Cow<'a, Site>,
    /// Every version up to the one shown, which is the last; none where no history is kept.
    versions: &'a [Version],
    /// Since when another is in force; absent for the one in force.
    pub(super) until: Option<Date>,
}

/// One version of the list.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    pub(super) version: String,
    pub(super) revision: u32,
    pub(super) since: String,
    pub(super) hash: String,
    /// Whether it raised the revision.
    pub(super) asked_again: bool,
    /// What is different from the version before, in words.
    pub(super) changes: Vec<String>,
    pub(super) address: String,
    /// Its name in words.
    #[serde(skip)]
    pub(super) title: String,
    /// The first on record has nothing before it.
    #[serde(skip)]
    pub(super) first: bool,
    #[serde(skip)]
    pub(super) current: bool,
}

impl<'a> Shown<'a> {
    /// The version with that label, or the one in force.
    pub(super) fn find(
        site: &'a Site,
        history: Option<&'a History>,
        label: Option<&str>,
    ) -> Option<Shown<'a>> {
        let versions = history.map(History::versions).unwrap_or_default();
        let last = versions.len().saturating_sub(1);
        let place = match label {
            None => last,
            Some(label) => versions.iter().position(|version| version.label == label)?,
        };
        if place == last {
            return Some(Shown { site: Cow::Borrowed(site), versions, until: None });
        }
        let Version { date, revision, snapshot, .. } = &versions[place];
        Some(Shown {
            site: Cow::Owned(snapshot.as_site(site, *revision, *date)),
            versions: &versions[..=place],
            until: Some(versions[place + 1].date),
        })
    }

    /// The version itself.
    pub(super) fn version(&self) -> Option<&'a Version> {
        self.versions.last()
    }

    /// What an address of this page needs beside its language.
    pub(super) fn query(&self) -> String {
        match (self.until, self.version()) {
            (Some(_), Some(version)) => format!("&version={}", version.label),
            _ => String::new(),
        }
    }

    /// Since when what is shown was in force.
    pub(super) fn since(&self) -> Option<Date> {
        let corrected = self.version().filter(|version| version.label != version.revision.to_string());
        corrected.map(|version| version.date).or(self.site.revision_since)
    }

    /// The versions up to the one shown, the newest first.
    pub(super) fn list(&self, words: &Words, language: Language, prefix: &str) -> Vec<Listed> {
        let address = page_address(&self.site, prefix, "cookies", language.code());
        let one = |(place, version): (usize, &Version)| {
            let before = place.checked_sub(1).map(|before| &self.versions[before]);
            let date = words.date(language, version.date);
            Listed {
                version: version.label.clone(),
                revision: version.revision,
                since: version.date.to_string(),
                hash: version.hash.clone(),
                asked_again: before.is_some_and(|before| before.revision != version.revision),
                changes: version.changes.iter().map(|change| say(change, version, words, language)).collect(),
                address: format!("{address}&version={}", version.label),
                title: fill(words.version, &[("version", &version.label), ("date", &date)]),
                first: before.is_none(),
                current: place + 1 == self.versions.len(),
            }
        };
        self.versions.iter().enumerate().rev().take(VERSIONS_LISTED_MAX).map(one).collect()
    }
}

/// A change as a visitor reads it.
fn say(change: &Change, version: &Version, words: &Words, language: Language) -> String {
    let names = change.subject.iter().map(|name| name.in_language(language));
    let what = names.chain(label(change.aspect, words, language)).collect::<Vec<_>>().join(", ");
    let said = |said: &Said| self::said(said, version, words, language);
    let with = |text: &str| match what.as_str() {
        "" => text.to_owned(),
        what => format!("{what}: {text}"),
    };
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => {
            let before = fill(words.before, &[("text", &said(before))]);
            format!("{} ({before})", with(&said(after)))
        }
        (None, Some(after)) => fill(words.added, &[("what", &with(&said(after)))]),
        (Some(before), None) => fill(words.removed, &[("what", &with(&said(before)))]),
        (None, None) => what,
    }
}

/// What of its subject is different, where the texts before and after do not say it themselves.
fn label(aspect: Aspect, words: &Words, language: Language) -> Option<&'static str> {
    let of_banner = |key: &str| language.shipped().text.get(key).map_or("", String::as_str);
    Some(match aspect {
        Aspect::Whole
        | Aspect::Category
        | Aspect::Recipient
        | Aspect::Withdrawal
        | Aspect::Language
        | Aspect::Age => return None,
        Aspect::Name => of_banner("name"),
        Aspect::Purpose => of_banner("purpose"),
        Aspect::Duration => words.kept_for,
        Aspect::Retention(thing) => words.thing(thing),
        Aspect::Location => words.measured[3].0,
        Aspect::Address => words.address.0,
        Aspect::Field => words.stored,
        Aspect::Controller => words.controller,
        Aspect::Contact => words.contact,
        Aspect::PrivacyPolicy => words.privacy_policy,
    })
}

fn said(said: &Said, version: &Version, words: &Words, language: Language) -> String {
    let analytics = || {
        let categories = &version.snapshot.categories;
        let found = categories.iter().find(|one| one.name.as_str() == Category::Analytics.name());
        found.map_or(Category::Analytics.name(), |one| one.title.in_language(language))
    };
    match said {
        Said::Name(name) => name.clone(),
        Said::Text(text) => text.in_language(language).to_owned(),
        Said::Kept(kept) => kept.in_language(language),
        Said::Recipient { provider, country, third_party } => {
            let country = country.as_ref().map(|country| country.in_language(language));
            recipient(words, provider, country, *third_party)
        }
        Said::Age(limit) => fill(words.age_confirm, &[("age", &limit.to_string())]),
        Said::Erased => fill(words.erases, &[("analytics", analytics())]),
        Said::KeptBecause(why) => {
            fill(words.keeps, &[("analytics", analytics()), ("justification", why.in_language(language))])
        }
    }
}

/// Who provides something, where, and whether they receive data.
pub(super) fn recipient(words: &Words, provider: &str, country: Option<&str>, third_party: bool) -> String {
    let provider = match country {
        Some(country) => format!("{provider} ({country})"),
        None => provider.to_owned(),
    };
    fill(if third_party { words.recipient } else { words.no_recipients }, &[("provider", &provider)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, OnWithdrawal, Translated};
    use crate::declaration::Declarations;
    use time::macros::date;

    fn demo() -> Site {
        let local = |port| ([127, 0, 0, 1], port).into();
        Config::demo("data".into(), local(0), local(1)).sites.remove(0)
    }

    /// The history of a site that was changed so many times.
    fn history(changes: u16, change: impl Fn(&mut Site, u16)) -> (Site, Declarations) {
        let folder = tempfile::tempdir().unwrap();
        let mut opened = None;
        for time in 0..=changes {
            let mut site = [demo()];
            change(&mut site[0], time);
            let (declarations, settled) =
                Declarations::settle(folder.path(), &mut site, date!(2026 - 11 - 27)).unwrap();
            settled.write().unwrap();
            opened = Some((site.into_iter().next().unwrap(), declarations));
        }
        opened.unwrap()
    }

    #[test]
    fn every_kind_of_change_is_said_in_every_language() {
        let (site, declarations) = history(1, |site, time| {
            if time == 0 {
                return;
            }
            site.name.push_str(" site");
            site.controller = "Region".into();
            site.contact = "Elsewhere".into();
            site.privacy_policy = None;
            (site.retention_months, site.ip_retention_days, site.ledger_months) = (20, 20, 120);
            site.on_withdrawal =
                OnWithdrawal::Keep { justification: Translated::Same("An audit.".to_owned()) };
            site.languages.pop();
            site.options.age_limit = Some(16);
            let category = site.services[0].category.clone();
            let service = &mut site.services[3];
            (service.category, service.third_party) = (category, false);
            service.purpose = Translated::Same("Something else.".to_owned());
            service.name = Translated::Same("Another name".to_owned());
            service.cookies.clear();
            site.services.pop();
            site.categories.pop();
        });
        let shown = Shown::find(&site, declarations.of("demo"), None).unwrap();
        for language in Language::ALL {
            let list = shown.list(Words::of(language), language, "/kruimel/");
            assert_eq!((list.len(), list[0].asked_again, list[1].first), (2, true, true));
            assert!(list[0].changes.len() > 15, "{:?}", list[0].changes);
            for text in &list[0].changes {
                let whole =
                    !text.contains(['{', '}']) && !text.starts_with([':', ' ']) && !text.contains(": :");
                assert!(whole, "{language:?}: {text}");
            }
        }
        let english = shown.list(Words::of(Language::En), Language::En, "/kruimel/").remove(0).changes;
        for expected in [
            "Controller: Region (before: City of Kaaidam)",
            "Pages and visits: 20 months (before: 25 months)",
            "Removed: Deutsch",
            "Added: I am 16 or older",
            "Removed: What is stored about you: events.utm_term",
            "Another name, Purpose: Something else. (before: Shows videos of the city’s events.)",
            "Another name: Filmkade BV (Netherlands). Recipients: none. (before: Filmkade BV (Netherlands) receives data.)",
        ] {
            assert!(english.iter().any(|text| text == expected), "{expected} is not in {english:#?}");
        }
    }

    #[test]
    fn a_long_history_goes_on_from_the_oldest_version_listed() {
        let (site, declarations) = history(60, |site, time| site.contact = format!("Number {time}"));
        let list = |label: Option<&str>| {
            let shown = Shown::find(&site, declarations.of("demo"), label).unwrap();
            shown.list(Words::of(Language::En), Language::En, "/kruimel/")
        };
        let latest = list(None);
        assert_eq!(latest.len(), VERSIONS_LISTED_MAX);
        let oldest = &latest[VERSIONS_LISTED_MAX - 1].version;
        assert_eq!(oldest, "1.11");
        let older = list(Some(oldest));
        assert_eq!((older.len(), older[11].first, older[11].version.as_str()), (12, true, "1"));
        assert!(Shown::find(&site, declarations.of("demo"), Some("1.61")).is_none());
    }
}
