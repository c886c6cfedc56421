//! A site's declaration in one language, as `/kruimel/cookies` shows it to people and programs.
//!
//! In: a [`Site`] and a [`Language`]. Out: a [`Declaration`] whose fields are already words.

use super::words::Words;
use crate::config::{CategoryDeclaration, Cookie, Language, OnWithdrawal, Service, Site};
use crate::http::texts::categories;
use serde::Serialize;
use serde_json::Value;
use wire::Category;

/// What a site stores and why, in one language.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Declaration {
    pub(super) site: String,
    pub(super) name: String,
    pub(super) language: &'static str,
    pub(super) revision: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<String>,
    pub(super) controller: String,
    pub(super) contact: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) privacy_policy: Option<String>,
    pub(super) choice_days: u16,
    /// `erase`, or `keep` with the reason given.
    pub(super) on_withdrawal: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) withdrawal_justification: Option<String>,
    pub(super) categories: Vec<DeclaredCategory>,
    pub(super) retention: Vec<Kept>,
}

/// One category with its services.
#[derive(Clone, Debug, Serialize)]
pub(super) struct DeclaredCategory {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) description: String,
    /// Needs no consent.
    pub(super) necessary: bool,
    pub(super) services: Vec<DeclaredService>,
}

impl DeclaredCategory {
    /// Whether it is chosen service by service.
    pub(super) fn by_service(&self, site: &Site) -> bool {
        site.options.service_switches && !self.necessary && !self.services.is_empty()
    }
}

/// One service with what it stores.
#[derive(Clone, Debug, Serialize)]
pub(super) struct DeclaredService {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) provider: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) provider_country: Option<String>,
    pub(super) third_party: bool,
    pub(super) purpose: String,
    pub(super) cookies: Vec<DeclaredCookie>,
}

/// One thing stored on the device.
#[derive(Clone, Debug, Serialize)]
pub(super) struct DeclaredCookie {
    pub(super) name: String,
    pub(super) storage: &'static str,
    /// The storage in words, if it is not a cookie.
    #[serde(skip)]
    pub(super) storage_words: Option<&'static str>,
    pub(super) purpose: String,
    pub(super) duration: String,
    pub(super) provider: String,
    pub(super) third_party: bool,
}

/// One line of the retention table.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Kept {
    pub(super) what: &'static str,
    pub(super) duration: String,
}

impl Declaration {
    pub(super) fn of(site: &Site, language: Language) -> Declaration {
        let words = Words::of(language);
        let texts = categories(site, language);
        let category =
            |(index, category): (usize, _)| declared_category(site, category, language, &texts[index]);
        let (on_withdrawal, justification) = match &site.on_withdrawal {
            OnWithdrawal::Erase => ("erase", None),
            OnWithdrawal::Keep { justification } => {
                ("keep", Some(justification.in_language(language).to_owned()))
            }
        };
        let kept = |(thing, kept): (_, crate::config::Kept)| Kept {
            what: words.thing(thing),
            duration: kept.in_language(language),
        };
        Declaration {
            site: site.id.to_string(),
            name: site.name.clone(),
            language: language.code(),
            revision: site.revision,
            since: site.revision_since.map(|date| date.to_string()),
            controller: site.controller.clone(),
            contact: site.contact.clone(),
            privacy_policy: site.privacy_policy.clone(),
            choice_days: site.choice_days,
            on_withdrawal,
            withdrawal_justification: justification,
            categories: site.categories.iter().enumerate().map(category).collect(),
            retention: site.retention_table().into_iter().map(kept).collect(),
        }
    }

    /// The category, if the site has it.
    pub(super) fn category(&self, category: Category) -> Option<&DeclaredCategory> {
        self.categories.iter().find(|declared| declared.name == category.name())
    }
}

fn declared_category(
    site: &Site,
    category: &CategoryDeclaration,
    language: Language,
    texts: &Value,
) -> DeclaredCategory {
    let name = category.name.as_str();
    let text = |key: &str| texts[key].as_str().map(str::to_owned);
    DeclaredCategory {
        name: name.to_owned(),
        title: text("title").unwrap_or_else(|| name.to_owned()),
        description: text("description").unwrap_or_default(),
        necessary: name == Category::Necessary.name(),
        services: site
            .services_of(&category.name)
            .map(|service| declared_service(service, language))
            .collect(),
    }
}

fn declared_service(service: &Service, language: Language) -> DeclaredService {
    DeclaredService {
        id: service.id.to_string(),
        name: service.name.in_language(language).to_owned(),
        provider: service.provider.clone(),
        provider_country: service
            .provider_country
            .as_ref()
            .map(|country| country.in_language(language).to_owned()),
        third_party: service.third_party,
        purpose: service.purpose.in_language(language).to_owned(),
        cookies: service.cookies.iter().map(|cookie| declared_cookie(cookie, language)).collect(),
    }
}

fn declared_cookie(cookie: &Cookie, language: Language) -> DeclaredCookie {
    DeclaredCookie {
        name: cookie.name.clone(),
        storage: cookie.storage.name(),
        storage_words: Words::of(language).storage(cookie.storage),
        purpose: cookie.purpose.in_language(language).to_owned(),
        duration: cookie.duration.in_language(language),
        provider: cookie.provider.clone(),
        third_party: cookie.third_party,
    }
}
