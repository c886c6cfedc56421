//! Erasing rows of segments that wait for the store, for as long as it is away.
//!
//! In: what a withdrawal erases. Out: the same segments without these rows. Invariant: a row that goes is overwritten with
//! zeros in a file of the same name, length and records, which takes the other's place at once or not at all. So the ids of
//! batches, the receipts of records, the parts of an insert and its tokens are what they were, and a try of which nobody
//! knows the outcome is told as before; the drain leaves rows of zeros out ([`crate::row_binary::Row::is_blank`]). A
//! segment that left the spool meanwhile does not come back.
//!
//! Bytes that cannot be read are overwritten too, because nobody can prove of them whose they are: what of them may be
//! kept is in quarantine.

use super::backlog::Shared;
use super::disk::write_whole;
use super::frame;
use super::quarantine;
use super::record::{self, StoredRecord};
use super::segment::{self, HEADER_BYTES, Sealed};
use std::io;
use std::ops::Range;
use std::time::Duration;

/// Which rows of a record are to be erased.
pub(crate) type Gone<'a> = &'a dyn Fn(&StoredRecord<'_>) -> Vec<usize>;

/// Whether what was begun then is that old. A time to come is one of a clock that was set, and as good as old.
pub(crate) fn is_rested(shared: &Shared, since_ms: u64, age: Duration) -> bool {
    let passed = shared.clock.wall_ms().checked_sub(since_ms);
    passed.is_none_or(|passed_ms| u128::from(passed_ms) >= age.as_millis())
}

/// Looks through every sealed segment of that age, the newest record first. What fails is logged and stays for the next time.
pub(crate) fn waiting(shared: &Shared, age: Duration, gone: Gone<'_>) {
    let segments = shared.waiting();
    for segment in segments.iter().rev().filter(|segment| is_rested(shared, segment.created_ms, age)) {
        let _files = shared.files();
        if !shared.waits(segment.id()) {
            continue;
        }
        match rewrite(shared, segment, gone) {
            Ok(0) => {}
            Ok(rows) => {
                tracing::info!(
                    rows,
                    "Rows of withdrawn receipts were erased from a segment that waits for the store."
                );
            }
            Err(error) => {
                tracing::error!(file = %segment.path.display(), %error, "A segment that waits for the store cannot be rid of withdrawn rows; it is tried again.");
            }
        }
    }
}

/// Gives the number of rows that were erased.
fn rewrite(shared: &Shared, segment: &Sealed, gone: Gone<'_>) -> io::Result<usize> {
    let mut bytes = shared.disk.read(&segment.path)?;
    let Ok(scan) = segment::read(&segment.name, &bytes) else { return Ok(0) };
    let erased: Vec<(Range<usize>, Vec<usize>)> = scan
        .records
        .iter()
        .zip(&scan.frames)
        .rev()
        .map(|(record, frame)| (frame.clone(), gone(record)))
        .filter(|(_, rows)| !rows.is_empty())
        .collect();
    let unread: Vec<Range<usize>> = unread(&scan.frames, bytes.len())
        .into_iter()
        .filter(|range| bytes[range.clone()].iter().any(|byte| *byte != 0))
        .collect();
    let damaged = !scan.damage.is_empty() || scan.torn_from.is_some();
    drop(scan);
    if erased.is_empty() && unread.is_empty() {
        return Ok(0);
    }
    if damaged && !segment.salvaged {
        quarantine::keep(shared, &segment.path, &segment.name)?;
    }
    for (frame, rows) in &erased {
        frame::change(&mut bytes[frame.clone()], segment.name.id, |payload| record::blank(payload, rows));
    }
    unread.into_iter().for_each(|range| bytes[range].fill(0));
    // Both files are there until one has the other's place, and count.
    shared.add_bytes(bytes.len() as u64);
    let written = write_whole(&*shared.disk, &segment.path, &bytes);
    shared.subtract_bytes(bytes.len() as u64);
    written?;
    Ok(erased.iter().map(|(_, rows)| rows.len()).sum())
}

/// What lies beside the records, the header apart.
fn unread(frames: &[Range<usize>], length: usize) -> Vec<Range<usize>> {
    let starts = frames.iter().map(|frame| frame.start).chain([length]);
    let ends = [HEADER_BYTES.min(length)].into_iter().chain(frames.iter().map(|frame| frame.end));
    ends.zip(starts).map(|(end, start)| end..start).filter(|range| !range.is_empty()).collect()
}
