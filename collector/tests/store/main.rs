//! The drain, the migrations and the erasure against the real engine, in a process of its own.
//!
//! One engine serves all the tests; each has a database, a spool and a list of withdrawn receipts to itself. The engine's
//! process is this executable, started with the arguments of `kruimel engine`.

#![allow(clippy::unwrap_used, reason = "clippy does not see that everything here is a test")]

mod artefacts;
mod aside;
mod between;
mod chains;
#[path = "../../../tests/day.rs"]
mod day;
mod decide;
mod drain;
mod ends;
mod erase;
mod first_format;
mod ledger;
mod listening;
mod migrate;
mod overtaken;
mod passed;
mod retries;
mod several;
mod stand;
mod verify;
mod versions;

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("engine") {
        return stand::be_the_engine();
    }
    let engine = stand::Engine::start();
    let trials = drain::TESTS.iter().chain(aside::TESTS).chain(erase::TESTS).chain(migrate::TESTS);
    let trials = trials
        .chain(ledger::TESTS)
        .chain(artefacts::TESTS)
        .chain(retries::TESTS)
        .chain(several::TESTS)
        .chain(decide::TESTS)
        .chain(versions::TESTS)
        .chain(chains::TESTS)
        .chain(verify::TESTS)
        .chain(ends::TESTS)
        .chain(overtaken::TESTS)
        .chain(passed::TESTS)
        .chain(first_format::TESTS)
        .chain(between::TESTS);
    let trials = trials.map(|(name, test)| Trial::test(*name, engine.trial(test))).collect();
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    engine.stop();
    conclusion.exit_code()
}
