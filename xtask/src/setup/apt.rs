//! Installs Debian packages.
//!
//! In: names of packages. Out: they are installed. Invariant: without apt-get or the right to use it, the error is a
//! sentence that a person can act on.

use crate::step;
use anyhow::{Context, Result, bail};
use std::process::{Command, Stdio};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Installs packages, refreshing the package lists first if they are too old to have them.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let wanted = packages.join(" ");
    if step::which("apt-get").is_none() {
        bail!(
            "this machine has no apt-get; install what Debian calls `{wanted}` with its own package manager"
        );
    }
    if !is_root()? && !has_sudo() {
        bail!("installing needs more rights; run `sudo apt-get install {wanted}` and try again");
    }
    step::note(&format!("apt-get install {wanted}"));
    if fetch(packages).is_ok() {
        return Ok(());
    }
    step::note("apt-get update, because the package lists may be too old");
    step::run_quietly(apt(&["update"])?.env("LC_ALL", "C"), LIMIT, String::new)?;
    fetch(packages).with_context(|| {
        format!("`{wanted}` could not be installed; run `apt-get install {wanted}` by hand to see why")
    })
}

fn fetch(packages: &[&str]) -> Result<()> {
    let mut command = apt(&["install", "--yes", "--no-install-recommends"])?;
    step::run_quietly(command.args(packages).env("DEBIAN_FRONTEND", "noninteractive"), LIMIT, String::new)
}

fn apt(arguments: &[&str]) -> Result<Command> {
    let mut command = if is_root()? {
        Command::new("apt-get")
    } else {
        let mut command = Command::new("sudo");
        command.args(["--non-interactive", "apt-get"]);
        command
    };
    // Another apt-get may be at work, as on a machine that has just started.
    command.args(["-o", "DPkg::Lock::Timeout=120"]).args(arguments);
    Ok(command)
}

fn is_root() -> Result<bool> {
    Ok(step::output_of(Command::new("id").arg("-u"))? == "0")
}

fn has_sudo() -> bool {
    let mut command = Command::new("sudo");
    command.args(["--non-interactive", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
