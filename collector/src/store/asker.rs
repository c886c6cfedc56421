//! For whom the store is asked: the collector's own work, a visitor who looks at a page, or whoever else.
//!
//! In: a [`Store`]. Out: the same, whose statements say so or are bounded. Invariant: what a visitor can set off is read
//! only, short and on one thread.

use super::Store;

/// The header that names a statement as the collector's own work, for which the embedded engine keeps turns. Whoever else
/// asks has others; a server takes no notice.
pub const INTAKE_HEADER: &str = "x-kruimel-intake";

/// Longest time that the store spends on a visitor's page, in seconds. The page does not wait longer either.
const VISITOR_SECONDS_MAX: &str = "2";
/// Most memory of a statement for a visitor's page, in bytes.
const VISITOR_MEMORY_BYTES_MAX: &str = "200000000";

impl Store {
    /// The same for the collector's own work.
    pub(crate) fn for_intake(&self) -> Store {
        Store { client: self.client.clone().with_header(INTAKE_HEADER, "1"), ..self.clone() }
    }

    /// The same for what a visitor looks at.
    pub(crate) fn for_visitor(&self) -> Store {
        let limits = [
            ("readonly", "1"),
            ("max_execution_time", VISITOR_SECONDS_MAX),
            ("max_memory_usage", VISITOR_MEMORY_BYTES_MAX),
            ("max_threads", "1"),
        ];
        let client = self.client.clone();
        let client =
            limits.into_iter().fold(client, |client, (name, value)| client.with_setting(name, value));
        Store { client, ..self.clone() }
    }
}
