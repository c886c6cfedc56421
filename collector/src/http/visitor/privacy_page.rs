//! The privacy page from what is known before: no request, no clock, no key.
//!
//! In: an [`Input`] with the visitor's [`State`]. Out: a [`PrivacyPage`] to render. Invariant: a refusal is shown as
//! plainly as a grant, with as good a page; nothing but `necessary` is switched on that was not granted.

use super::declaration::{Declaration, DeclaredCategory};
use super::form::Form;
use super::state::{Granted, State};
use super::switches::{Switches, switches};
use super::words::{Words, fill};
use super::{Frame, page_address};
use crate::config::{KRUIMEL, Kept, Language, OnWithdrawal, Site, Unit};
use crate::http::cookie;
use crate::store::ShownRow;
use time::Date;
use wire::Category;

#[derive(askama::Template)]
#[template(path = "privacy.html")]
pub(super) struct PrivacyPage {
    frame: Frame,
    message: Option<String>,
    heading: String,
    lead: String,
    chosen: Vec<Chosen>,
    form: Switches,
    device: Vec<OnDevice>,
    on_server: String,
    server: Vec<OnServer>,
    server_note: Option<String>,
    references: Vec<(&'static str, String)>,
    records: Vec<Record>,
    /// The address of the records as JSON.
    export: String,
    /// Whether the decisions can be erased here too.
    erasable: bool,
    /// Whether data could be there that this browser cannot show.
    elsewhere: bool,
}

/// One decision in the ledger.
struct Record {
    when: String,
    lines: Vec<(&'static str, String)>,
}

/// What was chosen for one category.
struct Chosen {
    on: bool,
    title: String,
    word: &'static str,
    note: String,
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
    /// The browser's signal that the site honours, by the name of the banner's text about it.
    pub(super) signal: Option<&'static str>,
    pub(super) token: String,
    /// What a decision on this page names as that which it showed.
    pub(super) text: &'a str,
    pub(super) message: Option<String>,
    /// What the visitor entered in a form that could not be taken.
    pub(super) entered: Option<&'a Form>,
    /// The visitor's own rows of the ledger.
    pub(super) records: &'a [ShownRow],
}

impl PrivacyPage {
    pub(super) fn new(input: Input<'_>) -> PrivacyPage {
        let Input { site, language, prefix, state, .. } = input;
        let frame = Frame::new(site, language, prefix, "privacy");
        let words = frame.words;
        let declaration = Declaration::of(site, language);
        let (heading, lead) = headline(state, &declaration, &frame, language);
        PrivacyPage {
            heading,
            lead,
            chosen: chosen(&input, &declaration, &frame),
            form: switches(&input, &declaration, &frame),
            device: on_device(state, words, language),
            on_server: fill(words.on_server, &[("controller", &site.controller)]),
            server: on_server(state, site, words, language),
            server_note: refused_note(state, site, words, language),
            references: references(state, words),
            records: input.records.iter().map(|row| record(row, &declaration, &frame, language)).collect(),
            export: page_address(site, prefix, "privacy", language.code()) + "&format=json",
            erasable: state.holder().is_some() && site.on_withdrawal == OnWithdrawal::Erase,
            elsewhere: matches!(state, State::Undecided { .. }),
            message: input.message,
            frame,
        }
    }
}

fn headline(state: &State, declaration: &Declaration, frame: &Frame, language: Language) -> (String, String) {
    let words = frame.words;
    let held = |text, day, end| {
        fill(text, &[("date", &words.date(language, day)), ("end", &words.date(language, end))])
    };
    let for_session = |day| {
        let since = fill(words.since, &[("date", &words.date(language, day))]);
        sentences(&since, frame.said("session_note"))
    };
    match state {
        State::Granted(granted) => {
            let allowed: Vec<String> = declaration
                .categories
                .iter()
                .filter(|category| !category.necessary && state.allows(&category.name))
                .map(|category| within_sentence(&category.title, language))
                .collect();
            let heading = fill(words.granted_title, &[("categories", &frame.list(&allowed))]);
            let lead = if granted.session {
                for_session(granted.day)
            } else {
                held(words.granted_lead, granted.day, granted.end)
            };
            (heading, lead)
        }
        State::Refused { day, session: true, .. } => (words.refused_title.to_owned(), for_session(*day)),
        State::Refused { day, end, .. } => {
            (words.refused_title.to_owned(), held(words.refused_lead, *day, *end))
        }
        State::Undecided { outdated, .. } => {
            let lead = if *outdated { words.outdated_lead } else { words.undecided_lead };
            (words.undecided_title.to_owned(), lead.to_owned())
        }
    }
}

/// Two sentences of which the first lacks its full stop, unless a date brought one.
fn sentences(first: &str, second: &str) -> String {
    format!("{}. {second}", first.trim_end_matches('.'))
}

/// A title inside a sentence: German keeps its capitals, and a Turkish İ has no small letter that is one letter.
fn within_sentence(title: &str, language: Language) -> String {
    let mut letters = title.chars();
    match letters.next() {
        Some(first) if !matches!(language, Language::De | Language::Tr) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => title.to_owned(),
    }
}

fn chosen(input: &Input<'_>, declaration: &Declaration, frame: &Frame) -> Vec<Chosen> {
    let (words, language) = (frame.words, input.language);
    if matches!(input.state, State::Undecided { .. }) {
        return Vec::new();
    }
    let line = |category: &DeclaredCategory| {
        let granted = match input.state {
            State::Granted(granted) if input.state.allows(&category.name) => Some(granted),
            _ => None,
        };
        let signal = input.signal.filter(|_| is_signalled(&category.name));
        let (word, note) = match (granted, signal) {
            _ if category.necessary => (words.always_on, words.needs_no_choice.to_owned()),
            (Some(granted), _) => {
                let since = fill(words.since, &[("date", &words.date(language, granted.day))]);
                let overridden = signal.map(|_| frame.said("signal_override"));
                let note = overridden.map_or_else(|| since.clone(), |text| sentences(&since, text));
                (words.allowed, in_part(granted, category, frame, note))
            }
            (None, Some(signal)) => (words.refused, frame.said(signal).to_owned()),
            (None, None) => (words.refused, String::new()),
        };
        Chosen { on: category.necessary || granted.is_some(), title: category.title.clone(), word, note }
    };
    declaration.categories.iter().map(line).collect()
}

/// The note of a granted category; where only some services are granted it begins with their names.
fn in_part(granted: &Granted, category: &DeclaredCategory, frame: &Frame, note: String) -> String {
    let Some(ids) = granted.services.get(&category.name) else { return note };
    let of_them = category.services.iter().filter(|service| ids.contains(&service.id));
    let names: Vec<String> = of_them.map(|service| service.name.clone()).collect();
    sentences(&frame.list(&names), &note)
}

/// Both signals speak of selling, sharing and following: that is advertising here.
pub(super) fn is_signalled(category: &str) -> bool {
    category == Category::Advertising.name()
}

fn on_device(state: &State, words: &'static Words, language: Language) -> Vec<OnDevice> {
    let until = |end, session| match session {
        true => Kept::Session.in_language(language),
        false => words.date(language, end),
    };
    match state {
        State::Undecided { .. } => Vec::new(),
        State::Refused { end, session, .. } => {
            let until = until(*end, *session);
            vec![OnDevice { name: cookie::CONSENT, holds: words.refusal_holds, until }]
        }
        State::Granted(granted) => {
            let until = until(granted.end, granted.session);
            let mut lines =
                vec![OnDevice { name: cookie::CONSENT, holds: words.choice_holds, until: until.clone() }];
            if measured(state) {
                let own = language.shipped();
                lines.push(OnDevice { name: cookie::VISITOR, holds: own.own("visitor_cookie"), until });
                let until = words.visit_until.to_owned();
                lines.push(OnDevice { name: cookie::VISIT, holds: own.own("visit_cookie"), until });
            }
            lines
        }
    }
}

fn on_server(state: &State, site: &Site, words: &'static Words, language: Language) -> Vec<OnServer> {
    if !matches!(state, State::Granted(_)) {
        return Vec::new();
    }
    let months = |months: u16| Kept::For(u32::from(months), Unit::Months).in_language(language);
    let mut lines = Vec::new();
    if measured(state) {
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
    let Some(holder) = state.holder() else { return Vec::new() };
    // What was granted on an earlier declaration may have been measured.
    let is_measured = measured(state) || matches!(state, State::Undecided { .. });
    let visitor = holder.visitor.filter(|_| is_measured).map(|id| (words.visitor, in_fours(id)));
    visitor.into_iter().chain([(words.consent, in_fours(holder.consent))]).collect()
}

/// A row in words: when, on which revision, what was allowed and what was refused.
fn record(row: &ShownRow, declaration: &Declaration, frame: &Frame, language: Language) -> Record {
    let words = frame.words;
    let day = row
        .ts
        .get(..10)
        .and_then(|day| Date::parse(day, time::macros::format_description!("[year]-[month]-[day]")).ok());
    let date = day.map_or_else(|| row.ts.clone(), |day| words.date(language, day));
    let when = fill(words.version, &[("version", &row.revision.to_string()), ("date", &date)]);
    let titles = |names: &[String]| {
        let titles: Vec<String> = names.iter().map(|name| title(name, declaration)).collect();
        frame.list(&titles)
    };
    let lines = [(words.allowed, titles(&row.granted)), (words.refused, titles(&row.denied))];
    Record { when, lines: lines.into_iter().filter(|(_, list)| !list.is_empty()).collect() }
}

/// What visitors read for a category, or for `category:service`; the name itself where it is not declared any more.
fn title(name: &str, declaration: &Declaration) -> String {
    let (category, service) = name.split_once(':').map_or((name, None), |(name, id)| (name, Some(id)));
    let declared = declaration.categories.iter().find(|one| one.name == category);
    let of_service = |id: &str| {
        declared.and_then(|one| one.services.iter().find(|one| one.id == id)).map(|one| one.name.clone())
    };
    let title = match service {
        Some(id) => of_service(id),
        None => declared.map(|one| one.title.clone()),
    };
    title.unwrap_or_else(|| name.to_owned())
}

/// Whether Kruimel's own measuring is granted, which is a service of its own.
fn measured(state: &State) -> bool {
    state.allows_service(Category::Analytics.name(), KRUIMEL)
}

/// An id that people can read out: `5e1c 09ab 77d2 4f38`.
fn in_fours(id: wire::HexId) -> String {
    let text = id.to_string();
    [0, 4, 8, 12].map(|start| &text[start..start + 4]).join(" ")
}
