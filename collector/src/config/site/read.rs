//! Reads one `[[site]]` of the file.
//!
//! In: the section. Out: a [`Site`], or every problem that it has. Invariant: both answers to the banner are kept equally
//! long, and the proof outlives the data it allows.

use super::{OnWithdrawal, Position, REJECTIONS_DAYS, Site};
use crate::config::category::{self, CategoryDeclaration};
use crate::config::check::Seen;
use crate::config::error::Problem;
use crate::config::language::{Language, Translated};
use crate::config::name::{Host, SiteId, TimeZone};
use crate::config::options;
use crate::config::reader::Section;
use crate::config::service::{self, Service};
use crate::config::texts;
use time::Date;
use wire::limits;

/// Reads one `[[site]]`. `None` if it has an error, which is then already kept.
pub(in crate::config) fn read(section: &Section<'_>, seen: &Seen) -> Option<Site> {
    let id = section.require("id", "Write id = \"…\", as it is in the script's address.", |node| {
        let id = SiteId::read(node.text()?)?;
        seen.claim_site(&id, &node.place)?;
        Ok(id)
    });
    let hosts = read_hosts(section, "hosts", seen);
    if hosts.is_none() {
        section.absent("hosts", "Write hosts = [\"www.example.org\"].");
    }
    let test_hosts = read_hosts(section, "test_hosts", seen).unwrap_or_default();
    let languages = read_languages(section);
    let texts = section.section("texts", |section| texts::read(section, &languages));
    let categories = category::read_all(section, &languages);
    let name = section.require("name", "Write the site's name, as visitors know it.", |node| {
        node.text().map(str::to_owned)
    });
    let controller = section.require("controller", "Name who is responsible for the data.", |node| {
        node.text().map(str::to_owned)
    });
    let contact = section
        .require("contact", "Write how to reach the controller.", |node| node.text().map(str::to_owned));
    let privacy_policy = section.get("privacy_policy", |node| link(node.text()?));
    let time_zone =
        section.require("time_zone", "Write the IANA name, such as \"Europe/Brussels\".", |node| {
            TimeZone::read(node.text()?)
        });
    let revision = section.get("revision", |node| node.number(1..=u64::from(u32::MAX)));
    let revision_since = section.get("revision_since", |node| date(node.text()?));
    let choice_days = read_choice_days(section);
    let (retention_months, ip_retention_days, ledger_months) = read_retention(section, choice_days);
    let position = section.get("position", |node| position(node.text()?)).unwrap_or(Position::Bottom);
    let google = section.get("google", |node| node.boolean()).unwrap_or(true);
    let own_keys = section.get("own_keys", |node| node.boolean()).unwrap_or(false);
    let options = options::read(section, hosts.as_deref().unwrap_or_default());
    let on_withdrawal = read_withdrawal(section, &languages);
    let declared = service::read_all(section, &languages, &categories);
    let mut services =
        service::of_kruimel(controller.as_deref().unwrap_or_default(), choice_days, &categories);
    services.extend(declared);
    options::check_size(section, &options, &listed(&categories, &services));
    Some(Site {
        id: id?,
        name: name?,
        hosts: hosts?,
        test_hosts,
        controller: controller?,
        contact: contact?,
        privacy_policy,
        time_zone: time_zone?,
        language: languages[0],
        languages,
        texts,
        revision: u32::try_from(revision.unwrap_or(1)).ok()?,
        revision_since,
        choice_days,
        position,
        google,
        options,
        own_keys,
        on_withdrawal,
        retention_months,
        ip_retention_days,
        ledger_months,
        categories,
        services,
        has_geography: false,
        rejections_days: REJECTIONS_DAYS,
        has_neighbours: false,
    })
}

/// Each category with the ids of its services.
fn listed<'s>(
    categories: &'s [CategoryDeclaration],
    services: &'s [Service],
) -> Vec<(&'s str, Vec<&'s str>)> {
    let ids = |category: &CategoryDeclaration| {
        let of = services.iter().filter(|service| service.category == category.name);
        of.map(|service| service.id.as_str()).collect()
    };
    categories.iter().map(|category| (category.name.as_str(), ids(category))).collect()
}

fn read_hosts(section: &Section<'_>, key: &'static str, seen: &Seen) -> Option<Vec<Host>> {
    let hosts = section.list(key, |node| {
        let host = Host::read(node.text()?)?;
        seen.claim_host(&host, &node.place)?;
        Ok(host)
    })?;
    if key == "hosts" && section.lists_nothing(key) {
        section.wrong(
            key,
            Problem::new("No host is named.", "Name at least one host, such as \"www.example.org\"."),
        );
    }
    Some(hosts)
}

