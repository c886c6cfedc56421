//! rustfmt and clippy, which the tests run.
//!
//! In: the cargo on the path. Out: its `cargo fmt` and `cargo clippy` answer. Invariant: they come from where that cargo
//! came from, because a clippy runs only beside its own compiler, and what answers already is left alone.

use super::apt;
use crate::{root, step};
use anyhow::{Context, Result, ensure};
use std::process::Command;
use std::time::Duration;

const RUSTUP_LIMIT: Duration = Duration::from_secs(60);
const SUBCOMMANDS: [&str; 2] = ["fmt", "clippy"];

/// Installs them, unless both answer.
pub(crate) fn ensure() -> Result<()> {
    if SUBCOMMANDS.into_iter().all(answers) {
        return Ok(());
    }
    step::say("Rust: installing rustfmt and clippy");
    if let Some(packages) = owner_of_cargo().as_deref().and_then(packages_beside) {
        apt::install(&packages).context("the tests need the rustfmt and the clippy of Debian's cargo")?;
    } else {
        from_rustup().context(
            "the tests need `cargo fmt` and `cargo clippy` for the Rust in use; run `rustup component add rustfmt clippy` \
             where its server can be reached, or install both from where that Rust came from",
        )?;
    }
    let silent = SUBCOMMANDS.into_iter().find(|subcommand| !answers(subcommand));
    ensure!(silent.is_none(), "`cargo {}` was installed but does not run", silent.unwrap_or_default());
    Ok(())
}

fn answers(subcommand: &str) -> bool {
    step::output_of(Command::new("cargo").args([subcommand, "--version"]).current_dir(root())).is_ok()
}

fn from_rustup() -> Result<()> {
    ensure!(step::which("rustup").is_some(), "this machine has no rustup");
    let mut rustup = Command::new("rustup");
    rustup.args(["component", "add", "rustfmt", "clippy"]).current_dir(root());
    step::run_quietly(&mut rustup, RUSTUP_LIMIT, String::new)
}

/// The Debian package that the cargo on the path belongs to.
fn owner_of_cargo() -> Option<String> {
    let cargo = step::which("cargo")?;
    // Debian knows its files below /usr, whichever of the linked folders the path names.
    let known = cargo.parent()?.canonicalize().ok()?.join("cargo");
    let told = step::output_of(Command::new("dpkg-query").arg("--search").arg(known)).ok()?;
    told.split(':').next().map(str::to_owned)
}

/// Debian has two Rusts: its own, and a newer one for building browsers.
fn packages_beside(owner: &str) -> Option<[&'static str; 2]> {
    match owner {
        "cargo" => Some(["rustfmt", "rust-clippy"]),
        "cargo-web" => Some(["rustfmt-web", "rust-web-clippy"]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::packages_beside;

    #[test]
    fn only_debians_own_cargo_is_served_by_debians_packages() {
        assert_eq!(packages_beside("cargo"), Some(["rustfmt", "rust-clippy"]));
        assert_eq!(packages_beside("cargo-web"), Some(["rustfmt-web", "rust-web-clippy"]));
        assert_eq!(packages_beside("rustup"), None, "Debian's rustup is a rustup");
    }
}
