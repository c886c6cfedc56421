//! What is known of one segment over all the tries to get it into the store.

use super::StoreError;
use super::blame::{Blame, Proof};
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

/// Whether a note of a segment's decisions is in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noted {
    No,
    /// Nobody heard how that ended.
    Perhaps,
    Yes,
}

/// What is known of one segment over all the tries.
pub(crate) struct Job {
    pub(super) segment: Arc<Sealed>,
    pub(super) tables: HashMap<Table, Known>,
    pub(super) refusals: u32,
    /// When a try of it failed first.
    failing_since: Option<Instant>,
    blame: Blame,
    /// Tables of which rows of it went in, in the last try.
    pub(super) brought: Vec<Table>,
    /// Its decisions' places in the ledger, once it was read.
    pub(super) places: Vec<Place>,
    /// Whether a decision of it may have ended a consent: until it is read nobody knows.
    pub(super) may_end_consents: bool,
    /// Tries to read it that failed since the last one that did not.
    pub(super) unread: u32,
    /// It was read once.
    pub(super) was_read: bool,
    /// The browsers' batches of it, once it was read.
    pub(super) batches: Vec<(BatchId, u64)>,
    /// Whether the store knows that its decisions are not there though their links are, or the other way round.
    pub(super) noted: Noted,
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
            tables,
            refusals: 0,
            failing_since: None,
            blame: Blame::default(),
            brought: Vec::new(),
            places: Vec::new(),
            may_end_consents: true,
            unread: 0,
            was_read: false,
            batches: Vec::new(),
            // An earlier run may have noted it, or it was in quarantine.
            noted: if segment.inherited() { Noted::Perhaps } else { Noted::No },
            retries_noted: false,
            looks: 0,
            looked_since: None,
            may_have_doubles: false,
            segment,
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

    /// A try begins.
    pub(super) fn begin(&mut self) {
        self.brought.clear();
        self.blame.begin();
    }

    /// A try failed.
    pub(super) fn failed(&mut self) {
        self.failing_since.get_or_insert_with(Instant::now);
    }

    /// In it an insert of rows of a table failed.
    pub(super) fn untaken(&mut self, table: Table, error: &StoreError) {
        self.blame.untaken(table, error);
    }

    /// The store holds its rows of a table.
    pub(super) fn taken(&mut self, table: Table) {
        self.blame.taken(table);
    }

    /// Whether its tries have failed for so long.
    pub(super) fn is_stuck(&self, time: Duration) -> bool {
        self.failing_since.is_some_and(|since| since.elapsed() >= time)
    }

    /// Forgets what the next try reads anew: of many segments it would be much.
    pub(super) fn lighten(&mut self) {
        (self.places, self.batches) = (Vec::new(), Vec::new());
    }

    /// Another went in; a segment is stuck after so long.
    pub(super) fn was_overtaken_by(&mut self, other: &Job, stuck_time: Duration) {
        self.blame.overtaken(&other.brought, stuck_time);
    }

    /// The proof that rows of that table are to blame and not the store.
    pub(super) fn proof(&self, table: Table) -> Option<Proof> {
        self.blame.proof(table)
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

    /// Whether its last try brought decisions after others that may have ended their consents already: it waited for longer
    /// than its turn, or since an earlier run.
    pub(super) fn brings_late_decisions(&self) -> bool {
        let is_late = self.failing_since.is_some() || self.segment.inherited();
        is_late && self.brought.contains(&Table::Decisions)
    }

    /// Whether events of it may be there twice.
    pub(super) fn may_have_doubles(&self) -> bool {
        self.may_have_doubles
    }
}
