//! Chromium and its driver, which the tests steer.
//!
//! In: nothing. Out: both are on the path. Invariant: a browser that is there already is used as it is.

use super::apt;
use crate::step;
use anyhow::{Context, Result};

/// Installs the browser where it is missing.
pub(crate) fn ensure() -> Result<()> {
    if step::which("chromium").is_some() && step::which("chromedriver").is_some() {
        return Ok(());
    }
    step::say("Browser: installing Chromium and its driver (about 100 MB)");
    apt::install(&["chromium", "chromium-driver"])
        .context("the tests need `chromium` and `chromedriver` on the path")
}
