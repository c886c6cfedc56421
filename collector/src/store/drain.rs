//! One segment into the store, exactly once.
//!
//! In: the oldest segment and what is known of earlier tries. Out: a finished segment, or one set aside. Invariant: a
//! table's rows are inserted without a question only if this process has never tried before and no earlier run can
//! have. After any other beginning the store is asked what it holds: all of it is done, nothing is inserted, a part is
//! removed first (but for whole parts of a segment that takes several inserts: those that follow are added); and after that
//! insert it is asked again.

use super::insert::{Insert, MalformedRow, layout};
use super::retries::Retry;
use super::{Store, StoreError, aside};
use crate::ledger::{Place, ended_by, links_left, places};
use crate::row_binary::Row;
use crate::spool::disk::means_full;
use crate::spool::{Contents, Sealed, Spool, StoredRecord, Table, Unread};
use crate::withdrawn::Withdrawn;
use std::collections::HashMap;
use std::sync::Arc;
use wire::BatchId;

/// Most tries to make the store hold exactly a segment before the segment is left for later.
const REPAIRS_MAX: u32 = 5;
/// Refusals of a segment's rows, each after the store proved to be well, before the segment is set aside.
const REFUSALS_MAX: u32 = 3;
/// ClickHouse's codes for rows that cannot be read: these lie in the rows, and another try changes nothing.
/// 128 and 131 are a list or a text that would be too long: what stands where its length belongs is none.
const UNREADABLE: [&str; 7] =
    ["Code: 6.", "Code: 27.", "Code: 32.", "Code: 33.", "Code: 117.", "Code: 128.", "Code: 131."];
/// The same code of an insert that is too large as a whole, for which no row can be blamed.
const TOO_LARGE_AS_A_WHOLE: &str = "The data is larger than";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
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
    pub(crate) segment: Arc<Sealed>,
    tables: HashMap<Table, Known>,
    refusals: u32,
    /// Whether a decision of it may have ended a consent: until it is read nobody knows.
    may_end_consents: bool,
    /// Tries to read it that failed since the last one that did not.
    pub(crate) unread: u32,
    /// The browsers' batches of it, once it was read.
    pub(crate) batches: Vec<(BatchId, u64)>,
    /// The store knows that its decisions are not there though their links are.
    noted: bool,
    /// The store knows of its retries.
    retries_noted: bool,
}

impl Job {
    pub(crate) fn new(segment: Arc<Sealed>) -> Self {
        let known = if segment.inherited() { Known::Nothing } else { Known::Absent };
        let tables = Table::ALL.into_iter().map(|table| (table, known)).collect();
        Job {
            segment,
            tables,
            refusals: 0,
            may_end_consents: true,
            unread: 0,
            batches: Vec::new(),
            noted: false,
            retries_noted: false,
        }
    }

    /// Whether this is of that segment.
    pub(crate) fn is_of(&self, segment: &Sealed) -> bool {
        self.segment.id() == segment.id()
    }

    /// The segment's id, as the log names it.
    pub(crate) fn segment_id(&self) -> String {
        format!("{:016x}", self.segment.id())
    }

    /// The tables whose rows the store does not take.
    fn refused(&self) -> Vec<Table> {
        let refused = self.tables.iter().filter(|(_, known)| **known == Known::Refused);
        refused.map(|(table, _)| *table).collect()
    }

    /// Whether a decision of the segment ended a consent, or nobody could read whether one did.
    pub(crate) fn may_end_consents(&self) -> bool {
        self.may_end_consents
    }
}

/// Why the number of rows that the store holds may not tell which of them it holds.
#[derive(Clone, Copy)]
struct Doubt<'a> {
    /// Records were damaged: the store may hold more than the segment does.
    salvaged: bool,
    /// Some may have been removed as the copies of others.
    is_thinned: bool,
    /// Whether a receipt that allowed some of them has died since they were gathered: what is missing may have been erased,
    /// and nothing is removed or added for it.
    is_stale: &'a (dyn Fn() -> bool + Sync),
}

