//! What is different between two versions of a declaration, and which of it is material.
//!
//! In: two [`Snapshot`]s. Out: every [`Change`]; none only where visitors read the same in another order. Invariant:
//! what lets more happen to a visitor than was declared (more, longer, finer, to others, for something else) is
//! material; taking away and correcting slips is not. Every field is taken apart by name, so that a further one cannot
//! be forgotten here.

use super::change::{Aspect, Change, Said};
use super::snapshot::{Category, Snapshot};
use super::wording::{self, Wording};
use crate::config::{Cookie, CountryCode, Kept, KeptThing, Language, Service, Translated, Unit};

/// Everything that is different.
pub(super) fn changes(before: &Snapshot, after: &Snapshot) -> Vec<Change> {
    let common = after.languages.iter().copied().filter(|one| before.languages.contains(one)).collect();
    let mut comparison = Comparison { before, after, common, changes: Vec::new() };
    comparison.categories();
    comparison.services();
    comparison.server();
    comparison.site();
    comparison.changes
}

struct Comparison<'a> {
    before: &'a Snapshot,
    after: &'a Snapshot,
    /// The languages that both are written in.
    common: Vec<Language>,
    changes: Vec<Change>,
}

/// Who receives data, as one version says it.
struct Recipient<'a> {
    provider: &'a str,
    country: Option<&'a CountryCode>,
    third_party: bool,
    /// Who was responsible then: naming them as provider says nothing more.
    controller: &'a str,
}

impl Recipient<'_> {
    fn said(&self) -> Said {
        Said::Recipient {
            provider: self.provider.to_owned(),
            country: self.country.cloned(),
            third_party: self.third_party,
        }
    }
}

