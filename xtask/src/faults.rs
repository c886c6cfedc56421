//! The long form of the fault suite: many rounds of every fault, at moments that a seed repeats.
//!
//! In: how many rounds, and a seed. Out: a verdict; the tests themselves are those of `cargo xtask test`, in
//! `tests/faults/`, with the slow ones among them.

use crate::test::left_out;
use crate::{banner, root, setup, step};
use anyhow::Result;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// Runs the suite. It takes seventy minutes or so with fifty rounds.
pub(crate) fn run(rounds: usize, seed: Option<u64>) -> Result<()> {
    setup::for_run()?;
    banner::build(banner::Options::default())?;
    let now_s = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seed = seed.unwrap_or_else(now_s);
    step::say(&format!(
        "Faults: {rounds} rounds; `cargo xtask faults --rounds {rounds} --seed {seed}` repeats them"
    ));
    let mut command = Command::new("cargo");
    command.args(["test", "--test", "journeys", "--", "faults::", "--include-ignored", "--test-threads=1"]);
    for out in left_out() {
        step::say(&format!("{} is left out: it needs {}", out.tests, out.need));
        command.args(["--skip", out.tests]);
    }
    command.env("KRUIMEL_FAULT_ROUNDS", rounds.to_string()).env("KRUIMEL_FAULT_SEED", seed.to_string());
    step::run(command.current_dir(root()))?;
    let mut power = Command::new("cargo");
    power.args(["test", "-p", "kruimel-collector", "--lib", "--", "spool::power"]);
    step::run(power.env("PROPTEST_CASES", (rounds * 200).to_string()).current_dir(root()))
}