/// The site's languages, its fallback first; never empty.
fn read_languages(section: &Section<'_>) -> Vec<Language> {
    let first = section.get("language", |node| Language::read(node.text()?));
    let listed = section.list("languages", |node| Language::read(node.text()?)).unwrap_or_default();
    let fallback = first.or_else(|| listed.first().copied()).unwrap_or(Language::En);
    if !listed.is_empty() && !listed.contains(&fallback) {
        let wrong = format!("`language` is \"{}\", which is not among them.", fallback.code());
        section.wrong("languages", Problem::new(wrong, format!("Add \"{}\" to the list.", fallback.code())));
    }
    let mut languages = vec![fallback];
    for language in listed {
        if !languages.contains(&language) {
            languages.push(language);
        }
    }
    languages
}

fn read_choice_days(section: &Section<'_>) -> u16 {
    let days = section.get("choice_days", |node| {
        let mend = "Write a number of days from 1 to 395; 182 is six months, the good practice. It counts for both answers.";
        let days = node.number(0..=u64::MAX).map_err(|problem| Problem::new(problem.wrong, mend))?;
        let within = |days: &u16| (1..=395).contains(days);
        u16::try_from(days).ok().filter(within).ok_or_else(|| {
            Problem::new("A choice is kept for at least a day and at most 13 months (395 days).", mend)
        })
    });
    days.unwrap_or(limits::CHOICE_DAYS_DEFAULT)
}

/// Months of events, days of their truncated address, months of decisions.
fn read_retention(section: &Section<'_>, choice_days: u16) -> (u16, u16, u16) {
    let number = |key, bounds, default| {
        let value = section.get(key, |node| node.number(bounds));
        value.and_then(|value| u16::try_from(value).ok()).unwrap_or(default)
    };
    let events_months = number("retention_months", 1..=25, 25);
    let ip_days = number("ip_retention_days", 1..=30, 30);
    let ledger_months = number("ledger_months", 1..=120, 36);
    if ledger_months < events_months {
        let wrong = format!(
            "Decisions would be deleted after {ledger_months} months, but the events they allow are kept for {events_months}."
        );
        let mend = format!("Write {events_months} or more: the proof must outlive the data.");
        section.wrong("ledger_months", Problem::new(wrong, mend));
    } else if shortest_days(ledger_months) < choice_days {
        let wrong = format!(
            "Decisions would be deleted after {ledger_months} months, but a choice is kept for {choice_days} days."
        );
        let months = (1..=120).find(|months| shortest_days(*months) >= choice_days).unwrap_or(120);
        let mend = format!(
            "Write {months} or more: the proof must outlive the choice, and a withdrawal the receipt that it ends."
        );
        section.wrong("ledger_months", Problem::new(wrong, mend));
    }
    (events_months, ip_days, ledger_months)
}

/// How many days that many months have at least: those that begin with February.
fn shortest_days(months: u16) -> u16 {
    const FROM_FEBRUARY: [u16; 12] = [0, 28, 59, 89, 120, 150, 181, 212, 242, 273, 303, 334];
    months / 12 * 365 + FROM_FEBRUARY[usize::from(months % 12)]
}

fn read_withdrawal(section: &Section<'_>, languages: &[Language]) -> OnWithdrawal {
    let justification = section.get("withdrawal_justification", |node| Translated::read(node, languages));
    let keep = section.get("on_withdrawal", |node| match node.text()? {
        "erase" => Ok(false),
        "keep" => Ok(true),
        other => Err(Problem::new(
            format!("\"{other}\" is not a way to withdraw."),
            "Choose \"erase\" or \"keep\".",
        )),
    });
    match (keep.unwrap_or(false), justification) {
        (false, _) => OnWithdrawal::Erase,
        (true, Some(justification)) => OnWithdrawal::Keep { justification },
        (true, None) => {
            let mend = "Write \"erase\", or add withdrawal_justification = \"…\", which the declaration shows to visitors.";
            section.wrong(
                "on_withdrawal",
                Problem::new("Keeping data after a withdrawal needs a justification.", mend),
            );
            OnWithdrawal::Erase
        }
    }
}

fn position(text: &str) -> Result<Position, Problem> {
    let all = [Position::Bottom, Position::Top, Position::Corner];
    all.into_iter().find(|position| position.name() == text).ok_or_else(|| {
        Problem::new(
            format!("\"{text}\" is not a position."),
            "Choose from \"bottom\", \"top\" and \"corner\".",
        )
    })
}

fn link(text: &str) -> Result<String, Problem> {
    let path = text.starts_with('/') && !text.starts_with("//");
    let address = url::Url::parse(text).is_ok_and(|url| url.scheme() == "https");
    (path || address).then(|| text.to_owned()).ok_or_else(|| {
        let mend = "Write a path of the site such as \"/privacy\", or an address with https://.";
        Problem::new(format!("\"{text}\" is not a link."), mend)
    })
}

fn date(text: &str) -> Result<Date, Problem> {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    Date::parse(text, format).map_err(|_| {
        Problem::new(
            format!("\"{text}\" is not a date."),
            "Write year, month and day, such as \"2026-11-03\".",
        )
    })
}
