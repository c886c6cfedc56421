//! The library of ClickHouse's engine, which the default store is made of.
//!
//! In: an npm package of pinned version and checksum. Out: `libchdb.so` in the user's cache folder, where the binary
//! looks for it. Invariant: the library appears there whole and verified, or not at all; one copy serves every clone.

use crate::step;
use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const VERSION: &str = "26.7.3";
const PACKAGE: &str = "@chdb/lib-linux-x64-gnu@26.7.3-stable.1";
const SHA256: &str = "c0d32b129e988f2b9a9a31c9141aecf5e1e2453f9a079efc4d36ab8e3f92b2ad";
const LIMIT: Duration = Duration::from_secs(15 * 60);
const MEGABYTE: u64 = 1_000_000;

/// Fetches and unpacks the library, unless it is there.
pub(crate) fn ensure() -> Result<()> {
    let folder = cache()?.join("kruimel/engine").join(VERSION);
    let library = folder.join("libchdb.so");
    if library.is_file() {
        return Ok(());
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
        bail!(
            "there is no ready-made engine for this kind of machine; put libchdb {VERSION} from \
             https://github.com/chdb-io/chdb-core/releases at {}, or set `store.url` to a ClickHouse server",
            library.display()
        );
    }
    step::say("Engine: fetching ClickHouse as a library (178 MB, unpacked 560 MB), once for this machine");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let work = folder.join(format!("unpack-{}", std::process::id()));
    fs::create_dir_all(&work)?;
    let outcome = fetch(&work).and_then(|archive| unpack(&archive, &work, &library));
    fs::remove_dir_all(&work).with_context(|| format!("cannot remove {}", work.display()))?;
    outcome
}

fn cache() -> Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set, so there is no place to keep the engine")
}

fn fetch(work: &Path) -> Result<PathBuf> {
    let mut npm = Command::new("npm");
    // Its own npm cache, so that the download does not stay on the disk twice.
    npm.args(["pack", PACKAGE, "--pack-destination"]).arg(work).arg("--cache").arg(work.join("npm"));
    step::run_quietly(npm.current_dir(work), LIMIT, || format!("{} MB", bytes_in(work) / MEGABYTE)).with_context(
        || format!("the engine's npm package {PACKAGE} could not be fetched; see that the npm registry is reachable"),
    )?;
    let archive = work.join("chdb-lib-linux-x64-gnu-26.7.3-stable.1.tgz");
    let found = checksum(&archive)?;
    ensure!(found == SHA256, "{PACKAGE} is not what it should be: its SHA-256 is {found}, expected {SHA256}");
    Ok(archive)
}

fn unpack(archive: &Path, work: &Path, library: &Path) -> Result<()> {
    step::note("unpacking");
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(archive).arg("-C").arg(work).arg("package/libchdb.so");
    let unpacked = work.join("package/libchdb.so");
    step::run_quietly(&mut tar, LIMIT, || format!("{} MB", bytes_in(&work.join("package")) / MEGABYTE))?;
    File::open(&unpacked)?.sync_all()?;
    fs::rename(&unpacked, library).with_context(|| format!("cannot put {} in its place", library.display()))
}

fn checksum(file: &Path) -> Result<String> {
    let mut reader =
        BufReader::new(File::open(file).with_context(|| format!("cannot read {}", file.display()))?);
    let mut digest = Sha256::new();
    io::copy(&mut reader, &mut digest)?;
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// How much a folder holds, for showing progress: what cannot be read counts as nothing.
fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => bytes_in(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}
