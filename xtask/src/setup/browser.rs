//! Chromium and its driver, which the tests steer.
//!
//! In: nothing. Out: both are on the path. Invariant: a browser that is there already is used as it is, under whichever
//! name its packager gave it; the driver finds it under each of them.

use super::apt;
use crate::step;
use anyhow::{Context, Result};
use std::process::Command;

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const DRIVER: &str = "chromedriver";

/// Installs the browser where it is missing.
pub(crate) fn ensure() -> Result<()> {
    if BROWSERS.into_iter().any(answers) && answers(DRIVER) {
        return Ok(());
    }
    step::say("Browser: installing Chromium and its driver (about 100 MB)");
    apt::install(&["chromium", "chromium-driver"]).context(
        "the tests need Chromium or Google Chrome, and the `chromedriver` of the same version, on the path; where there \
         is no package of them, as on Ubuntu, take both from https://googlechromelabs.github.io/chrome-for-testing",
    )
}

/// Starts it, because Ubuntu has a `chromium-browser` that only says where to get one.
fn answers(program: &str) -> bool {
    step::which(program).is_some() && step::output_of(Command::new(program).arg("--version")).is_ok()
}
