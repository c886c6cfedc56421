//! One day of one site: its chains computed anew, held to the heads that were kept, and to the rows.
//!
//! In: links in the order of their chains, rows, commitments that were erased. Out: counts and findings.

use super::retention::{self, Missing, Retention};
use super::{Head, Held, Link, Notes, Verified};
use crate::ledger::{Start, next_link};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use wire::HexId;

pub(super) struct Day<'a> {
    pub(super) site: &'a str,
    pub(super) day: u16,
    pub(super) retention: &'a Retention,
    pub(super) verified: &'a mut Verified,
    /// The places that the store did not take.
    pub(super) notes: &'a Notes,
    /// Those of them that explain something: of each chain the places.
    pub(super) explained: BTreeMap<u64, BTreeSet<u32>>,
}

/// What stands before a link in its chain.
enum Previous<'l> {
    Link(&'l str),
    /// Its place is noted, and no more.
    Unknown,
    /// Nothing that explains the gap.
    Missing,
    /// The link itself, or a later one: two have one place, or one has none.
    Taken,
}

impl<'a> Day<'a> {
    fn finding(&mut self, chain: u64, seq: u32, what: &str) {
        self.verified.finding(self.site, self.day, chain, seq, what);
    }

    /// Says that something is missing, unless its time is over.
    fn missing(&mut self, why: Missing, chain: u64, seq: u32, what: &str) {
        self.verified.missing(why, self.site, self.day, chain, seq, what);
    }

    /// Whether it is noted that the store did not take what belongs there.
    fn is_aside(&mut self, chain: u64, seq: u32) -> bool {
        let is_aside = self.notes.contains_key(&(chain, seq));
        if is_aside {
            self.explained.entry(chain).or_default().insert(seq);
        }
        is_aside
    }

