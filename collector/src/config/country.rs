//! The names of countries in the visitors' languages: Europe, and where its sites' services are most often from.
//!
//! In: a [`CountryCode`]. Out: the country's name, or the code itself where it is not in `country.tsv`: one line a
//! country, one column a language in the order of [`Language::ALL`]. Source of the names: Unicode CLDR.

use super::language::Language;
use super::name::CountryCode;

const COUNTRIES: &str = include_str!("country.tsv");

impl CountryCode {
    /// The country's name.
    pub fn in_language(&self, language: Language) -> &str {
        let code = self.as_str();
        let names = COUNTRIES.lines().find_map(|line| line.strip_prefix(code)?.strip_prefix('\t'));
        names.and_then(|names| names.split('\t').nth(language as usize)).unwrap_or(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_found_by_its_code() {
        let check = |code: &str, language, expected: &str| {
            assert_eq!(CountryCode::read(code).unwrap().in_language(language), expected, "{code}");
        };
        check("NL", Language::Fr, "Pays-Bas");
        check("AT", Language::De, "Österreich");
        check("US", Language::En, "United States");
        check("DE", Language::Pl, "Niemcy");
        check("BE", Language::Uk, "Бельгія");
        check("XK", Language::En, "XK");
    }

    #[test]
    fn every_country_has_a_name_in_every_language() {
        let mut lines = COUNTRIES.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let codes: Vec<&str> =
            std::iter::once("code").chain(Language::ALL.iter().map(|one| one.code())).collect();
        assert_eq!(lines.next(), Some(codes));
        for line in lines {
            assert!(
                line.len() == Language::ALL.len() + 1 && line.iter().all(|name| !name.is_empty()),
                "{line:?}"
            );
        }
    }
}
