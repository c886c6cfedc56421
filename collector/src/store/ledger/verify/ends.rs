//! Ends of chains that the store did not take, and what each explains.
//!
//! In: of a day the links and the places that are noted; chains that name what is not there. Out: which of them may name
//! such an end. Invariant: every place of an end is noted, from the first that is missing to the last that is known, and
//! it explains one chain, because one goes on from it.

use super::{Link, Noted};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The end of a chain that the store did not take. Days are counted from 1970.
pub(super) struct End {
    pub(super) chain: u64,
    pub(super) day: u16,
    /// The place of the last link that is there; 0 where none is.
    pub(super) last: u32,
}

#[derive(Default)]
pub(super) struct Ends {
    ends: Vec<End>,
}

impl Ends {
    /// Takes in what is there of a day and what is noted of it, in the place of what was known of that day.
    pub(super) fn hear(&mut self, day: u16, links: &[Link], noted: &Noted) {
        self.ends.retain(|end| end.day != day);
        let mut places: BTreeMap<u64, BTreeSet<u32>> = BTreeMap::new();
        for (chain, seq) in noted.keys() {
            places.entry(*chain).or_default().insert(*seq);
        }
        let mut lasts: HashMap<u64, u32> = HashMap::new();
        for link in links {
            let last = lasts.entry(link.chain).or_default();
            *last = link.seq.max(*last);
        }
        for (chain, places) in places {
            let last = lasts.get(&chain).copied().unwrap_or(0);
            let beyond = || places.iter().copied().filter(|seq| *seq > last);
            if beyond().next().is_some() && beyond().zip(last + 1..).all(|(seq, next)| seq == next) {
                self.ends.push(End { chain, day, last });
            }
        }
    }

    /// For each of so many that miss something the end that explains it, each end once: as many as can be.
    pub(super) fn explain(&self, count: usize, may: impl Fn(usize, &End) -> bool) -> Vec<Option<&End>> {
        let of = |one| (0..self.ends.len()).filter(|end| may(one, &self.ends[*end])).collect();
        let candidates: Vec<Vec<usize>> = (0..count).map(of).collect();
        let mut taken = vec![None; self.ends.len()];
        for one in 0..count {
            take(one, &candidates, &mut taken, &mut vec![false; self.ends.len()]);
        }
        let mut explained = vec![None; count];
        for (end, one) in self.ends.iter().zip(taken) {
            one.into_iter().for_each(|one: usize| explained[one] = Some(end));
        }
        explained
    }
}

/// Takes an end for this one, and another for whoever had it.
fn take(one: usize, candidates: &[Vec<usize>], taken: &mut [Option<usize>], tried: &mut [bool]) -> bool {
    for end in candidates[one].iter().copied() {
        if std::mem::replace(&mut tried[end], true) {
            continue;
        }
        if taken[end].is_none_or(|other| take(other, candidates, taken, tried)) {
            taken[end] = Some(one);
            return true;
        }
    }
    false
}
