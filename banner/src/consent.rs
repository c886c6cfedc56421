//! A decision: what was chosen, what that is called, and how it is written down. Pure.
//!
//! In: the button, what was granted before. Out: the request to the collector (`wire::DecisionRequest`) and the JSON
//! that the cookie holds while the collector has not answered. Invariants: `necessary` is always chosen and comes
//! first; saving with nothing on is the same as refusing; taking back a grant is a withdrawal whichever button did it.

use crate::config::Config;
use crate::write::{push_number, push_quoted};
use wire::{DecisionAction, Surface};

/// A set of the site's categories, by their place in the config. The first is `necessary`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chosen(u16);

const _: () = assert!(wire::limits::CATEGORIES_MAX <= u16::BITS as usize);

impl Chosen {
    /// Nothing optional.
    pub(crate) const NECESSARY: Chosen = Chosen(1);

    /// With the category at this place; a place beyond the limit is nobody's.
    pub(crate) fn with(self, index: usize) -> Chosen {
        if index < wire::limits::CATEGORIES_MAX { Chosen(self.0 | 1 << index) } else { self }
    }

    pub(crate) fn has(self, index: usize) -> bool {
        index < wire::limits::CATEGORIES_MAX && self.0 >> index & 1 == 1
    }

    /// Those of either.
    pub(crate) fn and(self, other: Chosen) -> Chosen {
        Chosen(self.0 | other.0)
    }
}

/// What the visitor decided, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) action: DecisionAction,
    pub(crate) chosen: Chosen,
    surface: Surface,
}

impl Decision {
    pub(crate) fn accept(all: Chosen, surface: Surface) -> Decision {
        Decision { action: DecisionAction::Accept, chosen: all, surface }
    }

    pub(crate) fn refuse(before: Chosen, surface: Surface) -> Decision {
        let nothing_before = before == Chosen::NECESSARY;
        let action = if nothing_before { DecisionAction::Refuse } else { DecisionAction::Withdraw };
        Decision { action, chosen: Chosen::NECESSARY, surface }
    }

    pub(crate) fn save(before: Chosen, chosen: Chosen, all: Chosen, surface: Surface) -> Decision {
        if chosen == Chosen::NECESSARY && all != chosen {
            return Decision::refuse(before, surface);
        }
        Decision { action: DecisionAction::Save, chosen, surface }
    }

