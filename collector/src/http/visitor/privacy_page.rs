//! The privacy page from what is known before: no request, no clock, no key.
//!
//! In: an [`Input`] with the visitor's [`State`]. Out: a [`PrivacyPage`] to render. Invariant: a refusal is shown as
//! plainly as a grant, with as good a page; nothing but `necessary` is switched on that was not granted.

use super::Frame;
use super::cookies::withdrawal;
use super::declaration::{Declaration, DeclaredCategory};
use super::state::{Granted, State};
use super::words::{Words, fill};
use crate::config::{Kept, Language, Site, Unit};
use crate::http::cookie;
use wire::Category;

#[derive(askama::Template)]
#[template(path = "privacy.html")]
pub(super) struct PrivacyPage {
    frame: Frame,
    message: Option<&'static str>,
    heading: String,
    lead: String,
    chosen: Vec<Chosen>,
    form: Switches,
    device: Vec<OnDevice>,
    on_server: String,
    server: Vec<OnServer>,
    server_note: Option<String>,
    references: Vec<(&'static str, String)>,
    /// Whether data could be there that this browser cannot show.
    elsewhere: bool,
}

/// What was chosen for one category.
struct Chosen {
    on: bool,
    title: String,
    word: &'static str,
    note: String,
}

struct Switches {
    action: String,
    token: String,
    revision: u32,
    switches: Vec<Switch>,
    withdrawal: Option<String>,
}

struct Switch {
    name: String,
    title: String,
    description: String,
    on: bool,
    fixed: bool,
    /// Refused by the browser's Global Privacy Control, and not overridden.
    signal: bool,
}

struct OnDevice {
    name: &'static str,
    holds: &'static str,
    until: String,
}

struct OnServer {
    what: &'static str,
    why: &'static str,
    kept: String,
}

/// What the page is made from, all of it known before.
pub(super) struct Input<'a> {
    pub(super) site: &'a Site,
    pub(super) language: Language,
    pub(super) prefix: &'a str,
    pub(super) state: &'a State,
    /// The browser sends Global Privacy Control.
    pub(super) signal: bool,
    pub(super) token: String,
    pub(super) message: Option<&'static str>,
}

impl PrivacyPage {
    pub(super) fn new(input: Input<'_>) -> PrivacyPage {
        let Input { site, language, prefix, state, signal, token, message } = input;
        let frame = Frame::new(site, language, prefix, "privacy");
        let words = frame.words;
        let declaration = Declaration::of(site, language, prefix);
        let (heading, lead) = headline(state, &declaration, words, language);
        let form = Switches {
            action: format!("{prefix}privacy?lang={}", language.code()),
            token,
            revision: site.revision,
            switches: switches(state, &declaration, signal),
            withdrawal: withdrawal(&declaration, &frame),
        };
        PrivacyPage {
            message,
            heading,
            lead,
            chosen: chosen(state, &declaration, words, language, signal),
            form,
            device: on_device(state, words, language),
            on_server: fill(words.on_server, &[("controller", &site.controller)]),
            server: on_server(state, site, words, language),
            server_note: refused_note(state, site, words, language),
            references: references(state, words),
            elsewhere: matches!(state, State::Undecided { .. }),
            frame,
        }
    }
}

fn headline(state: &State, declaration: &Declaration, words: &Words, language: Language) -> (String, String) {
    let held = |text, day, end| {
        fill(text, &[("date", &words.date(language, day)), ("end", &words.date(language, end))])
    };
    match state {
        State::Granted(granted) => {
            let allowed: Vec<String> = declaration
                .categories
                .iter()
                .filter(|category| !category.necessary && granted.categories.contains(&category.name))
                .map(|category| within_sentence(&category.title, language))
                .collect();
            let heading = fill(words.granted_title, &[("categories", &words.list(&allowed))]);
            (heading, held(words.granted_lead, granted.day, granted.end))
        }
        State::Refused { day, end } => (words.refused_title.to_owned(), held(words.refused_lead, *day, *end)),
        State::Undecided { outdated } => {
            let lead = if *outdated { words.outdated_lead } else { words.undecided_lead };
            (words.undecided_title.to_owned(), lead.to_owned())
        }
    }
}

/// A title inside a sentence: German keeps its capitals.
fn within_sentence(title: &str, language: Language) -> String {
    let mut letters = title.chars();
    match letters.next() {
        Some(first) if language != Language::De => first.to_lowercase().chain(letters).collect(),
        _ => title.to_owned(),
    }
}

