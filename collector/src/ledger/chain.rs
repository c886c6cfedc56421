//! The hashes that chain the ledger; the module above says what goes into them.
//!
//! In: what a row says and where it stands. Out: commitments and links. Pure.

use super::hex;
use super::row::Content;
use crate::row_binary::{Encoder, Layout};
use sha2::{Digest, Sha256};
use time::Duration;
use wire::HexId;

/// Names and types of the columns of `ledger_chain` in the order in which a link is written.
pub const LINKS: Layout = Layout {
    table: "ledger_chain",
    columns: &[
        ("segment_id", "UInt64"),
        ("site_id", "LowCardinality(String)"),
        ("day", "Date"),
        ("kind", "LowCardinality(String)"),
        ("collector", "UInt64"),
        ("chain", "UInt64"),
        ("seq", "UInt32"),
        ("former", "String"),
        ("commitment", "String"),
        ("link", "String"),
        ("expires", "Date"),
        ("row_expires", "Date"),
        ("former_expires", "Date"),
    ],
};

/// How exact the times of a chain's rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The hour: refusals, and what is left of an erasure.
    Hourly,
    /// The second.
    Timed,
}

impl Kind {
    /// The name in the column `kind`.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Hourly => "hourly",
            Kind::Timed => "timed",
        }
    }

    /// The kind of that name.
    pub fn of(name: &str) -> Option<Kind> {
        [Kind::Hourly, Kind::Timed].into_iter().find(|kind| kind.name() == name)
    }
}

/// The two columns that a link of the first format lacks, as they are stored: no day.
const FIRST_FORMAT_TAIL: &[u8] = &[0; 4];

/// What a link in the spool lacks because an earlier build wrote it.
pub(crate) fn lacking(row: &[u8]) -> &'static [u8] {
    match (LINKS.field(row, "expires"), LINKS.field(row, "former_expires")) {
        (Some(_), None) => FIRST_FORMAT_TAIL,
        _ => &[],
    }
}

/// What a chain begins with. Days are counted from 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start<'a> {
    /// The random id of the chain.
    pub chain: u64,
    /// The collector's.
    pub collector: u64,
    /// The site.
    pub site: &'a str,
    /// The name of its [`Kind`].
    pub kind: &'a str,
    /// The day of its rows.
    pub day: u16,
    /// Until when its links are kept.
    pub expires: u16,
    /// The head of the chain before; empty for the first.
    pub former: &'a str,
    /// Until when the chain before is kept; 0 where that is not known.
    pub former_expires: u16,
}

impl Start<'_> {
    /// What stands in the place of a link before the first one.
    pub fn hash(&self) -> String {
        let (chain, collector) = (HexId(self.chain).to_string(), HexId(self.collector).to_string());
        let [day, expires, former_expires] = [self.day, self.expires, self.former_expires].map(date);
        let of = [&chain, &collector, self.site, self.kind, &day, &expires, self.former, &former_expires];
        hash(&[&["kruimel ledger chain 2"], &of[..]].concat())
    }

    /// The same in the first format, which says nothing of when links end.
    pub fn hash_of_first_format(&self) -> String {
        let (chain, collector) = (HexId(self.chain).to_string(), HexId(self.collector).to_string());
        let of = [&chain, &collector, self.site, self.kind, &date(self.day), self.former];
        hash(&[&["kruimel ledger chain 1"], &of[..]].concat())
    }
}

/// One link, as it is stored.
pub(super) struct Link<'a> {
    pub(super) start: &'a Start<'a>,
    pub(super) seq: u32,
    pub(super) commitment: &'a str,
    pub(super) link: &'a str,
    pub(super) row_expires: u16,
}

impl Link<'_> {
    pub(super) fn encode(&self) -> Vec<u8> {
        let (former, former_expires) =
            if self.seq == 1 { (self.start.former, self.start.former_expires) } else { ("", 0) };
        let mut out = Encoder::row();
        out.string(self.start.site);
        out.date(self.start.day);
        out.string(self.start.kind);
        out.uint64(self.start.collector);
        out.uint64(self.start.chain);
        out.uint32(self.seq);
        out.string(former);
        out.string(self.commitment);
        out.string(self.link);
        out.date(self.start.expires);
        out.date(self.row_expires);
        out.date(former_expires);
        out.finish()
    }
}

/// What a row's content is committed to.
pub fn commitment(salt: &str, content: &Content<'_>) -> String {
    let json = serde_json::to_string(content).expect("texts and numbers are always JSON");
    hash(&["kruimel ledger row 1", salt, &json])
}

/// The link after `previous`, whose row is kept until that day; in the first format, which says none, 0.
pub fn next_link(previous: &str, chain: u64, seq: u32, commitment: &str, row_expires: u16) -> String {
    let (chain, seq) = (HexId(chain).to_string(), seq.to_string());
    match row_expires {
        0 => hash(&["kruimel ledger link 1", previous, &chain, &seq, commitment]),
        day => hash(&["kruimel ledger link 2", previous, &chain, &seq, &date(day), commitment]),
    }
}

/// A day as `2026-11-28`; 0, which says none, as nothing.
pub(crate) fn date(day: u16) -> String {
    match day {
        0 => String::new(),
        day => (time::macros::date!(1970 - 01 - 01) + Duration::days(i64::from(day))).to_string(),
    }
}

fn hash(parts: &[&str]) -> String {
    hex(&Sha256::digest(parts.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_an_earlier_build_wrote_lacks_two_columns_and_one_that_is_cut_short_is_not_mended() {
        let (chain, collector, kind) = (1, 2, "timed");
        let start =
            Start { chain, collector, site: "demo", kind, day: 3, expires: 4, former: "", former_expires: 0 };
        let row = Link { start: &start, seq: 1, commitment: "bb", link: "cc", row_expires: 5 }.encode();
        assert!(lacking(&row).is_empty());
        assert_eq!(lacking(&row[..row.len() - 4]), [0; 4]);
        assert!(lacking(&row[..row.len() - 5]).is_empty());
    }

    #[test]
    fn the_hashes_are_of_the_texts_that_the_format_says() {
        // What sha256sum says of the parts, separated by line feeds.
        let start = Start {
            chain: 1,
            collector: 2,
            site: "demo",
            kind: "timed",
            day: 20_785,
            expires: 21_912,
            former: "",
            former_expires: 0,
        };
        assert_eq!(
            start.hash_of_first_format(),
            "89dfa37dad4c45b117e686c803331f1061e8e814e7ab043dd143166bc2e623ab"
        );
        assert_eq!(start.hash(), "4bf6b247393645eb227ebe737ce9ba3723216d2657d523733f795235f2a6abdd");
        assert_eq!(
            next_link("aa", 1, 2, "bb", 0),
            "961d8cc8524297d4ced5f769e82c46e6b3ba47102668a85758bfb8488e513102"
        );
        assert_eq!(
            next_link("aa", 1, 2, "bb", 21_881),
            "44552aa4f455629e0df0d1d35c8c77c4e7d78776928abb8e0c94c1aa2ec786d7"
        );
        assert_ne!(next_link("aa", 1, 2, "bb", 1), next_link("aa", 1, 3, "bb", 1));
    }
}
