//! Where segments are kept that could not be read whole or that the store refuses: the folder `quarantine/`.
//!
//! In: a file of the spool. Out: the same file under a second name. Invariant: nothing here is ever deleted by the
//! spool, and nothing leaves the spool for damage without being here.

use super::backlog::Shared;
use super::disk::create_folder;
use std::io;
use std::path::{Path, PathBuf};

/// The folder's name.
pub(crate) const FOLDER: &str = "quarantine";

/// Keeps a file. Its own name stays as it is; doing it again changes nothing.
pub(crate) fn keep(shared: &Shared, file: &Path) -> io::Result<()> {
    let place = place(&shared.folder, file)?;
    if !place.try_exists()? {
        create_folder(&shared.folder.join(FOLDER))?;
        shared.disk.link(file, &place)?;
        shared.add_bytes(place.metadata()?.len());
        shared.count_quarantined();
    }
    shared.disk.sync_directory(&shared.folder.join(FOLDER))
}

/// Whether the file was kept before.
pub(crate) fn holds(folder: &Path, file: &Path) -> io::Result<bool> {
    place(folder, file)?.try_exists()
}

fn place(folder: &Path, file: &Path) -> io::Result<PathBuf> {
    Ok(folder.join(FOLDER).join(file.file_name().ok_or(io::ErrorKind::InvalidInput)?))
}
