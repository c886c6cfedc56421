//! Room on the disk, asked before anything starts: a full disk is one sentence and no half-started server.

use anyhow::{Context, Result, ensure};
use std::path::Path;

/// Least room that a start needs: the engine's first parts and a segment of the spool, with some to spare.
const FREE_BYTES_MIN: u64 = 64 * 1024 * 1024;

/// Makes the data folder and checks that its disk has room.
pub(crate) fn prepare(data_dir: &Path) -> Result<()> {
    std::fs::create_dir_all(data_dir)
        .with_context(|| format!("the data folder {} cannot be made", data_dir.display()))?;
    let disk = rustix::fs::statvfs(data_dir)
        .with_context(|| format!("{} cannot be asked for room", data_dir.display()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    ensure!(
        free >= FREE_BYTES_MIN,
        "the disk of the data folder {} has {} MiB left and Kruimel needs {} MiB to start; make room or set another data_dir",
        data_dir.display(),
        free >> 20,
        FREE_BYTES_MIN >> 20
    );
    Ok(())
}
