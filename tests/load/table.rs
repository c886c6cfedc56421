//! The figures as Markdown: what each round cost, medians, and ratios of the two that took turns.

use crate::Arguments;
use crate::drive::Outcome;
use crate::stored::Found;
use std::fmt::Write;
use std::time::Duration;

/// One round of both.
pub(crate) struct Round {
    /// The handler that only parses: what came of the load, and the processor time it used.
    pub(crate) reference: Option<(Outcome, Duration)>,
    pub(crate) outcome: Outcome,
    /// Processor time until the spool was drained.
    pub(crate) collector: Duration,
    pub(crate) engine: Duration,
    /// Processor time of the load itself.
    pub(crate) load: Duration,
    /// Whether it counts.
    pub(crate) warm: bool,
}

impl Round {
    fn per_event_us(&self, time: Duration, events: usize) -> f64 {
        time.as_secs_f64() * 1e6 / (self.outcome.acknowledged * events as u64) as f64
    }

    fn reference_us(&self, events: usize) -> Option<f64> {
        let (outcome, time) = self.reference.as_ref()?;
        Some(time.as_secs_f64() * 1e6 / (outcome.acknowledged * events as u64) as f64)
    }
}

/// Memory of the collector, and the engine's beside it.
pub(crate) struct Memory {
    pub(crate) idle_mb: f64,
    pub(crate) after_mb: f64,
    pub(crate) peak_mb: f64,
    pub(crate) engine_mb: f64,
}

/// What catching up took.
pub(crate) struct Outage<'load> {
    pub(crate) backlog: u64,
    pub(crate) bytes: f64,
    pub(crate) filled_in: Duration,
    pub(crate) caught_up: Duration,
    pub(crate) collector: Duration,
    pub(crate) engine: Duration,
    pub(crate) full_mb: f64,
    pub(crate) live: &'load Outcome,
}

pub(crate) fn circumstances(arguments: &Arguments) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!(
        "{cores} cores shared with the load, machine's load average {load} at the start; batches of {}, {} connections, {} visitors, \
         {} rows stored before, {} rounds of {} s\n",
        arguments.batch,
        arguments.connections,
        arguments.visitors,
        arguments.rows,
        arguments.rounds,
        arguments.seconds
    )
}

/// One round on one line, for whoever watches.
pub(crate) fn line(round: &Round, events: usize) -> String {
    let own = round.per_event_us(round.collector, events);
    let reference = round.reference_us(events).unwrap_or(f64::NAN);
    format!(
        "{:.0} events/s, {own:.2} µs an event, handler {reference:.2}, engine {:.2}, load {:.2}; p99 {:.1} ms; refused {} ({:?}), unanswered {}",
        round.outcome.rate() * events as f64,
        round.per_event_us(round.engine, events),
        round.per_event_us(round.load, events),
        round.outcome.latency_ms(990),
        round.outcome.refused,
        round.outcome.refusal,
        round.outcome.unanswered
    )
}

/// Batches acknowledged by Kruimel in all rounds, those that do not count included.
pub(crate) fn acknowledged(rounds: &[Round]) -> u64 {
    rounds.iter().map(|round| round.outcome.acknowledged).sum()
}

/// Kruimel's median of batches acknowledged in a second.
pub(crate) fn rate(rounds: &[Round]) -> f64 {
    median(rounds, |round| Some(round.outcome.rate()))
}

pub(crate) fn saturation(rounds: &[Round], events: usize) -> String {
    let mut out = format!("### As fast as answers come, batches of {events}\n\n");
    out += "| median (least to greatest) | Kruimel | only parses |\n|---|--:|--:|\n";
    let per_event = events as f64;
    row(
        &mut out,
        "events/s",
        &spread(rounds, 0, |round| Some(round.outcome.rate() * per_event)),
        &spread(rounds, 0, |round| Some(round.reference.as_ref()?.0.rate() * per_event)),
    );
    costs(&mut out, rounds, events);
    latencies(&mut out, rounds);
    out
}

pub(crate) fn latency(rounds: &[Round], rate: f64, events: usize) -> String {
    let per_second = rate * events as f64;
    let mut out = format!("### At {per_second:.0} events/s, batches of {events}\n\n");
    out += "| median (least to greatest) | Kruimel | only parses |\n|---|--:|--:|\n";
    costs(&mut out, rounds, events);
    latencies(&mut out, rounds);
    let beyond =
        |round: &Round| Some(round.outcome.latency_ms(990) - round.reference.as_ref()?.0.latency_ms(990));
    row(&mut out, "p99 beyond the handler's, ms", &spread(rounds, 1, beyond), "");
    out
}

