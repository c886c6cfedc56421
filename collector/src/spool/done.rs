//! What stays of a drained segment for fifteen minutes: the ids of its batches, and when each was appended.
//!
//! Only the ids, not the rows: a quarter of an hour of rows would take the room that an outage needs, and rows of a
//! receipt that is withdrawn in that time would outlive their erasure. The file is a segment's header and one frame.

use super::backlog::Clock;
use super::frame;
use super::segment::{self, HEADER_BYTES, Name};
use std::io;
use wire::BatchId;

/// A batch and when it was appended, in milliseconds since 1970.
pub(crate) type StoredBatch = (BatchId, u64);

/// Most ids in one file: below the largest frame, and far above what a segment holds.
const IDS_MAX: usize = 32 * 1024;

/// The file's bytes, and the latest reading of the clock among its batches. Nothing where no id is recent.
pub(crate) fn encode(
    name: &Name,
    created_ms: u64,
    batches: &[StoredBatch],
    clock: &Clock,
) -> io::Result<Option<(Vec<u8>, u64)>> {
    let recent: Vec<_> = batches
        .iter()
        .filter_map(|(id, at_ms)| Some((id.0, *at_ms, clock.recent(name.sequence, *at_ms)?)))
        .collect();
    let Some(newest_ms) = recent.iter().map(|(_, _, reading)| *reading).max() else {
        return Ok(None);
    };
    let mut bytes = segment::header(name, created_ms);
    let ids: Vec<(u128, u64)> = recent.into_iter().map(|(id, at_ms, _)| (id, at_ms)).collect();
    for ids in ids.chunks(IDS_MAX) {
        let payload = postcard::to_allocvec(ids).map_err(io::Error::other)?;
        frame::write(&mut bytes, name.id, &payload);
    }
    Ok(Some((bytes, newest_ms)))
}

/// The batches of a file, or nothing if it is damaged.
pub(crate) fn decode(name: &Name, bytes: &[u8]) -> Option<Vec<StoredBatch>> {
    let mut batches = Vec::new();
    let mut at = HEADER_BYTES;
    while at < bytes.len() {
        let (payload, end) = frame::read(bytes, name.id, at)?;
        let ids: Vec<(u128, u64)> = postcard::from_bytes(payload).ok()?;
        batches.extend(ids.into_iter().map(|(id, at_ms)| (BatchId(id), at_ms)));
        at = end;
    }
    Some(batches)
}
