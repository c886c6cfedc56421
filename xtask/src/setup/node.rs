//! The npm tools: esbuild and wasm-opt for the build, axe-core and TypeScript for the tests.
//!
//! In: `package-lock.json`. Out: `node_modules/`. Invariant: exactly the locked versions, and no package's own
//! install script is run.

use crate::{root, step};
use anyhow::{Context, Result, bail};
use std::fs;
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(5 * 60);

/// Installs what the lock file names, unless that was done already.
pub(crate) fn ensure() -> Result<()> {
    let lock = fs::read(root().join("package-lock.json")).context("package-lock.json cannot be read")?;
    let stamp = root().join("node_modules/.kruimel-lock");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    if step::which("npm").is_none() {
        bail!("npm is missing; install Node.js 20 or newer from https://nodejs.org or your package manager");
    }
    step::say("npm: installing esbuild, wasm-opt, axe-core and TypeScript");
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(root());
    step::run_quietly(&mut npm, LIMIT, String::new)
        .context("the npm packages of package-lock.json could not be installed; see that the npm registry is reachable")?;
    fs::write(&stamp, lock).with_context(|| format!("cannot write {}", stamp.display()))
}
