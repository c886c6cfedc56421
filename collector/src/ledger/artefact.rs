//! What visitors were shown, kept under the hash of its content, so that a row of the ledger can be replayed.
//!
//! In: at each start, what the collector serves. Out: `artefacts/<hash>` in the data folder, the content as JSON packed
//! with Brotli, and a line of `artefacts/index` for each; the drain copies them into the store. An artefact of kind
//! `banner` or `page` holds the texts, declaration and options exactly as they are served in one language, and the
//! version and hashes of the scripts that draw them; one of kind `declaration` holds a version of the declaration in
//! every language.
//!
//! Invariant: the name is the SHA-256 of the content, and [`Artefacts::read`] gives nothing else. A file is on disk
//! before a row can name it, and is removed only when no row names it any more and nothing showed or named it for
//! [`UNSEEN_TIME`], longer than any receipt lives: a row that names it may be on its way into the store. The text's hash that a decision names
//! stands for declaration and build too, so one artefact has it. Earlier builds' did not: of theirs a row names the one that
//! is served when the decision comes, or else the newest.

use super::hex;
use crate::spool::disk::{RealDisk, create_folder, remove_if_there, write_whole};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// Most artefacts that are kept; further ones are said to be missing, and the rows stay without.
pub const ARTEFACTS_MAX: usize = 100_000;
/// Largest content, in bytes.
pub const ARTEFACT_BYTES_MAX: u64 = 8 << 20;
/// How long nothing showed what may be removed.
pub const UNSEEN_TIME: Duration = Duration::from_secs(400 * 24 * 60 * 60);

const INDEX: &str = "index";
/// Text packs to a fifth with it, in a millisecond.
const BROTLI_QUALITY: i32 = 5;

/// The folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the artefact {path} cannot be read or written: {source}")]
pub struct ArtefactsError {
    path: PathBuf,
    source: io::Error,
}

/// What an artefact is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artefact {
    /// SHA-256 of its content, in hexadecimal digits.
    pub hash: String,
    /// The site.
    pub site: String,
    /// `banner`, `page` or `declaration`.
    pub kind: String,
    /// The language; empty for a declaration.
    pub language: String,
    /// The revision that was in force.
    pub revision: u32,
    /// The hash that a decision names as the texts it was made on; empty for a declaration.
    pub text_hash: String,
    /// The version of the declaration.
    pub declaration_hash: String,
}

impl Artefact {
    /// Composes the content, whose hash the artefact gets.
    pub fn compose(self, build: &Value, shown: &Value) -> (Artefact, String) {
        let content = json!({
            "format": "kruimel artefact 1",
            "site": self.site,
            "kind": self.kind,
            "language": self.language,
            "revision": self.revision,
            "text_hash": self.text_hash,
            "declaration_hash": self.declaration_hash,
            "build": build,
            "shown": shown,
        })
        .to_string();
        (Artefact { hash: hex(&Sha256::digest(&content)), ..self }, content)
    }
}

/// The artefacts of a data folder.
pub struct Artefacts {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    all: Vec<Artefact>,
    /// Hashes of what is served.
    served: HashSet<String>,
    /// Hashes of what is served no more that a decision named since the last [`Artefacts::touch`].
    named: HashSet<String>,
    /// By site and text hash, the place in `all` of what a decision on it saw.
    seen: HashMap<(String, String), usize>,
}

impl Artefacts {
    /// Opens the folder and keeps what is served from here on.
    ///
    /// # Errors
    /// [`ArtefactsError`] where something cannot be read or written.
    pub fn open(
        folder: &Path,
        served: impl Iterator<Item = (Artefact, String)>,
    ) -> Result<Artefacts, ArtefactsError> {
        let wrong = |source| ArtefactsError { path: folder.to_owned(), source };
        let _index = index();
        let mut state = State { all: read_index(folder).map_err(wrong)?, ..State::default() };
        keep(folder, &mut state, served).map_err(wrong)?;
        state.remember();
        Ok(Artefacts { folder: folder.to_owned(), state: Mutex::new(state) })
    }

    /// What a visitor saw whose decision names that text.
    pub fn seen(&self, site: &str, text_hash: &str) -> Option<Artefact> {
        if text_hash.is_empty() {
            return None;
        }
        let mut state = self.state();
        let place = *state.seen.get(&(site.to_owned(), text_hash.to_owned()))?;
        let artefact = state.all.get(place)?.clone();
        let is_noted = state.served.contains(&artefact.hash) || state.named.contains(&artefact.hash);
        if !is_noted && self.note(&state, &artefact) {
            state.named.insert(artefact.hash.clone());
        }
        Some(artefact)
    }

    /// Notes that a row names what is served no more, and with it whatever the row leads to. Once a day each, so it may
    /// block. Tells whether all of it could be noted.
    fn note(&self, state: &State, artefact: &Artefact) -> bool {
        let with_it = |one: &&Artefact| {
            let declaration = one.kind == "declaration" && one.declaration_hash == artefact.declaration_hash;
            one.site == artefact.site && (one.text_hash == artefact.text_hash || declaration)
        };
        let mut is_noted = true;
        for one in state.all.iter().filter(with_it) {
            if let Err(error) = touch(&self.folder.join(&one.hash)) {
                tracing::warn!(%error, hash = one.hash, "An artefact that a decision names cannot be kept longer.");
                is_noted = false;
            }
        }
        is_noted
    }

    /// Every artefact that is kept.
    pub fn all(&self) -> Vec<Artefact> {
        self.state().all.clone()
    }

