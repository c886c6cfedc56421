//! The languages that visitors read, and the texts and durations of a declaration in each of them.
//!
//! In: texts of the config, one for all languages or one per language. Out: the text in the language asked for.
//! Invariant: a declaration has every text in every language of its site, so that no page changes language midway.

use super::error::Problem;
use super::reader::expected;
use super::tree::{Node, Value};
use std::collections::BTreeMap;

/// A language that the visitor's texts exist in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// English
    En,
    /// Dutch
    Nl,
    /// French
    Fr,
    /// German
    De,
}

impl Language {
    /// Every language, in the order they are offered.
    pub const ALL: [Language; 4] = [Language::En, Language::Nl, Language::Fr, Language::De];

    /// The code in markup, cookies and columns (BCP 47).
    pub const fn code(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::Nl => "nl",
            Language::Fr => "fr",
            Language::De => "de",
        }
    }

    /// The language's name in itself.
    pub const fn own_name(self) -> &'static str {
        match self {
            Language::En => "English",
            Language::Nl => "Nederlands",
            Language::Fr => "Français",
            Language::De => "Deutsch",
        }
    }

    /// The language of a tag such as `nl-BE`, if the texts exist in it.
    pub fn of_tag(tag: &str) -> Option<Language> {
        let primary = tag.trim().split(['-', '_']).next()?.to_ascii_lowercase();
        Language::ALL.into_iter().find(|language| language.code() == primary)
    }

    pub(super) fn read(text: &str) -> Result<Language, Problem> {
        Language::ALL.into_iter().find(|language| language.code() == text).ok_or_else(|| {
            let codes: Vec<&str> = Language::ALL.iter().map(|language| language.code()).collect();
            let mend = format!("Choose from {}.", codes.join(", "));
            Problem::new(format!("There are no texts in the language \"{text}\"."), mend)
        })
    }
}

/// A text of the declaration, the same in every language or one for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Translated {
    /// A name, or a text that the owner gave only once.
    Same(String),
    /// One text for each language of the site.
    Each(BTreeMap<Language, String>),
}

impl Translated {
    /// The text in `language`.
    pub fn in_language(&self, language: Language) -> &str {
        match self {
            Translated::Same(text) => text,
            Translated::Each(texts) => {
                texts.get(&language).or_else(|| texts.values().next()).map_or("", String::as_str)
            }
        }
    }

    pub(super) fn of(texts: [(Language, &str); 4]) -> Translated {
        Translated::Each(texts.into_iter().map(|(language, text)| (language, text.to_owned())).collect())
    }

    /// Reads `"text"` or `{ en = "text", nl = "tekst" }`; the latter must have every one of `languages`.
    pub(super) fn read(node: &Node, languages: &[Language]) -> Result<Translated, Problem> {
        let table = match &node.value {
            Value::Table(table) => table,
            Value::Text(_) | Value::Variable(_) => return Ok(Translated::Same(node.text()?.to_owned())),
            other => {
                return Err(expected("a text, or one per language", other, "Write \"…\" or { en = \"…\" }."));
            }
        };
        let mut texts = BTreeMap::new();
        for (code, text) in table {
            texts.insert(Language::read(code)?, text.text()?.to_owned());
        }
        match languages.iter().find(|language| !texts.contains_key(language)) {
            None => Ok(Translated::Each(texts)),
            Some(missing) => Err(Problem::new(
                format!("The text is missing in {}, a language of this site.", missing.own_name()),
                format!("Add {} = \"…\", or write one text for all languages.", missing.code()),
            )),
        }
    }
}

/// How long something is kept on the visitor's device, or on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Until the browser is closed.
    Session,
    /// Until the visitor removes it (storage without an end).
    UntilRemoved,
    /// So many of a unit.
    For(u32, Unit),
}

/// A unit of [`Kept`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

const UNITS: [Unit; 6] = [Unit::Minutes, Unit::Hours, Unit::Days, Unit::Weeks, Unit::Months, Unit::Years];

impl Unit {
    /// The word for one and the word for several.
    const fn words(self, language: Language) -> (&'static str, &'static str) {
        use Language::{De, En, Fr, Nl};
        match (self, language) {
            (Unit::Minutes, En) => ("minute", "minutes"),
            (Unit::Minutes, Nl) => ("minuut", "minuten"),
            (Unit::Minutes, Fr) => ("minute", "minutes"),
            (Unit::Minutes, De) => ("Minute", "Minuten"),
            (Unit::Hours, En) => ("hour", "hours"),
            (Unit::Hours, Nl) => ("uur", "uur"),
            (Unit::Hours, Fr) => ("heure", "heures"),
            (Unit::Hours, De) => ("Stunde", "Stunden"),
            (Unit::Days, En) => ("day", "days"),
            (Unit::Days, Nl) => ("dag", "dagen"),
            (Unit::Days, Fr) => ("jour", "jours"),
            (Unit::Days, De) => ("Tag", "Tage"),
            (Unit::Weeks, En) => ("week", "weeks"),
            (Unit::Weeks, Nl) => ("week", "weken"),
            (Unit::Weeks, Fr) => ("semaine", "semaines"),
            (Unit::Weeks, De) => ("Woche", "Wochen"),
            (Unit::Months, En) => ("month", "months"),
            (Unit::Months, Nl) => ("maand", "maanden"),
            (Unit::Months, Fr) => ("mois", "mois"),
            (Unit::Months, De) => ("Monat", "Monate"),
            (Unit::Years, En) => ("year", "years"),
            (Unit::Years, Nl) => ("jaar", "jaar"),
            (Unit::Years, Fr) => ("an", "ans"),
            (Unit::Years, De) => ("Jahr", "Jahre"),
        }
    }
}

impl Kept {
    /// The duration in words.
    pub fn in_language(self, language: Language) -> String {
        use Language::{De, En, Fr, Nl};
        match (self, language) {
            (Kept::Session, En) => "Until you close the browser".to_owned(),
            (Kept::Session, Nl) => "Tot u de browser sluit".to_owned(),
            (Kept::Session, Fr) => "Jusqu’à la fermeture du navigateur".to_owned(),
            (Kept::Session, De) => "Bis Sie den Browser schließen".to_owned(),
            (Kept::UntilRemoved, En) => "Until you remove it".to_owned(),
            (Kept::UntilRemoved, Nl) => "Tot u het verwijdert".to_owned(),
            (Kept::UntilRemoved, Fr) => "Jusqu’à ce que vous le supprimiez".to_owned(),
            (Kept::UntilRemoved, De) => "Bis Sie es löschen".to_owned(),
            (Kept::For(count, unit), _) => {
                let (one, several) = unit.words(language);
                format!("{count} {}", if count == 1 { one } else { several })
            }
        }
    }

    pub(super) fn read(text: &str) -> Result<Kept, Problem> {
        let counted = || {
            let (count, word) = text.split_once(' ')?;
            let count = count.parse().ok().filter(|count| (1..=1_000).contains(count))?;
            let named = |unit: &Unit| {
                let (one, several) = unit.words(Language::En);
                word.trim() == one || word.trim() == several
            };
            UNITS.into_iter().find(named).map(|unit| Kept::For(count, unit))
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
    fn a_language_tag_is_matched_by_its_first_part() {
        assert_eq!(Language::of_tag("nl-BE"), Some(Language::Nl));
        assert_eq!(Language::of_tag("FR_be"), Some(Language::Fr));
        assert_eq!(Language::of_tag("nld"), None);
    }
}
