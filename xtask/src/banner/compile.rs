//! Rust to WASM, and the JavaScript glue between the two.
//!
//! In: the packages of `banner/`. Out: `banner/pkg/<package>.js` and `<package>_bg.wasm`. Invariant: the standard
//! library is built along, for size, and a panic is a trap without message or place: formatting code and the paths of
//! the machine that built it stay out.

use super::glue;
use crate::setup::toolchain::{self, Toolchain};
use crate::step;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use wasm_bindgen_cli_support::{Bindgen, Output};

const TARGET: &str = "wasm32-unknown-unknown";
const RUSTFLAGS: &str = "-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none -Zfmt-debug=none";

/// Compiles every package of the browser's workspace.
pub(crate) fn compile(banner: &Path, toolchain: &Toolchain) -> Result<()> {
    let mut cargo = toolchain::bare(&toolchain.cargo);
    cargo
        .current_dir(banner)
        .env("RUSTC", &toolchain.rustc)
        // The two build-std flags and immediate-abort are not stable yet; the compiler itself is.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", &toolchain.linker)
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", RUSTFLAGS)
        .args(["build", "--workspace", "--lib", "--release", "--target", TARGET])
        .args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"])
        .arg("--target-dir")
        .arg(target(banner));
    step::run(&mut cargo)
}

/// Writes the glue and the bound module of one package; the module's path.
pub(crate) fn bind(banner: &Path, crate_name: &str) -> Result<PathBuf> {
    let compiled = target(banner).join(TARGET).join("release").join(format!("{crate_name}.wasm"));
    let package = banner.join("pkg");
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(&compiled)
        .web(true)
        .with_context(|| format!("the glue of {crate_name} cannot be made for the web"))?
        .typescript(false)
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true);
    let mut output = bindgen.generate_output().with_context(|| format!("{crate_name} cannot be bound"))?;
    let glue = package.join(format!("{crate_name}.js"));
    let emit = |output: &mut Output| {
        output.emit(&package).with_context(|| format!("the module {crate_name} could not be written"))
    };
    // Written twice, because the glue is put together only on the way to its file.
    emit(&mut output)?;
    let script = fs::read_to_string(&glue).with_context(|| format!("cannot read {}", glue.display()))?;
    let script = glue::trim(script, &mut output)
        .with_context(|| format!("the glue of {crate_name} cannot be trimmed"))?;
    emit(&mut output)?;
    fs::write(&glue, script).with_context(|| format!("cannot write {}", glue.display()))?;
    Ok(package.join(format!("{crate_name}_bg.wasm")))
}

fn target(banner: &Path) -> PathBuf {
    banner.join("target")
}
