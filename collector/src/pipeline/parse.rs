//! Step 1, `parse`: bytes to [`RawBatch`]. What is not a batch of this protocol ends here; nothing of it is kept.

use super::Rejection;
use std::ops::Deref;
use wire::limits::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX};
use wire::{Batch, Event};

/// A batch as the browser wrote it: well-formed, and not yet allowed.
#[derive(Debug)]
pub struct RawBatch<'a>(Batch<'a>);

/// One event of a [`RawBatch`], together with the batch it came in.
#[derive(Clone, Copy, Debug)]
pub struct RawEvent<'a> {
    /// The batch: page and client.
    pub batch: &'a RawBatch<'a>,
    /// The event itself.
    pub event: &'a Event,
}

impl<'a> Deref for RawBatch<'a> {
    type Target = Batch<'a>;

    fn deref(&self) -> &Batch<'a> {
        &self.0
    }
}

impl<'a> RawBatch<'a> {
    /// The events in the order they happened.
    pub fn events(&'a self) -> impl Iterator<Item = RawEvent<'a>> {
        self.0.events.iter().map(move |event| RawEvent { batch: self, event })
    }
}

/// Reads a batch.
///
/// # Errors
/// [`Rejection::TooLarge`], [`Rejection::NotJson`], [`Rejection::UnsupportedVersion`], [`Rejection::NoEvents`],
/// [`Rejection::TooManyEvents`].
pub fn parse(body: &[u8]) -> Result<RawBatch<'_>, Rejection> {
    if body.len() > BATCH_BYTES_MAX {
        return Err(Rejection::TooLarge);
    }
    // Asked once of the whole, and not of every text in it.
    let text = std::str::from_utf8(body).map_err(|_| Rejection::NotJson)?;
    let batch: Batch<'_> = serde_json::from_str(text).map_err(|_| Rejection::NotJson)?;
    if batch.v != wire::VERSION {
        return Err(Rejection::UnsupportedVersion);
    }
    match batch.events.len() {
        0 => Err(Rejection::NoEvents),
        1..=BATCH_EVENTS_MAX => Ok(RawBatch(batch)),
        _ => Err(Rejection::TooManyEvents),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: Result<usize, Rejection>) {
        assert_eq!(parse(body.as_bytes()).map(|batch| batch.events.len()), expected, "{body}");
    }

    fn batch(version: u8, events: usize) -> String {
        let event = r#"{"seq":1,"kind":"view","age_ms":0}"#;
        format!(
            r#"{{"v":{version},"batch":"0198f2c4-9d1b-7c3e-8a55-0123456789ab","site":"demo","page":{{"view":"00000000000000aa",
            "host":"localhost","path":"/"}},"client":{{"visit":"00000000000000bb"}},"events":[{}]}}"#,
            vec![event; events].join(",")
        )
    }

    #[test]
    fn a_batch_is_read_and_everything_else_is_named() {
        check(&batch(1, 2), Ok(2));
        check(&batch(2, 1), Err(Rejection::UnsupportedVersion));
        check(&batch(1, 0), Err(Rejection::NoEvents));
        check(&batch(1, BATCH_EVENTS_MAX + 1), Err(Rejection::TooManyEvents));
        check("not json", Err(Rejection::NotJson));
        check(&batch(1, 1).replace("\"view\",\"age", "\"dance\",\"age"), Err(Rejection::NotJson));
        check(&batch(1, 1).replace("\"age_ms\":0", "\"age_ms\":-5"), Err(Rejection::NotJson));
        check(&" ".repeat(BATCH_BYTES_MAX + 1), Err(Rejection::TooLarge));
    }
}
