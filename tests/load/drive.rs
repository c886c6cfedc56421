//! Sends batches over connections that stay open, and measures what comes back.
//!
//! In: visitors, pages, how many connections, and either as fast as answers come ([`Pace::Closed`]) or at a given rate
//! ([`Pace::Open`]). Out: what was acknowledged, and how long each answer took. Invariant: at a given rate a latency
//! counts from the moment at which the batch was due, so that a server that stalls cannot hide it by being asked less.

use crate::http::Connection;
use crate::page::Page;
use crate::visitor::Visitor;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How batches follow one another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// Each connection sends the next batch when the one before is answered.
    Closed,
    /// So many batches a second, over all connections, whatever the answers.
    Open(f64),
}

/// What a load is made of.
pub(crate) struct Material {
    pub(crate) visitors: Vec<Visitor>,
    pub(crate) pages: Vec<Page>,
    /// Events in each batch.
    pub(crate) events: usize,
}

/// What came of a load.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Batches that were acknowledged.
    pub(crate) acknowledged: u64,
    /// Batches that were answered otherwise, and the last such status.
    pub(crate) refused: u64,
    pub(crate) refusal: Option<u16>,
    /// Batches without an answer.
    pub(crate) unanswered: u64,
    /// Latencies of acknowledged batches, in microseconds, sorted.
    pub(crate) latencies_us: Vec<u32>,
    pub(crate) took: Duration,
}

impl Outcome {
    /// The latency that so many of a thousand batches do not exceed, in milliseconds.
    pub(crate) fn latency_ms(&self, per_mille: usize) -> f64 {
        let last = self.latencies_us.len().saturating_sub(1);
        let place = (self.latencies_us.len() * per_mille / 1_000).min(last);
        self.latencies_us.get(place).map_or(f64::NAN, |us| f64::from(*us) / 1e3)
    }

    /// Batches acknowledged in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.acknowledged as f64 / self.took.as_secs_f64()
    }

    pub(crate) fn add(&mut self, other: Outcome) {
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.refusal = other.refusal.or(self.refusal);
        self.unanswered += other.unanswered;
        self.latencies_us.extend(other.latencies_us);
    }
}

/// Loads a server for some time. `seed` must differ between loads, so that ids do.
pub(crate) async fn drive(
    server: SocketAddr,
    material: &Arc<Material>,
    connections: usize,
    pace: Pace,
    time: Duration,
    seed: u64,
) -> Outcome {
    let start = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|number| {
            let random = Random::new(seed.wrapping_mul(1_000_003).wrapping_add(number as u64));
            let turns = Turns { start, end: start + time, pace, number, connections };
            tokio::spawn(converse(server, Arc::clone(material), turns, random))
        })
        .collect();
    let mut sum = Outcome::default();
    for task in tasks {
        sum.add(task.await.expect("a connection's task does not panic"));
    }
    sum.took = start.elapsed();
    sum.latencies_us.sort_unstable();
    sum
}

/// When one of the connections sends.
struct Turns {
    start: Instant,
    end: Instant,
    pace: Pace,
    number: usize,
    connections: usize,
}

impl Turns {
    /// The moment at which the batch of that turn is due, unless the load is over.
    async fn wait(&self, turn: u64) -> Option<Instant> {
        let due = match self.pace {
            Pace::Closed => Instant::now(),
            Pace::Open(rate) => {
                let place = turn as f64 * self.connections as f64 + self.number as f64;
                self.start + Duration::from_secs_f64(place / rate)
            }
        };
        if due >= self.end {
            return None;
        }
        if due > Instant::now() {
            sleep_until(due).await;
        }
        Some(due)
    }
}

async fn converse(server: SocketAddr, material: Arc<Material>, turns: Turns, mut random: Random) -> Outcome {
    let mut found = Outcome::default();
    let mut connection = None;
    let mut request = Vec::with_capacity(8 * 1024);
    for turn in 0.. {
        let Some(due) = turns.wait(turn).await else { break };
        let visitor = &material.visitors[random.below(material.visitors.len() as u64) as usize];
        let page = &material.pages[random.below(material.pages.len() as u64) as usize];
        request.clear();
        request.extend_from_slice(&visitor.head);
        page.write(&mut request, &mut random);
        let mut open = match connection.take() {
            Some(open) => open,
            None => match Connection::open(server).await {
                Ok(open) => open,
                Err(_) => {
                    found.unanswered += 1;
                    sleep_until(Instant::now() + Duration::from_millis(10)).await;
                    continue;
                }
            },
        };
        match open.send(&request).await {
            Ok(202) => {
                found.acknowledged += 1;
                found.latencies_us.push(u32::try_from(due.elapsed().as_micros()).unwrap_or(u32::MAX));
                connection = Some(open);
            }
            Ok(status) => {
                found.refused += 1;
                found.refusal = Some(status);
                connection = Some(open);
            }
            Err(_) => found.unanswered += 1,
        }
    }
    found
}

/// A quick generator of numbers that look random (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(std::process::id().into()))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}
