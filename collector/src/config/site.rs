//! A site: whose it is, what it asks of its visitors, and what it keeps.
//!
//! Out of one `[[site]]` of the file, which [`read`] reads: a declaration in which Kruimel's own cookies are declared too.

mod read;

pub(super) use read::read;

use super::category::CategoryDeclaration;
use super::language::{Kept, Language, Translated, Unit};
use super::name::{CategoryName, Host, SiteId, TimeZone};
use super::options::Options;
use super::service::Service;
use super::texts::OwnTexts;
use time::Date;
use wire::Category;

/// One site: a tenant with a declaration of its own.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its id, in the script's address and in every row.
    pub id: SiteId,
    /// Its name, as analysts and visitors read it.
    pub name: String,
    /// The hosts whose pages may send decisions and events.
    pub hosts: Vec<Host>,
    /// Hosts that are answered, but whose events are not stored.
    pub test_hosts: Vec<Host>,
    /// Who is responsible for the data (GDPR, article 4(7)).
    pub controller: String,
    /// How a visitor reaches the controller: an address, an e-mail address, or both.
    pub contact: String,
    /// The owner's own privacy policy, a path of the site or an address.
    pub privacy_policy: Option<String>,
    /// The time zone of the analysts' days.
    pub time_zone: TimeZone,
    /// The language of a page whose own language has no texts.
    pub language: Language,
    /// The languages that visitors are addressed in, `language` first.
    pub languages: Vec<Language>,
    /// Words of the banner that the owner replaced.
    pub texts: OwnTexts,
    /// The revision of the declaration; a higher one asks every visitor again.
    pub revision: u32,
    /// Since when the revision is in force, where the owner says so.
    pub revision_since: Option<Date>,
    /// How long either answer is kept, in days.
    pub choice_days: u16,
    /// Where the first layer stands.
    pub position: Position,
    /// Whether Google's consent signals are set.
    pub google: bool,
    /// What the owner switched on.
    pub options: Options,
    /// Whether what is signed for it is signed with keys of its own.
    pub own_keys: bool,
    /// What happens to a visitor's rows when consent is withdrawn.
    pub on_withdrawal: OnWithdrawal,
    /// How long events are kept, in months.
    pub retention_months: u16,
    /// How long the truncated address of an event is kept, in days.
    pub ip_retention_days: u16,
    /// How long decisions are kept, in months.
    pub ledger_months: u16,
    /// The categories in the order they are shown, `necessary` first.
    pub categories: Vec<CategoryDeclaration>,
    /// Every service, Kruimel's own included, in the order of the file.
    pub services: Vec<Service>,
    /// Whether visitors are looked up in a database of places (`[geo]`); without one the time zone tells the country.
    pub has_geography: bool,
    /// How long counters of rejected messages are kept, in days.
    pub rejections_days: u32,
    /// Whether the config has other sites too, so that links to the visitor's pages must say which is meant.
    pub has_neighbours: bool,
}

/// Where the first layer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// A sheet at the foot of the window.
    Bottom,
    /// A sheet at its head.
    Top,
    /// A card in the corner.
    Corner,
}

impl Position {
    /// The name in the loader's config.
    pub const fn name(self) -> &'static str {
        match self {
            Position::Bottom => "bottom",
            Position::Top => "top",
            Position::Corner => "corner",
        }
    }
}

/// What happens to a visitor's rows when consent is withdrawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnWithdrawal {
    /// They are erased within 24 hours.
    Erase,
    /// They stay until their retention ends, for the reason that the declaration gives.
    Keep {
        /// Why, as visitors read it.
        justification: Translated,
    },
}

const NECESSARY: &str = Category::Necessary.name();

/// How long counters of rejected messages are kept, in days.
pub const REJECTIONS_DAYS: u32 = 30;

/// What a line of the retention table is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptThing {
    /// Page views and engagement.
    Events,
    /// The truncated address.
    TruncatedAddress,
    /// Decisions in the consent ledger.
    Decisions,
    /// Counters of rejected messages.
    Rejections,
}

impl Site {
    /// The retention table, in the order it is shown: `check` prints it and `/kruimel/cookies` shows it.
    pub fn retention_table(&self) -> [(KeptThing, Kept); 4] {
        [
            (KeptThing::Events, Kept::For(u32::from(self.retention_months), Unit::Months)),
            (KeptThing::TruncatedAddress, Kept::For(u32::from(self.ip_retention_days), Unit::Days)),
            (KeptThing::Decisions, Kept::For(u32::from(self.ledger_months), Unit::Months)),
            (KeptThing::Rejections, Kept::For(self.rejections_days, Unit::Days)),
        ]
    }

    /// What an address of the visitor's pages says of the site; empty where there is but one.
    pub fn query(&self) -> String {
        if self.has_neighbours { format!("site={}", self.id) } else { String::new() }
    }

    /// What the owner must know or do besides, a sentence each: `check` prints them.
    pub fn notes(&self) -> Vec<String> {
        let third = |service: &&Service| service.third_party && service.category.as_str() == NECESSARY;
        let note = |service: &Service| {
            format!(
                "\"{}\" ({}) is in `{NECESSARY}`, so that another organisation receives data of every visitor, also of one \
                 who refuses: that is lawful only if the service that the visitor asked for cannot do without it",
                service.id, service.provider
            )
        };
        self.services.iter().filter(third).map(note).chain(self.options.notes()).collect()
    }

    /// The names of the categories, `necessary` first.
    pub fn category_names(&self) -> impl Iterator<Item = &str> {
        self.categories.iter().map(|category| category.name.as_str())
    }

    /// Whether `host` is one of the site's, test hosts apart.
    pub fn has_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|own| own.as_str().eq_ignore_ascii_case(host))
    }

    /// Whether `host` is answered without its events being stored.
    pub fn is_test_host(&self, host: &str) -> bool {
        self.test_hosts.iter().any(|own| own.as_str().eq_ignore_ascii_case(host))
    }

    /// The services of one category.
    pub fn services_of<'s>(&'s self, category: &'s CategoryName) -> impl Iterator<Item = &'s Service> {
        self.services.iter().filter(move |service| service.category == *category)
    }

    /// The language for a visitor who prefers `tags`, best first (`lang` of a page, then `Accept-Language`).
    pub fn language_of<'t>(&self, tags: impl IntoIterator<Item = &'t str>) -> Language {
        let spoken = |tag| Language::of_tag(tag).filter(|language| self.languages.contains(language));
        tags.into_iter().find_map(spoken).unwrap_or(self.language)
    }

    /// How many organisations other than the controller take part.
    pub fn third_parties(&self) -> usize {
        let mut parties: Vec<&str> = Vec::new();
        for service in self.services.iter().filter(|service| service.third_party) {
            if !parties.contains(&service.provider.as_str()) {
                parties.push(&service.provider);
            }
        }
        parties.len()
    }
}
