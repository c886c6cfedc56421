//! Rows in ClickHouse's `RowBinary`: how a row is written, and the header that names and types its columns.
//!
//! In: the values of one row, in the order of a [`Layout`]. Out: the bytes that the spool keeps and the drain inserts.
//! The header goes before the rows of an insert (`FORMAT RowBinaryWithNamesAndTypes`), so that the store compares
//! every name and type with its table and refuses a row that was written for another. Events are turned
//! into columns, whose values the store casts where a column of its table has another type.
//!
//! Invariant: the first column of every layout is `segment_id UInt64`. It is zero until the drain, which knows the
//! segment, writes it over the first eight bytes of the row ([`SEGMENT_ID_BYTES`]).

mod columns;
mod rows;

pub(crate) use columns::{BLOCK_ROWS_MAX, Columns, MalformedRow};
pub use rows::{Row, Rows};

use std::net::Ipv6Addr;

/// Length of the column `segment_id`, the first of every row.
pub const SEGMENT_ID_BYTES: usize = 8;

/// The columns of a table in the order that its rows are written.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The name of the table.
    pub table: &'static str,
    /// Name and ClickHouse type of every column; the first is `("segment_id", "UInt64")`.
    pub columns: &'static [(&'static str, &'static str)],
}

impl Layout {
    /// What comes before the first row of an insert: the number of columns, their names, their types.
    pub fn header(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_length(&mut bytes, self.columns.len());
        for (name, _) in self.columns {
            write_bytes(&mut bytes, name.as_bytes());
        }
        for (_, kind) in self.columns {
            write_bytes(&mut bytes, kind.as_bytes());
        }
        bytes
    }

    /// The bytes of one column of a row (of a string without its length), or nothing if the row does not hold it.
    pub fn field<'row>(&self, row: &'row [u8], column: &str) -> Option<&'row [u8]> {
        let mut rest = row;
        for (name, kind) in self.columns {
            let (value, after) = split(kind, rest)?;
            if *name == column {
                return Some(value);
            }
            rest = after;
        }
        None
    }
}

/// Writes one row, column after column.
#[derive(Clone, Debug)]
pub struct Encoder {
    bytes: Vec<u8>,
}

impl Default for Encoder {
    fn default() -> Self {
        Encoder::row()
    }
}

impl Encoder {
    /// Begins a row with the place that the drain fills with the segment's id.
    pub fn row() -> Self {
        let mut row = Vec::with_capacity(SEGMENT_ID_BYTES + 256);
        row.extend_from_slice(&[0; SEGMENT_ID_BYTES]);
        Encoder { bytes: row }
    }

    /// Begins some columns of a row, which the rows of a batch have in common.
    pub fn part() -> Self {
        Encoder { bytes: Vec::with_capacity(512) }
    }

    /// `UInt8`
    pub fn uint8(&mut self, value: u8) -> &mut Self {
        self.bytes.push(value);
        self
    }

    /// `UInt16`
    pub fn uint16(&mut self, value: u16) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    /// `UInt32`
    pub fn uint32(&mut self, value: u32) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    /// `UInt64`
    pub fn uint64(&mut self, value: u64) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    /// `String` and `LowCardinality(String)`
    pub fn string(&mut self, value: &str) -> &mut Self {
        write_bytes(&mut self.bytes, value.as_bytes());
        self
    }

    /// `Array(String)` and `Array(LowCardinality(String))`
    pub fn strings<Text: AsRef<str>>(&mut self, values: &[Text]) -> &mut Self {
        write_length(&mut self.bytes, values.len());
        for value in values {
            write_bytes(&mut self.bytes, value.as_ref().as_bytes());
        }
        self
    }

    /// `IPv6`
    pub fn ipv6(&mut self, value: Ipv6Addr) -> &mut Self {
        self.put(&value.octets())
    }

    /// `DateTime64(3)`, in milliseconds since 1970
    pub fn date_time_ms(&mut self, value: i64) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    /// `DateTime`, in seconds since 1970
    pub fn date_time(&mut self, value: u32) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    /// `Date`, in days since 1970
    pub fn date(&mut self, days: u16) -> &mut Self {
        self.put(&days.to_le_bytes())
    }

    /// The finished row.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// LEB128, the variable length integer that ClickHouse puts before strings and arrays.
fn write_length(out: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

fn read_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut length = 0_u64;
    for (place, byte) in bytes.iter().enumerate().take(9) {
        length |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(length).ok()?, &bytes[place + 1..]));
        }
    }
    None
}

