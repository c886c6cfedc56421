//! Which rows of the ledger an insert holds, told by their places in its chains: such a row need not name its segment.
//!
//! In: rows of decisions and links. Out: whether a row may name its segment, and conditions that find all of them again.

use super::{MalformedRow, layout};
use crate::ledger::Kind;
use crate::row_binary::Row;
use crate::spool::Table;
use std::collections::BTreeMap;

/// Most runs of places that one condition names, at up to 80 bytes each, of which a question holds three: within the 256 KiB
/// that a server takes by default.
const RUNS_MAX: usize = 1_000;

/// Places in chains of the ledger: of each chain the first and the last of those that follow one another.
#[derive(Debug, Default)]
pub(super) struct Places(BTreeMap<u64, Vec<(u32, u32)>>);

impl Places {
    /// Takes the place of a row, if it has one, and tells whether the row may name its segment.
    pub(super) fn take(&mut self, table: Table, row: Row<'_>) -> Result<bool, MalformedRow> {
        if !matches!(table, Table::Decisions | Table::Links) {
            return Ok(true);
        }
        let row = row.whole();
        let field = |name| layout(table).field(&row, name).ok_or(MalformedRow);
        let number = |name| Ok(u64::from_le_bytes(*field(name)?.first_chunk::<8>().ok_or(MalformedRow)?));
        let (seq, timed) = match table {
            Table::Decisions => (field("chain_seq")?, number("consent_id")? != 0),
            Table::Links => (field("seq")?, field("kind")? == Kind::Timed.name().as_bytes()),
            Table::Events | Table::Consents | Table::Rejections | Table::Displays => return Ok(true),
        };
        let seq = u32::from_le_bytes(*seq.first_chunk::<4>().ok_or(MalformedRow)?);
        let runs = self.0.entry(number("chain")?).or_default();
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(seq) => *last = seq,
            _ => runs.push((seq, seq)),
        }
        Ok(timed)
    }

    /// Conditions of which every row in one of the places fulfils one. `seq` is the column of the place.
    pub(super) fn conditions(&self, seq: &str) -> Vec<String> {
        let of = |(chain, runs): (&u64, &Vec<(u32, u32)>)| {
            let chain = *chain;
            let of_run = move |(first, last): (u32, u32)| {
                format!("(chain = {chain} AND {seq} BETWEEN {first} AND {last})")
            };
            runs.iter().copied().map(of_run).collect::<Vec<_>>()
        };
        let all: Vec<String> = self.0.iter().flat_map(of).collect();
        all.chunks(RUNS_MAX).map(|some| some.join(" OR ")).collect()
    }
}
