//! The languages that visitors read, and the texts and durations of a declaration in each of them.
//!
//! In: texts of the config, one for all languages or one per language. Out: the text in the language asked for.
//! Invariant: a declaration has every text in every language of its site, so that no page changes language midway.

mod kept;
mod plural;
mod shipped;

pub use kept::{Kept, Unit};

use super::error::Problem;
use super::reader::expected;
use super::tree::{Node, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Names the languages once; the place in the list is the order in which they are offered.
macro_rules! languages {
    ($($name:ident $code:literal $own_name:literal,)*) => {
        /// A language that the visitor's texts exist in.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Language {
            $(#[doc = $own_name] $name,)*
        }

        impl Language {
            /// Every language, in the order they are offered.
            pub const ALL: [Language; [$($code),*].len()] = [$(Language::$name),*];

            /// The code in markup, cookies and columns (BCP 47).
            pub const fn code(self) -> &'static str {
                match self {
                    $(Language::$name => $code,)*
                }
            }

            /// The language's name in itself.
            pub const fn own_name(self) -> &'static str {
                match self {
                    $(Language::$name => $own_name,)*
                }
            }

            /// The file of its texts.
            const fn file(self) -> &'static str {
                match self {
                    $(Language::$name => {
                        include_str!(concat!("../../../banner/assets/text/", $code, ".json"))
                    })*
                }
            }
        }
    };
}

languages! {
    En "en" "English",
    Nl "nl" "Nederlands",
    Fr "fr" "Français",
    De "de" "Deutsch",
    Ar "ar" "العربية",
    Bg "bg" "Български",
    Cs "cs" "Čeština",
    Da "da" "Dansk",
    El "el" "Ελληνικά",
    Es "es" "Español",
    Et "et" "Eesti",
    Fi "fi" "Suomi",
    Ga "ga" "Gaeilge",
    He "he" "עברית",
    Hr "hr" "Hrvatski",
    Hu "hu" "Magyar",
    Is "is" "Íslenska",
    It "it" "Italiano",
    Lt "lt" "Lietuvių",
    Lv "lv" "Latviešu",
    Mt "mt" "Malti",
    Nb "nb" "Norsk (bokmål)",
    Pl "pl" "Polski",
    Pt "pt" "Português",
    Ro "ro" "Română",
    Sk "sk" "Slovenčina",
    Sl "sl" "Slovenščina",
    Sv "sv" "Svenska",
    Tr "tr" "Türkçe",
    Uk "uk" "Українська",
}

impl Language {
    /// The direction of its script, as markup says it.
    pub const fn direction(self) -> &'static str {
        match self {
            Language::Ar | Language::He => "rtl",
            _ => "ltr",
        }
    }

    /// What a page or a browser calls it, as the first part of its tag. Norwegian pages say `no`, browsers `nb`; who
    /// reads `nn` reads this too.
    pub const fn tags(self) -> &'static [&'static str] {
        match self {
            Language::Nb => &["nb", "nn", "no"],
            _ => std::slice::from_ref(&Language::CODES[self as usize]),
        }
    }

    const CODES: [&'static str; Language::ALL.len()] = {
        let mut codes = [""; Language::ALL.len()];
        let mut index = 0;
        while index < codes.len() {
            codes[index] = Language::ALL[index].code();
            index += 1;
        }
        codes
    };

    /// The language of a tag such as `nl-BE`, if the texts exist in it.
    pub fn of_tag(tag: &str) -> Option<Language> {
        let primary = tag.trim().split(['-', '_']).next()?.to_ascii_lowercase();
        Language::ALL.into_iter().find(|language| language.tags().contains(&primary.as_str()))
    }

    pub(super) fn read(text: &str) -> Result<Language, Problem> {
        Language::ALL.into_iter().find(|language| language.code() == text).ok_or_else(|| {
            let mend = match Language::of_tag(text) {
                Some(meant) => format!("Write \"{}\".", meant.code()),
                None => format!("Choose from {}.", Language::CODES.join(", ")),
            };
            Problem::new(format!("There are no texts in the language \"{text}\"."), mend)
        })
    }
}

/// A text of the declaration, the same in every language or one for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
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

    /// A text of Kruimel's own declaration, in every language.
    pub(super) fn own(name: &str) -> Translated {
        let text = |language: Language| (language, language.shipped().own(name).to_owned());
        Translated::Each(Language::ALL.into_iter().map(text).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_tag_is_matched_by_its_first_part() {
        let check = |tag, expected| assert_eq!(Language::of_tag(tag), expected, "{tag}");
        check("nl-BE", Some(Language::Nl));
        check("FR_be", Some(Language::Fr));
        check("pt-BR", Some(Language::Pt));
        for tag in ["no", "nb", "nn-NO", "nb-NO"] {
            check(tag, Some(Language::Nb));
        }
        for tag in ["nld", "fil-PH", "zh", "zh-Hant-TW", ""] {
            check(tag, None);
        }
    }

    #[test]
    fn all_thirty_languages_are_there_with_all_that_kruimel_says_of_itself() {
        assert_eq!(Language::ALL.len(), 30);
        for language in Language::ALL {
            for name in [
                "choice_name",
                "choice_purpose",
                "choice_cookie",
                "analytics_purpose",
                "visitor_cookie",
                "visit_cookie",
            ] {
                assert!(!language.shipped().own(name).is_empty(), "{language:?} {name}");
            }
            assert_eq!(Language::read(language.code()), Ok(language));
        }
        assert_eq!(Language::read("no").unwrap_err().mend, "Write \"nb\".");
    }
}
