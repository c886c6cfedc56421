//! Links that the store did not take, by their hashes: a chain may go on from one of them.
//!
//! In: of a day the links and the notes. Out: the link of that hash, if it is noted. Invariants: a note explains nothing
//! where a link is; behind the last link that is there it explains something only if every place up to its own is noted,
//! so that what was taken out does not hide behind a note of a row. In front of it the chain itself tells what is missing.

use super::Link;
use super::ask::Notes;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A link that the store did not take. Days are counted from 1970.
pub(super) struct End {
    day: u16,
    pub(super) chain: u64,
    pub(super) seq: u32,
}

#[derive(Default)]
pub(super) struct Ends {
    by_link: HashMap<String, End>,
}

impl Ends {
    /// Takes in what is there of a day and what is noted of it, in the place of what was known of that day.
    pub(super) fn hear(&mut self, day: u16, links: &[Link], notes: &Notes) {
        self.by_link.retain(|_, end| end.day != day);
        let mut there: HashMap<u64, BTreeSet<u32>> = HashMap::new();
        for link in links {
            there.entry(link.chain).or_default().insert(link.seq);
        }
        let mut chains: BTreeMap<u64, BTreeMap<u32, &str>> = BTreeMap::new();
        for ((chain, seq), note) in notes {
            chains.entry(*chain).or_default().insert(*seq, &note.link);
        }
        for (chain, noted) in chains {
            let there = there.remove(&chain).unwrap_or_default();
            let behind = there.last().map_or(1, |last| last.saturating_add(1));
            let in_front = noted.range(..behind).filter(|(seq, _)| !there.contains(*seq));
            let behind = noted.range(behind..).zip(behind..).take_while(|((seq, _), next)| *seq == next);
            for (seq, link) in in_front.chain(behind.map(|(noted, _)| noted)) {
                self.by_link.insert((*link).to_owned(), End { day, chain, seq: *seq });
            }
        }
        self.by_link.remove("");
    }

    /// The link of that hash, if it is noted that the store did not take it.
    pub(super) fn of(&self, link: &str) -> Option<&End> {
        self.by_link.get(link)
    }
}
