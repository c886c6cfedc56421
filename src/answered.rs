//! Whether the store ever answered this collector: what tells a restart while the store is away, which goes on, from a
//! first start with a wrong `store.url`, which fails.
//!
//! It is a file in the collector's own data folder. What several collectors share or copy (`keys`, `declarations/`,
//! `texts`) says nothing of it.

use collector::spool::disk::{Disk, RealDisk, write_whole};
use collector::spool::rows_wait;
use collector::spool_path;
use std::io;
use std::path::Path;

const FILE: &str = "store-answered";
/// For whoever finds the file. That it is there is all that counts.
const TEXT: &str = "The store has answered this collector, which from then on starts also while the store is away. Not to be copied to another collector.\n";

/// Whether the store answered this collector before. Where rows wait it did, whatever became of the file.
pub(crate) fn answered_before(data_dir: &Path) -> bool {
    data_dir.join(FILE).exists() || rows_wait(&spool_path(data_dir))
}

/// Writes down that the store answered.
///
/// # Errors
/// What the disk says; it is not known to be written then.
pub(crate) fn write_down(data_dir: &Path) -> io::Result<()> {
    let path = data_dir.join(FILE);
    match path.exists() {
        // It may have got there without its folder's entry.
        true => RealDisk.sync_directory(data_dir),
        false => write_whole(&RealDisk, &path, TEXT.as_bytes()),
    }
}
