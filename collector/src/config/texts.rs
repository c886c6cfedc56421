//! The owner's own words: any text of the banner, replaced in one language.
//!
//! In: `[site.texts.nl]` with `accept = "…"`. Out: an [`OwnTexts`]. Invariants: a replaced text has the places to fill
//! of the text it replaces, no more and no less; it is no longer than its place allows; accept and refuse stay two
//! different words. Markup needs no check: texts become text nodes.

use super::error::Problem;
use super::language::Language;
use super::reader::Section;
use std::collections::BTreeMap;

/// Words of the banner that the owner replaced: by language, then by the key of `banner/assets/text/en.json`.
pub type OwnTexts = BTreeMap<Language, BTreeMap<&'static str, String>>;

/// The longest word of a button, in characters: it fits a window of 320 px.
const BUTTON_CHARACTERS_MAX: usize = 40;
/// The longest heading, label or cell.
const LABEL_CHARACTERS_MAX: usize = 120;
/// The longest sentence or two.
const SENTENCE_CHARACTERS_MAX: usize = 500;

/// Reads `[site.texts]`, a table for each of the site's languages.
pub(super) fn read(section: &Section<'_>, languages: &[Language]) -> OwnTexts {
    let of_language = |language: &Language| {
        let texts = section.section(language.code(), |section| read_language(section, *language));
        (*language, texts)
    };
    for unspoken in Language::ALL.into_iter().filter(|language| !languages.contains(language)) {
        section.get(unspoken.code(), |_| Err::<(), _>(not_spoken(unspoken, languages)));
    }
    languages.iter().map(of_language).filter(|(_, texts)| !texts.is_empty()).collect()
}

fn not_spoken(language: Language, languages: &[Language]) -> Problem {
    let mut codes: Vec<&str> = languages.iter().map(|one| one.code()).collect();
    codes.push(language.code());
    let mend = format!("Add \"{}\" to `languages`: {codes:?}.", language.code());
    Problem::new("The site does not speak this language.", mend)
}

