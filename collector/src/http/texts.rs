//! The words of the banner in one language: the texts that ship with it or that the owner put in their place, and the
//! site's declaration, as the JSON that rides in the banner's glue. Its hash is what a ledger row names as the texts that the visitor saw.

use crate::config::{CategoryDeclaration, Language, Service, Site, Translated};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::collections::{HashMap, HashSet};

/// The hashes of every text that this collector shows, per site: what a decision may name as seen.
pub struct Texts(HashMap<String, HashSet<String>>);

impl Texts {
    /// The texts of every site in each of its languages, of the banner and of the visitor's page.
    pub fn of(sites: &[Site], prefix: &str) -> Texts {
        let hashes = |site: &Site| {
            let both = |&language: &Language| {
                let banner = banner_texts(site, language, prefix)["hash"].as_str().map(str::to_owned);
                [banner, Some(super::visitor::text_hash(site, language, prefix))]
            };
            site.languages.iter().flat_map(both).flatten().collect()
        };
        Texts(sites.iter().map(|site| (site.id.to_string(), hashes(site))).collect())
    }

    /// The hash if it is one of the site's, otherwise an empty text.
    pub fn known<'a>(&self, site: &str, hash: &'a str) -> &'a str {
        if self.0.get(site).is_some_and(|hashes| hashes.contains(hash)) { hash } else { "" }
    }
}

/// The banner's texts and declaration in one language; `prefix` is the public path of the collector.
pub(crate) fn banner_texts(site: &Site, language: Language, prefix: &str) -> Value {
    let mut text: BTreeMap<&str, &str> =
        language.shipped().text.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
    let own = site.texts.get(&language).into_iter().flatten();
    text.extend(own.map(|(key, own)| (*key, own.as_str())));
    let categories: Vec<Value> =
        site.categories.iter().map(|category| declared(site, category, language)).collect();
    let mut texts = json!({
        "lang": language.code(),
        "dir": language.direction(),
        "text": text,
        "controller": site.controller,
        "policy": format!("{prefix}cookies"),
        "parties": site.third_parties(),
        "days": site.choice_days,
        "categories": categories,
    });
    let hash = Sha256::digest(texts.to_string());
    texts["hash"] = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>().into();
    texts["position"] = site.position.name().into();
    texts
}

fn declared(site: &Site, category: &CategoryDeclaration, language: Language) -> Value {
    let name = category.name.as_str();
    let shipped = language.shipped().categories.get(name);
    let (title, description) =
        shipped.map(|texts| (texts.title.as_str(), texts.description.as_str())).unzip();
    let own = |text: &Option<Translated>, shipped: Option<&str>| match text {
        Some(text) => Value::from(text.in_language(language)),
        None => Value::from(shipped),
    };
    let services: Vec<Value> =
        site.services_of(&category.name).map(|service| service_json(service, language)).collect();
    json!({
        "name": name,
        "title": own(&category.title, title),
        "description": own(&category.description, description),
        "services": services,
    })
}

fn service_json(service: &Service, language: Language) -> Value {
    let cookies: Vec<Value> = service
        .cookies
        .iter()
        .map(|cookie| {
            json!({
                "name": cookie.name,
                "provider": cookie.provider,
                "purpose": cookie.purpose.in_language(language),
                "duration": cookie.duration.in_language(language),
                "party": if cookie.third_party { "third" } else { "first" },
            })
        })
        .collect();
    json!({
        "id": service.id.as_str(),
        "name": service.name.in_language(language),
        "provider": service.provider,
        "purpose": service.purpose.in_language(language),
        "cookies": cookies,
    })
}
