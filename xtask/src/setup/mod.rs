//! Brings a fresh machine to where everything else works.
//!
//! In: Rust, Node and a package manager. Out: a Rust that can build the browser modules, the npm tools, the database
//! engine and a browser. Invariant: what is there is left alone, so that running it twice costs nothing.

mod apt;
mod browser;
mod engine;
mod node;
pub(crate) mod toolchain;

use anyhow::Result;

/// Everything, with or without the browser that only the tests need.
pub(crate) fn all(browser: bool) -> Result<()> {
    toolchain::ensure()?;
    node::ensure()?;
    engine::ensure()?;
    if browser {
        browser::ensure()?;
    }
    Ok(())
}

/// What `cargo xtask banner` needs.
pub(crate) fn for_banner() -> Result<()> {
    toolchain::ensure()?;
    node::ensure()
}
