//! The file of one site's history: `declarations/<site>.jsonl` in the data folder, one version a line, appended only.
//!
//! A line is `{"date":"2026-11-27","hash":"…","revision":2,"snapshot":{…}}`. The hash is SHA-256 (sixteen hexadecimal
//! digits of it) over the JSON, with its keys in order, of date, revision, snapshot and the hash of the line before. So
//! two collectors with the same hash declare the same and did since the same days, and it is noticed where anything of a
//! line was edited, where a line was removed before another, and where lines changed places. Not noticed are the last
//! lines removed, and a whole file computed anew: against those keep a copy elsewhere. A revision never falls from one
//! line to the next. A line counts once its line feed is on disk: what a crash cut off is written again by the next
//! start. Invariant: a line that was whole and came in force is
//! never changed or dropped, and one that cannot be read stops the start.

use super::snapshot::Snapshot;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};
use time::Date;

/// Most bytes of one history: some hundred versions of the largest declaration.
const HISTORY_BYTES_MAX: u64 = 64 << 20;
/// Longest wait for another collector that shares the folder. It holds a history while it reads it, and those of all its
/// sites while it writes.
const HELD_MAX: Duration = Duration::from_secs(10);
/// Pause between two tries meanwhile.
const HELD_INTERVAL: Duration = Duration::from_millis(20);

/// Why a history cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The file or its folder cannot be read or written.
    #[error("{0} cannot be read or written: {1}.")]
    Unreachable(PathBuf, #[source] io::Error),
    /// A line is not what this module wrote.
    #[error(
        "{0}, line {1}: this is not a version of the declaration as Kruimel wrote it ({2}). Restore the file from a backup; without one, move it away and set `revision` in the config above every earlier one."
    )]
    Damaged(PathBuf, usize, String),
    /// The file is larger than a history can be.
    #[error(
        "{0} is larger than a history can be. Move it away and set `revision` in the config above every earlier one."
    )]
    TooLarge(PathBuf),
    /// Another process has it locked all the time.
    #[error(
        "{0} is held by another collector, or by something else that locks it. Start, or reload, again once that ended."
    )]
    Held(PathBuf),
    /// Another collector declared something meanwhile.
    #[error(
        "{0} has another version since this start, or reload, began: another collector wrote it. Start, or reload, again."
    )]
    Outdated(PathBuf),
}

/// One line of the file.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub(super) date: Date,
    pub(super) revision: u32,
    pub(super) hash: String,
    pub(super) snapshot: Snapshot,
}

/// The line as it is written; the snapshot as plain JSON, so that its hash is of what was written.
#[derive(Serialize, Deserialize)]
struct Line {
    date: String,
    hash: String,
    revision: u32,
    snapshot: Value,
}

/// An open history, which no other process reads or writes until it is dropped.
pub(super) struct HistoryFile {
    path: PathBuf,
    file: fs::File,
    /// Bytes of the lines that are whole.
    whole_bytes: u64,
    /// The same when it was opened.
    opened_bytes: u64,
    ended: bool,
}

/// The file of a site's history.
pub(super) fn path_of(data_dir: &Path, site: &str) -> PathBuf {
    data_dir.join("declarations").join(format!("{site}.jsonl"))
}

impl HistoryFile {
    /// Opens or makes the file and reads every version, the oldest first. Blocks while another collector has it, for a
    /// bounded time.
    pub(super) fn open(path: &Path) -> Result<(HistoryFile, Vec<Recorded>), HistoryError> {
        HistoryFile::open_within(path, HELD_MAX, || sleep(HELD_INTERVAL))
    }

    /// The same within another time, with something else to do between two tries.
    pub(super) fn open_within(
        path: &Path,
        held_max: Duration,
        pause: impl FnMut(),
    ) -> Result<(HistoryFile, Vec<Recorded>), HistoryError> {
        let unreachable = |error| HistoryError::Unreachable(path.to_owned(), error);
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(unreachable)?;
        let mut options = fs::OpenOptions::new();
        let mut file =
            options.create(true).truncate(false).read(true).write(true).open(path).map_err(unreachable)?;
        lock(&file, path, held_max, pause)?;
        let bytes = read_all(&mut file, path)?;
        let (versions, whole) = parse(&bytes, path)?;
        if whole < bytes.len() {
            tracing::warn!(
                file = %path.display(),
                bytes = bytes.len() - whole,
                "The last line of a declaration's history was cut off by a crash; it is written again if it still holds."
            );
        }
        let ended = bytes[..whole].last().is_none_or(|last| *last == b'\n');
        let whole = whole as u64;
        Ok((
            HistoryFile { path: path.to_owned(), file, whole_bytes: whole, opened_bytes: whole, ended },
            versions,
        ))
    }

    /// Writes a version and returns once it is on disk.
    pub(super) fn append(&mut self, version: &Recorded) -> Result<(), HistoryError> {
        let line = version.line();
        self.write(&line).map_err(|error| HistoryError::Unreachable(self.path.clone(), error))
    }