    /// The content of that hash, if it is what its name says.
    ///
    /// # Errors
    /// What the disk says, or [`io::ErrorKind::InvalidData`] for another content.
    pub fn read(&self, hash: &str) -> io::Result<String> {
        let mut content = Vec::new();
        let file = File::open(self.folder.join(hash))?;
        let unpacked = brotli::Decompressor::new(file, 4096);
        io::Read::read_to_end(&mut io::Read::take(unpacked, ARTEFACT_BYTES_MAX + 1), &mut content)?;
        let other = || io::Error::new(io::ErrorKind::InvalidData, "the content is not what its name says");
        if hex(&Sha256::digest(&content)) != hash {
            return Err(other());
        }
        String::from_utf8(content).map_err(|_| other())
    }

    /// Notes that what is served is still shown. Blocks on the disk.
    pub fn touch(&self) -> io::Result<()> {
        let served: Vec<String> = {
            let mut state = self.state();
            state.named.clear();
            state.served.iter().cloned().collect()
        };
        served.iter().try_for_each(|hash| touch(&self.folder.join(hash)))
    }

    /// What nothing showed or named for [`UNSEEN_TIME`]. Blocks on the disk.
    pub fn unseen(&self, now: SystemTime) -> Vec<Artefact> {
        let (all, served) = {
            let state = self.state();
            (state.all.clone(), state.served.clone())
        };
        all.into_iter().filter(|one| !served.contains(&one.hash) && self.is_old(&one.hash, now)).collect()
    }

    fn is_old(&self, hash: &str, now: SystemTime) -> bool {
        let changed = fs::metadata(self.folder.join(hash)).and_then(|file| file.modified());
        // What is not there need not be looked for any more.
        changed.map_or(true, |at| now.duration_since(at).is_ok_and(|age| age > UNSEEN_TIME))
    }

    /// From here on no row names these, but for those that were named since they were [`Artefacts::unseen`]. Returns the
    /// others. Blocks on the disk.
    pub fn retire(&self, hashes: HashSet<String>, now: SystemTime) -> HashSet<String> {
        let mut state = self.state();
        let retired: HashSet<String> = hashes.into_iter().filter(|hash| self.is_old(hash, now)).collect();
        state.all.retain(|artefact| !retired.contains(&artefact.hash));
        state.remember();
        retired
    }

    /// Removes what was retired, but for what another config shows by now, or a decision named since. Blocks on the disk.
    pub fn remove(&self, retired: &HashSet<String>, now: SystemTime) -> io::Result<()> {
        let _index = index();
        let retired: HashSet<&String> = retired.iter().filter(|hash| self.is_old(hash, now)).collect();
        // Another config's may have been written since these were opened.
        let mut left = read_index(&self.folder)?;
        left.retain(|artefact| !retired.contains(&artefact.hash));
        write_whole(&RealDisk, &self.folder.join(INDEX), lines(&left).as_bytes())?;
        retired.iter().try_for_each(|hash| remove_if_there(&RealDisk, &self.folder.join(hash)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remember(&mut self) {
        let of = |artefact: &Artefact| (artefact.site.clone(), artefact.text_hash.clone());
        let places = self.all.iter().enumerate().filter(|(_, artefact)| !artefact.text_hash.is_empty());
        let (served, former): (Vec<_>, Vec<_>) =
            places.partition(|(_, artefact)| self.served.contains(&artefact.hash));
        self.seen = former.into_iter().chain(served).map(|(place, artefact)| (of(artefact), place)).collect();
    }
}

/// Held by whoever reads the index to write it: the former and the next of a reload are there at once.
fn index() -> MutexGuard<'static, ()> {
    static INDEX_IN_USE: Mutex<()> = Mutex::new(());
    INDEX_IN_USE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read_index(folder: &Path) -> io::Result<Vec<Artefact>> {
    create_folder(folder)?;
    match fs::read_to_string(folder.join(INDEX)) {
        // A line that a crash cut off is of an artefact that no row names yet.
        Ok(text) => Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn lines(artefacts: &[Artefact]) -> String {
    let line = |one: &Artefact| serde_json::to_string(one).expect("texts are always JSON") + "\n";
    artefacts.iter().map(line).collect()
}

/// Writes what is new of what is served: the files first, then the index in one go.
fn keep(
    folder: &Path,
    state: &mut State,
    served: impl Iterator<Item = (Artefact, String)>,
) -> io::Result<()> {
    let known: HashSet<String> = state.all.iter().map(|one| one.hash.clone()).collect();
    let before = state.all.len();
    for (artefact, content) in served {
        let path = folder.join(&artefact.hash);
        if known.contains(&artefact.hash) && path.exists() {
            touch(&path)?;
        } else if state.all.len() >= ARTEFACTS_MAX {
            tracing::error!(most = ARTEFACTS_MAX, "No further artefact of the ledger is kept.");
            break;
        } else {
            write_packed(&path, &content)?;
        }
        if !known.contains(&artefact.hash) && state.served.insert(artefact.hash.clone()) {
            state.all.push(artefact);
        } else {
            state.served.insert(artefact.hash);
        }
    }
    if state.all.len() > before {
        File::open(folder)?.sync_all()?;
        write_whole(&RealDisk, &folder.join(INDEX), lines(&state.all).as_bytes())?;
    }
    Ok(())
}

fn write_packed(path: &Path, content: &str) -> io::Result<()> {
    let mut packed = Vec::new();
    let parameters =
        brotli::enc::BrotliEncoderParams { quality: BROTLI_QUALITY, lgwin: 18, ..Default::default() };
    brotli::BrotliCompress(&mut content.as_bytes(), &mut packed, &parameters)?;
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(&packed)?;
    file.sync_all()?;
    fs::rename(beside, path)
}

fn touch(path: &Path) -> io::Result<()> {
    File::open(path)?.set_modified(SystemTime::now())
}

#[cfg(test)]
mod tests;
