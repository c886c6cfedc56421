//! What stays of a drained segment for fifteen minutes: the ids of its batches, and when each was appended.
//!
//! Only the ids, not the rows: a quarter of an hour of rows would take the room that an outage needs, and rows of a
//! receipt that is withdrawn in that time would outlive their erasure. The file is a segment's header and frames, each
//! with the ids of one minute: `0 u8 | latest time u64 | id u128 …`, little-endian. Before November 2026 a frame was a list
//! of ids and times in `postcard`, which never begins with a zero; such frames are read forever.
//!
//! In: the batches of a segment. Out: the file's bytes, and the batches again. Invariant: a time that is read back is
//! never earlier than the one that was written, and less than a minute later.

use super::clock::Clock;
use super::frame;
use super::segment::{self, HEADER_BYTES, Name};
use wire::BatchId;

/// A batch and when it was appended, in milliseconds since 1970.
pub(crate) type StoredBatch = (BatchId, u64);

/// Most ids in one frame: half of the largest.
const FRAME_IDS_MAX: usize = 32 * 1024;
/// What is written into one frame has times of one such span.
const SPAN_MS: u64 = 60_000;
const ID_BYTES: usize = 16;
/// The first byte of a frame as it is written: in a list of `postcard` the number of ids, of which there is one at least.
const PACKED: u8 = 0;

/// The file's bytes, and the latest reading of the clock among its batches. Nothing where no id is recent.
pub(crate) fn encode(
    name: &Name,
    created_ms: u64,
    batches: &[StoredBatch],
    clock: &Clock,
) -> Option<(Vec<u8>, u64)> {
    let reading = |(_, at_ms): &StoredBatch| clock.recent(name.sequence, *at_ms);
    let recent: Vec<&StoredBatch> = batches.iter().filter(|batch| reading(batch).is_some()).collect();
    let newest_ms = recent.iter().filter_map(|batch| reading(batch)).max()?;
    let mut bytes = segment::header(name, created_ms);
    let of_one_span = |one: &&StoredBatch, next: &&StoredBatch| one.1 / SPAN_MS == next.1 / SPAN_MS;
    for ids in recent.chunk_by(of_one_span).flat_map(|span| span.chunks(FRAME_IDS_MAX)) {
        frame::write(&mut bytes, name.id, &pack(ids));
    }
    Some((bytes, newest_ms))
}

pub(crate) fn pack(batches: &[&StoredBatch]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(1 + 8 + batches.len() * ID_BYTES);
    payload.push(PACKED);
    let newest_ms = batches.iter().map(|(_, at_ms)| *at_ms).max().unwrap_or(0);
    payload.extend_from_slice(&newest_ms.to_le_bytes());
    batches.iter().for_each(|(id, _)| payload.extend_from_slice(&id.0.to_le_bytes()));
    payload
}

/// Gives each batch of a file, and tells whether all of it could be read.
pub(crate) fn decode(name: &Name, bytes: &[u8], mut each: impl FnMut(StoredBatch)) -> bool {
    let mut at = HEADER_BYTES;
    while at < bytes.len() {
        let Some((payload, end)) = frame::read(bytes, name.id, at) else { return false };
        let whole = match payload.split_first() {
            Some((&PACKED, packed)) => unpack(packed, &mut each),
            _ => postcard::from_bytes::<Vec<(u128, u64)>>(payload)
                .map(|ids| ids.into_iter().for_each(|(id, at_ms)| each((BatchId(id), at_ms))))
                .is_ok(),
        };
        if !whole {
            return false;
        }
        at = end;
    }
    true
}

fn unpack(packed: &[u8], each: &mut impl FnMut(StoredBatch)) -> bool {
    let Some((at_ms, ids)) = packed.split_first_chunk::<8>() else { return false };
    let at_ms = u64::from_le_bytes(*at_ms);
    let (ids, rest) = ids.as_chunks::<ID_BYTES>();
    ids.iter().for_each(|id| each((BatchId(u128::from_le_bytes(*id)), at_ms)));
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::super::segment::State;
    use super::*;

    const NAME: Name = Name { sequence: 1, id: 2, limit: None, state: State::Done };

    fn read(bytes: &[u8]) -> (bool, Vec<StoredBatch>) {
        let mut batches = Vec::new();
        let whole = decode(&NAME, bytes, |batch| batches.push(batch));
        (whole, batches)
    }

    #[test]
    fn ids_are_read_back_with_times_that_are_never_too_early_and_take_little_more_than_themselves() {
        let clock = Clock::start();
        let now_ms = clock.wall_ms() / SPAN_MS * SPAN_MS;
        let batches: Vec<StoredBatch> = (0..10_000)
            .map(|number| (BatchId(u128::MAX - number), now_ms - 60_000 + number as u64 * 9))
            .collect();
        let (bytes, _) = encode(&NAME, 3, &batches, &clock).unwrap();
        assert!(bytes.len() <= 10_000 * 16 + 200, "{} bytes", bytes.len());
        let (whole, again) = read(&bytes);
        assert!(whole);
        assert_eq!(again.len(), batches.len());
        for ((id, at_ms), (id_again, at_ms_again)) in batches.iter().zip(&again) {
            assert_eq!(id, id_again);
            assert!((*at_ms..at_ms + SPAN_MS).contains(at_ms_again));
        }
        assert_eq!(encode(&NAME, 3, &[(BatchId(1), 5)], &clock), None, "long ago");
    }

    #[test]
    fn a_list_of_ids_and_times_is_read_forever_and_damage_costs_what_follows_it() {
        let mut bytes = segment::header(&NAME, 3);
        for at_ms in [50_u64, 60] {
            let list = vec![(7_u128 + u128::from(at_ms), at_ms), (u128::MAX, 55)];
            frame::write(&mut bytes, NAME.id, &postcard::to_allocvec(&list).unwrap());
        }
        let all = [(57, 50), (u128::MAX, 55), (67, 60), (u128::MAX, 55)].map(|(id, at)| (BatchId(id), at));
        assert_eq!(read(&bytes), (true, all.to_vec()));
        *bytes.last_mut().unwrap() ^= 1;
        assert_eq!(read(&bytes), (false, all[..2].to_vec()));
    }
}
