//! Finds, or brings, a Rust that can build the browser modules.
//!
//! In: the machine. Out: a [`Toolchain`]: compiler, cargo and linker. The modules build the standard library anew, for
//! size and without unwinding, so what matters is the library's *sources*: rustup's component `rust-src`, or Debian's
//! `rustc-web`, `cargo-web` and `rust-web-src` where rustup has no network. With the sources, the ready-made library
//! of the target is not needed, so it is not fetched.
//!
//! Invariant: both ways use the same flags and give modules within the same budgets.

use super::apt;
use crate::step;
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const RUSTUP_LIMIT: Duration = Duration::from_secs(60);
/// The first Rust that knows `-Cpanic=immediate-abort`.
const MINOR_MIN: u32 = 92;

/// Whose Rust it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Origin {
    /// The Rust that runs this task, with the component `rust-src`.
    Rustup,
    /// Debian's packages for building browser code.
    Debian,
}

/// A Rust that can build for wasm32 with its own standard library.
pub(crate) struct Toolchain {
    /// Its cargo.
    pub(crate) cargo: PathBuf,
    /// Its compiler.
    pub(crate) rustc: PathBuf,
    /// A linker for wasm32.
    pub(crate) linker: PathBuf,
    /// What `rustc --version` says.
    pub(crate) version: String,
}

/// Brings a toolchain unless there is one.
pub(crate) fn ensure() -> Result<()> {
    if find(None).is_some() {
        return Ok(());
    }
    step::say("WASM: bringing the sources of Rust's standard library");
    match from_rustup() {
        Ok(()) if find(None).is_some() => return Ok(()),
        Ok(()) => step::note("rustup's sources are not enough; trying Debian's packages"),
        Err(error) => step::note(&format!("{error:#}; trying Debian's packages")),
    }
    let mut packages = vec!["rustc-web", "cargo-web", "rust-web-src"];
    // The Rust that runs this task brings a linker; where it does not, Debian's.
    if any_linker().is_none() {
        packages.push("lld");
    }
    let needed = format!(
        "building the banner needs Rust 1.{MINOR_MIN} or newer with its sources: `rustup update stable` and `rustup \
         component add rust-src`, or Debian's rustc-web, cargo-web and rust-web-src"
    );
    apt::install(&packages).context(needed.clone())?;
    find(None).map(|_| ()).with_context(|| format!("Debian's Rust was installed but is not enough; {needed}"))
}

/// The first toolchain that can, or the one of the wanted origin.
pub(crate) fn find(wanted: Option<Origin>) -> Option<Toolchain> {
    let origins = [Origin::Rustup, Origin::Debian];
    origins.into_iter().filter(|origin| wanted.is_none_or(|wanted| wanted == *origin)).find_map(probe)
}

fn from_rustup() -> Result<()> {
    ensure!(step::which("rustup").is_some(), "this machine has no rustup");
    let version = step::output_of(Command::new("rustc").arg("--version"))?;
    ensure!(
        is_new_enough(&version),
        "{version} is too old to build the banner, which needs 1.{MINOR_MIN} or newer (`rustup update stable` brings it)"
    );
    let mut rustup = Command::new("rustup");
    step::run_quietly(rustup.args(["component", "add", "rust-src"]), RUSTUP_LIMIT, String::new)
}

fn probe(origin: Origin) -> Option<Toolchain> {
    let sysroot = sysroot(origin)?;
    let rustc = sysroot.join("bin/rustc");
    let version = step::output_of(bare(&rustc).arg("--version")).ok()?;
    let sources = sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml");
    if !is_new_enough(&version) || !sources.is_file() {
        return None;
    }
    let cargo = sysroot.join("bin/cargo");
    let linker = linker(&sysroot).or_else(any_linker)?;
    cargo.is_file().then_some(Toolchain { cargo, rustc, linker, version })
}

fn sysroot(origin: Origin) -> Option<PathBuf> {
    match origin {
        Origin::Rustup => {
            step::output_of(Command::new("rustc").args(["--print", "sysroot"])).ok().map(PathBuf::from)
        }
        Origin::Debian => Some(PathBuf::from("/usr")),
    }
}

fn linker(sysroot: &Path) -> Option<PathBuf> {
    let hosts = std::fs::read_dir(sysroot.join("lib/rustlib")).ok()?;
    hosts.flatten().map(|host| host.path().join("bin/rust-lld")).find(|candidate| candidate.is_file())
}

fn any_linker() -> Option<PathBuf> {
    let of_rust = sysroot(Origin::Rustup).and_then(|sysroot| linker(&sysroot));
    of_rust.or_else(|| ["rust-lld", "wasm-ld"].into_iter().find_map(step::which))
}

fn is_new_enough(version: &str) -> bool {
    minor(version).is_some_and(|minor| minor >= MINOR_MIN)
}

fn minor(version: &str) -> Option<u32> {
    version.strip_prefix("rustc 1.")?.split('.').next()?.parse().ok()
}

/// A command free of what the cargo that runs this task has set: another toolchain's libraries and flags.
pub(crate) fn bare(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let foreign =
            ["CARGO_PKG_", "CARGO_TARGET_", "RUSTUP_"].iter().any(|prefix| name.starts_with(prefix));
        let named =
            ["CARGO", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS"];
        let named =
            named.contains(&name.as_str()) || ["RUSTC", "LD_LIBRARY_PATH", "RUSTC_WRAPPER"].contains(&&*name);
        if foreign || named {
            command.env_remove(name);
        }
    }
    command
}

/// The toolchain, or the sentence that says how to get one.
pub(crate) fn require(wanted: Option<Origin>) -> Result<Toolchain> {
    match find(wanted) {
        Some(found) => Ok(found),
        None => bail!("no Rust here can build the banner; run `cargo xtask setup`"),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_new_enough, minor};

    #[test]
    fn the_minor_version_is_read_from_what_rustc_says() {
        assert_eq!(minor("rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)"), Some(96));
        assert_eq!(minor("rustc 1.97.0-nightly (0123456 2026-06-01)"), Some(97));
        assert_eq!(minor("clang 19"), None);
    }

    #[test]
    fn a_rust_that_compiles_kruimel_may_be_too_old_for_the_banner() {
        for (version, enough) in [("rustc 1.89.0", false), ("rustc 1.91.1", false), ("rustc 1.92.0", true)] {
            assert_eq!(is_new_enough(version), enough, "{version}");
        }
    }
}
