//! What the banner costs a page: `cargo xtask bench banner`.
//!
//! In: the number of rounds. Out: Markdown tables of medians, for `docs/benchmarks.md`. The demo's page is loaded in
//! Chromium without Kruimel, by a visitor who is asked, and by visitors who refused or allowed before; on a throttled
//! network and processor, and on neither. Invariant: every load starts without cache and with the cookies of its visitor
//! alone, and the kinds of load take turns, so that a machine that grows busy or warm is so for all of them.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "as in the tests beside it"
)]

#[allow(dead_code, reason = "shared with the tests")]
#[path = "../browser.rs"]
mod browser;
#[path = "../day.rs"]
mod day;
mod delivery;
mod figures;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../http.rs"]
mod http;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../stack.rs"]
mod stack;
mod table;
mod visit;

use browser::Browser;
use clap::Parser;
use figures::Figures;
use stack::Stack;
use visit::{Kind, Speed, Visits};

/// Loads the demo's page with and without the banner and prints what it costs.
#[derive(Parser)]
struct Arguments {
    /// How often each kind of load is measured at each speed.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let stack = Stack::start();
    let browser = Browser::start(&[]);
    let visits = Visits::prepare(&browser, &stack);
    let mut found: Vec<(Speed, Kind, Figures)> = Vec::new();
    // The first round warms the machine and does not count.
    for round in 0..=usize::from(arguments.rounds) {
        eprintln!("round {round} of {}", arguments.rounds);
        for speed in Speed::ALL {
            for turn in 0..Kind::ALL.len() {
                let kind = Kind::ALL[(round + turn) % Kind::ALL.len()];
                let figures = visits.measure(speed, kind);
                if round > 0 {
                    found.push((speed, kind, figures));
                }
            }
        }
    }
    println!("{}", table::circumstances(&browser, arguments.rounds));
    for speed in Speed::ALL {
        println!("{}", table::costs(speed, &found));
    }
    println!("{}", delivery::compare(&browser, arguments.rounds));
    browser.close();
}
