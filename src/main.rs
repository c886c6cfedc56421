//! The command line. One file per subcommand; this one only names them.
//!
//! Exit status: 0 when all went well, 1 when a config is unlawful or something cannot be done, 2 when the command line
//! itself is wrong.

#![allow(clippy::print_stderr, reason = "a command line says on standard error why it fails")]

mod answered;
mod check;
mod demo;
mod disk;
mod engine_process;
mod keys;
mod ledger;
mod listen;
mod reload;
mod routes;
mod sample;
mod say;
mod serve;
mod settings;
mod signals;
mod store;
mod telemetry;

use clap::{Parser, Subcommand};
use std::io::IsTerminal;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A cookie banner and first-party analytics in one: one script tag, one binary.
#[derive(Parser)]
#[command(version, about)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the banner, take in consented events and show the dashboards.
    Serve(serve::Arguments),
    /// Check a config: every unlawful or broken setting with its line and the mend. Exits with 1 if there is any.
    Check(check::Arguments),
    /// Run the embedded engine as its own process. `serve` starts and watches it by itself.
    Engine(engine_process::Arguments),
    /// The keys that receipts are signed with.
    #[command(subcommand)]
    Keys(keys::Command),
    /// The consent ledger: verify its chains, print their heads, replay a decision, count.
    #[command(subcommand)]
    Ledger(ledger::Command),
    /// The sample history of `serve --demo`.
    #[command(subcommand)]
    Sample(sample::Command),
}

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("KRUIMEL_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        // A log on a full disk is lost; telling so on the same disk would end the thread that logs.
        .log_internal_errors(false);
    match std::env::var("KRUIMEL_LOG_FORMAT").as_deref() {
        Ok("json") => log.json().init(),
        _ => log.with_ansi(colour).init(),
    }
    let done = match CommandLine::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Engine(arguments) => engine_process::run(arguments),
        Command::Keys(command) => keys::run(command),
        Command::Ledger(command) => ledger::run(&command),
        Command::Sample(command) => sample::run(command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kruimel: {}", sentence(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error with its causes, each told once: some say their cause themselves.
fn sentence(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !told.contains(&cause) {
            told = if told.is_empty() { cause } else { format!("{told}: {cause}") };
        }
    }
    told
}
