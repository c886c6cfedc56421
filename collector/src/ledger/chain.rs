//! The hashes that chain the ledger; the module above says what goes into them.
//!
//! In: what a row says and where it stands. Out: commitments and links. Pure.

use super::hex;
use super::row::Content;
use crate::row_binary::{Encoder, Layout};
use sha2::{Digest, Sha256};
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

/// What a chain is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin<'a> {
    pub(super) collector: u64,
    pub(super) site: &'a str,
    pub(super) kind: Kind,
    /// Days since 1970.
    pub(super) day: u16,
    /// The head of the chain before; empty for the first.
    pub(super) former: &'a str,
}

/// One link, as it is stored.
pub(super) struct Link<'a> {
    pub(super) origin: Origin<'a>,
    pub(super) chain: u64,
    pub(super) seq: u32,
    pub(super) commitment: &'a str,
    pub(super) link: &'a str,
    pub(super) expires_day: u16,
}

impl Link<'_> {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::row();
        out.string(self.origin.site);
        out.date(self.origin.day);
        out.string(self.origin.kind.name());
        out.uint64(self.origin.collector);
        out.uint64(self.chain);
        out.uint32(self.seq);
        out.string(if self.seq == 1 { self.origin.former } else { "" });
        out.string(self.commitment);
        out.string(self.link);
        out.date(self.expires_day);
        out.finish()
    }
}

/// What a row's content is committed to.
pub fn commitment(salt: &str, content: &Content<'_>) -> String {
    let json = serde_json::to_string(content).expect("texts and numbers are always JSON");
    hash(&["kruimel ledger row 1", salt, &json])
}

/// What stands in the place of a link before the first one of a chain.
pub fn first_link(chain: u64, collector: u64, site: &str, kind: &str, day: &str, former: &str) -> String {
    let (chain, collector) = (HexId(chain).to_string(), HexId(collector).to_string());
    hash(&["kruimel ledger chain 1", &chain, &collector, site, kind, day, former])
}

/// The link after `previous`.
pub fn next_link(previous: &str, chain: u64, seq: u32, commitment: &str) -> String {
    hash(&["kruimel ledger link 1", previous, &HexId(chain).to_string(), &seq.to_string(), commitment])
}

fn hash(parts: &[&str]) -> String {
    hex(&Sha256::digest(parts.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hashes_are_of_the_texts_that_the_format_says() {
        // What sha256sum says of the parts, separated by line feeds.
        let start = first_link(1, 2, "demo", "timed", "2026-11-28", "");
        assert_eq!(start, "89dfa37dad4c45b117e686c803331f1061e8e814e7ab043dd143166bc2e623ab");
        assert_eq!(
            next_link("aa", 1, 2, "bb"),
            "961d8cc8524297d4ced5f769e82c46e6b3ba47102668a85758bfb8488e513102"
        );
        assert_ne!(next_link("aa", 1, 2, "bb"), next_link("aa", 1, 3, "bb"));
    }
}
