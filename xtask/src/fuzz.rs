//! Fuzzes what strangers' bytes reach, guided by coverage: the ways in of `collector/src/fuzz.rs`.
//!
//! In: which of them, and for how long each. Out: a verdict, and the bytes that broke one in `fuzz/artifacts/`. The compiler
//! marks what was walked by LLVM's own pass, which the stable one has too; what it cannot add is AddressSanitizer, and there is
//! hardly any unsafe code that would need it. What was found to lead further stays in `fuzz/corpus/` for the next time.

use crate::{banner, root, setup, step};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// What LLVM is to mark, in the words of its pass.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";
/// Largest input, in bytes: beyond the longest batch.
const INPUT_BYTES_MAX: &str = "65536";

/// Fuzzes one way in, or each in turn.
pub(crate) fn run(only: Option<&str>, seconds: u64) -> Result<()> {
    setup::for_run()?;
    banner::build(banner::Options::default())?;
    let all = targets()?;
    let chosen: Vec<&String> = all.iter().filter(|target| only.is_none_or(|only| only == *target)).collect();
    if chosen.is_empty() {
        bail!("there is no such target; there are {}", all.join(", "));
    }
    for target in chosen {
        step::say(&format!("Fuzzing: {target}, {seconds} s"));
        fuzz(target, seconds)?;
    }
    Ok(())
}

fn targets() -> Result<Vec<String>> {
    let entries = fs::read_dir(root().join("fuzz/fuzz_targets"))?.collect::<Result<Vec<_>, _>>()?;
    let stem = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut targets: Vec<String> = entries.into_iter().filter_map(|entry| stem(entry.path())).collect();
    targets.sort_unstable();
    Ok(targets)
}

fn fuzz(target: &str, seconds: u64) -> Result<()> {
    let folder = root().join("fuzz");
    let (corpus, artifacts) = (folder.join("corpus").join(target), folder.join("artifacts").join(target));
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&artifacts)?;
    let mut command = Command::new("cargo");
    // For a named target, so that what only the compiler runs is left as it is.
    command.args(["run", "--release", "--target", &host()?, "--target-dir", "target/fuzz", "--bin", target]);
    command.args(["--manifest-path", "fuzz/Cargo.toml", "--"]).arg(corpus);
    command.args(seeds(target).filter(|seeds| seeds.is_dir()));
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.args([&format!("-max_total_time={seconds}"), &format!("-max_len={INPUT_BYTES_MAX}")]);
    command.args(["-print_final_stats=1", "-verbosity=0", "-timeout=10"]);
    step::run(command.env("RUSTFLAGS", COVERAGE).current_dir(root()))
}

/// Good ones to begin with.
fn seeds(target: &str) -> Option<PathBuf> {
    Some(root().join(match target {
        "config" => "deploy".to_owned(),
        other => format!("fuzz/seeds/{other}"),
    }))
}

fn host() -> Result<String> {
    let told = Command::new("rustc").arg("-vV").output().context("rustc cannot be started")?;
    let told = String::from_utf8(told.stdout)?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not tell its host")?.to_owned())
}
