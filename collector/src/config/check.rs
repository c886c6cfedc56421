//! Checks that look at more than one value: what two sites may not share, and how the listeners are reached.
//!
//! In: values already read, with their places. Out: a [`Problem`] that names the other place too.

use super::error::{Place, Problem};
use super::name::{Host, SiteId};
use super::{ListenOptions, Section};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The ids and hosts that sites have claimed so far: each belongs to one site only.
#[derive(Default)]
pub(super) struct Seen {
    sites: RefCell<BTreeMap<SiteId, Place>>,
    hosts: RefCell<BTreeMap<Host, Place>>,
}

impl Seen {
    pub(super) fn claim_site(&self, id: &SiteId, place: &Place) -> Result<(), Problem> {
        claim(&self.sites, id, place).map_err(|first| {
            Problem::new(
                format!("The id \"{id}\" is already given to the site {first}."),
                "Give each site an id of its own.",
            )
        })
    }

    pub(super) fn claim_host(&self, host: &Host, place: &Place) -> Result<(), Problem> {
        claim(&self.hosts, host, place).map_err(|first| {
            let wrong = format!("The host \"{host}\" is already named {first}.");
            Problem::new(wrong, "Name each host once: it tells which site a visitor is on.")
        })
    }
}

fn claim<K: Ord + Clone>(seen: &RefCell<BTreeMap<K, Place>>, key: &K, place: &Place) -> Result<(), String> {
    match seen.borrow_mut().entry(key.clone()) {
        std::collections::btree_map::Entry::Vacant(entry) => {
            entry.insert(place.clone());
            Ok(())
        }
        std::collections::btree_map::Entry::Occupied(entry) => Err(match entry.get() {
            Place::Line(line) => format!("at line {line}"),
            Place::Variable(name) => format!("in {name}"),
        }),
    }
}

/// How browsers, analysts and monitoring reach the listeners.
pub(super) fn listeners(section: &Section<'_>, listen: &ListenOptions) {
    let alone = !listen.direct && section.lists_nothing("trusted_proxies");
    if alone && listen.public.ip().is_loopback() {
        let wrong = format!(
            "The public listener {} only sees this machine's own address and would record every visitor as one.",
            listen.public
        );
        let mend = "Add trusted_proxies = [\"127.0.0.1/32\"] if a proxy on this machine passes visitors on, or \
                    direct = true if the browsers are on this machine.";
        section.wrong("public", Problem::new(wrong, mend));
    }
    if !listen.admin.ip().is_loopback() {
        let wrong = format!(
            "{} can be reached from other machines, and the dashboards have no accounts.",
            listen.admin
        );
        let mend = "Write an address of this machine alone, such as \"127.0.0.1:7701\", and reach it through an SSH tunnel.";
        section.wrong("admin", Problem::new(wrong, mend));
    }
    if listen.public == listen.admin && listen.public.port() != 0 {
        let wrong = format!("Both listeners are {}.", listen.public);
        section.wrong("admin", Problem::new(wrong, "Give each a port of its own."));
    }
    if let Some(health) = listen.health.filter(|health| health.port() != 0)
        && [listen.public, listen.admin].contains(&health)
    {
        let wrong = format!("Another listener is {health} too.");
        section.wrong("health", Problem::new(wrong, "Give each a port of its own."));
    }
}
