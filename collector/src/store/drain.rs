//! One segment into the store, exactly once.
//!
//! In: the oldest segment (or where it is stuck one behind it) and what is known of earlier tries ([`super::job`]). Out: a
//! finished segment, or one set aside.
//! Invariant: it leaves the spool once the store holds exactly its rows of each table ([`super::settle`]), and each event of a
//! batch that was sent twice once ([`super::retries`]).

use super::blame::{Proof, is_an_end, may_lie_in_rows};
use super::insert::{Insert, MalformedRow, layout};
use super::job::{Job, Known, Noted};
use super::retries::Retry;
use super::settle::{Doubt, Sent};
use super::{Store, StoreError, aside};
use crate::ledger::{Place, ended_by, links_left, places};
use crate::row_binary::Row;
use crate::spool::disk::means_full;
use crate::spool::{Contents, Spool, StoredRecord, Table, Unread};
use crate::withdrawn::Withdrawn;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Refusals of a segment's rows, each after the store proved to be well, before the segment is set aside.
const REFUSALS_MAX: u32 = 3;

/// Tries to find what another segment brought too, each on a store that proved to be well.
const LOOKS_MAX: u32 = 3;
/// For how long they go on at least: memory that is short for a moment is no reason to leave anything doubled.
const LOOKS_TIME_MIN: Duration = Duration::from_secs(30);

impl Store {
    /// Takes the segment as far as it goes. After an error the same job is tried again.
    pub(crate) async fn drain(
        &self,
        spool: &Spool,
        withdrawn: &Withdrawn,
        kept_sites: &[String],
        job: &mut Job,
    ) -> Result<(), StoreError> {
        job.begin();
        let drained = match self.read(spool, withdrawn, kept_sites, job).await {
            Ok((contents, found)) => self.drain_read(spool, withdrawn, job, contents, found).await,
            Err(unread) => aside::unread(spool, withdrawn, job, unread).await,
        };
        if drained.is_err() {
            job.failed();
        }
        drained
    }

    /// Makes the store hold what was read.
    async fn drain_read(
        &self,
        spool: &Spool,
        withdrawn: &Withdrawn,
        job: &mut Job,
        contents: Contents,
        found: Found,
    ) -> Result<(), StoreError> {
        (job.unread, job.was_read, job.may_end_consents) = (0, true, found.withdraws);
        (job.batches, job.places) = (contents.batches().to_vec(), found.places);
        // Before the links are there: nobody is to find one without its row and without the reason.
        self.note_erased(&found.bare_links).await?;
        if !job.retries_noted {
            self.note_retries(&found.retries).await?;
            job.retries_noted = true;
        }
        for table in &found.malformed {
            tracing::error!(table = layout(*table).table, "A row of a segment is none of its table.");
            job.tables.insert(*table, Known::Refused);
        }
        let salvaged = job.segment.salvaged() || contents.damaged();
        for insert in &found.inserts {
            let is_stale =
                || insert.table == Table::Events && found.living.iter().any(|id| withdrawn.is_dead(*id));
            let doubt = Doubt { salvaged, is_stale: &is_stale };
            self.take(insert, job, doubt).await?;
            // Whatever becomes of the other tables' rows: from here on one that is missing was removed.
            if job.noted != Noted::No && job.holds_decisions() {
                for links in found.inserts.iter().filter(|insert| insert.table == Table::Links) {
                    self.forget_aside(links).await?;
                }
                job.noted = Noted::No;
            }
        }
        self.look_for_doubles(job).await?;
        let refused = job.refused();
        if refused.iter().any(|table| matches!(table, Table::Decisions | Table::Links)) {
            self.note_places(job).await?;
        }
        match refused.is_empty() {
            true => finish(spool, withdrawn, job, contents).await,
            false => aside::refused(spool, withdrawn, job, &refused).await,
        }
    }

