//! What is left of decisions that wait on disk when their visitor had them erased: their links, so that the chain holds.
//!
//! In: a record of the spool, the consents that are erased. Out: the records that take its place. Invariant: as in the
//! store: a row of an erased consent, or one that ended it, goes with its salt; its link stays, in a record of its own;
//! the row that says that the consent is dead stays.

use super::chain::LINKS;
use super::row::{CONSENTS, DECISIONS, ERASE};
use crate::row_binary::{Layout, Row};
use crate::spool::{Record, StoredRecord, Table};
use crate::withdrawn::Ended;
use std::collections::HashSet;

/// The receipt that a record ends, if it ends one.
pub(crate) fn ended_by(record: &StoredRecord<'_>) -> Option<Ended> {
    let erases = |row: Row<'_>| {
        let (layout, _) = of_ledger(record.table)?;
        Some(layout.field(&row.whole(), "action")? == ERASE.as_bytes())
    };
    (record.withdraws != 0).then(|| Ended {
        consent_id: record.withdraws,
        at_ms: record.at_ms,
        erased: record.rows().next().and_then(erases).unwrap_or(false),
    })
}

/// What takes the place of a record. Nothing is said of one that stays as it is.
pub(crate) fn without_erased(record: &StoredRecord<'_>, erased: &HashSet<u64>) -> Option<Vec<Record>> {
    let rows: Vec<Vec<u8>> = record.rows().map(|row| row.whole().into_owned()).collect();
    let (layout, step) = of_ledger(record.table)?;
    let goes = |of: &[Vec<u8>]| of.first().is_some_and(|row| is_blank(row) || is_erased(layout, row, erased));
    let (gone, left): (Vec<_>, Vec<_>) = rows.chunks(step).partition(|of| goes(of));
    if gone.is_empty() {
        return None;
    }
    let links: Vec<Vec<u8>> = gone.iter().flat_map(|of| of.iter().skip(1)).cloned().collect();
    let left = Record { withdraws: record.withdraws, ..Record::of(record.table, left.concat().into()) };
    let bare = Record::of(Table::Links, links.into());
    Some([left, bare].into_iter().filter(|record| !record.rows.is_empty()).collect())
}

/// The consents that erased ones replaced as the rows of a record say, each with its site, where nobody erased them yet.
pub(crate) fn replaced_by(record: &StoredRecord<'_>, erased: &HashSet<u64>) -> Vec<(String, u64)> {
    let Some((layout, step)) = of_ledger(record.table) else { return Vec::new() };
    let read = |row: Row<'_>| {
        let row = row.whole();
        let number = |name: &str| {
            let bytes = layout.field(&row, name)?.first_chunk::<8>()?;
            Some(u64::from_le_bytes(*bytes))
        };
        let (consent, withdraws) = (number("consent_id")?, number("withdraws")?);
        let is_new = withdraws != 0 && erased.contains(&consent) && !erased.contains(&withdraws);
        let site = String::from_utf8(layout.field(&row, "site_id")?.to_vec()).ok()?;
        is_new.then_some((site, withdraws))
    };
    record.rows().step_by(step).filter_map(read).collect()
}

/// Which rows of a record that waits for the store go: their places. One that is blank has gone already.
pub(crate) fn erased_rows(record: &StoredRecord<'_>, erased: &HashSet<u64>) -> Vec<usize> {
    let Some((layout, step)) = of_ledger(record.table) else { return Vec::new() };
    let rows = record.rows().enumerate().step_by(step).filter(|(_, row)| !row.is_blank());
    rows.filter(|(_, row)| is_erased(layout, &row.whole(), erased)).map(|(place, _)| place).collect()
}

/// The links of a record whose rows have gone or go now, as [`erased_rows`] tells.
pub(crate) fn links_left(record: &StoredRecord<'_>, gone: &[usize]) -> Vec<(String, u16)> {
    if record.table != Table::Decisions {
        return bare_links(record.table, record.rows());
    }
    let rows: Vec<Row<'_>> = record.rows().collect();
    let bare =
        rows.chunks_exact(2).enumerate().filter(|(pair, of)| of[0].is_blank() || gone.contains(&(2 * pair)));
    bare_links(Table::Links, bare.map(|(_, of)| of[1]))
}

/// The layout of a decision's row in a record of that table, and the rows from one to the next.
fn of_ledger(table: Table) -> Option<(&'static Layout, usize)> {
    match table {
        Table::Decisions => Some((&DECISIONS, 2)),
        Table::Consents => Some((&CONSENTS, 1)),
        Table::Events | Table::Rejections | Table::Links | Table::Displays => None,
    }
}

fn is_blank(row: &[u8]) -> bool {
    row.iter().all(|byte| *byte == 0)
}

/// The links that stand without their rows in a record: the commitment of each, and the day on which it ends.
pub(crate) fn bare_links<'r>(table: Table, rows: impl Iterator<Item = Row<'r>>) -> Vec<(String, u16)> {
    if table != Table::Links {
        return Vec::new();
    }
    let read = |row: Row<'_>| {
        let row = row.whole();
        let commitment = String::from_utf8(LINKS.field(&row, "commitment")?.to_vec()).ok()?;
        let day = LINKS.field(&row, "expires")?.first_chunk::<2>()?;
        Some((commitment, u16::from_le_bytes(*day)))
    };
    rows.filter_map(read).collect()
}

/// A row that cannot be read goes too: nobody can prove of it whose it is.
fn is_erased(layout: &Layout, row: &[u8], erased: &HashSet<u64>) -> bool {
    let number = |name: &str| {
        let bytes = layout.field(row, name)?.first_chunk::<8>()?;
        Some(u64::from_le_bytes(*bytes))
    };
    match (layout.field(row, "action"), number("consent_id"), number("withdraws")) {
        (Some(action), _, _) if action == ERASE.as_bytes() => false,
        (Some(_), Some(consent), Some(withdraws)) => erased.contains(&consent) || erased.contains(&withdraws),
        _ => !erased.is_empty(),
    }
}
