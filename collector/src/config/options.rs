//! What a site may switch on beyond the lawful default: more ways to choose, signals that are honoured, and one choice
//! for a domain and its subdomains.
//!
//! In: keys of `[[site]]`. Out: [`Options`]. Invariant: none of them makes refusing harder than accepting, and every one
//! is off unless the owner writes it.

use super::age;
use super::domain;
use super::error::Problem;
use super::name::Host;
use super::reader::Section;
use super::theme::{self, Theme};
use crate::receipt::COOKIE_BYTES_MAX;

/// What the owner switched on.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Each service has a switch of its own.
    pub service_switches: bool,
    /// The first layer has an X, which refuses.
    pub close_button: bool,
    /// A choice can be made for one session of the browser.
    pub session_choice: bool,
    /// The domain whose hosts share one choice; without it every host has its own.
    pub cookie_domain: Option<Host>,
    /// Microsoft's consent calls (UET and Clarity) are made.
    pub microsoft: bool,
    /// Pages that enforce Trusted Types: the loader makes a policy named `kruimel`.
    pub trusted_types: bool,
    /// Every event is told as `cc:…` too.
    pub event_aliases: bool,
    /// Do Not Track counts like Global Privacy Control.
    pub do_not_track: bool,
    /// What Global Privacy Control leads to while there is no choice.
    pub signal: Signal,
    /// `/.well-known/gpc.json` says that the site honours the signal.
    pub gpc_json: bool,
    /// The age from which a visitor may grant; without it nobody is asked.
    pub age_limit: Option<u8>,
    /// The owner's colours.
    pub theme: Theme,
}

/// What Global Privacy Control leads to while there is no choice. Either way nothing is granted and nothing is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signal {
    /// The visitor is asked, with a note that the signal is honoured.
    #[default]
    Ask,
    /// Nothing is shown by itself: the signal counts as a refusal while it lasts.
    Quiet,
}

impl Signal {
    /// The name in the config.
    pub const fn name(self) -> &'static str {
        match self {
            Signal::Ask => "ask",
            Signal::Quiet => "quiet",
        }
    }

    fn read(text: &str) -> Result<Signal, Problem> {
        [Signal::Ask, Signal::Quiet].into_iter().find(|signal| signal.name() == text).ok_or_else(|| {
            let mend = "Choose \"ask\" or \"quiet\".";
            Problem::new(format!("\"{text}\" is not what the signal can lead to."), mend)
        })
    }
}

impl Options {
    /// What the owner must know or do besides, a sentence each: `check` prints them.
    pub fn notes(&self) -> Vec<String> {
        let domain = self.cookie_domain.as_ref().map(|domain| {
            format!(
                "one choice holds for {domain} and every host below it, and whoever serves one of them can read and change \
                 it: nobody else may have a name below {domain}. Where another machine than that of your pages \
                 answers for Kruimel, Safari keeps its cookies for seven days only: let the site's own host pass its path on"
            )
        });
        let signal = self.gpc_json.then(|| {
            "let your proxy pass /.well-known/gpc.json on too, or nobody sees that you honour the signal"
                .to_owned()
        });
        domain.into_iter().chain(signal).collect()
    }
}

/// Reads the options of one `[[site]]`.
pub(super) fn read(section: &Section<'_>, hosts: &[Host]) -> Options {
    let on = |key| section.get(key, |node| node.boolean()).unwrap_or(false);
    Options {
        service_switches: on("service_switches"),
        close_button: on("close_button"),
        session_choice: on("session_choice"),
        cookie_domain: domain::read(section, hosts),
        microsoft: on("microsoft"),
        trusted_types: on("trusted_types"),
        event_aliases: on("event_aliases"),
        do_not_track: on("do_not_track"),
        signal: section.get("signal", |node| Signal::read(node.text()?)).unwrap_or_default(),
        gpc_json: on("gpc_json"),
        age_limit: age::read(section),
        theme: section.section("theme", theme::read),
    }
}

/// What a receipt takes in its cookie without the lists of what it grants, with room to spare.
const RECEIPT_BYTES: usize = 700;
/// What percent-encoded quotes and a comma add to each name of a list.
const LISTED_BYTES: usize = 9;
/// What a category with a list of services adds beside their names.
const LIST_BYTES: usize = 24;

