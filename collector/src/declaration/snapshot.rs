//! What a site declares at one moment: everything that a visitor decides on, in every language of the site.
//!
//! In: a [`Site`]. Out: a [`Snapshot`] that is written to the history and read again, and the site as it was then.
//! Invariant: what a visitor can read on `/kruimel/cookies` is in it.

use crate::config::{
    CategoryDeclaration, CategoryName, Language, OnWithdrawal, Options, Service, Site, Translated,
};
use crate::ledger::DECISIONS;
use crate::pipeline::{ADVERTISING, ANALYTICS, EVENTS, IPV4_PREFIX_BITS, IPV6_PREFIX_BITS};
use crate::row_binary::Layout;
use serde::{Deserialize, Serialize};
use time::Date;

/// Raise it when a text that Kruimel says of itself (the default categories, its own two services) comes to mean
/// something else: every site then asks again. A better translation of the same meaning does not.
const OWN_TEXTS_MEANING: u32 = 1;

/// Columns about the row and not about a visitor. Whatever else is stored counts as a stored field.
const NOT_ABOUT_VISITORS: [&str; 8] =
    ["segment_id", "site_id", "sample", "expires", "ip_expires", "chain", "chain_seq", "salt"];
/// The fields that need advertising consent.
const OF_ADVERTISING: [&str; 2] = ["utm_term", "utm_content"];

/// A site's declaration at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The languages it is written in, the site's own first.
    pub languages: Vec<Language>,
    /// The site's name.
    pub name: String,
    /// Who is responsible.
    pub controller: String,
    /// How to reach them.
    pub contact: String,
    /// Their privacy policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy_policy: Option<String>,
    /// How long either answer is kept, in days.
    pub choice_days: u16,
    /// The age that whoever allows something optional says to have; absent where nobody is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_limit: Option<u8>,
    /// Why rows outlive a withdrawal; absent where they are erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_after_withdrawal: Option<Translated>,
    /// How long events are kept, in months.
    pub retention_months: u16,
    /// How long their truncated address is kept, in days.
    pub ip_retention_days: u16,
    /// How long decisions are kept, in months.
    pub ledger_months: u16,
    /// How long counters of rejected messages are kept, in days.
    pub rejections_days: u32,
    /// How finely visitors are placed.
    pub location: Location,
    /// Bits of an address that are stored: of IPv4, of IPv6.
    pub address_bits: [u32; 2],
    /// What is stored about visitors, as `table.column`.
    pub fields: Vec<String>,
    /// Which meaning Kruimel's own texts had.
    pub own_texts: u32,
    /// The categories in the order they are shown.
    pub categories: Vec<Category>,
    /// Every service in the order of the file.
    pub services: Vec<Service>,
}

/// A category as visitors read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// Its name.
    pub name: CategoryName,
    /// Its title.
    pub title: Translated,
    /// What it is for.
    pub description: Translated,
    /// Title and description are Kruimel's own.
    pub own: bool,
}

/// How finely a visitor is placed. Later is finer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Location {
    /// The country, from the browser's time zone.
    Country,
    /// The city, looked up by a truncated address in the owner's database of places.
    City,
}

impl Location {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Location::Country => "country",
            Location::City => "city",
        }
    }
}

impl Snapshot {
    /// What a site declares.
    pub fn of(site: &Site) -> Snapshot {
        let languages = &site.languages;
        Snapshot {
            name: site.name.clone(),
            controller: site.controller.clone(),
            contact: site.contact.clone(),
            privacy_policy: site.privacy_policy.clone(),
            choice_days: site.choice_days,
            age_limit: site.options.age_limit,
            kept_after_withdrawal: match &site.on_withdrawal {
                OnWithdrawal::Erase => None,
                OnWithdrawal::Keep { justification } => Some(within(justification, languages)),
            },
            retention_months: site.retention_months,
            ip_retention_days: site.ip_retention_days,
            ledger_months: site.ledger_months,
            rejections_days: site.rejections_days,
            location: if site.has_geography { Location::City } else { Location::Country },
            address_bits: [IPV4_PREFIX_BITS, IPV6_PREFIX_BITS],
            fields: fields(site),
            own_texts: OWN_TEXTS_MEANING,
            categories: site.categories.iter().map(|category| shown(category, languages)).collect(),
            services: site.services.iter().map(|service| service_within(service, languages)).collect(),
            languages: languages.clone(),
        }
    }