impl Store {
    /// Takes the segment as far as it goes. After an error the same job is tried again.
    pub(crate) async fn drain(
        &self,
        spool: &Spool,
        withdrawn: &Withdrawn,
        kept_sites: &[String],
        job: &mut Job,
    ) -> Result<(), StoreError> {
        let read = self.read(spool, withdrawn, kept_sites, job).await?;
        let (contents, found) = match read {
            Ok(read) => read,
            Err(unread) => return aside::unread(spool, withdrawn, job, unread).await,
        };
        let Found { inserts, places, bare_links, malformed, withdraws, living, retries } = found;
        (job.unread, job.may_end_consents, job.batches) = (0, withdraws, contents.batches().to_vec());
        // Before the links are there: nobody is to find one without its row and without the reason.
        self.note_erased(&bare_links).await?;
        if !job.retries_noted {
            self.note_retries(&retries).await?;
            job.retries_noted = true;
        }
        for table in malformed {
            tracing::error!(table = layout(table).table, "A row of a segment is none of its table.");
            job.tables.insert(table, Known::Refused);
        }
        for insert in &inserts {
            let mut known = job.tables.get(&insert.table).copied().unwrap_or(Known::Nothing);
            let salvaged = job.segment.salvaged() || contents.damaged();
            let is_thinned =
                known == Known::Nothing && insert.is_cut() && self.has_retries(spool, job).await?;
            let is_stale = || insert.table == Table::Events && living.iter().any(|id| withdrawn.is_dead(*id));
            let settled =
                self.settle(insert, &mut known, Doubt { salvaged, is_thinned, is_stale: &is_stale }).await;
            job.tables.insert(insert.table, known);
            let Err(error) = settled else { continue };
            // Their links are in already: nobody is to take these decisions for removed, however long this goes on.
            if insert.table == Table::Decisions {
                self.note(job, &places).await?;
            }
            if !self.is_refusal(&error, insert.table).await {
                return Err(error);
            }
            job.refusals += 1;
            if job.refusals < REFUSALS_MAX {
                return Err(error);
            }
            tracing::error!(%error, table = layout(insert.table).table, "The store refuses rows of a segment.");
            job.tables.insert(insert.table, Known::Refused);
        }
        let refused = job.refused();
        if !refused.is_empty() {
            if refused.iter().any(|table| matches!(table, Table::Decisions | Table::Links)) {
                self.note(job, &places).await?;
            }
            return aside::refused(spool, withdrawn, job, &refused).await;
        }
        self.remove_doubles(spool, job).await?;
        // An earlier run may have noted it, or it was in quarantine.
        if job.noted || job.segment.inherited() {
            for links in inserts.iter().filter(|insert| insert.table == Table::Links) {
                self.forget_aside(links).await?;
            }
        }
        finish(spool, withdrawn, job, contents).await
    }

    /// Reads the segment, and hears which receipts its decisions kill before any row is inserted.
    async fn read(
        &self,
        spool: &Spool,
        withdrawn: &Withdrawn,
        kept_sites: &[String],
        job: &Job,
    ) -> Result<Result<(Contents, Found), Unread>, StoreError> {
        let (spool, withdrawn, kept_sites, segment) =
            (spool.clone(), withdrawn.clone(), kept_sites.to_vec(), Arc::clone(&job.segment));
        let bytes_max = self.insert_bytes_max;
        let is_asked = job.tables.values().any(|known| *known == Known::Nothing);
        self.reader
            .blocking(move || {
                Ok(spool.read(&segment, |records| {
                    records.iter().filter_map(ended_by).for_each(|ended| withdrawn.end(ended));
                    let of_events = records.iter().filter(|record| is_asked && record.table == Table::Events);
                    let mut living: Vec<u64> = of_events
                        .map(|record| record.consent_id)
                        .filter(|id| !withdrawn.is_dead(*id))
                        .collect();
                    living.dedup();
                    let erased = |record: &StoredRecord<'_>| is_erased(record, &withdrawn, &kept_sites);
                    Found::of(records, segment.id(), bytes_max, living, erased)
                }))
            })
            .await
    }

