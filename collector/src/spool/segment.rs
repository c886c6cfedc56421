//! A segment on disk: the name of its file, the header it begins with, and its content.
//!
//! The name is `<sequence>-<id>.<state>`; a segment whose file must not be read beyond a length carries that length as
//! a third part, `<sequence>-<id>-<bytes>.sealed`. The header is `magic | version u32 | id u64 | sequence u64 |
//! created_ms u64 | CRC-32`, little-endian. Records follow, see [`super::frame`].
//!
//! Invariant: what a reader does not understand is an error or damage, never an empty segment.

use super::frame::{self, Scan};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The version that this build writes. Older ones are read forever.
pub const FORMAT_VERSION: u32 = 3;

/// Length of the header.
pub(crate) const HEADER_BYTES: usize = 40;

const MAGIC: &[u8; 8] = b"kruimel\n";

/// What the file of a segment is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// Being appended to, or left behind by a crash.
    Open,
    /// Complete, waiting for the drain.
    Sealed,
    /// In the store. The file holds the ids of its batches and no row.
    Done,
}

impl State {
    const ALL: [State; 3] = [State::Open, State::Sealed, State::Done];

    fn ending(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Sealed => "sealed",
            State::Done => "done",
        }
    }
}

/// The name of a segment's file. Sorts by sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) sequence: u64,
    pub(crate) id: u64,
    /// Bytes after this length were not acknowledged and are not read.
    pub(crate) limit: Option<u64>,
    pub(crate) state: State,
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:016}-{:016x}", self.sequence, self.id)?;
        if let Some(limit) = self.limit {
            write!(out, "-{limit}")?;
        }
        write!(out, ".{}", self.state.ending())
    }
}

/// A file name that is not a segment's.
#[derive(Debug)]
pub(crate) struct NotASegment;

impl FromStr for Name {
    type Err = NotASegment;

    fn from_str(text: &str) -> Result<Self, NotASegment> {
        let (stem, ending) = text.split_once('.').ok_or(NotASegment)?;
        let state = State::ALL.into_iter().find(|state| state.ending() == ending).ok_or(NotASegment)?;
        let mut parts = stem.split('-');
        let sequence = parts.next().and_then(|part| part.parse().ok()).ok_or(NotASegment)?;
        let id = parts.next().and_then(|part| u64::from_str_radix(part, 16).ok()).ok_or(NotASegment)?;
        let limit = parts.next().map(str::parse).transpose().map_err(|_| NotASegment)?;
        let name = Name { sequence, id, limit, state };
        if name.to_string() == text { Ok(name) } else { Err(NotASegment) }
    }
}

/// The header's bytes.
pub(crate) fn header(name: &Name, created_ms: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes.extend_from_slice(&name.id.to_le_bytes());
    bytes.extend_from_slice(&name.sequence.to_le_bytes());
    bytes.extend_from_slice(&created_ms.to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// A segment that a later version wrote.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LaterVersion(pub(crate) u32);

/// Reads a segment's bytes. With a damaged header the name tells the id, and the records are looked for as ever.
pub(crate) fn read<'bytes>(name: &Name, bytes: &'bytes [u8]) -> Result<Scan<'bytes>, LaterVersion> {
    let bytes = match name.limit {
        Some(limit) => &bytes[..bytes.len().min(usize::try_from(limit).unwrap_or(usize::MAX))],
        None => bytes,
    };
    let Some(head) = bytes.first_chunk::<HEADER_BYTES>() else {
        return Ok(Scan { torn_from: Some(0), ..Scan::default() });
    };
    let version = read_header(head, name);
    if let Some(later) = version.filter(|version| *version > FORMAT_VERSION) {
        return Err(LaterVersion(later));
    }
    let mut found = frame::scan(bytes, name.id, HEADER_BYTES);
    if version.is_none() {
        if found.records.is_empty() && found.damage.is_empty() && head.iter().all(|byte| *byte == 0) {
            found.torn_from = Some(0);
        } else {
            found.damage.insert(0, 0..HEADER_BYTES);
        }
    }
    Ok(found)
}

/// When the segment was begun, if its header tells.
pub(crate) fn created_ms(name: &Name, bytes: &[u8]) -> Option<u64> {
    let head = bytes.first_chunk::<HEADER_BYTES>()?;
    read_header(head, name).filter(|version| *version <= FORMAT_VERSION)?;
    Some(u64::from_le_bytes(*head[28..].first_chunk::<8>()?))
}

/// The version, if the header is whole and this segment's.
fn read_header(head: &[u8; HEADER_BYTES], name: &Name) -> Option<u32> {
    let (fields, sum) = head.split_at(HEADER_BYTES - 4);
    let whole = fields.starts_with(MAGIC) && sum == crc32fast::hash(fields).to_le_bytes();
    let ours = fields[12..20] == name.id.to_le_bytes() && fields[20..28] == name.sequence.to_le_bytes();
    let version = u32::from_le_bytes(*fields[8..].first_chunk::<4>()?);
    (whole && (ours || version > FORMAT_VERSION)).then_some(version)
}

/// A segment that waits for the drain.
#[derive(Debug)]
pub struct Sealed {
    pub(crate) name: Name,
    pub(crate) path: PathBuf,
    /// Bytes that the file takes on disk.
    pub(crate) bytes: u64,
    pub(crate) created_ms: u64,
    /// It was there when the spool was opened, so an earlier run may have inserted it.
    pub(crate) inherited: bool,
    /// Records of it were damaged and are kept in quarantine, so the store may hold more of it than the file does.
    pub(crate) salvaged: bool,
}

impl Sealed {
    /// The id that every row of the segment carries.
    pub fn id(&self) -> u64 {
        self.name.id
    }

    /// Segments are drained in the order of these, unless one is stuck.
    pub fn sequence(&self) -> u64 {
        self.name.sequence
    }

    /// Whether an earlier run may have inserted it already.
    pub fn inherited(&self) -> bool {
        self.inherited
    }

    /// Whether the store may rightly hold more rows of it than the file does.
    pub fn salvaged(&self) -> bool {
        self.salvaged
    }

    pub(crate) fn in_folder(folder: &Path, name: Name, bytes: u64, created_ms: u64) -> Self {
        Sealed {
            path: folder.join(name.to_string()),
            name,
            bytes,
            created_ms,
            inherited: false,
            salvaged: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_as_written_and_nothing_else_is_a_name() {
        for limit in [None, Some(4096)] {
            for state in State::ALL {
                let name = Name { sequence: 12, id: 0xfeed, limit, state };
                assert_eq!(name.to_string().parse::<Name>().ok(), Some(name));
            }
        }
        for text in ["lock", "withdrawn", "1-2.open", "0000000000000001-000000000000000a.tmp", "a-b-c-d.done"]
        {
            assert!(text.parse::<Name>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_damaged_header_is_damage_and_a_later_version_is_refused() {
        let name = Name { sequence: 1, id: 2, limit: None, state: State::Sealed };
        let whole = header(&name, 3);
        assert!(read(&name, &whole).unwrap().damage.is_empty());

        let mut flipped = whole.clone();
        flipped[30] ^= 1;
        assert_eq!(read(&name, &flipped).unwrap().damage.first(), Some(&(0..HEADER_BYTES)));

        let mut later = whole[..HEADER_BYTES - 4].to_vec();
        later[8] = 9;
        let sum = crc32fast::hash(&later).to_le_bytes();
        later.extend_from_slice(&sum);
        assert_eq!(read(&name, &later).map(|_| ()), Err(LaterVersion(9)));
    }
}
