//! Builds everything and becomes the demo.
//!
//! In: further arguments of `kruimel serve`. Out: a running demo in place of this process, so that Ctrl-C reaches it.
//! Invariant: the same banner, engine and binary that an owner would get.

use crate::{banner, root, setup, step};
use anyhow::{Context, Result};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Sets up, builds and starts the demo.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    setup::all(false)?;
    banner::build(banner::Options::default())?;
    step::say("Kruimel: compiling the binary");
    // The release profile: the demo fills 90 days of history through the real pipeline before it is worth looking at,
    // and the numbers that a curious owner sees on the way are those of the real thing.
    step::run(Command::new("cargo").args(["build", "--release", "--bin", "kruimel"]).current_dir(root()))?;
    step::say("Demo: the site is at http://localhost:7700/, its dashboards are at http://localhost:7701/");
    let mut kruimel = Command::new(root().join("target/release/kruimel"));
    let failure = kruimel.args(["serve", "--demo"]).args(arguments).exec();
    Err(failure).context("the binary could not be started")
}
