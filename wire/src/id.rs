//! Identifiers: 64 random bits as sixteen lower-case hexadecimal digits, and a UUID for a batch.

use core::fmt;
use core::str::FromStr;

/// A random 64-bit id (visitor, visit, page view, consent). Written as sixteen lower-case hexadecimal digits, because
/// a JavaScript number cannot hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HexId(pub u64);

/// The id of a batch: a UUID, chosen by the browser and repeated with each retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BatchId(pub u128);

/// A text that is not an id of the expected form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidId;

impl fmt::Display for InvalidId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("not an id of the expected form")
    }
}

impl core::error::Error for InvalidId {}

impl fmt::Display for HexId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:016x}", self.0)
    }
}

impl FromStr for HexId {
    type Err = InvalidId;

    /// Reads exactly sixteen lower-case hexadecimal digits that are not all zero (zero means "no id" in the store).
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match hex(text, 16) {
            Some(value) if value != 0 => Ok(HexId(value as u64)),
            _ => Err(InvalidId),
        }
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:032x}", self.0);
        write!(out, "{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
    }
}

impl FromStr for BatchId {
    type Err = InvalidId;

    /// Reads the hyphenated form of a UUID (RFC 9562, section 4), lower case.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut digits = [0_u8; 32];
        let mut length = 0;
        if text.len() != 36 {
            return Err(InvalidId);
        }
        for (place, byte) in text.bytes().enumerate() {
            if matches!(place, 8 | 13 | 18 | 23) {
                if byte != b'-' {
                    return Err(InvalidId);
                }
                continue;
            }
            digits[length] = byte;
            length += 1;
        }
        let digits = core::str::from_utf8(&digits).map_err(|_| InvalidId)?;
        hex(digits, 32).map(BatchId).ok_or(InvalidId)
    }
}

fn hex(text: &str, length: usize) -> Option<u128> {
    let lower = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    if text.len() != length || !text.bytes().all(lower) {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

#[cfg(feature = "serde")]
mod as_text {
    use super::{BatchId, HexId};
    use core::fmt;
    use core::marker::PhantomData;
    use core::str::FromStr;
    use serde::de::{Error, Visitor};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    struct Text<T>(PhantomData<T>);

    impl<T: FromStr> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("an id in hexadecimal digits")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(|_| E::custom("not an id of the expected form"))
        }
    }

    impl Serialize for HexId {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }

    impl<'de> Deserialize<'de> for HexId {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_str(Text(PhantomData))
        }
    }

    impl Serialize for BatchId {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }

    impl<'de> Deserialize<'de> for BatchId {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_str(Text(PhantomData))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_written() {
        assert_eq!(HexId(0xab).to_string(), "00000000000000ab");
        assert_eq!("00000000000000ab".parse(), Ok(HexId(0xab)));
        let batch = "0198f2c4-9d1b-7c3e-8a55-0123456789ab";
        assert_eq!(batch.parse::<BatchId>().map(|id| id.to_string()), Ok(batch.to_owned()));
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for text in
            ["", "ab", "00000000000000AB", "0000000000000000", "+0000000000000ab", "00000000000000ab0"]
        {
            assert_eq!(text.parse::<HexId>(), Err(InvalidId), "{text}");
        }
        for text in ["0198f2c49d1b7c3e8a550123456789ab0000", "0198f2c4-9d1b-7c3e-8a55-0123456789a", "é"] {
            assert_eq!(text.parse::<BatchId>(), Err(InvalidId), "{text}");
        }
    }
}