    /// Makes the store hold the rows of one table, or finds after some tries that it refuses them.
    async fn take(&self, insert: &Insert, job: &mut Job, doubt: Doubt<'_>) -> Result<(), StoreError> {
        let proof = job.proof(insert.table);
        if let Some(proof) = proof.as_ref().filter(|proof| proof.by_an_end) {
            let known = self.give_up(insert, proof, doubt).await?;
            job.tables.insert(insert.table, known);
            return Ok(());
        }
        let (mut known, mut sent) = (job.known(insert.table), Sent::default());
        let settled = self.settle(insert, &mut known, doubt, &mut sent).await;
        job.tables.insert(insert.table, known);
        if sent.taken {
            job.brought.push(insert.table);
        }
        let Err(error) = settled else {
            job.taken(insert.table);
            return Ok(());
        };
        if sent.refused {
            job.untaken(insert.table, &error);
        }
        // Their links are in already: nobody is to take these decisions for removed, however long this goes on.
        if insert.table == Table::Decisions {
            self.note_places(job).await?;
        }
        if let Some(proof) = proof.filter(|_| sent.refused && may_lie_in_rows(&error) && !is_an_end(&error)) {
            let known = self.give_up(insert, &proof, doubt).await?;
            job.tables.insert(insert.table, known);
            return Ok(());
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
        Ok(())
    }

    /// What becomes of rows that are to blame themselves ([`super::blame`]): they are refused, unless the store holds them.
    async fn give_up(&self, insert: &Insert, proof: &Proof, doubt: Doubt<'_>) -> Result<Known, StoreError> {
        let (table, expected) = (layout(insert.table).table, insert.expected);
        // Nobody knows how the last try ended; the store answers now.
        let held = self.held(insert).await?;
        if held == expected || (doubt.salvaged && held > expected) {
            return Ok(Known::Held);
        }
        if (doubt.is_stale)() {
            return Err(StoreError::Stale { table });
        }
        tracing::error!(
            why = proof.why,
            table,
            held,
            expected,
            "The store takes rows of other segments, and not those of this one."
        );
        Ok(Known::Refused)
    }

    /// Looks for what another segment brought too. A visitor can make that question as large as they like, with any number
    /// of events of one view, and it waits for nothing that will come: on a store that is well it is given up after some tries.
    async fn look_for_doubles(&self, job: &mut Job) -> Result<(), StoreError> {
        let error = match self.find_doubles(job).await {
            Ok(may_have_doubles) => {
                job.may_have_doubles = may_have_doubles;
                return Ok(());
            }
            Err(error) => error,
        };
        if !self.takes_layout(Table::Events).await {
            return Err(error);
        }
        job.looks += 1;
        let since = *job.looked_since.get_or_insert_with(Instant::now);
        if job.looks < LOOKS_MAX || since.elapsed() < LOOKS_TIME_MIN {
            return Err(error);
        }
        tracing::error!(
            %error, segment = job.segment_id(),
            "The store cannot tell whether batches of a segment were stored twice. They are left as they are."
        );
        // What it found before it gave up is there to be removed.
        job.may_have_doubles = true;
        Ok(())
    }

    /// Reads the segment, and hears which receipts its decisions kill before any row is inserted.
    async fn read(
        &self,
        spool: &Spool,
        withdrawn: &Withdrawn,
        kept_sites: &[String],
        job: &Job,
    ) -> Result<(Contents, Found), Unread> {
        let (spool, withdrawn, kept_sites, segment) =
            (spool.clone(), withdrawn.clone(), kept_sites.to_vec(), Arc::clone(&job.segment));
        let bytes_max = self.insert_bytes_max;
        let is_asked = job.tables.values().any(|known| *known == Known::Nothing);
        self.reader
            .blocking(move || {
                spool.read(&segment, |records| {
                    records.iter().filter_map(ended_by).for_each(|ended| withdrawn.end(ended));
                    let of_events = records.iter().filter(|record| is_asked && record.table == Table::Events);
                    let mut living: Vec<u64> = of_events
                        .map(|record| record.consent_id)
                        .filter(|id| !withdrawn.is_dead(*id))
                        .collect();
                    living.dedup();
                    let erased = |record: &StoredRecord<'_>| is_erased(record, &withdrawn, &kept_sites);
                    Found::of(records, segment.id(), bytes_max, living, erased)
                })
            })
            .await
    }

    /// Notes of a job's places in the ledger that decisions are not in the store though their links are, or the other way
    /// round, or that neither is and others go in before them.
    pub(super) async fn note_places(&self, job: &mut Job) -> Result<(), StoreError> {
        if job.noted != Noted::Yes && !job.places.is_empty() && !job.holds_decisions() {
            job.noted = Noted::Perhaps;
            self.note_aside(job.places.clone()).await?;
            job.noted = Noted::Yes;
        }
        Ok(())
    }
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
        let once = without_repeats(records);
        let records = once.as_deref().unwrap_or(records);
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

/// The records without retries of a batch that is in the same segment: its id was forgotten, and the store could not tell the
/// two apart. Nothing, where there is none, as nearly always.
fn without_repeats<'r>(records: &[StoredRecord<'r>]) -> Option<Vec<StoredRecord<'r>>> {
    records.iter().find(|record| record.retry.is_some())?;
    let mut seen = HashSet::new();
    let is_first = |record: &&StoredRecord<'_>| record.batch().is_none_or(|batch| seen.insert(batch));
    let once: Vec<_> = records.iter().filter(is_first).cloned().collect();
    (once.len() < records.len()).then_some(once)
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
    use super::super::settle::is_unreadable;
    use super::*;

    #[test]
    fn of_a_batch_that_a_segment_has_twice_the_first_is_left() {
        let batches = |all: &[(u128, bool)]| {
            let retry = |is_retry: bool| is_retry.then_some(wire::HexId(5));
            let payloads: Vec<_> = all
                .iter()
                .map(|(batch, is_retry)| crate::spool::sample_batch(*batch, retry(*is_retry)))
                .collect();
            let records: Vec<_> =
                payloads.iter().map(|payload| StoredRecord::decode(payload).unwrap()).collect();
            without_repeats(&records).map(|once| {
                once.iter().map(|one| (one.batch().unwrap().0, one.retry.is_some())).collect::<Vec<_>>()
            })
        };
        assert_eq!(batches(&[(1, false), (2, false)]), None);
        assert_eq!(batches(&[(1, true), (2, false)]), None);
        let found = batches(&[(1, false), (2, true), (1, true), (2, true), (3, false)]);
        assert_eq!(found, Some(vec![(1, false), (2, true), (3, false)]));
    }

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
