//! Whether each chain goes on from one that is there.
//!
//! In: the chains of a site, and its links, a day at a time. Out: findings, notes, and what nobody can tell. It follows the heads that chains
//! name, and not the days: a clock that was set back, or a decision that took its place after midnight, begins a chain of
//! an earlier day after one of a later. Invariant: a chain that nobody finds is missed, unless its time is over: the chain
//! that names it says until when it was kept.

use super::ask::{Named, Notes};
use super::ends::{End, Ends};
use super::retention::{Missing, Retention};
use super::{Link, Verified};
use clickhouse::Row;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use wire::HexId;

/// What a chain says of itself. Days are counted from 1970.
#[derive(Row, Deserialize)]
pub(super) struct Chain {
    kind: String,
    collector: u64,
    chain: u64,
    day: u16,
    /// The place of the first link that is there.
    first: u32,
    former: String,
    /// 0 where the chain does not say it.
    former_expires: u16,
    /// Of its links the latest.
    expires: u16,
}

/// A link that a chain names as the head of the one before it.
struct Former {
    is_last: bool,
    expires: u16,
}

pub(super) struct Formers<'c> {
    chains: &'c [Chain],
    named: HashSet<&'c str>,
    found: HashMap<String, Former>,
    /// What the store did not take, as is noted.
    ends: Ends,
}

impl<'c> Formers<'c> {
    pub(super) fn of(chains: &'c [Chain]) -> Formers<'c> {
        let named = chains.iter().map(|chain| chain.former.as_str()).filter(|former| !former.is_empty());
        Formers { chains, named: named.collect(), found: HashMap::new(), ends: Ends::default() }
    }

    /// Looks for what is named among the links of a day, which stand in the order of their chains.
    pub(super) fn hear(&mut self, links: &[Link]) {
        for of_chain in links.chunk_by(|one, next| one.chain == next.chain) {
            for (place, link) in of_chain.iter().enumerate() {
                if self.named.contains(link.link.as_str()) {
                    let former = Former { is_last: place + 1 == of_chain.len(), expires: link.expires };
                    self.found.insert(link.link.clone(), former);
                }
            }
        }
    }

    /// Hears of what the store did not take of a day.
    pub(super) fn hear_aside(&mut self, day: u16, links: &[Link], notes: &Notes) {
        self.ends.hear(day, links, notes);
    }

    /// The last chain of an earlier day of the same collector and kind.
    fn before(&self, chain: &Chain) -> Option<&'c Chain> {
        let earlier = self.chains.iter().take_while(|one| one.day < chain.day);
        earlier.filter(|one| (one.collector, &one.kind) == (chain.collector, &chain.kind)).last()
    }

    /// What is named and was not found.
    pub(super) fn missing(&self) -> Vec<&'c str> {
        self.named.iter().copied().filter(|link| !self.found.contains_key(*link)).collect()
    }

    /// Hears of what came into the store since.
    pub(super) fn hear_late(&mut self, links: Vec<Named>) {
        for Named { link, expires } in links {
            self.found.insert(link, Former { is_last: true, expires });
        }
    }

    /// Says what is missing.
    pub(super) fn tell(&self, site: &str, retention: &Retention, verified: &mut Verified) {
        let mut gone_on = HashSet::new();
        // A chain without its first link names nothing any more; that it is missing was told, or its time is over.
        for chain in self.chains.iter().filter(|chain| chain.first == 1) {
            let mut note = |what: &str| {
                let (id, day) = (HexId(chain.chain), crate::ledger::date(chain.day));
                verified.notes.push(format!("Chain {id} of {site} on {day} {what}."));
            };
            let before = self.before(chain);
            match self.found.get(&chain.former) {
                _ if chain.former.is_empty() && before.is_none() => {}
                _ if chain.former.is_empty() => note(
                    "begins without naming the one before: its collector's folder `ledger` was lost or restored",
                ),
                Some(former) if ![0, former.expires].contains(&chain.former_expires) => {
                    let what = "The chain before this one is said to be kept until another day than when this one began.";
                    verified.finding(site, chain.day, chain.chain, 0, what);
                }
                Some(former) if former.is_last && gone_on.insert(&chain.former) => {}
                Some(_) => note(
                    "goes on from a link that another chain or link went on from: a crash, or an older data folder that was restored",
                ),
                None if retention.is_over(chain.expires) => {}
                None if chain.former_expires == 0 && before.is_none() => {
                    note("is the first that is kept, and names one before it");
                }
                None => match self.ends.of(&chain.former) {
                    Some(End { chain: former, seq, .. }) => note(&format!(
                        "names the link at place {seq} of chain {}, which is missing; as is noted, the store did not take it",
                        HexId(*former)
                    )),
                    None => {
                        let what = "The chain before this one, or its end, is missing.";
                        let why = why_missing(chain, before, retention);
                        verified.missing(why, site, chain.day, chain.chain, 0, what);
                    }
                },
            }
        }
    }
}

/// Why the one that a chain names is missing. Where nothing says until when it was kept, it is no older than the last that
/// is there from `before`.
fn why_missing(chain: &Chain, before: Option<&Chain>, retention: &Retention) -> Missing {
    match (chain.former_expires, before) {
        (0, Some(before)) => retention.missing_of_first_format(before.day),
        (0, None) => Missing::Unproven,
        (former_expires, _) => retention.missing(former_expires),
    }
}
