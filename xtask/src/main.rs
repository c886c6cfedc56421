//! What cargo cannot say: set up a machine, build the browser modules within their byte budgets, run, test.
//!
//! In: the repository and a machine with Rust, Node and a package manager. Out: `banner/dist/`, the demo, or a verdict.
//! Invariant: every step says what it does before it does it, is skipped where its outcome is already there, and
//! fails with one sentence that says what is missing and how to get it. Nothing here depends on the crates that
//! embed `banner/dist/`, so that it can be built from nothing.

#![expect(clippy::print_stdout, reason = "a command line tool: its tables are its result")]

mod banner;
mod bench;
mod faults;
mod fuzz;
mod run;
mod setup;
mod step;
mod test;

use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Set up, build, run and test Kruimel.")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Bring everything the other tasks need: rustfmt and clippy, WASM toolchain, npm tools, database engine, browser.
    Setup {
        /// Leave out Chromium, which only the tests need.
        #[arg(long)]
        no_browser: bool,
    },
    /// Build the banner and the tracker into banner/dist and hold them to their byte budgets.
    Banner {
        /// Build even if nothing changed.
        #[arg(long)]
        force: bool,
        /// Which Rust builds the modules; by default the first that can.
        #[arg(long, value_enum)]
        toolchain: Option<setup::toolchain::Origin>,
    },
    /// Build everything and start the demo: a small news site, its dashboards, live data.
    Run {
        /// Optimise: slower to build, faster to run.
        #[arg(long)]
        release: bool,
        /// Passed on to `kruimel serve --demo`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Measure and print the figures that the documentation quotes.
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    /// Load the optimised binary over loopback and print what an event costs, beside a handler that only parses it.
    Load {
        /// Passed on to the load: `--batch 1 --rounds 9`; `--help` lists all.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// The long form of the fault suite: kill -9, full disks, a store that is away, many times at random moments.
    Faults {
        /// How often each fault comes.
        #[arg(long, default_value_t = 50)]
        rounds: usize,
        /// Repeats the moments of an earlier run.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Fuzz what strangers' bytes reach: batches, receipts, headers, config files, what lies in the data folder.
    Fuzz {
        /// One of `fuzz/fuzz_targets`; without it each in turn.
        target: Option<String>,
        /// How long each.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Everything that must hold before a change is merged; exactly what continuous integration runs.
    Test,
}

#[derive(Subcommand)]
enum Bench {
    /// What the banner costs a page in Chromium: time, bytes, requests, blocking, heap.
    Banner {
        /// Measure the unoptimised build, which is there sooner.
        #[arg(long)]
        dev: bool,
        /// Passed on to the benchmark: `--rounds 15`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Setup { no_browser } => setup::all(!no_browser),
        Task::Banner { force, toolchain } => banner::build(banner::Options { force, toolchain }),
        Task::Run { release, arguments } => run::run(release, &arguments),
        Task::Bench { what: Bench::Banner { dev, arguments } } => bench::banner(dev, &arguments),
        Task::Load { arguments } => bench::load(&arguments),
        Task::Faults { rounds, seed } => faults::run(rounds, seed),
        Task::Fuzz { target, seconds } => fuzz::run(target.as_deref(), seconds),
        Task::Test => test::test(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the repository: that of the cargo which started this task, so that a copied target folder is harmless.
fn root() -> PathBuf {
    let started_in = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let here = started_in.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    here.parent().map_or_else(|| here.clone(), Path::to_path_buf)
}