fn costs(out: &mut String, rounds: &[Round], events: usize) {
    let own = |round: &Round| Some(round.per_event_us(round.collector, events));
    let reference = |round: &Round| round.reference_us(events);
    row(
        out,
        "processor time an event, drain included, µs",
        &spread(rounds, 2, own),
        &spread(rounds, 2, reference),
    );
    let ratio =
        |round: &Round| Some(round.per_event_us(round.collector, events) / round.reference_us(events)?);
    row(out, "**ratio to the handler**", &format!("**{}**", spread(rounds, 2, ratio)), "1");
    let engine = |round: &Round| Some(round.per_event_us(round.engine, events));
    row(out, "of the engine, in its own process, µs", &spread(rounds, 2, engine), "");
    let load = |round: &Round| Some(round.per_event_us(round.load, events));
    row(out, "of the load itself, µs", &spread(rounds, 2, load), "");
}

fn latencies(out: &mut String, rounds: &[Round]) {
    for (name, per_mille) in [("p50, ms", 500), ("p99, ms", 990), ("p99.9, ms", 999)] {
        let own = |round: &Round| Some(round.outcome.latency_ms(per_mille));
        let reference = |round: &Round| Some(round.reference.as_ref()?.0.latency_ms(per_mille));
        row(out, name, &spread(rounds, 1, own), &spread(rounds, 1, reference));
    }
    let failed: u64 = rounds.iter().map(|round| round.outcome.refused + round.outcome.unanswered).sum();
    row(out, "batches refused or unanswered", &failed.to_string(), "");
}

pub(crate) fn memory(memory: &Memory) -> String {
    format!(
        "| memory, MB | |\n|---|--:|\n| collector, idle | {:.0} |\n| … at its peak | {:.0} |\n| … at the end | {:.0} |\n| engine, at its peak | {:.0} |\n",
        memory.idle_mb, memory.peak_mb, memory.after_mb, memory.engine_mb
    )
}

pub(crate) fn completeness(acknowledged: u64, before: u64, found: &Found) -> String {
    let lost = acknowledged.saturating_sub(found.distinct);
    format!(
        "{acknowledged} events acknowledged ({before} rows were there before); the store holds {} rows of {} different events: {lost} lost, {} doubled\n",
        found.rows,
        found.distinct,
        found.rows - found.distinct
    )
}

pub(crate) fn outage(outage: &Outage<'_>) -> String {
    let seconds = outage.caught_up.as_secs_f64();
    format!(
        "| after an outage | |\n|---|--:|\n| events that waited | {} |\n| their bytes in the spool | {:.0} MB |\n| taken in within | {:.1} s |\n\
         | **the store held them after** | **{seconds:.1} s** |\n| events a second into the store | {:.0} |\n\
         | processor time meanwhile, collector and engine | {:.1} s and {:.1} s |\n| memory of the collector when all waited | {:.0} MB |\n\
         | intake meanwhile, events/s refused | {} |\n| … p50, p99 | {:.1} ms, {:.1} ms |\n",
        outage.backlog,
        outage.bytes / 1e6,
        outage.filled_in.as_secs_f64(),
        outage.backlog as f64 / seconds,
        outage.collector.as_secs_f64(),
        outage.engine.as_secs_f64(),
        outage.full_mb,
        outage.live.refused + outage.live.unanswered,
        outage.live.latency_ms(500),
        outage.live.latency_ms(990)
    )
}

fn row(out: &mut String, name: &str, own: &str, reference: &str) {
    writeln!(out, "| {name} | {own} | {reference} |").expect("a String takes what is written to it");
}

fn values(rounds: &[Round], value: impl Fn(&Round) -> Option<f64>) -> Vec<f64> {
    let mut values: Vec<f64> = rounds.iter().filter(|round| round.warm).filter_map(value).collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(rounds: &[Round], value: impl Fn(&Round) -> Option<f64>) -> f64 {
    let values = values(rounds, value);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn spread(rounds: &[Round], digits: usize, value: impl Fn(&Round) -> Option<f64>) -> String {
    let values = values(rounds, value);
    match (values.first(), values.last(), values.get(values.len() / 2)) {
        (Some(least), Some(greatest), Some(median)) => {
            format!("{median:.digits$} ({least:.digits$} to {greatest:.digits$})")
        }
        _ => String::new(),
    }
}
