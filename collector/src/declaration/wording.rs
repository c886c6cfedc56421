//! Whether two texts say the same: only slips of the pen may differ, and never a meaning.
//!
//! In: a text before and after, in the languages that both were given in. Out: a [`Wording`]. Invariant: whatever is in
//! doubt counts as [`Wording::Changed`], because then visitors are asked again and nobody's consent is stretched.
//!
//! A slip is a difference of case, punctuation or white space; or, within one word, two neighbouring letters swapped or
//! one letter doubled. Words stay as many as they were and in their order. Short words ("no", "of", "from") and figures
//! are compared exactly, together with the mark behind a short word ("No, data are sold"); so are the first letters of
//! a longer word, where prefixes deny ("unite" and "untie").

use crate::config::{Language, Translated};

/// How one text relates to an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wording {
    /// Letter for letter the same.
    Same,
    /// A slip was corrected, or a translation came where there was none.
    Corrected,
    /// It says something else, as far as a program can tell.
    Changed,
}

/// Letters from which on a word is long enough for a slip to be no other word.
const SLIP_LETTERS_MIN: usize = 5;
/// Letters at the head of a word that a slip cannot be in.
const SLIP_PREFIX_LETTERS: usize = 3;
/// Punctuation that is left out of the comparison.
const MARKS: &str = ".,;:!?…-‐‑–—/·()[]،؛؟׳״";
/// The same; these do not part one word from the next.
const QUOTES: &str = "'’‘\"“”„«»‹›";

/// Compares a text in each of `languages`. One language that says something else is enough, unless that is a translation
/// come or gone: before or after it has the very words of another language, which did not change.
pub(super) fn compare(before: &Translated, after: &Translated, languages: &[Language]) -> Wording {
    let one = |language: &Language| {
        let (before, after) = (before.in_language(*language), after.in_language(*language));
        (before, after, compare_text(*language, before, after))
    };
    let compared: Vec<_> = languages.iter().map(one).collect();
    let translated = |before: &str, after: &str| {
        compared.iter().any(|(b, a, wording)| *wording != Wording::Changed && (*b == before || *a == after))
    };
    let judged = compared.iter().map(|(before, after, wording)| match wording {
        Wording::Changed if translated(before, after) => Wording::Corrected,
        wording => *wording,
    });
    // Without a language in common nothing can be compared.
    let unknown = if before == after { Wording::Same } else { Wording::Changed };
    judged.max().unwrap_or(unknown)
}

/// Compares the names of organisations: one letter can name another, so only case, punctuation and white space differ.
pub(super) fn compare_name(before: &str, after: &str) -> Wording {
    match (before == after, words(before) == words(after)) {
        (true, _) => Wording::Same,
        (_, true) => Wording::Corrected,
        _ => Wording::Changed,
    }
}

fn compare_text(language: Language, before: &str, after: &str) -> Wording {
    if before == after {
        return Wording::Same;
    }
    let (before, after) = (words(before), words(after));
    let alike = |(one, other): (&String, &String)| one == other || is_slip(language, one, other);
    match before.len() == after.len() && before.iter().zip(&after).all(alike) {
        true => Wording::Corrected,
        false => Wording::Changed,
    }
}

/// The words of a text in small letters without marks. What stands between a short word and the next is kept with it.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut between = None;
    for token in text.split_whitespace() {
        let letters: Vec<char> = token.chars().flat_map(char::to_lowercase).collect();
        between = between.or(mark(letters.iter()));
        let word = bare(&letters);
        if word.is_empty() {
            continue;
        }
        if let (Some(mark), Some(last)) = (between, words.last_mut())
            && last.chars().count() < SLIP_LETTERS_MIN
        {
            last.push(mark);
        }
        words.push(word);
        between = mark(letters.iter().rev());
    }
    words
}

/// The first mark that stands before any letter, quotes apart.
fn mark<'l>(mut letters: impl Iterator<Item = &'l char>) -> Option<char> {
    let first = letters.find(|letter| !QUOTES.contains(**letter))?;
    MARKS.contains(*first).then_some(*first)
}

/// One word without its marks. Those at figures stay ("3.5", "-18").
fn bare(letters: &[char]) -> String {
    let figure_follows = |place: usize| letters.get(place + 1).is_some_and(|next| next.is_numeric());
    let is_mark = |letter: &char| MARKS.contains(*letter) || QUOTES.contains(*letter);
    let kept = |(place, letter): &(usize, &char)| !is_mark(letter) || figure_follows(*place);
    letters.iter().enumerate().filter(kept).map(|(_, letter)| *letter).collect()
}