fn read_language(section: &Section<'_>, language: Language) -> BTreeMap<&'static str, String> {
    let shipped = &language.shipped().text;
    let own: BTreeMap<&'static str, String> = shipped
        .iter()
        .filter_map(|(key, text)| {
            let own = section.get(key, |node| check(key, node.text()?, text))?;
            Some((key.as_str(), own))
        })
        .collect();
    let said = |key: &str| own.get(key).or(shipped.get(key)).map(|text| text.to_lowercase());
    if said("accept") == said("refuse") {
        let key = if own.contains_key("refuse") { "refuse" } else { "accept" };
        let mend = "Write two texts that nobody can mistake for one another.";
        section.wrong(key, Problem::new("Accepting and refusing are said in the same words.", mend));
    }
    own
}

fn check(key: &str, own: &str, shipped: &str) -> Result<String, Problem> {
    let longest = longest(key);
    if own.chars().count() > longest {
        let mend = format!("Write at most {longest} characters.");
        return Err(Problem::new("The text is too long for its place.", mend));
    }
    if own.contains(char::is_control) {
        return Err(Problem::new("The text has a line break or a tab in it.", "Write it on one line."));
    }
    let (expected, found) = (places(shipped), places(own));
    if let Some(missing) = expected.iter().find(|place| !found.contains(place)) {
        let mend = format!("Put {missing} where the banner fills it in, as in \"{}\".", shipped.trim());
        return Err(Problem::new(format!("The text lacks {missing}."), mend));
    }
    if let Some(unknown) = found.iter().find(|place| !expected.contains(place)) {
        let mend = match expected.is_empty() {
            true => "Remove it.".to_owned(),
            false => format!("What this text can hold is {}.", expected.join(", ")),
        };
        return Err(Problem::new(format!("Nothing fills {unknown} in this text."), mend));
    }
    // The question is followed by a link.
    Ok(if shipped.ends_with(' ') { format!("{own} ") } else { own.to_owned() })
}

fn longest(key: &str) -> usize {
    match key {
        "accept" | "refuse" | "choose" | "save" | "reopen" => BUTTON_CHARACTERS_MAX,
        "ask" | "intro" => SENTENCE_CHARACTERS_MAX,
        _ => LABEL_CHARACTERS_MAX,
    }
}

/// The places to fill, `{…}`, in the order of the text.
fn places(text: &str) -> Vec<&str> {
    let place = |(start, _): (usize, &str)| {
        let length = text[start..].find('}')?;
        text.get(start..=start + length)
    };
    text.match_indices('{').filter_map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// Line 9 and on are what a test adds.
    const WHOLE: &str = "[listen]\ndirect = true\n[[site]]\nid = \"example\"\nname = \"Example\"\nhosts = [\"example.org\"]\n\
                         controller = \"City\"\ncontact = \"e\"\n";

    fn read(more: &str) -> Result<OwnTexts, String> {
        let text = format!("{WHOLE}time_zone = \"Europe/Brussels\"\nlanguages = [\"nl\", \"nb\"]\n{more}\n");
        let config = Config::from_toml(&text, "kruimel.toml", std::iter::empty());
        config.map(|mut config| config.sites.remove(0).texts).map_err(|errors| errors.to_string())
    }

    #[test]
    fn any_text_is_replaced_in_one_language() {
        let texts =
            read("[site.texts.nl]\naccept = \"Ja\"\nask = \"{controller} vraagt {purposes}. {others}\"");
        let texts = texts.unwrap();
        assert_eq!(texts[&Language::Nl]["accept"], "Ja");
        assert_eq!(texts[&Language::Nl]["ask"], "{controller} vraagt {purposes}. {others} ");
        assert!(!texts.contains_key(&Language::Nb));
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn a_text_that_would_not_do_is_told_with_its_mend() {
        let check = |more: &str, expected: &str| {
            let said = read(more).expect_err(more);
            assert_eq!(said.lines().count(), 1, "{said}");
            assert!(said.contains(expected), "expected {expected}\n   found {said}");
        };
        check(
            "[site.texts.nl]\nacept = \"Ja\"",
            "kruimel.toml:12: site.texts.nl.acept: There is no such key. Mend: Did you mean `accept`?",
        );
        check(
            "[site.texts.fr]\naccept = \"Oui\"",
            "kruimel.toml:11: site.texts.fr: The site does not speak this language. Mend: Add \"fr\" to `languages`: \
             [\"nl\", \"nb\", \"fr\"].",
        );
        check("[site.texts.xyz]\naccept = \"Ja\"", "site.texts.xyz: There is no such key. Mend: ");
        check("[site.texts.nl]\naccept = \"\"", "site.texts.nl.accept: The text is empty.");
        check("[site.texts.nl]\naccept = 1", "site.texts.nl.accept: Expected a text");
        check(
            "[site.texts.nl]\nintro = \"Kort\"",
            "site.texts.nl.intro: The text lacks {days}. Mend: Put {days} where",
        );
        check(
            "[site.texts.nl]\nsave = \"Bewaar {days}\"",
            "site.texts.nl.save: Nothing fills {days} in this text. Mend: Remove it.",
        );
        check(
            "[site.texts.nl]\nintro = \"{days} {parties}\"",
            "Nothing fills {parties} in this text. Mend: What this text can hold is {days}.",
        );
        check("[site.texts.nl]\nsave = \"Bewaar\\nnu\"", "site.texts.nl.save: The text has a line break");
        check(&format!("[site.texts.nl]\nsave = \"{}\"", "é".repeat(41)), "Write at most 40 characters.");
        check(
            "[site.texts.nl]\nrefuse = \"Alles AANVAARDEN\"",
            "site.texts.nl.refuse: Accepting and refusing are said in the same words.",
        );
        check("[site.texts]\nnl = \"Ja\"", "site.texts.nl: Expected a section");
    }

    #[test]
    fn what_ships_passes_what_an_owner_must_pass() {
        for language in Language::ALL {
            for (key, text) in &language.shipped().text {
                assert_eq!(check(key, text.trim_end(), text).as_ref(), Ok(text), "{language:?} {key}");
            }
        }
    }

    #[test]
    fn a_text_with_markup_stays_text() {
        let texts = read("[site.texts.nb]\npolicy = \"<b>Kapsler</b> {\"").unwrap();
        assert_eq!(texts[&Language::Nb]["policy"], "<b>Kapsler</b> {");
    }
}