impl Comparison<'_> {
    fn push(
        &mut self,
        subject: &[&Translated],
        aspect: Aspect,
        before: Option<Said>,
        after: Option<Said>,
        material: bool,
    ) {
        let subject = subject.iter().map(|name| (*name).clone()).collect();
        self.changes.push(Change { subject, aspect, before, after, material });
    }

    fn categories(&mut self) {
        let (before, after) = (self.before, self.after);
        for category in &after.categories {
            match before.categories.iter().find(|one| one.name == category.name) {
                Some(earlier) => self.category(earlier, category),
                None => {
                    let said = Some(Said::Text(category.description.clone()));
                    self.push(&[&category.title], Aspect::Whole, None, said, true);
                }
            }
        }
        for gone in &before.categories {
            if !after.categories.iter().any(|one| one.name == gone.name) {
                let said = Some(Said::Text(gone.description.clone()));
                self.push(&[&gone.title], Aspect::Whole, said, None, false);
            }
        }
    }

    fn category(&mut self, earlier: &Category, category: &Category) {
        let Category { name: _, title, description, own } = category;
        let same_meaning = *own && earlier.own && self.before.own_texts == self.after.own_texts;
        self.text(&[title], Aspect::Name, &earlier.title, title, same_meaning);
        self.text(&[title], Aspect::Purpose, &earlier.description, description, same_meaning);
    }

    fn services(&mut self) {
        let (before, after) = (self.before, self.after);
        for service in &after.services {
            match before.services.iter().find(|one| one.id == service.id) {
                Some(earlier) => self.service(earlier, service),
                None => {
                    let said = Some(recipient_of(service, after).said());
                    self.push(&[&service.name], Aspect::Whole, None, said, true);
                }
            }
        }
        for gone in &before.services {
            if !after.services.iter().any(|one| one.id == gone.id) {
                let said = Some(recipient_of(gone, before).said());
                self.push(&[&gone.name], Aspect::Whole, said, None, false);
            }
        }
    }

    fn service(&mut self, earlier: &Service, service: &Service) {
        let Service {
            id,
            category,
            name,
            provider: _,
            provider_country: _,
            purpose,
            third_party: _,
            cookies,
        } = service;
        let same_meaning =
            Service::OWN_IDS.contains(&id.as_str()) && self.before.own_texts == self.after.own_texts;
        self.text(&[name], Aspect::Name, &earlier.name, name, same_meaning);
        self.text(&[name], Aspect::Purpose, &earlier.purpose, purpose, same_meaning);
        if *category != earlier.category {
            let title = |snapshot: &Snapshot, of: &Service| {
                let found = snapshot.categories.iter().find(|one| one.name == of.category);
                found.map(|one| Said::Text(one.title.clone()))
            };
            let (was, is) = (title(self.before, earlier), title(self.after, service));
            self.push(&[name], Aspect::Category, was, is, true);
        }
        self.recipient(&[name], &recipient_of(earlier, self.before), &recipient_of(service, self.after));
        for cookie in cookies {
            let known = |one: &&Cookie| one.name == cookie.name && one.storage == cookie.storage;
            let exactly = earlier.cookies.iter().find(|one| *one == cookie);
            let called = Translated::Same(cookie.name.clone());
            match exactly.or(earlier.cookies.iter().find(known)) {
                Some(was) => self.cookie(&[name, &called], was, cookie, same_meaning),
                None => {
                    let said = Some(Said::Kept(cookie.duration));
                    self.push(&[name, &called], Aspect::Whole, None, said, true);
                }
            }
        }
        for gone in &earlier.cookies {
            if !cookies.iter().any(|one| one.name == gone.name && one.storage == gone.storage) {
                let called = Translated::Same(gone.name.clone());
                self.push(&[name, &called], Aspect::Whole, Some(Said::Kept(gone.duration)), None, false);
            }
        }
    }

    fn cookie(&mut self, subject: &[&Translated], earlier: &Cookie, cookie: &Cookie, same_meaning: bool) {
        // Whether scripts see it and for which path it is are matters of removing it, which visitors are not told.
        let Cookie {
            purpose,
            duration,
            name: _,
            provider: _,
            third_party: _,
            storage: _,
            http_only: _,
            path: _,
        } = cookie;
        self.text(subject, Aspect::Purpose, &earlier.purpose, purpose, same_meaning);
        if *duration != earlier.duration {
            let (before, after) = (Said::Kept(earlier.duration), Said::Kept(*duration));
            let longer = is_longer(earlier.duration, *duration);
            self.push(subject, Aspect::Duration, Some(before), Some(after), longer);
        }
        let set_by = |cookie: &'_ Cookie, snapshot: &'_ Snapshot| {
            // A cookie has no country of its own.
            (cookie.provider.clone(), cookie.third_party, snapshot.controller.clone())
        };
        let ((was, was_third, was_controller), (is, is_third, controller)) =
            (set_by(earlier, self.before), set_by(cookie, self.after));
        let party = |provider, third_party, controller| Recipient {
            provider,
            country: None,
            third_party,
            controller,
        };
        self.recipient(subject, &party(&was, was_third, &was_controller), &party(&is, is_third, &controller));
    }

    fn recipient(&mut self, subject: &[&Translated], was: &Recipient<'_>, is: &Recipient<'_>) {
        let controllers = was.provider == was.controller && is.provider == is.controller;
        let name = match controllers {
            true => Wording::Same,
            false => wording::compare_name(was.provider, is.provider),
        };
        let elsewhere = is.country.is_some() && is.country != was.country;
        let differs = was.country != is.country || was.third_party != is.third_party;
        if name != Wording::Same || differs {
            let material = name == Wording::Changed || elsewhere || (is.third_party && !was.third_party);
            self.push(subject, Aspect::Recipient, Some(was.said()), Some(is.said()), material);
        }
    }

    /// Compares a text. Kruimel's own may be put in better words while their meaning is the same.
    fn text(
        &mut self,
        subject: &[&Translated],
        aspect: Aspect,
        before: &Translated,
        after: &Translated,
        same_meaning: bool,
    ) {
        let wording = wording::compare(before, after, &self.common);
        if wording != Wording::Same {
            let material = wording == Wording::Changed && !same_meaning;
            let said = |text: &Translated| Some(Said::Text(text.clone()));
            self.push(subject, aspect, said(before), said(after), material);
        }
    }

    /// What the server stores, how long, and what a withdrawal does.
    fn server(&mut self) {
        let (before, after) = (self.before, self.after);
        for field in after.fields.iter().filter(|field| !before.fields.contains(field)) {
            self.push(&[], Aspect::Field, None, Some(Said::Name(field.clone())), true);
        }
        for field in before.fields.iter().filter(|field| !after.fields.contains(field)) {
            self.push(&[], Aspect::Field, Some(Said::Name(field.clone())), None, false);
        }
        for ((thing, was), (_, is)) in before.retention().into_iter().zip(after.retention()) {
            if was != is {
                let said = |kept| Some(Said::Kept(kept));
                self.push(&[], Aspect::Retention(thing), said(was), said(is), is_longer(was, is));
            }
        }
        if before.location != after.location {
            let said = |snapshot: &Snapshot| Some(Said::Name(snapshot.location.name().to_owned()));
            let finer = after.location > before.location;
            self.push(&[], Aspect::Location, said(before), said(after), finer);
        }
        if before.age_limit != after.age_limit {
            let said = |snapshot: &Snapshot| snapshot.age_limit.map(Said::Age);
            // Whoever allowed something did not say to be of that age.
            let higher = after.age_limit > before.age_limit;
            self.push(&[], Aspect::Age, said(before), said(after), higher);
        }
        if before.address_bits != after.address_bits {
            let said = |[four, six]: [u32; 2]| Some(Said::Name(format!("IPv4 /{four}, IPv6 /{six}")));
            let finer = before.address_bits.iter().zip(after.address_bits).any(|(was, is)| is > *was);
            self.push(&[], Aspect::Address, said(before.address_bits), said(after.address_bits), finer);
        }
        self.withdrawal();
    }

    fn withdrawal(&mut self) {
        let said = |kept: &Option<Translated>| match kept {
            None => Some(Said::Erased),
            Some(why) => Some(Said::KeptBecause(why.clone())),
        };
        let (was, is) = (&self.before.kept_after_withdrawal, &self.after.kept_after_withdrawal);
        let wording = match (was, is) {
            (None, None) => Wording::Same,
            (Some(_), None) => Wording::Corrected,
            (None, Some(_)) => Wording::Changed,
            (Some(was), Some(is)) => wording::compare(was, is, &self.common),
        };
        if wording != Wording::Same {
            let material = wording == Wording::Changed;
            self.push(&[], Aspect::Withdrawal, said(was), said(is), material);
        }
    }

    fn site(&mut self) {
        let (before, after) = (self.before, self.after);
        let name = |text: &String| Some(Said::Name(text.clone()));
        if before.controller != after.controller {
            let wording = wording::compare_name(&before.controller, &after.controller);
            let material = wording == Wording::Changed;
            self.push(&[], Aspect::Controller, name(&before.controller), name(&after.controller), material);
        }
        if before.contact != after.contact {
            self.push(&[], Aspect::Contact, name(&before.contact), name(&after.contact), false);
        }
        if before.privacy_policy != after.privacy_policy {
            let said = |snapshot: &Snapshot| snapshot.privacy_policy.as_ref().and_then(name);
            self.push(&[], Aspect::PrivacyPolicy, said(before), said(after), false);
        }
        if before.name != after.name {
            self.push(&[], Aspect::Name, name(&before.name), name(&after.name), false);
        }
        for language in after.languages.iter().filter(|one| !before.languages.contains(one)) {
            let said = Some(Said::Name(language.own_name().to_owned()));
            self.push(&[], Aspect::Language, None, said, false);
        }
        for language in before.languages.iter().filter(|one| !after.languages.contains(one)) {
            let said = Some(Said::Name(language.own_name().to_owned()));
            self.push(&[], Aspect::Language, said, None, false);
        }
    }
}

