//! Builds the two browser modules and everything that goes with them into `banner/dist/`.
//!
//! In: `banner/`, `wire/` and the locked tools. Out: `loaders.json`, `banner.js`, `tracker.js`, `more.js`,
//! `banner.css`, what no site changes also precompressed, and a table of bytes. Steps: compile, bind, optimise, bundle, weigh.
//!
//! Invariant: `dist/` holds a complete build of the recorded inputs or is rebuilt, a file is touched only when its
//! bytes change (the collector embeds it), and what exceeds a budget is an error.

mod budget;
mod compile;
mod dist;
mod fingerprint;
mod glue;

use crate::setup::{self, toolchain};
use crate::{root, step};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;

/// How to build.
#[derive(Clone, Copy, Default)]
pub(crate) struct Options {
    /// Even if nothing changed.
    pub(crate) force: bool,
    /// With which Rust, if not the first that can.
    pub(crate) toolchain: Option<toolchain::Origin>,
}

/// The modules: package, stem of its files in `dist/`.
const MODULES: [(&str, &str); 2] = [("kruimel_banner", "banner"), ("kruimel_tracker", "tracker")];

/// Builds what is out of date, prints the bytes, and fails where a budget is exceeded.
pub(crate) fn build(options: Options) -> Result<()> {
    setup::for_banner()?;
    let banner = root().join("banner");
    let toolchain = toolchain::require(options.toolchain)?;
    let inputs = fingerprint::of_inputs(&root(), &toolchain.version)?;
    if options.force || !dist::is_built_from(&banner, &inputs) {
        step::say(&format!("Banner: compiling the two modules with {}", toolchain.version));
        compile::compile(&banner, &toolchain)?;
        let work = banner.join("target/bundle");
        fs::create_dir_all(&work).with_context(|| format!("cannot create {}", work.display()))?;
        for (crate_name, stem) in MODULES {
            let bound = compile::bind(&banner, crate_name)?;
            optimise(&bound, &work.join(format!("{stem}.wasm")))?;
        }
        bundle(&banner, &work)?;
        dist::publish(&work, &banner, &inputs)?;
    }
    budget::weigh(&root())
}

fn optimise(from: &Path, to: &Path) -> Result<()> {
    let mut wasm_opt = Command::new(root().join("node_modules/.bin/wasm-opt"));
    wasm_opt.args(["-Oz", "--converge"]).args([
        "--enable-bulk-memory",
        "--enable-reference-types",
        "--enable-sign-ext",
        "--enable-mutable-globals",
        "--enable-nontrapping-float-to-int",
        "--enable-multivalue",
        // No data lies below 1,024 (the stack is there), and no browser reads the list of features.
        "--low-memory-unused",
        "--strip-target-features",
    ]);
    step::run(wasm_opt.arg(from).arg("-o").arg(to))
}

fn bundle(banner: &Path, results: &Path) -> Result<()> {
    let mut node = Command::new("node");
    node.arg("xtask/bundle.mjs").arg(banner).arg(results).current_dir(root());
    step::run(&mut node).context("the scripts could not be bundled")
}
