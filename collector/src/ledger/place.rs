//! Where the decisions of a record stand in their chains.
//!
//! In: a record of the spool. Out: the place of each decision whose link is still in it, also where the row was erased, as
//! the link says, or as the row does where the link cannot be read. One of which neither can be read has none.

use super::chain::LINKS;
use super::row::DECISIONS;
use crate::row_binary::{Layout, Row};
use crate::spool::{StoredRecord, Table};

const SECONDS_PER_DAY: u32 = 86_400;
/// Of a SHA-256.
const HASH_DIGITS: usize = 64;

/// A place in a chain. Days are counted from 1970.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) site_id: String,
    pub(crate) day: u16,
    pub(crate) chain: u64,
    pub(crate) seq: u32,
    /// Until when its link is kept, or its row.
    pub(crate) expires: u16,
    /// The link's hash; empty where it cannot be read.
    pub(crate) link: String,
}

/// The places of a record's decisions.
pub(crate) fn places(record: &StoredRecord<'_>) -> Vec<Place> {
    let rows: Vec<Row<'_>> = match record.table {
        Table::Decisions | Table::Links => record.rows().collect(),
        _ => return Vec::new(),
    };
    if record.table == Table::Links {
        return rows.iter().filter_map(|link| of_link(&link.whole())).collect();
    }
    let place = |of: &[Row<'_>]| {
        let of_link = of.get(1).and_then(|link| of_link(&link.whole()));
        // Of one that was erased where it waited nothing else tells the place.
        of_link.or_else(|| if of[0].is_blank() { None } else { of_row(&of[0].whole()) })
    };
    rows.chunks(2).filter_map(place).collect()
}

fn of_link(row: &[u8]) -> Option<Place> {
    Some(Place {
        site_id: text(&LINKS, row, "site_id")?,
        day: u16::from_le_bytes(number(&LINKS, row, "day")?),
        chain: u64::from_le_bytes(number(&LINKS, row, "chain")?),
        seq: u32::from_le_bytes(number(&LINKS, row, "seq")?),
        expires: u16::from_le_bytes(number(&LINKS, row, "expires")?),
        link: text(&LINKS, row, "link").filter(|link| is_hash(link)).unwrap_or_default(),
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
        link: String::new(),
    })
}

/// Nothing else goes into a statement.
fn is_hash(text: &str) -> bool {
    text.len() == HASH_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn text(layout: &Layout, row: &[u8], column: &str) -> Option<String> {
    String::from_utf8(layout.field(row, column)?.to_vec()).ok()
}

fn number<const BYTES: usize>(layout: &Layout, row: &[u8], column: &str) -> Option<[u8; BYTES]> {
    layout.field(row, column)?.first_chunk::<BYTES>().copied()
}
