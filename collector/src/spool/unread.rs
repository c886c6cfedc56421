//! Why a segment could not be read: for its file's sake, or for that of something that may pass.
//!
//! In: the operating system's answer. Out: what it blames. Invariant: a file is blamed only while the folder is the one
//! that was opened (a disk that was taken away has no file of it), and the machine is short of nothing.

use super::disk::is_shortage;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use thiserror::Error;

/// A segment could not be read.
#[derive(Debug, Error)]
pub enum Unread {
    /// Its file is gone, or the disk does not give it.
    #[error("{0}")]
    File(io::Error),
    /// Something that has nothing to do with the file and may be over at the next try.
    #[error("{0}")]
    Passing(io::Error),
}

impl Unread {
    /// What that answer blames, given the folder and where it was when it was opened.
    pub(crate) fn of(error: io::Error, folder: &Path, place: Option<Place>) -> Unread {
        if is_shortage(&error) || Place::of(folder) != place {
            Unread::Passing(error)
        } else {
            Unread::File(error)
        }
    }
}

impl From<Unread> for io::Error {
    fn from(unread: Unread) -> io::Error {
        let (Unread::File(error) | Unread::Passing(error)) = unread;
        error
    }
}

/// Which folder it is, whatever its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    device: u64,
    inode: u64,
}

impl Place {
    /// Of the folder that has that path at the moment.
    pub(crate) fn of(folder: &Path) -> Option<Place> {
        let metadata = fs::metadata(folder).ok()?;
        Some(Place { device: metadata.dev(), inode: metadata.ino() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: io::Error, folder: &Path, place: Option<Place>, blames_the_file: bool) {
        let told = error.to_string();
        assert_eq!(matches!(Unread::of(error, folder, place), Unread::File(_)), blames_the_file, "{told}");
    }

    #[test]
    fn a_file_is_blamed_for_what_is_its_own_and_not_for_what_the_machine_is_short_of() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::of(folder.path());
        // EIO, ENOENT, EISDIR; EACCES, EINTR, ENOMEM, EMFILE, ENFILE, EAGAIN, ENOSPC.
        for (number, blamed) in [(5, true), (2, true), (21, true)]
            .into_iter()
            .chain([13, 4, 12, 24, 23, 11, 28].map(|n| (n, false)))
        {
            check(io::Error::from_raw_os_error(number), folder.path(), place, blamed);
        }
        check(io::ErrorKind::OutOfMemory.into(), folder.path(), place, false);
    }

    #[test]
    fn no_file_is_blamed_while_the_folder_itself_is_away() {
        let home = tempfile::tempdir().unwrap();
        let (folder, elsewhere) = (home.path().join("spool"), home.path().join("elsewhere"));
        fs::create_dir(&folder).unwrap();
        let place = Place::of(&folder);
        fs::rename(&folder, &elsewhere).unwrap();
        check(io::ErrorKind::NotFound.into(), &folder, place, false);
        fs::create_dir(&folder).unwrap();
        check(io::ErrorKind::NotFound.into(), &folder, place, false);
        fs::remove_dir(&folder).unwrap();
        fs::rename(&elsewhere, &folder).unwrap();
        check(io::ErrorKind::NotFound.into(), &folder, place, true);
    }
}
