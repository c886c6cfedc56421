//! The engine's folder: its lock, its configuration and its store.
//!
//! In: a path and the caps. Out: a locked [`Folder`] whose files the engine is pointed at.
//!
//! **Invariants.** One process at a time: an exclusive file lock that the system lets go of when the process ends, however
//! it ends. The engine reads the configuration written here and no other (left alone, it would take a `config.xml` from the
//! working directory), and its one user holds no grant on SOURCES, so that a statement reaches no file, address or server
//! outside the store.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::limits::STATEMENT_BYTES_MAX;
use crate::{DATABASE, EngineError};

/// A locked folder. The lock is held as long as this lives.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if it is missing, and locks it.
    pub(crate) fn lock(path: &Path) -> Result<Folder, EngineError> {
        let fault = |source| EngineError::Folder { path: path.to_owned(), source };
        make_private(path).map_err(fault)?;
        let path = path.canonicalize().map_err(fault)?;
        let lock = private_file(&path.join("engine.lock"), false).map_err(fault)?;
        match lock.try_lock() {
            Ok(()) => Ok(Folder { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(EngineError::InUse { path }),
            Err(TryLockError::Error(source)) => Err(EngineError::Folder { path, source }),
        }
    }

    /// Where the engine keeps its tables.
    pub(crate) fn store(&self) -> PathBuf {
        self.path.join("store")
    }

    /// The file that [`Folder::write_config`] wrote.
    pub(crate) fn config(&self) -> PathBuf {
        self.path.join("config.xml")
    }

    /// Writes the engine's configuration, anew at every start.
    pub(crate) fn write_config(&self, threads: usize) -> Result<(), EngineError> {
        let fault = |source| EngineError::Folder { path: self.path.clone(), source };
        make_private(&self.store()).map_err(fault)?;
        let users = self.path.join("users.xml");
        let users_path = users
            .to_str()
            .ok_or_else(|| fault(io::Error::new(io::ErrorKind::InvalidInput, "the path is not UTF-8")))?;
        write_private(&self.config(), &config_xml(users_path)).map_err(fault)?;
        write_private(&users, &users_xml(threads)).map_err(fault)
    }
}

/// Makes a folder that only its owner can enter; one that exists is left as it is.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn private_file(path: &Path, truncate: bool) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(truncate).mode(0o600).open(path)
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    private_file(path, true)?;
    fs::write(path, text)
}

fn config_xml(users_path: &str) -> String {
    include_str!("config/engine.xml")
        .replace("@USERS@", &users_path.replace('&', "&amp;").replace('<', "&lt;"))
}

fn users_xml(threads: usize) -> String {
    include_str!("config/users.xml")
        .replace("@THREADS@", &threads.to_string())
        .replace("@STATEMENT_BYTES_MAX@", &STATEMENT_BYTES_MAX.to_string())
}

/// The statement that makes the database. The engine's own `default` is an Overlay, which refuses refreshable views.
pub(crate) fn create_database() -> String {
    format!("CREATE DATABASE IF NOT EXISTS `{DATABASE}` ENGINE = Atomic")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_is_private_and_locked_once() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b");
        let folder = Folder::lock(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(matches!(Folder::lock(&path), Err(EngineError::InUse { .. })));
        drop(folder);
        Folder::lock(&path).unwrap();
    }

    #[test]
    fn the_configuration_is_readable_by_its_owner_only_and_grants_no_sources() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::lock(&home.path().join("x & y")).unwrap();
        folder.write_config(3).unwrap();
        let config = fs::read_to_string(folder.config()).unwrap();
        assert!(config.contains("x &amp; y"), "{config}");
        assert_eq!(fs::metadata(folder.config()).unwrap().permissions().mode() & 0o777, 0o600);
        let users = users_xml(3);
        assert!(users.contains("<max_threads>3</max_threads>"), "{users}");
        assert!(!users.contains("SOURCES") && !users.contains('@'), "{users}");
    }
}
