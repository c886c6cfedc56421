//! How a row of the ledger is written, and what of it is committed to.
//!
//! In: a [`LedgerRow`]. Out: its bytes for the spool, with a place in a chain or without, and its [`Content`]. Invariant:
//! what is written is in the order of the layout that names it.

use super::LedgerRow;
use crate::row_binary::{Encoder, Layout};
use serde::Serialize;
use wire::HexId;

/// Names and types of the columns of `consents` in the order in which [`LedgerRow::encode`] writes them: rows without a
/// place in a chain, of the demo's sample and of segments from before the ledger was chained.
pub const CONSENTS: Layout = Layout {
    table: "consents",
    columns: &[
        ("segment_id", "UInt64"),
        ("site_id", "LowCardinality(String)"),
        ("ts", "DateTime('UTC')"),
        ("action", "LowCardinality(String)"),
        ("consent_id", "UInt64"),
        ("granted", "Array(LowCardinality(String))"),
        ("denied", "Array(LowCardinality(String))"),
        ("revision", "UInt32"),
        ("text_hash", "LowCardinality(String)"),
        ("language", "LowCardinality(String)"),
        ("surface", "LowCardinality(String)"),
        ("withdraws", "UInt64"),
        ("sample", "UInt8"),
        ("expires", "Date"),
    ],
};

/// The same of rows with a place in a chain.
pub const DECISIONS: Layout = Layout {
    table: "consents",
    columns: &[
        ("segment_id", "UInt64"),
        ("site_id", "LowCardinality(String)"),
        ("ts", "DateTime('UTC')"),
        ("action", "LowCardinality(String)"),
        ("consent_id", "UInt64"),
        ("granted", "Array(LowCardinality(String))"),
        ("denied", "Array(LowCardinality(String))"),
        ("revision", "UInt32"),
        ("text_hash", "LowCardinality(String)"),
        ("language", "LowCardinality(String)"),
        ("surface", "LowCardinality(String)"),
        ("withdraws", "UInt64"),
        ("sample", "UInt8"),
        ("expires", "Date"),
        ("banner_hash", "LowCardinality(String)"),
        ("declaration_hash", "LowCardinality(String)"),
        ("domain", "LowCardinality(String)"),
        ("chain", "UInt64"),
        ("chain_seq", "UInt32"),
        ("salt", "String"),
    ],
};

/// What is committed to of a row; the order is part of the format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the columns of `consents`, which schema/README.md describes")]
pub struct Content<'a> {
    pub site_id: &'a str,
    /// Seconds since 1970.
    pub ts: u32,
    pub action: &'a str,
    /// Sixteen hexadecimal digits, as all ids.
    pub consent_id: String,
    pub granted: &'a [String],
    pub denied: &'a [String],
    pub revision: u32,
    pub text_hash: &'a str,
    pub banner_hash: &'a str,
    pub declaration_hash: &'a str,
    pub language: &'a str,
    pub domain: &'a str,
    pub surface: &'a str,
    pub withdraws: String,
}

impl LedgerRow {
    /// What is committed to.
    pub fn content(&self) -> Content<'_> {
        Content {
            site_id: &self.site_id,
            ts: self.ts_s,
            action: self.action,
            consent_id: HexId(self.consent_id).to_string(),
            granted: &self.granted,
            denied: &self.denied,
            revision: self.revision,
            text_hash: &self.text_hash,
            banner_hash: &self.seen.banner_hash,
            declaration_hash: &self.seen.declaration_hash,
            language: &self.language,
            domain: &self.seen.domain,
            surface: self.surface,
            withdraws: HexId(self.withdraws).to_string(),
        }
    }

    /// The row in the layout [`DECISIONS`], in its place.
    pub(in crate::ledger) fn encode_chained(&self, chain: u64, seq: u32, salt: &str) -> Vec<u8> {
        let mut out = self.write();
        out.string(&self.seen.banner_hash);
        out.string(&self.seen.declaration_hash);
        out.string(&self.seen.domain);
        out.uint64(chain);
        out.uint32(seq);
        out.string(salt);
        out.finish()
    }

    /// The row in the layout [`CONSENTS`]; the segment's id is a placeholder until the segment is drained.
    pub fn encode(&self) -> Vec<u8> {
        self.write().finish()
    }

    fn write(&self) -> Encoder {
        let mut out = Encoder::row();
        out.string(&self.site_id);
        out.date_time(self.ts_s);
        out.string(self.action);
        out.uint64(self.consent_id);
        out.strings(&self.granted);
        out.strings(&self.denied);
        out.uint32(self.revision);
        out.string(&self.text_hash);
        out.string(&self.language);
        out.string(self.surface);
        out.uint64(self.withdraws);
        out.uint8(u8::from(self.sample));
        out.date(self.expires_day);
        out
    }
}