    /// Makes the file what it was when it was opened: what was appended does not come in force.
    pub(super) fn take_back(&mut self) {
        let taken_back = self.file.set_len(self.opened_bytes).and_then(|()| self.file.sync_all());
        if let Err(error) = taken_back {
            tracing::error!(
                %error,
                file = %self.path.display(),
                bytes = self.opened_bytes,
                "A version of a declaration that did not come in force cannot be taken back. Cut the file to so many bytes before the next start."
            );
        }
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        self.file.set_len(self.whole_bytes)?;
        self.file.seek(SeekFrom::End(0))?;
        let start = if self.ended { "" } else { "\n" };
        let text = format!("{start}{line}\n");
        self.file.write_all(text.as_bytes())?;
        self.file.sync_all()?;
        self.whole_bytes += text.len() as u64;
        self.ended = true;
        if let Some(folder) = self.path.parent() {
            fs::File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

/// Collectors that share the folder wait for one another here. Where files cannot be locked there is one.
fn lock(
    file: &fs::File,
    path: &Path,
    held_max: Duration,
    mut pause: impl FnMut(),
) -> Result<(), HistoryError> {
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Err(fs::TryLockError::WouldBlock) if start.elapsed() < held_max => pause(),
            Err(fs::TryLockError::WouldBlock) => return Err(HistoryError::Held(path.to_owned())),
            Err(fs::TryLockError::Error(error)) if error.kind() != io::ErrorKind::Unsupported => {
                return Err(HistoryError::Unreachable(path.to_owned(), error));
            }
            _ => return Ok(()),
        }
    }
}

/// Reads every version without making, changing or locking anything; none where there is no file.
pub(super) fn read(path: &Path) -> Result<Vec<Recorded>, HistoryError> {
    match fs::File::open(path) {
        Ok(mut file) => Ok(parse(&read_all(&mut file, path)?, path)?.0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(HistoryError::Unreachable(path.to_owned(), error)),
    }
}

fn read_all(file: &mut fs::File, path: &Path) -> Result<Vec<u8>, HistoryError> {
    let mut bytes = Vec::new();
    file.take(HISTORY_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| HistoryError::Unreachable(path.to_owned(), error))?;
    if bytes.len() as u64 > HISTORY_BYTES_MAX {
        return Err(HistoryError::TooLarge(path.to_owned()));
    }
    Ok(bytes)
}

/// The versions, and how many bytes are whole lines. A last line without its end counts where it can be read.
fn parse(bytes: &[u8], path: &Path) -> Result<(Vec<Recorded>, usize), HistoryError> {
    let (mut versions, mut whole): (Vec<Recorded>, usize) = (Vec::new(), 0);
    for (place, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        match Recorded::parse(line.trim_ascii(), versions.last()) {
            Ok(version) => versions.push(version),
            Err(_) if !line.ends_with(b"\n") => break,
            Err(why) => return Err(HistoryError::Damaged(path.to_owned(), place + 1, why)),
        }
        whole += line.len();
    }
    Ok((versions, whole))
}

impl Recorded {
    /// The version that comes after `before`.
    pub(super) fn new(date: Date, revision: u32, snapshot: Snapshot, before: Option<&Recorded>) -> Recorded {
        let hash = hash(&date.to_string(), revision, &value(&snapshot), before);
        Recorded { date, revision, hash, snapshot }
    }

    fn line(&self) -> String {
        let line = Line {
            date: self.date.to_string(),
            hash: self.hash.clone(),
            revision: self.revision,
            snapshot: value(&self.snapshot),
        };
        serde_json::to_string(&line).expect("texts and numbers are always JSON")
    }

    fn parse(line: &[u8], before: Option<&Recorded>) -> Result<Recorded, String> {
        let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        if hash(&line.date, line.revision, &line.snapshot, before) != line.hash {
            let why = "it does not match its hash: it was edited, or the line before it is missing";
            return Err(why.to_owned());
        }
        if let Some(before) = before.filter(|before| line.revision < before.revision) {
            return Err(format!("revision {} is lower than {} before it", line.revision, before.revision));
        }
        let format = time::macros::format_description!("[year]-[month]-[day]");
        let date = Date::parse(&line.date, format).map_err(|_| format!("\"{}\" is not a date", line.date))?;
        let snapshot = serde_json::from_value(line.snapshot).map_err(|error| error.to_string())?;
        Ok(Recorded { date, revision: line.revision, hash: line.hash, snapshot })
    }
}

fn value(snapshot: &Snapshot) -> Value {
    serde_json::to_value(snapshot).expect("texts and numbers are always JSON")
}

fn hash(date: &str, revision: u32, snapshot: &Value, before: Option<&Recorded>) -> String {
    let before = before.map_or("", |before| before.hash.as_str());
    let whole =
        serde_json::json!({"before": before, "date": date, "revision": revision, "snapshot": snapshot});
    Sha256::digest(whole.to_string()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
