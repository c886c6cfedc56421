//! Where a row stands: the chain of its collector, site, kind and day, and its place there.
//!
//! In: rows, in their order; the heads that the last start left. Out: records of rows and links in turn. Invariants: the
//! chain moves on only once a record is on disk ([`Chains::go_on`]). All links of a chain are kept until one day, which is
//! fixed when it begins: no link goes before another of its chain, none before its row ([`LINK_DAYS`]), and none before
//! those of the chain that it goes on from, unless a clock was years ahead ([`CARRIED_DAYS_MAX`]).

use crate::keys::random_u64;
use crate::ledger::chain::{Kind, Link, Start, commitment, next_link};
use crate::ledger::hex;
use crate::ledger::row::LedgerRow;
use crate::row_binary::Rows;
use crate::spool::{Record, Table};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

/// How much longer than its rows a chain is kept, in days.
const LINK_DAYS: u16 = 31;
/// Most days that a chain is kept because the one before it is: the longest that a config can ask for (`ledger_months`).
const CARRIED_DAYS_MAX: u16 = 120 * 31 + LINK_DAYS;
const SALT_BYTES: usize = 16;

type Of = (String, Kind);

/// The chains that go on, and the heads of those that ended.
pub(super) struct Chains(HashMap<Of, Tip>);

/// What chains have become once a record is on disk.
pub(super) struct After(HashMap<Of, Tip>);

/// Where a chain goes on, or what the next one names.
#[derive(Clone)]
struct Tip {
    link: String,
    /// The day until which its links are kept; 0 where that is not known.
    expires: u16,
    /// The place in the chain; none after a start.
    open: Option<Open>,
}

#[derive(Clone, Copy)]
struct Open {
    chain: u64,
    day: u16,
    seq: u32,
}

#[derive(Serialize, Deserialize)]
struct Head {
    site: String,
    kind: String,
    link: String,
    /// An earlier build did not write it.
    #[serde(default)]
    expires: u16,
}

impl Chains {
    pub(super) fn read(path: &Path) -> io::Result<Chains> {
        let bytes = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        let text = String::from_utf8_lossy(&bytes);
        // A line that a loss of power damaged is as good as none.
        let read = |line: &str| {
            let head: Head = serde_json::from_str(line).ok()?;
            let tip = Tip { link: head.link, expires: head.expires, open: None };
            Some(((head.site, Kind::of(&head.kind)?), tip))
        };
        Ok(Chains(text.lines().filter_map(read).collect()))
    }

    pub(super) fn text(&self) -> String {
        let line = |((site, kind), tip): (&Of, &Tip)| {
            let (site, kind, link) = (site.clone(), kind.name().into(), tip.link.clone());
            let head = Head { site, kind, link, expires: tip.expires };
            serde_json::to_string(&head).expect("texts are always JSON") + "\n"
        };
        self.0.iter().map(line).collect()
    }

    /// A record of these rows, and what the chains are once it is on disk.
    pub(super) fn compose<'r>(
        &self,
        collector: u64,
        rows: impl Iterator<Item = &'r LedgerRow>,
    ) -> (Record, After) {
        let mut after: HashMap<Of, Tip> = HashMap::new();
        let mut record = Record::of(Table::Decisions, Rows::default());
        for row in rows {
            let of = (row.site_id().to_owned(), row.kind());
            let tip = after.get(&of).or_else(|| self.0.get(&of));
            let (encoded, next) = place(collector, row, tip);
            encoded.iter().for_each(|row| record.rows.add(row));
            record.withdraws = row.withdraws();
            after.insert(of, next);
        }
        (record, After(after))
    }

    /// The record is on disk.
    pub(super) fn go_on(&mut self, after: After) {
        self.0.extend(after.0);
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The row and its link after that tip.
fn place(collector: u64, row: &LedgerRow, tip: Option<&Tip>) -> ([Vec<u8>; 2], Tip) {
    let own_expires = row.expires_day().saturating_add(LINK_DAYS);
    let goes_on = |tip: &Tip| {
        let open = tip.open.filter(|open| open.day == row.day() && own_expires <= tip.expires)?;
        Some((open, tip.link.clone()))
    };
    let former = tip.map_or("", |tip| &tip.link);
    let former_expires = tip.map_or(0, |tip| tip.expires);
    let mut start = Start {
        chain: 0,
        collector,
        site: row.site_id(),
        kind: row.kind().name(),
        day: row.day(),
        expires: tip.map_or(0, |tip| tip.expires),
        former,
        former_expires,
    };
    let (seq, previous) = match tip.and_then(goes_on) {
        Some((open, link)) => {
            start.chain = open.chain;
            (open.seq, link)
        }
        None => {
            start.chain = random_u64();
            let carried = former_expires.min(row.day().saturating_add(CARRIED_DAYS_MAX));
            start.expires = row.chain_expires_day().saturating_add(LINK_DAYS).max(carried);
            (0, start.hash())
        }
    };
    let seq = seq + 1;
    let salt = salt();
    let commitment = commitment(&salt, &row.content());
    let link = next_link(&previous, start.chain, seq, &commitment, row.expires_day());
    let row_expires = row.expires_day();
    let encoded = Link { start: &start, seq, commitment: &commitment, link: &link, row_expires }.encode();
    let open = Some(Open { chain: start.chain, day: row.day(), seq });
    let next = Tip { expires: start.expires, open, link };
    ([row.encode_chained(start.chain, seq, &salt), encoded], next)
}

fn salt() -> String {
    let mut bytes = [0; SALT_BYTES];
    getrandom::fill(&mut bytes).expect("the operating system gives random numbers once it has started");
    hex(&bytes)
}
