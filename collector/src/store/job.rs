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
    /// When a try of it failed first.
    pub(super) failing_since: Option<Instant>,
    /// Tables of which the store holds rows of it.
    pub(super) brought: Vec<Table>,
    /// The table whose rows the store did not take in this try, for a reason that may lie in them.
    pub(super) untaken: Option<Table>,
    /// The same of the last try.
    pub(super) blamed: Option<Table>,
    /// Segments behind it of which the store took rows of that table since, each between two tries of it.
    pub(super) overtaken: u32,
    /// Its decisions' places in the ledger, once it was read.
    pub(super) places: Vec<Place>,
    /// Whether a decision of it may have ended a consent: until it is read nobody knows.
    pub(super) may_end_consents: bool,
    /// Tries to read it that failed since the last one that did not.
    pub(super) unread: u32,
    /// The browsers' batches of it, once it was read.
    pub(super) batches: Vec<(BatchId, u64)>,
    /// The store knows that its decisions are not there though their links are.
    pub(super) noted: bool,
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
            brought: Vec::new(),
            untaken: None,
            blamed: None,
            overtaken: 0,
            places: Vec::new(),
            may_end_consents: true,
            unread: 0,
            batches: Vec::new(),
            noted: false,
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

    /// A try of it failed, of that table if its rows may be at fault.
    pub(super) fn failed(&mut self, blamed: Option<Table>) {
        self.failing_since.get_or_insert_with(Instant::now);
        if self.blamed != blamed {
            (self.blamed, self.overtaken) = (blamed, 0);
        }
    }

    /// The table whose rows it is stuck with, if its tries have failed for so long.
    pub(super) fn stuck_with(&self, time: Duration) -> Option<Table> {
        self.blamed.filter(|_| self.failing_since.is_some_and(|since| since.elapsed() >= time))
    }

    /// Whether so many others with rows of a table that it is stuck with went in.
    pub(super) fn is_overtaken(&self, table: Table, times: u32) -> bool {
        self.blamed == Some(table) && self.overtaken >= times
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
