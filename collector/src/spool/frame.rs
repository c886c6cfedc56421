//! How a record lies in a segment, and how records are found again in bytes that may be damaged.
//!
//! A frame is `length u32 | checksum u32 | payload`, little-endian. The checksum is CRC-32 over the segment's id, the
//! length and the payload, so that zeros are no frame and a frame of another segment is none either.
//!
//! In: a segment's bytes. Out: its records, and which bytes are none. Invariant: a frame that was written whole and
//! not changed since is found, whatever happened to the bytes around it.

use super::record::StoredRecord;
use std::ops::Range;

/// Largest payload of one record: a hundred events with every text at its limit take a third of it.
pub const RECORD_BYTES_MAX: usize = 1024 * 1024;

/// What a frame takes besides its payload.
pub(crate) const HEAD_BYTES: usize = 8;

/// Appends the frame of a payload that is not larger than [`RECORD_BYTES_MAX`].
pub(crate) fn write(out: &mut Vec<u8>, segment_id: u64, payload: &[u8]) {
    let length = (payload.len() as u32).to_le_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&checksum(segment_id, length, payload).to_le_bytes());
    out.extend_from_slice(payload);
}

/// The bytes that the frame of such a payload takes.
pub(crate) fn size(payload: &[u8]) -> u64 {
    (HEAD_BYTES + payload.len()) as u64
}

/// The payload of the frame that begins at `at`, and where it ends.
pub(crate) fn read(bytes: &[u8], segment_id: u64, at: usize) -> Option<(&[u8], usize)> {
    let head = bytes.get(at..at + HEAD_BYTES)?;
    let (length, sum) = head.split_at(4);
    let length: [u8; 4] = length.try_into().ok()?;
    let size = u32::from_le_bytes(length) as usize;
    if size == 0 || size > RECORD_BYTES_MAX {
        return None;
    }
    let end = at + HEAD_BYTES + size;
    let payload = bytes.get(at + HEAD_BYTES..end)?;
    (checksum(segment_id, length, payload).to_le_bytes() == sum).then_some((payload, end))
}

/// Changes a frame's payload, which keeps its length.
pub(crate) fn change(frame: &mut [u8], segment_id: u64, change: impl FnOnce(&mut [u8])) {
    let Some((head, payload)) = frame.split_first_chunk_mut::<HEAD_BYTES>() else { return };
    change(payload);
    let length = (payload.len() as u32).to_le_bytes();
    head[4..].copy_from_slice(&checksum(segment_id, length, payload).to_le_bytes());
}

/// What was found between a segment's header and its end.
#[derive(Debug, Default)]
pub(crate) struct Scan<'bytes> {
    pub(crate) records: Vec<StoredRecord<'bytes>>,
    /// Where each of the records lies.
    pub(crate) frames: Vec<Range<usize>>,
    /// Bytes that were a record once and can no longer be read.
    pub(crate) damage: Vec<Range<usize>>,
    /// Where a last record begins that was never written whole, so never acknowledged.
    pub(crate) torn_from: Option<usize>,
}

/// Finds the records from `start` to the end of the bytes.
pub(crate) fn scan(bytes: &[u8], segment_id: u64, start: usize) -> Scan<'_> {
    let mut found = Scan::default();
    let mut at = start;
    while at < bytes.len() {
        if let Some((record, end)) = record_at(bytes, segment_id, at) {
            found.records.push(record);
            found.frames.push(at..end);
            at = end;
            continue;
        }
        match (at + 1..bytes.len()).find(|&next| record_at(bytes, segment_id, next).is_some()) {
            Some(next) => {
                found.damage.push(at..next);
                at = next;
            }
            None if is_torn(&bytes[at..]) => {
                found.torn_from = Some(at);
                break;
            }
            None => {
                found.damage.push(at..bytes.len());
                break;
            }
        }
    }
    found
}

fn record_at(bytes: &[u8], segment_id: u64, at: usize) -> Option<(StoredRecord<'_>, usize)> {
    let (payload, end) = read(bytes, segment_id, at)?;
    Some((StoredRecord::decode(payload)?, end))
}

/// Whether the last bytes look like a write that was cut short: fewer than the frame's head announces, or the zeros
/// that a file system puts where a length reached the disk and the content did not.
fn is_torn(tail: &[u8]) -> bool {
    let announced = tail.first_chunk::<4>().map(|length| u32::from_le_bytes(*length) as usize);
    let cut_short = match announced {
        None => true,
        Some(length) => length <= RECORD_BYTES_MAX && tail.len() < HEAD_BYTES + length,
    };
    cut_short || tail.iter().all(|byte| *byte == 0)
}

fn checksum(segment_id: u64, length: [u8; 4], payload: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&segment_id.to_le_bytes());
    sum.update(&length);
    sum.update(payload);
    sum.finalize()
}

#[cfg(test)]
mod tests {
    use super::super::record::{Record, Table, encode};
    use super::*;
    use proptest::prelude::*;

    const ID: u64 = 0xabcd;

    fn frames(texts: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for text in texts {
            let rows = vec![text.clone()].into();
            let record = Record { consent_id: 1, ..Record::of(Table::Events, rows) };
            write(&mut bytes, ID, &encode(&record, 5).unwrap());
        }
        bytes
    }

    fn rows(scan: &Scan<'_>) -> Vec<Vec<u8>> {
        scan.records.iter().flat_map(|record| record.rows().map(|row| row.whole().into_owned())).collect()
    }

    #[test]
    fn zeros_and_frames_of_another_segment_are_no_records() {
        let scan_of_zeros = scan(&[0; 64], ID, 0);
        assert_eq!((scan_of_zeros.records.len(), scan_of_zeros.torn_from), (0, Some(0)));
        assert_eq!(scan(&frames(&[vec![1]]), ID + 1, 0).records.len(), 0);
    }

    proptest! {
        #[test]
        fn a_cut_leaves_every_record_before_it_and_invents_none(
            texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..6),
            place in any::<prop::sample::Index>(),
        ) {
            let bytes = frames(&texts);
            let cut = place.index(bytes.len() + 1);
            let whole = scan(&bytes, ID, 0).frames;
            let kept = whole.iter().filter(|frame| frame.end <= cut).count();
            let found = scan(&bytes[..cut], ID, 0);
            prop_assert_eq!(rows(&found), &texts[..kept]);
            prop_assert!(found.damage.is_empty());
            let torn = whole.iter().find(|frame| frame.contains(&cut) && frame.start != cut).map(|frame| frame.start);
            prop_assert_eq!(found.torn_from, torn);
        }

        #[test]
        fn a_flipped_bit_costs_its_own_record_only(
            texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..6),
            place in any::<prop::sample::Index>(),
            bit in 0..8,
        ) {
            let mut bytes = frames(&texts);
            let whole = scan(&bytes, ID, 0).frames;
            let at = place.index(bytes.len());
            let lost = whole.iter().position(|frame| frame.contains(&at)).unwrap();
            bytes[at] ^= 1_u8 << bit;
            let found = scan(&bytes, ID, 0);
            let mut others = texts.clone();
            others.remove(lost);
            prop_assert_eq!(rows(&found), others);
            prop_assert_eq!(found.damage.len() + usize::from(found.torn_from.is_some()), 1);
        }
    }
}
