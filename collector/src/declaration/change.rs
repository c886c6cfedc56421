//! One difference between two versions of a declaration: what it is about, what stood there, what stands there.
//!
//! Invariant: a change knows whether it is material, so that whoever tells it tells that too.

use crate::config::{CountryCode, Kept, KeptThing, Language, Translated};

/// One difference between two versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it is in: a category, or a service and its cookie; empty for the site itself.
    pub subject: Vec<Translated>,
    /// What of it is different.
    pub aspect: Aspect,
    /// What stood there; absent where it was added.
    pub before: Option<Said>,
    /// What stands there; absent where it was removed.
    pub after: Option<Said>,
    /// Whether visitors must be asked again.
    pub material: bool,
}

/// What of a declaration is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// The whole of it: it was added or removed.
    Whole,
    /// Its name or title.
    Name,
    /// What it is for.
    Purpose,
    /// The category that a service is in.
    Category,
    /// Who provides it, where, and whether that is a third party.
    Recipient,
    /// How long it stays on the device.
    Duration,
    /// How long the server keeps it.
    Retention(KeptThing),
    /// What becomes of rows when consent is withdrawn.
    Withdrawal,
    /// How finely visitors are placed.
    Location,
    /// How much of an address is stored.
    Address,
    /// A stored field.
    Field,
    /// The age that is asked for.
    Age,
    /// Who is responsible.
    Controller,
    /// How to reach them.
    Contact,
    /// Their privacy policy.
    PrivacyPolicy,
    /// A language that the declaration is written in.
    Language,
}

/// What a declaration says in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A name, the same in every language.
    Name(String),
    /// A text.
    Text(Translated),
    /// How long.
    Kept(Kept),
    /// Who receives data, or provides what no other receives data from.
    Recipient {
        /// The organisation.
        provider: String,
        /// Its country, where it was declared.
        country: Option<CountryCode>,
        /// Whether it is another organisation than the controller.
        third_party: bool,
    },
    /// So many years or more.
    Age(u8),
    /// Rows are erased when consent is withdrawn.
    Erased,
    /// They are kept, for this reason.
    KeptBecause(Translated),
}

impl Aspect {
    /// What operators call it; empty where the subject says it.
    const fn in_english(self) -> &'static str {
        match self {
            Aspect::Whole => "",
            Aspect::Name => "name",
            Aspect::Purpose => "purpose",
            Aspect::Category => "category",
            Aspect::Recipient => "recipient",
            Aspect::Duration => "duration",
            Aspect::Retention(KeptThing::Events) => "retention of events",
            Aspect::Retention(KeptThing::TruncatedAddress) => "retention of truncated addresses",
            Aspect::Retention(KeptThing::Decisions) => "retention of decisions",
            Aspect::Retention(KeptThing::Rejections) => "retention of counters",
            Aspect::Withdrawal => "on withdrawal",
            Aspect::Location => "location",
            Aspect::Address => "bits of an address",
            Aspect::Field => "stored field",
            Aspect::Age => "age",
            Aspect::Controller => "controller",
            Aspect::Contact => "contact",
            Aspect::PrivacyPolicy => "privacy policy",
            Aspect::Language => "language",
        }
    }
}

impl Said {
    fn in_english(&self) -> String {
        match self {
            Said::Name(name) => name.clone(),
            Said::Text(text) => format!("\"{}\"", text.in_language(Language::En)),
            Said::Kept(kept) => kept.in_language(Language::En).to_lowercase(),
            Said::Recipient { provider, country, third_party } => {
                let country = country.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
                let third_party = if *third_party { ", third party" } else { "" };
                format!("{provider}{country}{third_party}")
            }
            Said::Age(limit) => format!("{limit} or older"),
            Said::Erased => "erased within 24 hours".to_owned(),
            Said::KeptBecause(why) => format!("kept: \"{}\"", why.in_language(Language::En)),
        }
    }
}

impl Change {
    /// One line for operators: what, before, after.
    pub fn in_english(&self) -> String {
        let names = self.subject.iter().map(|name| name.in_language(Language::En));
        let aspect = Some(self.aspect.in_english()).filter(|aspect| !aspect.is_empty());
        let what = names.chain(aspect).collect::<Vec<_>>().join(", ");
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => {
                format!("{what}: {}; before: {}", after.in_english(), before.in_english())
            }
            (None, Some(after)) => format!("added: {what}: {}", after.in_english()),
            (Some(before), None) => format!("removed: {what}: {}", before.in_english()),
            (None, None) => what,
        }
    }
}