    /// The body of the request. `earlier` is the signed cookie that this decision replaces, for the collector that is
    /// told so late that the cookie is gone; `reset` asks for a new visitor id.
    pub(crate) fn request(&self, config: &Config, earlier: Option<&str>, reset: bool) -> String {
        let mut json = String::from(r#"{"v":"#);
        push_number(&mut json, u32::from(wire::VERSION));
        json.push_str(r#","site":"#);
        push_quoted(&mut json, &config.site);
        json.push_str(r#","action":"#);
        push_quoted(&mut json, self.action.name());
        json.push(',');
        self.push_choice(&mut json, config);
        json.push_str(r#","text":"#);
        push_quoted(&mut json, &config.text);
        json.push_str(r#","language":"#);
        push_quoted(&mut json, &config.language);
        json.push_str(r#","surface":"#);
        push_quoted(&mut json, self.surface.name());
        if let Some(earlier) = earlier {
            json.push_str(r#","earlier":"#);
            push_quoted(&mut json, earlier);
        }
        if reset {
            json.push_str(r#","reset":true"#);
        }
        json.push('}');
        json
    }

    /// What the page applies, and what the cookie holds until the collector has answered.
    pub(crate) fn kept(&self, config: &Config, day: &str, request: &str) -> String {
        let mut json = String::from("{");
        self.push_choice(&mut json, config);
        json.push_str(r#","day":"#);
        push_quoted(&mut json, day);
        json.push_str(r#","pending":"#);
        json.push_str(request);
        json.push('}');
        json
    }

    fn push_choice(&self, json: &mut String, config: &Config) {
        json.push_str(r#""categories":["#);
        for (index, name) in config.categories.iter().enumerate() {
            if self.chosen.has(index) {
                if index > 0 {
                    json.push(',');
                }
                push_quoted(json, name);
            }
        }
        json.push_str(r#"],"services":{},"revision":"#);
        push_number(json, config.revision);
    }
}

/// The day of a moment in milliseconds since 1970, `YYYY-MM-DD` in UTC.
///
/// The calendar is that of Howard Hinnant's `civil_from_days`: years begin in March, so that the leap day is the last.
pub(crate) fn day(now_ms: f64) -> String {
    let days = (now_ms / 86_400_000.0) as u32 + 719_468;
    let era_day = days % 146_097;
    let era_year = (era_day - era_day / 1_460 + era_day / 36_524 - era_day / 146_096) / 365;
    let year_day = era_day - (365 * era_year + era_year / 4 - era_year / 100);
    let march_month = (5 * year_day + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let mut text = String::new();
    push_number(&mut text, days / 146_097 * 400 + era_year + u32::from(month < 3));
    for part in [month, year_day - (153 * march_month + 2) / 5 + 1] {
        text.push_str(if part < 10 { "-0" } else { "-" });
        push_number(&mut text, part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::DecisionRequest;

    fn config() -> Config {
        Config {
            site: "kaaidam".to_owned(),
            revision: 3,
            days: 182,
            domain: String::new(),
            categories: wire::Category::ALL.map(|category| category.name().to_owned()).into(),
            language: "nl".to_owned(),
            text: "5f0c9a1e77b3d264".to_owned(),
        }
    }

    fn analytics() -> Chosen {
        config().chosen_by(|name| name == "analytics")
    }

    #[test]
    fn the_action_says_what_became_of_the_grants() {
        let all = config().all();
        let check = |decision: Decision, action, chosen| {
            assert_eq!(decision, Decision { action, chosen, surface: Surface::Notice });
        };
        let (none, some) = (Chosen::NECESSARY, analytics());
        check(Decision::accept(all, Surface::Notice), DecisionAction::Accept, all);
        check(Decision::refuse(none, Surface::Notice), DecisionAction::Refuse, none);
        check(Decision::refuse(some, Surface::Notice), DecisionAction::Withdraw, none);
        check(Decision::save(none, some, all, Surface::Notice), DecisionAction::Save, some);
        check(Decision::save(some, all, all, Surface::Notice), DecisionAction::Save, all);
    }

    #[test]
    fn saving_with_nothing_on_equals_refusing() {
        let (none, all) = (Chosen::NECESSARY, config().all());
        for before in [none, analytics(), all] {
            assert_eq!(Decision::save(before, none, all, Surface::Preferences), Decision::refuse(before, Surface::Preferences));
        }
    }

    #[test]
    fn the_request_reads_as_the_protocol_has_it() {
        let decision = Decision::save(Chosen::NECESSARY, analytics(), config().all(), Surface::Preferences);
        let request: DecisionRequest =
            serde_json::from_str(&decision.request(&config(), Some("%7B%22sig%22"), true)).unwrap();
        let expected = DecisionRequest {
            v: wire::VERSION,
            site: "kaaidam".to_owned(),
            action: DecisionAction::Save,
            categories: vec!["necessary".to_owned(), "analytics".to_owned()],
            services: Default::default(),
            revision: 3,
            text: "5f0c9a1e77b3d264".to_owned(),
            language: "nl".to_owned(),
            surface: Surface::Preferences,
        };
        assert_eq!(request, expected);
    }

    #[test]
    fn what_is_kept_reads_as_a_refusal_with_its_request() {
        let decision = Decision::refuse(Chosen::NECESSARY, Surface::Notice);
        let request = decision.request(&config(), None, false);
        let kept = decision.kept(&config(), "2026-11-22", &request);
        let refusal: wire::Refusal = serde_json::from_str(&kept).unwrap();
        assert_eq!((refusal.categories, refusal.revision, refusal.day), (vec!["necessary".to_owned()], 3, "2026-11-22".to_owned()));
        let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
        assert_eq!(kept["pending"], serde_json::from_str::<serde_json::Value>(&request).unwrap());
        assert_eq!(kept["pending"].get("reset"), None);
    }

    #[test]
    fn a_day_is_that_of_the_calendar() {
        let check = |seconds: u64, expected: &str| assert_eq!(day(seconds as f64 * 1_000.0), expected);
        check(0, "1970-01-01");
        check(951_782_399, "2000-02-28");
        check(951_782_400, "2000-02-29");
        check(1_795_305_600, "2026-11-22");
        check(1_798_761_599, "2026-12-31");
        check(1_798_761_600, "2027-01-01");
        check(4_107_542_400, "2100-03-01");
    }
}