    /// Notes that decisions are not in the store though their links are, or the other way round.
    async fn note(&self, job: &mut Job, places: &[Place]) -> Result<(), StoreError> {
        if !job.noted {
            self.note_aside(places.to_vec()).await?;
            job.noted = true;
        }
        Ok(())
    }

    /// Makes the store hold exactly these rows, starting from what is known and with that doubt about what it holds.
    async fn settle(
        &self,
        insert: &Insert,
        known: &mut Known,
        Doubt { salvaged, is_thinned, is_stale }: Doubt<'_>,
    ) -> Result<(), StoreError> {
        if insert.expected == 0 {
            // What the store may hold of dead receipts is erased, not removed here.
            *known = Known::Held;
        }
        let mut stable = true;
        for _ in 0..REPAIRS_MAX {
            match known {
                Known::Held | Known::Refused => return Ok(()),
                Known::Absent => {
                    *known = Known::Nothing;
                    self.insert(insert, 0, &insert.stable_token()).await?;
                    *known = Known::Held;
                }
                Known::Nothing => {
                    let held = self.held(insert).await?;
                    if held == insert.expected || (salvaged && held > insert.expected) {
                        *known = Known::Held;
                        continue;
                    }
                    if held != 0 && (is_stale() || self.held(insert).await? != held) {
                        return Err(StoreError::Stale { table: layout(insert.table).table });
                    }
                    // After damage the parts are others than they were, and what is held tells nothing of them.
                    let parts =
                        insert.parts_held(held).filter(|_| stable && !salvaged && !is_thinned).unwrap_or(0);
                    if held != 0 && parts == 0 {
                        tracing::warn!(
                            table = layout(insert.table).table,
                            held,
                            expected = insert.expected,
                            "The store holds a part of a segment; it is removed and inserted again."
                        );
                        self.remove(insert).await?;
                        stable = false;
                    }
                    // The first try uses the stable token, so that an insert which is still under way and this one
                    // cannot both succeed. If the store drops it because it remembers the token of rows that are gone,
                    // the question that follows shows it.
                    let token = if stable { insert.stable_token() } else { insert.further_token()? };
                    stable = false;
                    self.insert(insert, parts, &token).await?;
                }
            }
        }
        match known {
            Known::Held | Known::Refused => Ok(()),
            Known::Absent | Known::Nothing => {
                Err(StoreError::Unsettled { table: layout(insert.table).table })
            }
        }
    }

    /// Whether the rows are at fault: the store says that it cannot read them, and takes the same layout without rows.
    async fn is_refusal(&self, error: &StoreError, table: Table) -> bool {
        is_unreadable(error) && self.takes_layout(table).await
    }
}

/// Whether the store says that it cannot read the rows.
fn is_unreadable(error: &StoreError) -> bool {
    matches!(error, StoreError::Client(clickhouse::error::Error::BadResponse(text))
        if UNREADABLE.iter().any(|code| text.starts_with(code)) && !text.contains(TOO_LARGE_AS_A_WHOLE))
}

/// What a segment holds: its rows in the inserts, and nothing else of its bytes.
struct Found {
    inserts: Vec<Insert>,
    /// Of every decision its place in the ledger.
    places: Vec<Place>,
    /// Links whose rows were erased where they waited: the commitment of each, and the day on which it ends.
    bare_links: Vec<(String, u16)>,
    /// Tables with a row that is none of theirs: too short, or, of events, not exactly their columns.
    malformed: Vec<Table>,
    /// Whether a decision ended a consent.
    withdraws: bool,
    /// Where the store is asked what it holds, the receipts that were alive just before the events were gathered.
    living: Vec<u64>,
    /// The batches of it that their browsers had sent before.
    retries: Vec<Retry>,
}