fn chosen(
    state: &State,
    declaration: &Declaration,
    words: &Words,
    language: Language,
    signal: bool,
) -> Vec<Chosen> {
    if matches!(state, State::Undecided { .. }) {
        return Vec::new();
    }
    let line = |category: &DeclaredCategory| {
        let granted = match state {
            State::Granted(granted) if granted.categories.contains(&category.name) => Some(granted),
            _ => None,
        };
        let (word, note) = match granted {
            _ if category.necessary => (words.always_on, words.needs_no_choice.to_owned()),
            Some(granted) => {
                (words.allowed, fill(words.since, &[("date", &words.date(language, granted.day))]))
            }
            None if signal && is_signalled(&category.name) => (words.refused, words.signal.to_owned()),
            None => (words.refused, String::new()),
        };
        Chosen { on: category.necessary || granted.is_some(), title: category.title.clone(), word, note }
    };
    declaration.categories.iter().map(line).collect()
}

fn switches(state: &State, declaration: &Declaration, signal: bool) -> Vec<Switch> {
    let granted =
        |name: &String| matches!(state, State::Granted(granted) if granted.categories.contains(name));
    let switch = |category: &DeclaredCategory| {
        let on = category.necessary || granted(&category.name);
        Switch {
            name: category.name.clone(),
            title: category.title.clone(),
            description: category.description.clone(),
            on,
            fixed: category.necessary,
            signal: signal && !on && is_signalled(&category.name),
        }
    };
    declaration.categories.iter().map(switch).collect()
}

/// Global Privacy Control speaks of selling and sharing: that is advertising here.
fn is_signalled(category: &str) -> bool {
    category == Category::Advertising.name()
}

fn on_device(state: &State, words: &'static Words, language: Language) -> Vec<OnDevice> {
    match state {
        State::Undecided { .. } => Vec::new(),
        State::Refused { end, .. } => {
            vec![OnDevice {
                name: cookie::CONSENT,
                holds: words.refusal_holds,
                until: words.date(language, *end),
            }]
        }
        State::Granted(granted) => {
            let until = words.date(language, granted.end);
            let mut lines =
                vec![OnDevice { name: cookie::CONSENT, holds: words.choice_holds, until: until.clone() }];
            if measured(granted) {
                lines.push(OnDevice { name: cookie::VISITOR, holds: words.visitor_holds, until });
                let until = words.visit_until.to_owned();
                lines.push(OnDevice { name: cookie::VISIT, holds: words.visit_holds, until });
            }
            lines
        }
    }
}

fn on_server(state: &State, site: &Site, words: &'static Words, language: Language) -> Vec<OnServer> {
    let State::Granted(granted) = state else { return Vec::new() };
    let months = |months: u16| Kept::For(u32::from(months), Unit::Months).in_language(language);
    let mut lines = Vec::new();
    if measured(granted) {
        let kept = months(site.retention_months);
        lines.extend(words.measured.map(|(what, why)| OnServer { what, why, kept: kept.clone() }));
        let kept = Kept::For(u32::from(site.ip_retention_days), Unit::Days).in_language(language);
        lines.push(OnServer { what: words.address.0, why: words.address.1, kept });
    }
    lines.push(OnServer { what: words.decision.0, why: words.decision.1, kept: months(site.ledger_months) });
    lines
}

/// A refusal cannot tell whether something was allowed before, so what would be left of that is said to everybody.
fn refused_note(state: &State, site: &Site, words: &Words, language: Language) -> Option<String> {
    let ledger = Kept::For(u32::from(site.ledger_months), Unit::Months).in_language(language);
    let line = fill(words.refused_server, &[("revision", &site.revision.to_string())]);
    let earlier = fill(words.earlier, &[("ledger", &ledger)]);
    matches!(state, State::Refused { .. }).then(|| format!("{line} {earlier}"))
}

fn references(state: &State, words: &'static Words) -> Vec<(&'static str, String)> {
    let State::Granted(granted) = state else { return Vec::new() };
    let visitor = granted.visitor.filter(|_| measured(granted)).map(|id| (words.visitor, in_fours(id)));
    visitor.into_iter().chain([(words.consent, in_fours(granted.consent))]).collect()
}

fn measured(granted: &Granted) -> bool {
    granted.categories.iter().any(|name| name == Category::Analytics.name())
}

/// An id that people can read out: `5e1c 09ab 77d2 4f38`.
fn in_fours(id: wire::HexId) -> String {
    let text = id.to_string();
    [0, 4, 8, 12].map(|start| &text[start..start + 4]).join(" ")
}
