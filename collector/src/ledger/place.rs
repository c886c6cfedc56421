//! Where the decisions of a record stand in their chains.
//!
//! In: a record of the spool. Out: the place of each decision that is still in it, as its link says, or as its row does
//! where the link cannot be read. One of which neither can be read has none.

use super::chain::LINKS;
use super::row::DECISIONS;
use crate::row_binary::{Layout, Row};
use crate::spool::{StoredRecord, Table};

const SECONDS_PER_DAY: u32 = 86_400;

/// A place in a chain. Days are counted from 1970.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) site_id: String,
    pub(crate) day: u16,
    pub(crate) chain: u64,
    pub(crate) seq: u32,
    /// Until when its link is kept, or its row.
    pub(crate) expires: u16,
}

/// The places of a record's decisions.
pub(crate) fn places(record: &StoredRecord<'_>) -> Vec<Place> {
    if record.table != Table::Decisions {
        return Vec::new();
    }
    let rows: Vec<Row<'_>> = record.rows().collect();
    let there = rows.chunks(2).filter(|of| !of[0].is_blank());
    there
        .filter_map(|of| of.get(1).and_then(|link| of_link(&link.whole())).or_else(|| of_row(&of[0].whole())))
        .collect()
}

fn of_link(row: &[u8]) -> Option<Place> {
    Some(Place {
        site_id: text(&LINKS, row, "site_id")?,
        day: u16::from_le_bytes(number(&LINKS, row, "day")?),
        chain: u64::from_le_bytes(number(&LINKS, row, "chain")?),
        seq: u32::from_le_bytes(number(&LINKS, row, "seq")?),
        expires: u16::from_le_bytes(number(&LINKS, row, "expires")?),
    })
}

fn of_row(row: &[u8]) -> Option<Place> {
    let ts_s = u32::from_le_bytes(number(&DECISIONS, row, "ts")?);
    Some(Place {
        site_id: text(&DECISIONS, row, "site_id")?,
        day: u16::try_from(ts_s / SECONDS_PER_DAY).ok()?,
        chain: u64::from_le_bytes(number(&DECISIONS, row, "chain")?),
        seq: u32::from_le_bytes(number(&DECISIONS, row, "chain_seq")?),
        expires: u16::from_le_bytes(number(&DECISIONS, row, "expires")?),
    })
}

fn text(layout: &Layout, row: &[u8], column: &str) -> Option<String> {
    String::from_utf8(layout.field(row, column)?.to_vec()).ok()
}

fn number<const BYTES: usize>(layout: &Layout, row: &[u8], column: &str) -> Option<[u8; BYTES]> {
    layout.field(row, column)?.first_chunk::<BYTES>().copied()
}
