//! Builds everything and becomes the demo.
//!
//! In: further arguments of `kruimel serve`. Out: a running demo in place of this process, so that Ctrl-C reaches it; it
//! says itself where to look. Invariant: the same banner, engine and binary that an owner would get.

use crate::{banner, root, setup, step};
use anyhow::{Context, Result};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Sets up, builds and starts the demo.
pub(crate) fn run(release: bool, arguments: &[String]) -> Result<()> {
    setup::for_run()?;
    banner::build(banner::Options::default())?;
    // Unoptimised by default: it is there in half the time, its sample history is filled in seconds all the same, and
    // the tests use the same build.
    step::say(if release {
        "Kruimel: compiling the optimised binary"
    } else {
        "Kruimel: compiling the binary"
    });
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--bin", "kruimel"]).args(release.then_some("--release")).current_dir(root());
    step::run(&mut cargo)?;
    step::say("Demo: starting");
    let mut kruimel = Command::new(binary(release)?);
    let failure = kruimel.args(["serve", "--demo"]).args(arguments).current_dir(root()).exec();
    Err(failure).context("the binary could not be started")
}

/// Beside this program, which cargo has built into the same target folder.
fn binary(release: bool) -> Result<PathBuf> {
    let this = std::env::current_exe().context("this program does not know where it is")?;
    let folder = this.parent().unwrap_or(Path::new("."));
    Ok(if release { folder.with_file_name("release") } else { folder.to_path_buf() }.join("kruimel"))
}