    /// The link that the store did not take at this place, as far as that is noted.
    fn link_noted(&self, chain: u64, seq: u32) -> Option<&'a str> {
        let note = self.notes.get(&(chain, seq))?;
        Some(note.link.as_str()).filter(|link| !link.is_empty())
    }

    /// Says what the store did not take: what explained something, and places that have no link.
    pub(super) fn tell_aside(mut self, links: &[Link]) {
        let there: HashSet<(u64, u32)> = links.iter().map(|link| (link.chain, link.seq)).collect();
        for (chain, seq) in self.notes.keys().filter(|place| !there.contains(place)) {
            self.explained.entry(*chain).or_default().insert(*seq);
        }
        for (chain, places) in self.explained {
            let noted =
                places.iter().filter_map(|seq| self.notes.get(&(chain, *seq))).map(|note| note.noted).max();
            let (id, day) = (HexId(chain), crate::ledger::date(self.day));
            let noted = noted.map_or_else(String::new, crate::ledger::date);
            let (site, count) = (self.site, places.len());
            self.verified.aside += count as u64;
            self.verified.notes.push(format!(
                "The store lacks decisions of chain {id} of {site} on {day}: {count}, which it did not take on {noted}. \
                 Their collector has them on disk, in its spool, or for 30 days in its quarantine."
            ));
        }
    }

    /// Holds the chains to the heads of theirs that were kept, and says which were `found`.
    pub(super) fn hold_to_heads(
        &mut self,
        links: &[Link],
        kept: &HashMap<&str, Vec<&Head>>,
        found: &mut HashSet<String>,
    ) {
        for of_chain in links.chunk_by(|one, next| one.chain == next.chain) {
            let Some(first) = of_chain.first() else { continue };
            let chain = HexId(first.chain).to_string();
            for head in kept.get(chain.as_str()).into_iter().flatten() {
                found.insert(chain.clone());
                self.hold_to_head(of_chain, first, head);
            }
        }
    }

    fn hold_to_head(&mut self, of_chain: &[Link], first: &Link, head: &Head) {
        let (chain, day) = (first.chain, self.day);
        let expires = of_chain.iter().map(|link| link.expires).max().unwrap_or(0);
        let until = retention::day(&head.expires).unwrap_or(u16::MAX);
        let is_over = self.retention.is_over(until);
        let why = match first.row_expires {
            0 if !is_over => self.retention.missing_of_first_format(day),
            _ => self.retention.missing(until),
        };
        match of_chain.iter().find(|link| link.seq == head.links) {
            // In the first format those that are kept longest may have ended a moment before the rest.
            _ if expires < until && !(is_over && first.row_expires == 0) => {
                self.finding(chain, 0, "The chain is said to end earlier than when its head was kept.");
            }
            Some(link) if link.link == head.link => self.verified.heads += 1,
            Some(_) => self.finding(chain, head.links, "The head that was kept is another."),
            // The store had it when its head was kept: no note explains that it is gone.
            None => self.missing(why, chain, head.links, "The chain is shorter than when its head was kept."),
        }
    }

    pub(super) fn chains(&mut self, links: &[Link]) {
        for of_chain in links.chunk_by(|one, next| (&one.kind, one.chain) == (&next.kind, next.chain)) {
            self.verified.chains += 1;
            self.chain(of_chain);
        }
    }

    fn chain(&mut self, links: &[Link]) {
        let Some(first) = links.first() else { return };
        let (chain, day) = (first.chain, self.day);
        if (1..first.seq).any(|seq| !self.is_aside(chain, seq)) {
            let why = self.retention.between(&[], links, day);
            self.missing(why, chain, 1, "The first links of the chain are missing.");
        }
        let start = self.start(first);
        for (place, link) in links.iter().enumerate() {
            let (before, after) = links.split_at(place);
            let follows = |previous: &str| {
                next_link(previous, chain, link.seq, &link.commitment, link.row_expires) == link.link
            };
            let broken = "The link does not follow from the one before: one of them was changed, or one between them is missing.";
            match self.previous(before.last(), &start, link) {
                Previous::Taken => {
                    self.finding(chain, link.seq, "The link was added: its place is another's, or none.");
                }
                Previous::Missing => {
                    self.missing(self.retention.between(before, after, day), chain, link.seq, broken);
                }
                Previous::Link(previous) if !follows(previous) => self.finding(chain, link.seq, broken),
                Previous::Link(_) => self.verified.links += 1,
                Previous::Unknown => {}
            }
            if link.row_expires != 0 && link.expires != first.expires {
                self.finding(chain, link.seq, "The day until which the link is kept was changed.");
            }
        }
    }

    /// What a link has to follow from: what stands just before it, in the store or in a note.
    fn previous<'l>(&mut self, former: Option<&'l Link>, start: &'l str, link: &Link) -> Previous<'l>
    where
        'a: 'l,
    {
        let (chain, first) = (link.chain, former.map_or(1, |former| former.seq.saturating_add(1)));
        match former {
            _ if link.seq < first => Previous::Taken,
            Some(former) if link.seq == first => Previous::Link(&former.link),
            None if link.seq == first => Previous::Link(start),
            Some(_) if (first..link.seq).any(|seq| !self.is_aside(chain, seq)) => Previous::Missing,
            _ => self.link_noted(chain, link.seq - 1).map_or(Previous::Unknown, Previous::Link),
        }
    }

    /// What stands before the first link.
    fn start(&self, first: &Link) -> String {
        let start = Start {
            chain: first.chain,
            collector: first.collector,
            site: self.site,
            kind: &first.kind,
            day: self.day,
            expires: first.expires,
            former: &first.former,
            former_expires: first.former_expires,
        };
        if first.row_expires == 0 { start.hash_of_first_format() } else { start.hash() }
    }

    /// Says whether a row that is missing may be on its way: none that follows in its chain is there.
    pub(super) fn rows(&mut self, links: &[Link], rows: Vec<Held>, erased: &HashSet<String>) -> bool {
        let mut held: HashMap<(u64, u32), Held> = HashMap::new();
        let mut newest: HashMap<u64, u32> = HashMap::new();
        for row in rows {
            let (chain, seq) = (row.chain, row.chain_seq);
            newest.entry(chain).and_modify(|newest| *newest = seq.max(*newest)).or_insert(seq);
            if held.insert((chain, seq), row).is_some() {
                self.finding(chain, seq, "There are two rows for one place.");
            }
        }
        let mut in_doubt = false;
        for link in links {
            match held.remove(&(link.chain, link.seq)) {
                Some(row) if row.commitment(self.site) == link.commitment => self.verified.rows += 1,
                Some(_) => self.finding(link.chain, link.seq, "The row was changed."),
                None if erased.contains(&link.commitment) => self.verified.erased += 1,
                None if self.retention.row_is_over(link, self.day) => self.verified.expired += 1,
                None if self.is_aside(link.chain, link.seq) => {}
                None => {
                    in_doubt |= newest.get(&link.chain).is_none_or(|newest| link.seq > *newest);
                    self.finding(link.chain, link.seq, "The row was removed before its time.");
                }
            }
        }
        for (chain, seq) in held.into_keys() {
            if !self.is_aside(chain, seq) {
                self.finding(chain, seq, "The row was added: no link is of it.");
            }
        }
        in_doubt
    }
}
