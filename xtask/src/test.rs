//! Everything that must hold before a change is merged.
//!
//! In: the repository. Out: a verdict, and how long each part took. Invariant: the parts run in the order in which
//! they are cheap to fail, each thing is built once, and the first failure ends it with its name. Set-up comes before
//! them, because it brings what they run; where everything is there it takes no time.

use crate::{banner, root, setup, step};
use anyhow::{Context, Result};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

type Part = (&'static str, fn() -> Result<()>);

const PARTS: [Part; 12] = [
    ("set-up", set_up),
    ("format", format),
    ("format of the browser's workspace", format_banner),
    ("browser modules and their budgets", build_banner),
    ("tests of the browser's workspace", test_banner),
    ("lints", lint),
    ("lints of the browser's workspace", lint_banner),
    ("fuzz targets compile", check_fuzz),
    ("documentation", document),
    ("documentation of the browser's workspace", document_banner),
    ("tests", test_all),
    ("tests that mount a disk", test_with_disks),
];

/// Tests that mount something.
pub(crate) struct Mounting {
    /// Their module.
    pub(crate) tests: &'static str,
    /// What they cannot do without.
    pub(crate) need: &'static str,
    /// What `unshare` is told to do where that is there.
    probe: &'static [&'static str],
}

const MOUNTING: [Mounting; 2] = [
    Mounting {
        tests: "faults::disk",
        need: "a user namespace in which they may mount",
        probe: &["--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
    },
    Mounting {
        tests: "faults::power",
        need: "root, a loop device and mkfs.ext4 (package e2fsprogs)",
        probe: &["--mount", "sh", "-c", "losetup --find && test -x /sbin/mkfs.ext4"],
    },
];

/// Runs every part, stops at the first that fails, and sums up.
pub(crate) fn test() -> Result<()> {
    let mut times: Vec<(&str, Duration)> = Vec::new();
    let start = Instant::now();
    for (name, part) in PARTS {
        step::say(&format!("Test: {name}"));
        let begun = Instant::now();
        let outcome = part();
        times.push((name, begun.elapsed()));
        if let Err(error) = outcome {
            sum_up(&times);
            return Err(error).with_context(|| format!("FAILED: {name}"));
        }
    }
    sum_up(&times);
    let but: String =
        left_out().map(|out| format!(" But {} was left out: it needs {}.", out.tests, out.need)).collect();
    println!("\nAll of it holds, in {} s.{but}", start.elapsed().as_secs());
    Ok(())
}

fn sum_up(times: &[(&str, Duration)]) {
    println!("\n{:<42}{:>8}", "part", "seconds");
    for (name, time) in times {
        println!("  {name:<40}{:>8}", time.as_secs());
    }
}

fn format() -> Result<()> {
    cargo(&["fmt", "--all", "--check"])
}

fn format_banner() -> Result<()> {
    cargo(&["fmt", "--all", "--check", "--manifest-path", "banner/Cargo.toml"])
}

fn set_up() -> Result<()> {
    setup::all(true)
}

fn build_banner() -> Result<()> {
    banner::build(banner::Options::default())
}

fn test_banner() -> Result<()> {
    cargo_test(&["--manifest-path", "banner/Cargo.toml", "--target-dir", "banner/target"])
}

fn lint() -> Result<()> {
    cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
}

fn lint_banner() -> Result<()> {
    let place = ["--manifest-path", "banner/Cargo.toml", "--target-dir", "banner/target"];
    cargo(
        &[&["clippy", "--workspace", "--all-targets"], place.as_slice(), &["--", "-D", "warnings"]].concat(),
    )
}

/// Into the folder of the others, so that what they share is there already.
fn check_fuzz() -> Result<()> {
    let place = ["--manifest-path", "fuzz/Cargo.toml", "--target-dir", "target"];
    cargo(&[&["check", "--no-default-features"], place.as_slice()].concat())
}

fn document() -> Result<()> {
    cargo_doc(&[])
}

fn document_banner() -> Result<()> {
    cargo_doc(&["--manifest-path", "banner/Cargo.toml", "--target-dir", "banner/target"])
}

fn cargo_doc(place: &[&str]) -> Result<()> {
    let mut command = cargo_command(&["doc", "--workspace", "--no-deps"]);
    step::run(command.args(place).env("RUSTDOCFLAGS", "-D warnings"))
}

fn test_all() -> Result<()> {
    cargo_test(&[])
}

/// Disks that fill up and lose power. What may not be mounted here is left out, and told.
fn test_with_disks() -> Result<()> {
    left_out().for_each(|out| println!("{} is left out: it needs {}.", out.tests, out.need));
    let here: Vec<&str> = MOUNTING.iter().filter(|mounting| mounting.may()).map(|here| here.tests).collect();
    if here.is_empty() {
        return Ok(());
    }
    cargo(&[&["test", "--workspace", "--test", "journeys", "--", "--ignored"], here.as_slice()].concat())
}

/// The tests that cannot be run here.
pub(crate) fn left_out() -> impl Iterator<Item = &'static Mounting> {
    MOUNTING.iter().filter(|mounting| !mounting.may())
}

impl Mounting {
    fn may(&self) -> bool {
        Command::new("unshare").args(self.probe).output().is_ok_and(|probe| probe.status.success())
    }
}

fn cargo_test(place: &[&str]) -> Result<()> {
    let rustdoc = root().join("target/rustdoc-with-codes");
    write_wrapper(&rustdoc).with_context(|| format!("{} cannot be written", rustdoc.display()))?;
    let mut command = cargo_command(&["test", "--workspace"]);
    step::run(command.args(place).env("RUSTDOC", &rustdoc))
}

/// A rustdoc that also compares the error code of a `compile_fail` example, which the stable one skips: without it an
/// example that fails for a typo would pass for a promise kept.
fn write_wrapper(path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    std::fs::write(path, "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"\n")?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

fn cargo(arguments: &[&str]) -> Result<()> {
    step::run(&mut cargo_command(arguments))
}

fn cargo_command(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    // A snapshot that differs is a failure, never rewritten on the way.
    command.args(arguments).env("INSTA_UPDATE", "no").current_dir(root());
    command
}
