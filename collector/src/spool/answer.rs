//! What the spool says: of a record, of whether more are taken, and of a folder that it cannot open.

use std::io;
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;

/// How long a write and its sync may take before senders are told to come back, and balancers to send elsewhere. A good
/// disk takes milliseconds.
pub const STALL_TIME_MAX: Duration = Duration::from_secs(5);

/// Whether events are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intake {
    /// Whatever batch comes next is.
    Open,
    /// There is no room for a record of any size: neither under the cap nor, or not for sure, on the disk.
    Full,
    /// The disk has not answered for [`STALL_TIME_MAX`]. Nothing more is queued for it until it does.
    Stalled,
    /// The name of a failed file could not be trusted: nothing is taken until that file is gone. Or the writer ended.
    Broken,
}

/// The record is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It was appended.
    Fresh,
    /// An earlier one with the same batch id was.
    Repeated,
}

/// The record is not on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AppendError {
    /// There is no room: neither under the cap, nor on the disk, nor in the writer's queue; or the disk does not answer. Later
    /// there may be.
    #[error("the spool is full")]
    Full,
    /// The disk failed, or the spool is closed.
    #[error("the spool cannot be written")]
    Broken,
    /// A fault of the caller: a record larger than [`super::RECORD_BYTES_MAX`].
    #[error("the record is larger than a record may be")]
    TooLarge,
}

/// The spool could not be opened.
#[derive(Debug, Error)]
pub enum SpoolError {
    /// Another process has it.
    #[error("the folder {0} is in use by another running Kruimel; stop that one or set another data_dir")]
    InUse(PathBuf),
    /// The disk failed.
    #[error("the spool cannot use {path}: {source}")]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A later version of Kruimel wrote it.
    #[error(
        "{path} was written by a later version of Kruimel (spool format {version}); start that version, or a later one"
    )]
    LaterVersion {
        /// The file.
        path: PathBuf,
        /// Its format.
        version: u32,
    },
}
