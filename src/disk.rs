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
    room(data_dir, disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Whether so many free bytes are enough for a start.
fn room(data_dir: &Path, free_bytes: u64) -> Result<()> {
    ensure!(
        free_bytes >= FREE_BYTES_MIN,
        "the disk of the data folder {} has {} MiB left and Kruimel needs {} MiB to start; make room or set another data_dir",
        data_dir.display(),
        free_bytes >> 20,
        FREE_BYTES_MIN >> 20
    );
    Ok(())
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
            let told = room(Path::new("/srv/kruimel"), free_bytes).err().map(|error| error.to_string());
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
