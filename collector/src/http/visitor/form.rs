//! The forms that reach `POST /kruimel/privacy`, as a browser without JavaScript sends them, become decisions.
//!
//! In: `application/x-www-form-urlencoded`. Out: [`Fields`], from which [`Form`] reads the page's own form and
//! [`Bar`](super::bar::Bar) the plain bar. Invariant: what is not ticked is not granted.

use super::declaration::{Declaration, DeclaredCategory};
use crate::config::{Language, Site};
use crate::pipeline::Rejection;
use std::collections::BTreeMap;
use wire::limits::{CATEGORIES_MAX, SERVICES_MAX};
use wire::{DecisionAction, DecisionRequest, Surface};

/// Largest body of a form, in bytes: room for a few hundred services.
pub(super) const FORM_BYTES_MAX: usize = 32 * 1024;
/// Most fields of a form: every category and service that a site may declare, and a few besides.
const FIELDS_MAX: usize = CATEGORIES_MAX * (SERVICES_MAX + 1) + 16;

/// The action of the button that erases.
const ERASE: &str = "erase";

/// The fields of a form, in their order.
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads a body.
    ///
    /// # Errors
    /// [`Rejection::TooLarge`] for more fields than any form of ours has.
    pub(super) fn parse(body: &[u8]) -> Result<Fields, Rejection> {
        let pairs = url::form_urlencoded::parse(body).into_owned();
        let fields: Vec<(String, String)> = pairs.take(FIELDS_MAX + 1).collect();
        if fields.len() > FIELDS_MAX { Err(Rejection::TooLarge) } else { Ok(Fields(fields)) }
    }

    /// The first field of a name, empty without one.
    pub(super) fn first<'f>(&'f self, name: &'f str) -> &'f str {
        self.all(name).next().unwrap_or_default()
    }

    fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The revision of the declaration that the form was made from.
    ///
    /// # Errors
    /// [`Rejection::StaleForm`] without one.
    pub(super) fn revision(&self) -> Result<u32, Rejection> {
        self.first("revision").parse().map_err(|_| Rejection::StaleForm)
    }
}

/// What the page's own form says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Form {
    action: String,
    categories: Vec<String>,
    /// `category/service`.
    services: Vec<String>,
    pub(super) session: bool,
    pub(super) of_age: bool,
    /// What the page named as that which it showed.
    text: String,
}

impl Form {
    pub(super) fn of(fields: &Fields) -> Form {
        let all = |name| fields.all(name).map(str::to_owned).collect();
        Form {
            action: fields.first("action").to_owned(),
            categories: all("category"),
            services: all("service"),
            session: fields.first("session") == "yes",
            of_age: fields.first("of_age") == "yes",
            text: fields.first("text").to_owned(),
        }
    }

    /// Whether everything is to be erased, the decisions too.
    pub(super) fn erases(&self) -> bool {
        self.action == ERASE
    }

    /// Whether the box of a category is ticked.
    pub(super) fn has_category(&self, name: &str) -> bool {
        self.categories.iter().any(|one| one == name)
    }

    /// Whether the box of a service is ticked.
    pub(super) fn has_service(&self, category: &str, id: &str) -> bool {
        self.services.iter().any(|one| one.split_once('/') == Some((category, id)))
    }

    /// The decision, made on the page that showed `declaration`.
    ///
    /// # Errors
    /// [`Rejection::ContradictoryDecision`] for a form without one of the buttons.
    pub(super) fn decision(
        &self,
        site: &Site,
        declaration: &Declaration,
        language: Language,
        revision: u32,
    ) -> Result<DecisionRequest, Rejection> {
        let every = || declaration.categories.iter().map(|category| category.name.clone()).collect();
        let mut services = BTreeMap::new();
        let (action, categories) = match self.action.as_str() {
            "accept" => (DecisionAction::Accept, every()),
            "refuse" | ERASE => (DecisionAction::Refuse, Vec::new()),
            "save" => (DecisionAction::Save, self.saved(site, declaration, &mut services)),
            _ => return Err(Rejection::ContradictoryDecision),
        };
        Ok(DecisionRequest {
            v: wire::VERSION,
            site: site.id.to_string(),
            action,
            categories,
            services,
            revision,
            text: self.text.clone(),
            language: language.code().to_owned(),
            surface: Surface::Page,
            earlier: None,
            reset: None,
            session: self.session && site.options.session_choice,
            of_age: self.of_age,
            until_day: None,
        })
    }