impl Found {
    fn of(
        records: &[StoredRecord<'_>],
        segment_id: u64,
        bytes_max: usize,
        living: Vec<u64>,
        erased: impl Fn(&StoredRecord<'_>) -> bool,
    ) -> Found {
        let (mut inserts, mut malformed) = (Vec::new(), Vec::new());
        let retries = records.iter().filter(|record| !erased(record)).filter_map(Retry::of).collect();
        for table in Table::ALL {
            match Insert::gather(table, segment_id, records, bytes_max, &erased) {
                Ok(insert) => inserts.push(insert),
                Err(MalformedRow) => malformed.push(table),
            }
        }
        Found {
            inserts,
            places: records.iter().flat_map(places).collect(),
            bare_links: records.iter().flat_map(|record| links_left(record, &[])).collect(),
            malformed,
            withdraws: records.iter().any(|record| record.withdraws != 0),
            living,
            retries,
        }
    }
}

/// Whether a withdrawal forbids the rows.
pub(crate) fn is_erased(record: &StoredRecord<'_>, withdrawn: &Withdrawn, kept_sites: &[String]) -> bool {
    record.table == Table::Events && withdrawn.is_dead(record.consent_id) && !is_kept(record, kept_sites)
}

/// Whether the rows belong to a site that keeps them after a withdrawal.
fn is_kept(record: &StoredRecord<'_>, kept_sites: &[String]) -> bool {
    let Some(row) = record.rows().next().map(Row::whole) else { return false };
    let site = layout(record.table).field(&row, "site_id");
    site.is_some_and(|site| kept_sites.iter().any(|kept| kept.as_bytes() == site))
}

/// The decisions' receipts go to their own file before the rows leave the spool, if the disk has any room for them.
async fn finish(
    spool: &Spool,
    withdrawn: &Withdrawn,
    job: &Job,
    contents: Contents,
) -> Result<(), StoreError> {
    let (spool, withdrawn, segment) = (spool.clone(), withdrawn.clone(), Arc::clone(&job.segment));
    let ends_consents = job.may_end_consents;
    super::blocking(move || {
        let saved = match withdrawn.save() {
            Err(error) if ends_consents && !means_full(&error) => return Err(error),
            saved => saved,
        };
        // On a full disk it is this segment that makes room, and the store has its decisions: whoever starts asks it.
        spool.finish(&segment, &contents)?;
        if let Err(error) = saved.or_else(|_| withdrawn.save()) {
            // It is told each minute: see `draining`.
            tracing::debug!(%error, "The list of withdrawn receipts could not be written.");
        }
        Ok(())
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::super::insert::INSERT_BYTES_MAX;
    use super::*;

    fn check(answer: &str, expected: bool) {
        let error = StoreError::Client(clickhouse::error::Error::BadResponse(answer.to_owned()));
        assert_eq!(is_unreadable(&error), expected, "{answer}");
    }

    #[test]
    fn a_segment_of_todays_limits_is_one_insert_and_the_engine_takes_the_largest_one() {
        let largest = usize::try_from(crate::spool::SEGMENT_BYTES_MAX).unwrap();
        assert!(largest + largest / 2 <= INSERT_BYTES_MAX);
        const { assert!(INSERT_BYTES_MAX * 2 <= engine::limits::INSERT_BYTES_MAX) };
    }

    #[test]
    fn only_rows_that_cannot_be_read_are_at_fault_and_not_their_number_or_the_store() {
        check("Code: 33. DB::Exception: Cannot read all data.", true);
        check("Code: 27. DB::Exception: Cannot parse input.", true);
        check("Code: 131. DB::Exception: Too large string size.", true);
        check("Code: 131. DB::Exception: The data is larger than 268435456 bytes", false);
        check("Code: 241. DB::Exception: Memory limit exceeded.", false);
        check("Code: 60. DB::Exception: Table events does not exist.", false);
    }
}
