//! Measures what is promised to be quick, and prints it.
//!
//! In: what to measure, and further arguments of its benchmark. Out: Markdown tables on the terminal, for
//! `docs/benchmarks.md` and `docs/collector-speed.md`. Invariant: the optimised build is measured, unless asked otherwise; a figure fails no test.

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

/// What an event costs the collector: the optimised binary under load.
pub(crate) fn load(arguments: &[String]) -> Result<()> {
    setup::for_run()?;
    banner::build(banner::Options::default())?;
    step::say("Load: the collector, beside a handler that only parses");
    let mut cargo = Command::new("cargo");
    cargo.args(["bench", "--package", "kruimel", "--bench", "load", "--"]).args(arguments);
    step::run(cargo.current_dir(root()))
}
