//! What ordinary visitors notice of abuse beside them: `cargo xtask load -- --abuse`.
//!
//! In: a running server under an open load of ordinary visitors. Out: a Markdown table of their latencies undisturbed and
//! beside each kind of abuse, which take turns round by round, and what the abusers were answered. Invariant: a batch of an
//! ordinary visitor that is not acknowledged is a failure, whatever went on beside it.

use crate::Load;
use crate::abusers::{Abuse, Kind, Tally};
use crate::drive::{Outcome, Pace};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fmt::Write;
use std::time::Duration;

/// Events a second of ordinary visitors, where nothing else is asked for: about a thirtieth of what two cores take in
/// batches of ten.
const RATE: f64 = 5_000.0;

/// Latencies are told for each such part of a round: a flood begins otherwise than it goes on.
const PART_SECONDS: u64 = 5;

/// Open files that the load needs.
const OWN_FILES: u64 = 8_192;

/// What came of it.
pub(crate) struct Found {
    /// Batches that were acknowledged, the abusers' included.
    pub(crate) acknowledged: u64,
    /// Batches of ordinary visitors that were not.
    pub(crate) failed: u64,
}

/// One kind of abuse over all rounds.
struct Beside {
    kind: Kind,
    ordinary: Outcome,
    abusers: Tally,
}

/// Measures and prints.
pub(crate) async fn measure(load: &Load) -> Found {
    raise_limit();
    let (events, flooding) = (load.material.events as f64, usize::from(load.arguments.flooding));
    let rate = load.arguments.rate.unwrap_or(RATE) / events;
    let is_asked_for =
        |kind: &Kind| matches!(kind, Kind::Nothing) || kind.name(flooding).contains(&load.arguments.beside);
    let mut all: Vec<Beside> = Kind::ALL
        .into_iter()
        .filter(is_asked_for)
        .map(|kind| Beside { kind, ordinary: Outcome::default(), abusers: Tally::default() })
        .collect();
    let warmed = load.drive(load.server.public, Pace::Open(rate), 5_000).await;
    for round in 1..=u64::from(load.arguments.rounds) {
        for (place, beside) in all.iter_mut().enumerate() {
            let abuse = Abuse::begin(beside.kind, load.server.public, &load.material, flooding).await;
            eprint!("round {round}, {}: p99", beside.kind.name(flooding));
            for part in 0..load.arguments.seconds.div_ceil(PART_SECONDS) {
                let time =
                    Duration::from_secs(PART_SECONDS.min(load.arguments.seconds - part * PART_SECONDS));
                let seed = 5_000 + ((round * 10 + place as u64) << 32) + part;
                let outcome = load.drive_for(load.server.public, Pace::Open(rate), time, seed).await;
                eprint!(" {:.1}", outcome.latency_ms(990));
                beside.ordinary.add(outcome);
            }
            eprintln!(" ms");
            beside.abusers.add(abuse.end());
            load.server.drained().await;
        }
    }
    all.iter_mut().for_each(|beside| beside.ordinary.latencies_us.sort_unstable());
    println!("{}", table(&all, rate, load.material.events, flooding));
    let failed = all.iter().map(|beside| failures(&beside.ordinary)).sum();
    let acknowledged = |beside: &Beside| beside.ordinary.acknowledged + beside.abusers.acknowledged();
    let acknowledged = warmed.acknowledged + all.iter().map(acknowledged).sum::<u64>();
    Found { acknowledged, failed }
}

/// The other ends of all connections are here.
fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = limit.maximum.unwrap_or(OWN_FILES).min(OWN_FILES).max(limit.current.unwrap_or(OWN_FILES));
    setrlimit(Resource::Nofile, Rlimit { current: Some(raised), ..limit }).unwrap();
}

fn failures(ordinary: &Outcome) -> u64 {
    ordinary.refused + ordinary.unanswered
}

fn table(all: &[Beside], rate: f64, events: usize, flooding: usize) -> String {
    let mut out =
        format!("### Beside abuse: {rate:.0} batches of {events} a second of ordinary visitors\n\n");
    out += "| beside | batches | p50, ms | p99, ms | p99.9, ms | p99, ratio to undisturbed | failed | what the others got |\n\
            |---|--:|--:|--:|--:|--:|--:|---|\n";
    let undisturbed = all[0].ordinary.latency_ms(990);
    for Beside { kind, ordinary, abusers } in all {
        writeln!(
            out,
            "| {} | {} | {:.1} | {:.1} | {:.1} | **{:.2}** | {} | {} |",
            kind.name(flooding),
            ordinary.acknowledged,
            ordinary.latency_ms(500),
            ordinary.latency_ms(990),
            ordinary.latency_ms(999),
            ordinary.latency_ms(990) / undisturbed,
            failures(ordinary),
            abusers.tell()
        )
        .expect("a String takes what is written to it");
    }
    out
}
