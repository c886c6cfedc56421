//! What a decision grants and how long it is kept, checked against what the site declares and offers.
//!
//! In: a [`DecisionRequest`] and the site. Out: a [`Choice`], or the one reason why not. Invariants: nothing is granted
//! that was not declared and shown; a category without a granted service is not granted; a refusal asks for nothing.

use crate::config::Site;
use crate::http::cookie::Lasts;
use crate::pipeline::Rejection;
use std::collections::BTreeMap;
use time::{Date, Duration, OffsetDateTime};
use wire::limits::{CATEGORIES_MAX, LANGUAGE_BYTES_MAX, NAME_BYTES_MAX, SERVICES_MAX};
use wire::{DecisionAction, DecisionRequest, Receipt, Surface};

const NECESSARY: &str = "necessary";
const SECONDS_PER_DAY: i64 = 86_400;
/// The end of a choice for one session, where the browser is not closed before.
pub(super) const SESSION_SECONDS_MAX: i64 = 24 * 3_600;

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// The granted categories in the site's order, `necessary` first.
    pub(super) categories: Vec<String>,
    /// The granted services of each category that is granted in part.
    pub(super) services: BTreeMap<String, Vec<String>>,
    /// How long the cookie stays.
    pub(super) lasts: Lasts,
    /// The day on which a refusal ends that was taken over, where that is before the site's term.
    pub(super) until: Option<String>,
}

impl Choice {
    /// Checks a decision.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn check(site: &Site, request: &DecisionRequest, now_ms: i64) -> Result<Choice, Rejection> {
        check_limits(request)?;
        let (categories, services) = granted(site, request)?;
        let (none, all) = (categories.len() <= 1, categories.len() == site.categories.len());
        let consistent = match request.action {
            DecisionAction::Accept => all && services.is_empty(),
            DecisionAction::Refuse | DecisionAction::Withdraw => none,
            DecisionAction::Save => true,
        };
        if !consistent || (request.session && request.surface == Surface::Import) {
            return Err(Rejection::ContradictoryDecision);
        }
        // What was not shown cannot be granted; a refusal holds whatever was shown.
        if !none && request.revision != site.revision {
            return Err(Rejection::OutdatedReceipt);
        }
        if request.session && !site.options.session_choice {
            return Err(Rejection::NotOffered);
        }
        let until = imported_end(site, request, none, now_ms)?;
        let seconds = i64::from(site.choice_days) * SECONDS_PER_DAY;
        let lasts = match until {
            Some(day) => Lasts::Seconds(seconds_until(day, now_ms)),
            None if request.session => Lasts::Session,
            None => Lasts::Seconds(seconds),
        };
        Ok(Choice { categories, services, lasts, until: until.map(|day| day.to_string()) })
    }

    /// Whether nothing optional is granted.
    pub(super) fn is_refusal(&self) -> bool {
        self.categories.len() <= 1
    }

    /// In how many seconds a receipt of this choice ends.
    pub(super) fn receipt_seconds(&self, site: &Site) -> i64 {
        match self.lasts {
            Lasts::Seconds(seconds) => seconds,
            Lasts::Session => SESSION_SECONDS_MAX.min(i64::from(site.choice_days) * SECONDS_PER_DAY),
        }
    }

    /// Where the site asks for an age: what is granted anew needs a visitor who said to be of age. Taking something back
    /// from what was granted needs nothing. What was granted is the newest of `earlier` (newest first) under the revision in
    /// force: an older revision may not have asked for this age.
    ///
    /// # Errors
    /// [`Rejection::AgeNotStated`].
    pub(super) fn check_age(&self, site: &Site, of_age: bool, earlier: &[Receipt]) -> Result<(), Rejection> {
        let earlier = earlier.iter().find(|receipt| receipt.revision == site.revision);
        let granted_before = |category: &String| {
            let before = |service: &str| earlier.is_some_and(|receipt| receipt.allows(category, service));
            match self.services.get(category) {
                Some(services) => services.iter().all(|service| before(service)),
                None => earlier.is_some_and(|receipt| {
                    receipt.categories.contains(category) && !receipt.services.contains_key(category)
                }),
            }
        };
        let needs_age =
            site.options.age_limit.is_some() && !self.categories.iter().skip(1).all(granted_before);
        if needs_age && !of_age { Err(Rejection::AgeNotStated) } else { Ok(()) }
    }
}

