//! What the intake costs: `cargo xtask load`.
//!
//! In: how large batches are, how long, how often, at which rate. Out: Markdown tables, for `docs/collector-speed.md`.
//! The real binary, with its engine, its spool and its checks, and a handler that only parses the same bodies take
//! turns under the same load. Invariant: at the end the store is asked: what was acknowledged is there, once.
//!
//! Load and servers share one machine, so figures are processor time from the kernel's books of each process, and
//! ratios of neighbouring rounds. Nothing leaves the machine.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of measurements"
)]

mod abuse;
mod abusers;
mod account;
mod drive;
mod http;
mod outage;
mod page;
mod reference;
mod server;
mod stored;
mod table;
mod visitor;

use clap::Parser;
use drive::{Material, Outcome, Pace, drive};
use server::{Meter, Reference, Server};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use table::{Memory, Round};

/// Loads the real binary and a handler that only parses, in turns, and prints what each costs.
#[derive(Clone, Parser)]
struct Arguments {
    /// Events in each batch.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
    batch: u16,
    /// Length of each round, in seconds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Rounds of each kind.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// Events a second to measure at, instead of as many as go and then half of them.
    #[arg(long)]
    rate: Option<f64>,
    /// Connections that stay open.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u16).range(1..=4_096))]
    connections: u16,
    /// Visitors who allowed analytics, each with an address, a browser and cookies.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    visitors: u32,
    /// Rows that the store holds before.
    #[arg(long, default_value_t = 0)]
    rows: u64,
    /// Instead: how long it takes to catch up after the store was away for so many seconds at 500 events a second.
    #[arg(long)]
    outage: Option<u64>,
    /// Instead: what ordinary visitors notice of slow-loris, floods and idle connections beside them, at `--rate` events
    /// a second (5,000 without it). Ends with 1 if one of their batches failed.
    #[arg(long)]
    abuse: bool,
    /// Connections of each flood of `--abuse`.
    #[arg(long, default_value_t = abusers::FLOODING as u16, value_parser = clap::value_parser!(u16).range(1..=4_000))]
    flooding: u16,
    /// Of `--abuse` only what is called so: `--beside flood`.
    #[arg(long, default_value = "")]
    beside: String,
    /// Leaves the handler that only parses out, for a profiler.
    #[arg(long)]
    alone: bool,
    /// Be the handler that only parses.
    #[arg(long, hide = true)]
    reference: bool,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.reference {
        reference::serve();
        return ExitCode::SUCCESS;
    }
    // One thread: the load must leave the machine to what it loads.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(measure(&arguments))
}

async fn measure(arguments: &Arguments) -> ExitCode {
    let server = Server::start("");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle_mb = account::memory_mb(server.id());
    println!("{}", table::circumstances(arguments));
    let store = server.store();
    let before = stored::fill(&store, arguments.rows).await;
    let visitors = visitor::decide(server.public, arguments.visitors as usize, 64).await;
    server.drained().await;
    let events = usize::from(arguments.batch);
    let load = Load {
        material: Arc::new(Material { visitors, pages: page::pages(events), events }),
        arguments: arguments.clone(),
        reference: (!arguments.alone && !arguments.abuse).then(Reference::start),
        server,
    };
    let (mut acknowledged, mut failed) = (0, 0);
    if arguments.abuse {
        let found = abuse::measure(&load).await;
        (acknowledged, failed) = (found.acknowledged, found.failed);
    } else if let Some(seconds) = arguments.outage {
        acknowledged += outage::measure(&load, seconds, &store, before).await;
    } else {
        let rate = match arguments.rate {
            Some(rate) => rate / events as f64,
            None => {
                let rounds = load.rounds(Pace::Closed, 1).await;
                println!("{}", table::saturation(&rounds, events));
                acknowledged += table::acknowledged(&rounds);
                table::rate(&rounds) / 2.0
            }
        };
        let rounds = load.rounds(Pace::Open(rate), 2).await;
        println!("{}", table::latency(&rounds, rate, events));
        acknowledged += table::acknowledged(&rounds);
    }
    let memory = Memory {
        idle_mb,
        after_mb: account::memory_mb(load.server.id()),
        peak_mb: account::memory_peak_mb(load.server.id()),
        engine_mb: account::memory_peak_mb(load.server.engine_id()),
    };
    println!("{}", table::memory(&memory));
    let found = stored::count(&store).await;
    println!("{}", table::completeness(acknowledged * events as u64, before, &found));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is loaded, and with what.
pub(crate) struct Load {
    pub(crate) material: Arc<Material>,
    pub(crate) arguments: Arguments,
    reference: Option<Reference>,
    pub(crate) server: Server,
}

impl Load {
    /// Rounds in which the two take turns. The first warms both and does not count, but for what it stored.
    async fn rounds(&self, pace: Pace, kind: u64) -> Vec<Round> {
        let mut rounds = Vec::new();
        for number in 0..=u64::from(self.arguments.rounds) {
            eprintln!("round {number} of {}: {pace:?}", self.arguments.rounds);
            let reference = match &self.reference {
                Some(reference) => {
                    let meter = Meter::start(&[reference.id()]);
                    let outcome = self.drive(reference.public, pace, kind * 1_000 + number).await;
                    Some((outcome, meter.read()[0]))
                }
                None => None,
            };
            let meter = Meter::start(&[self.server.id(), self.server.engine_id()]);
            let load = Meter::start(&[std::process::id()]);
            let outcome = self.drive(self.server.public, pace, kind * 1_000 + 500 + number).await;
            let load = load.read()[0];
            self.server.drained().await;
            let used = meter.read();
            let round =
                Round { reference, outcome, collector: used[0], engine: used[1], load, warm: number > 0 };
            eprintln!("  {}", table::line(&round, self.material.events));
            rounds.push(round);
        }
        rounds
    }

    /// The load for one round.
    pub(crate) async fn drive(&self, to: std::net::SocketAddr, pace: Pace, seed: u64) -> Outcome {
        let time = Duration::from_secs(self.arguments.seconds);
        self.drive_for(to, pace, time, seed).await
    }

    /// The load for some time.
    pub(crate) async fn drive_for(
        &self,
        to: std::net::SocketAddr,
        pace: Pace,
        time: Duration,
        seed: u64,
    ) -> Outcome {
        drive(to, &self.material, usize::from(self.arguments.connections), pace, time, seed).await
    }
}
