//! The page's form: a switch for each category or, where the site lets them be chosen one by one, for each service.
//!
//! In: an [`Input`]. Out: [`Switches`]. Invariant: nothing but `necessary` is switched on that was not granted, or
//! switched on by the visitor in a form that could not be taken.

use super::Frame;
use super::cookies::withdrawal;
use super::declaration::{Declaration, DeclaredCategory, DeclaredService};
use super::page_address;
use super::privacy_page::{Input, is_signalled};
use super::words::fill;

pub(super) struct Switches {
    pub(super) action: String,
    pub(super) token: String,
    pub(super) revision: u32,
    /// What a decision on this page names as that which it showed.
    pub(super) text: String,
    pub(super) groups: Vec<Group>,
    pub(super) age: Option<Tick>,
    pub(super) session: Option<Tick>,
    pub(super) withdrawal: Option<String>,
}

/// A category with its own switch, or with one for each of its services.
pub(super) struct Group {
    pub(super) own: Switch,
    pub(super) fixed: bool,
    pub(super) services: Vec<Switch>,
}

pub(super) struct Switch {
    /// Unique in the page.
    pub(super) id: String,
    pub(super) value: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) on: bool,
}

/// A plain box beside the switches.
pub(super) struct Tick {
    pub(super) label: String,
    pub(super) note: String,
    pub(super) on: bool,
}

pub(super) fn switches(input: &Input<'_>, declaration: &Declaration, frame: &Frame) -> Switches {
    let entered = |ticked: fn(&super::form::Form) -> bool| input.entered.is_some_and(ticked);
    let options = &input.site.options;
    Switches {
        action: page_address(input.site, input.prefix, "privacy", frame.language),
        token: input.token.clone(),
        revision: input.site.revision,
        text: input.text.to_owned(),
        groups: declaration.categories.iter().map(|category| group(input, category, frame)).collect(),
        age: options.age_limit.map(|limit| Tick {
            label: fill(frame.words.age_confirm, &[("age", &limit.to_string())]),
            note: frame.said("age_note").to_owned(),
            on: entered(|form| form.of_age),
        }),
        session: options.session_choice.then(|| Tick {
            label: frame.said("session").to_owned(),
            note: frame.said("session_note").to_owned(),
            on: entered(|form| form.session),
        }),
        withdrawal: withdrawal(declaration, frame),
    }
}

fn group(input: &Input<'_>, category: &DeclaredCategory, frame: &Frame) -> Group {
    let on = match input.entered {
        Some(form) => form.has_category(&category.name),
        None => input.state.allows(&category.name),
    };
    let mut description = category.description.clone();
    if let Some(signal) = input.signal.filter(|_| is_signalled(&category.name)) {
        if !on {
            description = format!("{description} {}", frame.said(signal));
        }
        description = format!("{description} {}", frame.said("signal_override"));
    }
    let services = if category.by_service(input.site) { category.services.as_slice() } else { &[] };
    Group {
        own: Switch {
            id: category.name.clone(),
            value: category.name.clone(),
            title: category.title.clone(),
            description,
            on: on || category.necessary,
        },
        fixed: category.necessary,
        services: services.iter().map(|service| switch(input, category, service, frame)).collect(),
    }
}

fn switch(
    input: &Input<'_>,
    category: &DeclaredCategory,
    service: &DeclaredService,
    frame: &Frame,
) -> Switch {
    let (provider, purpose) = (frame.isolated(&service.provider), frame.isolated(&service.purpose));
    Switch {
        id: format!("{}.{}", category.name, service.id),
        value: format!("{}/{}", category.name, service.id),
        title: service.name.clone(),
        description: fill(frame.said("provided"), &[("provider", &provider), ("purpose", &purpose)]),
        on: match input.entered {
            Some(form) => form.has_service(&category.name, &service.id),
            None => input.state.allows_service(&category.name, &service.id),
        },
    }
}