    /// The categories that are granted; of those granted in part, the services.
    fn saved(
        &self,
        site: &Site,
        declaration: &Declaration,
        services: &mut BTreeMap<String, Vec<String>>,
    ) -> Vec<String> {
        let by_service = |name: &str| {
            let found = declaration.categories.iter().find(|category| category.name == name);
            found.is_some_and(|category| category.by_service(site))
        };
        let mut granted: Vec<String> =
            self.categories.iter().filter(|name| !by_service(name)).cloned().collect();
        for category in declaration.categories.iter().filter(|category| category.by_service(site)) {
            let chosen = self.chosen_of(category);
            if chosen.is_empty() {
                continue;
            }
            granted.push(category.name.clone());
            if chosen.len() < category.services.len() {
                services.insert(category.name.clone(), chosen);
            }
        }
        granted
    }

    fn chosen_of(&self, category: &DeclaredCategory) -> Vec<String> {
        let chosen = |id: &&String| self.has_service(&category.name, id);
        category.services.iter().map(|service| &service.id).filter(chosen).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn site() -> Site {
        let local = |port| ([127, 0, 0, 1], port).into();
        Config::demo("data".into(), local(0), local(1)).sites.remove(0)
    }

    fn form(body: &str) -> Form {
        Form::of(&Fields::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn the_form_becomes_a_decision_of_this_page() {
        let site = &site();
        let declaration = Declaration::of(site, Language::Fr);
        let (hash, _) = crate::http::visitor::shown(site, Language::Fr, "");
        let check = |body: &str, action: DecisionAction, categories: &[&str]| {
            let decision =
                form(&format!("text={hash}&{body}")).decision(site, &declaration, Language::Fr, 1).unwrap();
            assert_eq!((decision.action, decision.surface), (action, Surface::Page), "{body}");
            assert_eq!(decision.categories, categories, "{body}");
            assert_eq!((decision.site.as_str(), decision.language.as_str()), ("demo", "fr"));
            assert_eq!(decision.text, hash);
            assert!(!decision.session, "the site does not offer it");
        };
        let all = ["necessary", "functional", "analytics", "advertising"];
        check("action=accept&session=yes", DecisionAction::Accept, &all);
        check("category=analytics&action=refuse", DecisionAction::Refuse, &[]);
        check(
            "category=functional&category=analytics&action=save",
            DecisionAction::Save,
            &["functional", "analytics"],
        );
        check("action=save", DecisionAction::Save, &[]);
        for body in ["", "category=analytics", "action=unknown", "%FF=%00"] {
            assert!(form(body).decision(site, &declaration, Language::Fr, 1).is_err(), "{body}");
        }
    }

    #[test]
    fn services_become_whole_or_partial_grants_and_none_of_them_is_a_refusal() {
        let mut site = site();
        site.options.service_switches = true;
        site.options.session_choice = true;
        let declaration = Declaration::of(&site, Language::En);
        let ids = |category: &str| -> Vec<String> {
            let found = declaration.categories.iter().find(|one| one.name == category).unwrap();
            found.services.iter().map(|service| service.id.clone()).collect()
        };
        let functional = ids("functional");
        assert!(functional.len() > 1, "the demo has several functional services: {functional:?}");
        let decide = |body: &str| form(body).decision(&site, &declaration, Language::En, 1).unwrap();
        let one = decide(&format!("service=functional/{}&session=yes&action=save", functional[0]));
        assert_eq!((one.categories, one.session), (vec!["functional".to_owned()], true));
        assert_eq!(one.services["functional"], functional[..1]);
        let every: String = functional.iter().map(|id| format!("service=functional/{id}&")).collect();
        let all = decide(&format!("{every}action=save"));
        assert!(all.categories == ["functional"] && all.services.is_empty());
        for body in ["category=functional&action=save", "service=functional/other&action=save", "action=save"]
        {
            let none = decide(body);
            assert!(none.categories.is_empty() && none.services.is_empty(), "{body}");
        }
    }

    #[test]
    fn a_form_with_more_fields_than_any_of_ours_is_not_read() {
        assert_eq!(Fields::parse("a=b&".repeat(2_000).as_bytes()).err(), Some(Rejection::TooLarge));
        assert!(Fields::parse("a=b&".repeat(1_000).as_bytes()).is_ok());
    }
}
