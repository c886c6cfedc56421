//! The words of the visitor's two pages, per language. What the banner says too (titles of categories, accept, refuse)
//! comes with its texts.
//!
//! In: a [`Language`]. Out: its [`Words`]. Invariant: every language has every text with the same placeholders, as a
//! test proves; texts are neutral, thank nobody and promise nothing.

mod ar;
mod bg;
mod cs;
mod da;
mod de;
mod el;
mod en;
mod es;
mod et;
mod fi;
mod fr;
mod ga;
mod he;
mod hr;
mod hu;
mod is;
mod it;
mod lt;
mod lv;
mod mt;
mod nb;
mod nl;
mod pl;
mod pt;
mod ro;
mod sk;
mod sl;
mod sv;
mod tr;
mod uk;

use crate::config::{KeptThing, Language, Storage};
use serde::Serialize;
use time::Date;

/// The texts of one language. `{…}` is filled in by [`fill`].
#[derive(Serialize)]
pub(super) struct Words {
    /// How a date is written: `{day}`, `{month}` and `{year}`.
    pub(super) date: &'static str,
    /// The names of the months, as they stand in a date.
    pub(super) months: [&'static str; 12],
    pub(super) your_data: &'static str,
    pub(super) back: &'static str,
    pub(super) who_to_ask: &'static str,
    pub(super) granted_title: &'static str,
    pub(super) granted_lead: &'static str,
    pub(super) refused_title: &'static str,
    pub(super) refused_lead: &'static str,
    pub(super) undecided_title: &'static str,
    pub(super) undecided_lead: &'static str,
    pub(super) outdated_lead: &'static str,
    pub(super) what_you_chose: &'static str,
    pub(super) always_on: &'static str,
    pub(super) allowed: &'static str,
    pub(super) refused: &'static str,
    pub(super) needs_no_choice: &'static str,
    pub(super) since: &'static str,
    pub(super) change: &'static str,
    pub(super) erases: &'static str,
    pub(super) keeps: &'static str,
    pub(super) stored: &'static str,
    pub(super) on_device: &'static str,
    pub(super) on_server: &'static str,
    pub(super) holds: &'static str,
    pub(super) kept_until: &'static str,
    pub(super) what: &'static str,
    pub(super) why: &'static str,
    pub(super) kept_for: &'static str,
    pub(super) choice_holds: &'static str,
    pub(super) refusal_holds: &'static str,
    pub(super) visit_until: &'static str,
    /// What the server keeps of a measured visitor, and why: pages, time, source, place, device.
    pub(super) measured: [(&'static str, &'static str); 5],
    pub(super) address: (&'static str, &'static str),
    pub(super) decision: (&'static str, &'static str),
    pub(super) never_stored: &'static str,
    pub(super) refused_server: &'static str,
    pub(super) earlier: &'static str,
    pub(super) references: &'static str,
    pub(super) visitor: &'static str,
    pub(super) consent: &'static str,
    pub(super) quote: &'static str,
    /// A button that takes everything back and erases the decisions too.
    pub(super) erase_mine: &'static str,
    pub(super) other_browser: &'static str,
    pub(super) other_browser_text: &'static str,
    pub(super) responsible: &'static str,
    pub(super) controller: &'static str,
    pub(super) contact: &'static str,
    pub(super) privacy_policy: &'static str,
    pub(super) cookies_lead: &'static str,
    pub(super) cookies_lead_dated: &'static str,
    pub(super) no_consent_needed: &'static str,
    pub(super) consent_needed: &'static str,
    pub(super) nothing_declared: &'static str,
    pub(super) no_recipients: &'static str,
    pub(super) recipient: &'static str,
    pub(super) stores_nothing: &'static str,
    pub(super) caption: &'static str,
    pub(super) storage: [&'static str; 3],
    pub(super) collects: &'static str,
    pub(super) collected: [&'static str; 6],
    pub(super) how_long: &'static str,
    pub(super) retention: &'static str,
    pub(super) then: &'static str,
    pub(super) deleted: &'static str,
    /// Page views, truncated address, decisions, rejections.
    pub(super) things: [&'static str; 4],
    pub(super) choice_kept: &'static str,
    pub(super) as_json: &'static str,
    pub(super) stale: &'static str,
    pub(super) foreign: &'static str,
    pub(super) unavailable: &'static str,
    pub(super) unread: &'static str,
    pub(super) age_confirm: &'static str,
    pub(super) age_needed: &'static str,
    /// Heading over every version of the declaration.
    pub(super) history: &'static str,
    pub(super) version: &'static str,
    pub(super) former: &'static str,
    pub(super) added: &'static str,
    pub(super) removed: &'static str,
    pub(super) before: &'static str,
    pub(super) asked_again: &'static str,
    pub(super) first_version: &'static str,
}

impl Words {
    /// The words of a language.
    pub(super) const fn of(language: Language) -> &'static Words {
        match language {
            Language::Ar => &ar::WORDS,
            Language::Bg => &bg::WORDS,
            Language::Cs => &cs::WORDS,
            Language::Da => &da::WORDS,
            Language::De => &de::WORDS,
            Language::El => &el::WORDS,
            Language::En => &en::WORDS,
            Language::Es => &es::WORDS,
            Language::Et => &et::WORDS,
            Language::Fi => &fi::WORDS,
            Language::Fr => &fr::WORDS,
            Language::Ga => &ga::WORDS,
            Language::He => &he::WORDS,
            Language::Hr => &hr::WORDS,
            Language::Hu => &hu::WORDS,
            Language::Is => &is::WORDS,
            Language::It => &it::WORDS,
            Language::Lt => &lt::WORDS,
            Language::Lv => &lv::WORDS,
            Language::Mt => &mt::WORDS,
            Language::Nb => &nb::WORDS,
            Language::Nl => &nl::WORDS,
            Language::Pl => &pl::WORDS,
            Language::Pt => &pt::WORDS,
            Language::Ro => &ro::WORDS,
            Language::Sk => &sk::WORDS,
            Language::Sl => &sl::WORDS,
            Language::Sv => &sv::WORDS,
            Language::Tr => &tr::WORDS,
            Language::Uk => &uk::WORDS,
        }
    }

    /// A date as people write it.
    pub(super) fn date(&self, language: Language, date: Date) -> String {
        let month = self.months[usize::from(u8::from(date.month())) - 1];
        let day = match (language, date.day()) {
            (Language::Fr, 1) => "1er".to_owned(),
            (_, day) => day.to_string(),
        };
        fill(self.date, &[("day", &day), ("month", month), ("year", &date.year().to_string())])
    }

    /// Where the browser keeps something, if it is not a cookie.
    pub(super) fn storage(&self, storage: Storage) -> Option<&'static str> {
        match storage {
            Storage::Cookie => None,
            Storage::Local => Some(self.storage[0]),
            Storage::Session => Some(self.storage[1]),
            Storage::IndexedDb => Some(self.storage[2]),
            Storage::Cache => Some("Cache Storage"),
        }
    }

    pub(super) fn thing(&self, thing: KeptThing) -> &'static str {
        match thing {
            KeptThing::Events => self.things[0],
            KeptThing::TruncatedAddress => self.things[1],
            KeptThing::Decisions => self.things[2],
            KeptThing::Rejections => self.things[3],
        }
    }
}

/// Puts values in the place of `{name}`s.
pub(super) fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let place = |text: String, (name, value): &(&str, &str)| text.replace(&format!("{{{name}}}"), value);
    values.iter().fold(text.to_owned(), place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    /// Every text of a language, in the order of the fields.
    fn all(words: &Words) -> Vec<&'static str> {
        let mut texts = vec![
            words.granted_title,
            words.granted_lead,
            words.refused_title,
            words.refused_lead,
            words.undecided_title,
            words.undecided_lead,
            words.outdated_lead,
            words.since,
            words.erases,
            words.keeps,
            words.on_server,
            words.refused_server,
            words.earlier,
            words.cookies_lead,
            words.cookies_lead_dated,
            words.no_recipients,
            words.recipient,
            words.caption,
            words.choice_kept,
            words.other_browser_text,
            words.never_stored,
            words.unread,
            words.age_confirm,
            words.age_needed,
            words.date,
            words.stale,
            words.foreign,
            words.unavailable,
            words.quote,
            words.erase_mine,
            words.history,
            words.version,
            words.former,
            words.added,
            words.removed,
            words.before,
            words.asked_again,
            words.first_version,
        ];
        texts.extend(words.months);
        texts.extend(words.collected);
        texts.extend(words.things);
        texts.extend(words.measured.iter().flat_map(|(what, why)| [*what, *why]));
        texts
    }

    fn placeholders(text: &str) -> Vec<&str> {
        let mut names: Vec<&str> =
            text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_language_has_every_text_with_the_same_placeholders() {
        let english = all(Words::of(Language::En));
        for language in Language::ALL {
            for (text, expected) in all(Words::of(language)).into_iter().zip(&english) {
                assert!(!text.is_empty(), "{language:?} lacks: {expected}");
                assert_eq!(placeholders(text), placeholders(expected), "{language:?}: {text}");
                assert!(!text.contains('!'), "{text}");
            }
        }
    }

    #[test]
    fn a_date_is_written_as_people_write_it() {
        let check = |language, expected| {
            assert_eq!(Words::of(language).date(language, date!(2027 - 3 - 1)), expected);
        };
        check(Language::En, "1 March 2027");
        check(Language::Nl, "1 maart 2027");
        check(Language::Fr, "1er mars 2027");
        check(Language::De, "1. März 2027");
    }
}
