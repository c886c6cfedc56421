//! Links that the store did not take, by their hashes: a chain may go on from one of them.
//!
//! In: of a day the links and the notes. Out: the link of that hash, if it is noted. Invariant: behind the last link that
//! is there every place up to the noted one is noted, so that nothing that was taken out hides behind a note. In front of
//! it the chain itself tells what is missing.

use super::Link;
use super::ask::Notes;
use std::collections::{BTreeMap, HashMap};

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
        let mut lasts: HashMap<u64, u32> = HashMap::new();
        for link in links {
            let last = lasts.entry(link.chain).or_default();
            *last = link.seq.max(*last);
        }
        let mut chains: BTreeMap<u64, BTreeMap<u32, &str>> = BTreeMap::new();
        for ((chain, seq), note) in notes {
            chains.entry(*chain).or_default().insert(*seq, &note.link);
        }
        for (chain, noted) in chains {
            let last = lasts.get(&chain).copied().unwrap_or(0);
            let behind = noted.range(last + 1..).zip(last + 1..).take_while(|((seq, _), next)| *seq == next);
            for (seq, link) in noted.range(..last).chain(behind.map(|(noted, _)| noted)) {
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
