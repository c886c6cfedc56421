//! What is known of the sample history in a data folder: a file beside the spool, so that a fill that was cut off is done
//! again, one that was removed stays removed, and nobody removes what is still being written.

use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

const FILE: &str = "sample-history";

/// How far the sample history is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum History {
    /// Never begun.
    Absent,
    /// Begun and not finished, now or by a run that was cut off.
    Filling,
    /// All of it is in the store.
    Complete,
    /// Taken out again.
    Removed,
}

impl History {
    /// Reads the file. What cannot be read counts as never begun.
    pub(crate) fn read(data_dir: &Path) -> History {
        match fs::read_to_string(data_dir.join(FILE)).as_deref() {
            Ok("filling") => History::Filling,
            Ok("complete") => History::Complete,
            Ok("removed") => History::Removed,
            _ => History::Absent,
        }
    }

    /// Writes the file.
    pub(crate) fn write(self, data_dir: &Path) -> Result<()> {
        let text = match self {
            History::Absent => "",
            History::Filling => "filling",
            History::Complete => "complete",
            History::Removed => "removed",
        };
        let draft = data_dir.join(format!("{FILE}.new"));
        fs::write(&draft, text)
            .and_then(|()| fs::rename(&draft, data_dir.join(FILE)))
            .context("how far the sample history is cannot be written down")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(History::read(folder.path()), History::Absent);
        for history in [History::Filling, History::Complete, History::Removed, History::Absent] {
            history.write(folder.path()).unwrap();
            assert_eq!(History::read(folder.path()), history);
        }
    }
}
