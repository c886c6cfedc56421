//! Installs Debian packages.
//!
//! In: names of packages. Out: they are installed. Invariant: without apt-get or the right to use it, the error is a
//! sentence that a person can act on.

use crate::step;
use anyhow::{Context, Result, bail, ensure};
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
    let unknown: Vec<&str> = packages.iter().copied().filter(|package| !has_candidate(package)).collect();
    ensure!(unknown.is_empty(), "apt-get on this machine has no package `{}`", unknown.join("`, `"));
    fetch(packages).with_context(|| {
        format!("`{wanted}` could not be installed; run `apt-get install {wanted}` by hand to see why")
    })
}

/// Whether the package lists offer any version of it.
fn has_candidate(package: &str) -> bool {
    let mut command = Command::new("apt-cache");
    let told = step::output_of(command.args(["policy", package]).env("LC_ALL", "C"));
    told.is_ok_and(|told| candidate(&told).is_some())
}

fn candidate(policy: &str) -> Option<&str> {
    let version = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    (version != "(none)").then_some(version)
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

#[cfg(test)]
mod tests {
    use super::candidate;

    #[test]
    fn a_package_without_a_version_to_install_has_no_candidate() {
        let listed = "chromium:\n  Installed: (none)\n  Candidate: 156.0.8078.79-1~deb12u1\n  Version table:";
        assert_eq!(candidate(listed), Some("156.0.8078.79-1~deb12u1"));
        assert_eq!(candidate("chromium:\n  Installed: (none)\n  Candidate: (none)\n  Version table:"), None);
        assert_eq!(candidate(""), None);
    }
}
