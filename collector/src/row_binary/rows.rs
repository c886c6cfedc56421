//! Rows as they are held on their way to the store: what a batch's have in common is there once.
//!
//! In: rows, written in two pieces around the shared columns, or whole. Out: each row again, in pieces. Invariant: the pieces
//! of a row, one after the other, are the row.

use super::{Encoder, SEGMENT_ID_BYTES};
use std::borrow::Cow;

/// What a row of an event has of its own, about, in bytes: room that is made at once.
const OWN_BYTES: usize = 128;

/// One row, in the pieces in which it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// Begins with the place of the segment's id.
    pub(crate) head: &'a [u8],
    /// The columns that it has in common with its neighbours.
    pub(crate) shared: &'a [u8],
    pub(crate) tail: &'a [u8],
}

impl<'a> Row<'a> {
    /// The row in one piece.
    pub fn whole(self) -> Cow<'a, [u8]> {
        match (self.shared, self.tail) {
            ([], []) => Cow::Borrowed(self.head),
            _ => Cow::Owned([self.head, self.shared, self.tail].concat()),
        }
    }

    /// Whether it is one that was erased where it waited: what is its own is zeros. Of no other row it is, for each has a
    /// time or a day of its own.
    pub(crate) fn is_blank(self) -> bool {
        [self.head, self.tail].into_iter().flatten().all(|byte| *byte == 0)
    }

    /// Its bytes.
    pub fn size(self) -> usize {
        self.head.len() + self.shared.len() + self.tail.len()
    }
}

/// Rows of one table. The columns that all of them have in common, one after the other, are held once: of a batch they are
/// four fifths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    shared: Vec<u8>,
    own: Vec<u8>,
    /// Of each row the bytes before the shared ones, and where it ends in `own`.
    ends: Vec<(usize, usize)>,
}

impl Rows {
    /// For so many rows with these columns in their middle.
    pub(crate) fn around(shared: Vec<u8>, rows: usize) -> Rows {
        Rows { shared, own: Vec::with_capacity(rows * OWN_BYTES), ends: Vec::with_capacity(rows) }
    }

    /// Writes a row: what comes before the shared columns, and what after them.
    pub(crate) fn push(&mut self, head: impl FnOnce(&mut Encoder), tail: impl FnOnce(&mut Encoder)) {
        let start = self.own.len();
        let mut out = Encoder { bytes: std::mem::take(&mut self.own) };
        out.put(&[0; SEGMENT_ID_BYTES]);
        head(&mut out);
        let middle = out.bytes.len() - start;
        tail(&mut out);
        self.own = out.bytes;
        self.ends.push((middle, self.own.len()));
    }

    /// Adds a whole row to rows that share nothing.
    pub(crate) fn add(&mut self, row: &[u8]) {
        debug_assert!(self.shared.is_empty(), "a whole row has no gap for what is shared");
        self.own.extend_from_slice(row);
        self.ends.push((row.len(), self.own.len()));
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Each row.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.own().map(|(middle, own)| {
            let (head, tail) = own.split_at(middle);
            Row { head, shared: &self.shared, tail }
        })
    }

    /// The bytes of all rows, each whole.
    pub fn size(&self) -> usize {
        self.own.len() + self.ends.len() * self.shared.len()
    }

    pub(crate) fn shared(&self) -> &[u8] {
        &self.shared
    }

    /// Of each row what is its own, and where in it the shared columns go.
    pub(crate) fn own(&self) -> impl ExactSizeIterator<Item = (usize, &[u8])> {
        let start = |place: usize| if place == 0 { 0 } else { self.ends[place - 1].1 };
        self.ends
            .iter()
            .enumerate()
            .map(move |(place, (middle, end))| (*middle, &self.own[start(place)..*end]))
    }

    /// The bytes that are held.
    pub(crate) fn held_size(&self) -> usize {
        self.own.len() + self.shared.len()
    }
}

impl From<Vec<Vec<u8>>> for Rows {
    /// Rows that share nothing.
    fn from(rows: Vec<Vec<u8>>) -> Rows {
        let mut all = Rows::default();
        rows.iter().for_each(|row| all.add(row));
        all
    }
}
