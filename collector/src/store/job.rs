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

/// Rows that may be at fault themselves.
struct Blame {
    table: Table,
    since: Instant,
    /// Whether the last insert of them that failed was not counted as overtaken yet.
    is_fresh: bool,
    /// Whether the try that goes on, or the last one, and the one before that came to an insert of them that failed.
    failed_now: bool,
    failed_before: bool,
    /// How many of its tries were followed by another's rows of that table that went in.
    overtaken: u32,
    /// What the store said last.
    why: String,
}

/// What is known of one segment over all the tries.
pub(crate) struct Job {
    pub(super) segment: Arc<Sealed>,
    pub(super) tables: HashMap<Table, Known>,
    pub(super) refusals: u32,
    /// When a try of it failed first, once it could be read.
    failing_since: Option<Instant>,
    blame: Option<Blame>,
    /// Tables of which rows of it went in, in the last try.
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
            blame: None,
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

    /// A try begins.
    pub(super) fn begin(&mut self) {
        self.brought.clear();
        if let Some(blame) = &mut self.blame {
            blame.failed_before = std::mem::take(&mut blame.failed_now);
        }
    }

    /// A try failed, of a segment that could be read.
    pub(super) fn failed(&mut self) {
        self.failing_since.get_or_insert_with(Instant::now);
    }

    /// In it an insert of rows of a table failed, for a reason that may lie in them or not.
    pub(super) fn untaken(&mut self, table: Table, may_lie_in_rows: bool, why: String) {
        let before = self.blame.take().filter(|blame| blame.table == table);
        self.blame = may_lie_in_rows.then(|| match before {
            Some(blame) => Blame { why, is_fresh: true, failed_now: true, ..blame },
            None => {
                let (is_fresh, failed_now) = (true, true);
                Blame {
                    table,
                    since: Instant::now(),
                    is_fresh,
                    failed_now,
                    failed_before: false,
                    overtaken: 0,
                    why,
                }
            }
        });
    }

    /// The store holds its rows of a table.
    pub(super) fn taken(&mut self, table: Table) {
        self.blame.take_if(|blame| blame.table == table);
    }

    /// Whether its tries have failed for so long.
    pub(super) fn is_stuck(&self, time: Duration) -> bool {
        self.failing_since.is_some_and(|since| since.elapsed() >= time)
    }

    /// Another, from behind it, went in.
    pub(super) fn was_overtaken_by(&mut self, other: &Job) {
        if let Some(blame) = &mut self.blame
            && other.brought.contains(&blame.table)
            && std::mem::take(&mut blame.is_fresh)
        {
            blame.overtaken += 1;
        }
    }

    /// What the store said of rows of that table in the try before, if they have been to blame for so long, while those of
    /// others went in after so many of its tries.
    pub(super) fn is_to_blame(&self, table: Table, times: u32, time: Duration) -> Option<&str> {
        let blame = self.blame.as_ref().filter(|blame| blame.table == table && blame.failed_before)?;
        (blame.overtaken >= times && blame.since.elapsed() >= time).then_some(&blame.why)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn job(bringing: &[Table]) -> Job {
        let name = "0000000000000001-0000000000000002.sealed".parse().expect("a segment's name");
        let segment = Sealed::in_folder(Path::new("spool"), name, 1, 1);
        Job { brought: bringing.to_vec(), ..Job::new(Arc::new(segment)) }
    }

    fn try_in_vain(job: &mut Job, table: Table, may_lie_in_rows: bool) {
        job.begin();
        job.untaken(table, may_lie_in_rows, "why".to_owned());
        job.failed();
    }

    #[test]
    fn rows_are_to_blame_once_others_of_their_table_went_in_after_several_tries_and_for_so_long() {
        let (mut stuck, other) = (job(&[]), job(&[Table::Events]));
        let is_to_blame = |stuck: &Job, time| stuck.is_to_blame(Table::Events, 2, time).is_some();
        try_in_vain(&mut stuck, Table::Events, true);
        stuck.was_overtaken_by(&other);
        stuck.was_overtaken_by(&other);
        stuck.begin();
        assert!(!is_to_blame(&stuck, Duration::ZERO), "after one try");
        try_in_vain(&mut stuck, Table::Events, true);
        stuck.was_overtaken_by(&job(&[Table::Rejections]));
        stuck.begin();
        assert!(!is_to_blame(&stuck, Duration::ZERO), "others went into another table");
        stuck.was_overtaken_by(&other);
        stuck.begin();
        assert!(!is_to_blame(&stuck, Duration::ZERO), "the last try came to no insert");
        try_in_vain(&mut stuck, Table::Events, true);
        stuck.begin();
        assert!(is_to_blame(&stuck, Duration::ZERO));
        assert!(!is_to_blame(&stuck, Duration::from_secs(3_600)), "not for so long");
        assert!(stuck.is_to_blame(Table::Links, 2, Duration::ZERO).is_none(), "another table");
        stuck.taken(Table::Events);
        assert!(!is_to_blame(&stuck, Duration::ZERO), "they went in");
    }

    #[test]
    fn another_reason_begins_anew_and_a_try_that_came_to_no_insert_counts_for_nothing() {
        let other = job(&[Table::Events]);
        let blamed = |again: fn(&mut Job)| {
            let mut stuck = job(&[]);
            try_in_vain(&mut stuck, Table::Events, true);
            stuck.was_overtaken_by(&other);
            again(&mut stuck);
            stuck.was_overtaken_by(&other);
            try_in_vain(&mut stuck, Table::Events, true);
            stuck.begin();
            stuck.is_to_blame(Table::Events, 2, Duration::ZERO).is_some()
        };
        assert!(blamed(|stuck| try_in_vain(stuck, Table::Events, true)));
        assert!(!blamed(|stuck| try_in_vain(stuck, Table::Links, true)));
        assert!(!blamed(|stuck| try_in_vain(stuck, Table::Events, false)));
        assert!(!blamed(|stuck| {
            stuck.begin();
            stuck.failed();
        }));
    }
}