/// Whether one word is the other with two neighbouring letters swapped or one letter doubled. In Finnish and Estonian a
/// doubled letter makes another word (`luvatta` is "without permission"): there no letter may differ.
fn is_slip(language: Language, one: &str, other: &str) -> bool {
    let [short, long] = {
        let mut both = [one, other].map(|word| word.chars().collect::<Vec<char>>());
        both.sort_by_key(Vec::len);
        both
    };
    let plain = short.iter().chain(&long).all(|letter| letter.is_alphabetic());
    let exact = matches!(language, Language::Fi | Language::Et);
    if exact
        || !plain
        || short.len() < SLIP_LETTERS_MIN
        || short[..SLIP_PREFIX_LETTERS] != long[..SLIP_PREFIX_LETTERS]
    {
        return false;
    }
    let differing: Vec<usize> = (0..short.len()).filter(|&place| short[place] != long[place]).collect();
    match long.len() - short.len() {
        0 => match differing[..] {
            [left, right] => right == left + 1 && short[left] == long[right] && short[right] == long[left],
            _ => false,
        },
        1 => {
            let place = differing.first().copied().unwrap_or(short.len());
            long[place] == long[place - 1] && short[place..] == long[place + 1..]
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_slip_of_the_pen_leaves_the_meaning() {
        let check = |before: &str, after: &str, expected| {
            assert_eq!(compare_text(Language::En, before, after), expected, "{before} | {after}");
            assert_eq!(compare_text(Language::En, after, before), expected, "{after} | {before}");
        };
        let same = |before, after| check(before, after, Wording::Corrected);
        let other = |before, after| check(before, after, Wording::Changed);
        same("Counts campaigns seen", "counts  campaigns seen.");
        same("Counts campaigns seen", "Counts campagins seen");
        same("Counts campaigns seen", "Counts camppaigns seen");
        same("Counts visits, pages and sources", "Counts visits pages, and sources");
        same("The city's “e-mail”", "The city’s email");
        same("Counts visits", "«Counts visits!»");
        same("Cities – works", "Cities, works");
        other("Counts campaigns seen", "Counts the campaigns seen");
        other("Data are not shared", "Data are now shared");
        other("Data are not shared", "Data are shared");
        other("Shared with none", "Shared with no one");
        other("Passed on to us", "Passed no to us");
        other("Keeps records of it", "Keeps records off it");
        other("We unite profiles", "We untie profiles");
        other("A united file", "A untied file");
        other("No, data are sold", "No data are sold");
        other("“No,” data are sold", "“No” data are sold");
        other("No ,data are sold", "No data are sold");
        other("No – data are sold", "No data are sold");
        other("No (data are sold)", "No data are sold");
        other("Sold without consent", "Sold with out consent");
        other("Kept for 12 months", "Kept for 21 months");
        other("At 3.5 km", "At 35 km");
        other("Up to -5", "Up to 5");
        other("Counts visits", "Counts vists");
        other("Counts visitors", "Counts visitsor x");
        other("Shows maps", "maps Shows");
    }

    #[test]
    fn letters_carry_meaning_in_finnish() {
        let check = |language| compare_text(language, "Jaetaan luvatta", "Jaetaan luvata");
        assert_eq!(check(Language::Fi), Wording::Changed);
        assert_eq!(check(Language::En), Wording::Corrected);
    }

    #[test]
    fn an_organisation_is_another_with_one_letter() {
        assert_eq!(compare_name("Filmkade BV", "Filmkade B.V."), Wording::Corrected);
        assert_eq!(compare_name("Filmkade BV", "Filmkade NV"), Wording::Changed);
        assert_eq!(compare_name("Filmkade BV", "Filmkadde BV"), Wording::Changed);
    }

    #[test]
    fn a_translation_may_come_and_go_but_not_speak_otherwise() {
        let each = |texts: &[(Language, &str)]| {
            Translated::Each(texts.iter().map(|(language, text)| (*language, (*text).to_owned())).collect())
        };
        let (en, nl) = (Language::En, Language::Nl);
        let once = Translated::Same("Shows maps".into());
        let both = each(&[(en, "Shows maps"), (nl, "Toont kaarten")]);
        let check = |before: &Translated, after: &Translated, languages: &[Language], expected| {
            assert_eq!(compare(before, after, languages), expected, "{before:?} {after:?}");
        };
        check(&once, &both, &[en], Wording::Same);
        check(&once, &both, &[en, nl], Wording::Corrected);
        check(&both, &once, &[en, nl], Wording::Corrected);
        let otherwise = each(&[(en, "Shows maps"), (nl, "Verkoopt kaarten")]);
        check(&both, &otherwise, &[en, nl], Wording::Changed);
        check(&both, &otherwise, &[en], Wording::Same);
        let both_otherwise = each(&[(en, "Sells maps"), (nl, "Verkoopt kaarten")]);
        check(&once, &both_otherwise, &[en, nl], Wording::Changed);
        check(&both, &otherwise, &[], Wording::Changed);
    }
}
