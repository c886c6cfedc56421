//! Brings a fresh machine to where everything else works.
//!
//! In: Rust, Node and a package manager. Out: rustfmt and clippy, a Rust that can build the browser modules, the npm
//! tools, the database engine and a browser. Invariant: what is there is left alone, so that running it twice costs nothing.

mod apt;
mod browser;
mod engine;
mod lints;
mod node;
pub(crate) mod toolchain;

use anyhow::Result;

/// Everything, with or without the browser that only the tests need.
pub(crate) fn all(browser: bool) -> Result<()> {
    lints::ensure()?;
    for_run()?;
    if browser {
        browser::ensure()?;
    }
    Ok(())
}

/// What `cargo xtask run` needs.
pub(crate) fn for_run() -> Result<()> {
    for_banner()?;
    engine::ensure()
}

/// What `cargo xtask banner` needs.
pub(crate) fn for_banner() -> Result<()> {
    toolchain::ensure()?;
    node::ensure()
}