/// Where each service has a switch, the longest choice must still fit in a cookie, or browsers would forget it. `lists`
/// has each category with the ids of its services.
pub(super) fn check_size(section: &Section<'_>, options: &Options, lists: &[(&str, Vec<&str>)]) {
    let listed = |name: &&str| name.len() + LISTED_BYTES;
    let longest = |(category, services): &(&str, Vec<&str>)| {
        // At the most all but one: a category with every service is granted whole.
        let ids: usize = services.iter().map(listed).sum();
        let left_out = services.iter().map(listed).min().unwrap_or(0);
        let list = if services.len() > 1 { ids - left_out + category.len() + LIST_BYTES } else { 0 };
        listed(category) + list
    };
    let bytes = RECEIPT_BYTES + lists.iter().map(longest).sum::<usize>();
    if options.service_switches && bytes > COOKIE_BYTES_MAX {
        let wrong = format!(
            "With these services the longest choice is {bytes} bytes; browsers keep no cookie of more than {COOKIE_BYTES_MAX}."
        );
        let mend = "Give the services shorter ids, declare fewer, or remove the line: each category keeps its switch.";
        section.wrong("service_switches", Problem::new(wrong, mend));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// Line 10 and on are what a test adds.
    const WHOLE: &str = "[listen]\ndirect = true\n[[site]]\nid = \"example\"\nname = \"Example\"\n\
                         hosts = [\"www.example.org\", \"example.org\"]\ncontroller = \"City\"\ncontact = \"e\"\n\
                         time_zone = \"Europe/Brussels\"\n";

    fn read(more: &str) -> Result<Options, String> {
        let config = Config::from_toml(&format!("{WHOLE}{more}\n"), "kruimel.toml", std::iter::empty());
        config.map(|mut config| config.sites.remove(0).options).map_err(|errors| errors.to_string())
    }

    fn check(more: &str, expected: &str) {
        let said = read(more).expect_err(more);
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(expected), "expected {expected}\n   found {said}");
    }

    #[test]
    fn nothing_is_on_until_the_owner_writes_it() {
        let options = read("").unwrap();
        let Options { service_switches, close_button, session_choice, microsoft, event_aliases, .. } =
            options;
        assert_eq!([service_switches, close_button, session_choice, microsoft, event_aliases], [false; 5]);
        assert_eq!((options.do_not_track, options.gpc_json, options.signal), (false, false, Signal::Ask));
        assert_eq!((options.cookie_domain, options.age_limit, options.theme), (None, None, Theme::default()));
    }

    #[test]
    fn every_option_is_read() {
        let switches = "service_switches = true\nclose_button = true\nsession_choice = true\nmicrosoft = true\n\
                        event_aliases = true\ndo_not_track = true\ngpc_json = true\nsignal = \"quiet\"\n\
                        cookie_domain = \"example.org\"\n[site.age]\ncountry = \"BE\"\n[site.theme]\nradius = \"0\"";
        let options = read(switches).unwrap();
        let Options { service_switches, close_button, session_choice, microsoft, event_aliases, .. } =
            options;
        assert_eq!([service_switches, close_button, session_choice, microsoft, event_aliases], [true; 5]);
        assert_eq!((options.do_not_track, options.gpc_json, options.signal), (true, true, Signal::Quiet));
        assert_eq!(options.cookie_domain.as_ref().map(Host::as_str), Some("example.org"));
        assert_eq!(options.age_limit, Some(13));
        let notes = options.notes();
        assert!(notes[0].contains("example.org") && notes[0].contains("Safari"), "{notes:?}");
        assert!(notes[0].contains("nobody else may have a name below example.org"), "{notes:?}");
        assert!(
            notes[1].contains("/.well-known/gpc.json") && read("").unwrap().notes().is_empty(),
            "{notes:?}"
        );
        assert_eq!(options.theme.properties().collect::<Vec<_>>(), [("--kruimel-radius", "0")]);
    }

    #[test]
    fn an_option_that_would_not_do_is_told_with_its_mend() {
        check("close_button = 1", "kruimel.toml:10: site.close_button: Expected true or false");
        check("signal = \"deny\"", "kruimel.toml:10: site.signal: \"deny\" is not what");
        let services = |id: &str| {
            let service = |number: usize| {
                format!(
                    "[[site.service]]\nid = \"{id}-{number}\"\ncategory = \"functional\"\nname = \"n\"\n\
                     provider = \"p\"\npurpose = \"p\"\n"
                )
            };
            format!("service_switches = true\n{}", (0..60).map(service).collect::<String>())
        };
        assert!(read(&services("a-service-with-a-long-id")).is_ok());
        check(
            &services("a-service-with-an-id-that-is-very-much-longer"),
            "kruimel.toml:10: site.service_switches: With these services the longest choice is",
        );
        check("microsft = true", "Did you mean `microsoft`?");
    }
}