/// Splits the value of one column from the rest of the row.
fn split<'row>(kind: &str, row: &'row [u8]) -> Option<(&'row [u8], &'row [u8])> {
    if let Some(inner) = kind.strip_prefix("LowCardinality(") {
        return split(inner.strip_suffix(')')?, row);
    }
    if let Some(inner) = kind.strip_prefix("Array(") {
        let (count, mut rest) = read_length(row)?;
        for _ in 0..count {
            rest = split(inner.strip_suffix(')')?, rest)?.1;
        }
        return row.split_at_checked(row.len() - rest.len());
    }
    if kind == "String" {
        let (length, rest) = read_length(row)?;
        return rest.split_at_checked(length);
    }
    row.split_at_checked(width_of(kind)?)
}

/// The bytes of a value of a type whose values are all of one length.
pub(crate) fn width_of(kind: &str) -> Option<usize> {
    match kind {
        "UInt8" => Some(1),
        "UInt16" | "Date" => Some(2),
        "UInt32" => Some(4),
        "UInt64" => Some(8),
        "IPv6" => Some(16),
        _ if kind.starts_with("DateTime64(") => Some(8),
        _ if kind.starts_with("DateTime") => Some(4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout {
        table: "things",
        columns: &[
            ("segment_id", "UInt64"),
            ("names", "Array(LowCardinality(String))"),
            ("at", "DateTime64(3, 'UTC')"),
            ("hour", "DateTime('UTC')"),
            ("site_id", "LowCardinality(String)"),
            ("count", "UInt64"),
        ],
    };

    fn check(write: impl FnOnce(&mut Encoder) -> &mut Encoder, expected: &[u8]) {
        let mut row = Encoder::row();
        write(&mut row);
        let bytes = row.finish();
        assert_eq!(bytes[..SEGMENT_ID_BYTES], [0; 8]);
        assert_eq!(&bytes[SEGMENT_ID_BYTES..], expected);
    }

    #[test]
    fn every_type_is_written_as_clickhouse_reads_it() {
        check(|row| row.uint8(7), &[7]);
        check(|row| row.uint16(0x0102), &[2, 1]);
        check(|row| row.uint32(0x0102_0304), &[4, 3, 2, 1]);
        check(|row| row.uint64(0x0102_0304_0506_0708), &[8, 7, 6, 5, 4, 3, 2, 1]);
        check(|row| row.string(""), &[0]);
        check(|row| row.string("é"), &[2, 0xc3, 0xa9]);
        check(|row| row.strings::<&str>(&[]), &[0]);
        check(|row| row.strings(&["a", "bc"]), &[2, 1, b'a', 2, b'b', b'c']);
        check(
            |row| row.ipv6("2001:db8::1".parse().unwrap()),
            &[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        );
        check(|row| row.date_time_ms(-2), &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        check(|row| row.date_time(1), &[1, 0, 0, 0]);
        check(|row| row.date(258), &[2, 1]);
    }

    #[test]
    fn a_length_takes_seven_bits_to_a_byte() {
        for (length, expected) in [
            (0, vec![0]),
            (127, vec![127]),
            (128, vec![0x80, 1]),
            (300, vec![0xac, 2]),
            (16_384, vec![0x80, 0x80, 1]),
        ] {
            let mut bytes = Vec::new();
            write_length(&mut bytes, length);
            assert_eq!(bytes, expected, "{length}");
            assert_eq!(read_length(&bytes), Some((length, &[][..])));
        }
    }

    #[test]
    fn the_header_names_every_column_and_then_every_type() {
        let layout = Layout { table: "t", columns: &[("segment_id", "UInt64"), ("a", "String")] };
        assert_eq!(layout.header(), b"\x02\x0asegment_id\x01a\x06UInt64\x06String");
    }

    #[test]
    fn a_field_is_found_behind_columns_of_any_width() {
        let mut row = Encoder::row();
        row.strings(&["x", "yz"]).date_time_ms(5).date_time(6).string("city").uint64(9);
        let row = row.finish();
        assert_eq!(LAYOUT.field(&row, "site_id"), Some(&b"city"[..]));
        assert_eq!(LAYOUT.field(&row, "count"), Some(&9_u64.to_le_bytes()[..]));
        assert_eq!(LAYOUT.field(&row, "missing"), None);
        assert_eq!(
            LAYOUT.field(&row[..row.len() - 1], "count"),
            None,
            "a row that is cut short holds no count"
        );
    }
}
