//! Output for people. Whoever closed the other end of it has read enough: that is no reason to fail.

use std::io::Write;

/// Writes a text to standard output.
pub(crate) fn say(text: &str) {
    if let Err(error) = std::io::stdout().write_all(text.as_bytes()) {
        tracing::debug!(%error, "Standard output was closed.");
    }
}
