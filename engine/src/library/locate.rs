//! Where the library is: the one that was named, or the first of the usual places.
//!
//! In: the config's path, if any. Out: a file that exists, or one sentence that says what is missing and how to get it.

use std::path::{Path, PathBuf};

use crate::VERSION;

/// The library's file name, the same on every system.
pub const FILE_NAME: &str = "libchdb.so";

/// No library was found.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "the ClickHouse engine (libchdb {VERSION}) is not installed at {looked}: run `cargo xtask setup`, or put {FILE_NAME} \
     beside the kruimel binary, or name it with `store.library` in the config"
)]
pub struct MissingLibrary {
    looked: String,
}

/// Finds the library: `explicit` if given, else beside the executable, else in the cache folder that `cargo xtask setup`
/// fills, else in `/usr/local/lib` and `/usr/lib`.
pub fn locate(explicit: Option<&Path>) -> Result<PathBuf, MissingLibrary> {
    let candidates = explicit.map_or_else(usual_places, |path| vec![path.to_owned()]);
    candidates.iter().find(|path| path.is_file()).cloned().ok_or_else(|| MissingLibrary {
        looked: candidates.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "),
    })
}

/// Where `cargo xtask setup` keeps the library: one copy per machine and version.
pub fn cache_place() -> Option<PathBuf> {
    let folder = std::env::var_os("XDG_CACHE_HOME")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
    Some(folder.join("kruimel/engine").join(VERSION).join(FILE_NAME))
}

fn usual_places() -> Vec<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join(FILE_NAME)));
    let system = ["/usr/local/lib", "/usr/lib"].map(|folder| Path::new(folder).join(FILE_NAME));
    beside.into_iter().chain(cache_place()).chain(system).collect()
}