fn recipient_of<'a>(service: &'a Service, snapshot: &'a Snapshot) -> Recipient<'a> {
    Recipient {
        provider: &service.provider,
        country: service.provider_country.as_ref(),
        third_party: service.third_party,
        controller: &snapshot.controller,
    }
}

impl Snapshot {
    fn retention(&self) -> [(KeptThing, Kept); 4] {
        [
            (KeptThing::Events, Kept::For(u32::from(self.retention_months), Unit::Months)),
            (KeptThing::TruncatedAddress, Kept::For(u32::from(self.ip_retention_days), Unit::Days)),
            (KeptThing::Decisions, Kept::For(u32::from(self.ledger_months), Unit::Months)),
            (KeptThing::Rejections, Kept::For(self.rejections_days, Unit::Days)),
        ]
    }
}

/// Minutes of a day.
const DAY_MINUTES: u64 = 24 * 60;

/// Whether something stays longer than it did. What outlives the browser's window is longer than what does not.
fn is_longer(before: Kept, after: Kept) -> bool {
    match (before, after) {
        (Kept::UntilRemoved, _) | (Kept::Session, Kept::Session) => false,
        (_, Kept::UntilRemoved) | (Kept::Session, Kept::For(..)) => true,
        // A window can stay open for a day.
        (Kept::For(count, unit), Kept::Session) => minutes(count, unit) < DAY_MINUTES,
        (Kept::For(count, unit), Kept::For(now, now_unit)) => minutes(now, now_unit) > minutes(count, unit),
    }
}

/// A year is 365 days and a month a twelfth of it, so that "1 year" is neither longer nor shorter than "12 months".
fn minutes(count: u32, unit: Unit) -> u64 {
    let each = match unit {
        Unit::Minutes => 1,
        Unit::Hours => 60,
        Unit::Days => DAY_MINUTES,
        Unit::Weeks => 7 * DAY_MINUTES,
        Unit::Months => 365 * DAY_MINUTES / 12,
        Unit::Years => 365 * DAY_MINUTES,
    };
    u64::from(count) * each
}
