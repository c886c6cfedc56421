//! The header of RowBinaryWithNamesAndTypes, which the engine repeats at the start of every chunk of a stream.
//!
//! In: chunks as the engine gives them. Out: the same without the repeats, so that joined they are one document.
//!
//! **Invariant.** A chunk that does not begin with the first chunk's header is an error, never passed on: joined blindly,
//! header bytes would be read as rows.

/// Strips the header from every chunk but the first.
#[derive(Debug, Default)]
pub(crate) struct Header {
    first: Option<Vec<u8>>,
}

impl Header {
    /// What of `chunk` belongs to the joined document; `None` if the chunk is not one of this document.
    pub(crate) fn strip<'b>(&mut self, chunk: &'b [u8]) -> Option<&'b [u8]> {
        match &self.first {
            Some(first) => chunk.strip_prefix(first.as_slice()),
            None => {
                self.first = Some(chunk.get(..length(chunk)?)?.to_vec());
                Some(chunk)
            }
        }
    }
}

/// Length of the header: a count, then as many names, then as many types.
fn length(chunk: &[u8]) -> Option<usize> {
    let (columns, mut at) = number(chunk, 0)?;
    for _ in 0..columns.checked_mul(2)? {
        let (text_length, after) = number(chunk, at)?;
        at = after.checked_add(usize::try_from(text_length).ok()?)?;
        if at > chunk.len() {
            return None;
        }
    }
    Some(at)
}

/// A LEB128 number at `at`, and where it ends.
fn number(bytes: &[u8], mut at: usize) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(at)?;
        at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value, at));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_header_is_kept() {
        let mut header = Header::default();
        assert_eq!(header.strip(b"\x01\x01a\x05UInt8\x07"), Some(&b"\x01\x01a\x05UInt8\x07"[..]));
        assert_eq!(header.strip(b"\x01\x01a\x05UInt8\x08\x09"), Some(&b"\x08\x09"[..]));
    }

    #[test]
    fn a_chunk_with_another_header_is_refused() {
        let mut header = Header::default();
        assert!(header.strip(b"\x01\x01a\x05UInt8\x07").is_some());
        assert_eq!(header.strip(b"\x01\x01b\x05UInt8\x07"), None);
        assert_eq!(header.strip(b"\x08\x09"), None);
    }

    #[test]
    fn a_torn_header_is_refused() {
        assert_eq!(Header::default().strip(b"\x02\x01a\x05UIn"), None);
        assert_eq!(Header::default().strip(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), None);
    }
}