fn check_limits(request: &DecisionRequest) -> Result<(), Rejection> {
    if request.v != wire::VERSION {
        return Err(Rejection::UnsupportedVersion);
    }
    let long = |text: &String| text.len() > NAME_BYTES_MAX;
    let services = request.services.values().map(Vec::len).max().unwrap_or(0);
    if request.categories.len() > CATEGORIES_MAX
        || request.services.len() > CATEGORIES_MAX
        || services > SERVICES_MAX
        || request.services.values().flatten().any(long)
        || request.language.len() > LANGUAGE_BYTES_MAX
        || request.text.len() > NAME_BYTES_MAX
    {
        return Err(Rejection::TooLarge);
    }
    Ok(())
}

type Granted = (Vec<String>, BTreeMap<String, Vec<String>>);

/// The granted categories in the site's order, and the services of those that are granted in part.
fn granted(site: &Site, request: &DecisionRequest) -> Result<Granted, Rejection> {
    // A refusal holds whatever else it lists.
    let nothing = BTreeMap::new();
    let refuses = matches!(request.action, DecisionAction::Refuse | DecisionAction::Withdraw);
    let listed = if refuses { &nothing } else { &request.services };
    if request
        .categories
        .iter()
        .chain(listed.keys())
        .any(|asked| !site.category_names().any(|name| name == asked))
    {
        return Err(Rejection::UnknownCategory);
    }
    let mut categories = Vec::new();
    let mut services = BTreeMap::new();
    for category in &site.categories {
        let name = category.name.as_str();
        let asked = listed.get(name).filter(|_| name != NECESSARY);
        if name != NECESSARY && !request.categories.iter().any(|one| one == name) {
            if asked.is_some_and(|asked| !asked.is_empty()) {
                return Err(Rejection::ContradictoryDecision);
            }
            continue;
        }
        let declared: Vec<&str> =
            site.services_of(&category.name).map(|service| service.id.as_str()).collect();
        if let Some(asked) = asked {
            if asked.iter().any(|one| !declared.contains(&one.as_str())) {
                return Err(Rejection::UnknownService);
            }
            let in_part: Vec<String> = declared
                .iter()
                .filter(|id| asked.iter().any(|one| one == *id))
                .map(|id| (*id).to_owned())
                .collect();
            if in_part.is_empty() {
                continue;
            }
            if in_part.len() < declared.len() {
                services.insert(name.to_owned(), in_part);
            }
        }
        categories.push(name.to_owned());
    }
    if !services.is_empty() && !site.options.service_switches {
        return Err(Rejection::NotOffered);
    }
    Ok((categories, services))
}

/// The end of a refusal that is taken over, if it is before the site's term.
fn imported_end(
    site: &Site,
    request: &DecisionRequest,
    is_refusal: bool,
    now_ms: i64,
) -> Result<Option<Date>, Rejection> {
    if request.surface != Surface::Import {
        return if request.until_day.is_some() { Err(Rejection::ContradictoryDecision) } else { Ok(None) };
    }
    if !is_refusal {
        return Err(Rejection::ContradictoryDecision);
    }
    let Some(text) = &request.until_day else { return Ok(None) };
    let format = time::macros::format_description!("[year]-[month]-[day]");
    let until = Date::parse(text, format).map_err(|_| Rejection::ContradictoryDecision)?;
    let today = today(now_ms);
    if until <= today {
        return Err(Rejection::ContradictoryDecision);
    }
    let term = today.checked_add(Duration::days(i64::from(site.choice_days)));
    Ok(Some(until).filter(|until| term.is_some_and(|term| *until < term)))
}

fn today(now_ms: i64) -> Date {
    let now = OffsetDateTime::from_unix_timestamp(now_ms.div_euclid(1_000));
    now.map_or(Date::MIN, OffsetDateTime::date)
}

fn seconds_until(day: Date, now_ms: i64) -> i64 {
    day.midnight().assume_utc().unix_timestamp() - now_ms.div_euclid(1_000)
}

#[cfg(test)]
mod tests;
