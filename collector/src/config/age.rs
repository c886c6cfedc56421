//! Age mode: from which age a visitor may consent alone (GDPR, article 8(1)).
//!
//! In: `[site.age]`, a country or a limit. Out: the limit in years. Article 8(1) sets 16 and lets each country lower it
//! to no less than 13. What the members of the EU chose is as the Commission reported it (SWD(2020) 115 final, page 17),
//! but for Denmark, which raised its 13 to 15 from 2024 (databeskyttelsesloven, section 6); Iceland's is article 10 of act
//! 90/2018, the United Kingdom's section 9 of the Data Protection Act 2018. A country that is not in the table has 16:
//! those that never went below it, and Norway and Spain, which had 13 and 14 and prepare to raise it. An age that is too
//! high breaks no law, so that is the side to be wrong on. Invariant: no limit is below 13, and nothing here or later
//! keeps an age.

use super::error::Problem;
use super::name::CountryCode;
use super::reader::Section;

/// The age where no country says otherwise.
pub(super) const AGE_DEFAULT: u8 = 16;
/// The lowest that a country may choose.
pub(super) const AGE_MIN: u8 = 13;
/// The highest that an owner may ask for: who is of age everywhere.
pub(super) const AGE_MAX: u8 = 18;

/// The countries with another age than 16, in the order of their codes.
const AGES: [(&str, u8); 18] = [
    ("AT", 14),
    ("BE", 13),
    ("BG", 14),
    ("CY", 14),
    ("CZ", 15),
    ("DK", 15),
    ("EE", 13),
    ("FI", 13),
    ("FR", 15),
    ("GB", 13),
    ("GR", 15),
    ("IS", 13),
    ("IT", 14),
    ("LT", 14),
    ("LV", 13),
    ("MT", 13),
    ("PT", 13),
    ("SE", 13),
];

/// Reads `[site.age]`; `None` without it.
pub(super) fn read(site: &Section<'_>) -> Option<u8> {
    let limit = site.section("age", |section| {
        let country = section.get("country", |node| CountryCode::read(node.text()?));
        let limit = section.get("limit", |node| node.number(u64::from(AGE_MIN)..=u64::from(AGE_MAX)));
        let of_country = country.as_ref().map_or(AGE_DEFAULT, of);
        let limit = limit.and_then(|limit| u8::try_from(limit).ok());
        if let (Some(country), Some(limit)) = (country, limit)
            && limit < of_country
        {
            let wrong = format!("In {country} nobody under {of_country} consents alone.");
            section.wrong("limit", Problem::new(wrong, "Remove the line, or raise the limit."));
        }
        limit.unwrap_or(of_country)
    });
    site.has("age").then_some(limit)
}

/// The age of a country.
fn of(country: &CountryCode) -> u8 {
    let found = AGES.binary_search_by_key(&country.as_str(), |(code, _)| code);
    found.map_or(AGE_DEFAULT, |index| AGES[index].1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn read(more: &str) -> Result<Option<u8>, String> {
        let text = format!(
            "[listen]\ndirect = true\n[[site]]\nid = \"example\"\nname = \"Example\"\nhosts = [\"example.org\"]\n\
             controller = \"City\"\ncontact = \"e\"\ntime_zone = \"Europe/Brussels\"\n{more}\n"
        );
        let config = Config::from_toml(&text, "kruimel.toml", std::iter::empty());
        config.map(|config| config.sites[0].options.age_limit).map_err(|errors| errors.to_string())
    }

    #[test]
    fn a_country_has_its_own_age_and_the_others_have_sixteen() {
        assert!(AGES.is_sorted_by_key(|(code, _)| *code));
        assert!(AGES.iter().all(|(_, age)| (AGE_MIN..AGE_DEFAULT).contains(age)));
        let check = |more: &str, expected| assert_eq!(read(more), Ok(expected), "{more}");
        check("", None);
        check("[site.age]", Some(16));
        check("[site.age]\ncountry = \"BE\"", Some(13));
        check("[site.age]\ncountry = \"NL\"", Some(16));
        check("[site.age]\nlimit = 18", Some(18));
        check("[site.age]\ncountry = \"BE\"\nlimit = 16", Some(16));
    }

    #[test]
    fn an_age_below_the_law_is_refused_with_its_line() {
        let check = |more: &str, expected: &str| {
            let said = read(more).expect_err(more);
            assert!(said.contains(expected), "{said}");
        };
        check("[site.age]\nlimit = 12", "kruimel.toml:11: site.age.limit: The number is out of bounds.");
        check(
            "[site.age]\nlimit = 15\ncountry = \"NL\"",
            "site.age.limit: In NL nobody under 16 consents alone.",
        );
        check("[site.age]\ncountry = \"Belgium\"", "site.age.country: \"Belgium\" is not a country.");
        check("age = 16", "site.age: Expected a section");
    }
}
