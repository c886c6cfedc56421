//! How long something is kept, and how that is said in every language.
//!
//! In: `"6 months"` of a config, always in English. Out: a [`Kept`], and its words in a [`Language`].

use super::Language;
use super::plural;
use crate::config::error::Problem;
use serde::{Deserialize, Serialize};

/// How long something is kept on the visitor's device, or on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// Until the browser is closed.
    Session,
    /// Until the visitor removes it (storage without an end).
    UntilRemoved,
    /// So many of a unit.
    For(u32, Unit),
}

/// A unit of [`Kept`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
    /// Days.
    Days,
    /// Weeks.
    Weeks,
    /// Calendar months.
    Months,
    /// Calendar years.
    Years,
}

/// Each unit as a config writes it; one of it is without the `s`.
const UNITS: [(Unit, &str); 6] = [
    (Unit::Minutes, "minutes"),
    (Unit::Hours, "hours"),
    (Unit::Days, "days"),
    (Unit::Weeks, "weeks"),
    (Unit::Months, "months"),
    (Unit::Years, "years"),
];

impl Unit {
    /// The forms of the unit, each with a place for the number where the language says it.
    fn forms(self, language: Language) -> &'static [String] {
        let kept = &language.shipped().kept;
        match self {
            Unit::Minutes => &kept.minutes,
            Unit::Hours => &kept.hours,
            Unit::Days => &kept.days,
            Unit::Weeks => &kept.weeks,
            Unit::Months => &kept.months,
            Unit::Years => &kept.years,
        }
    }
}

impl Kept {
    /// The duration in words.
    pub fn in_language(self, language: Language) -> String {
        let kept = &language.shipped().kept;
        match self {
            Kept::Session => kept.session.clone(),
            Kept::UntilRemoved => kept.until_removed.clone(),
            Kept::For(count, unit) => {
                unit.forms(language)[plural::form(language, count)].replace("{count}", &count.to_string())
            }
        }
    }

    pub(in crate::config) fn read(text: &str) -> Result<Kept, Problem> {
        let counted = || {
            let (count, word) = text.split_once(' ')?;
            let count = count.parse().ok().filter(|count| (1..=1_000).contains(count))?;
            let named = |(_, several): &&(Unit, &str)| {
                word.trim() == *several || Some(word.trim()) == several.strip_suffix('s')
            };
            UNITS.iter().find(named).map(|(unit, _)| Kept::For(count, *unit))
        };
        match text {
            "session" => Ok(Kept::Session),
            "until removed" => Ok(Kept::UntilRemoved),
            _ => counted().ok_or_else(|| {
                let mend = "Write \"session\", \"until removed\", or a number of minutes, hours, days, weeks, months or \
                            years, such as \"6 months\".";
                Problem::new(format!("\"{text}\" is not a duration."), mend)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_said_in_every_language() {
        let check = |text: &str, language: Language, expected: &str| {
            let said = Kept::read(text).map(|kept| kept.in_language(language));
            assert_eq!(said.as_deref(), Ok(expected), "{text}");
        };
        check("6 months", Language::En, "6 months");
        check("1 month", Language::Nl, "1 maand");
        check("30 minutes", Language::De, "30 Minuten");
        check("2 years", Language::Fr, "2 ans");
        check("session", Language::Nl, "Tot u de browser sluit");
        for text in ["", "6", "0 days", "forever", "6 moons", "-1 days"] {
            assert!(Kept::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_unit_has_as_many_forms_as_its_language() {
        for language in Language::ALL {
            for (unit, name) in UNITS {
                let forms = unit.forms(language);
                assert_eq!(forms.len(), plural::forms(language), "{language:?} {name}");
                let used: std::collections::BTreeSet<usize> =
                    (1..=1_000).map(|count| plural::form(language, count)).collect();
                assert_eq!(used, (0..forms.len()).collect(), "{language:?}");
                let bare = (1..=1_000)
                    .find(|&count| count > 2 && !forms[plural::form(language, count)].contains("{count}"));
                assert_eq!(bare, None, "{language:?} {name}: the number is not said");
            }
        }
    }

    /// What is said for each number of a unit.
    fn table(language: Language, unit: Unit, said: &[(u32, &str)]) {
        for (count, expected) in said {
            assert_eq!(Kept::For(*count, unit).in_language(language), *expected, "{language:?}");
        }
    }

    #[test]
    fn polish_czech_and_slovene_decline() {
        table(
            Language::Pl,
            Unit::Months,
            &[
                (1, "1 miesiąc"),
                (2, "2 miesiące"),
                (5, "5 miesięcy"),
                (12, "12 miesięcy"),
                (22, "22 miesiące"),
                (25, "25 miesięcy"),
                (31, "31 miesięcy"),
                (112, "112 miesięcy"),
            ],
        );
        table(Language::Cs, Unit::Years, &[(1, "1 rok"), (2, "2 roky"), (5, "5 let"), (22, "22 let")]);
        table(
            Language::Sl,
            Unit::Days,
            &[
                (1, "1 dan"),
                (2, "2 dneva"),
                (3, "3 dnevi"),
                (5, "5 dni"),
                (101, "101 dan"),
                (182, "182 dni"),
                (202, "202 dneva"),
            ],
        );
    }

    #[test]
    fn lithuanian_latvian_and_croatian_look_at_the_last_figure() {
        table(
            Language::Lt,
            Unit::Days,
            &[(1, "1 diena"), (2, "2 dienos"), (10, "10 dienų"), (12, "12 dienų"), (21, "21 diena")],
        );
        table(
            Language::Lv,
            Unit::Days,
            &[(1, "1 diena"), (2, "2 dienas"), (11, "11 dienu"), (30, "30 dienu"), (31, "31 diena")],
        );
        table(
            Language::Hr,
            Unit::Months,
            &[(1, "1 mjesec"), (3, "3 mjeseca"), (6, "6 mjeseci"), (12, "12 mjeseci"), (24, "24 mjeseca")],
        );
        table(Language::Uk, Unit::Days, &[(21, "21 день"), (30, "30 днів"), (182, "182 дні")]);
        table(
            Language::Is,
            Unit::Days,
            &[(1, "1 dagur"), (11, "11 dagar"), (21, "21 dagur"), (30, "30 dagar")],
        );
    }

    #[test]
    fn arabic_hebrew_irish_and_maltese_have_a_dual_and_more() {
        table(
            Language::Ar,
            Unit::Days,
            &[
                (1, "يوم واحد"),
                (2, "يومان"),
                (3, "3 أيام"),
                (11, "11 يومًا"),
                (100, "100 يوم"),
                (103, "103 أيام"),
                (182, "182 يومًا"),
            ],
        );
        table(Language::He, Unit::Years, &[(1, "שנה אחת"), (2, "שנתיים"), (3, "3 שנים")]);
        table(
            Language::Ga,
            Unit::Years,
            &[(1, "1 bhliain"), (2, "2 bhliain"), (3, "3 bliana"), (7, "7 mbliana"), (11, "11 bliain")],
        );
        table(
            Language::Mt,
            Unit::Months,
            &[(1, "1 xahar"), (2, "xahrejn"), (6, "6 xhur"), (12, "12-il xahar"), (25, "25 xahar")],
        );
        table(
            Language::Ro,
            Unit::Days,
            &[(1, "1 zi"), (19, "19 zile"), (30, "30 de zile"), (101, "101 zile")],
        );
    }
}
