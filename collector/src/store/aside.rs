//! A segment that does not go into the store whole: out of the way of those behind it, and said loudly.
//!
//! In: a segment whose file cannot be read, or of which the store refused a table's rows. Out: its file in the spool's
//! quarantine, or word that there is none. Invariant: like a segment that was drained, it leaves the spool only once the
//! receipts that its decisions kill are on disk, and the ids of its batches stay known.
//!
//! Rows of a table are refused together. Those of the segment's other tables are in the store when it is set aside; the
//! file has them too, and is not inserted twice should it be brought back. Of a decision whose row or link is refused, or not
//! taken for now, the store keeps a note ([`super::ledger`]), so that verifying the ledger tells it from one that was removed.

use super::StoreError;
use super::insert::layout;
use super::job::Job;
use crate::spool::{Aside, Spool, Table, Unread};
use crate::withdrawn::Withdrawn;
use std::sync::Arc;

/// Tries to read a segment's file, each after a longer pause, before the segment is set aside.
const READS_MAX: u32 = 5;

/// The segment could not be read. An error means that it is tried again.
pub(crate) async fn unread(
    spool: &Spool,
    withdrawn: &Withdrawn,
    job: &mut Job,
    unread: Unread,
) -> Result<(), StoreError> {
    let error = match unread {
        Unread::Passing(error) => return Err(error.into()),
        Unread::File(error) => error,
    };
    job.unread += 1;
    if job.unread < READS_MAX {
        return Err(error.into());
    }
    let segment = job.segment_id();
    match set_aside(spool, withdrawn, job).await? {
        Aside::Kept => tracing::error!(
            segment, %error,
            "A segment cannot be read. It is kept in the spool's quarantine, and what of it the store does not hold yet is \
             not inserted; the segments after it are."
        ),
        Aside::Gone => tell_gone(&segment),
    }
    Ok(())
}

/// The store refused rows of these tables.
pub(crate) async fn refused(
    spool: &Spool,
    withdrawn: &Withdrawn,
    job: &Job,
    tables: &[Table],
) -> Result<(), StoreError> {
    let mut not_inserted: Vec<_> = tables.iter().map(|table| layout(*table).table).collect();
    not_inserted.sort_unstable();
    not_inserted.dedup();
    let (segment, not_inserted) = (job.segment_id(), not_inserted.join(", "));
    match set_aside(spool, withdrawn, job).await? {
        Aside::Kept => tracing::error!(
            segment,
            not_inserted,
            "A segment holds rows that the store refuses. It is kept in the spool's quarantine; its rows of the tables \
             named here are not inserted, those of other tables are, and so are the segments after it."
        ),
        Aside::Gone => tell_gone(&segment),
    }
    Ok(())
}

fn tell_gone(segment: &str) {
    tracing::error!(
        segment,
        "The file of a segment is gone from the spool's folder: something else than Kruimel removed it. What of it the \
         store does not hold yet is lost; the segments after it are inserted."
    );
}

async fn set_aside(spool: &Spool, withdrawn: &Withdrawn, job: &Job) -> Result<Aside, StoreError> {
    let (spool, withdrawn) = (spool.clone(), withdrawn.clone());
    let (segment, batches) = (Arc::clone(&job.segment), job.batches.clone());
    let may_end_consents = job.may_end_consents();
    super::blocking(move || {
        // Also where the disk is full, and what is behind it has to wait for room: a start does not read the quarantine, and
        // the store may not have its decisions.
        if may_end_consents {
            withdrawn.save()?;
        }
        spool.set_aside(&segment, &batches)
    })
    .await
}