    /// The site as it was when it declared this, under that revision since that day.
    pub fn as_site(&self, site: &Site, revision: u32, since: Date) -> Site {
        let categories = self.categories.iter().map(|category| CategoryDeclaration {
            name: category.name.clone(),
            title: Some(category.title.clone()),
            description: Some(category.description.clone()),
        });
        Site {
            name: self.name.clone(),
            controller: self.controller.clone(),
            contact: self.contact.clone(),
            privacy_policy: self.privacy_policy.clone(),
            language: self.languages.first().copied().unwrap_or(site.language),
            languages: self.languages.clone(),
            revision,
            revision_since: Some(since),
            choice_days: self.choice_days,
            options: Options { age_limit: self.age_limit, ..site.options.clone() },
            on_withdrawal: match &self.kept_after_withdrawal {
                None => OnWithdrawal::Erase,
                Some(justification) => OnWithdrawal::Keep { justification: justification.clone() },
            },
            retention_months: self.retention_months,
            ip_retention_days: self.ip_retention_days,
            ledger_months: self.ledger_months,
            rejections_days: self.rejections_days,
            has_geography: self.location == Location::City,
            categories: categories.collect(),
            services: self.services.clone(),
            ..site.clone()
        }
    }
}

/// The text in these languages alone; Kruimel's own come in all.
fn within(text: &Translated, languages: &[Language]) -> Translated {
    match text {
        Translated::Same(text) => Translated::Same(text.clone()),
        Translated::Each(texts) => Translated::Each(
            texts
                .iter()
                .filter(|(language, _)| languages.contains(language))
                .map(|(language, text)| (*language, text.clone()))
                .collect(),
        ),
    }
}

fn shown(category: &CategoryDeclaration, languages: &[Language]) -> Category {
    let shipped = || {
        let one = |language: &Language| {
            Some((*language, language.shipped().categories.get(category.name.as_str())?))
        };
        languages.iter().filter_map(one)
    };
    let each = |texts: Vec<(Language, &String)>| {
        Translated::Each(texts.into_iter().map(|(language, text)| (language, text.clone())).collect())
    };
    let owned = |text: &Option<Translated>| text.as_ref().map(|text| within(text, languages));
    Category {
        name: category.name.clone(),
        title: owned(&category.title)
            .unwrap_or_else(|| each(shipped().map(|(language, texts)| (language, &texts.title)).collect())),
        description: owned(&category.description).unwrap_or_else(|| {
            each(shipped().map(|(language, texts)| (language, &texts.description)).collect())
        }),
        own: category.title.is_none() && category.description.is_none(),
    }
}

fn service_within(service: &Service, languages: &[Language]) -> Service {
    let mut service = service.clone();
    service.name = within(&service.name, languages);
    service.purpose = within(&service.purpose, languages);
    for cookie in &mut service.cookies {
        cookie.purpose = within(&cookie.purpose, languages);
    }
    service
}

/// What is stored about visitors: the events where the site measures, and every decision.
fn fields(site: &Site) -> Vec<String> {
    let has = |category: &str| site.category_names().any(|name| name == category);
    let stored = |(name, _): &&(&str, &str)| {
        !NOT_ABOUT_VISITORS.contains(name) && (!OF_ADVERTISING.contains(name) || has(ADVERTISING))
    };
    let of = |layout: &Layout| {
        let table = layout.table;
        layout.columns.iter().filter(stored).map(|(name, _)| format!("{table}.{name}")).collect::<Vec<_>>()
    };
    let mut fields = if has(ANALYTICS) { of(&EVENTS) } else { Vec::new() };
    fields.extend(of(&DECISIONS));
    fields.sort_unstable();
    fields
}
