//! Every call by which the spool changes what is on disk, and the one that reads a whole file, in one place.
//!
//! In: a file or a path. Out: the operating system's answer, unchanged. The provided bodies are the real calls and
//! [`RealDisk`] overrides none; a test of a failing disk overrides the one call that shall fail.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

/// The calls. What they promise is what Linux promises: nothing is durable before [`Disk::sync_data`] or, for names,
/// [`Disk::sync_directory`] succeeded.
pub trait Disk: Send + Sync + 'static {
    /// A new file that only its owner can read and that is only ever appended to.
    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)
    }

    /// Appends all the bytes, or fails with some of them written.
    fn append(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    /// All that a file holds.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    /// Cuts the file.
    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    /// Content and length are on disk when this succeeds. When it fails they may never be, whatever a second call says.
    fn sync_data(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// Sets the time at which the file was last changed.
    fn stamp(&self, path: &Path, at: SystemTime) -> io::Result<()> {
        File::open(path)?.set_modified(at)
    }

    /// Renames within one file system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Gives a file a second name.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    /// Removes a file's name.
    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    /// The bytes that are free in the folder's file system, and all of them.
    fn room(&self, folder: &Path) -> io::Result<(u64, u64)> {
        let found = rustix::fs::statvfs(folder)?;
        Ok((found.f_bavail.saturating_mul(found.f_frsize), found.f_blocks.saturating_mul(found.f_frsize)))
    }

    /// Makes creations, renames and removals in the folder durable.
    fn sync_directory(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

/// The operating system's calls, as they are.
#[derive(Clone, Copy, Debug)]
pub struct RealDisk;

impl Disk for RealDisk {}

/// Creates the folder, and those above it, for their owner alone.
pub(crate) fn create_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Writes a whole file so that it is there completely or not at all, also after a loss of power.
///
/// # Errors
/// The operating system's; what was at the path is there still, or the whole is there and may not outlast a loss of power.
pub fn write_whole(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_whole_dated(disk, path, bytes, None)
}

/// The same, as if the file had last been changed at that time.
pub(crate) fn write_whole_dated(
    disk: &dyn Disk,
    path: &Path,
    bytes: &[u8],
    at: Option<SystemTime>,
) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let mut draft = path.as_os_str().to_owned();
    draft.push(DRAFT_SUFFIX);
    let draft = Path::new(&draft);
    if draft.try_exists()? {
        remove_if_there(disk, draft)?;
        // Before another has its name: else a loss of power may put this one, which is not whole, in the place of the file.
        disk.sync_directory(folder)?;
    }
    let placed = write_draft(disk, draft, bytes, at).and_then(|()| disk.rename(draft, path));
    if placed.is_err()
        && let Err(error) = remove_if_there(disk, draft)
    {
        tracing::warn!(%error, file = %draft.display(), "A file that could not be written whole is left until the next start.");
    }
    placed?;
    disk.sync_directory(folder)
}

fn write_draft(disk: &dyn Disk, draft: &Path, bytes: &[u8], at: Option<SystemTime>) -> io::Result<()> {
    let mut file = disk.create(draft)?;
    disk.append(&mut file, bytes)?;
    if let Some(at) = at {
        disk.stamp(draft, at)?;
    }
    disk.sync_data(&file)
}

/// Ending of a file that is being written whole; one that is found on start is a leftover.
pub(crate) const DRAFT_SUFFIX: &str = ".draft";

/// Removes a file; that it was not there is no failure.
pub(crate) fn remove_if_there(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    match disk.remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Whether the machine is short of something for now, be it room, memory, time or files; or of the right to read, which its
/// operator can give back: neither says anything of a file's content.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    let may_pass = matches!(
        error.kind(),
        io::ErrorKind::Interrupted
            | io::ErrorKind::WouldBlock
            | io::ErrorKind::TimedOut
            | io::ErrorKind::OutOfMemory
            | io::ErrorKind::PermissionDenied
    );
    may_pass || means_full(error) || matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}

/// The operating system's numbers for too many open files, of the machine and of the process.
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

/// Whether the disk, a quota or a file's largest size left no room.
pub(crate) fn means_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge
            | io::ErrorKind::WriteZero
    )
}
