//! What is known of one segment over all the tries to get it into the store.

use crate::ledger::Place;
use crate::spool::{Sealed, Table};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wire::BatchId;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// The store holds none of the rows.
    Absent,
    /// Some, all or none.
    Nothing,
    /// The store holds exactly the rows.
    Held,
    /// The store is well and refuses them, or they cannot be rows of the table.
    Refused,
}

/// What is known of one segment over all the tries.
pub(crate) struct Job {
    pub(super) segment: Arc<Sealed>,
    pub(super) tables: HashMap<Table, Known>,
    pub(super) refusals: u32,
    /// When an insert of its rows failed first.
    failing_since: Option<Instant>,
    /// The table of the last insert that failed, and since when it is this one, where that may lie in the rows.
    blamed: Option<(Table, Instant)>,
    /// Segments behind it with which rows of that table went in since, each between two tries of it.
    overtaken: u32,
    /// Tables of which rows of it went in.
    pub(super) brought: Vec<Table>,
    /// Its decisions' places in the ledger, once it was read.
    pub(super) places: Vec<Place>,
    /// Whether a decision of it may have ended a consent: until it is read nobody knows.
    pub(super) may_end_consents: bool,
    /// Tries to read it that failed since the last one that did not.
    pub(super) unread: u32,
    /// The browsers' batches of it, once it was read.
    pub(super) batches: Vec<(BatchId, u64)>,
    /// The store knows that its decisions are not there though their links are, or the other way round.
    pub(super) noted: bool,
    /// It may know: nobody heard how that ended.
    pub(super) may_be_noted: bool,
    /// The store knows of its retries.
    pub(super) retries_noted: bool,
    /// Failed tries to find out whether events of it are there twice.
    pub(super) looks: u32,
    pub(super) looked_since: Option<Instant>,
    /// Somebody noted a retry of one of its batches.
    pub(super) may_have_doubles: bool,
}

impl Job {
    pub(super) fn new(segment: Arc<Sealed>) -> Self {
        let known = if segment.inherited() { Known::Nothing } else { Known::Absent };
        let tables = Table::ALL.into_iter().map(|table| (table, known)).collect();
        Job {
            segment,
            tables,
            refusals: 0,
            failing_since: None,
            blamed: None,
            overtaken: 0,
            brought: Vec::new(),
            places: Vec::new(),
            may_end_consents: true,
            unread: 0,
            batches: Vec::new(),
            noted: false,
            may_be_noted: false,
            retries_noted: false,
            looks: 0,
            looked_since: None,
            may_have_doubles: false,
        }
    }

    /// Whether this is of that segment.
    pub(super) fn is_of(&self, segment: &Sealed) -> bool {
        self.segment.id() == segment.id()
    }

    /// The segment's id, as the log names it.
    pub(super) fn segment_id(&self) -> String {
        format!("{:016x}", self.segment.id())
    }

    /// An insert of rows of a table failed, for a reason that may lie in them or not.
    pub(super) fn failed(&mut self, table: Table, may_lie_in_rows: bool) {
        self.failing_since.get_or_insert_with(Instant::now);
        let blamed = may_lie_in_rows.then_some(table);
        if self.blamed.map(|(table, _)| table) != blamed {
            (self.blamed, self.overtaken) = (blamed.map(|table| (table, Instant::now())), 0);
        }
    }

    /// Whether its inserts have failed for so long.
    pub(super) fn is_stuck(&self, time: Duration) -> bool {
        self.failing_since.is_some_and(|since| since.elapsed() >= time)
    }

    /// Another, from behind it, went in.
    pub(super) fn was_overtaken_by(&mut self, other: &Job) {
        let is_proof = self.blamed.is_some_and(|(table, _)| other.brought.contains(&table));
        self.overtaken += u32::from(is_proof);
    }

    /// Whether rows of that table have been to blame for so long, while those of so many others went in.
    pub(super) fn is_to_blame(&self, table: Table, times: u32, time: Duration) -> bool {
        let is_blamed = |(blamed, since): (Table, Instant)| blamed == table && since.elapsed() >= time;
        self.overtaken >= times && self.blamed.is_some_and(is_blamed)
    }

    /// Whether its decisions and their links are in the store.
    pub(super) fn holds_decisions(&self) -> bool {
        [Table::Decisions, Table::Links].iter().all(|table| self.known(*table) == Known::Held)
    }

    /// What is known of a table's rows.
    pub(super) fn known(&self, table: Table) -> Known {
        self.tables.get(&table).copied().unwrap_or(Known::Nothing)
    }

    /// The tables whose rows the store does not take.
    pub(super) fn refused(&self) -> Vec<Table> {
        let refused = self.tables.iter().filter(|(_, known)| **known == Known::Refused);
        refused.map(|(table, _)| *table).collect()
    }

    /// Whether a decision of the segment ended a consent, or nobody could read whether one did.
    pub(super) fn may_end_consents(&self) -> bool {
        self.may_end_consents
    }

    /// Whether events of it may be there twice.
    pub(super) fn may_have_doubles(&self) -> bool {
        self.may_have_doubles
    }
}
