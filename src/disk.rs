//! Room on the disk, asked before anything starts: a full disk is one sentence and no half-started server. Only where rows
//! wait for the store does it start all the same: nothing but draining them makes room, and who withdraws must be heard.

use anyhow::{Context, Result, bail};
use collector::spool::rows_wait;
use collector::spool_path;
use std::path::Path;

/// Least room that a start needs: the engine's first parts and a segment of the spool, with some to spare.
const FREE_BYTES_MIN: u64 = 64 * 1024 * 1024;

/// Makes the data folder and checks that its disk has room.
pub(crate) fn prepare(data_dir: &Path) -> Result<()> {
    std::fs::create_dir_all(data_dir)
        .with_context(|| format!("the data folder {} cannot be made", data_dir.display()))?;
    let disk = rustix::fs::statvfs(data_dir)
        .with_context(|| format!("{} cannot be asked for room", data_dir.display()))?;
    room(data_dir, disk.f_bavail.saturating_mul(disk.f_frsize), rows_wait(&spool_path(data_dir)))
}

/// Whether so many free bytes are enough for a start.
fn room(data_dir: &Path, free_bytes: u64, rows_wait: bool) -> Result<()> {
    if free_bytes >= FREE_BYTES_MIN {
        return Ok(());
    }
    let (folder, left, needed) = (data_dir.display(), free_bytes >> 20, FREE_BYTES_MIN >> 20);
    if rows_wait {
        tracing::error!(
            "The disk of the data folder {folder} has {left} MiB left. Kruimel starts because rows wait for the store; make room."
        );
        return Ok(());
    }
    bail!(
        "the disk of the data folder {folder} has {left} MiB left and Kruimel needs {needed} MiB to start; make room or set another data_dir"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_room_is_told_in_one_sentence_with_both_sizes() {
        const MIB: u64 = 1 << 20;
        let cases = [
            (0, Some("0 MiB left")),
            (64 * MIB - 1, Some("63 MiB left")),
            (64 * MIB, None),
            (u64::MAX, None),
        ];
        for (free_bytes, wanted) in cases {
            assert!(room(Path::new("/srv/kruimel"), free_bytes, true).is_ok(), "what waits is to be drained");
            let told =
                room(Path::new("/srv/kruimel"), free_bytes, false).err().map(|error| error.to_string());
            assert_eq!(told.is_some(), wanted.is_some(), "{free_bytes}: {told:?}");
            let (Some(told), Some(wanted)) = (told, wanted) else { continue };
            let start =
                format!("the disk of the data folder /srv/kruimel has {wanted} and Kruimel needs 64 MiB");
            assert!(told.starts_with(&start) && !told.contains('\n'), "{told}");
        }
    }

    #[test]
    fn the_filesystem_of_the_folder_itself_is_asked() {
        // The kernel's own filesystem never has room; that of temporary files has it wherever this was compiled.
        let told = prepare(Path::new("/proc")).unwrap_err().to_string();
        assert!(told.contains("/proc has 0 MiB left"), "{told}");
        let folder = tempfile::tempdir().unwrap();
        let fresh = folder.path().join("new/data");
        prepare(&fresh).unwrap();
        assert!(fresh.is_dir());
    }
}
