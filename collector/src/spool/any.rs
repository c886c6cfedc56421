//! The spool's formats, read from any bytes: what must hold of whatever is found there, for whoever fuzzes, and samples to
//! begin with.
//!
//! In: bytes. Out: nothing of the checks, bytes of the samples. Invariant: a panic is a defect of the format's reader.

use super::record::{self, StoredRecord};
#[cfg(test)]
use super::record::{Record, Table};
use super::{done, frame, segment};

const ANY_SEGMENT: segment::Name =
    segment::Name { sequence: 1, id: 2, limit: None, state: segment::State::Sealed };

/// Reads any bytes as a segment, and checks what must hold of what is found: records and damage lie side by side, in
/// order, and within the bytes.
pub(crate) fn scan_any(bytes: &[u8]) {
    let Ok(scan) = segment::read(&ANY_SEGMENT, bytes) else { return };
    assert_eq!(scan.records.len(), scan.frames.len(), "a record has a place");
    let mut places: Vec<_> = scan.frames.iter().chain(&scan.damage).cloned().collect();
    places.sort_by_key(|place| place.start);
    assert!(places.windows(2).all(|two| two[0].end <= two[1].start), "no byte is of two");
    let end = places.last().map_or(0, |place| place.end);
    assert!(end <= bytes.len() && scan.torn_from.is_none_or(|from| from >= end || from == 0));
}

/// A segment of these payloads.
pub(crate) fn segment_of(payloads: &[&[u8]]) -> Vec<u8> {
    let mut bytes = segment::header(&ANY_SEGMENT, 3);
    payloads.iter().for_each(|payload| frame::write(&mut bytes, ANY_SEGMENT.id, payload));
    bytes
}

/// Reads any bytes as a record, and checks what must hold where they are one: without its rows it is as long as before,
/// and nothing is left of them.
pub(crate) fn record_any(bytes: &[u8]) {
    let Some(record) = StoredRecord::decode(bytes) else { return };
    let (rows, batch) = (record.rows().len(), record.batch());
    let mut blanked = bytes.to_vec();
    record::blank(&mut blanked, &(0..rows).collect::<Vec<_>>());
    let record = StoredRecord::decode(&blanked).expect("a record without its rows is one");
    assert_eq!((record.rows().len(), record.batch()), (rows, batch));
    assert!(record.rows().all(crate::row_binary::Row::is_blank), "nothing is left of a row");
}

/// Reads any bytes as a frame of drained batches' ids, and checks that there are no more of them than fit.
pub(crate) fn done_any(bytes: &[u8]) {
    let mut ids = 0;
    done::decode(&ANY_SEGMENT, &segment_of(&[bytes]), |_| ids += 1);
    assert!(ids <= bytes.len(), "an id takes room");
}

/// The payload of a record with one row.
#[cfg(test)]
pub(crate) fn sample_event(consent_id: u64, row: &[u8]) -> Vec<u8> {
    let rows = vec![row.to_vec()].into();
    let record = Record { consent_id, ..Record::of(Table::Events, rows) };
    record::encode(&record, 5).expect("a small record")
}

/// The payload of a batch with one row.
#[cfg(test)]
pub(crate) fn sample_batch(batch: u128, retry: Option<wire::HexId>) -> Vec<u8> {
    let rows = vec![vec![1; 30]].into();
    let batch = Some(wire::BatchId(batch));
    let record = Record { batch, retry, consent_id: 1, ..Record::of(Table::Events, rows) };
    record::encode(&record, 5).expect("a small record")
}

/// A segment with two records.
#[cfg(test)]
pub(crate) fn sample_segment() -> Vec<u8> {
    segment_of(&[&sample_batch(1, None), &sample_batch(2, None)])
}

/// A frame's payload of drained batches' ids.
#[cfg(test)]
pub(crate) fn sample_done() -> Vec<u8> {
    done::pack(&[&(wire::BatchId(1), 5), &(wire::BatchId(2), 6)])
}
