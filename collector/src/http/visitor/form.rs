//! The form of the privacy page, as a browser without JavaScript sends it, becomes a decision.

use super::declaration::Declaration;
use crate::config::Language;
use crate::pipeline::Rejection;
use wire::limits::CATEGORIES_MAX;
use wire::{DecisionAction, DecisionRequest, Surface};

/// What the form says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) token: String,
    action: String,
    revision: String,
    categories: Vec<String>,
}

impl Form {
    /// Reads `application/x-www-form-urlencoded`. Fields it does not know are left aside.
    pub(super) fn parse(body: &[u8]) -> Form {
        let mut form = Form::default();
        for (name, value) in url::form_urlencoded::parse(body) {
            match name.as_ref() {
                "token" => form.token = value.into_owned(),
                "action" => form.action = value.into_owned(),
                "revision" => form.revision = value.into_owned(),
                "category" if form.categories.len() <= CATEGORIES_MAX => {
                    form.categories.push(value.into_owned());
                }
                _ => {}
            }
        }
        form
    }

    /// The decision, made on the page that showed `declaration`.
    ///
    /// # Errors
    /// [`Rejection::ContradictoryDecision`] for a form without one of the three buttons.
    pub(super) fn decision(
        self,
        declaration: &Declaration,
        language: Language,
    ) -> Result<DecisionRequest, Rejection> {
        let every = || declaration.categories.iter().map(|category| category.name.clone()).collect();
        let (action, categories) = match self.action.as_str() {
            "accept" => (DecisionAction::Accept, every()),
            "refuse" => (DecisionAction::Refuse, Vec::new()),
            "save" => (DecisionAction::Save, self.categories),
            _ => return Err(Rejection::ContradictoryDecision),
        };
        Ok(DecisionRequest {
            v: wire::VERSION,
            site: declaration.site.clone(),
            action,
            categories,
            services: Default::default(),
            revision: self.revision.parse().map_err(|_| Rejection::StaleForm)?,
            text: declaration.hash(),
            language: language.code().to_owned(),
            surface: Surface::Page,
            earlier: None,
            reset: None,
            session: false,
            of_age: false,
            until_day: None,
        })
    }
}
