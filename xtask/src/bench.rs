//! Measures what is promised to be quick, and prints it.
//!
//! In: what to measure, and further arguments of its benchmark. Out: Markdown tables on the terminal, for
//! `docs/benchmarks.md`. Invariant: the optimised build is measured, unless asked otherwise; a figure fails no test.

use crate::{banner, root, setup, step};
use anyhow::Result;
use std::process::Command;

/// What the banner costs a page, in Chromium.
pub(crate) fn banner(dev: bool, arguments: &[String]) -> Result<()> {
    setup::all(true)?;
    banner::build(banner::Options::default())?;
    step::say("Benchmark: the demo's page with and without the banner");
    let mut cargo = Command::new("cargo");
    cargo.args(["bench", "--package", "kruimel", "--bench", "banner"]);
    cargo.args(dev.then_some("--profile=dev")).arg("--").args(arguments);
    step::run(cargo.current_dir(root()))
}
