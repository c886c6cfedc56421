//! How long it takes to catch up: the engine is stopped while a backlog is taken in, and goes on while intake does.
//!
//! In: how long the store was away, in seconds. Out: the time from its return until the store holds everything that had
//! been acknowledged by then. Invariant: intake never pauses; the backlog is taken in faster than it would come in life,
//! which is the harder case for the spool and changes nothing for the drain.

use crate::drive::{Outcome, Pace};
use crate::server::Meter;
use crate::{Load, account, stored, table};
use clickhouse::Client;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Events a second, in life.
const RATE: f64 = 500.0;
/// Longest wait for the store to catch up.
const CATCH_UP_MAX: Duration = Duration::from_secs(1_800);
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Measures, prints, and returns how many batches were acknowledged.
pub(crate) async fn measure(load: &Load, seconds: u64, store: &Client, before: u64) -> u64 {
    let events = load.material.events as f64;
    let target = (RATE * seconds as f64 / events).ceil() as u64;
    let engine = load.server.engine_id();
    signal(engine, "STOP");
    let mut taken: Vec<Outcome> = Vec::new();
    let start = Instant::now();
    while sum(&taken) < target {
        let round = load.drive(load.server.public, Pace::Closed, 3_000 + taken.len() as u64).await;
        assert!(round.acknowledged > 0, "nothing is taken any more; status {:?}", round.refusal);
        taken.push(round);
        eprintln!("{} of {target} batches wait", sum(&taken));
    }
    let filled_in = start.elapsed();
    let backlog = sum(&taken);
    let full_mb = account::memory_mb(load.server.id());
    let bytes = load.server.metric("kruimel_spool_bytes").await.unwrap_or(f64::NAN);
    // The same engine, unless it was taken for dead and replaced.
    signal(engine, "CONT");
    let meter = Meter::start(&[load.server.id(), load.server.engine_id()]);
    let returned = Instant::now();
    let all_there = before + backlog * load.material.events as u64;
    let done = Arc::new(AtomicBool::new(false));
    let (live, caught_up) = tokio::join!(intake(load, &done), catch_up(store, all_there, returned, &done));
    let used = meter.read();
    load.server.drained().await;
    println!(
        "{}",
        table::outage(&table::Outage {
            backlog: backlog * load.material.events as u64,
            bytes,
            filled_in,
            caught_up,
            collector: used[0],
            engine: used[1],
            full_mb,
            live: &live,
        })
    );
    backlog + live.acknowledged
}

fn sum(outcomes: &[Outcome]) -> u64 {
    outcomes.iter().map(|outcome| outcome.acknowledged).sum()
}

/// Intake as in life, until the store has caught up.
async fn intake(load: &Load, done: &AtomicBool) -> Outcome {
    let pace = Pace::Open(RATE / load.material.events as f64);
    let mut all = Outcome::default();
    let mut seed = 4_000;
    while !done.load(Ordering::Relaxed) {
        all.add(load.drive_for(load.server.public, pace, Duration::from_secs(1), seed).await);
        seed += 1;
    }
    all.latencies_us.sort_unstable();
    all
}

async fn catch_up(store: &Client, rows: u64, since: Instant, done: &AtomicBool) -> Duration {
    loop {
        let held = stored::rows(store).await.unwrap_or(0);
        if held >= rows {
            done.store(true, Ordering::Relaxed);
            return since.elapsed();
        }
        assert!(since.elapsed() < CATCH_UP_MAX, "the store holds {held} rows of {rows}");
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

fn signal(process: u32, name: &str) {
    let done = Command::new("kill").args([format!("-{name}"), process.to_string()]).status().unwrap();
    assert!(done.success(), "kill -{name} {process}");
}
